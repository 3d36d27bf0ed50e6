//! The data sets that can be fetched: one line per file.

use super::{Member, RemoteFile, RemoteSet};

/// Every set, in the order in which they are listed to the user.
pub const SETS: &[RemoteSet] = &[
    SVHN,
    MNIST,
    CIFAR10,
    CIFAR100,
    FASHION_MNIST,
    KMNIST,
    EMNIST_DIGITS,
    EMNIST_LETTERS,
    EMNIST_BALANCED,
];

/// The set of that name, where there is one.
pub fn find(name: &str) -> Option<&'static RemoteSet> {
    SETS.iter().find(|set| set.name == name)
}

const fn plain(name: &'static str, bytes: u64, sha256: &'static str) -> RemoteFile {
    RemoteFile {
        name,
        bytes,
        sha256,
        members: &[],
    }
}

/// Street View House Numbers, format 2. The server speaks no HTTPS; the checksums are what counts.
const SVHN: RemoteSet = RemoteSet {
    name: "svhn",
    terms: "for non-commercial use only; cite Netzer et al. 2011",
    sources: &["http://ufldl.stanford.edu/housenumbers"],
    files: &[
        plain(
            "train_32x32.mat",
            182_040_794,
            "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
        ),
        plain(
            "test_32x32.mat",
            64_275_384,
            "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
        ),
    ],
};

