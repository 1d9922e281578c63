//! [`Absent`]: the spans of a long run that are not at hand, and whether a rule asked for one of them.
//!
//! What the rules need of the past is little: the open spans, and of the others those whose id or name comes again. A state
//! can therefore be gone on from with few of its spans. Where that was too few it shows, and the state is made again with
//! what was asked for. It must never know where spans are stored.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::FixedState;
use rustc_hash::FxHashMap;

use crate::reducer::span::{Span, SpanKind};

/// What a span can be asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum By {
    Id,
    Name,
}

/// A short hash of how a span can be asked for. It is stored, so that it is the same in every process; that two meet in one
/// costs a look at a span that was not meant.
pub type Mark = u32;

/// No mark: a span that has no id, or no name.
pub const UNMARKED: Mark = 0;

fn mark(by: By, kind: SpanKind, text: &str) -> Mark {
    let hash = FixedState::with_seed(0).hash_one((by, kind as u8, text));
    (hash as Mark).max(UNMARKED + 1)
}

/// The marks of a span's id and name.
#[must_use]
pub fn marks(span: &Span) -> [Mark; 2] {
    [(By::Id, &span.id), (By::Name, &span.name)]
        .map(|(by, text)| text.as_deref().map_or(UNMARKED, |text| mark(by, span.kind, text)))
}

/// Which spans of a run are at hand: some of the first ones, and all from a place on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtHand {
    /// The places of some, ascending.
    pub some: Vec<u32>,
    /// From this place on there are all.
    pub all_from: u32,
}

impl AtHand {
    /// The place of a span, by its number among those at hand.
    #[must_use]
    pub fn place(&self, number: u32) -> u32 {
        let some = self.some.len() as u32;
        self.some.get(number as usize).copied().unwrap_or_else(|| number.saturating_sub(some) + self.all_from)
    }
}

/// The spans that are not at hand.
#[derive(Debug, Default)]
pub struct Absent {
    at_hand: AtHand,
    /// The newest of those with a mark, by place.
    newest: FxHashMap<Mark, u32>,
    asked: Mutex<BTreeSet<u32>>,
}

impl Absent {
    /// Beside these there are others; [`Absent::add`] says which.
    #[must_use]
    pub fn beside(at_hand: AtHand) -> Self {
        Self { at_hand, ..Self::default() }
    }

    /// Adds the next span that is not at hand, by its place and marks.
    pub fn add(&mut self, place: u32, marks: [Mark; 2]) {
        for mark in marks {
            if mark != UNMARKED {
                self.newest.insert(mark, place);
            }
        }
    }

    /// Notes that a rule asked for the newest span with an id or a name and was given `found` of those at hand, if what is
    /// not at hand may be newer.
    pub(super) fn ask(&self, by: By, kind: SpanKind, text: &str, found: Option<u32>) {
        let Some(newest) = self.newest.get(&mark(by, kind, text)) else { return };
        if found.is_none_or(|number| self.at_hand.place(number) < *newest) {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(*newest);
        }
    }

    /// The places of those that a rule asked for.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<u32> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is asked for does not tell two states apart.
impl PartialEq for Absent {
    fn eq(&self, other: &Self) -> bool {
        self.at_hand == other.at_hand && self.newest == other.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::verdict::world::span;

    #[test]
    fn only_what_is_newer_than_what_was_found_is_asked_for() {
        let mut absent = Absent::beside(AtHand { some: vec![3, 7], all_from: 10 });
        absent.add(2, marks(&span(SpanKind::Tool, "a", 1)));
        absent.add(5, marks(&span(SpanKind::Tool, "a", 1)));
        let is_asked = |by, kind, text, found| {
            absent.asked.lock().expect("no panic before").clear();
            absent.ask(by, kind, text, found);
            absent.asked() == BTreeSet::from([5])
        };
        // By their numbers: 0 is at place 3, 1 at place 7, and 2 at place 10.
        let answers = [None, Some(0), Some(1), Some(2)].map(|found| is_asked(By::Id, SpanKind::Tool, "a", found));
        assert_eq!(answers, [true, true, false, false]);
        assert!(!is_asked(By::Name, SpanKind::Tool, "a", None), "it has no name");
        assert!(!is_asked(By::Id, SpanKind::Step, "a", None), "of another kind");
        assert!(!is_asked(By::Id, SpanKind::Tool, "b", None), "of another id");
    }
}
