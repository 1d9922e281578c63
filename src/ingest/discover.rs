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
use std::sync::atomic::{AtomicBool, Ordering};

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
const MANY: usize = 4096;

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

/// Who is told of logs, some at a time.
pub(super) type Told<'a> = &'a (dyn Fn(Vec<Found>) + Sync);

/// What a walk has made so far, and has before it.
struct Course<'a> {
    walked: Walked,
    /// Directories to list, with their depths.
    stack: Vec<(PathBuf, usize)>,
    /// Logs that nobody was told of yet.
    found: Vec<Found>,
    tell: Told<'a>,
}

impl<'a> Course<'a> {
    fn new(tell: Told<'a>) -> Self {
        Self { walked: Walked::default(), stack: Vec::new(), found: Vec::new(), tell }
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
            (self.tell)(found);
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
    pub(super) fn run(&self, below: &Path, tell: Told<'_>) -> Walked {
        let depth = below.components().count();
        let hidden = below.iter().any(|part| SKIPPED.iter().any(|skipped| part == OsStr::new(skipped)));
        if depth > self.depth || hidden || !self.is_directory(below) {
            return Walked::default();
        }
        let mut course = Course::new(tell);
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
            false => self.names(directory, depth, &listing, names, course),
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
        let tell = course.tell;
        std::thread::scope(|scope| {
            let other = std::thread::Builder::new().name(String::from("walk")).spawn_scoped(scope, move || {
                let mut course = Course::new(tell);
                let files = self.names(directory, depth, listing, middle..end, &mut course);
                course.tell();
                (course, files)
            });
            let mut files = self.names(directory, depth, listing, 0..middle, course);
            let (other, more) = match other {
                Ok(other) => other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => {
                    let mut course = Course::new(tell);
                    let files = self.names(directory, depth, listing, middle..end, &mut course);
                    (course, files)
                }
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

    /// Looks for the log in a directory of a listed one, and notes that one when it must be listed, too.
    fn child(
        &self,
        listing: &Listing,
        parent: &Path,
        (place, name): (usize, &OsStr),
        log: &OsStr,
        depth: usize,
        course: &mut Course<'_>,
    ) {
        let itself = || listing.look(name.as_bytes()).ok();
        let is_leaf = |itself: Option<Look>| itself.is_some_and(|look| self.place.is_leaf(&look));
        let look = listing.look(log.as_bytes());
        let is_told = self.tell != Tell::Some && listing.is_told(place, look.as_ref().ok());
        let is_end = match look {
            Ok(_) if is_told && self.tell == Tell::Changes => {
                course.walked.same += 1;
                depth >= self.depth || is_leaf(itself())
            }
            Ok(look) => {
                let below = parent.join(log);
                let key = key::key(self.label, below.parent().unwrap_or(parent));
                course.found(Found { key, below, look });
                depth >= self.depth || is_leaf(itself())
            }
            Err(error) => {
                let (child, itself) = (parent.join(name), itself());
                course.walked.note(&child, &error);
                if error.kind() == io::ErrorKind::NotFound {
                    course.walked.note_bare(child, itself);
                }
                depth >= self.depth || is_leaf(itself)
            }
        };
        if !is_end {
            course.stack.push((parent.join(name), depth));
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
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashSet};
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::sync::Mutex;

    use super::*;

    fn walk(state: &Path, label: &str, pattern: &str) -> (BTreeMap<String, (String, Kind)>, Walked) {
        let place = Place::open(state).expect("open");
        let name = LogName::new(pattern).expect("pattern");
        let stop = AtomicBool::new(false);
        let found = Mutex::new(BTreeMap::new());
        let walk = Walk { place: &place, label, name: &name, depth: 4, tell: Tell::All, stop: &stop };
        let walked = walk.run(Path::new(""), &|some| {
            let mut found = found.lock().expect("no panic");
            for one in some {
                let below = one.below.to_string_lossy().into_owned();
                assert!(found.insert(one.key, (below, one.look.kind)).is_none(), "a key twice");
            }
        });
        let found = found.into_inner().expect("no panic");
        assert_eq!(walked.told, found.len() as u64);
        (found, walked)
    }

    fn write(state: &Path, below: &[u8]) {
        let path = state.join(OsStr::from_bytes(below));
        std::fs::create_dir_all(path.parent().expect("parent")).expect("mkdir");
        std::fs::write(path, "x\n").expect("write");
    }

    fn keys(found: &BTreeMap<String, (String, Kind)>) -> Vec<&str> {
        found.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_run_is_a_directory_with_a_log_at_most_four_deep() {
        let state = tempfile::tempdir().expect("temporary directory");
        for below in [
            "run.log",
            "a/run.log",
            "b/c/run.log",
            "b/c/d/e/run.log",
            "b/c/d/e/f/run.log",
            ".ralph/run.log",
            ".git/run.log",
            "x/node_modules/run.log",
            "target/run.log",
            "n/run.log.1",
            "n/run.log~",
            "n/.run.log.swp",
        ] {
            write(state.path(), below.as_bytes());
        }
        write(state.path(), b"\xff\n/run.log");
        std::fs::create_dir_all(state.path().join("empty/er")).expect("mkdir");
        symlink(state.path().join("b"), state.path().join("loop")).expect("link");
        let (found, walked) = walk(state.path(), "", "run.log");
        assert_eq!(keys(&found), ["%FF%0A", ".", ".ralph", "a", "b/c", "b/c/d/e"]);
        assert_eq!(walked.unread, []);
        let branches: Vec<_> = walked.branches.iter().map(|path| path.to_str().expect("ascii")).collect();
        for branch in ["", "b", "b/c", "b/c/d"] {
            assert!(branches.contains(&branch), "{branch:?} in {branches:?}");
        }
        assert!(!branches.contains(&"a"));
        let (found, _) = walk(state.path(), "two", "run.log");
        assert_eq!(keys(&found), ["two/%FF%0A", "two/.", "two/.ralph", "two/a", "two/b/c", "two/b/c/d/e"]);
    }

    #[test]
    fn what_is_no_regular_file_is_found_as_what_it_is() {
        let state = tempfile::tempdir().expect("temporary directory");
        for run in ["dangling", "self", "zero", "fifo", "socket"] {
            std::fs::create_dir(state.path().join(run)).expect("mkdir");
        }
        std::fs::create_dir_all(state.path().join("directory/run.log/deeper")).expect("mkdir");
        write(state.path(), b"directory/run.log/deeper/run.log");
        symlink("nowhere", state.path().join("dangling/run.log")).expect("link");
        symlink("run.log", state.path().join("self/run.log")).expect("link");
        symlink("/dev/zero", state.path().join("zero/run.log")).expect("link");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            state.path().join("fifo/run.log"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .expect("mkfifo");
        let _socket = UnixListener::bind(state.path().join("socket/run.log")).expect("bind");
        let (found, _) = walk(state.path(), "", "run.log");
        let kinds: Vec<_> = found.iter().map(|(key, (_, kind))| (key.as_str(), *kind)).collect();
        assert_eq!(
            kinds,
            [
                ("dangling", Kind::Link),
                ("directory", Kind::Directory),
                ("fifo", Kind::Fifo),
                ("self", Kind::Link),
                ("socket", Kind::Socket),
                ("zero", Kind::Link),
            ]
        );
    }

    #[test]
    fn with_a_glob_each_matching_file_is_a_run() {
        let state = tempfile::tempdir().expect("temporary directory");
        for below in
            ["a.jsonl", "p/b.jsonl", "p/b.json", "p/c.json", "p/note.txt", "q/r/s/t/d.jsonl", "q/r/s/t/u/e.jsonl"]
        {
            write(state.path(), below.as_bytes());
        }
        let (found, _) = walk(state.path(), "", "*.json*");
        assert_eq!(keys(&found), ["a", "p/b.json", "p/b.jsonl", "p/c", "q/r/s/t/d"]);
        assert_eq!(found["p/c"].0, "p/c.json");
        let (found, _) = walk(state.path(), "", "*.jsonl");
        assert_eq!(keys(&found), ["a", "p/b", "q/r/s/t/d"]);
    }

    #[test]
    fn a_walk_below_a_directory_sees_only_what_is_below_it() {
        let state = tempfile::tempdir().expect("temporary directory");
        for below in ["a/run.log", "b/run.log", "b/c/run.log", "b/1/2/3/run.log", "b/1/2/3/4/run.log"] {
            write(state.path(), below.as_bytes());
        }
        let place = Place::open(state.path()).expect("open");
        let name = LogName::new("run.log").expect("pattern");
        let stop = AtomicBool::new(false);
        let walk = Walk { place: &place, label: "", name: &name, depth: 4, tell: Tell::All, stop: &stop };
        let keys = |below: &str| {
            let found = Mutex::new(Vec::new());
            walk.run(Path::new(below), &|some| {
                found.lock().expect("no panic").extend(some.into_iter().map(|one| one.key))
            });
            let mut found = found.into_inner().expect("no panic");
            found.sort();
            found.join(" ")
        };
        assert_eq!(keys("b"), "b b/1/2/3 b/c");
        for nothing in ["none", "a/run.log", "target", "b/.git/x"] {
            assert_eq!(keys(nothing), "");
        }
    }
    #[test]
    fn very_many_runs_are_seen_to_by_two_threads_and_each_once() {
        let state = tempfile::tempdir().expect("temporary directory");
        let is_log = |n: usize| n.is_multiple_of(512);
        for n in 0..MANY {
            std::fs::create_dir(state.path().join(n.to_string())).expect("mkdir");
            if is_log(n) {
                write(state.path(), format!("{n}/deeper/run.log").as_bytes());
                write(state.path(), format!("{n}/run.log").as_bytes());
                write(state.path(), format!("{n}.jsonl").as_bytes());
            }
        }
        let (found, walked) = walk(state.path(), "", "run.log");
        let logs = (0..MANY).filter(|n| is_log(*n)).flat_map(|n| [n.to_string(), format!("{n}/deeper")]);
        assert_eq!(found.into_keys().collect::<BTreeSet<_>>(), logs.collect());
        assert_eq!(walked.branches.len(), 1 + MANY / 512);
        assert_eq!(walked.bare.len(), MAX_BARE);
        let (found, _) = walk(state.path(), "", "*.jsonl");
        assert_eq!(
            found.into_keys().collect::<BTreeSet<_>>(),
            (0..MANY).filter(|n| is_log(*n)).map(|n| n.to_string()).collect()
        );
        // Each half in a thread of its own.
        let place = Place::open(state.path()).expect("open");
        let (name, stop, threads) =
            (LogName::new("run.log").expect("pattern"), AtomicBool::new(false), Mutex::new(HashSet::new()));
        let walk = Walk { place: &place, label: "", name: &name, depth: 1, tell: Tell::All, stop: &stop };
        let walked =
            walk.run(Path::new(""), &|_| _ = threads.lock().expect("no panic").insert(std::thread::current().id()));
        assert_eq!((walked.told, threads.into_inner().expect("no panic").len()), ((MANY / 512) as u64, 2));
    }

    #[test]
    fn directories_without_a_log_are_told_the_newest_of_very_many() {
        let state = tempfile::tempdir().expect("temporary directory");
        for below in ["a/run.log", "b/c/run.log", "d/1/2/3/note.txt"] {
            write(state.path(), below.as_bytes());
        }
        let bare = |pattern: &str| {
            let (_, walked) = walk(state.path(), "", pattern);
            let paths = walked.bare.into_iter().map(|(_, path)| path.to_str().expect("ascii").to_owned());
            paths.collect::<BTreeSet<_>>()
        };
        assert_eq!(bare("run.log").into_iter().collect::<Vec<_>>(), ["b", "d", "d/1", "d/1/2", "d/1/2/3"]);
        assert_eq!(bare("*.log").into_iter().collect::<Vec<_>>(), ["", "b", "d", "d/1", "d/1/2", "d/1/2/3"]);
        let old = std::time::SystemTime::UNIX_EPOCH;
        for n in 0..5 * MAX_BARE {
            let path = state.path().join(format!("e{n}"));
            std::fs::create_dir(&path).expect("mkdir");
            if n % 5 != 0 {
                std::fs::File::open(path).and_then(|opened| opened.set_modified(old)).expect("a time");
            }
        }
        let newest = bare("run.log");
        assert_eq!(newest.len(), MAX_BARE);
        let is_new =
            |path: &String| path.strip_prefix('e').is_none_or(|n| n.parse::<usize>().is_ok_and(|n| n % 5 == 0));
        assert!(newest.iter().all(is_new), "{newest:?}");
    }
    #[test]
    fn what_is_as_it_was_told_of_is_counted_and_not_told_again() {
        let state = tempfile::tempdir().expect("temporary directory");
        for below in ["run.log", "a/run.log", "b/run.log", "b/c/run.log"] {
            write(state.path(), below.as_bytes());
        }
        std::fs::create_dir(state.path().join("d")).expect("mkdir");
        let place = Place::open(state.path()).expect("open");
        let name = LogName::new("run.log").expect("pattern");
        let stop = AtomicBool::new(false);
        let walk = |tell| {
            let told = Mutex::new(Vec::new());
            let walk = Walk { place: &place, label: "", name: &name, depth: 4, tell, stop: &stop };
            let tell = |some: Vec<Found>| told.lock().expect("no panic").extend(some.into_iter().map(|one| one.key));
            let same = walk.run(Path::new(""), &tell).same;
            let mut told = told.into_inner().expect("no panic");
            told.sort();
            (told.join(" "), same)
        };
        let all = |keys: &str, same| (keys.to_owned(), same);
        assert_eq!(walk(Tell::Changes), all(". a b b/c", 0), "they were never told of");
        if !place.is_known {
            assert_eq!(walk(Tell::Changes), all(". a b b/c", 0), "nor can it be known that they are as they were");
            return;
        }
        // Names that are very young are read again, and with them everything is new.
        while walk(Tell::Changes) != all(".", 3) {
            std::thread::yield_now();
        }
        assert_eq!(walk(Tell::All), all(". a b b/c", 0));
        assert_eq!(walk(Tell::Changes), all(".", 3));
        let append = |path: &str| {
            use std::io::Write;
            let mut log = std::fs::OpenOptions::new().append(true).open(state.path().join(path)).expect("a log");
            log.write_all(b"y").expect("a write");
        };
        append("b/c/run.log");
        assert_eq!(walk(Tell::Some), all(". a b b/c", 0), "nothing is noted by it");
        assert_eq!(walk(Tell::Changes), all(". b/c", 2));
        assert_eq!(walk(Tell::Changes), all(".", 3));
        std::fs::remove_file(state.path().join("a/run.log")).expect("rm");
        assert_eq!(walk(Tell::Changes), all(".", 2));
        write(state.path(), b"d/run.log");
        write(state.path(), b"a/run.log");
        assert_eq!(walk(Tell::Changes), all(". a d", 2));
        write(state.path(), b"b/e/run.log");
        let (told, same) = walk(Tell::Changes);
        assert!(told.contains("b/e") && told.split(' ').count() as u64 + same == 6, "{told} {same}");
    }
}
