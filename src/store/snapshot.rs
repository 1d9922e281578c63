//! States of the fold as bytes: the core of a [`RunState`] without its lists, and what to go on from while a provisional
//! tail is shown. It must never know SQL.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::reducer::marker::Marker;
use crate::reducer::run::{Changes, RunState};
use crate::reducer::span::{Artifact, Span};

/// The bytes of a state without its lists, which have tables of their own.
pub(super) fn encode(state: &RunState) -> Vec<u8> {
    // With room for most states.
    postcard::to_extend(state, Vec::with_capacity(2048))
        .expect("a state holds nothing that postcard cannot write, and memory takes it all")
}

/// The state without its lists.
pub(super) fn decode(bytes: &[u8]) -> Result<RunState, postcard::Error> {
    postcard::from_bytes(bytes)
}

/// What the tables held before a provisional tail changed them, so that reading can go on from the cursor.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Resume {
    /// The state at the cursor, without lists, as [`encode`] gives it.
    core: Vec<u8>,
    spans: Undo<Span>,
    markers: Undo<Marker>,
    artifacts: Undo<Artifact>,
}

/// Entries of a list by their places.
pub(super) type Places<T> = [(u32, T)];

/// How long a list was, and its entries that were changed.
#[derive(Debug, Serialize, Deserialize)]
struct Undo<T> {
    length: u64,
    before: Vec<(u32, T)>,
}

impl<T: Clone> Undo<T> {
    fn of(list: &[T], changed: &[u32]) -> Self {
        let changed: BTreeSet<u32> = changed.iter().copied().collect();
        let before = changed.into_iter().filter_map(|n| Some((n, list.get(n as usize)?.clone()))).collect();
        Self { length: list.len() as u64, before }
    }

    fn apply(self, list: &mut Vec<T>) {
        list.truncate(usize::try_from(self.length).unwrap_or(usize::MAX));
        for (n, entry) in self.before {
            if let Some(place) = list.get_mut(n as usize) {
                *place = entry;
            }
        }
    }
}

impl Resume {
    /// What to go on from: `stored` is the state at the cursor and `changes` what the tail changed in its lists.
    pub(super) fn of(stored: &RunState, changes: &Changes) -> Self {
        Self {
            core: encode(stored),
            spans: Undo::of(&stored.spans, &changes.spans),
            markers: Undo::of(&stored.markers, &changes.markers),
            artifacts: Undo::of(&stored.artifacts, &changes.artifacts),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a state holds nothing that postcard cannot write, and memory takes it all")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, postcard::Error> {
        postcard::from_bytes(bytes)
    }

    /// Entries as they were at the cursor, of those that the tail changed.
    pub(super) fn before(&self) -> (&Places<Span>, &Places<Marker>, &Places<Artifact>) {
        (&self.spans.before, &self.markers.before, &self.artifacts.before)
    }

    /// The entries of the tables that are not those of the state at the cursor.
    pub(super) fn changes(&self) -> Changes {
        fn numbers<T>(undo: &Undo<T>) -> Vec<u32> {
            undo.before.iter().map(|(n, _)| *n).collect()
        }
        Changes { spans: numbers(&self.spans), markers: numbers(&self.markers), artifacts: numbers(&self.artifacts) }
    }

    /// The state at the cursor, made from the lists as they are shown.
    pub(super) fn state(
        self,
        mut spans: Vec<Span>,
        mut markers: Vec<Marker>,
        mut artifacts: Vec<Artifact>,
    ) -> Result<RunState, postcard::Error> {
        self.spans.apply(&mut spans);
        self.markers.apply(&mut markers);
        self.artifacts.apply(&mut artifacts);
        Ok(RunState::restore(decode(&self.core)?, spans, markers, artifacts))
    }
}
