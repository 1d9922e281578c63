//! Columns that say again, for whoever asks with SQL or filters a list, what other columns say: where they do not.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{TEACHES, count, int, key_of};
use super::row::LogRow;
use super::run_row;
use crate::reducer::compare::Mismatch;
use crate::reducer::run::{LineCounts, RunState, value};

/// Compares the columns of a run, of what was learned from it, and the counters of its log (of event rows, too) with the
/// state that is shown.
/// What a column has is first, what it should have second.
pub(super) fn mismatches(connection: &Connection, log: &LogRow, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let number =
        connection.prepare_cached("SELECT number FROM log WHERE key = ?")?.query_row([&log.key], |row| row.get(0));
    let Some(number) = number.optional()? else { return Ok(Vec::new()) };
    let mut found = lines(connection, number, &shown.counters.lines)?;
    for (column, first, second) in run_row::amiss(connection, number, log, shown)? {
        found.push(Mismatch {
            path: format!("run column {column}"),
            first: text(first),
            second: text(second),
            line: None,
        });
    }
    found.extend(lessons(connection, number, shown)?);
    Ok(found)
}

fn lines(connection: &Connection, number: u32, counted: &LineCounts) -> rusqlite::Result<Vec<Mismatch>> {
    let LineCounts { event, text: plain, malformed, oversized, blank } = *counted;
    let counted = [
        ("lines_event", event),
        ("lines_text", plain),
        ("lines_malformed", malformed),
        ("lines_oversized", oversized),
        ("lines_blank", blank),
    ];
    let rows = "SELECT count(*) FROM event WHERE key BETWEEN ? AND ?";
    let keys = [key_of(number, 0), key_of(number, u32::MAX)];
    let rows: i64 = connection.prepare_cached(rows)?.query_row(keys, |row| row.get(0))?;
    let counted = counted.into_iter().chain([("events + provisional_events", count(rows))]);
    let mut found = Vec::new();
    for (column, wanted) in counted {
        let sql = format!("SELECT {column} FROM log WHERE number = ?");
        let stored: i64 = connection.prepare_cached(&sql)?.query_row([number], |row| row.get(0))?;
        if stored != int(wanted) {
            let (first, second) = (stored.to_string(), wanted.to_string());
            found.push(Mismatch { path: format!("log column {column}"), first, second, line: None });
        }
    }
    Ok(found)
}

/// What completed phases say that expectations are learned from: the run's workflow and first event, others nothing.
fn lessons(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let at = value(&shown.run.first_event_at).map(|at| at.0);
    let workflow = at.and(value(&shown.run.workflow));
    let sql = format!(
        "SELECT key & 0xffffffff, learn_workflow, learn_at, ({TEACHES}), closed_line FROM span
         WHERE key BETWEEN ?1 AND ?2
         AND (learn_workflow IS NOT iif({TEACHES}, ?3, NULL) OR learn_at IS NOT iif({TEACHES}, ?4, NULL))"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![key_of(number, 0), key_of(number, u32::MAX), workflow, at], |row| {
        let (place, teaches): (u32, bool) = (row.get(0)?, row.get(3)?);
        let first = format!("{} {}", text(row.get(1)?), text(row.get(2)?));
        let second = match (teaches, at) {
            (true, Some(at)) => format!("{} {at}", workflow.map_or("", String::as_str)),
            _ => String::new(),
        };
        let line: Option<i64> = row.get(4)?;
        let line = line.and_then(|line| u64::try_from(line).ok());
        Ok(Mismatch { path: format!("spans[{place}] columns learn_workflow, learn_at"), first, second, line })
    })?;
    rows.collect()
}

fn text(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
