//! The lock file beside a cache: who writes the cache, or how it looked when it was closed properly.
//!
//! The kernel drops the lock with its process, also after `kill -9`, so that no lock is ever stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::place::beside;

/// How often a lock is tried that nobody claims; each try waits a tenth of a second.
const TRIES: u32 = 10;

const MARK: &str = "wheelwatch cache lock";

/// What the lock file of a cache says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// There is no lock file of ours: the cache is new, or it was copied here.
    None,
    /// A process holds the cache, or did and was killed.
    Held(u32),
    /// The same, but what is in the file is of no use until the process is done.
    Making(u32),
    /// The cache was closed with this size and modification time (nanoseconds).
    Closed(u64, i128),
}

/// An exclusive lock on a cache, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    cache: PathBuf,
    trusted: bool,
}

impl Lock {
    /// Takes the lock and writes this process's number into its file; gives what stood there before.
    ///
    /// # Errors
    /// [`StoreError::InUse`], or [`StoreError::Io`] when the file cannot be made.
    pub(super) fn take(cache: &Path) -> Result<(Self, Note), StoreError> {
        let path = beside(cache, ".lock");
        let io = |source| StoreError::Io { path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)
            .map_err(io)?;
        let mut tries = 0;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(io(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            // A lock that nobody claims is held by a process that is about to go, or by a child of one that has gone and
            // has not become another program yet.
            let pid = holder(cache);
            tries += 1;
            if pid > 0 || tries >= TRIES {
                return Err(StoreError::InUse { path: cache.to_owned(), pid });
            }
        }
        file.set_permissions(PermissionsExt::from_mode(0o600)).map_err(io)?;
        let before = note(cache);
        let mut lock = Self { file, cache: cache.to_owned(), trusted: true };
        // What a process left half made stays so until it was made anew.
        match before {
            Note::Making(_) => lock.note_making(),
            Note::None | Note::Held(_) | Note::Closed(..) => lock.note_whole(),
        }
        .map_err(io)?;
        Ok((lock, before))
    }

    /// Notes that what is in the file is of no use for now.
    pub(super) fn note_making(&mut self) -> io::Result<()> {
        self.write(&format!("being made by {}", std::process::id()))
    }

    /// Notes that it is whole.
    pub(super) fn note_whole(&mut self) -> io::Result<()> {
        self.write(&format!("in use by {}", std::process::id()))
    }

    /// Notes that the cache was closed properly, so that the next start can tell whether anybody changed it since.
    pub(super) fn close(mut self) {
        if let (true, Some((size, modified))) = (self.trusted, stat(&self.cache)) {
            // Without the note the next start only checks more.
            let _ = self.write(&format!("closed {size} {modified}"));
        }
    }

    /// The cache turned out to be damaged: the next start must look closely.
    pub(super) fn distrust(&mut self) {
        self.trusted = false;
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.rewind()?;
        self.file.set_len(0)?;
        self.file.write_all(format!("{MARK}\n{line}\n").as_bytes())
    }
}

/// What the lock file beside a cache says.
pub(super) fn note(cache: &Path) -> Note {
    let mut text = String::new();
    if File::open(beside(cache, ".lock")).and_then(|file| file.take(200).read_to_string(&mut text)).is_err() {
        return Note::None;
    }
    let mut lines = text.lines();
    if lines.next() != Some(MARK) {
        return Note::None;
    }
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    match words.as_slice() {
        ["closed", size, modified] => match (size.parse(), modified.parse()) {
            (Ok(size), Ok(modified)) => Note::Closed(size, modified),
            _ => Note::Held(0),
        },
        ["in", "use", "by", pid] => Note::Held(pid.parse().unwrap_or(0)),
        ["being", "made", "by", pid] => Note::Making(pid.parse().unwrap_or(0)),
        _ => Note::Held(0),
    }
}

impl Note {
    /// Whether the cache is as it was when it was closed properly.
    pub(super) fn is_untouched(self, cache: &Path) -> bool {
        matches!(self, Note::Closed(size, modified) if stat(cache) == Some((size, modified)))
    }
}

fn stat(cache: &Path) -> Option<(u64, i128)> {
    let meta = std::fs::metadata(cache).ok()?;
    Some((meta.len(), i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec())))
}

/// The process that holds the lock. It writes its number just after it took the lock, so that is waited for.
fn holder(cache: &Path) -> u32 {
    for _ in 0..50 {
        match note(cache) {
            Note::Held(pid) | Note::Making(pid) if pid > 0 => return pid,
            Note::None | Note::Held(_) | Note::Making(_) | Note::Closed(..) => {
                std::thread::sleep(Duration::from_millis(2))
            }
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_the_lock_and_the_other_is_told_who() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("x.db");
        let (lock, before) = Lock::take(&cache).unwrap();
        assert_eq!(before, Note::None);
        match Lock::take(&cache) {
            Err(StoreError::InUse { pid, .. }) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(Lock::take(&cache).unwrap().1, Note::Held(std::process::id()));
    }

    #[test]
    fn a_cache_that_was_changed_since_it_was_closed_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("x.db");
        std::fs::write(&cache, "1234").unwrap();
        Lock::take(&cache).unwrap().0.close();
        assert!(note(&cache).is_untouched(&cache));
        std::fs::write(&cache, "12345").unwrap();
        assert!(!note(&cache).is_untouched(&cache));
    }
}
