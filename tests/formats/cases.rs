//! Whole data sets of every format, as files.

use std::fs;
use std::path::{Path, PathBuf};

use gpu_train::data::image_folder::read_picture;
use gpu_train::data::{DataSource, Fit, Preprocessing, Split};
use gpu_train::error::Result;
use gpu_train::shape::ImageShape;
use image::{DynamicImage, ImageFormat};
use tempfile::TempDir;
use zip::CompressionMethod;

use crate::writers::{
    LABELS, cifar, colour, compressed_mat, encoded, grey, gz, idx, npy, npz, pixels,
};

/// What the user writes to name the data.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// `--data` of this file or, where empty, the folder of all.
    Data(&'static str),
    /// `--train` and `--test`.
    Files(&'static str, &'static str),
}

/// A data set: its files, of which `damaged` changes the first.
pub struct Case {
    pub name: &'static str,
    pub named: Named,
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// What is done to the bytes of the first file before they are written.
    pub packed: fn(&[u8]) -> Vec<u8>,
}

/// The files of a case, in a folder of their own.
pub struct Place {
    _folder: TempDir,
    source: DataSource,
    first: PathBuf,
    packed: fn(&[u8]) -> Vec<u8>,
}

impl Case {
    pub fn write(&self) -> Place {
        let folder = TempDir::new().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        for (name, bytes) in &self.files {
            let path = path(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("makes the folder");
            fs::write(path, bytes).expect("writes");
        }
        let source = match self.named {
            Named::Data(name) => DataSource::Path(path(name)),
            Named::Files(train, test) => DataSource::Files {
                train: path(train),
                test: path(test),
            },
        };
        let place = Place {
            source,
            first: path(self.files[0].0),
            packed: self.packed,
            _folder: folder,
        };
        place.replace(&self.files[0].1);
        place
    }

    pub fn load(&self) -> Result<Split> {
        self.write().load()
    }
}

impl Place {
    /// Writes other bytes into the first file.
    pub fn replace(&self, bytes: &[u8]) {
        fs::write(&self.first, (self.packed)(bytes)).expect("writes");
    }

    /// Makes the first file `bytes` long, with a hole behind what it stores.
    pub fn stretch(&self, bytes: u64) {
        let file = fs::OpenOptions::new().write(true).open(&self.first);
        file.and_then(|it| it.set_len(bytes)).expect("stretches");
    }

    pub fn load(&self) -> Result<Split> {
        self.source.load(0)
    }

