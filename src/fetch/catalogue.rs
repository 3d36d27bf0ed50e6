//! The data sets that can be fetched: one line per file.

use super::{Member, RemoteFile, RemoteSet};

/// Every set, in the order in which they are listed to the user.
pub const SETS: &[RemoteSet] = &[SVHN, MNIST, CIFAR10];

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
                    assert_eq!(
                        member.path.rsplit('/').next(),
                        Some(member.name),
                        "kept by its own name"
                    );
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
