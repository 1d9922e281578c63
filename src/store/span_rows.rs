//! Spans as rows, in both directions: so many of them stand in one row as JSON, since a row costs by its columns.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use compact_str::CompactString;
use rusqlite::Connection;
use serde::{Deserialize, Serialize, Serializer};

use super::columns::{Json, at, count, int, key_of, micros, opt_count, opt_int, place_of, unreadable};
use super::inserts::{Entry, Inserts};
use crate::reducer::digest::{PIECE, STRETCH};
use crate::reducer::event::{ErrorText, Verb};
use crate::reducer::span::{More, Origin, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;

/// Spans per row, a *chunk*: the n-th one has the places from n times so many on. The view `spans` counts so, too.
pub(super) const CHUNK: u32 = PIECE;

static SPANS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("span", "key, open, entries"));

/// How many chunks so many spans have.
pub(super) fn chunks(spans: u64) -> u64 {
    spans.div_ceil(u64::from(CHUNK))
}

/// How many spans of a chunk are open.
pub(super) fn open(chunk: &[Span]) -> i64 {
    chunk.iter().map(|span| i64::from(span.is_open())).sum()
}

/// Writes the chunks of the spans at the changed places, ascending, of a list that had `before` spans in the tables. Whole
/// chunks behind its end are left to the caller.
pub(super) fn write(
    connection: &Connection,
    entry: Entry,
    (number, base): (u32, i64),
    changed: &[u32],
    before: u64,
    spans: &[Span],
) -> rusqlite::Result<()> {
    let length = u32::try_from(spans.len()).unwrap_or(u32::MAX);
    let inside = changed.iter().filter(|place| **place < length);
    // A list that became shorter may now end within a chunk.
    let end = (before > u64::from(length)).then_some(&length);
    let mut touched: Vec<u32> = inside.chain(end).map(|place| place / CHUNK).collect();
    touched.dedup();
    let rows = touched.into_iter().filter_map(|n| Some((n, spans.chunks(CHUNK as usize).nth(n as usize)?)));
    let rows: Vec<(u32, &[Span])> = rows.collect();
    let mut json = Json::default();
    SPANS.write(connection, entry, rows.into_iter(), |statement, first, (n, chunk)| {
        statement.raw_bind_parameter(first + 1, key_of(number, n))?;
        statement.raw_bind_parameter(first + 2, open(chunk))?;
        statement.raw_bind_parameter(first + 3, json.of(&Chunk { spans: chunk, base }))
    })
}

/// All spans of a run, or those that are open, in their order.
pub(super) fn read(connection: &Connection, number: u32, base: i64, all: bool) -> rusqlite::Result<Vec<Span>> {
    if all {
        return read_in(connection, number, base, 0..=u32::MAX);
    }
    Ok(read_open(connection, number, base, u32::MAX)?.into_iter().map(|(_, span)| span).collect())
}

/// The open spans of a run before a place, each with its own.
pub(super) fn read_open(
    connection: &Connection,
    number: u32,
    base: i64,
    end: u32,
) -> rusqlite::Result<Vec<(u32, Span)>> {
    let sql = "SELECT key, entries FROM span INDEXED BY span_open WHERE open > 0 AND key BETWEEN ? AND ? ORDER BY key";
    let keys = [key_of(number, 0), key_of(number, end / CHUNK)];
    let mut open = Vec::new();
    each(connection, sql, keys, base, |place, span| {
        if span.is_open() && place < end {
            open.push((place, span));
        }
    })?;
    Ok(open)
}

/// The spans of a run at some places.
pub(super) fn read_in(
    connection: &Connection,
    number: u32,
    base: i64,
    places: RangeInclusive<u32>,
) -> rusqlite::Result<Vec<Span>> {
    let sql = "SELECT key, entries FROM span WHERE key BETWEEN ? AND ? ORDER BY key";
    let keys = [key_of(number, places.start() / CHUNK), key_of(number, places.end() / CHUNK)];
    let mut spans = Vec::with_capacity(match places.end() - places.start() {
        few @ ..STRETCH => few as usize + 1,
        // Spans are large: a long list that grows is copied again and again.
        _ => connection
            .prepare_cached("SELECT count(*) FROM span WHERE key BETWEEN ? AND ?")?
            .query_row(keys, |row| row.get(0).map(chunk_capacity))?,
    });
    each(connection, sql, keys, base, |place, span| {
        if places.contains(&place) {
            spans.push(span);
        }
    })?;
    Ok(spans)
}

/// Room for the spans of so many chunks.
fn chunk_capacity(chunks: i64) -> usize {
    usize::try_from(chunks).unwrap_or(0) * CHUNK as usize
}

/// Gives the spans in the chunks that a question gives, with their places.
fn each(
    connection: &Connection,
    sql: &str,
    keys: [i64; 2],
    base: i64,
    mut take: impl FnMut(u32, Span),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(keys)?;
    while let Some(row) = rows.next()? {
        let first = place_of(row.get(0)?).saturating_mul(CHUNK);
        let entries: Vec<Stored> =
            serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| unreadable(1, error))?;
        for (place, entry) in (first..).zip(entries) {
            take(place, entry.span(base)?);
        }
    }
    Ok(())
}

/// Spans as they are written; [`Stored`] is one of them as it is read.
struct Chunk<'a> {
    spans: &'a [Span],
    base: i64,
}

impl Serialize for Chunk<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.spans.iter().map(|span| Written { span, base: self.base }))
    }
}

struct Written<'a> {
    span: &'a Span,
    base: i64,
}

