//! Entries of the lists of one run, a page at a time, however long they are (spec 5.4 T72).

use std::ops::RangeInclusive;

use rusqlite::Connection;

use crate::reducer::marker::Marker;
use crate::reducer::run::RunState;
use crate::reducer::span::{Artifact, Span};
use crate::store::columns::{self, count};
use crate::store::span_rows;

/// Which entries of a list: at most so many of those behind so many. By default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cut {
    pub after: u64,
    pub limit: u32,
}

/// Which entries of each list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cuts {
    pub spans: Cut,
    pub markers: Cut,
    pub artifacts: Cut,
}

/// Some entries of a list, in the order in which they opened or were first named.
#[derive(Clone, Debug, PartialEq)]
pub struct Few<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// How many the list has.
    pub total: u64,
    /// [`Cut::after`] to go on with; `None` when these are the last.
    pub next: Option<u64>,
}

/// Some entries of the lists of a run.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Entries {
    pub spans: Few<Span>,
    pub markers: Few<Marker>,
    pub artifacts: Few<Artifact>,
}

impl Cut {
    /// The entries of a list of so many; `read` gives those at some places.
    fn of<T, E>(self, total: u64, read: impl FnOnce(RangeInclusive<u32>) -> Result<Vec<T>, E>) -> Result<Few<T>, E> {
        let end = total.min(self.after.saturating_add(u64::from(self.limit)));
        let places = || Some(u32::try_from(self.after).ok()?..=u32::try_from(end.checked_sub(1)?).ok()?);
        let entries = match places().filter(|places| !places.is_empty()) {
            Some(places) => read(places)?,
            None => Vec::new(),
        };
        let next = Some(end).filter(|end| *end < total && !entries.is_empty());
        Ok(Few { entries, total, next })
    }

    fn of_list<T: Clone>(self, list: &[T]) -> Few<T> {
        let few = self.of(list.len() as u64, |places| {
            Ok::<_, std::convert::Infallible>(list[*places.start() as usize..=*places.end() as usize].to_vec())
        });
        few.unwrap_or_else(|never| match never {})
    }
}

impl Entries {
    /// Of a state with all entries of its lists.
    #[must_use]
    pub fn of(state: &RunState, cuts: &Cuts) -> Self {
        Self {
            spans: cuts.spans.of_list(&state.spans),
            markers: cuts.markers.of_list(&state.markers),
            artifacts: cuts.artifacts.of_list(&state.artifacts),
        }
    }
}

/// Reads no other entries than those.
pub(super) fn read(connection: &Connection, number: u32, cuts: &Cuts) -> rusqlite::Result<Entries> {
    let lengths = "SELECT base, spans, markers, run.artifacts FROM run JOIN log USING (number) WHERE number = ?";
    let (base, [spans, markers, artifacts]) = connection
        .prepare_cached(lengths)?
        .query_row([number], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?])))?;
    Ok(Entries {
        spans: cuts.spans.of(count(spans), |places| span_rows::read_in(connection, number, base, places))?,
        markers: cuts.markers.of(count(markers), |places| columns::markers_in(connection, number, places))?,
        artifacts: cuts.artifacts.of(count(artifacts), |places| columns::artifacts_in(connection, number, places))?,
    })
}
