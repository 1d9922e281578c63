//! What waits for the writer: bounded by weight, taken all at once, so that commits grow with the load.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::StoreError;
use super::writer::Write;
use crate::reducer::run::Changes;

/// As many rows wait at most, and so many are committed together at most (spec 6: 20 to 50 thousand).
const MAX_WEIGHT: usize = 32_768;

/// So much is committed at once, however patient the writes are.
const MUCH: usize = MAX_WEIGHT / 2;

/// What the writer finds in the queue.
#[derive(Debug)]
pub(super) enum Taken {
    /// These, in the order in which they were sent.
    Writes(VecDeque<Write>),
    /// What is in the cache cannot be read, with the reason.
    Doubt(String),
    /// Nothing came in the time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// What ended a pause between two tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The time is over, or somebody waits for the outcome.
    Over,
    /// Everybody has left; try once more and end.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Write>,
    weight: usize,
    /// How many writes were ever sent, and how many of them are done.
    sent: u64,
    done: u64,
    /// Tries that failed, and what the first of them said that nobody was told yet.
    failures: u64,
    failure: Option<StoreError>,
    /// Somebody waits in `flush`.
    urgent: bool,
    /// Something that waits is to be committed soon.
    hasty: bool,
    closed: bool,
    stopped: bool,
    /// How often the cache was made anew, and how often of these the sender has taken notice.
    renewals: u64,
    noticed: u64,
    /// Why the cache is to be made anew.
    doubt: Option<String>,
    /// Runs of which a write was given up.
    refused: Vec<String>,
}