/// One value of a span, by its place in the array.
#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Absent,
    Number(i64),
    Text(&'a str),
    #[serde(serialize_with = "more")]
    More(&'a More),
}

fn number<'a>(number: Option<i64>) -> Value<'a> {
    number.map_or(Value::Absent, Value::Number)
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Absent, Value::Text)
}

fn more<S: Serializer>(more: &More, serializer: S) -> Result<S::Ok, S::Error> {
    StoredMore::of(more).serialize(serializer)
}

impl Serialize for Written<'_> {
    /// The values in the order of [`Stored`], without those at the end that are absent.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { span, base } = *self;
        let opened_line = int(span.opened_line);
        let line = |line: Option<u64>| number(line.map(|line| int(line) - opened_line));
        let start = span.started_at.map_or(base, |at| at.0);
        let since = |time: Option<Micros>, base: i64| number(time.map(|time| time.0.wrapping_sub(base)));
        let closed_by = span.origin.closed_by.map_or(0, |verb| verb as i64 + 1);
        let values = [
            Value::Number(span.kind as i64),
            Value::Number(span.status as i64),
            Value::Number(opened_line),
            line(span.closed_line),
            text(span.id.as_deref()),
            text(span.parent.as_deref()),
            since(span.started_at, base),
            since(span.ended_at, start),
            number(span.duration_ms),
            number(opt_int(span.attempt)),
            number(Some(i64::from(span.origin.startless) + 2 * closed_by).filter(|origin| *origin != 0)),
            line(span.input_line),
            number(span.cache_hit.map(i64::from)),
            text(span.name.as_deref()),
            line(span.output_line),
            if span.more.is_empty() { Value::Absent } else { Value::More(&span.more) },
        ];
        let last = values.iter().rposition(|value| !matches!(value, Value::Absent));
        values[..last.map_or(0, |last| last + 1)].serialize(serializer)
    }
}

/// A span as it is read from a JSON array, value by value. What is missing at its end is absent.
#[derive(Deserialize)]
struct Stored {
    kind: i64,
    status: i64,
    opened_line: i64,
    /// This and the other lines since `opened_line`.
    #[serde(default)]
    closed_line: Option<i64>,
    #[serde(default)]
    id: Option<CompactString>,
    #[serde(default)]
    parent: Option<CompactString>,
    /// Since the log's base.
    #[serde(default)]
    started_at: Option<i64>,
    /// Since `started_at`, or the log's base where there is none.
    #[serde(default)]
    ended_at: Option<i64>,
    #[serde(default)]
    duration_ms: Option<i64>,
    #[serde(default)]
    attempt: Option<i64>,
    /// 1 when it had no start, plus twice the closing verb's place in its list, from 1; absent for 0.
    #[serde(default)]
    origin: Option<i64>,
    #[serde(default)]
    input_line: Option<i64>,
    #[serde(default)]
    cache_hit: Option<i64>,
    #[serde(default)]
    name: Option<CompactString>,
    #[serde(default)]
    output_line: Option<i64>,
    #[serde(default)]
    more: Option<StoredMore<'static>>,
}

impl Stored {
    fn span(self, base: i64) -> rusqlite::Result<Span> {
        let origin = self.origin.unwrap_or(0);
        let closed_by = if origin / 2 == 0 { None } else { Some(at(Verb::ALL, origin / 2 - 1, 1)?) };
        let line = |line: Option<i64>| line.map(|line| count(self.opened_line.wrapping_add(line)));
        let started_at = self.started_at.map(|since| base.wrapping_add(since));
        let ended_at = self.ended_at.map(|since| started_at.unwrap_or(base).wrapping_add(since));
        Ok(Span {
            kind: at(SpanKind::ALL, self.kind, 1)?,
            status: at(SpanStatus::ALL, self.status, 1)?,
            id: self.id,
            parent: self.parent,
            name: self.name,
            attempt: opt_count(self.attempt),
            cache_hit: self.cache_hit.map(|hit| hit != 0),
            started_at: micros(started_at),
            ended_at: micros(ended_at),
            duration_ms: self.duration_ms,
            input_line: line(self.input_line),
            output_line: line(self.output_line),
            opened_line: count(self.opened_line),
            closed_line: line(self.closed_line),
            origin: Origin { startless: origin % 2 == 1, closed_by },
            more: self.more.map(|more| more.more().into()).unwrap_or_default(),
        })
    }
}

/// [`More`], by name.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredMore<'a> {
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

impl<'a> StoredMore<'a> {
    fn of(more: &'a More) -> Self {
        let text = |text: &'a Option<CompactString>| text.as_deref().map(Cow::Borrowed);
        Self {
            skill: text(&more.skill),
            agent: text(&more.agent),
            model: text(&more.model),
            repo: text(&more.repo),
            score: more.score,
            error: more.error.as_ref().map(Cow::Borrowed),
            tokens_in: opt_int(more.tokens_in),
            tokens_out: opt_int(more.tokens_out),
            cost_usd: more.cost_usd,
            deadline: more.deadline.map(|at| at.0),
            expected_ms: more.expected_ms,
        }
    }

    fn more(self) -> More {
        let text = |text: Option<Cow<'_, str>>| text.map(CompactString::from);
        More {
            skill: text(self.skill),
            agent: text(self.agent),
            model: text(self.model),
            repo: text(self.repo),
            score: self.score,
            error: self.error.map(Cow::into_owned),
            tokens_in: opt_count(self.tokens_in),
            tokens_out: opt_count(self.tokens_out),
            cost_usd: self.cost_usd,
            deadline: micros(self.deadline),
            expected_ms: self.expected_ms,
        }
    }
}
