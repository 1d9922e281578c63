//! For tests: counts the questions to a cache and lets one of them fail.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Reader;
use crate::store::StoreError;

#[derive(Debug, Default)]
pub(super) struct Trial {
    asked: AtomicU64,
    /// The question that fails, counted from 1; 0 is none.
    fails: AtomicU64,
}

impl Trial {
    pub(super) fn question(&self) -> Result<(), StoreError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        match self.fails.load(Ordering::Relaxed) {
            fails if fails == asked => Err(StoreError::from(rusqlite::Error::InvalidQuery)),
            _ => Ok(()),
        }
    }
}

impl Reader {
    /// Lets the n-th question from now on fail, counted from 1; 0 is none. What was learned is forgotten.
    pub(crate) fn fail_question(&self, number: u64) {
        self.pool.memo.clear();
        self.pool.trial.asked.store(0, Ordering::Relaxed);
        self.pool.trial.fails.store(number, Ordering::Relaxed);
    }

    /// How many questions were asked since [`Reader::fail_question`].
    pub(crate) fn questions(&self) -> u64 {
        self.pool.trial.asked.load(Ordering::Relaxed)
    }
}
