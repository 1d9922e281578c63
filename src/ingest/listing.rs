//! Directories as they were listed last: one that did not change since is not listed again.
//!
//! Listing is by the handle: `walkdir` goes by paths and opens each directory that it tells of, and that costs a scan of many
//! runs more than all looks at their logs (spec 6). It must never know what a log or a run is called.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::BuildHasher;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::quality::RandomState;
use rustix::fs::{Dir, FileType, Mode, OFlags};

use super::place::{Kind, Look, Stat, look_at};

/// How many bytes may be remembered, and what a directory takes of them beside its names and its path.
const MOST: usize = 8 * 1024 * 1024;
const EACH: usize = 160;

/// The names in a directory, and which of them are directories (a link to one is none).
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of each a byte that says what it is, its name, and a zero: a byte that no name has.
    packed: Vec<u8>,
    /// How the log of each looked when it was told of last, as a hash; 0 when it was not.
    told: Vec<AtomicU64>,
    hasher: RandomState,
}

const DIRECTORY: u8 = b'd';
const OTHER: u8 = b'-';

impl Names {
    /// Lists a directory; what is wrong with it comes with the names up to there.
    pub(super) fn read(directory: &OwnedFd) -> (Self, Option<io::Error>) {
        let mut names = Self::default();
        let failed = names.fill(directory).err();
        names.packed.shrink_to_fit();
        names.told.shrink_to_fit();
        (names, failed)
    }

    fn fill(&mut self, directory: &OwnedFd) -> io::Result<()> {
        // The handle itself is good for paths alone.
        let open = rustix::fs::openat(directory, c".", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        for entry in Dir::new(open)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            let is_directory = match entry.file_type() {
                _ if matches!(name, b"." | b"..") => continue,
                FileType::Directory => true,
                // Some file systems do not say so in a listing.
                FileType::Unknown => look_at(directory, name).is_ok_and(|look| look.kind == Kind::Directory),
                _ => false,
            };
            self.push(OsStr::from_bytes(name), is_directory);
        }
        Ok(())
    }

    fn push(&mut self, name: &OsStr, is_directory: bool) {
        self.packed.push(if is_directory { DIRECTORY } else { OTHER });
        self.packed.extend_from_slice(name.as_bytes());
        self.packed.push(0);
        self.told.push(AtomicU64::new(0));
    }

    fn iter(&self) -> impl Iterator<Item = (&OsStr, bool)> {
        let entries = self.packed.split(|byte| *byte == 0).filter_map(<[u8]>::split_first);
        entries.map(|(kind, name)| (OsStr::from_bytes(name), *kind == DIRECTORY))
    }
}

/// A directory that was listed, held by the handle that was opened beneath the place.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) fd: OwnedFd,
    pub(super) names: Arc<Names>,
    /// Why there are no more names, when they are not all.
    pub(super) failed: Option<io::Error>,
}

impl Listing {
    /// The names, and whether they are directories.
    pub(super) fn names(&self) -> impl Iterator<Item = (&OsStr, bool)> {
        self.names.iter()
    }

    /// How many names there are.
    pub(super) fn count(&self) -> usize {
        self.names.told.len()
    }

    /// Notes how the log of a name looks, given by its place among the names; says whether it looked so when it was told of
    /// last.
    pub(super) fn is_told(&self, place: usize, look: Option<&Look>) -> bool {
        let Some(told) = self.names.told.get(place) else { return false };
        let hash = look.map_or(0, |look| self.names.hasher.hash_one(look).max(1));
        told.swap(hash, Ordering::Relaxed) == hash
    }

    /// Looks at a path relative to this directory; the last component is never followed.
    pub(super) fn look(&self, path: &[u8]) -> io::Result<Look> {
        look_at(&self.fd, path)
    }
}

/// The names of directories below a place, each with how the directory looked before they were read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    inner: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    directories: HashMap<PathBuf, (Stat, Arc<Names>)>,
    bytes: usize,
}

impl Listed {
    /// The names of a directory that looks as it did when they were read.
    pub(super) fn recall(&self, below: &Path, stat: &Stat) -> Option<Arc<Names>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (was, names) = inner.directories.get(below)?;
        (was == stat).then(|| Arc::clone(names))
    }

    /// Remembers names. When there is no room for them, everything else is forgotten.
    pub(super) fn remember(&self, below: &Path, stat: Stat, names: &Arc<Names>) {
        let size =
            |below: &Path, names: &Names| EACH + below.as_os_str().len() + names.packed.len() + 8 * names.told.len();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, was)) = inner.directories.remove(below) {
            inner.bytes -= size(below, &was);
        }
        let bytes = size(below, names);
        if inner.bytes + bytes > MOST {
            *inner = Remembered::default();
        }
        if bytes <= MOST {
            inner.bytes += bytes;
            inner.directories.insert(below.to_owned(), (stat, Arc::clone(names)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Arc<Names> {
        let mut names = Names::default();
        (0..count).for_each(|n| names.push(OsStr::new(&format!("{n:07}")), n % 2 == 0));
        Arc::new(names)
    }

    #[test]
    fn names_are_remembered_as_they_are() {
        let mut names = Names::default();
        let all = [(OsStr::new("d"), true), (OsStr::from_bytes(b"-\xff\n"), false), (OsStr::new("-"), true)];
        all.iter().for_each(|(name, is_directory)| names.push(name, *is_directory));
        assert_eq!(names.iter().collect::<Vec<_>>(), all);
        assert_eq!(Names::default().iter().count(), 0);
    }

    #[test]
    fn what_cannot_be_listed_says_why() {
        let file = std::fs::File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file");
        let (names, failed) = Names::read(&OwnedFd::from(file));
        assert_eq!((names.iter().count(), failed.map(|error| error.kind())), (0, Some(io::ErrorKind::NotADirectory)));
    }

    #[test]
    fn a_directory_that_looks_otherwise_is_listed_again() {
        let listed = Listed::default();
        let stat = Stat { mtime_ns: 1, ctime_ns: 1, ..Stat::default() };
        let (a, b) = (Path::new("a"), Path::new("b"));
        assert!(listed.recall(a, &stat).is_none());
        listed.remember(a, stat, &names(3));
        assert_eq!(listed.recall(a, &stat).map(|names| names.iter().count()), Some(3));
        assert!(listed.recall(b, &stat).is_none());
        for other in [Stat { inode: 1, ..stat }, Stat { mtime_ns: 2, ..stat }, Stat { ctime_ns: 2, ..stat }] {
            assert!(listed.recall(a, &other).is_none());
        }
        listed.remember(a, Stat { mtime_ns: 2, ..stat }, &names(4));
        assert!(listed.recall(a, &stat).is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let listed = Listed::default();
        let (stat, many) = (Stat::default(), names(100_000));
        let bytes = || listed.inner.lock().expect("no panic").bytes;
        for n in 0..100 {
            listed.remember(Path::new(&n.to_string()), stat, &many);
            assert!((many.packed.len()..=MOST).contains(&bytes()));
            assert!(listed.recall(Path::new(&n.to_string()), &stat).is_some());
        }
        let one = Listed::default();
        one.remember(Path::new("one"), stat, &many);
        for _ in 0..100 {
            one.remember(Path::new("again"), stat, &many);
        }
        assert!(one.recall(Path::new("one"), &stat).is_some(), "one directory counts once");
        listed.remember(Path::new("too much"), stat, &names(MOST / 16));
        assert!(listed.recall(Path::new("too much"), &stat).is_none());
        assert_eq!(bytes(), 0);
    }
}
