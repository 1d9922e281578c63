//! [`Absent`]: the spans and closed markers of a long run that are not at hand, and whether a rule asked for one of them.
//!
//! What the rules need of the past is little: the open spans, and of the others those whose id or name comes again; the open
//! markers, and of the others whether one had an id. A state can therefore be gone on from with few of them. Where that was
//! too few it shows, and the state is made again with what was asked for. It must never know where they are stored.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// What of a run's past has to be at hand, beside what is likely to be asked for anyway.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Spans, by place.
    pub spans: BTreeSet<u32>,
    /// All markers; else closed ones that a page does not show are left out.
    pub all_markers: bool,
}

impl Wanted {
    /// All markers, and no span.
    #[must_use]
    pub fn all_markers() -> Self {
        Self { all_markers: true, ..Self::default() }
    }

    /// Whether this is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && !self.all_markers
    }

    /// This and that.
    pub fn extend(&mut self, further: Self) {
        self.spans.extend(further.spans);
        self.all_markers |= further.all_markers;
    }
}

/// The spans and markers that are not at hand.
#[derive(Debug, Default)]
pub struct Absent {
    at_hand: AtHand,
    /// Those of the spans, by place.
    marks: Vec<[Mark; 2]>,
    /// How many markers; they are closed.
    markers: u64,
    asked: Mutex<Asked>,
}

/// What rules asked for.
#[derive(Debug, Default)]
struct Asked {
    /// Spans with these marks, newer than the place.
    spans: FxHashMap<Mark, Option<u32>>,
    /// A marker that is not among those at hand.
    marker: bool,
}

impl Absent {
    /// Beside these there are other spans; [`Absent::add`] says which. So many closed markers are left out.
    #[must_use]
    pub fn beside(at_hand: AtHand, markers: u64) -> Self {
        Self { at_hand, markers, ..Self::default() }
    }

    /// How many markers are left out.
    #[must_use]
    pub fn markers(&self) -> u64 {
        self.markers
    }

    /// Adds the next span that is not at hand, by its place and marks.
    pub fn add(&mut self, place: u32, marks: [Mark; 2]) {
        self.marks.resize(place as usize, [UNMARKED; 2]);
        self.marks.push(marks);
    }

    /// Notes that a rule asked for the newest span with an id or a name and was given `found` of those at hand, if what is
    /// not at hand may be newer.
    pub(super) fn ask(&self, by: By, kind: SpanKind, text: &str, found: Option<u32>) {
        let found = found.map(|number| self.at_hand.place(number));
        if found.is_none_or(|place| place < self.at_hand.all_from) {
            let mut noted = self.noted();
            let before = noted.spans.entry(mark(by, kind, text)).or_insert(found);
            *before = found.min(*before);
        }
    }

    /// Notes that a rule asked for a marker that is not among those at hand.
    pub(super) fn ask_marker(&self) {
        if self.markers > 0 {
            self.noted().marker = true;
        }
    }

    /// What a rule asked for and is not at hand. Few are asked for and very many are not at hand, so that those are walked over
    /// here, once, instead of being made ready for a look-up.
    #[must_use]
    pub fn asked(&self) -> Wanted {
        let noted = self.noted();
        let mut newest = FxHashMap::default();
        if !noted.spans.is_empty() {
            for (place, marks) in (0_u32..).zip(&self.marks) {
                for mark in marks {
                    if noted.spans.get(mark).is_some_and(|found| found.is_none_or(|found| found < place)) {
                        newest.insert(*mark, place);
                    }
                }
            }
        }
        Wanted { spans: newest.into_values().collect(), all_markers: noted.marker }
    }

    fn noted(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked for does not tell two states apart.
impl PartialEq for Absent {
    fn eq(&self, other: &Self) -> bool {
        (&self.at_hand, &self.marks, self.markers) == (&other.at_hand, &other.marks, other.markers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::verdict::world::span;

    #[test]
    fn only_what_is_newer_than_what_was_found_is_asked_for() {
        let mut absent = Absent::beside(AtHand { some: vec![3, 7], all_from: 10 }, 0);
        absent.add(2, marks(&span(SpanKind::Tool, "a", 1)));
        absent.add(5, marks(&span(SpanKind::Tool, "a", 1)));
        let is_asked = |by, kind, text, found| {
            *absent.noted() = Asked::default();
            absent.ask(by, kind, text, found);
            absent.asked().spans == BTreeSet::from([5])
        };
        // By their numbers: 0 is at place 3, 1 at place 7, and 2 at place 10.
        let answers = [None, Some(0), Some(1), Some(2)].map(|found| is_asked(By::Id, SpanKind::Tool, "a", found));
        assert_eq!(answers, [true, true, false, false]);
        assert!(!is_asked(By::Name, SpanKind::Tool, "a", None), "it has no name");
        assert!(!is_asked(By::Id, SpanKind::Step, "a", None), "of another kind");
        assert!(!is_asked(By::Id, SpanKind::Tool, "b", None), "of another id");
        // What was found first counts, whatever came later.
        assert!(is_asked(By::Id, SpanKind::Tool, "a", Some(0)));
        for found in [Some(1), Some(2)] {
            absent.ask(By::Id, SpanKind::Tool, "a", found);
        }
        assert_eq!(absent.asked().spans, BTreeSet::from([5]));
    }

    #[test]
    fn a_marker_is_asked_for_where_some_are_left_out() {
        for (left_out, asked) in [(0, false), (1, true)] {
            let absent = Absent::beside(AtHand::default(), left_out);
            assert!(absent.asked().is_empty());
            absent.ask_marker();
            assert_eq!(absent.asked(), Wanted { spans: BTreeSet::new(), all_markers: asked });
        }
    }
}
