//! What every page says first: the pill and everything that needs a person, from one look at the open runs.
//!
//! Joins plain data; it must never ask the cache itself.

use std::sync::Arc;

use super::Judged;
use crate::reducer::attention::Entry;
use crate::store::RunRecord;

/// The active runs, the pill and the attention list, of one moment.
#[derive(Clone, Debug)]
pub struct Banner {
    /// The open runs by number, so that a list need not judge them again.
    open: Vec<Arc<Judged>>,
    /// The open runs that are not abandoned, most recently started first.
    pub active: Vec<Arc<Judged>>,
    /// Everything a person should look at, newest first, then key; its length is the one number (spec 2.6).
    pub attention: Vec<Item>,
    /// The run that ended last; only asked for when none is active.
    pub last_ended: Option<Box<RunRecord>>,
}

/// One attention entry with its run.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Item {
    pub entry: Entry,
    pub run: Arc<Judged>,
}

/// What the pill shows (spec 3.1).
#[derive(Clone, Debug)]
pub enum Pill {
    /// The most recently started open run that is not abandoned, and how many further ones there are.
    Active(Arc<Judged>, usize),
    /// No active run: the one that ended last. Abandoned runs are not active, and nobody saw them end.
    Idle(Option<Box<RunRecord>>),
}

impl Banner {
    /// Joins the open runs and those that ended badly.
    pub(super) fn of(open: Vec<Judged>, ended_badly: Vec<Judged>) -> Self {
        let mut open: Vec<Arc<Judged>> = open.into_iter().map(Arc::new).collect();
        let ended = ended_badly.into_iter().map(Arc::new);
        let attention = items(open.iter().cloned().chain(ended));
        let mut active: Vec<Arc<Judged>> = open.iter().filter(|judged| judged.is_active()).cloned().collect();
        active.sort_by(|a, b| Judged::by_start(a, b));
        open.sort_unstable_by_key(|judged| judged.record.number);
        Self { open, active, attention, last_ended: None }
    }

    /// The open runs, abandoned ones too.
    pub(super) fn open(&self) -> &[Arc<Judged>] {
        &self.open
    }

    /// The verdict that was given to an open run, of the same version.
    pub(super) fn known(&self, record: &RunRecord) -> Option<&Arc<Judged>> {
        let place = self.open.binary_search_by_key(&record.number, |judged| judged.record.number).ok()?;
        self.open.get(place).filter(|judged| judged.record.version == record.version)
    }

    /// What the pill shows.
    #[must_use]
    pub fn pill(&self) -> Pill {
        match self.active.first() {
            Some(first) => Pill::Active(Arc::clone(first), self.active.len() - 1),
            None => Pill::Idle(self.last_ended.clone()),
        }
    }
}

/// The entries of the runs, newest first, without a time last; equal times by key (spec 2.6).
fn items(runs: impl Iterator<Item = Arc<Judged>>) -> Vec<Item> {
    let of_run = |run: Arc<Judged>| {
        let entries = run.attention.clone();
        entries.into_iter().map(move |entry| Item { entry, run: Arc::clone(&run) })
    };
    let mut items: Vec<Item> = runs.flat_map(of_run).collect();
    // `None` is the least, so it comes last. The sort is stable: the entries of one run keep their order.
    items.sort_by(|a, b| b.entry.since.cmp(&a.entry.since).then_with(|| a.run.record.key.cmp(&b.run.record.key)));
    items
}
