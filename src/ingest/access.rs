//! Reads pieces of logs for whoever shows them: beneath the state root, never through a link, bounded.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::cursor::{self, Decision, Marks};
use super::key::{self, LogName};
use super::place::{Kind, Place, Refused, Stat};
use super::replay::Replay;
use super::tail::{CHUNK, read_at};
use super::{IngestError, Root, Source};
use crate::reducer::dialect::Reading;
use crate::reducer::fold::Wanted;
use crate::reducer::redact;
use crate::reducer::reduce::{Reducer, Tail};
use crate::reducer::run::RunState;
use crate::reducer::visible::visible_bytes;
use crate::store::{Glimpse, Part, Reader, Snapshot, StoreError};

/// Read access to logs by run key. Cheap to clone; holds no handle between two calls.
#[derive(Clone, Debug)]
pub struct LogAccess {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    roots: Vec<Root>,
    /// None when the pattern is no pattern: then there is no log.
    name: Option<LogName>,
    depth: usize,
    reading: Reading,
    /// Has snapshots of long logs.
    cache: Option<Reader>,
}

/// A log, open for reading.
struct Log {
    file: File,
    stat: Stat,
    /// For people.
    path: String,
}

/// So often a state is made with few of its spans, each time with those that were missing.
const TRIES: usize = 4;
/// When more spans than these were missing, to read all of them at once is no slower.
const FEW: usize = 1000;

impl LogAccess {
    /// Access to the logs of a source.
    #[must_use]
    pub fn new(source: &Source) -> Self {
        let name = LogName::new(&source.log_name).ok();
        let (roots, reading) = (source.roots.clone(), source.reading.clone());
        Self { inner: Arc::new(Inner { roots, name, depth: source.depth, reading, cache: None }) }
    }

    /// The same, with a cache whose snapshots save reducing long logs from their first byte.
    #[must_use]
    pub fn with_snapshots(source: &Source, cache: Reader) -> Self {
        let mut access = Self::new(source);
        if let Some(inner) = Arc::get_mut(&mut access.inner) {
            inner.cache = Some(cache);
        }
        access
    }

    /// Up to `length` bytes at an offset of the log of a run; fewer at its end. Credentials are masked (spec 5.3 rule 8),
    /// also one of which only a part lies within these bytes.
    ///
    /// # Errors
    /// [`IngestError::UnknownRun`] when no log has this key, [`IngestError::Read`] when it is no regular file or the
    /// system said no.
    pub fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, IngestError> {
        if !self.inner.reading.redact {
            return self.read_raw(key, offset, length);
        }
        redact::piece(offset, length, |offset, length| self.read_raw(key, offset, length))
    }

