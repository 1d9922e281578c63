//! Lessons as rows: what expectations are learned from (spec 2.6), one row for each completed phase of a run that says when
//! it began.

use std::sync::LazyLock;

use rusqlite::Connection;

use super::columns::key_of;
use super::inserts::{Entry, Inserts};
use super::log_row::StoredRun;
use crate::reducer::run::{RunState, value};
use crate::reducer::span::{Span, SpanKind, SpanStatus};

static LESSONS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("lesson", "key, workflow, phase, at, duration_ms"));

/// What a completed phase teaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lesson<Text> {
    /// Of the run.
    pub(super) workflow: Option<Text>,
    pub(super) phase: Text,
    /// The run's first event, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) duration_ms: i64,
}

impl<'a> Lesson<&'a str> {
    /// The lesson of a run's span, if it is one.
    pub(super) fn of(run: &'a RunState, span: &'a Span) -> Option<Self> {
        if span.kind != SpanKind::Phase || span.status != SpanStatus::Completed {
            return None;
        }
        Some(Self {
            workflow: value(&run.run.workflow).map(String::as_str),
            phase: span.id.as_deref()?,
            at: value(&run.run.first_event_at)?.0,
            duration_ms: span.duration_ms?,
        })
    }
}

/// Makes the lessons of a run those of the state that is shown, of which the spans at the changed places differ from the
/// tables; says whether anything was written. `old` is the run as it is in the tables.
pub(super) fn write(
    connection: &Connection,
    number: u32,
    old: Option<&StoredRun>,
    changed: &[u32],
    shown: &RunState,
) -> rusqlite::Result<bool> {
    // Every lesson says of the run when it began and what it does.
    let same_run = |old: &StoredRun| {
        (old.workflow.as_ref(), old.first_event_at.as_ref())
            == (value(&shown.run.workflow), value(&shown.run.first_event_at))
    };
    if changed.is_empty() && old.is_some_and(|old| same_run(old) && old.spans <= shown.spans.len() as u64) {
        return Ok(false);
    }
    let lesson = |place: u32| Lesson::of(shown, shown.spans.get(place as usize)?);
    let mut deleted = false;
    if old.is_some() {
        for (place, _) in read(connection, number)? {
            if lesson(place).is_none() {
                connection.prepare_cached("DELETE FROM lesson WHERE key = ?")?.execute([key_of(number, place)])?;
                deleted = true;
            }
        }
    }
    let rows: Vec<(u32, Lesson<&str>)> = if old.is_none_or(same_run) {
        changed.iter().filter_map(|place| Some((*place, lesson(*place)?))).collect()
    } else {
        (0..).zip(&shown.spans).filter_map(|(place, span)| Some((place, Lesson::of(shown, span)?))).collect()
    };
    let written = !rows.is_empty();
    let entry = if old.is_none() { Entry::New } else { Entry::Known };
    LESSONS.write(connection, entry, rows.into_iter(), |statement, first, (place, lesson)| {
        statement.raw_bind_parameter(first + 1, key_of(number, place))?;
        statement.raw_bind_parameter(first + 2, lesson.workflow)?;
        statement.raw_bind_parameter(first + 3, lesson.phase)?;
        statement.raw_bind_parameter(first + 4, lesson.at)?;
        statement.raw_bind_parameter(first + 5, lesson.duration_ms)
    })?;
    Ok(deleted || written)
}

/// The lessons of a run with the places of their spans, ascending.
pub(super) fn read(connection: &Connection, number: u32) -> rusqlite::Result<Vec<(u32, Lesson<String>)>> {
    let mut statement = connection.prepare_cached(
        "SELECT key & 0xffffffff, workflow, phase, at, duration_ms FROM lesson WHERE key BETWEEN ? AND ? ORDER BY key",
    )?;
    let rows = statement.query_map([key_of(number, 0), key_of(number, u32::MAX)], |row| {
        let lesson = Lesson { workflow: row.get(1)?, phase: row.get(2)?, at: row.get(3)?, duration_ms: row.get(4)? };
        Ok((row.get(0)?, lesson))
    })?;
    rows.collect()
}

/// Deletes the lessons of a run; says whether there were any.
pub(super) fn forget(connection: &Connection, number: u32) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM lesson WHERE key BETWEEN ? AND ?";
    let deleted = connection.prepare_cached(sql)?.execute([key_of(number, 0), key_of(number, u32::MAX)])?;
    Ok(deleted > 0)
}
