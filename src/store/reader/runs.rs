//! Runs as they are read: where they stand, what is known of them, and which run retries them.

use std::sync::{Arc, LazyLock};

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::remembered::Remembered;
use super::{Lists, shown};
use crate::reducer::run::{RunState, value};
use crate::store::columns::{self, count, unreadable};
use crate::store::log_row::{self, LOG, LOG_COLUMNS};
use crate::store::row::{LogRow, RunRecord};
use crate::store::snapshot;
use crate::store::span_rows;

/// What follows `SELECT` where runs are found, each with its version: what is known of it need not be read again.
pub(super) fn select(more: &str, rest: &str) -> String {
    format!("SELECT run.number, log.version{more} FROM run JOIN log ON log.number = run.number {rest}")
}

/// Everything about one of them.
static READ: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {LOG}, log.base, run.state FROM run JOIN log ON log.number = run.number WHERE run.number = ?")
});

/// The runs that `rest` (joins, conditions, order) is true of, with their lists.
pub(super) fn records(
    connection: &Connection,
    rest: &str,
    values: &[Value],
    lists: Lists,
    remembered: Remembered<'_>,
) -> rusqlite::Result<Vec<RunRecord>> {
    let mut statement = connection.prepare_cached(&select("", rest))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(connection, row.get(0)?, count(row.get(1)?), lists, remembered)?);
    }
    Ok(records)
}

/// The run of a number, which has this version.
pub(super) fn read(
    connection: &Connection,
    number: u32,
    version: u64,
    lists: Lists,
    remembered: Remembered<'_>,
) -> rusqlite::Result<RunRecord> {
    if let Some(known) = remembered.get(number, version).filter(|_| lists == Lists::Open) {
        return Ok(known);
    }
    let mut statement = connection.prepare_cached(&READ)?;
    let record = statement.query_row([number], |row| {
        let log = Arc::new(log_row::read(row, 0)?);
        let core = row.get_ref(LOG_COLUMNS + 1)?.as_blob()?;
        let core = snapshot::decode(core).map_err(|error| unreadable(LOG_COLUMNS + 1, error))?;
        let state = Arc::new(with_lists(connection, core, (number, row.get(LOG_COLUMNS)?), lists)?);
        let retried_by = retried_by(connection, &log, &state)?;
        Ok(RunRecord { number, key: log.key.clone(), version, state, modified: log.modified(), log, retried_by })
    })?;
    if lists == Lists::Open {
        remembered.put(&record);
    }
    Ok(record)
}

fn with_lists(
    connection: &Connection,
    mut state: RunState,
    (number, base): (u32, i64),
    lists: Lists,
) -> rusqlite::Result<RunState> {
    match lists {
        Lists::None => {}
        // Nothing stays open over the end of a run (spec 2.2 rule 11).
        Lists::Open if state.run.is_ended() => {}
        Lists::Open => {
            state.spans = span_rows::read(connection, number, base, false)?;
            state.markers = columns::read_markers(connection, number, false)?;
        }
        Lists::Phases => {
            state.spans = shown::phases_and_open(connection, number, base)?;
            state.markers = columns::read_markers(connection, number, false)?;
        }
        Lists::Markers => {
            state.spans = span_rows::read(connection, number, base, false)?;
            state.markers = columns::read_markers(connection, number, true)?;
        }
        Lists::All => {
            state.spans = span_rows::read(connection, number, base, true)?;
            state.markers = columns::read_markers(connection, number, true)?;
            state.artifacts = columns::read_artifacts(connection, number)?;
        }
    }
    Ok(state)
}

/// How many events a run has, those of a provisional tail included.
pub(super) fn events(connection: &Connection, number: u32) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT events FROM run WHERE number = ?")?;
    let mut rows = statement.query([number])?;
    rows.next()?.map_or(Ok(0), |row| row.get(0).map(count))
}

/// The newest later run of the same state directory that says it retries this one: by its key, with or without the
/// label, or by the last part of it (spec 2.6, Attention).
fn retried_by(connection: &Connection, log: &LogRow, state: &RunState) -> rusqlite::Result<Option<String>> {
    let Some(began) = value(&state.run.first_event_at) else { return Ok(None) };
    let (key, source) = (log.key.as_str(), log.source.as_str());
    let bare = key.strip_prefix(source).and_then(|rest| rest.strip_prefix('/')).unwrap_or(key);
    let last = key.rsplit('/').next().unwrap_or(key);
    let mut names = vec![key, bare, last];
    names.dedup();
    // One question for each is cheaper than one for all, which SQLite would sort.
    let mut statement = connection.prepare_cached(
        "SELECT first_event_at, key FROM run INDEXED BY run_retry
         WHERE retry_of = ? AND first_event_at > ? AND source = ? ORDER BY first_event_at DESC LIMIT 1",
    )?;
    let mut newest: Option<(i64, String)> = None;
    for name in names {
        let mut rows = statement.query(params![name, began.0, source])?;
        if let Some(row) = rows.next()? {
            let (at, key) = (row.get(0)?, row.get(1)?);
            newest = newest.filter(|(other, _)| *other >= at).or(Some((at, key)));
        }
    }
    Ok(newest.map(|(_, key)| key))
}

/// The columns of a run that a search looks into (spec 3.2).
pub(super) const SEARCHED: [&str; 6] =
    ["run.key", "run.title", "run.workflow", "run.candidate", "run.error", "run.status_reason"];

/// The condition that one of the columns holds a text; its values are added.
pub(super) fn mentions(columns: &[&str], text: &str, values: &mut Vec<Value>) -> String {
    let any: Vec<String> = columns.iter().map(|column| format!("{column} LIKE ? ESCAPE '\\'")).collect();
    let pattern = pattern(text);
    values.extend(columns.iter().map(|_| Value::Text(pattern.clone())));
    format!("({})", any.join(" OR "))
}

/// A LIKE pattern for text that holds no wildcard. SQLite takes patterns of up to 50,000 bytes; longer ones are cut.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    pattern.push('%');
    for letter in text.chars().take(5000) {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
