//! The plain values that go into the cache and come out of it. No SQL here, so that its callers need none.

use std::sync::Arc;

use crate::reducer::reduce::EventRow;
use crate::reducer::run::{Changes, RunState};
use crate::reducer::time::Micros;

/// Where reading a log goes on, and by what the log is known to be the same one (spec 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cursor {
    pub device: u64,
    pub inode: u64,
    /// From 1; one more each time the log turned out to be another one.
    pub generation: u64,
    /// First byte of the line after those that are reduced.
    pub offset: u64,
    pub size: u64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    /// Hash of the first bytes, and of how many.
    pub head_hash: u64,
    pub head_length: u64,
    /// Hash of the bytes just before `offset`, and of how many.
    pub before_hash: u64,
    pub before_length: u64,
    /// Running hash of all bytes before `offset`.
    pub prefix_hash: u64,
    /// The file was read so shortly after a change that a further one may not show in its times: it is compared once more
    /// when it is quiet, also after a restart (spec 5.1).
    pub doubt: bool,
}

/// What is wrong with a log as a file, in words a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A short stable code: `not_regular`, `unreadable`, `read_error`, `gone`, `hole`.
    pub code: String,
    /// The sentence, naming the file and the fix.
    pub text: String,
}

/// A log: a file, its cursor and its health, apart from the run that was reduced from it (spec 1.1).
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct LogRow {
    /// The run's key (spec 1.1): percent-encoded, `/` between parts, label first with several state directories.
    pub key: String,
    /// The label of the state directory, empty with only one.
    pub source: String,
    /// The path as bytes made visible, for people.
    pub path: String,
    pub cursor: Cursor,
    /// Bytes of an unterminated tail that is no line yet.
    pub pending_bytes: u64,
    /// Bytes of an unterminated tail that was taken provisionally.
    pub provisional_bytes: u64,
    /// The log vanished; the last state is kept (spec 2.3).
    pub gone: bool,
    /// A shorter or different file took the log's name at least once (the generation then is over 1).
    pub rotated: bool,
    pub problem: Option<Problem>,
    /// Event rows are written up to this byte; less than the cursor's offset in what was reduced without them
    /// ([`LogRow::lacks_rows`]).
    pub events_offset: u64,
}

impl LogRow {
    /// Whether it is there and something is wrong with it.
    #[must_use]
    pub fn has_problem(&self) -> bool {
        self.problem.is_some() && !self.gone
    }

    /// Whether it was reduced without the rows of its events.
    #[must_use]
    pub fn lacks_rows(&self) -> bool {
        self.events_offset != self.cursor.offset
    }

    /// Whether its run, if it has ended, may lack the entries of its lists but the phases: it was read to its end, for the
    /// run alone.
    #[must_use]
    pub fn may_lack_lists(&self) -> bool {
        self.lacks_rows() && self.cursor.offset + self.pending_bytes == self.cursor.size
    }

    /// Whether nothing that anybody is shown is otherwise.
    pub(super) fn is_shown_like(&self, other: &Self) -> bool {
        let cursor = Cursor { doubt: other.cursor.doubt, ..self.cursor.clone() };
        Self { cursor, ..self.clone() } == *other
    }

    /// The log file's modification time, once it is known.
    #[must_use]
    pub fn modified(&self) -> Option<Micros> {
        (self.cursor.mtime_ns != 0).then(|| Micros(self.cursor.mtime_ns.div_euclid(1000)))
    }

    /// The title of a run that has none and no workflow: its key, or for the key `.` the name of the directory that
    /// holds the log (spec 1.1).
    #[must_use]
    pub fn fallback_title(&self) -> &str {
        if self.key != "." && !self.key.ends_with("/.") {
            return &self.key;
        }
        let directory = std::path::Path::new(&self.path).parent().and_then(|directory| directory.file_name());
        directory.and_then(|name| name.to_str()).unwrap_or(&self.key)
    }
}

/// The unterminated tail taken provisionally: shown, and not resumed from.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Provisional {
    pub state: Box<RunState>,
    /// What the tail changed, against the stored state.
    pub changes: Changes,
    pub events: Vec<EventRow>,
}

/// What one turn of reading a log gave: committed as a whole or not at all.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Batch {
    pub log: LogRow,
    /// Rows of an older generation go first.
    pub replace: bool,
    /// The state at the cursor.
    pub state: Arc<RunState>,
    /// Entries of `state` to write: changed since the last batch. What the last provisional tail touched is known here.
    pub changes: Changes,
    /// The rows from the last batch to the cursor; `None` when the log is reduced without them.
    pub events: Option<Vec<EventRow>>,
    pub provisional: Option<Provisional>,
}

/// A run as it comes out of the cache.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct RunRecord {
    /// The run's number in the cache; not stable across rebuilds.
    pub number: u32,
    pub key: String,
    /// Grows with every change of the run.
    pub version: u64,
    /// As shown: with the provisional tail. The lists hold what the question asked for.
    pub state: Arc<RunState>,
    pub log: Arc<LogRow>,
    /// The log file's modification time.
    pub modified: Option<Micros>,
    /// The key of a later run that says `retry_of` this one.
    pub retried_by: Option<String>,
}

impl RunRecord {
    /// To change what a test shows.
    #[cfg(test)]
    pub(crate) fn state_mut(&mut self) -> &mut RunState {
        Arc::make_mut(&mut self.state)
    }

    /// The same of its log.
    #[cfg(test)]
    pub(crate) fn log_mut(&mut self) -> &mut LogRow {
        Arc::make_mut(&mut self.log)
    }

    /// The title, else the workflow, else the key (spec 2.1).
    #[must_use]
    pub fn title(&self) -> &str {
        self.state.run.title_or(self.log.fallback_title())
    }
}

/// A closed marker with its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// Of the marker among those of all runs.
    pub number: i64,
    /// The marker.
    pub marker: crate::reducer::marker::Marker,
    /// The run's key.
    pub run: String,
    /// The run's title, else its workflow, else its key.
    pub title: String,
    /// The run's workflow.
    pub workflow: Option<String>,
}
