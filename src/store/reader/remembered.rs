//! Runs that were read shortly before: lists show the same ones again and again, and nearly all of them stay as they are.

use std::sync::{Mutex, PoisonError};

use rustc_hash::FxHashMap;

use crate::store::row::RunRecord;

/// How many runs are remembered, and how many entries their lists may have.
const MAX_RUNS: usize = 256;
const MAX_ENTRIES: usize = 64;

/// Runs by number, with their open spans and markers.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    since: Since,
    known: FxHashMap<u32, RunRecord>,
}

/// What says that a run of the same version is still the same. A version is only of the run itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Since {
    /// How often the cache had moved: numbers and versions begin again in another one.
    pub(super) moves: u64,
    /// How often anything had changed about which run retries which.
    pub(super) retries: u64,
}

/// The runs of one cache. None beside a writer of another process, which may put another cache into the place of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered<'r> {
    pub(super) runs: Option<&'r Runs>,
    pub(super) since: Since,
}

impl Remembered<'_> {
    /// The run of a number as of a version.
    pub(super) fn get(self, number: u32, version: u64) -> Option<RunRecord> {
        let inner = self.runs?.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = inner.known.get(&number).filter(|_| inner.since == self.since)?;
        (known.version == version).then(|| known.clone())
    }

    pub(super) fn put(self, run: &RunRecord) {
        let is_short = run.state.spans.len() + run.state.markers.len() <= MAX_ENTRIES;
        let Some(runs) = self.runs.filter(|_| is_short) else { return };
        let mut inner = runs.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.since != self.since || inner.known.len() >= MAX_RUNS {
            *inner = Inner { since: self.since, known: FxHashMap::default() };
        }
        inner.known.insert(run.number, run.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::reducer::dialect::Reading;
    use crate::reducer::reduce::Reducer;
    use crate::reducer::run::RunState;

    fn run(number: u32, version: u64, state: Arc<RunState>) -> RunRecord {
        let (key, log) = (number.to_string(), Arc::default());
        RunRecord { number, key, version, state, log, modified: None, retried_by: None }
    }

    #[test]
    fn a_run_is_known_by_number_and_version_while_cache_and_retries_are_the_same() {
        let runs = Runs::default();
        let at = |moves, retries| Remembered { runs: Some(&runs), since: Since { moves, retries } };
        let one = run(7, 3, Arc::default());
        at(0, 0).put(&one);
        assert_eq!(at(0, 0).get(7, 3), Some(one.clone()));
        assert_eq!(at(0, 0).get(7, 4), None);
        assert_eq!(at(0, 0).get(8, 3), None);
        assert_eq!(at(1, 0).get(7, 3), None);
        assert_eq!(at(0, 1).get(7, 3), None);
        at(0, 1).put(&run(8, 1, Arc::default()));
        assert_eq!(at(0, 0).get(7, 3), None);
        assert_eq!(Remembered { runs: None, since: Since { moves: 0, retries: 1 } }.get(8, 1), None);
    }

    #[test]
    fn so_many_runs_are_remembered_and_none_with_long_lists() {
        let runs = Runs::default();
        let at = Remembered { runs: Some(&runs), since: Since::default() };
        for number in 0..1000 {
            at.put(&run(number, 1, Arc::default()));
        }
        assert!(at.get(999, 1).is_some());
        assert!((0..1000).filter(|number| at.get(*number, 1).is_some()).count() <= MAX_RUNS);
        let mut reducer = Reducer::new(Reading::default());
        for step in 0..=MAX_ENTRIES {
            reducer.push(format!("{{\"event\":\"step.started\",\"step\":\"{step}\"}}\n").as_bytes(), &mut |_| {});
        }
        at.put(&run(1001, 1, reducer.shared()));
        assert_eq!(at.get(1001, 1), None);
    }
}