    fn read_raw(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, IngestError> {
        let Log { file, path, .. } = self.open(key)?;
        let size = file.metadata().map_err(|error| refused(&path, error))?.len();
        // Never more room than there are bytes, whatever is asked for.
        let length = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX).min(length);
        let mut bytes = vec![0; length];
        let read = read_at(&file, &mut bytes, offset).map_err(|error| refused(&path, error))?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The state after a line (spec 2.4), as if reduced from the first byte. Line 0 gives the state before all lines, and
    /// lines past the end give the last state, with an unterminated tail that counts (spec 1.2).
    ///
    /// # Errors
    /// As [`LogAccess::read`].
    pub fn state_at(&self, key: &str, line: u64) -> Result<RunState, IngestError> {
        let log = self.open(key)?;
        let found = self.known(&log, |cache| cache.snapshot(key, line))?;
        self.reduce(&log, found.map(|snapshot| (snapshot.state, snapshot.offset)), line)
    }

    /// The same with few of its spans and markers when there are very many, but with those that are wanted, and then which: it
    /// takes as long as what lies between the line and a snapshot before it, however much is before that.
    ///
    /// # Errors
    /// As [`LogAccess::read`].
    pub fn part_at(&self, key: &str, line: u64, mut wanted: Wanted) -> Result<(RunState, Option<Part>), IngestError> {
        let log = self.open(key)?;
        for _ in 0..TRIES {
            let Some(found) = self.known(&log, |cache| cache.glimpse(key, line, &wanted))? else { break };
            let Glimpse { snapshot, part } = found;
            let mut state = self.reduce(&log, Some((snapshot.state, snapshot.offset)), line)?;
            let asked = part.asked();
            if asked.is_empty() {
                let part = part.after(&state.take_changes());
                return Ok((state, Some(part)));
            }
            wanted.extend(asked);
            if wanted.spans.len() > FEW {
                break;
            }
        }
        Ok((self.state_at(key, line)?, None))
    }

    /// Goes on from a state and its offset, else from the first byte, to a line.
    fn reduce(&self, log: &Log, from: Option<(RunState, u64)>, line: u64) -> Result<RunState, IngestError> {
        let (state, offset) = from.unwrap_or_default();
        let mut reducer = Reducer::resume(self.inner.reading.clone(), state, offset);
        let mut buffer = vec![0; CHUNK];
        let mut at = reducer.offset();
        let mut missing = line - reducer.state().counters.lines.total();
        while missing > 0 {
            let read = read_at(&log.file, &mut buffer, at).map_err(|error| refused(&log.path, error))?;
            let bytes = &buffer[..read];
            if bytes.is_empty() {
                return Ok(match reducer.tail() {
                    Tail::Provisional(state, _) => *state,
                    Tail::None | Tail::Pending(_) => reducer.into_state(),
                });
            }
            let end = end_of_line(bytes, &mut missing);
            reducer.push(&bytes[..end], &mut |_| {});
            at += end as u64;
        }
        Ok(reducer.into_state())
    }

    /// The log of a run, to be reduced again from its first byte.
    ///
    /// # Errors
    /// As [`LogAccess::read`].
    pub fn replay(&self, key: &str) -> Result<Replay, IngestError> {
        let Log { file, path, .. } = self.open(key)?;
        Ok(Replay::new(file, path, Reducer::new(self.inner.reading.clone())))
    }

    /// Opens a file that a run's log names, for reading: a regular file beneath the run's directory, no part of its path
    /// a link, whatever the log says the path is (spec 5.3 rule 6).
    ///
    /// A path that leads elsewhere is tried once more from the run directory's own name in it on, because harnesses
    /// write paths as they see them: absolute, from their working directory, inside a container.
    ///
    /// # Errors
    /// A sentence for a person, without any path.
    pub fn artifact(&self, key: &str, written: &str) -> Result<File, &'static str> {
        let name = self.inner.name.as_ref().ok_or(NO_RUN)?;
        for root in &self.inner.roots {
            let Some(path) = key::path(&root.label, key) else { continue };
            let place = Place::open(&root.path).map_err(|_| UNREADABLE)?;
            let Some(log) = self.log_of(&place, name, path) else { continue };
            let directory = log.parent().unwrap_or(Path::new(""));
            let real = place.real.join(directory);
            let mut answer = Err(OUTSIDE);
            for below in beneath(&real, written) {
                answer = match place.open_log(&directory.join(below)) {
                    Ok((file, _)) => return Ok(file),
                    Err(Refused::Missing) => Err(MISSING),
                    Err(Refused::NotRegular(_)) => Err(NOT_REGULAR),
                    Err(Refused::Io(error)) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
                        Err(NOT_REGULAR)
                    }
                    Err(Refused::Io(error)) => {
                        tracing::warn!(%error, run = key, "an artifact could not be opened");
                        Err(UNREADABLE)
                    }
                };
            }
            return answer;
        }
        Err(NO_RUN)
    }

    /// What the cache knows of the past of a log, if it is of the log as it is now.
    fn known<T: AsRef<Snapshot>>(
        &self,
        log: &Log,
        ask: impl FnOnce(&Reader) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, IngestError> {
        let Some(cache) = &self.inner.cache else { return Ok(None) };
        let found = ask(cache).unwrap_or_else(|error| {
            tracing::warn!(%error, log = log.path, "the cache has no snapshots to give; reducing from the first byte");
            None
        });
        let Some(found) = found else { return Ok(None) };
        let is_same = |at: u64, length: u64, hash: u64| -> Result<bool, IngestError> {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(CHUNK).min(CHUNK)];
            let read = read_at(&log.file, &mut bytes, at).map_err(|error| refused(&log.path, error))?;
            Ok(read as u64 == length && u64::from(cursor::hash(0, &bytes[..read])) == hash)
        };
        let snapshot = found.as_ref();
        let (known, length) = (&snapshot.log.cursor, snapshot.before_length);
        let marks = Marks {
            head: is_same(0, known.head_length, known.head_hash)?,
            before: is_same(snapshot.offset.saturating_sub(length), length, snapshot.before_hash)?,
        };
        Ok(match cursor::decide(known, &log.stat, marks) {
            Decision::Same | Decision::Grown => Some(found),
            // Rewritten since it was read: ingest finds out by itself, and here all of it is reduced.
            Decision::Compare | Decision::New => None,
        })
    }

    /// Opens the log of a key. The key is no path: it is taken apart, and what it names is opened beneath its root.
    fn open(&self, key: &str) -> Result<Log, IngestError> {
        let unknown = || IngestError::UnknownRun(key.to_owned());
        let name = self.inner.name.as_ref().ok_or_else(unknown)?;
        for root in &self.inner.roots {
            let Some(path) = key::path(&root.label, key) else { continue };
            let place = Place::open(&root.path).map_err(|error| refused(&shown(&root.path), error))?;
            let Some(below) = self.log_of(&place, name, path) else { continue };
            let shown = shown(&root.path.join(&below));
            return match place.open_log(&below) {
                Ok((file, stat)) => Ok(Log { file, stat, path: shown }),
                Err(Refused::Missing) => Err(unknown()),
                Err(Refused::NotRegular(kind)) => Err(refused(&shown, not_regular(kind))),
                Err(Refused::Io(error)) => Err(refused(&shown, error)),
            };
        }
        Err(unknown())
    }

    /// The log that the path of a key stands for, none when it would not be found under it.
    fn log_of(&self, place: &Place, name: &LogName, path: PathBuf) -> Option<PathBuf> {
        let (directory, below) = match name {
            LogName::Exact(name) => (path.clone(), Some(path.join(name))),
            LogName::Glob(_) => (path.parent()?.to_owned(), None),
        };
        if directory.components().count() > self.inner.depth {
            return None;
        }
        below.or_else(|| {
            let called = path.file_name()?;
            let mut names = Vec::new();
            let listing = place.list(&directory).ok()?;
            for (entry, is_directory) in listing.names() {
                if !is_directory && name.matches(entry) {
                    names.push(entry.to_owned());
                }
            }
            let (_, file) = key::stems(names).into_iter().find(|(stem, _)| stem.as_bytes() == called.as_bytes())?;
            Some(directory.join(file))
        })
    }
}

