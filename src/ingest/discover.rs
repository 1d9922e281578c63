//! Finds logs: walks a state directory, follows no link, reads no log.
//!
//! `walkdir` lists one directory at a time. Known file systems tell by a directory's link count that no directory is in
//! it: such a run directory costs two looks and is not opened, since opening all of them alone is several times a stat
//! sweep of all runs (spec 6, G5).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::key::{self, LogName};
use super::place::{Kind, Listing, Look, Place};

/// Directories that are not walked (spec 1.1).
const SKIPPED: [&str; 3] = [".git", "node_modules", "target"];

/// How many directories that hold directories are remembered for the watcher.
const MAX_BRANCHES: usize = 1024;

/// A file that has a log's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    /// Path below the state directory.
    pub(super) below: PathBuf,
    pub(super) look: Look,
}

/// What a walk tells beside the logs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Directories that hold directories: where new runs appear. At most [`MAX_BRANCHES`].
    pub(super) branches: Vec<PathBuf>,
    /// Directories that could not be read, with the reason: what is in them is unknown, not gone.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// How a state directory is walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) place: &'a Place,
    pub(super) label: &'a str,
    pub(super) name: &'a LogName,
    /// How many directories deep a log may lie.
    pub(super) depth: usize,
    pub(super) stop: &'a AtomicBool,
}

impl Walk<'_> {
    /// Gives every log at or below a directory (the state directory itself for an empty path).
    pub(super) fn run(&self, below: &Path, each: &mut dyn FnMut(Found)) -> Walked {
        let mut walked = Walked::default();
        let depth = below.components().count();
        let hidden = below.iter().any(|part| SKIPPED.iter().any(|skipped| part == OsStr::new(skipped)));
        if depth > self.depth || hidden || !self.is_directory(below) {
            return walked;
        }
        if let LogName::Exact(name) = self.name {
            let log = below.join(name);
            match self.place.look(&log) {
                Ok(look) => each(Found { key: key::key(self.label, below), below: log, look }),
                Err(error) => walked.note(below, &error),
            }
        }
        let mut stack = vec![(below.to_owned(), depth)];
        while let Some((directory, depth)) = stack.pop() {
            if self.stop.load(Ordering::Relaxed) {
                return walked;
            }
            let listed = self
                .place
                .list(&directory)
                .and_then(|listing| self.directory(&directory, depth, listing, &mut stack, &mut walked, each));
            if let Err(error) = listed {
                walked.note(&directory, &error);
            }
        }
        walked
    }

    fn is_directory(&self, below: &Path) -> bool {
        below.as_os_str().is_empty() || self.place.look(below).is_ok_and(|seen| seen.kind == Kind::Directory)
    }

    fn directory(
        &self,
        directory: &Path,
        depth: usize,
        mut listing: Listing,
        stack: &mut Vec<(PathBuf, usize)>,
        walked: &mut Walked,
        each: &mut dyn FnMut(Found),
    ) -> io::Result<()> {
        let mut files = Vec::new();
        let mut is_branch = false;
        while let Some(entry) = listing.next() {
            let (name, is_directory) = entry?;
            if !is_directory {
                if matches!(self.name, LogName::Glob(_)) && self.name.matches(&name) {
                    files.push(name);
                }
                continue;
            }
            is_branch = true;
            if depth >= self.depth || SKIPPED.iter().any(|skipped| name == OsStr::new(skipped)) {
                continue;
            }
            match self.name {
                // A directory of the log's name is a problem of the run above it and is not walked.
                LogName::Exact(exact) if *exact == name => {}
                LogName::Exact(exact) => {
                    let child = directory.join(&name);
                    if self.child(&child, exact, depth + 1, &listing, walked, each) {
                        stack.push((child, depth + 1));
                    }
                }
                LogName::Glob(_) => stack.push((directory.join(&name), depth + 1)),
            }
        }
        if is_branch && walked.branches.len() < MAX_BRANCHES {
            walked.branches.push(directory.to_owned());
        }
        for (stem, name) in key::stems(files) {
            // What went away since the listing is not there.
            let Ok(look) = listing.look(name.as_bytes()) else { continue };
            let key = key::key(self.label, &directory.join(stem));
            each(Found { key, below: directory.join(name), look });
        }
        Ok(())
    }

    /// Looks for the log in a directory and says whether the directory must be listed.
    fn child(
        &self,
        child: &Path,
        log: &OsString,
        depth: usize,
        parent: &Listing,
        walked: &mut Walked,
        each: &mut dyn FnMut(Found),
    ) -> bool {
        let name = child.file_name().unwrap_or_default().as_bytes();
        let path = [name, b"/", log.as_bytes()].concat();
        match parent.look(&path) {
            Ok(look) => each(Found { key: key::key(self.label, child), below: child.join(log), look }),
            Err(error) => walked.note(child, &error),
        }
        depth < self.depth && !parent.look(name).is_ok_and(|look| self.place.is_leaf(&look))
    }
}

impl Walked {
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
    use std::collections::BTreeMap;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn walk(state: &Path, label: &str, pattern: &str) -> (BTreeMap<String, (String, Kind)>, Walked) {
        let place = Place::open(state).expect("open");
        let name = LogName::new(pattern).expect("pattern");
        let stop = AtomicBool::new(false);
        let mut found = BTreeMap::new();
        let walk = Walk { place: &place, label, name: &name, depth: 4, stop: &stop };
        let walked = walk.run(Path::new(""), &mut |one| {
            let below = one.below.to_string_lossy().into_owned();
            assert!(found.insert(one.key, (below, one.look.kind)).is_none(), "a key twice");
        });
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
        let walk = Walk { place: &place, label: "", name: &name, depth: 4, stop: &stop };
        let mut found = Vec::new();
        walk.run(Path::new("b"), &mut |one| found.push(one.key));
        found.sort();
        assert_eq!(found, ["b", "b/1/2/3", "b/c"]);
        for nothing in ["none", "a/run.log", "target", "b/.git/x"] {
            walk.run(Path::new(nothing), &mut |one| panic!("{nothing} gave {}", one.key));
        }
    }
}
