//! Finds logs: walks a state directory, follows no link, reads no log.
//!
//! One directory is listed at a time. Known file systems tell by a directory's link count that no directory is in it: such
//! a run directory costs two looks and is not opened, since opening all of them alone is several times a stat sweep of all
//! runs (spec 6, G5). Of very many names in one directory two threads see to one half each: the newest runs are known when
//! all are seen (G7).

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::key::{self, LogName};
use super::listing::Listing;
use super::place::{Kind, Look, Place};

/// Directories that are not walked (spec 1.1).
pub(super) const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

/// How many directories that hold directories are remembered for the watcher, and how many that hold no log.
const MAX_BRANCHES: usize = 1024;
const MAX_BARE: usize = 256;

/// How many found logs are told of together.
const TOGETHER: usize = 512;

/// From so many names in a directory on two threads see to them.
const MANY: usize = 512;

/// A file that has a log's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    /// Path below the state directory.
    pub(super) below: PathBuf,
    pub(super) look: Look,
}

/// Which logs a walk tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tell {
    /// All, and nothing is noted: it is not a full scan.
    Some,
    /// All, as if none had been told of before.
    All,
    /// Those that look otherwise than when they were told of last; the others are counted. What was told of and is not there
    /// any more shows in the sum of both.
    Changes,
}

/// What a walk tells beside the logs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Directories that hold directories: where new runs appear. At most [`MAX_BRANCHES`].
    pub(super) branches: Vec<PathBuf>,
    /// Directories without a log, with their modification times: where one may be about to appear. At the end of a walk the
    /// newest [`MAX_BARE`].
    pub(super) bare: Vec<(i64, PathBuf)>,
    /// How many logs were told of.
    pub(super) told: u64,
    /// Logs that are as they were told of last.
    pub(super) same: u64,
    /// Directories that could not be read, with the reason: what is in them is unknown, not gone.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// What a walk tells while it goes on.
#[derive(Debug)]
pub(super) enum Told {
    /// Logs that were found.
    Logs(Vec<Found>),
    /// All logs of the runs in a very large directory were told of. Whether there are more below these is seen to after that.
    Most,
}

type Teller<'a> = &'a (dyn Fn(Told) + Sync);

/// What a walk has made so far, and has before it.
struct Course<'a> {
    walked: Walked,
    /// Directories to list, with their depths.
    stack: Vec<(PathBuf, usize)>,
    /// Logs that nobody was told of yet.
    found: Vec<Found>,
    /// Names of the directory that is listed, by their places, that may have directories in them.
    later: Vec<usize>,
    teller: Teller<'a>,
}

impl<'a> Course<'a> {
    fn new(teller: Teller<'a>) -> Self {
        Self { walked: Walked::default(), stack: Vec::new(), found: Vec::new(), later: Vec::new(), teller }
    }

    fn found(&mut self, one: Found) {
        if self.found.is_empty() {
            self.found.reserve_exact(TOGETHER);
        }
        self.found.push(one);
        if self.found.len() >= TOGETHER {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let found = std::mem::take(&mut self.found);
        self.walked.told += found.len() as u64;
        if !found.is_empty() {
            (self.teller)(Told::Logs(found));
        }
    }

    /// Takes over what was made of another part of the names of the same directory.
    fn join(&mut self, mut other: Self) {
        other.tell();
        let Walked { branches: _, bare, told, same, unread } = other.walked;
        self.walked.told += told;
        self.walked.same += same;
        self.walked.bare.extend(bare);
        self.walked.unread.extend(unread);
        self.stack.append(&mut other.stack);
    }
}

/// How a state directory is walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) place: &'a Place,
    pub(super) label: &'a str,
    pub(super) name: &'a LogName,
    /// How many directories deep a log may lie.
    pub(super) depth: usize,
    pub(super) tell: Tell,
    pub(super) stop: &'a AtomicBool,
}

