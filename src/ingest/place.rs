//! A state directory held by a handle, and everything that is asked of the file system beneath it.
//!
//! Logs are opened read-only, non-blocking, no-follow and close-on-exec, never through a link and never outside the
//! handle (spec 5.1). It must never know what a log or a run is called.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::cursor;
use super::listing::{Listed, Listing, Names};

/// What a path leads to when no link is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Regular,
    Directory,
    Link,
    Fifo,
    Socket,
    Device,
}

impl Kind {
    /// The words for a person.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Kind::Regular => "a regular file",
            Kind::Directory => "a directory",
            Kind::Link => "a symbolic link",
            Kind::Fifo => "a FIFO",
            Kind::Socket => "a socket",
            Kind::Device => "a device",
        }
    }

    fn of(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Kind::Regular,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Link,
            FileType::Fifo => Kind::Fifo,
            FileType::Socket => Kind::Socket,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Unknown => Kind::Device,
        }
    }
}

/// By what a file is known and by what a change of it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Stat {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
}

/// One look at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) kind: Kind,
    pub(super) stat: Stat,
    /// Hard links; of a directory 2 and one per directory in it, where the file system counts so.
    pub(super) links: u64,
}

/// Why a log was not opened.
#[derive(Debug)]
pub(super) enum Refused {
    /// There is nothing of that name.
    Missing,
    /// There is something, but no regular file; it was not opened.
    NotRegular(Kind),
    /// The system said no.
    Io(io::Error),
}

/// A state directory, as it was when its path was resolved last.
#[derive(Debug)]
pub(super) struct Place {
    handle: OwnedFd,
    /// Device and inode: another directory under the same path is another place.
    pub(super) identity: (u64, u64),
    /// Links and `..` resolved, for the watcher and for people; never used to open a log.
    pub(super) real: PathBuf,
    /// A directory with two links has no directory in it, and one whose times stand still has the entries that it had.
    pub(super) is_known: bool,
    listed: Listed,
}

#[cfg(target_os = "linux")]
const PATH_ONLY: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const PATH_ONLY: OFlags = OFlags::empty();

