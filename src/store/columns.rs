//! Spans, markers and artifacts as rows, in both directions. One list of columns each, in one order.

use std::ops::RangeInclusive;

use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, Row, params};

use crate::reducer::event::{ErrorText, Verb};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::span::{Artifact, Origin, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;

/// The first key of a run's rows; the next run's are above `key_of(number, u32::MAX)`.
pub(super) fn key_of(number: u32, place: u32) -> i64 {
    (i64::from(number) << 32) | i64::from(place)
}

/// A count as SQLite can hold it; what is above `i64::MAX` stays there (spec 5.2).
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count as it was written.
pub(super) fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(super) fn opt_int(count: Option<u64>) -> Option<i64> {
    count.map(int)
}

fn opt_count(stored: Option<i64>) -> Option<u64> {
    stored.map(count)
}

/// A time as it stands in a row: counted from the log's base, which makes it short.
pub(super) fn since(time: Option<Micros>, base: i64) -> Option<i64> {
    time.map(|time| time.0.wrapping_sub(base))
}

pub(super) fn until(stored: Option<i64>, base: i64) -> Option<Micros> {
    stored.map(|since| Micros(base.wrapping_add(since)))
}

pub(super) fn micros(stored: Option<i64>) -> Option<Micros> {
    stored.map(Micros)
}

/// A value of the database that this program did not write.
pub(super) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}

/// The value of a list that stands at a place.
fn at<T: Copy>(list: &[T], place: i64, column: usize) -> rusqlite::Result<T> {
    let found = usize::try_from(place).ok().and_then(|place| list.get(place));
    found.copied().ok_or_else(|| unreadable(column, format!("there is no {place}th word")))
}

/// The value that a word stands for.
pub(super) fn word<T>(from: impl Fn(&str) -> Option<T>, row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let word = row.get_ref(column)?.as_str()?;
    from(word).ok_or_else(|| unreadable(column, format!("{word} is no word of that column")))
}

/// What learned expectations need beside a completed phase: the run's workflow and first event (spec 2.6).
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson<'a> {
    pub(super) workflow: Option<&'a str>,
    pub(super) at: Option<Micros>,
}

/// Whether expectations are learned from a span.
pub(super) fn teaches(span: &Span) -> bool {
    span.kind == SpanKind::Phase && span.status == SpanStatus::Completed && span.duration_ms.is_some()
}

/// The condition of [`teaches`] in SQL.
pub(super) const TEACHES: &str = "kind = 0 AND status = 1 AND duration_ms IS NOT NULL";

const SPAN: &str = "key, kind, status, id, parent, name, skill, attempt, cache_hit, agent, model, repo, started_at, \
    ended_at, duration_ms, score, error, tokens_in, tokens_out, cost_usd, deadline, expected_ms, input_line, \
    output_line, opened_line, closed_line, origin, learn_workflow, learn_at";

/// What nearly every span has and no more: the other columns are empty.
const BRIEF_SPAN: &str = "key, kind, status, id, parent, name, attempt, cache_hit, started_at, ended_at, duration_ms, input_line, \
    output_line, opened_line, closed_line, origin";

/// The statements that write spans.
pub(super) struct SpanWriter<'c> {
    whole: CachedStatement<'c>,
    brief: CachedStatement<'c>,
}

impl<'c> SpanWriter<'c> {
    pub(super) fn new(connection: &'c Connection, entry: Entry) -> rusqlite::Result<Self> {
        let verb = entry.verb();
        Ok(Self {
            whole: connection.prepare_cached(&format!("{verb} INTO span ({SPAN}) VALUES ({})", holes(29)))?,
            brief: connection.prepare_cached(&format!("{verb} INTO span ({BRIEF_SPAN}) VALUES ({})", holes(16)))?,
        })
    }

    pub(super) fn write(&mut self, key: i64, base: i64, span: &Span, lesson: Lesson<'_>) -> rusqlite::Result<usize> {
        let lesson = Some(lesson).filter(|lesson| teaches(span) && lesson.at.is_some());
        let closed_by = span.origin.closed_by.map_or(0, |verb| verb as i64 + 1);
        let origin = i64::from(span.origin.startless) + 2 * closed_by;
        if lesson.is_none() && is_brief(span) {
            return self.brief.execute(params![
                key,
                span.kind as i64,
                span.status as i64,
                span.id,
                span.parent,
                span.name,
                opt_int(span.attempt),
                span.cache_hit,
                since(span.started_at, base),
                since(span.ended_at, base),
                span.duration_ms,
                opt_int(span.input_line),
                opt_int(span.output_line),
                int(span.opened_line),
                opt_int(span.closed_line),
                origin,
            ]);
        }
        let error = span
            .error
            .as_ref()
            .map(|error| serde_json::to_string(error).expect("three texts always serialise, and memory takes them"));
        self.whole.execute(params![
            key,
            span.kind as i64,
            span.status as i64,
            span.id,
            span.parent,
            span.name,
            span.skill,
            opt_int(span.attempt),
            span.cache_hit,
            span.agent,
            span.model,
            span.repo,
            since(span.started_at, base),
            since(span.ended_at, base),
            span.duration_ms,
            span.score,
            error,
            opt_int(span.tokens_in),
            opt_int(span.tokens_out),
            span.cost_usd,
            since(span.deadline, base),
            span.expected_ms,
            opt_int(span.input_line),
            opt_int(span.output_line),
            int(span.opened_line),
            opt_int(span.closed_line),
            origin,
            lesson.and_then(|lesson| lesson.workflow),
            lesson.and_then(|lesson| lesson.at).map(|at| at.0),
        ])
    }
}

