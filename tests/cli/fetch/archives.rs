use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_train::error::Result;
use gpu_train::fetch::{Event, Member, Options, Outcome, RemoteSet, fetch};
use tar::{EntryType, Header};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::server::{Answer, Server};
use super::{content, options, set_of, sha256};
use crate::support::names;

const ARCHIVE: &str = "archive.tar.gz";
const SIZE: usize = 100_000;
const MEMBERS: [Member; 2] = [
    Member {
        path: "folder/one.bin",
        name: "one.bin",
        bytes: SIZE as u64,
    },
    Member {
        path: "folder/two.bin",
        name: "two.bin",
        bytes: SIZE as u64,
    },
];

const ZIP: &str = "archive.zip";
/// Gzipped within the archive, as EMNIST's are.
const ZIPPED: [Member; 2] = [
    Member {
        path: "folder/one.bin.gz",
        ..MEMBERS[0]
    },
    Member {
        path: "folder/two.bin.gz",
        ..MEMBERS[1]
    },
];

/// A `.zip` of these paths and contents, of which the first is stored and the others are deflated.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (at, (path, bytes)) in entries.iter().enumerate() {
        let methods = [CompressionMethod::Stored, CompressionMethod::Deflated];
        let options = SimpleFileOptions::default().compression_method(methods[at.min(1)]);
        zip.start_file(*path, options).expect("memory takes all");
        zip.write_all(bytes).expect("memory takes all");
    }
    zip.finish().expect("memory takes all").into_inner()
}

/// A `.tar.gz` of these paths, kinds and contents; paths are written as they are, good or evil.
fn archive(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        if *kind == EntryType::Symlink {
            header.set_link_name("/etc/passwd").expect("fits");
        }
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    compress(&tar)
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).expect("memory takes all");
    gzip.finish().expect("memory takes all")
}

fn one() -> Vec<u8> {
    content(SIZE)
}

fn two() -> Vec<u8> {
    content(SIZE + 1).split_off(1)
}

fn official() -> Vec<u8> {
    archive(&[
        ("folder/", EntryType::Directory, b""),
        ("folder/one.bin", EntryType::Regular, &one()),
        ("folder/readme.html", EntryType::Regular, b"read me"),
        ("folder/two.bin", EntryType::Regular, &two()),
    ])
}

/// A set of one archive, its server, and the folder that it is fetched into.
struct Place {
    folder: TempDir,
    set: RemoteSet,
    server: Server,
}

impl Place {
    fn new(archive: Vec<u8>) -> Self {
        Self::of(ARCHIVE, &MEMBERS, archive)
    }

    fn zipped(archive: Vec<u8>) -> Self {
        Self::of(ZIP, &ZIPPED, archive)
    }

    fn of(name: &'static str, members: &[Member], archive: Vec<u8>) -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            set: set_of(&[(name, &archive, members)]),
            server: Server::new(move |asked| Answer::file(&archive, asked.from)),
        }
    }

    fn fetch(&self, replace: bool) -> Result<Outcome> {
        let options = Options {
            replace,
            ..options(&self.server)
        };
        fetch(&self.set, self.folder.path(), &options, &mut |_| Ok(()))
    }

    /// Expects the members, the record and the lock, and nothing else.
    fn is_whole(&self) {
        assert_eq!(
            names(self.folder.path()),
            [".fetch.lock", "SHA256SUMS", "one.bin", "two.bin"]
        );
        assert!(self.read("one.bin") == one() && self.read("two.bin") == two());
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).expect("is there")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).expect("writes");
    }
}

#[test]
fn the_named_members_are_unpacked_and_the_archive_goes() {
    let place = Place::new(official());
    assert_eq!(place.fetch(false).expect("fetches"), Outcome::Fetched);
    place.is_whole();
    let record = String::from_utf8(place.read("SHA256SUMS")).expect("text");
    let (one, two) = (sha256(&one()), sha256(&two()));
    assert_eq!(record, format!("{one}  one.bin\n{two}  two.bin\n"));
    assert_eq!(place.fetch(false).expect("is there"), Outcome::AlreadyThere);
    assert_eq!(place.server.starts(), [0]);
}

