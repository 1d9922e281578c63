//! The row of a run: every value that lists and filters ask for, beside the bytes of the whole state.

use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::columns::int;
use super::inserts::{Entry, holes};
use super::row::LogRow;
use crate::reducer::run::{Holder, Known, RunState, Status, value};
use crate::reducer::time::Micros;

/// Columns that seldom change and mostly have an index: they are left alone while they are equal.
const COLD: [&str; 11] = [
    "key",
    "source",
    "title",
    "workflow",
    "status",
    "status_order",
    "open",
    "first_event_at",
    "ended_at",
    "cost_usd",
    "retry_of",
];

const HOT: [&str; 31] = [
    "status_reason",
    "error",
    "phase",
    "candidate",
    "attempt",
    "max_attempts",
    "score",
    "pass_threshold",
    "holder",
    "steps_done",
    "steps_total",
    "claimed_by",
    "cancel_requested_at",
    "deadline",
    "expected_ms",
    "queued_at",
    "started_at",
    "last_life_at",
    "last_progress_at",
    "last_heartbeat_at",
    "heartbeats",
    "duration_ms",
    "tokens_in",
    "tokens_out",
    "events",
    "spans",
    "markers",
    "open_markers",
    "artifacts",
    "modified",
    "state",
];

static FIND: LazyLock<String> = LazyLock::new(|| format!("SELECT {} FROM run WHERE number = ?", COLD.join(", ")));
static INSERT: LazyLock<String> = LazyLock::new(|| write_as(Entry::New));
static REPLACE: LazyLock<String> = LazyLock::new(|| write_as(Entry::Known));
static TOUCH: LazyLock<String> =
    LazyLock::new(|| format!("UPDATE run SET {} = ? WHERE number = ?", HOT.join(" = ?, ")));

fn write_as(entry: Entry) -> String {
    let columns = [&HOT[..], &COLD[..]].concat().join(", ");
    let holes = holes(HOT.len() + COLD.len() + 1);
    format!("{} INTO run ({columns}, number) VALUES ({holes})", entry.verb())
}

/// Writes the row of a run as shown; `core` are the bytes of the state. An old row is changed as little as possible.
pub(super) fn write(
    connection: &Connection,
    entry: Entry,
    number: u32,
    log: &LogRow,
    state: &RunState,
    core: &[u8],
) -> rusqlite::Result<()> {
    let hot = hot(log, state, core);
    let cold = cold(log, state);
    let number = ValueRef::Integer(i64::from(number));
    let old = match entry {
        Entry::New => None,
        Entry::Known => find(connection, number)?,
    };
    let sql: &str = match old {
        Some(old) if old.iter().map(ValueRef::from).eq(cold.iter().copied()) => {
            return execute(&mut connection.prepare_cached(&TOUCH)?, hot.iter().chain([&number]));
        }
        Some(_) => &REPLACE,
        None => &INSERT,
    };
    execute(&mut connection.prepare_cached(sql)?, hot.iter().chain(&cold).chain([&number]))
}

fn execute<'a>(
    statement: &mut CachedStatement<'_>,
    values: impl Iterator<Item = &'a ValueRef<'a>>,
) -> rusqlite::Result<()> {
    for (n, value) in values.enumerate() {
        statement.raw_bind_parameter(n + 1, ToSqlOutput::Borrowed(*value))?;
    }
    statement.raw_execute().map(|_| ())
}

/// Every column, the bytes of the state apart, that does not say what it is made from: its name, what it says, and what
/// it should say.
pub(super) fn amiss(
    connection: &Connection,
    number: u32,
    log: &LogRow,
    state: &RunState,
) -> rusqlite::Result<Vec<(&'static str, Value, Value)>> {
    let columns = [&HOT[..], &COLD[..]].concat();
    let (hot, cold) = (hot(log, state, &[]), cold(log, state));
    let mut statement =
        connection.prepare_cached(&format!("SELECT {} FROM run WHERE number = ?", columns.join(", ")))?;
    let mut rows = statement.query([number])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let mut amiss = Vec::new();
    for (n, (column, wanted)) in columns.into_iter().zip(hot.iter().chain(&cold)).enumerate() {
        let found: Value = row.get(n)?;
        if column != "state" && ValueRef::from(&found) != *wanted {
            amiss.push((column, found, Value::try_from(*wanted)?));
        }
    }
    Ok(amiss)
}

/// The columns of [`COLD`] as they are.
fn find(connection: &Connection, number: ValueRef<'_>) -> rusqlite::Result<Option<Vec<Value>>> {
    connection
        .prepare_cached(&FIND)?
        .query_row([ToSqlOutput::Borrowed(number)], |row| (0..COLD.len()).map(|n| row.get(n)).collect())
        .optional()
}

