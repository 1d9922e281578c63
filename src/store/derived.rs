//! Columns that say again, for whoever asks with SQL or filters a list, what other columns say: where they do not.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::columns::{count, int, key_of};
use super::digest_rows;
use super::lesson_rows::{self, Lesson};
use super::row::LogRow;
use super::run_row;
use super::span_rows;
use crate::reducer::compare::Mismatch;
use crate::reducer::digest::{Digest, PIECE, STRETCH};
use crate::reducer::fold::marks;
use crate::reducer::run::{LineCounts, RunState};
use crate::reducer::span::SpanKind;

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
    found.extend(open_spans(connection, number, shown)?);
    found.extend(lessons(connection, number, shown)?);
    found.extend(digests(connection, number, shown)?);
    found.extend(phases(connection, number, shown)?);
    found.extend(marked(connection, number, shown)?);
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
    let rows = "SELECT ifnull(sum(json_array_length(entries)), 0) FROM event WHERE key BETWEEN ? AND ?";
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

/// How many spans of each chunk are open.
fn open_spans(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let mut statement =
        connection.prepare_cached("SELECT key & 0xffffffff, open FROM span WHERE key BETWEEN ? AND ? ORDER BY key")?;
    let stored = statement.query_map([key_of(number, 0), key_of(number, u32::MAX)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.to_string()))
    })?;
    let wanted = shown.spans.chunks(span_rows::CHUNK as usize).map(|chunk| span_rows::open(chunk).to_string());
    let path = |n: i64| {
        let first = n * i64::from(span_rows::CHUNK);
        (format!("span column open of spans[{first}..{}]", first + i64::from(span_rows::CHUNK)), None)
    };
    Ok(unequal(stored.collect::<Result<_, _>>()?, (0..).zip(wanted).collect(), path))
}

/// What is said of whole stretches of spans.
fn digests(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let said = |digests: Vec<Digest>| (0..).zip(digests).map(|(n, digest)| (n, format!("{digest:?}"))).collect();
    let wanted = shown.spans.chunks_exact(STRETCH as usize).map(Digest::of).collect();
    let path = |n: u32| (format!("digest of spans[{}..{}]", n * STRETCH, (n + 1) * STRETCH), None);
    Ok(unequal(said(digest_rows::read(connection, number, u32::MAX)?), said(wanted), path))
}

/// Where phases are in these.
fn phases(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let whole = shown.spans.len() - shown.spans.len() % STRETCH as usize;
    let pieces = (0..).zip(shown.spans[..whole].chunks(PIECE as usize));
    let with_phases = pieces.filter(|(_, piece)| piece.iter().any(|span| span.kind == SpanKind::Phase));
    let said = |piece: u32| (piece, String::from("there are"));
    let stored = digest_rows::phase_pieces(connection, number)?.into_iter().map(said).collect();
    let wanted = with_phases.map(|(piece, _)| said(piece)).collect();
    Ok(unequal(stored, wanted, |n| (format!("phases among spans[{}..{}]", n * PIECE, (n + 1) * PIECE), None)))
}

/// What the spans of whole stretches are found by.
fn marked(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    let mut stored = BTreeMap::new();
    digest_rows::each_marks(connection, number, u32::MAX, |place, marks| {
        stored.insert(place, format!("{marks:?}"));
    })?;
    let whole = shown.spans.len() - shown.spans.len() % STRETCH as usize;
    let wanted = (0..).zip(&shown.spans[..whole]).map(|(place, span)| (place, format!("{:?}", marks(span)))).collect();
    Ok(unequal(stored, wanted, |place| (format!("marks of spans[{place}]"), None)))
}

/// What expectations are learned from.
fn lessons(connection: &Connection, number: u32, shown: &RunState) -> rusqlite::Result<Vec<Mismatch>> {
    fn said<Text: AsRef<str>>(lesson: &Lesson<Text>) -> String {
        let Lesson { workflow, phase, at, duration_ms } = lesson;
        format!("{} {} {at} {duration_ms}", workflow.as_ref().map_or("", AsRef::as_ref), phase.as_ref())
    }
    let stored = lesson_rows::read(connection, number)?.iter().map(|(place, lesson)| (*place, said(lesson))).collect();
    let wanted = (0..).zip(&shown.spans);
    let wanted = wanted.filter_map(|(place, span)| Some((place, said(&Lesson::of(shown, span)?)))).collect();
    let path = |place: u32| {
        (format!("lesson of spans[{place}]"), shown.spans.get(place as usize).and_then(|span| span.closed_line))
    };
    Ok(unequal(stored, wanted, path))
}

/// Where two maps differ; what is missing on one side is empty. `path` gives the path of a key, and its line.
fn unequal<K: Copy + Ord>(
    stored: BTreeMap<K, String>,
    wanted: BTreeMap<K, String>,
    path: impl Fn(K) -> (String, Option<u64>),
) -> Vec<Mismatch> {
    let keys: BTreeSet<K> = stored.keys().chain(wanted.keys()).copied().collect();
    let differ = keys.into_iter().filter(|key| stored.get(key) != wanted.get(key));
    let said = |side: &BTreeMap<K, String>, key| side.get(&key).cloned().unwrap_or_default();
    let mismatch = |key| {
        let (path, line) = path(key);
        Mismatch { path, first: said(&stored, key), second: said(&wanted, key), line }
    };
    differ.map(mismatch).collect()
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
