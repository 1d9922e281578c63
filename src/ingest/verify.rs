//! Whether the cache says of a log what its bytes say: reduced again from the first one, and compared (spec 2.3).

use std::borrow::Cow;
use std::collections::VecDeque;

use super::{IngestError, LogAccess};
use crate::reducer::compare::{Mismatch, mismatches};
use crate::reducer::event::Event;
use crate::reducer::reduce::{EventRow, Tail};
use crate::store::reader::{EventFilter, EventRecord, Lists};
use crate::store::{Reader, RunRecord};

/// How often a run is looked at again that changed while it was compared.
const TRIES: u32 = 5;

/// What came of comparing one run. `first` of a mismatch is the cache, `second` the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Everything that differs.
    pub mismatches: Vec<Mismatch>,
    /// Why there was nothing to compare, for a person.
    pub skipped: Option<String>,
    /// Snapshots on the way that were compared, too.
    pub snapshots: u64,
}

/// Compares one run: the state at the cursor and as it is shown, all lists, counters, snapshots, the unterminated tail,
/// the columns that are derived from the state, and every event row.
///
/// # Errors
/// What the cache says, and [`IngestError::Read`] when the log cannot be read. A log that is gone or that cannot be
/// opened by ingest either is skipped: the cache keeps what it said last.
pub fn verify(reader: &Reader, logs: &LogAccess, key: &str) -> Result<Verified, IngestError> {
    for _ in 0..TRIES {
        let Some(record) = reader.run(key, Lists::All)? else {
            return Ok(skipped("nothing was reduced from it"));
        };
        if record.log.gone || record.log.problem.is_some() {
            return Ok(skipped("its log is gone or cannot be read; what it said last is kept"));
        }
        let verified = compare(reader, logs, &record)?;
        let is_same = reader.run(key, Lists::None)?.is_some_and(|again| again.version == record.version);
        if is_same {
            return Ok(verified);
        }
    }
    Ok(skipped("it changed while it was compared"))
}

fn skipped(why: &str) -> Verified {
    Verified { skipped: Some(why.to_owned()), ..Verified::default() }
}

fn compare(reader: &Reader, logs: &LogAccess, record: &RunRecord) -> Result<Verified, IngestError> {
    let key = record.key.as_str();
    let log = &record.log;
    let mut replay = logs.replay(key)?;
    let mut verified = Verified::default();
    let found = &mut verified.mismatches;
    let mut rows = Rows::of(reader, record);
    let mut each = |event: &Event<'_>| rows.compare(&EventRow::of(event));

    for line in reader.snapshot_lines(key)? {
        let Some(snapshot) = reader.snapshot(key, line)? else { continue };
        if !replay.to(snapshot.offset, &mut each)? {
            found.push(short(snapshot.offset, replay.reducer().offset()));
            return Ok(verified);
        }
        let differ = mismatches(&snapshot.state, replay.reducer().state());
        found.extend(differ.into_iter().map(|m| Mismatch { path: format!("snapshot {line}: {}", m.path), ..m }));
        verified.snapshots += 1;
    }
    if !replay.to(log.cursor.offset, &mut each)? {
        found.push(short(log.cursor.offset, replay.reducer().offset()));
        return Ok(verified);
    }
    // Without a tail the state at the cursor is the one that is shown.
    if log.provisional_bytes > 0
        && let Some(stored) = reader.resume(key)?
    {
        let differ = mismatches(&stored, replay.reducer().state());
        found.extend(differ.into_iter().map(|m| Mismatch { path: format!("at the cursor: {}", m.path), ..m }));
    }
    // The tail as long as it was when it was read; more may have come since.
    replay.to(log.cursor.offset + log.pending_bytes + log.provisional_bytes, &mut each)?;
    let tail = replay.reducer().tail();
    let (pending, provisional, shown) = match &tail {
        Tail::None => (0, 0, replay.reducer().state()),
        Tail::Pending(bytes) => (*bytes, 0, replay.reducer().state()),
        Tail::Provisional(state, more) => {
            more.iter().for_each(|row| rows.compare(row));
            (0, log.provisional_bytes.max(1), &**state)
        }
    };
    // What was reduced for the run alone has no more to compare with.
    let mut shown = Cow::Borrowed(shown);
    if shown.run.is_ended() && log.may_lack_lists() && record.state.has_phases_only() {
        _ = shown.to_mut().keep_phases();
    }
    found.extend(mismatches(&record.state, &shown));
    found.extend(reader.derived(log, &shown)?);
    found.extend(different("log.pending_bytes", log.pending_bytes, pending));
    found.extend(different("log.provisional_bytes", log.provisional_bytes, provisional));
    found.extend(rows.finish()?);
    Ok(verified)
}

/// Compares the event rows of the cache with those of a replay while they come.
struct Rows<'r> {
    reader: &'r Reader,
    key: &'r str,
    page: VecDeque<EventRecord>,
    /// How many rows came.
    seen: u64,
    found: Vec<Mismatch>,
    /// Why no more is compared: there may be no rows of what was reduced without them, and there may be an error.
    stopped: Option<Result<(), IngestError>>,
}

/// Rows of the cache that are asked for at once.
const PAGE: u32 = 1000;

/// Rows that are named when they differ.
const MOST_ROWS: usize = 100;

impl<'r> Rows<'r> {
    fn of(reader: &'r Reader, record: &'r RunRecord) -> Self {
        let stopped = record.log.lacks_rows().then_some(Ok(()));
        Self { reader, key: &record.key, page: VecDeque::new(), seen: 0, found: Vec::new(), stopped }
    }

    fn compare(&mut self, wanted: &EventRow) {
        if self.stopped.is_some() {
            return;
        }
        match self.next() {
            Ok(found) => {
                self.seen += 1;
                if found.as_ref().map(|found| &found.row) != Some(wanted) && self.found.len() < MOST_ROWS {
                    let first = found.map(|found| json(&found.row)).unwrap_or_default();
                    let (path, line) = (format!("events[{}]", self.seen - 1), Some(wanted.line));
                    self.found.push(Mismatch { path, first, second: json(wanted), line });
                }
            }
            Err(error) => self.stopped = Some(Err(error)),
        }
    }

    fn next(&mut self) -> Result<Option<EventRecord>, IngestError> {
        if self.page.is_empty() {
            let filter = EventFilter { hidden: true, after: Some(self.seen), limit: PAGE, ..EventFilter::default() };
            self.page.extend(self.reader.events(self.key, &filter)?.events);
        }
        Ok(self.page.pop_front())
    }

    /// All that differ; rows that the replay has not are one more.
    fn finish(mut self) -> Result<Vec<Mismatch>, IngestError> {
        if let Some(stopped) = self.stopped {
            return stopped.map(|()| self.found);
        }
        if let Some(more) = self.next()? {
            let (path, line) = (format!("events[{}]", self.seen), Some(more.row.line));
            self.found.push(Mismatch { path, first: json(&more.row), second: String::new(), line });
        }
        Ok(self.found)
    }
}

fn json(row: &EventRow) -> String {
    serde_json::to_string(row).expect("numbers and texts always serialise into memory")
}

fn different(path: &str, first: u64, second: u64) -> Option<Mismatch> {
    let differ = first != second;
    differ.then(|| Mismatch { path: path.to_owned(), first: first.to_string(), second: second.to_string(), line: None })
}

/// The file ends before the bytes that were reduced.
fn short(offset: u64, end: u64) -> Mismatch {
    Mismatch { path: String::from("log.offset"), first: offset.to_string(), second: end.to_string(), line: None }
}