/// Handwritten digits. The set's own site no longer serves them; these two copies are those of
/// PyTorch and of TensorFlow.
const MNIST: RemoteSet = RemoteSet {
    name: "mnist",
    terms: "free to use under CC BY-SA 3.0; cite LeCun, Cortes and Burges",
    sources: &[
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
    ],
    files: &[
        plain(
            "train-images-idx3-ubyte.gz",
            9_912_422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        plain(
            "train-labels-idx1-ubyte.gz",
            28_881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        plain(
            "t10k-images-idx3-ubyte.gz",
            1_648_877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        plain(
            "t10k-labels-idx1-ubyte.gz",
            4_542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ],
};

/// Pictures of clothes, made in the likeness of MNIST. The server speaks no HTTPS. Sizes and checksums are
/// those that TensorFlow Datasets publishes (`url_checksums/fashion_mnist.txt`).
const FASHION_MNIST: RemoteSet = RemoteSet {
    name: "fashion-mnist",
    terms: "free to use under the MIT licence; cite Xiao, Rasul and Vollgraf 2017",
    sources: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"],
    files: &[
        plain(
            "train-images-idx3-ubyte.gz",
            26_421_880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        plain(
            "train-labels-idx1-ubyte.gz",
            29_515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        plain(
            "t10k-images-idx3-ubyte.gz",
            4_422_102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        plain(
            "t10k-labels-idx1-ubyte.gz",
            5_148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ],
};

/// Handwritten Japanese characters, made in the likeness of MNIST. The server speaks no HTTPS. Sizes and
/// checksums are those that TensorFlow Datasets publishes (`url_checksums/kmnist.txt`).
const KMNIST: RemoteSet = RemoteSet {
    name: "kmnist",
    terms: "free to use under CC BY-SA 4.0; cite Clanuwat et al. 2018",
    sources: &["http://codh.rois.ac.jp/kmnist/dataset/kmnist"],
    files: &[
        plain(
            "train-images-idx3-ubyte.gz",
            18_165_135,
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        ),
        plain(
            "train-labels-idx1-ubyte.gz",
            29_497,
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        ),
        plain(
            "t10k-images-idx3-ubyte.gz",
            3_041_136,
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        ),
        plain(
            "t10k-labels-idx1-ubyte.gz",
            5_120,
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ],
};

const fn batch(path: &'static str, name: &'static str) -> Member {
    Member {
        path,
        name,
        // 10,000 images: a label and 3,072 pixels each.
        bytes: 30_730_000,
    }
}

/// Small pictures of ten classes, in the binary version.
const CIFAR10: RemoteSet = RemoteSet {
    name: "cifar10",
    terms: "the authors state no licence, and ask to cite Krizhevsky 2009",
    sources: &["https://www.cs.toronto.edu/~kriz"],
    files: &[RemoteFile {
        name: "cifar-10-binary.tar.gz",
        bytes: 170_052_171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        members: &[
            batch("cifar-10-batches-bin/data_batch_1.bin", "data_batch_1.bin"),
            batch("cifar-10-batches-bin/data_batch_2.bin", "data_batch_2.bin"),
            batch("cifar-10-batches-bin/data_batch_3.bin", "data_batch_3.bin"),
            batch("cifar-10-batches-bin/data_batch_4.bin", "data_batch_4.bin"),
            batch("cifar-10-batches-bin/data_batch_5.bin", "data_batch_5.bin"),
            batch("cifar-10-batches-bin/test_batch.bin", "test_batch.bin"),
        ],
    }],
};

/// Small pictures of a hundred classes, in the binary version. Size and checksum are those that TensorFlow
/// Datasets publishes (`url_checksums/cifar100.txt`).
const CIFAR100: RemoteSet = RemoteSet {
    name: "cifar100",
    terms: "the authors state no licence, and ask to cite Krizhevsky 2009",
    sources: &["https://www.cs.toronto.edu/~kriz"],
    files: &[RemoteFile {
        name: "cifar-100-binary.tar.gz",
        bytes: 168_513_733,
        sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        // 50,000 and 10,000 images: two labels and 3,072 pixels each.
        members: &[
            Member {
                path: "cifar-100-binary/train.bin",
                name: "train.bin",
                bytes: 153_700_000,
            },
            Member {
                path: "cifar-100-binary/test.bin",
                name: "test.bin",
                bytes: 30_740_000,
            },
        ],
    }],
};

/// What the sets of EMNIST have in common. It is no set itself.
const EMNIST: RemoteSet = RemoteSet {
    name: "",
    terms: "NIST states no licence; cite Cohen, Afshar, Tapson and van Schaik 2017",
    sources: &["https://biometrics.nist.gov/cs_links/EMNIST"],
    files: &[],
};

/// The archive of all sets of EMNIST. Its size and SHA-256 are those that TensorFlow Datasets publishes
/// (`url_checksums/emnist.txt`). Sizes of members follow from the published counts: a header, and 28 x 28 bytes or
/// one byte for each image.
const fn emnist_archive(members: &'static [Member]) -> RemoteFile {
    RemoteFile {
        name: "gzip.zip",
        bytes: 561_753_746,
        sha256: "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        members,
    }
}

/// The files of one of EMNIST's sets, of so many images of 28x28 to train on and to test: those of MNIST, whose headers take
/// 16 and 8 bytes.
macro_rules! emnist_members {
    ($set:literal, $train:literal, $test:literal) => {
        &[
            emnist_members!(file $set, "train-images-idx3", 16 + 784 * $train),
            emnist_members!(file $set, "train-labels-idx1", 8 + $train),
            emnist_members!(file $set, "test-images-idx3", 16 + 784 * $test),
            emnist_members!(file $set, "test-labels-idx1", 8 + $test),
        ]
    };
    (file $set:literal, $what:literal, $bytes:expr) => {
        Member {
            path: concat!("gzip/emnist-", $set, "-", $what, "-ubyte.gz"),
            name: concat!("emnist-", $set, "-", $what, "-ubyte"),
            bytes: $bytes,
        }
    };
}

/// Handwritten digits: 240,000 to train on and 40,000 to test.
const EMNIST_DIGITS: RemoteSet = RemoteSet {
    name: "emnist-digits",
    files: &[emnist_archive(emnist_members!("digits", 240_000, 40_000))],
    ..EMNIST
};

/// Handwritten letters, upper and lower case alike: 124,800 to train on and 20,800 to test.
const EMNIST_LETTERS: RemoteSet = RemoteSet {
    name: "emnist-letters",
    files: &[emnist_archive(emnist_members!("letters", 124_800, 20_800))],
    ..EMNIST
};

/// Handwritten digits and letters of 47 kinds: 112,800 to train on and 18,800 to test.
const EMNIST_BALANCED: RemoteSet = RemoteSet {
    name: "emnist-balanced",
    files: &[emnist_archive(emnist_members!("balanced", 112_800, 18_800))],
    ..EMNIST
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::svhn;

    #[test]
    fn names_are_plain_and_checksums_whole() {
        let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\\', ':']);
        let hexadecimal = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        for set in SETS {
            assert!(plain(set.name) && !set.sources.is_empty());
            assert!(set.sources.iter().all(|source| !source.ends_with('/')));
            for file in set.files {
                assert!(plain(file.name), "{}", file.name);
                assert!(file.bytes > 0 && file.sha256.len() == 64);
                assert!(file.sha256.bytes().all(hexadecimal));
                for member in file.members {
                    assert!(plain(member.name), "{}", member.name);
                    let own = member.path.rsplit('/').next().expect("the last part");
                    let inflated = own.strip_suffix(".gz").unwrap_or(own);
                    assert_eq!(inflated, member.name, "kept by its own name");
                }
            }
        }
    }

    #[test]
    fn files_are_named_as_the_formats_expect() {
        let svhn = find("svhn").expect("is listed");
        let names: Vec<_> = svhn.files.iter().map(|file| file.name).collect();
        assert_eq!(names, [svhn::TRAIN_FILE, svhn::TEST_FILE]);
        assert!(find("imagenet").is_none());
    }
}
