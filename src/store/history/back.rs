//! Snapshots read back: with all entries of their lists, or with few of the spans and markers, which of a long run are most
//! of it.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::ops::RangeInclusive;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::{ARTIFACTS, MARKERS, SPANS};
use crate::reducer::digest::STRETCH;
use crate::reducer::fold::{Absent, AtHand, Wanted};
use crate::reducer::marker::Marker;
use crate::reducer::run::{Changes, RunState};
use crate::reducer::span::{Artifact, Span};
use crate::store::columns::{artifacts_in, count, int, key_of, markers_in, shown_markers, unreadable};
use crate::store::log_row::Stored;
use crate::store::row::LogRow;
use crate::store::snapshot::{self, Places, Resume};
use crate::store::{digest_rows, span_rows};

/// A state on the way, to go on from with the bytes behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// With all lists; the spans and markers of a [`Glimpse`] are few.
    pub state: RunState,
    /// The first byte after the lines that it has seen.
    pub offset: u64,
    /// Hash of the bytes just before `offset`, and of how many, as in [`Cursor`](crate::store::Cursor).
    pub before_hash: u64,
    /// Of how many.
    pub before_length: u64,
    /// The log as it was read last.
    pub log: LogRow,
}

/// A snapshot with those spans and markers that what comes behind it is likely to ask for.
#[derive(Clone, Debug)]
pub struct Glimpse {
    /// With few of its spans and markers.
    pub snapshot: Snapshot,
    /// Which.
    pub part: Part,
}

/// Which spans and markers of a run a state has, so that a page can read the others that it shows.
#[derive(Clone, Debug)]
pub struct Part {
    number: u32,
    /// The key of the snapshot.
    at: i64,
    at_hand: AtHand,
    absent: Arc<Absent>,
    /// The places of those that changed behind the snapshot.
    changed: BTreeSet<u32>,
}

/// Spans before a place that are not as they are in the tables.
#[derive(Clone, Debug)]
pub(in crate::store) struct Changed {
    /// What the times in the tables are counted from.
    base: i64,
    /// As they were.
    pub(in crate::store) then: BTreeMap<u32, Span>,
}

impl Changed {
    /// Spans at some of those places, as they were.
    pub(in crate::store) fn spans(
        &self,
        connection: &Connection,
        part: &Part,
        places: RangeInclusive<u32>,
    ) -> rusqlite::Result<Vec<Span>> {
        let first = *places.start();
        let mut spans = span_rows::read_in(connection, part.number, self.base, places.clone())?;
        put(&mut spans, first, self.then.range(places).map(|(place, span)| (*place, span.clone())));
        Ok(spans)
    }
}

impl AsRef<Snapshot> for Snapshot {
    fn as_ref(&self) -> &Snapshot {
        self
    }
}

