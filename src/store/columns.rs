//! Markers and artifacts as rows, in both directions, and what all tables share. One list of columns each, in one order.

use std::io;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, Type, ValueRef};
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::inserts::{Entry, Inserts};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::span::Artifact;
use crate::reducer::time::Micros;

/// The first key of a run's rows; the next run's are above `key_of(number, u32::MAX)`.
pub(super) fn key_of(number: u32, place: u32) -> i64 {
    (i64::from(number) << 32) | i64::from(place)
}

/// The place of a row among those of its run.
pub(super) fn place_of(key: i64) -> u32 {
    u32::try_from(key & 0xffff_ffff).unwrap_or(u32::MAX)
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

pub(super) fn opt_count(stored: Option<i64>) -> Option<u64> {
    stored.map(count)
}

pub(super) fn micros(stored: Option<i64>) -> Option<Micros> {
    stored.map(Micros)
}

/// Values as JSON, one after the other in the same memory.
#[derive(Debug)]
pub(super) struct Json(Vec<u8>);

impl Default for Json {
    /// With room for most values.
    fn default() -> Self {
        Self(Vec::with_capacity(4096))
    }
}

impl Json {
    /// What is bound as a text.
    pub(super) fn of(&mut self, value: &impl Serialize) -> ToSqlOutput<'_> {
        self.0.clear();
        serde_json::to_writer(&mut *self, value).expect("texts and numbers always serialise, and memory takes them");
        // JSON is UTF-8, which need not be looked at again.
        ToSqlOutput::Borrowed(ValueRef::Text(&self.0))
    }
}

/// Most pieces are single bytes, for each of which a `Vec` alone takes a call.
impl io::Write for Json {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes {
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write(bytes).map(drop)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value of the database that this program did not write.
pub(super) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, error.into())
}

/// The value of a list that stands at a place.
pub(super) fn at<T: Copy>(list: &[T], place: i64, column: usize) -> rusqlite::Result<T> {
    let found = usize::try_from(place).ok().and_then(|place| list.get(place));
    found.copied().ok_or_else(|| unreadable(column, format!("there is no {place}th word")))
}

/// The value that a word stands for.
pub(super) fn word<T>(from: impl Fn(&str) -> Option<T>, row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let word = row.get_ref(column)?.as_str()?;
    from(word).ok_or_else(|| unreadable(column, format!("{word} is no word of that column")))
}

fn keys(number: u32, places: &RangeInclusive<u32>) -> [i64; 2] {
    [key_of(number, *places.start()), key_of(number, *places.end())]
}

const MARKER: &str = "key, kind, id, reason, span, repo, integration, action, risk, params, expires_at, opened_line, \
    opened_at, granted_line, granted_at, closed_line, closed_at, resolution";

static MARKERS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("marker", MARKER));

/// How many columns a marker has.
pub(super) const MARKER_COLUMNS: usize = 18;

/// The columns of a marker for [`read_marker`] where other tables are asked for too.
pub(super) const MARKER_OF_MANY: &str = "marker.key, kind, id, reason, span, repo, integration, action, risk, params, \
    expires_at, opened_line, opened_at, granted_line, granted_at, closed_line, closed_at, resolution";

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
        statement.raw_bind_parameter(first + 14, opt_int(marker.granted_line))?;
        statement.raw_bind_parameter(first + 15, marker.granted_at.map(|at| at.0))?;
        statement.raw_bind_parameter(first + 16, opt_int(marker.closed_line))?;
        statement.raw_bind_parameter(first + 17, marker.closed_at.map(|at| at.0))?;
        statement.raw_bind_parameter(first + 18, &marker.resolution)
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

/// Markers that a page reads, the newest; of those before them the open ones, and so many closed handoffs, the newest.
pub(super) const NEWEST_MARKERS: u32 = 1000;
/// See [`NEWEST_MARKERS`].
pub(super) const HANDOFFS: usize = 200;

/// Of the first so many markers of a run those that a page reads, and so many `further` handoffs; with their places, in their
/// order.
pub(super) fn shown_markers(
    connection: &Connection,
    number: u32,
    length: u32,
    further: usize,
) -> rusqlite::Result<Vec<(u32, Marker)>> {
    let Some(last) = length.checked_sub(1) else { return Ok(Vec::new()) };
    let newest = length.saturating_sub(NEWEST_MARKERS);
    // Those before have smaller keys: the order goes through.
    let sql = format!(
        "SELECT {MARKER} FROM marker INDEXED BY marker_open WHERE closed_line IS NULL AND key >= ?1 AND key < ?2
         UNION ALL
         SELECT * FROM (SELECT {MARKER} FROM marker INDEXED BY marker_handoff
           WHERE kind = 'handoff' AND closed_line IS NOT NULL AND key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?4)
         UNION ALL
         SELECT {MARKER} FROM marker WHERE key BETWEEN ?2 AND ?3
         ORDER BY key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let [first, newest, last] = [0, newest, last].map(|place| key_of(number, place));
    let limit = int(HANDOFFS.saturating_add(further) as u64);
    let rows = statement
        .query_map(params![first, newest, last, limit], |row| Ok((place_of(row.get(0)?), read_marker(row)?)))?;
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
        granted_line: opt_count(row.get(13)?),
        granted_at: micros(row.get(14)?),
        closed_line: opt_count(row.get(15)?),
        closed_at: micros(row.get(16)?),
        resolution: row.get(17)?,
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