fn cold<'a>(log: &'a LogRow, state: &'a RunState) -> [ValueRef<'a>; COLD.len()] {
    let run = &state.run;
    let status = value(&run.status).copied();
    [
        text(&log.key),
        text(&log.source),
        text(run.title_or(log.fallback_title())),
        known_text(&run.workflow),
        status.map_or(ValueRef::Null, |status| text(status.as_str())),
        ValueRef::Integer(status_order(status)),
        ValueRef::Integer(i64::from(!run.is_ended())),
        known_time(&run.first_event_at),
        known_time(&run.ended_at),
        known_real(&run.cost_usd),
        known_text(&run.retry_of),
    ]
}

fn hot<'a>(log: &LogRow, state: &'a RunState, core: &'a [u8]) -> [ValueRef<'a>; HOT.len()] {
    let run = &state.run;
    let whole = |count: u64| ValueRef::Integer(int(count));
    let length = |count: usize| ValueRef::Integer(int(count as u64));
    let known_whole = |known: &Known<u64>| value(known).map_or(ValueRef::Null, |count| whole(*count));
    let error = value(&run.error).and_then(|error| error.message.as_deref().or(error.kind.as_deref()));
    [
        known_text(&run.status_reason),
        error.map_or(ValueRef::Null, text),
        known_text(&run.phase),
        known_text(&run.candidate),
        known_whole(&run.attempt),
        known_whole(&run.max_attempts),
        known_real(&run.score),
        known_real(&run.pass_threshold),
        value(&run.holder).map(Holder::as_str).map_or(ValueRef::Null, text),
        whole(state.counters.steps_done),
        known_whole(&run.steps_total),
        known_text(&run.claimed_by),
        known_time(&run.cancel_requested_at),
        known_time(&run.deadline),
        value(&run.expected_ms).map_or(ValueRef::Null, |ms| ValueRef::Integer(*ms)),
        known_time(&run.queued_at),
        known_time(&run.started_at),
        known_time(&run.last_life_at),
        known_time(&run.last_progress_at),
        known_time(&run.last_heartbeat_at),
        whole(value(&run.heartbeats).copied().unwrap_or(0)),
        duration_ms(state).map_or(ValueRef::Null, ValueRef::Integer),
        known_whole(&run.tokens_in),
        known_whole(&run.tokens_out),
        whole(state.counters.events),
        length(state.spans.len()),
        length(state.markers.len()),
        length(state.markers.iter().filter(|marker| marker.is_open()).count()),
        length(state.artifacts.len()),
        log.modified().map_or(ValueRef::Null, |at| ValueRef::Integer(at.0)),
        ValueRef::Blob(core),
    ]
}

/// Every status, in the order of lists that are sorted by status.
pub(super) const STATUSES: [Option<Status>; 8] = [
    Some(Status::NeedsHuman),
    Some(Status::Running),
    Some(Status::Queued),
    Some(Status::Failed),
    Some(Status::TimedOut),
    Some(Status::Cancelled),
    Some(Status::Completed),
    None,
];

/// Where a status stands in a list sorted by status: what needs a person comes first, then what runs, then bad ends.
pub(super) fn status_order(status: Option<Status>) -> i64 {
    match status {
        Some(Status::NeedsHuman) => 7,
        Some(Status::Running) => 6,
        Some(Status::Queued) => 5,
        Some(Status::Failed) => 4,
        Some(Status::TimedOut) => 3,
        Some(Status::Cancelled) => 2,
        Some(Status::Completed) => 1,
        None => 0,
    }
}

/// [`status_order`] of runs that failed or timed out.
pub(super) const FAILED: [i64; 2] = [4, 3];

/// From the start to the end, else to the last sign of life.
pub(super) fn duration_ms(state: &RunState) -> Option<i64> {
    let run = &state.run;
    let end = if run.is_ended() { value(&run.ended_at) } else { value(&run.last_life_at) };
    end?.millis_since(*value(&run.started_at)?)
}

fn text(text: &str) -> ValueRef<'_> {
    ValueRef::Text(text.as_bytes())
}

fn known_text(known: &Known<String>) -> ValueRef<'_> {
    value(known).map_or(ValueRef::Null, |known| text(known))
}

fn known_time(known: &Known<Micros>) -> ValueRef<'static> {
    value(known).map_or(ValueRef::Null, |at| ValueRef::Integer(at.0))
}

fn known_real(known: &Known<f64>) -> ValueRef<'static> {
    value(known).map_or(ValueRef::Null, |number| ValueRef::Real(*number))
}