impl AsRef<Snapshot> for Glimpse {
    fn as_ref(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Part {
    /// What a rule asked for and the state has not. With anything, what became of the state is wrong, and is to be made again
    /// with that.
    #[must_use]
    pub fn asked(&self) -> Wanted {
        self.absent.asked()
    }

    /// How many markers the state has not. They are closed, and a page shows none of them.
    pub(in crate::store) fn absent_markers(&self) -> u64 {
        self.absent.markers()
    }

    /// Which spans the state has after these changes behind the snapshot.
    #[must_use]
    pub fn after(mut self, changes: &Changes) -> Self {
        self.changed.extend(changes.spans.iter().map(|number| self.at_hand.place(*number)));
        self
    }

    /// Those spans of a state that stand alone, with their places, and all from a place on.
    pub(in crate::store) fn split<'s>(&self, spans: &'s [Span]) -> (impl Iterator<Item = (u32, &'s Span)>, &'s [Span]) {
        let (some, all) = spans.split_at(self.at_hand.some.len().min(spans.len()));
        (self.at_hand.some.iter().copied().zip(some), all)
    }

    /// From this place on the state has all.
    pub(in crate::store) fn all_from(&self) -> u32 {
        self.at_hand.all_from
    }
}

/// The newest snapshot that has seen at most so many lines.
pub(in crate::store) fn newest(connection: &Connection, key: &str, line: u64) -> rusqlite::Result<Option<Snapshot>> {
    let Some((past, row)) = Past::newest(connection, key, line)? else { return Ok(None) };
    let spans = past.list(SPANS, row.spans, past.undone().0, |places| past.spans_in(places))?;
    let markers = past.all_markers(row.markers)?;
    past.snapshot(row, spans, markers).map(Some)
}

/// The same with few of its spans: the open ones, the last ones, those that changed since, and those at the wanted places;
/// and of its markers those that a page shows, unless all are wanted. `None` also where it cannot be known which spans the
/// others are.
pub(in crate::store) fn glimpse(
    connection: &Connection,
    key: &str,
    line: u64,
    wanted: &Wanted,
) -> rusqlite::Result<Option<Glimpse>> {
    let Some((past, row)) = Past::newest(connection, key, line)? else { return Ok(None) };
    let number = past.log.number;
    let length = u32::try_from(row.spans).unwrap_or(u32::MAX);
    let all_from = (length / STRETCH).saturating_sub(1) * STRETCH;
    let mut some: BTreeMap<u32, Span> =
        span_rows::read_open(connection, number, past.log.base, all_from)?.into_iter().collect();
    for place in wanted.spans.range(..all_from).copied() {
        some.extend(past.spans_in(place..=place)?.pop().map(|span| (place, span)));
    }
    let mut then = past.then(SPANS, length, past.undone().0)?;
    let mut all = if length > all_from { past.spans_in(all_from..=length - 1)? } else { Vec::new() };
    put(&mut all, all_from, then.split_off(&all_from));
    some.extend(then);

    let (places, mut spans): (Vec<u32>, Vec<Span>) = some.into_iter().unzip();
    spans.append(&mut all);
    let at_hand = AtHand { some: places, all_from };
    let markers = if wanted.all_markers { past.all_markers(row.markers)? } else { past.shown_markers(row.markers)? };
    let mut absent = Absent::beside(at_hand.clone(), row.markers.saturating_sub(markers.len() as u64));
    let mut some = at_hand.some.iter().peekable();
    let stretches = digest_rows::each_marks(connection, number, all_from / STRETCH, |place, marks| {
        if some.next_if_eq(&&place).is_none() {
            absent.add(place, marks);
        }
    })?;
    if stretches != all_from / STRETCH {
        return Ok(None);
    }
    let absent = Arc::new(absent);
    let part = Part { number, at: past.at, at_hand, absent: Arc::clone(&absent), changed: BTreeSet::new() };
    let mut snapshot = past.snapshot(row, spans, markers)?;
    snapshot.state.set_beside(absent);
    Ok(Some(Glimpse { snapshot, part }))
}

/// The spans that changed since a snapshot of a run, as they were after the changes behind it that the state has; `None` when
/// the run was replaced.
pub(in crate::store) fn changed_since(
    connection: &Connection,
    key: &str,
    part: &Part,
    spans: &[Span],
) -> rusqlite::Result<Option<Changed>> {
    let Some(log) = Stored::find(connection, key)?.filter(|log| log.number == part.number) else { return Ok(None) };
    let past = Past::of(connection, log, part.at)?;
    let mut then = past.then(SPANS, part.all_from(), past.undone().0)?;
    for (place, span) in part.split(spans).0 {
        if part.changed.contains(&place) {
            then.insert(place, span.clone());
        }
    }
    Ok(Some(Changed { base: past.log.base, then }))
}

/// The lines at which a run has snapshots, ascending.
pub(in crate::store) fn lines(connection: &Connection, key: &str) -> rusqlite::Result<Vec<u64>> {
    let Some(log) = Stored::find(connection, key)? else { return Ok(Vec::new()) };
    let mut statement =
        connection.prepare_cached("SELECT line FROM snapshot WHERE key BETWEEN ? AND ? ORDER BY key")?;
    let keys = [key_of(log.number, 0), key_of(log.number, u32::MAX)];
    statement.query_map(keys, |row| row.get(0).map(count))?.collect()
}

/// A snapshot as its row says it: the lengths of its lists, and the rest.
struct SnapshotRow {
    spans: u64,
    markers: u64,
    artifacts: u64,
    offset: u64,
    before_hash: u64,
    before_length: u64,
    core: RunState,
}

impl SnapshotRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let whole = |column: usize| row.get(column).map(count);
        Ok(Self {
            spans: whole(1)?,
            markers: whole(2)?,
            artifacts: whole(3)?,
            offset: whole(4)?,
            before_hash: row.get::<_, i64>(5)?.cast_unsigned(),
            before_length: whole(6)?,
            core: snapshot::decode(row.get_ref(7)?.as_blob()?).map_err(|error| unreadable(7, error))?,
        })
    }
}

/// From where lists are taken back.
struct Past<'a> {
    connection: &'a Connection,
    /// As it is in the tables.
    log: Stored,
    /// Where a provisional tail is shown.
    resume: Option<Resume>,
    /// The key of the snapshot.
    at: i64,
}

impl<'a> Past<'a> {
    fn of(connection: &'a Connection, log: Stored, at: i64) -> rusqlite::Result<Self> {
        let resume = log.resume.as_deref().map(Resume::decode).transpose().map_err(|error| unreadable(0, error))?;
        Ok(Self { connection, log, resume, at })
    }