impl Walk<'_> {
    /// Tells of every log at or below a directory (the state directory itself for an empty path), in no order.
    pub(super) fn run(&self, below: &Path, teller: Teller<'_>) -> Walked {
        let depth = below.components().count();
        let hidden = below.iter().any(|part| SKIPPED.iter().any(|skipped| part == OsStr::new(skipped)));
        if depth > self.depth || hidden || !self.is_directory(below) {
            return Walked::default();
        }
        let mut course = Course::new(teller);
        course.stack.push((below.to_owned(), depth));
        if let LogName::Exact(name) = self.name {
            let log = below.join(name);
            match self.place.look(&log) {
                Ok(look) => course.found(Found { key: key::key(self.label, below), below: log, look }),
                Err(error) => course.walked.note(below, &error),
            }
        }
        while let Some((directory, depth)) = course.stack.pop() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let listing = self.place.list(&directory);
            if let Err(error) = listing.and_then(|listing| self.directory(&directory, depth, listing, &mut course)) {
                course.walked.note(&directory, &error);
            }
        }
        course.tell();
        course.walked.keep_newest_bare();
        course.walked
    }

    fn is_directory(&self, below: &Path) -> bool {
        below.as_os_str().is_empty() || self.place.look(below).is_ok_and(|seen| seen.kind == Kind::Directory)
    }

    fn directory(&self, directory: &Path, depth: usize, listing: Listing, course: &mut Course<'_>) -> io::Result<()> {
        if listing.names().any(|(_, is_directory)| is_directory) && course.walked.branches.len() < MAX_BRANCHES {
            course.walked.branches.push(directory.to_owned());
        }
        let names = 0..listing.count();
        let files = match names.len() >= MANY {
            false => {
                let files = self.names(directory, depth, &listing, names, course);
                self.deeper(directory, depth, &listing, course);
                files
            }
            true => self.halves(directory, depth, &listing, course),
        };
        if files.is_empty() && matches!(self.name, LogName::Glob(_)) {
            course.walked.note_bare(directory.to_owned(), listing.look(b".").ok());
        }
        for (stem, name) in key::stems(files) {
            // What went away since the listing is not there.
            let Ok(look) = listing.look(name.as_bytes()) else { continue };
            let key = key::key(self.label, &directory.join(stem));
            course.found(Found { key, below: directory.join(name), look });
        }
        listing.failed.map_or(Ok(()), Err)
    }

    /// Sees to all names of a directory with the help of another thread.
    fn halves(&self, directory: &Path, depth: usize, listing: &Listing, course: &mut Course<'_>) -> Vec<OsString> {
        let (middle, end) = (listing.count() / 2, listing.count());
        let (teller, left) = (course.teller, &AtomicUsize::new(2));
        let half = move |places, course: &mut Course<'_>| {
            let files = self.names(directory, depth, listing, places, course);
            course.tell();
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                teller(Told::Most);
            }
            self.deeper(directory, depth, listing, course);
            files
        };
        let other_half = move || {
            let mut course = Course::new(teller);
            let files = half(middle..end, &mut course);
            (course, files)
        };
        std::thread::scope(|scope| {
            let other = std::thread::Builder::new().name(String::from("walk")).spawn_scoped(scope, other_half);
            let mut files = half(0..middle, course);
            let (other, more) = match other {
                Ok(other) => other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // The system has no more threads.
                Err(_) => other_half(),
            };
            course.join(other);
            files.extend(more);
            files
        })
    }

    /// Sees to some names of a directory. Gives those of files that bear a log's name, where there may be several.
    fn names(
        &self,
        directory: &Path,
        depth: usize,
        listing: &Listing,
        places: Range<usize>,
        course: &mut Course<'_>,
    ) -> Vec<OsString> {
        let mut files = Vec::new();
        // There may be many thousands: one piece of memory does for all.
        let mut log = OsString::new();
        for (place, (name, is_directory)) in listing.names().enumerate().take(places.end).skip(places.start) {
            if !is_directory {
                if matches!(self.name, LogName::Glob(_)) && self.name.matches(name) {
                    files.push(name.to_owned());
                }
                continue;
            }
            if depth >= self.depth || SKIPPED.iter().any(|skipped| name == OsStr::new(skipped)) {
                continue;
            }
            match self.name {
                // A directory of the log's name is a problem of the run above it and is not walked.
                LogName::Exact(exact) if *exact == name => {}
                LogName::Exact(exact) => {
                    log.clear();
                    log.push(name);
                    log.push("/");
                    log.push(exact);
                    self.child(listing, directory, (place, name), &log, depth + 1, course);
                }
                LogName::Glob(_) => course.stack.push((directory.join(name), depth + 1)),
            }
        }
        files
    }

    /// Notes those of the names seen to that must be listed, too.
    fn deeper(&self, directory: &Path, depth: usize, listing: &Listing, course: &mut Course<'_>) {
        let mut later = std::mem::take(&mut course.later).into_iter().peekable();
        for (place, (name, _)) in listing.names().enumerate() {
            if later.peek().is_none() {
                return;
            }
            if later.next_if_eq(&place).is_some()
                && !listing.look(name.as_bytes()).is_ok_and(|look| self.place.is_leaf(&look))
            {
                course.stack.push((directory.join(name), depth + 1));
            }
        }
    }

    /// Looks for the log in a directory of a listed one, and notes that one when it may have to be listed, too.
    fn child(
        &self,
        listing: &Listing,
        parent: &Path,
        (place, name): (usize, &OsStr),
        log: &OsStr,
        depth: usize,
        course: &mut Course<'_>,
    ) {
        let look = listing.look(log.as_bytes());
        let is_told = self.tell != Tell::Some && listing.is_told(place, look.as_ref().ok());
        match look {
            Ok(_) if is_told && self.tell == Tell::Changes => course.walked.same += 1,
            Ok(look) => {
                let below = parent.join(log);
                let key = key::key(self.label, below.parent().unwrap_or(parent));
                course.found(Found { key, below, look });
            }
            Err(error) => {
                let child = parent.join(name);
                course.walked.note(&child, &error);
                if error.kind() == io::ErrorKind::NotFound {
                    course.walked.note_bare(child, listing.look(name.as_bytes()).ok());
                }
            }
        }
        if depth < self.depth {
            course.later.push(place);
        }
    }
}

impl Walked {
    fn note_bare(&mut self, directory: PathBuf, look: Option<Look>) {
        let Some(look) = look.filter(|look| look.kind == Kind::Directory) else { return };
        self.bare.push((look.stat.mtime_ns, directory));
        if self.bare.len() >= 4 * MAX_BARE {
            self.keep_newest_bare();
        }
    }

    fn keep_newest_bare(&mut self) {
        self.bare.sort_unstable_by(|one, other| other.cmp(one));
        self.bare.truncate(MAX_BARE);
    }

    fn note(&mut self, directory: &Path, error: &io::Error) {
        match error.kind() {
            // There is nothing, or a link took the directory's name.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {}
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {}
            _ if self.unread.last().is_some_and(|(last, _)| last == directory) => {}
            _ => self.unread.push((directory.to_owned(), error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests;
