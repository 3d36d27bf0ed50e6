//! How fast a folder of small photos is read, beside plain loops over the same decoders on as many threads:
//! `cargo bench --bench pictures`, or with `-- PICTURES ROUNDS`.
//!
//! All are measured in turns, and medians compared: other programs slow all of them down alike.

#![allow(missing_docs, reason = "a benchmark has no public interface")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gpu_train::data::image_folder::read_picture;
use gpu_train::data::{DataSource, ImageSize, Loading, Preprocessing};
use image::{Rgb, RgbImage};

const PICTURES: usize = 10_000;
const ROUNDS: usize = 5;
const SIZE: ImageSize = ImageSize {
    height: 64,
    width: 64,
};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|it| it.parse().ok());
    let pictures = numbers.next().unwrap_or(PICTURES);
    let rounds = numbers.next().unwrap_or(ROUNDS);
    for size in [None, Some(SIZE)] {
        measure(pictures, rounds, size);
    }
}

/// Reads photos of sizes of their own as `size`, or such of the net's size as they are.
fn measure(pictures: usize, rounds: usize, size: Option<ImageSize>) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let paths = photos(place.path(), pictures, size.is_some());
    let bytes: u64 = paths
        .iter()
        .map(|it| fs::metadata(it).expect("is there").len())
        .sum();
    let threads = rayon::current_num_threads();
    let each = bytes / pictures as u64;
    let what = size.map_or(format!("of {SIZE}, as they are"), |it| {
        format!("of sizes of their own, to {it}")
    });
    println!(
        "{pictures} JPEG files {what}, {each} bytes on average, {threads} threads, medians of {rounds} rounds"
    );
    let preprocessing = Preprocessing {
        size,
        ..Preprocessing::default()
    };
    let cache = place.path().join("cache");
    let load = |cached: bool| {
        let loading = Loading {
            preprocessing,
            test_fraction: 0.1,
            cache: cached.then(|| cache.clone()),
            ..Loading::default()
        };
        let source = DataSource::Path(place.path().join("photos"));
        let split = source.load_with(&loading).expect("whole");
        assert_eq!(split.train.len() + split.test.len(), pictures);
    };
    let decode = |path: &Path| drop(image::open(path).expect("whole").into_rgb8());
    let read = |path: &Path| drop(read_picture(path, &preprocessing).expect("whole"));
    let mut seconds = [const { Vec::new() }; 5];
    for _ in 0..rounds {
        let _ = fs::remove_dir_all(&cache);
        let measured = [
            timed(|| plain_loop(&paths, threads, decode)),
            timed(|| plain_loop(&paths, threads, read)),
            timed(|| load(false)),
            timed(|| load(true)),
            timed(|| load(true)),
        ];
        seconds
            .iter_mut()
            .zip(measured)
            .for_each(|(all, it)| all.push(it));
    }
    let medians = seconds.map(median);
    for (name, seconds) in [
        "plain loop, the crate image decodes",
        "plain loop, `read_picture`",
        "folder, no cache",
        "folder, kept in the cache",
        "folder, from the cache",
    ]
    .into_iter()
    .zip(medians)
    {
        let speed = pictures as f64 / seconds;
        let [decoded, read] = [medians[0], medians[1]].map(|it| it / seconds);
        println!(
            "{name:<46} {seconds:>7.2} s {speed:>8.0} pictures/s  {decoded:>5.2} of decoding alone  {read:>5.2} of \
             `read_picture`"
        );
    }
}

/// `count` photos of the net's size, or of `about` 200x150 pixels, in two classes.
fn photos(place: &Path, count: usize, about: bool) -> Vec<PathBuf> {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        (state >> 24) as u8
    };
    let mut paths = Vec::new();
    for number in 0..count {
        let folder = place.join("photos").join(["cat", "dog"][number % 2]);
        fs::create_dir_all(&folder).expect("makes the folder");
        let at = number as u32;
        let (width, height) = if about {
            (160 + at % 80, 120 + at % 60)
        } else {
            (SIZE.width as u32, SIZE.height as u32)
        };
        let photo = RgbImage::from_fn(width, height, |x, y| {
            let wave = |scale: u32| ((x * scale + at) / 16 % 8 * 20 + y * 60 / height) as u8;
            Rgb([wave(1), wave(2), wave(3)].map(|it| it.saturating_add(noise() % 24)))
        });
        let path = folder.join(format!("{number:05}.jpg"));
        photo.save(&path).expect("writes");
        paths.push(path);
    }
    paths
}

fn plain_loop(paths: &[PathBuf], threads: usize, work: impl Fn(&Path) + Sync) {
    let work = &work;
    std::thread::scope(|scope| {
        for part in paths.chunks(paths.len().div_ceil(threads)) {
            scope.spawn(move || part.iter().for_each(|path| work(path)));
        }
    });
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