#[test]
fn gzipped_members_of_a_zip_are_inflated() {
    let place = Place::zipped(zip(&[
        ("../one.bin.gz", &compress(b"evil")),
        ("folder/readme.txt", b"read me"),
        ("folder/two.bin.gz", &compress(&two())),
        ("folder/one.bin.gz", &compress(&one())),
    ]));
    assert_eq!(place.fetch(false).expect("fetches"), Outcome::Fetched);
    place.is_whole();
    assert!(!place.folder.path().with_file_name("one.bin.gz").exists());
    let record = String::from_utf8(place.read("SHA256SUMS")).expect("text");
    let (one, two) = (sha256(&one()), sha256(&two()));
    assert_eq!(record, format!("{one}  one.bin\n{two}  two.bin\n"));
    assert_eq!(place.fetch(false).expect("is there"), Outcome::AlreadyThere);
    assert_eq!(place.server.starts(), [0]);
}

#[test]
fn zips_without_the_members_are_refused_and_nothing_is_left_half() {
    let (good, other) = (compress(&one()), compress(&two()));
    let of = |two: &[u8]| zip(&[("folder/one.bin.gz", &good), ("folder/two.bin.gz", two)]);
    let mut wrong_sum = other.clone();
    let length = wrong_sum.len();
    wrong_sum[length - 8] ^= 1;
    let whole = of(&other);
    for (bytes, word) in [
        (
            zip(&[("folder/one.bin.gz", &good)]),
            "holds no folder/two.bin.gz",
        ),
        (of(&compress(&two()[1..])), "cannot be unpacked"),
        (of(&compress(&content(SIZE + 1))), "more than 100000 bytes"),
        (of(&compress(&vec![0; 1 << 27])), "more than 100000 bytes"),
        (of(&other[..length / 2]), "cannot be unpacked"),
        (of(&wrong_sum), "cannot be unpacked"),
        (of(&two()), "cannot be unpacked"),
        (whole[..whole.len() / 2].to_vec(), "cannot be unpacked"),
        (b"no archive at all".to_vec(), "cannot be unpacked"),
    ] {
        let place = Place::zipped(bytes);
        let error = place.fetch(false).expect_err("holds not what is wanted");
        assert!(error.to_string().contains(word), "no '{word}' in: {error}");
        assert!(error.to_string().contains(ZIP), "{error}");
        assert!(error.hint().contains("fetch again"), "{}", error.hint());
        let left = names(place.folder.path());
        let whole = ["one.bin", "two.bin", "SHA256SUMS"];
        assert!(!left.iter().any(|it| whole.contains(&&**it)), "{left:?}");
    }
}

#[test]
fn no_path_of_the_archive_is_followed() {
    let place = Place::new(archive(&[
        ("../evil.bin", EntryType::Regular, b"evil"),
        ("/tmp/gpu-train-evil.bin", EntryType::Regular, b"evil"),
        ("folder/../../evil.bin", EntryType::Regular, b"evil"),
        ("one.bin", EntryType::Regular, b"not by this path"),
        ("./folder/one.bin", EntryType::Regular, b"nor by this"),
        ("folder/one.bin", EntryType::Symlink, b""),
        ("folder/two.bin", EntryType::Directory, b""),
        ("folder/one.bin", EntryType::Regular, &one()),
        ("folder/two.bin", EntryType::Regular, &two()),
    ]));
    place.fetch(false).expect("fetches");
    place.is_whole();
    let beside = place.folder.path().with_file_name("evil.bin");
    assert!(!beside.exists() && !std::path::Path::new("/tmp/gpu-train-evil.bin").exists());
}