const LOG: OFlags = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
const STEP: OFlags = PATH_ONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Place {
    /// Resolves a path, which may itself be a link, and holds the directory that it leads to.
    ///
    /// # Errors
    /// What the system said: missing, no directory, not permitted.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let handle = rustix::fs::open(path, PATH_ONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stat = stat_of(&rustix::fs::fstat(&handle)?);
        let real = std::fs::canonicalize(path)?;
        let is_known = is_known(&handle);
        Ok(Self { handle, identity: (stat.device, stat.inode), real, is_known, listed: Listed::default() })
    }

    /// Looks at a path below without opening it. The last component is never followed.
    pub(super) fn look(&self, below: &Path) -> io::Result<Look> {
        look_at(&self.handle, below.as_os_str().as_bytes())
    }

    /// Looks at a directory below, the place itself for an empty path.
    pub(super) fn look_at_directory(&self, below: &Path) -> io::Result<Look> {
        self.look(if below.as_os_str().is_empty() { Path::new(".") } else { below })
    }

    /// Opens a regular file below, through directories only, and looks at the open handle.
    pub(super) fn open_log(&self, below: &Path) -> Result<(File, Stat), Refused> {
        let seen = self.look(below).map_err(Refused::of)?;
        if seen.kind != Kind::Regular {
            return Err(Refused::NotRegular(seen.kind));
        }
        let file = self.open_beneath(below, LOG).map_err(|error| Refused::of(error.into()))?;
        let raw = rustix::fs::fstat(&file).map_err(|error| Refused::Io(error.into()))?;
        match Kind::of(FileType::from_raw_mode(raw.st_mode)) {
            Kind::Regular => Ok((File::from(file), stat_of(&raw))),
            other => Err(Refused::NotRegular(other)),
        }
    }

    /// Holds a directory below (the place itself for an empty path), and lists it unless it is as it was last time.
    pub(super) fn list(&self, below: &Path) -> io::Result<Listing> {
        let fd = match below.as_os_str().is_empty() {
            true => rustix::fs::openat(&self.handle, c".", STEP, Mode::empty())?,
            false => self.open_beneath(below, STEP)?,
        };
        let look = || rustix::fs::fstat(&fd).map(|raw| stat_of(&raw));
        let (before, clock) = (look()?, cursor::clock());
        if let Some(names) = self.listed.recall(below, &before) {
            return Ok(Listing { fd, names, failed: None });
        }
        let (names, failed) = Names::read(&fd);
        let names = Arc::new(names);
        let is_known = self.is_known && before.device == self.identity.0;
        // Not what came so shortly after a change that a further one may not show, nor what may be of another directory.
        if is_known && failed.is_none() && !cursor::is_doubtful(&before, clock) && look()? == before {
            self.listed.remember(below, before, &names);
        }
        Ok(Listing { fd, names, failed })
    }

    /// Whether a directory has no directory in it, as far as its links tell. Unknown is no.
    pub(super) fn is_leaf(&self, directory: &Look) -> bool {
        self.is_known && directory.stat.device == self.identity.0 && directory.links == 2
    }

    fn open_beneath(&self, below: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.handle, below, flags, Mode::empty(), how) {
                // An old kernel, a filter of system calls that does not know this one, or a rename at the same moment.
                Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
                answer => return answer,
            }
        }
        self.open_by_steps(below, flags)
    }

    /// The same without `openat2`: one component after the other, none of them a link.
    fn open_by_steps(&self, below: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut parts = below.components().peekable();
        let mut at: Option<OwnedFd> = None;
        while let Some(part) = parts.next() {
            let std::path::Component::Normal(name) = part else { return Err(Errno::XDEV) };
            let here = at.as_ref().map_or(self.handle.as_fd(), AsFd::as_fd);
            let flags = if parts.peek().is_some() { STEP } else { flags };
            at = Some(rustix::fs::openat(here, name, flags, Mode::empty())?);
        }
        at.ok_or(Errno::NOENT)
    }
}

impl Refused {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Refused::Missing,
            _ => Refused::Io(error),
        }
    }
}

/// Looks at a path relative to an open directory; the last component is never followed.
pub(super) fn look_at(directory: &OwnedFd, path: &[u8]) -> io::Result<Look> {
    let raw = rustix::fs::statat(directory, OsStr::from_bytes(path), AtFlags::SYMLINK_NOFOLLOW)?;
    #[allow(clippy::unnecessary_cast)] // The width differs by platform.
    let links = raw.st_nlink as u64;
    Ok(Look { kind: Kind::of(FileType::from_raw_mode(raw.st_mode)), stat: stat_of(&raw), links })
}

#[allow(clippy::unnecessary_cast)] // The widths differ by platform.
fn stat_of(raw: &rustix::fs::Stat) -> Stat {
    let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
    Stat {
        device: raw.st_dev as u64,
        inode: raw.st_ino as u64,
        size: u64::try_from(raw.st_size).unwrap_or(0),
        mtime_ns: nanos(raw.st_mtime as i64, raw.st_mtime_nsec as i64),
        ctime_ns: nanos(raw.st_ctime as i64, raw.st_ctime_nsec as i64),
    }
}