const NO_RUN: &str = "No log has this key any more.";
const OUTSIDE: &str = "Its path leads out of the run's directory, where nothing is opened.";
const MISSING: &str = "There is no such file beneath the run's directory.";
const NOT_REGULAR: &str = "It is no regular file, or its path leads through a link.";
const UNREADABLE: &str = "The system does not let it be read.";

/// What a written path may mean beneath the directory of a run: as it stands, then behind the directory's own name.
fn beneath(directory: &Path, written: &str) -> Vec<PathBuf> {
    let path = Path::new(written);
    let whole = path.strip_prefix(directory).ok().or(Some(path).filter(|path| path.is_relative()));
    let parts: Vec<Component<'_>> = path.components().collect();
    let own = directory.file_name().and_then(|name| parts.iter().rposition(|part| part.as_os_str() == name));
    let tail: Option<PathBuf> = own.map(|at| parts[at + 1..].iter().collect());
    let honest = |path: &Path| {
        let mut below = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => below.push(name),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        Some(below).filter(|below| !below.as_os_str().is_empty() && !written.contains('\0'))
    };
    let mut found: Vec<PathBuf> = [whole, tail.as_deref()].into_iter().flatten().filter_map(honest).collect();
    found.dedup();
    found
}

/// The end of the `missing`-th line, else of the bytes; counts the line ends on the way.
fn end_of_line(bytes: &[u8], missing: &mut u64) -> usize {
    for end in memchr::memchr_iter(b'\n', bytes) {
        *missing -= 1;
        if *missing == 0 {
            return end + 1;
        }
    }
    bytes.len()
}

fn shown(path: &Path) -> String {
    visible_bytes(path.as_os_str().as_bytes())
}

fn not_regular(kind: Kind) -> io::Error {
    io::Error::other(format!("it is {}, not a regular file", kind.words()))
}