    fn newest(connection: &'a Connection, key: &str, line: u64) -> rusqlite::Result<Option<(Self, SnapshotRow)>> {
        let Some(log) = Stored::find(connection, key)? else { return Ok(None) };
        let found = connection
            .prepare_cached(
                "SELECT key, spans, markers, artifacts, offset, before_hash, before_length, state FROM snapshot
                 WHERE key BETWEEN ? AND ? AND line <= ? ORDER BY key DESC LIMIT 1",
            )?
            .query_row(params![key_of(log.number, 0), key_of(log.number, u32::MAX), int(line)], |row| {
                Ok((row.get(0)?, SnapshotRow::read(row)?))
            })
            .optional()?;
        let Some((at, row)) = found else { return Ok(None) };
        Ok(Some((Self::of(connection, log, at)?, row)))
    }

    /// Gives the row its artifacts, and these spans and markers.
    fn snapshot(self, row: SnapshotRow, spans: Vec<Span>, markers: Vec<Marker>) -> rusqlite::Result<Snapshot> {
        let (connection, number) = (self.connection, self.log.number);
        let (_, _, artifacts) = self.undone();
        let artifacts =
            self.list(ARTIFACTS, row.artifacts, artifacts, |places| artifacts_in(connection, number, places))?;
        Ok(Snapshot {
            state: RunState::restore(row.core, spans, markers, artifacts),
            offset: row.offset,
            before_hash: row.before_hash,
            before_length: row.before_length,
            log: self.log.log,
        })
    }

    /// Entries at the cursor, of those that a shown tail changed.
    fn undone(&self) -> (&Places<Span>, &Places<Marker>, &Places<Artifact>) {
        self.resume.as_ref().map(Resume::before).unwrap_or_default()
    }

    fn spans_in(&self, places: RangeInclusive<u32>) -> rusqlite::Result<Vec<Span>> {
        span_rows::read_in(self.connection, self.log.number, self.log.base, places)
    }

    fn all_markers(&self, length: u64) -> rusqlite::Result<Vec<Marker>> {
        self.list(MARKERS, length, self.undone().1, |places| markers_in(self.connection, self.log.number, places))
    }

    /// Of the first so many markers, as they were, at least those that a page shows: every marker that is left out was closed.
    fn shown_markers(&self, length: u64) -> rusqlite::Result<Vec<Marker>> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let then = self.then(MARKERS, length, self.undone().1)?;
        // What changed since was open, also a handoff.
        let now = shown_markers(self.connection, self.log.number, length, then.len())?;
        let mut markers: BTreeMap<u32, Marker> = now.into_iter().collect();
        markers.extend(then);
        Ok(markers.into_values().collect())
    }

    /// A list as it was: `length` entries of today, with those that changed since put back.
    fn list<T: Clone + DeserializeOwned>(
        &self,
        list: i64,
        length: u64,
        undone: &Places<T>,
        stored: impl Fn(RangeInclusive<u32>) -> rusqlite::Result<Vec<T>>,
    ) -> rusqlite::Result<Vec<T>> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let Some(last) = length.checked_sub(1) else { return Ok(Vec::new()) };
        let mut entries = stored(0..=last)?;
        put(&mut entries, 0, self.then(list, length, undone)?);
        Ok(entries)
    }

    /// The entries before a place that changed since, as they were: the change that came first after this snapshot wins, and
    /// that of the tail is the last of all.
    fn then<T: Clone + DeserializeOwned>(
        &self,
        list: i64,
        end: u32,
        undone: &Places<T>,
    ) -> rusqlite::Result<BTreeMap<u32, T>> {
        let mut then = BTreeMap::new();
        // By way of the snapshots, so that entries of other lists are not walked over.
        let mut statement = self.connection.prepare_cached(
            "SELECT place, entry FROM snapshot CROSS JOIN preimage USING (key)
             WHERE snapshot.key BETWEEN ? AND ? AND list = ? AND place < ? ORDER BY snapshot.key",
        )?;
        let mut rows = statement.query(params![self.at, key_of(self.log.number, u32::MAX), list, end])?;
        while then.len() < end as usize
            && let Some(row) = rows.next()?
        {
            if let Entry::Vacant(free) = then.entry(row.get(0)?) {
                let entry = postcard::from_bytes(row.get_ref(1)?.as_blob()?).map_err(|error| unreadable(1, error))?;
                free.insert(entry);
            }
        }
        for (place, entry) in undone.iter().filter(|(place, _)| *place < end) {
            then.entry(*place).or_insert_with(|| entry.clone());
        }
        Ok(then)
    }
}

/// Puts entries at their places in a list that begins at a place.
fn put<T>(list: &mut [T], first: u32, entries: impl IntoIterator<Item = (u32, T)>) {
    for (place, entry) in entries {
        if let Some(old) = place.checked_sub(first).and_then(|at| list.get_mut(at as usize)) {
            *old = entry;
        }
    }
}
