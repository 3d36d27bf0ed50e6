//! What is said about folders of images that are wrong.

use image::ImageFormat;

use crate::cases::{self, Named};
use crate::refusals::{Files, refuses};
use crate::writers::{encoded, grey};

#[test]
fn wrong_folders_of_images() {
    let png = |width, height| encoded(&grey(width, height), ImageFormat::Png);
    let wrong = |train: Files, words: &[&str]| {
        let test = ("test/1/a.png", png(6, 5));
        refuses(Named::Data(""), [train, vec![test]].concat(), words);
    };
    let one = |name, bytes: &[u8], words: &[&str]| wrong(vec![(name, bytes.to_vec())], words);
    one(
        "train/.hidden",
        b"",
        &["train: holds no image", "labels.csv"],
    );
    one("train/1/notes.txt", b"", &["train: holds no image"]);
    one(
        "train/1/deeper/a.png",
        b"",
        &["deeper/a.png: is not an image of a known format"],
    );
    one(
        "train/a.png",
        b"",
        &["a.png: lies beside the classes, and there is no labels.csv"],
    );
    one("train/1/a.png", b"", &["is not an image of a known format"]);
    one(
        "train/1/a.png",
        b"\x89PNG\r\n\x1a\n and so on",
        &["a.png: cannot be read"],
    );
    one(
        "train/1/a.png",
        &png(6, 5)[..60],
        &["a.png: cannot be read"],
    );
    let other = png(7, 5);
    one(
        "train/1/b.png",
        &other,
        &[
            "a.png: has 6x5 pixels, but",
            "b.png has 7x5",
            "`image_size` 8x8 (rows x columns) resizes all of them",
            "mogrify -path scaled -resize '8x8!' *.png",
        ],
    );
    one(
        "train/cat/a.png",
        &png(6, 5),
        &["test: lacks the class cat of", "the same names"],
    );
    let table = vec![
        ("train/labels.csv", b"file,target\na.png,1\n".to_vec()),
        ("train/a.png", png(6, 5)),
    ];
    let mut classes = table.clone();
    classes.push(("test/cat/a.png", png(6, 5)));
    wrong(classes, &["test: has classes with names, where labels.csv"]);

    let huge = b"P5 1000000 1000000 255\n".to_vec();
    one("train/1/a.pgm", &huge, &["a.pgm: cannot be read", "limit"]);
    let large = b"P6 16000 16000 255\n".to_vec();
    one(
        "train/1/a.ppm",
        &large,
        &[
            "claims 16000x16000 pixels of 768000000 bytes",
            "write copies of one size",
        ],
    );
    one(
        "train/1/a.webp",
        &cases::made("animated.webp"),
        &["a.webp: is animated", "as PNG"],
    );
    // The frame of an extended WebP file claims more than its canvas has.
    let mut webp = cases::made("alpha_lossy.webp");
    let start = webp
        .windows(3)
        .position(|it| it == [0x9d, 1, 0x2a])
        .expect("a frame");
    webp[start + 3..start + 7].fill(0xff);
    one(
        "train/1/a.webp",
        &webp,
        &["a frame of (16383, 16383) pixels on a canvas of (20, 24)"],
    );
}

#[test]
fn wrong_tables_of_labels() {
    let png = encoded(&grey(6, 5), ImageFormat::Png);
    let labels = |csv: &str, words: &[&str]| {
        let train = vec![
            ("train/labels.csv", csv.as_bytes().to_vec()),
            ("train/a.png", png.clone()),
            ("test/1/a.png", png.clone()),
        ];
        refuses(Named::Data(""), train, words);
    };
    labels("", &["line 1: has the columns ``, not `file,target`"]);
    labels("name,label\na.png,1\n", &["has the columns `name,label`"]);
    labels("file,target\n", &["holds no image"]);
    labels(
        "file,target\na.png,1,2\n",
        &["labels.csv: line 2: has 3 of 2 columns"],
    );
    labels(
        "file,target\na.png,1\na.png\n",
        &["labels.csv: line 3: has 1 of 2 columns"],
    );
    labels(
        "file,target\na.png,cat\n",
        &["line 2: the target `cat` is not a finite number"],
    );
    labels(
        "file,target\na.png,1e40\n",
        &["the target `1e40` is not a finite number"],
    );
    labels(
        "file,target\na.png,1\nb.png,1\n",
        &[
            "labels.csv: line 3: b.png: no such file",
            "paths start at the folder",
            "train",
        ],
    );
    labels(
        "file,target\nlabels.csv,1\n",
        &[
            "labels.csv: line 2: labels.csv: is not an image, going by its name",
            "move anything else",
        ],
    );
    labels(
        "file,target\n../test/1/a.png,1\n",
        &["`../test/1/a.png` leads out of the folder"],
    );
    labels(
        "file,target\n/a.png,1\n",
        &["`/a.png` leads out", "stay within it"],
    );
}

/// Links may lead to any file of the user's, in a table as in folders of classes; but not to devices.
#[cfg(unix)]
#[test]
fn links_are_followed_to_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    for name in ["train", "test/1", "train/inside"] {
        std::fs::create_dir_all(path(name)).expect("makes it");
    }
    let png = encoded(&grey(6, 5), ImageFormat::Png);
    std::fs::write(path("test/1/a.png"), &png).expect("writes");
    std::fs::write(path("train/inside/a.png"), &png).expect("writes");
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, path(name)).expect("links");
    link("../test/1/a.png", "train/out.png");
    link("../test", "train/out");
    link("inside/a.png", "train/in.png");
    link("/dev/zero", "train/zero.png");
    link("../../train/out.png", "test/1/b.png");
    let load = |file: &str| {
        std::fs::write(path("train/labels.csv"), format!("file,target\n{file},1\n"))
            .expect("writes");
        let source = gpu_train::data::DataSource::Path(folder.path().to_path_buf());
        source
            .load(0)
            .map(|split| (split.train.len(), split.test.len()))
            .map_err(|error| error.to_string())
    };
    for file in ["in.png", "out.png", "out/1/a.png"] {
        assert_eq!(load(file), Ok((1, 2)), "{file}");
    }
    let error = load("zero.png").expect_err("never ends");
    assert!(error.contains("is not a regular file"), "{error}");
}