fn refused(path: &str, source: io::Error) -> IngestError {
    IngestError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn access(state: &Path, label: &str, log_name: &str) -> LogAccess {
        let root = Root { label: label.to_owned(), path: state.to_owned() };
        let reading = Reading::default();
        LogAccess::new(&Source { roots: vec![root], log_name: log_name.to_owned(), depth: 4, reading, poll: true })
    }

    #[test]
    fn a_key_reads_its_log_and_nothing_else() {
        let outside = tempfile::tempdir().expect("temporary directory");
        std::fs::write(outside.path().join("run.log"), "secret").expect("write");
        let state = tempfile::tempdir().expect("temporary directory");
        for run in ["a b", "x/y", "deep/1/2/3/4"] {
            std::fs::create_dir_all(state.path().join(run)).expect("mkdir");
            std::fs::write(state.path().join(run).join("run.log"), format!("log of {run}")).expect("write");
        }
        symlink(outside.path(), state.path().join("link")).expect("link");
        std::fs::create_dir(state.path().join("l")).expect("mkdir");
        symlink(outside.path().join("run.log"), state.path().join("l/run.log")).expect("link");
        let access = access(state.path(), "", "run.log");
        assert_eq!(access.read("a%20b", 0, 100).expect("read"), b"log of a b");
        assert_eq!(access.read("x/y", 4, 2).expect("read"), b"of");
        assert_eq!(access.read("x/y", 400, usize::MAX).expect("read"), b"");
        let name = outside.path().file_name().expect("name").to_string_lossy().into_owned();
        for key in
            ["", ".", "x", "..", &format!("../{name}"), &format!("%2E%2E%2F{name}"), "link/", "deep/1/2/3/4", "/etc"]
        {
            assert!(matches!(access.read(key, 0, 9), Err(IngestError::UnknownRun(_))), "{key}");
        }
        for key in ["link", "l"] {
            assert!(matches!(access.read(key, 0, 9), Err(IngestError::Read { .. })), "{key}");
        }
    }

    #[test]
    fn with_a_glob_the_key_is_looked_up_in_its_directory() {
        let state = tempfile::tempdir().expect("temporary directory");
        std::fs::create_dir(state.path().join("p")).expect("mkdir");
        for file in ["p/a.jsonl", "p/b.jsonl", "p/b.json", "p/note.txt"] {
            std::fs::write(state.path().join(file), file).expect("write");
        }
        let access = access(state.path(), "one", "*.json*");
        let read = |key: &str| access.read(key, 0, 100).ok();
        assert_eq!(read("one/p/a").as_deref(), Some(&b"p/a.jsonl"[..]));
        assert_eq!(read("one/p/b.json").as_deref(), Some(&b"p/b.json"[..]));
        for key in ["one/p/b", "one/p/a.jsonl", "one/p/note", "p/a", "one/.", "one/p"] {
            assert_eq!(read(key), None, "{key}");
        }
    }

    #[test]
    fn the_state_at_a_line_is_that_of_the_lines_up_to_it() {
        let state = tempfile::tempdir().expect("temporary directory");
        let log = "{\"phase\":\"build\"}\n\n{\"phase\":\"verify\"}\r\nplain\n{\"phase\":\"done\"}";
        std::fs::write(state.path().join("run.log"), log).expect("write");
        let access = access(state.path(), "", "run.log");
        let phases = [None, Some("build"), Some("build"), Some("verify"), Some("verify"), Some("done"), Some("done")];
        for (line, phase) in phases.into_iter().enumerate() {
            let state = access.state_at(".", line as u64).expect("state");
            assert_eq!(crate::reducer::run::value(&state.run.phase).map(String::as_str), phase, "line {line}");
            assert_eq!(state.counters.lines.total(), line.min(5) as u64);
        }
    }

    #[test]
    fn an_artifact_is_opened_beneath_its_run_and_nowhere_else() {
        let outside = tempfile::tempdir().expect("temporary directory");
        std::fs::write(outside.path().join("secret"), "secret").expect("write");
        let state = tempfile::tempdir().expect("temporary directory");
        for directory in ["a/sub", "b"] {
            std::fs::create_dir_all(state.path().join(directory)).expect("mkdir");
        }
        for file in ["a/run.log", "b/run.log", "a/out.md", "a/sub/x.json", "b/other"] {
            std::fs::write(state.path().join(file), file).expect("write");
        }
        symlink(outside.path().join("secret"), state.path().join("a/link")).expect("link");
        symlink(outside.path(), state.path().join("a/linked")).expect("link");
        symlink("out.md", state.path().join("a/inner")).expect("link");
        let access = access(state.path(), "", "run.log");
        let read = |path: &str| access.artifact("a", path).map(|file| std::io::read_to_string(file).expect("read"));
        let real = std::fs::canonicalize(state.path()).expect("real");
        let absolute = real.join("a/out.md").display().to_string();
        for path in ["out.md", "./out.md", "state/a/out.md", "/else/where/a/out.md", &absolute] {
            assert_eq!(read(path).as_deref(), Ok("a/out.md"), "{path}");
        }
        assert_eq!(read("sub//x.json").as_deref(), Ok("a/sub/x.json"));
        let secret = outside.path().join("secret").display().to_string();
        for (path, says) in [
            ("../b/other", OUTSIDE),
            ("sub/../../b/other", OUTSIDE),
            ("a/../../b/other", OUTSIDE),
            ("/etc/hostname", OUTSIDE),
            (secret.as_str(), OUTSIDE),
            ("", OUTSIDE),
            (".", OUTSIDE),
            ("/", OUTSIDE),
            ("out.md\0", OUTSIDE),
            ("nothing", MISSING),
            ("out.md/x", MISSING),
            ("sub", NOT_REGULAR),
            ("link", NOT_REGULAR),
            ("inner", NOT_REGULAR),
            ("..%2fb%2fother", MISSING),
        ] {
            assert_eq!(read(path), Err(says), "{path}");
        }
        assert_eq!(read("linked/secret"), Err(NOT_REGULAR));
        assert_eq!(access.artifact("nobody", "out.md").err(), Some(MISSING));
        assert_eq!(access.artifact("..", "out.md").err(), Some(NO_RUN));
    }
}
