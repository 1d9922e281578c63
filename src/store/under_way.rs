//! A commit that is announced before it is done. The news takes as long to whoever listens as the commit takes, so both go
//! at the same time; who then asks for what was announced waits for the commit, but never long for a slow disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a reader waits for such a commit at most.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whether such a commit is under way; one at a time is.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_committing: bool,
    /// Somebody waited long enough, and reads what was before.
    is_outpaced: bool,
}

impl UnderWay {
    /// Readers wait from now on, until what this gives is dropped.
    pub(super) fn begin(&self) -> Announced<'_> {
        *self.lock() = State { is_committing: true, is_outpaced: false };
        Announced(self)
    }

    /// Waits for the commit that is under way, if one is.
    pub(super) fn wait(&self) {
        let waited = self.over.wait_timeout_while(self.lock(), PATIENCE, |state| state.is_committing);
        let (mut state, result) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_outpaced |= result.timed_out();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit that was announced.
#[derive(Debug)]
pub(super) struct Announced<'u>(&'u UnderWay);

impl Announced<'_> {
    /// Lets readers go on; says whether one did before.
    pub(super) fn end(self) -> bool {
        let mut state = self.0.lock();
        state.is_committing = false;
        state.is_outpaced
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.0.lock().is_committing = false;
        self.0.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn who_asks_waits_until_it_is_done_and_not_for_ever() {
        let under_way = UnderWay::default();
        under_way.wait();
        let is_done = AtomicBool::new(false);
        let announced = under_way.begin();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                under_way.wait();
                is_done.load(Ordering::Relaxed)
            });
            std::thread::sleep(PATIENCE / 10);
            is_done.store(true, Ordering::Relaxed);
            let is_outpaced = announced.end();
            assert!(waits.join().expect("it waits") || is_outpaced);
        });
        let announced = under_way.begin();
        under_way.wait();
        assert!(announced.end(), "it was waited for in vain");
        assert!(!under_way.begin().end());
    }
}
