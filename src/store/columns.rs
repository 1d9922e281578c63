//! Spans, markers and artifacts as rows, in both directions. One list of columns each, in one order.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};

use super::inserts::{Entry, Inserts};
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

const SPAN: &str = "key, kind, status, id, parent, name, attempt, cache_hit, started_at, ended_at, duration_ms, input_line, \
    output_line, opened_line, closed_line, origin, more, learn_workflow, learn_at";
static SPANS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("span", SPAN));

/// What few spans have, as one JSON object: a row costs by its columns.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct More<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    skill: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, ErrorText>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_in: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_out: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_ms: Option<i64>,
}

impl<'a> More<'a> {
    fn of(span: &'a Span) -> Self {
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            skill: text(&span.skill),
            agent: text(&span.agent),
            model: text(&span.model),
            repo: text(&span.repo),
            score: span.score,
            error: span.error.as_ref().map(Cow::Borrowed),
            tokens_in: opt_int(span.tokens_in),
            tokens_out: opt_int(span.tokens_out),
            cost_usd: span.cost_usd,
            deadline: span.deadline.map(|at| at.0),
            expected_ms: span.expected_ms,
        }
    }

    fn to_json(&self) -> Option<String> {
        let json = || serde_json::to_string(self).expect("texts and numbers always serialise, and memory takes them");
        (*self != Self::default()).then(json)
    }
}

/// Writes spans with their places.
pub(super) fn write_spans(
    connection: &Connection,
    entry: Entry,
    (number, base): (u32, i64),
    lesson: Lesson<'_>,
    spans: Vec<(u32, &Span)>,
) -> rusqlite::Result<()> {
    SPANS.write(connection, entry, spans.into_iter(), |statement, first, (place, span)| {
        let closed_by = span.origin.closed_by.map_or(0, |verb| verb as i64 + 1);
        let lesson = Some(lesson).filter(|lesson| teaches(span) && lesson.at.is_some());
        statement.raw_bind_parameter(first + 1, key_of(number, place))?;
        statement.raw_bind_parameter(first + 2, span.kind as i64)?;
        statement.raw_bind_parameter(first + 3, span.status as i64)?;
        statement.raw_bind_parameter(first + 4, &span.id)?;
        statement.raw_bind_parameter(first + 5, &span.parent)?;
        statement.raw_bind_parameter(first + 6, &span.name)?;
        statement.raw_bind_parameter(first + 7, opt_int(span.attempt))?;
        statement.raw_bind_parameter(first + 8, span.cache_hit)?;
        statement.raw_bind_parameter(first + 9, since(span.started_at, base))?;
        statement.raw_bind_parameter(first + 10, since(span.ended_at, base))?;
        statement.raw_bind_parameter(first + 11, span.duration_ms)?;
        statement.raw_bind_parameter(first + 12, opt_int(span.input_line))?;
        statement.raw_bind_parameter(first + 13, opt_int(span.output_line))?;
        statement.raw_bind_parameter(first + 14, int(span.opened_line))?;
        statement.raw_bind_parameter(first + 15, opt_int(span.closed_line))?;
        statement.raw_bind_parameter(first + 16, i64::from(span.origin.startless) + 2 * closed_by)?;
        statement.raw_bind_parameter(first + 17, More::of(span).to_json())?;
        statement.raw_bind_parameter(first + 18, lesson.and_then(|lesson| lesson.workflow))?;
        statement.raw_bind_parameter(first + 19, lesson.and_then(|lesson| lesson.at).map(|at| at.0))
    })
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
    let more: More<'_> = match row.get_ref(16)?.as_str_or_null()? {
        Some(json) => serde_json::from_str(json).map_err(|error| unreadable(16, error))?,
        None => More::default(),
    };
    let origin: i64 = row.get(15)?;
    let closed_by = if origin / 2 == 0 { None } else { Some(at(Verb::ALL, origin / 2 - 1, 15)?) };
    let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    Ok(Span {
        kind: at(SpanKind::ALL, row.get(1)?, 1)?,
        status: at(SpanStatus::ALL, row.get(2)?, 2)?,
        id: row.get(3)?,
        parent: row.get(4)?,
        name: row.get(5)?,
        skill: text(more.skill),
        attempt: opt_count(row.get(6)?),
        cache_hit: row.get(7)?,
        agent: text(more.agent),
        model: text(more.model),
        repo: text(more.repo),
        started_at: until(row.get(8)?, base),
        ended_at: until(row.get(9)?, base),
        duration_ms: row.get(10)?,
        score: more.score,
        error: more.error.map(Cow::into_owned),
        tokens_in: opt_count(more.tokens_in),
        tokens_out: opt_count(more.tokens_out),
        cost_usd: more.cost_usd,
        deadline: micros(more.deadline),
        expected_ms: more.expected_ms,
        input_line: opt_count(row.get(11)?),
        output_line: opt_count(row.get(12)?),
        opened_line: count(row.get(13)?),
        closed_line: opt_count(row.get(14)?),
        origin: Origin { startless: origin % 2 == 1, closed_by },
    })
}