/// The queue between everybody who writes and the writer thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something came, or the queue was closed.
    filled: Condvar,
    /// Something was taken or done, or the writer has stopped.
    moved: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing below panics while it holds the lock, and each change of the state is whole in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a write, after waiting for room. A patient one may wait for others.
    pub(super) fn send(&self, write: Write, is_patient: bool) -> Result<(), StoreError> {
        let mut state = self
            .moved
            .wait_while(self.lock(), |state| {
                state.weight >= MAX_WEIGHT && !state.stopped && state.renewals == state.noticed
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.stopped {
            return Err(StoreError::Stopped);
        }
        if state.renewals != state.noticed {
            return Err(StoreError::Anew);
        }
        let before = state.weight;
        state.weight += weight(&write);
        state.sent += 1;
        state.waiting.push_back(write);
        let is_news =
            state.waiting.len() == 1 || (!is_patient && !state.hasty) || (before < MUCH && MUCH <= state.weight);
        state.hasty |= !is_patient;
        drop(state);
        if is_news {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Counts a write as sent that its sender commits at once; no when anything else comes before it.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.lock();
        let is_free =
            state.done == state.sent && !state.stopped && state.renewals == state.noticed && state.doubt.is_none();
        state.sent += u64::from(is_free);
        is_free
    }

    /// Such a write could not be committed: it waits before all others.
    pub(super) fn put_back(&self, write: Write) {
        let mut state = self.lock();
        state.weight += weight(&write);
        state.waiting.push_front(write);
        state.hasty = true;
        drop(state);
        self.filled.notify_one();
    }

    /// Waits until everything sent before is committed, or until a try fails.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let (ticket, failures) = (state.sent, state.failures);
        (state.urgent, state.hasty) = (true, true);
        self.filled.notify_one();
        let mut state = self
            .moved
            .wait_while(state, |state| state.done < ticket && state.failures == failures && !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.failure.take() {
            return Err(error);
        }
        if state.done < ticket && state.stopped { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Whether everything sent before is committed, or given up.
    pub(super) fn is_done(&self) -> bool {
        let state = self.lock();
        state.done == state.sent
    }

    /// Says that nothing more will be sent.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Everything that waits, at latest after `wait`. While all of it is patient, more may come for so long: each commit
    /// costs the pages that it touches, however little is on them.
    pub(super) fn take(&self, wait: Duration, patience: Duration) -> Taken {
        let (mut state, _) = self
            .filled
            .wait_timeout_while(self.lock(), wait, |state| {
                state.waiting.is_empty() && !state.closed && state.doubt.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        if !state.waiting.is_empty() {
            let may_wait =
                |state: &mut State| !state.hasty && !state.closed && state.doubt.is_none() && state.weight < MUCH;
            (state, _) =
                self.filled.wait_timeout_while(state, patience, may_wait).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(why) = state.doubt.take() {
            return Taken::Doubt(why);
        }
        if state.waiting.is_empty() {
            return if state.closed { Taken::Closed } else { Taken::Nothing };
        }
        (state.weight, state.hasty) = (0, false);
        let writes = std::mem::take(&mut state.waiting);
        drop(state);
        self.moved.notify_all();
        Taken::Writes(writes)
    }

    /// So many writes are committed, or given up.
    pub(super) fn finish(&self, writes: usize) {
        let mut state = self.lock();
        state.done += writes as u64;
        state.urgent = false;
        drop(state);
        self.moved.notify_all();
    }

    /// A try failed; whoever flushes is told.
    pub(super) fn fail(&self, error: StoreError) {
        let mut state = self.lock();
        state.failures += 1;
        state.failure.get_or_insert(error);
        state.urgent = false;
        drop(state);
        self.moved.notify_all();
    }

    /// What failed was written after all, before anybody was told.
    pub(super) fn recovered(&self) {
        self.lock().failure = None;
    }

    /// Waits before the next try: shorter when somebody flushes.
    pub(super) fn pause(&self, wait: Duration) -> Pause {
        let (state, _) = self
            .filled
            .wait_timeout_while(self.lock(), wait, |state| !state.urgent && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed { Pause::Closed } else { Pause::Over }
    }

    /// Says that the cache cannot be read, and waits until it was made anew.
    pub(super) fn doubt(&self, why: String) -> Result<(), StoreError> {
        let mut state = self.lock();
        let before = state.renewals;
        state.doubt = Some(why);
        self.filled.notify_one();
        let state = self
            .moved
            .wait_while(state, |state| state.renewals == before && !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        if state.renewals == before { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// The cache was made anew: what waits stands on what is lost, and so does what is sent before that was noticed.
    pub(super) fn renewed(&self) {
        let mut state = self.lock();
        state.renewals += 1;
        state.done += state.waiting.len() as u64;
        state.waiting.clear();
        (state.weight, state.hasty) = (0, false);
        state.refused.clear();
        drop(state);
        self.moved.notify_all();
    }

    /// Whether the cache was made anew and nobody noticed yet.
    pub(super) fn is_anew(&self) -> bool {
        let state = self.lock();
        state.renewals != state.noticed
    }

    /// The sender knows that the cache was made anew, and begins anew.
    pub(super) fn notice(&self) {
        let mut state = self.lock();
        state.noticed = state.renewals;
    }

    /// A write of this run was given up.
    pub(super) fn refuse(&self, key: String) {
        self.lock().refused.push(key);
    }

    /// Runs of which a write was given up since the last time.
    pub(super) fn take_refused(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().refused)
    }

    /// The writer has ended: nobody must wait for it any more.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.moved.notify_all();
    }
}

/// How many rows a write touches, roughly.
fn weight(write: &Write) -> usize {
    match write {
        Write::Batch(batch) => {
            let Changes { spans, markers, artifacts } = &batch.changes;
            // Spans stand many in a row; one by one they only take memory while they wait.
            8 + batch.events.as_ref().map_or(0, Vec::len) + spans.len() + 4 * (markers.len() + artifacts.len())
        }
        Write::Log(_) | Write::Remove(_) | Write::Complete => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn write(n: u32) -> Write {
        Write::Remove(n.to_string())
    }

    /// How many writes are taken at once when these are sent, each patient or not, while somebody takes.
    fn taken(queue: &Queue, sent: &[bool], then: impl FnOnce(&Queue)) -> usize {
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| match queue.take(LONG, LONG) {
                Taken::Writes(writes) => writes.len(),
                other => panic!("{other:?}"),
            });
            for (n, is_patient) in (0..).zip(sent) {
                queue.send(write(n), *is_patient).expect("there is room");
                // For whoever takes too early.
                std::thread::sleep(Duration::from_millis(20));
            }
            then(queue);
            taker.join().expect("it takes")
        })
    }

    #[test]
    fn patient_writes_wait_for_a_hasty_one_a_flush_or_the_end() {
        let queue = Queue::default();
        assert_eq!(taken(&queue, &[true, true, false], |_| {}), 3);
        assert_eq!(taken(&queue, &[true, true, false], |_| {}), 3, "haste is over with its write");
        assert_eq!(taken(&queue, &[false], |_| {}), 1);
        assert_eq!(taken(&queue, &[true, true], Queue::close), 2);
        let flush = |queue: &Queue| {
            std::thread::scope(|scope| {
                scope.spawn(|| queue.flush());
                std::thread::sleep(Duration::from_millis(20));
                queue.stop();
            });
        };
        assert_eq!(taken(&Queue::default(), &[true, true], flush), 2);
        let many = vec![true; MUCH / weight(&write(0))];
        let queue = Queue::default();
        many.iter().for_each(|is_patient| queue.send(write(0), *is_patient).expect("there is room"));
        assert!(
            matches!(queue.take(LONG, LONG), Taken::Writes(writes) if writes.len() == many.len()),
            "much is enough"
        );
    }

    #[test]
    fn patience_ends() {
        let queue = Queue::default();
        queue.send(write(0), true).expect("there is room");
        assert!(matches!(queue.take(LONG, Duration::from_millis(1)), Taken::Writes(_)));
        queue.send(write(1), true).expect("there is room");
        queue.send(write(2), false).expect("there is room");
        assert!(matches!(queue.take(LONG, LONG), Taken::Writes(writes) if writes.len() == 2));
    }

    #[test]
    fn a_batch_weighs_what_it_has_for_the_tables() {
        let lines = [
            r#"{"event":"step.started","step":"s"}"#,
            r#"{"event":"step.started","step":"t"}"#,
            r#"{"event":"approval.requested","id":"a"}"#,
            r#"{"event":"artifact.written","path":"a.txt"}"#,
        ];
        let batch = crate::store::tests::whole("r", 1, &(lines.join("\n") + "\n"));
        let Changes { spans, markers, artifacts } = &batch.changes;
        assert_eq!([spans.len(), markers.len(), artifacts.len()], [2, 1, 1]);
        assert_eq!(weight(&Write::Batch(Box::new(batch))), 8 + 4 + 2 + 4 + 4);
    }
}