#[test]
fn archives_without_the_members_are_refused_and_nothing_is_left_half() {
    let regular = EntryType::Regular;
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    for (bytes, word) in [
        (archive(&[("folder/one.bin", regular, &one())]), "two.bin"),
        (
            archive(&[("folder/one.bin", regular, &one()[1..])]),
            "99999 bytes, not 100000",
        ),
        (
            archive(&[
                ("folder/one.bin", regular, &one()),
                ("folder/two.bin", EntryType::Symlink, b""),
            ]),
            "two.bin",
        ),
        (cut(official()), "cannot be unpacked"),
        (b"no archive at all".to_vec(), "cannot be unpacked"),
        (compress(&[7; 10_000]), "cannot be unpacked"),
        (archive(&[]), "one.bin"),
    ] {
        let place = Place::new(bytes);
        let error = place.fetch(false).expect_err("holds not what is wanted");
        assert!(error.to_string().contains(word), "no '{word}' in: {error}");
        assert!(error.to_string().contains(ARCHIVE), "{error}");
        assert!(error.hint().contains("fetch again"), "{}", error.hint());
        let left = names(place.folder.path());
        let whole = ["one.bin", "two.bin", "SHA256SUMS"];
        assert!(!left.iter().any(|it| whole.contains(&&**it)), "{left:?}");
    }
}

/// 300 MB of zeros in 300 kB: more than members and slack, so it is not read to its end.
#[test]
fn an_archive_that_inflates_without_limit_is_given_up() {
    let mut header = Header::new_gnu();
    header.set_path("folder/zeros").expect("fits");
    header.set_size(1 << 40);
    header.set_cksum();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(header.as_bytes()).expect("memory takes all");
    let zeros = vec![0; 1 << 20];
    for _ in 0..100 {
        gzip.write_all(&zeros).expect("memory takes all");
    }
    let place = Place::new(gzip.finish().expect("memory takes all"));
    let error = place.fetch(false).expect_err("never ends").to_string();
    assert!(error.contains(ARCHIVE), "{error}");
}

/// Members that are damaged, cut, or not known to be the official ones.
#[test]
fn members_that_are_not_whole_are_fetched_again_where_that_was_allowed() {
    let spoil: [&dyn Fn(&Place); 4] = [
        &|place| place.write("one.bin", &two()),
        &|place| place.write("one.bin", &one()[1..]),
        &|place| std::fs::remove_file(place.folder.path().join("SHA256SUMS")).expect("is there"),
        &|place| place.write("SHA256SUMS", b"\xFF nonsense"),
    ];
    for spoil in spoil {
        let place = Place::new(official());
        place.fetch(false).expect("fetches");
        spoil(&place);
        let error = place.fetch(false).expect_err("is in the way").to_string();
        assert!(error.contains("one.bin"), "{error}");
        assert_eq!(place.server.starts(), [0]);
        assert_eq!(place.fetch(true).expect("fetches"), Outcome::Fetched);
        place.is_whole();
        assert_eq!(place.server.starts(), [0, 0]);
    }
    let place = Place::new(official());
    place.fetch(false).expect("fetches");
    std::fs::remove_file(place.folder.path().join("two.bin")).expect("is there");
    place.fetch(false).expect("nothing is in the way");
    place.is_whole();
}

/// Stopped between download and unpacking, or while unpacking: the archive is there.
#[test]
fn an_archive_that_is_there_is_not_downloaded_again() {
    let place = Place::new(official());
    let stop = &mut |event: Event<'_>| match event {
        Event::Unpacking { .. } => Err(gpu_train::error::Error::usage("enough", "--")),
        _ => Ok(()),
    };
    let error = fetch(
        &place.set,
        place.folder.path(),
        &options(&place.server),
        stop,
    );
    error.expect_err("stops");
    assert_eq!(names(place.folder.path()), [".fetch.lock", ARCHIVE]);
    place.write("one.bin.part", b"what a killed call left");
    place.fetch(false).expect("goes on");
    place.is_whole();
    assert_eq!(place.server.starts(), [0]);
}