const MARKER: &str = "key, kind, id, reason, span, repo, integration, action, risk, params, expires_at, opened_line, \
    opened_at, closed_line, closed_at, resolution";

static MARKERS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("marker", MARKER));

/// How many columns a marker has.
pub(super) const MARKER_COLUMNS: usize = 16;

/// The columns of a marker for [`read_marker`] where other tables are asked for too.
pub(super) const MARKER_OF_MANY: &str = "marker.key, kind, id, reason, span, repo, integration, action, risk, params, \
    expires_at, opened_line, opened_at, closed_line, closed_at, resolution";

/// Writes markers with their places.
pub(super) fn write_markers(
    connection: &Connection,
    entry: Entry,
    number: u32,
    markers: Vec<(u32, &Marker)>,
) -> rusqlite::Result<()> {
    MARKERS.write(connection, entry, markers.into_iter(), |statement, first, (place, marker)| {
        statement.raw_bind_parameter(first + 1, key_of(number, place))?;
        statement.raw_bind_parameter(first + 2, marker.kind.as_str())?;
        statement.raw_bind_parameter(first + 3, &marker.id)?;
        statement.raw_bind_parameter(first + 4, &marker.reason)?;
        statement.raw_bind_parameter(first + 5, &marker.span)?;
        statement.raw_bind_parameter(first + 6, &marker.repo)?;
        statement.raw_bind_parameter(first + 7, &marker.integration)?;
        statement.raw_bind_parameter(first + 8, &marker.action)?;
        statement.raw_bind_parameter(first + 9, &marker.risk)?;
        statement.raw_bind_parameter(first + 10, &marker.params)?;
        statement.raw_bind_parameter(first + 11, marker.expires_at.map(|at| at.0))?;
        statement.raw_bind_parameter(first + 12, int(marker.opened_line))?;
        statement.raw_bind_parameter(first + 13, marker.opened_at.map(|at| at.0))?;
        statement.raw_bind_parameter(first + 14, opt_int(marker.closed_line))?;
        statement.raw_bind_parameter(first + 15, marker.closed_at.map(|at| at.0))?;
        statement.raw_bind_parameter(first + 16, &marker.resolution)
    })
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

static ARTIFACTS: LazyLock<Inserts> =
    LazyLock::new(|| Inserts::new("artifact", "key, path, media_type, attempt, step, line"));

/// Writes artifacts with their places.
pub(super) fn write_artifacts(
    connection: &Connection,
    entry: Entry,
    number: u32,
    artifacts: Vec<(u32, &Artifact)>,
) -> rusqlite::Result<()> {
    ARTIFACTS.write(connection, entry, artifacts.into_iter(), |statement, first, (place, artifact)| {
        statement.raw_bind_parameter(first + 1, key_of(number, place))?;
        statement.raw_bind_parameter(first + 2, &artifact.path)?;
        statement.raw_bind_parameter(first + 3, &artifact.media_type)?;
        statement.raw_bind_parameter(first + 4, opt_int(artifact.attempt))?;
        statement.raw_bind_parameter(first + 5, &artifact.step)?;
        statement.raw_bind_parameter(first + 6, int(artifact.line))
    })
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