/// File systems of this machine, known to keep a directory's link count at 2 plus its directories, or at 1 when they do
/// not count, and to change its times with its entries. `find` and fts leave out listings by the same rule and the same
/// kind of list.
#[cfg(target_os = "linux")]
fn is_known(handle: &OwnedFd) -> bool {
    const EXT: u32 = 0xEF53;
    const XFS: u32 = 0x5846_5342;
    const TMPFS: u32 = 0x0102_1994;
    const F2FS: u32 = 0xF2F5_2010;
    const BTRFS: u32 = 0x9123_683E;
    const OVERLAY: u32 = 0x794C_7630;
    // O_PATH handles answer fstatfs since Linux 3.12.
    let Ok(system) = rustix::fs::fstatfs(handle) else { return false };
    #[allow(clippy::cast_possible_truncation)] // The magic numbers have 32 bits; the field's width differs by platform.
    let magic = system.f_type as u32;
    [EXT, XFS, TMPFS, F2FS, BTRFS, OVERLAY].contains(&magic)
}

#[cfg(not(target_os = "linux"))]
fn is_known(_handle: &OwnedFd) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_log_is_opened_beneath_the_place_and_never_through_a_link() {
        let outside = tempfile::tempdir().expect("temporary directory");
        std::fs::write(outside.path().join("run.log"), "secret").expect("write");
        let state = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir_all(state.path().join("a/b")).expect("mkdir");
        std::fs::write(state.path().join("a/b/run.log"), "x").expect("write");
        symlink(outside.path(), state.path().join("l")).expect("link");
        symlink(outside.path().join("run.log"), state.path().join("a/run.log")).expect("link");
        let place = Place::open(state.path()).expect("open");
        for how in ["openat2", "steps"] {
            let open = |below: &str| match how {
                "openat2" => place.open_beneath(Path::new(below), LOG),
                _ => place.open_by_steps(Path::new(below), LOG),
            };
            assert!(open("a/b/run.log").is_ok(), "{how}");
            let outside = format!("../{}/run.log", outside.path().file_name().expect("name").to_string_lossy());
            for bad in ["l/run.log", "a/run.log", &outside, "/etc/hostname", "a/../a/b/../../../etc/hostname"] {
                assert!(open(bad).is_err(), "{how} {bad}");
            }
        }
        assert!(matches!(place.open_log(Path::new("a/run.log")), Err(Refused::NotRegular(Kind::Link))));
        assert!(matches!(place.open_log(Path::new("a/b/none")), Err(Refused::Missing)));
        assert!(matches!(place.open_log(Path::new("a/b/run.log/x")), Err(Refused::Missing)));
        assert!(matches!(place.open_log(Path::new("a/b")), Err(Refused::NotRegular(Kind::Directory))));
    }

    #[test]
    fn a_directory_is_a_leaf_only_while_no_directory_is_in_it() {
        let state = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(state.path().join("a")).expect("mkdir");
        let place = Place::open(state.path()).expect("open");
        let look = || place.look(Path::new("a")).expect("look");
        assert_eq!(place.is_leaf(&look()), place.is_known);
        std::fs::create_dir(state.path().join("a/b")).expect("mkdir");
        assert!(!place.is_leaf(&look()));
    }

    #[test]
    fn a_directory_that_is_as_it_was_is_listed_once() {
        let again = |place: &Place, below: &str| {
            let list = || place.list(Path::new(below)).expect("a list").names;
            Arc::ptr_eq(&list(), &list())
        };
        let mut sources = Place::open(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("open");
        assert_eq!(again(&sources, "src"), sources.is_known);
        sources.is_known = false;
        assert!(!again(&sources, "tests"), "of a file system that may keep its times");
        let state = tempfile::tempdir().expect("temporary directory");
        let place = Place::open(state.path()).expect("open");
        // So young that a further change may not show in its times.
        for name in ["a", "b"] {
            std::fs::create_dir(state.path().join(name)).expect("mkdir");
            assert!(!again(&place, ""));
        }
        while place.is_known && !again(&place, "") {
            std::thread::yield_now();
        }
        std::fs::create_dir(state.path().join("c")).expect("mkdir");
        let listing = place.list(Path::new("")).expect("a list");
        let mut names: Vec<_> = listing.names().collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "c"].map(|name| (OsStr::new(name), true)));
        assert!(place.list(Path::new("none")).is_err());
    }
}