/// Whether a span has nothing but what [`BRIEF_SPAN`] lists.
fn is_brief(span: &Span) -> bool {
    matches!(
        span,
        Span {
            kind: _,
            id: _,
            parent: _,
            name: _,
            skill: None,
            status: _,
            attempt: _,
            cache_hit: _,
            agent: None,
            model: None,
            repo: None,
            started_at: _,
            ended_at: _,
            duration_ms: _,
            score: None,
            error: None,
            tokens_in: None,
            tokens_out: None,
            cost_usd: None,
            deadline: None,
            expected_ms: None,
            input_line: _,
            output_line: _,
            opened_line: _,
            closed_line: _,
            origin: _,
        }
    )
}

/// All spans of a run, or those that are open, in their order.
pub(super) fn read_spans(connection: &Connection, number: u32, base: i64, all: bool) -> rusqlite::Result<Vec<Span>> {
    if all {
        return spans_in(connection, number, base, 0..=u32::MAX);
    }
    let sql =
        format!("SELECT {SPAN} FROM span INDEXED BY span_open WHERE status = 0 AND key BETWEEN ? AND ? ORDER BY key");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([key_of(number, 0), key_of(number, u32::MAX)], |row| read_span(row, base))?;
    rows.collect()
}

/// The spans of a run at some places.
pub(super) fn spans_in(
    connection: &Connection,
    number: u32,
    base: i64,
    places: RangeInclusive<u32>,
) -> rusqlite::Result<Vec<Span>> {
    let sql = format!("SELECT {SPAN} FROM span WHERE key BETWEEN ? AND ? ORDER BY key");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(keys(number, &places), |row| read_span(row, base))?;
    rows.collect()
}

fn keys(number: u32, places: &RangeInclusive<u32>) -> [i64; 2] {
    [key_of(number, *places.start()), key_of(number, *places.end())]
}

fn read_span(row: &Row<'_>, base: i64) -> rusqlite::Result<Span> {
    let error: Option<ErrorText> = match row.get_ref(16)?.as_str_or_null()? {
        Some(json) => Some(serde_json::from_str(json).map_err(|error| unreadable(16, error))?),
        None => None,
    };
    let origin: i64 = row.get(26)?;
    let closed_by = if origin / 2 == 0 { None } else { Some(at(Verb::ALL, origin / 2 - 1, 26)?) };
    Ok(Span {
        kind: at(SpanKind::ALL, row.get(1)?, 1)?,
        status: at(SpanStatus::ALL, row.get(2)?, 2)?,
        id: row.get(3)?,
        parent: row.get(4)?,
        name: row.get(5)?,
        skill: row.get(6)?,
        attempt: opt_count(row.get(7)?),
        cache_hit: row.get(8)?,
        agent: row.get(9)?,
        model: row.get(10)?,
        repo: row.get(11)?,
        started_at: until(row.get(12)?, base),
        ended_at: until(row.get(13)?, base),
        duration_ms: row.get(14)?,
        score: row.get(15)?,
        error,
        tokens_in: opt_count(row.get(17)?),
        tokens_out: opt_count(row.get(18)?),
        cost_usd: row.get(19)?,
        deadline: until(row.get(20)?, base),
        expected_ms: row.get(21)?,
        input_line: opt_count(row.get(22)?),
        output_line: opt_count(row.get(23)?),
        opened_line: count(row.get(24)?),
        closed_line: opt_count(row.get(25)?),
        origin: Origin { startless: origin % 2 == 1, closed_by },
    })
}

const MARKER: &str = "key, kind, id, reason, span, repo, integration, action, risk, params, expires_at, opened_line, \
    opened_at, closed_line, closed_at, resolution";

/// How many columns a marker has.
pub(super) const MARKER_COLUMNS: usize = 16;

