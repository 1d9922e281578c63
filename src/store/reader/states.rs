//! States of runs that were read shortly before: lists of runs show the same ones again and again, and nearly all of them
//! stay as they are.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::reducer::run::RunState;

/// How many states are remembered, and how many entries their lists may have.
const MAX_STATES: usize = 256;
const MAX_ENTRIES: usize = 64;

/// States by the number of the run, each with the version that it is of.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How often the cache had moved when they were read; numbers and versions begin again in another one.
    moves: u64,
    known: FxHashMap<u32, (u64, Arc<RunState>)>,
}

/// The states of one cache. None beside a writer of another process, which may put another cache into the place of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered<'s> {
    pub(super) states: Option<&'s States>,
    pub(super) moves: u64,
}

impl Remembered<'_> {
    /// The state of a run as of a version.
    pub(super) fn get(self, number: u32, version: u64) -> Option<Arc<RunState>> {
        let inner = self.states?.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, state) = inner.known.get(&number).filter(|_| inner.moves == self.moves)?;
        (*known == version).then(|| Arc::clone(state))
    }

    pub(super) fn put(self, number: u32, version: u64, state: &Arc<RunState>) {
        let Some(states) = self.states.filter(|_| state.spans.len() + state.markers.len() <= MAX_ENTRIES) else {
            return;
        };
        let mut inner = states.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.moves != self.moves || inner.known.len() >= MAX_STATES {
            *inner = Inner { moves: self.moves, known: FxHashMap::default() };
        }
        inner.known.insert(number, (version, Arc::clone(state)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::dialect::Reading;
    use crate::reducer::reduce::Reducer;

    #[test]
    fn a_state_is_known_by_cache_number_and_version() {
        let states = States::default();
        let at = |moves| Remembered { states: Some(&states), moves };
        let state = Arc::new(RunState::default());
        at(0).put(7, 3, &state);
        assert!(at(0).get(7, 3).is_some_and(|known| Arc::ptr_eq(&known, &state)));
        assert_eq!(at(0).get(7, 4), None);
        assert_eq!(at(0).get(8, 3), None);
        assert_eq!(at(1).get(7, 3), None);
        at(1).put(8, 1, &state);
        assert_eq!(at(0).get(7, 3), None);
        assert_eq!(Remembered { states: None, moves: 1 }.get(8, 1), None);
    }

    #[test]
    fn so_many_states_are_remembered_and_none_with_long_lists() {
        let states = States::default();
        let at = Remembered { states: Some(&states), moves: 0 };
        for number in 0..1000 {
            at.put(number, 1, &Arc::default());
        }
        assert!(at.get(999, 1).is_some());
        assert!((0..1000).filter(|number| at.get(*number, 1).is_some()).count() <= MAX_STATES);
        let mut reducer = Reducer::new(Reading::default());
        for step in 0..=MAX_ENTRIES {
            reducer.push(format!("{{\"event\":\"step.started\",\"step\":\"{step}\"}}\n").as_bytes(), &mut |_| {});
        }
        at.put(1001, 1, &reducer.shared());
        assert_eq!(at.get(1001, 1), None);
    }
}