    /// How the command line names it.
    pub fn arguments(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("text").to_owned();
        match &self.source {
            DataSource::Files { train, test } => {
                vec!["--train".into(), text(train), "--test".into(), text(test)]
            }
            source => vec!["--data".into(), source.to_string()],
        }
    }
}

/// The planes of the picture `path` as a net for images of `shape` reads it.
pub fn read_exact(path: &Path, shape: ImageShape) -> Result<Vec<u8>> {
    read_picture(path, &Preprocessing::exact(shape, Fit::Stretch))
}

pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

pub fn all() -> Vec<Case> {
    [mats(), idxs(), npzs(), vec![cifar10()], pictures()]
        .into_iter()
        .flatten()
        .collect()
}

/// A file of this name that `SciPy`, `NumPy` or Pillow wrote (`files/make_files.py`).
pub fn made(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/files");
    fs::read(folder.join(name)).expect("it is committed")
}

pub fn mats() -> Vec<Case> {
    let case = |name, file: &str, packed| Case {
        name,
        named: Named::Data(""),
        files: vec![
            ("train_32x32.mat", made(file)),
            ("test_32x32.mat", made("plain.mat")),
        ],
        packed,
    };
    vec![
        case("mat, plain", "plain.mat", unpacked),
        case("mat, compressed", "compressed.mat", unpacked),
        case(
            "mat, compressed after the damage",
            "plain.mat",
            compressed_mat,
        ),
    ]
}

pub fn idxs() -> Vec<Case> {
    let images = idx(8, &[3, 5, 4], &pixels(60));
    let labels = idx(8, &[3], &LABELS);
    let case = |name, changed: usize, packed| {
        let mut files = vec![
            ("train-images-idx3-ubyte", images.clone()),
            ("train-labels-idx1-ubyte", labels.clone()),
            ("t10k-images-idx3-ubyte.gz", gz(&images)),
            ("t10k-labels-idx1-ubyte.gz", gz(&labels)),
        ];
        files.swap(0, changed);
        Case {
            name,
            named: Named::Data(""),
            files,
            packed,
        }
    };
    vec![
        case("idx, images", 0, unpacked),
        case("idx, labels", 1, unpacked),
        case("idx, gzipped", 2, unpacked),
        // What is gzipped is known by its content.
        case("idx, gzipped after the damage", 0, gz),
        case("idx, labels gzipped after the damage", 1, gz),
    ]
}

pub fn npzs() -> Vec<Case> {
    let one = |name, file: &str| Case {
        name,
        named: Named::Data("set.npz"),
        files: vec![("set.npz", made(file))],
        packed: unpacked,
    };
    let two = |name, bytes, packed| Case {
        name,
        named: Named::Files("train.npz", "test.npz"),
        files: vec![("train.npz", bytes), ("test.npz", made("fortran.npz"))],
        packed,
    };
    vec![
        one("npz, stored", "stored.npz"),
        one("npz, deflated", "deflated.npz"),
        two("npz, fortran", made("fortran.npz"), unpacked),
        two(
            "npz, images zipped after the damage",
            npy("|u1", false, "3, 3, 4, 5", &pixels(180)),
            |x| {
                npz(
                    &[("x", x.to_vec()), ("y", npy("|u1", false, "3,", &LABELS))],
                    CompressionMethod::Deflated,
                )
            },
        ),
        two(
            "npz, labels zipped after the damage",
            npy("|u1", false, "3,", &LABELS),
            |y| {
                let x = npy("|u1", false, "3, 3, 4, 5", &pixels(180));
                npz(&[("x", x), ("y", y.to_vec())], CompressionMethod::Stored)
            },
        ),
    ]
}

pub fn cifar10() -> Case {
    Case {
        name: "cifar10",
        named: Named::Data(""),
        files: vec![
            ("data_batch_1.bin", cifar(&[6, 9])),
            ("data_batch_3.bin", cifar(&[1])),
            ("test_batch.bin", cifar(&[0])),
        ],
        packed: unpacked,
    }
}

/// A folder whose training image is `bytes`, and the test image as well.
pub fn picture(
    name: &'static str,
    train: &'static str,
    test: &'static str,
    bytes: Vec<u8>,
) -> Case {
    Case {
        name,
        named: Named::Data(""),
        files: vec![(train, bytes.clone()), (test, bytes)],
        packed: unpacked,
    }
}

pub fn pictures() -> Vec<Case> {
    let deep = DynamicImage::from(colour(6, 5).into_rgba16());
    let png = |image: &DynamicImage| encoded(image, ImageFormat::Png);
    let mut csv = picture(
        "labels.csv",
        "train/labels.csv",
        "test/4/a.png",
        png(&grey(6, 5)),
    );
    let image = csv.files[1].1.clone();
    csv.files[0].1 = b"file,target\na.png,-1.5\nb/c.png,2e3\n".to_vec();
    csv.files
        .extend([("train/a.png", image.clone()), ("train/b/c.png", image)]);
    vec![
        csv,
        picture(
            "png, grey",
            "train/4/a.png",
            "test/4/a.png",
            png(&grey(6, 5)),
        ),
        picture(
            "png, 16 bits, alpha",
            "train/4/a.png",
            "test/4/a.png",
            png(&deep),
        ),
        picture(
            "png, palette",
            "train/4/a.png",
            "test/4/a.png",
            made("palette.png"),
        ),
        picture(
            "jpeg",
            "train/4/a.jpg",
            "test/4/a.jpeg",
            encoded(&colour(20, 24), ImageFormat::Jpeg),
        ),
        picture(
            "jpeg, progressive",
            "train/4/a.jpg",
            "test/4/a.jpg",
            made("progressive.jpg"),
        ),
        picture(
            "bmp",
            "train/4/a.bmp",
            "test/4/a.BMP",
            encoded(&colour(6, 5), ImageFormat::Bmp),
        ),
        picture("tiff", "train/4/a.tif", "test/4/a.tiff", made("lzw.tif")),
        picture("gif", "train/4/a.gif", "test/4/a.gif", made("palette.gif")),
        picture(
            "webp, lossless",
            "train/4/a.webp",
            "test/4/a.webp",
            encoded(&colour(6, 5), ImageFormat::WebP),
        ),
        picture(
            "webp, lossy",
            "train/4/a.webp",
            "test/4/a.webp",
            made("lossy.webp"),
        ),
        picture(
            "webp, lossy, alpha",
            "train/4/a.webp",
            "test/4/a.webp",
            made("alpha_lossy.webp"),
        ),
        picture(
            "pgm",
            "train/4/a.pgm",
            "test/4/a.pgm",
            encoded(&grey(6, 5), ImageFormat::Pnm),
        ),
        picture(
            "ppm, text",
            "train/4/a.ppm",
            "test/4/a.ppm",
            b"P3 2 1 9\n1 2 3  4 9 6\n".to_vec(),
        ),
    ]
}