/// The columns of a marker for [`read_marker`] where other tables are asked for too.
pub(super) const MARKER_OF_MANY: &str = "marker.key, kind, id, reason, span, repo, integration, action, risk, params, \
    expires_at, opened_line, opened_at, closed_line, closed_at, resolution";

pub(super) fn marker_writer(connection: &Connection, entry: Entry) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(&format!("{} INTO marker ({MARKER}) VALUES ({})", entry.verb(), holes(MARKER_COLUMNS)))
}

pub(super) fn write_marker(statement: &mut CachedStatement<'_>, key: i64, marker: &Marker) -> rusqlite::Result<usize> {
    statement.execute(params![
        key,
        marker.kind.as_str(),
        marker.id,
        marker.reason,
        marker.span,
        marker.repo,
        marker.integration,
        marker.action,
        marker.risk,
        marker.params,
        marker.expires_at.map(|at| at.0),
        int(marker.opened_line),
        marker.opened_at.map(|at| at.0),
        opt_int(marker.closed_line),
        marker.closed_at.map(|at| at.0),
        marker.resolution,
    ])
}

/// All markers of a run, or those that are open, in their order.
pub(super) fn read_markers(connection: &Connection, number: u32, all: bool) -> rusqlite::Result<Vec<Marker>> {
    if all {
        return markers_in(connection, number, 0..=u32::MAX);
    }
    let sql = format!(
        "SELECT {MARKER} FROM marker INDEXED BY marker_open WHERE closed_line IS NULL AND key BETWEEN ? AND ? ORDER BY key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([key_of(number, 0), key_of(number, u32::MAX)], read_marker)?;
    rows.collect()
}

/// The markers of a run at some places.
pub(super) fn markers_in(
    connection: &Connection,
    number: u32,
    places: RangeInclusive<u32>,
) -> rusqlite::Result<Vec<Marker>> {
    let sql = format!("SELECT {MARKER} FROM marker WHERE key BETWEEN ? AND ? ORDER BY key");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(keys(number, &places), read_marker)?;
    rows.collect()
}

pub(super) fn read_marker(row: &Row<'_>) -> rusqlite::Result<Marker> {
    Ok(Marker {
        kind: word(MarkerKind::from_word, row, 1)?,
        id: row.get(2)?,
        reason: row.get(3)?,
        span: row.get(4)?,
        repo: row.get(5)?,
        integration: row.get(6)?,
        action: row.get(7)?,
        risk: row.get(8)?,
        params: row.get(9)?,
        expires_at: micros(row.get(10)?),
        opened_line: count(row.get(11)?),
        opened_at: micros(row.get(12)?),
        closed_line: opt_count(row.get(13)?),
        closed_at: micros(row.get(14)?),
        resolution: row.get(15)?,
    })
}

pub(super) fn artifact_writer(connection: &Connection, entry: Entry) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(&format!(
        "{} INTO artifact (key, path, media_type, attempt, step, line) VALUES (?, ?, ?, ?, ?, ?)",
        entry.verb()
    ))
}

pub(super) fn write_artifact(
    statement: &mut CachedStatement<'_>,
    key: i64,
    artifact: &Artifact,
) -> rusqlite::Result<usize> {
    let Artifact { path, media_type, attempt, step, line } = artifact;
    statement.execute(params![key, path, media_type, opt_int(*attempt), step, int(*line)])
}

/// All artifacts of a run, in their order.
pub(super) fn read_artifacts(connection: &Connection, number: u32) -> rusqlite::Result<Vec<Artifact>> {
    artifacts_in(connection, number, 0..=u32::MAX)
}

/// The artifacts of a run at some places.
pub(super) fn artifacts_in(
    connection: &Connection,
    number: u32,
    places: RangeInclusive<u32>,
) -> rusqlite::Result<Vec<Artifact>> {
    let mut statement = connection.prepare_cached(
        "SELECT path, media_type, attempt, step, line FROM artifact WHERE key BETWEEN ? AND ? ORDER BY key",
    )?;
    let rows = statement.query_map(keys(number, &places), |row| {
        Ok(Artifact {
            path: row.get(0)?,
            media_type: row.get(1)?,
            attempt: opt_count(row.get(2)?),
            step: row.get(3)?,
            line: count(row.get(4)?),
        })
    })?;
    rows.collect()
}

/// Whether rows of a run can be there already. An insert is cheaper: SQLite then keeps no way back for one statement
/// alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    New,
    Known,
}

impl Entry {
    /// The beginning of the statement that writes a row.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Entry::New => "INSERT OR ROLLBACK",
            Entry::Known => "REPLACE",
        }
    }
}

/// So many `?`.
pub(super) fn holes(columns: usize) -> String {
    let mut text = "?,".repeat(columns);
    text.pop();
    text
}
