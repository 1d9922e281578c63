//! Digests as rows: one for each whole stretch of a run's spans, so that a page of very many spans reads few of them.
//!
//! Of the last stretch, which still grows, there is none: it is read as it is, and short runs have no digest at all.

use std::sync::LazyLock;

use rusqlite::{Connection, OptionalExtension};

use super::columns::{key_of, unreadable};
use super::inserts::{Entry, Inserts};
use crate::reducer::digest::{Digest, STRETCH};
use crate::reducer::fold::{Mark, UNMARKED, marks};
use crate::reducer::span::{Span, SpanKind};

static DIGESTS: LazyLock<Inserts> = LazyLock::new(|| Inserts::new("digest", "key, phases, spans, marks"));

/// How many whole stretches so many spans have.
pub(super) fn stretches(spans: u64) -> u64 {
    spans / u64::from(STRETCH)
}

/// Writes the digests of the stretches with changed places, ascending, and of those that became whole, of a list that had
/// `before` spans in the tables. Digests behind its end are left to the caller.
pub(super) fn write(
    connection: &Connection,
    entry: Entry,
    number: u32,
    changed: &[u32],
    before: u64,
    spans: &[Span],
) -> rusqlite::Result<()> {
    let whole = u32::try_from(stretches(spans.len() as u64)).unwrap_or(u32::MAX);
    if whole == 0 {
        return Ok(());
    }
    let known = u32::try_from(stretches(before)).unwrap_or(u32::MAX).min(whole);
    let mut touched: Vec<u32> = changed.iter().map(|place| place / STRETCH).take_while(|n| *n < known).collect();
    touched.dedup();
    touched.extend(known..whole);
    DIGESTS.write(connection, entry, touched.into_iter(), |statement, first, n| {
        let stretch = spans.chunks_exact(STRETCH as usize).nth(n as usize).unwrap_or_default();
        statement.raw_bind_parameter(first + 1, key_of(number, n))?;
        let digest = Digest::of(stretch);
        statement.raw_bind_parameter(first + 2, phases(&digest))?;
        statement.raw_bind_parameter(first + 3, encode(&digest))?;
        statement.raw_bind_parameter(first + 4, encode_marks(stretch))
    })
}

/// The digests of at most the first so many stretches of a run, in their order.
pub(super) fn read(connection: &Connection, number: u32, most: u32) -> rusqlite::Result<Vec<Digest>> {
    let mut statement =
        connection.prepare_cached("SELECT spans FROM digest WHERE key >= ? AND key < ? ORDER BY key")?;
    let rows = statement.query_map([key_of(number, 0), key_of(number, most)], |row| {
        postcard::from_bytes(row.get_ref(0)?.as_blob()?).map_err(|error| unreadable(0, error))
    })?;
    rows.collect()
}

/// How many digests a run has.
pub(super) fn count(connection: &Connection, number: u32) -> rusqlite::Result<u32> {
    let sql = "SELECT key & 0xffffffff FROM digest WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1";
    let last =
        connection.prepare_cached(sql)?.query_row([key_of(number, 0), key_of(number, u32::MAX)], |row| row.get(0));
    Ok(last.optional()?.map_or(0, |last: u32| last + 1))
}

/// The pieces of a run's stretches that hold phases, ascending; no other rows are read.
pub(super) fn phase_pieces(connection: &Connection, number: u32) -> rusqlite::Result<Vec<u32>> {
    let sql = "SELECT key & 0xffffffff, phases FROM digest INDEXED BY digest_phases
         WHERE phases != 0 AND key BETWEEN ? AND ? ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([key_of(number, 0), key_of(number, u32::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (n, pieces) = (row.get::<_, u32>(0)?, row.get::<_, i64>(1)?);
        found.extend((0..u64::BITS).filter(|bit| pieces >> bit & 1 == 1).map(|bit| n * u64::BITS + bit));
    }
    Ok(found)
}

/// The column of that.
fn phases(digest: &Digest) -> i64 {
    digest.kinds[SpanKind::Phase as usize].pieces.cast_signed()
}

/// The marks of the spans in the first so many stretches, in their order; says how many stretches there are.
pub(super) fn each_marks(
    connection: &Connection,
    number: u32,
    stretches: u32,
    mut each: impl FnMut(u32, [Mark; 2]),
) -> rusqlite::Result<u32> {
    let sql = "SELECT marks FROM digest WHERE key >= ? AND key < ? ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([key_of(number, 0), key_of(number, stretches)])?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        let (marks, _) = row.get_ref(0)?.as_blob()?.as_chunks();
        let mut marks = marks.iter().copied().map(Mark::from_le_bytes);
        let ids: Vec<Mark> = marks.by_ref().take(STRETCH as usize).collect();
        for (place, id) in (found * STRETCH..).zip(ids) {
            each(place, [id, marks.next().unwrap_or(UNMARKED)]);
        }
        found += 1;
    }
    Ok(found)
}

/// Those of ids, then those of names when there are any.
fn encode_marks(spans: &[Span]) -> Vec<u8> {
    let (ids, names): (Vec<Mark>, Vec<Mark>) = spans.iter().map(|span| marks(span).into()).unzip();
    let names = if names.iter().all(|name| *name == UNMARKED) { Vec::new() } else { names };
    ids.into_iter().chain(names).flat_map(Mark::to_le_bytes).collect()
}

fn encode(digest: &Digest) -> Vec<u8> {
    postcard::to_stdvec(digest).expect("a digest holds nothing that postcard cannot write, and memory takes it")
}
