//! Ten thousand damaged files: each is an error that says what is wrong, or a data set. None is a
//! panic, and none takes memory out of proportion.

use gpu_train::error::Error;
use image::{DynamicImage, ImageFormat};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::ALLOCATED;
use crate::cases::{self, Case};
use crate::writers::encoded;

/// Files that are tried, unless `GPU_TRAIN_CASES` says how many.
const FILES: usize = 10_000;
const MEBIBYTE: usize = 1 << 20;
/// What may be allocated at any time while files below 1 MiB are read.
const MOST_BYTES: usize = 200 * MEBIBYTE;
/// Where headers lie.
const HEADER_BYTES: usize = 200;
/// Values that sizes are overwritten with.
const EXTREMES: [u64; 9] = [
    0,
    1,
    0x7fff,
    0xffff,
    0x0200_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0xe8_d4a5_1000,
    u64::MAX,
];

/// First that the counter sees an allocation above the limit, then the damage.
#[test]
fn ten_thousand_damaged_files_give_errors_or_data_and_little_memory() {
    let _alone = crate::alone();
    ALLOCATED.reset_peak_usage();
    drop(Vec::<u8>::with_capacity(MOST_BYTES + 1));
    assert!(ALLOCATED.peak_usage() > MOST_BYTES, "the counter counts");
    ALLOCATED.reset_peak_usage();

    let cases = cases::all();
    let asked = std::env::var("GPU_TRAIN_CASES").ok();
    let all = asked.map_or(FILES, |it| it.parse().expect("a number"));
    let mut errors = 0;
    for (index, case) in cases.iter().enumerate() {
        let files = all.div_ceil(cases.len());
        errors += damage_case(case, files, index as u64);
    }
    let peak = ALLOCATED.peak_usage();
    println!(
        "{errors} errors, peak {:.1} MiB",
        peak as f64 / MEBIBYTE as f64
    );
    assert!(
        peak < MOST_BYTES,
        "{} MiB were allocated at once",
        peak / MEBIBYTE
    );
    assert!(
        errors > all / 3,
        "{errors} errors: is anything damaged at all?"
    );
}

/// Three gigabytes that nobody stored, in every format whose files are opened by their size.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
#[test]
fn a_file_that_is_a_hole_is_refused_before_it_is_read() {
    let _alone = crate::alone();
    ALLOCATED.reset_peak_usage();
    for case in [
        cases::cifar10(),
        cases::idxs().swap_remove(0),
        cases::mats().swap_remove(0),
        cases::npzs().swap_remove(0),
    ] {
        let place = case.write();
        place.stretch(3073 * 1_048_000);
        let start = std::time::Instant::now();
        let error = place.load().expect_err("is a hole").to_string();
        assert!(
            error.contains("the rest is a hole"),
            "{}: {error}",
            case.name
        );
        let seconds = start.elapsed().as_secs_f64();
        assert!(seconds < 1.0, "{}: {seconds} s", case.name);
    }
    let peak = ALLOCATED.peak_usage();
    assert!(peak < MOST_BYTES, "{} MiB", peak / MEBIBYTE);
}

/// Small files of the largest pictures that are read: 16 MiB of pixels each.
#[test]
fn the_largest_pictures_take_little_memory() {
    let _alone = crate::alone();
    let picture = DynamicImage::new_rgb8(2364, 2364);
    for (name, format) in [
        ("train/1/a.png", ImageFormat::Png),
        ("train/1/a.jpg", ImageFormat::Jpeg),
        ("train/1/a.webp", ImageFormat::WebP),
    ] {
        let bytes = encoded(&picture, format);
        assert!(bytes.len() < MEBIBYTE, "{name}: {} bytes", bytes.len());
        let place = cases::picture(name, name, "test/1/a.png", bytes).write();
        ALLOCATED.reset_peak_usage();
        let split = place
            .load()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let peak = ALLOCATED.peak_usage();
        println!("{name}: peak {:.1} MiB", peak as f64 / MEBIBYTE as f64);
        assert_eq!(split.train.images().len(), 3 * 2364 * 2364);
        assert!(peak < MOST_BYTES, "{name}: {} MiB", peak / MEBIBYTE);
    }
}

/// Reads the case with its first file damaged in `files` ways; gives the number of errors.
fn damage_case(case: &Case, files: usize, seed: u64) -> usize {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let place = case.write();
    place
        .load()
        .unwrap_or_else(|error| panic!("{}, whole: {error}", case.name));
    let mut errors = 0;
    for round in 0..files {
        let mut bytes = case.files[0].1.clone();
        damage(&mut bytes, &mut random);
        place.replace(&bytes);
        match place.load() {
            Ok(split) => {
                for set in [&split.train, &split.test] {
                    assert_eq!(set.images().len(), set.len() * set.shape().elements());
                    assert!(set.targets().iter().all(|target| target.is_finite()));
                }
            }
            Err(error) => {
                assert!(!error.hint().is_empty(), "{}, {round}: {error}", case.name);
                let is_named = matches!(error, Error::File { .. } | Error::Usage { .. });
                assert!(is_named, "{}, {round}: {error:?}", case.name);
                errors += 1;
            }
        }
    }
    errors
}

/// One to three changes, most of them in the header.
fn damage(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    for _ in 0..=random.next_u32() % 3 {
        let within = if random.next_u32().is_multiple_of(4) {
            bytes.len()
        } else {
            bytes.len().min(HEADER_BYTES)
        };
        let at = below(within, random);
        let end = bytes.len().min(at + 1 + below(16, random));
        match random.next_u32() % 8 {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << (random.next_u32() % 8),
            1 if !bytes.is_empty() => bytes[at] = random.next_u32() as u8,
            2 | 3 => write_extreme(bytes, at, random),
            4 => bytes.truncate(at),
            5 => bytes.insert(at, random.next_u32() as u8),
            6 => {
                let block = bytes[at..end].to_vec();
                bytes.splice(at..at, block);
            }
            _ => drop(bytes.drain(at..end)),
        }
    }
}

/// Overwrites 1, 2, 4 or 8 bytes, in either order, or digits with other digits.
fn write_extreme(bytes: &mut [u8], at: usize, random: &mut ChaCha8Rng) {
    let value = EXTREMES[below(EXTREMES.len(), random)];
    let size = 1 << (random.next_u32() % 4);
    let new = match random.next_u32() % 3 {
        0 => value.to_le_bytes()[..size].to_vec(),
        1 => value.to_be_bytes()[8 - size..].to_vec(),
        _ => value.to_string().into_bytes(),
    };
    for (byte, new) in bytes[at..].iter_mut().zip(new) {
        *byte = new;
    }
}

fn below(end: usize, random: &mut ChaCha8Rng) -> usize {
    random.next_u32() as usize % end.max(1)
}
