//! Snapshots of the fold along a long log, so that the state after any line costs the bytes since the snapshot before
//! it, and not all of them (spec 2.4). Logs under 4 MiB have none: reducing them is as quick.
//!
//! A snapshot is small: the values of the run and the lengths of its lists. Entries of a list keep their place for good,
//! so the list of then is the list of now, cut to its length, with the entries that changed since put back as they were
//! (*pre-images*). Those are taken from the tables before a batch writes over them: the fold need not know of it.

mod back;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

pub use back::{Glimpse, Part, Snapshot};
pub(super) use back::{changed_since, glimpse, lines, newest};

use super::columns::{artifacts_in, count, int, key_of, markers_in, unreadable};
use super::log_row::Stored;
use super::row::Cursor;
use super::snapshot::{self, Places, Resume};
use super::span_rows;
use crate::reducer::run::{Changes, RunState};

/// A snapshot is taken by the first batch that ends behind each multiple of so many bytes.
const EVERY: u64 = 4 * 1024 * 1024;

const SPANS: i64 = 0;
const MARKERS: i64 = 1;
const ARTIFACTS: i64 = 2;

/// What of a snapshot is needed to keep it true.
struct Newest {
    key: i64,
    spans: u64,
    markers: u64,
    artifacts: u64,
}

/// Keeps what a batch is about to change of the newest snapshot. `old` is the log as it is in the tables, and `changes`
/// the entries that differ between its state at the cursor and that of the batch.
pub(super) fn keep(connection: &Connection, old: &Stored, changes: &Changes) -> rusqlite::Result<()> {
    if old.log.cursor.offset < EVERY {
        return Ok(());
    }
    let newest = connection
        .prepare_cached(
            "SELECT key, spans, markers, artifacts FROM snapshot WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
        )?
        .query_row([key_of(old.number, 0), key_of(old.number, u32::MAX)], |row| {
            let length = |column: usize| row.get(column).map(count);
            Ok(Newest { key: row.get(0)?, spans: length(1)?, markers: length(2)?, artifacts: length(3)? })
        })
        .optional()?;
    let Some(newest) = newest else { return Ok(()) };
    // Where a provisional tail is shown, the tables hold what it made of the entries.
    let resume = old.resume.as_deref().map(Resume::decode).transpose().map_err(|error| unreadable(0, error))?;
    let (spans, markers, artifacts) = resume.as_ref().map(Resume::before).unwrap_or_default();
    let number = old.number;
    keep_list(connection, newest.key, SPANS, &changes.spans, newest.spans, spans, |n| {
        Ok(span_rows::read_in(connection, number, old.base, n..=n)?.pop())
    })?;
    keep_list(connection, newest.key, MARKERS, &changes.markers, newest.markers, markers, |n| {
        Ok(markers_in(connection, number, n..=n)?.pop())
    })?;
    keep_list(connection, newest.key, ARTIFACTS, &changes.artifacts, newest.artifacts, artifacts, |n| {
        Ok(artifacts_in(connection, number, n..=n)?.pop())
    })
}

/// Only the first change after a snapshot counts, and only of entries that were there then.
fn keep_list<T: Clone + Serialize>(
    connection: &Connection,
    key: i64,
    list: i64,
    changed: &[u32],
    length: u64,
    undone: &Places<T>,
    stored: impl Fn(u32) -> rusqlite::Result<Option<T>>,
) -> rusqlite::Result<()> {
    for n in changed.iter().copied().filter(|n| u64::from(*n) < length) {
        let known = connection
            .prepare_cached("SELECT 1 FROM preimage WHERE key = ? AND list = ? AND place = ?")?
            .exists(params![key, list, n])?;
        if known {
            continue;
        }
        let before = undone.iter().find(|(place, _)| *place == n).map(|(_, entry)| entry.clone());
        let Some(entry) = before.map_or_else(|| stored(n), |entry| Ok(Some(entry)))? else { continue };
        let entry = postcard::to_stdvec(&entry)
            .expect("an entry holds nothing that postcard cannot write, and memory takes it");
        connection
            .prepare_cached("INSERT INTO preimage (key, list, place, entry) VALUES (?, ?, ?, ?)")?
            .execute(params![key, list, n, entry])?;
    }
    Ok(())
}

/// Takes a snapshot when a batch ends behind the next multiple of [`EVERY`]; `old` is the log before the batch.
pub(super) fn note(
    connection: &Connection,
    number: u32,
    old: Option<&Stored>,
    cursor: &Cursor,
    state: &RunState,
) -> rusqlite::Result<()> {
    let before = old.map_or(0, |old| old.log.cursor.offset);
    if cursor.offset / EVERY <= before / EVERY {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO snapshot (key, line, offset, before_hash, before_length, spans, markers, artifacts, state)
             VALUES ((SELECT ifnull(max(key), ?1) + 1 FROM snapshot WHERE key BETWEEN ?1 AND ?2), ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key_of(number, 0),
            key_of(number, u32::MAX),
            int(state.counters.lines.total()),
            int(cursor.offset),
            cursor.before_hash.cast_signed(),
            int(cursor.before_length),
            int(state.spans.len() as u64),
            int(state.markers.len() as u64),
            int(state.artifacts.len() as u64),
            snapshot::encode(state),
        ])?;
    Ok(())
}

#[cfg(test)]
mod tests;
