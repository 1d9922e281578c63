//! Whether the cache says of a log what its bytes say: reduced again from the first one, and compared (spec 2.3).

use super::{IngestError, LogAccess};
use crate::reducer::compare::{Mismatch, mismatches};
use crate::reducer::dump::EventsHash;
use crate::reducer::event::Event;
use crate::reducer::reduce::{EventRow, Tail};
use crate::store::reader::Lists;
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
/// and the event rows by their number and hash.
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
    let mut hash = EventsHash::default();
    let mut each = |event: &Event<'_>| hash.push(&EventRow::of(event));

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
    let tail = match replay.reducer().tail() {
        Tail::None => (0, 0),
        Tail::Pending(bytes) => (bytes, 0),
        Tail::Provisional(state, rows) => {
            rows.iter().for_each(|row| hash.push(row));
            found.extend(mismatches(&record.state, &state));
            (0, log.provisional_bytes.max(1))
        }
    };
    if tail.1 == 0 {
        found.extend(mismatches(&record.state, replay.reducer().state()));
    }
    let mut values = vec![("log.pending_bytes", log.pending_bytes.to_string(), tail.0.to_string())];
    values.push(("log.provisional_bytes", log.provisional_bytes.to_string(), tail.1.to_string()));
    // While the second stage is behind there are no rows to compare yet.
    if log.events_offset == log.cursor.offset
        && let Some((count, sha256)) = reader.events_hash(key)?
    {
        let (events, replayed) = hash.finish();
        values.push(("events", count.to_string(), events.to_string()));
        values.push(("events_sha256", sha256, replayed));
    }
    let differ = values.into_iter().filter(|(_, first, second)| first != second);
    found.extend(differ.map(|(path, first, second)| Mismatch { path: path.to_owned(), first, second, line: None }));
    Ok(verified)
}

/// The file ends before the bytes that were reduced.
fn short(offset: u64, end: u64) -> Mismatch {
    Mismatch { path: String::from("log.offset"), first: offset.to_string(), second: end.to_string(), line: None }
}
