//! Gives turns to the threads, and writes what they made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::pool::{self, Task, WORKERS};
use super::super::tail::{self, Done, End, Job, Keep};
use super::agenda::Next;
use super::scan::EARLY;
use super::table::{Tracked, Work};
use super::{Engine, Stage};
use crate::store::writer::Write;
use crate::store::{StoreError, Writer};

/// A way to send a write.
type Send = fn(&Writer, Write) -> Result<(), StoreError>;

/// Bytes of one turn. Snapshots are taken between turns, so this is also how much of a long log is reduced again at most
/// to show its past.
const TURN: u64 = 4 * 1024 * 1024;

/// Of so few logs that changed now each that grew by so little has its turn where it is decided on.
const FEW: usize = 4;
const LITTLE: u64 = 64 * 1024;

/// Logs that changed now travel together: at most so many with another one.
const URGENT_GROUP: usize = 15;

/// Small logs travel together: at most so many, and so many bytes.
const GROUP: usize = 64;
const GROUP_BYTES: u64 = 2 * 1024 * 1024;

/// What is left goes in at least so many parts.
const LAST_PARTS: u64 = 8;

/// Of those that are shown first fewer travel together, so that both threads are done with them at the same time.
const PREVIEW_BYTES: u64 = 512 * 1024;

/// How many reducers wait behind their cursors at most, and of how many bytes together those are that were used in so much
/// time, and of how few those that were used in much more: to make one again from the cache takes longer than a turn.
pub(super) const HOT: usize = 256;
const HOT_BYTES: [(Duration, usize); 2] =
    [(Duration::from_secs(20), 16 * 1024 * 1024), (Duration::from_secs(600), 4 * 1024 * 1024)];

impl Engine {
    /// Takes short turns, and gives the threads something to do as long as there is something and there is room for it.
    pub(super) fn give(&mut self, now: Instant) -> Result<(), StoreError> {
        self.hand_out(now)?;
        if self.conclude()? { self.hand_out(now) } else { Ok(()) }
    }

    fn hand_out(&mut self, now: Instant) -> Result<(), StoreError> {
        // Watched first and read then, so that nothing falls between.
        self.watch.settle();
        self.take_few()?;
        while self.pool.has_room() {
            let looking = self.walk_task().or_else(|| self.look_task(now));
            let Some((task, is_urgent)) = looking.map(|task| (task, true)).or_else(|| self.next_task()) else {
                break;
            };
            self.pool.give(task, is_urgent);
        }
        Ok(())
    }

    /// Takes the turns of few logs that changed now without a thread, while they are short: to give one away and to hear
    /// of it takes longer than the turn.
    fn take_few(&mut self) -> Result<(), StoreError> {
        for _ in 0..FEW {
            let Some(key) = self.agenda.next_of_few(FEW) else { break };
            if self.desk.writer.is_done() {
                self.flushed = self.sent;
            }
            if !self.is_short(&key) {
                self.agenda.put_back_urgent(key);
                break;
            }
            let Some(job) = self.job(&key, LITTLE) else { continue };
            let done = pool::turn(&self.desk, job, &mut self.scratch);
            match self.agenda.has_urgent() {
                // They are committed together.
                true => self.done(done, Writer::send)?,
                false => self.done(done, Writer::send_at_once)?,
            }
            // It may have to be read once more, and not before it is watched.
            self.watch.settle();
        }
        Ok(())
    }

    /// Whether the turn of a log reads little, whatever became of it, and waits for no commit.
    fn is_short(&self, key: &str) -> bool {
        self.table.get(key).is_some_and(|tracked| {
            let is_waited_for = match self.hot.get(key) {
                Some((hot, _)) => hot.is_held(),
                None => tracked.sent > self.flushed,
            };
            tracked.size <= TURN && tracked.backlog() <= LITTLE && !is_waited_for
        })
    }

    /// The next turns, and whether they are urgent.
    fn next_task(&mut self) -> Option<(Task, bool)> {
        loop {
            let (task, is_urgent) = match self.agenda.next()? {
                Next::Urgent(key) => (self.urgents(&key), true),
                Next::Cold(key) => (self.group(key), false),
            };
            if let Some(task) = task {
                return Some((task, is_urgent));
            }
        }
    }

    /// Logs that changed now; of many that wait each thread takes its part at once.
    fn urgents(&mut self, first: &Arc<str>) -> Option<Task> {
        let mut jobs: Vec<Job> = self.job(first, TURN).into_iter().collect();
        let further: Vec<_> = self.agenda.next_urgents(WORKERS, URGENT_GROUP).collect();
        jobs.extend(further.iter().filter_map(|key| self.job(key, TURN)));
        (!jobs.is_empty()).then_some(Task::Turns(jobs))
    }

    /// Small logs go together; one that is large goes by itself, so that no small one waits for it.
    fn group(&mut self, first: Arc<str>) -> Option<Task> {
        let (mut bytes, most) = match self.table.get(&first) {
            Some(tracked) if tracked.is_preview => (tracked.backlog(), PREVIEW_BYTES),
            // Less and less towards the end, so that no thread has much to do when the others have nothing.
            Some(tracked) => (tracked.backlog(), GROUP_BYTES.min(self.table.backlog / LAST_PARTS)),
            None => return None,
        };
        let mut jobs: Vec<Job> = self.job(&first, TURN).into_iter().collect();
        while jobs.len() < GROUP && bytes < most {
            let Some(Next::Cold(key)) = self.agenda.next_cold() else { break };
            let backlog = self.table.get(&key).map_or(0, Tracked::backlog);
            if bytes + backlog > most {
                self.agenda.put_back_cold(key);
                break;
            }
            bytes += backlog;
            jobs.extend(self.job(&key, TURN));
        }
        (!jobs.is_empty()).then_some(Task::Turns(jobs))
    }

    /// The turn of a queued log; none when it was taken already or cannot be reached.
    fn job(&mut self, key: &Arc<str>, limit: u64) -> Option<Job> {
        let tracked = self.table.get(key).filter(|tracked| tracked.work == Work::Queued)?;
        let base = self.bases.get(usize::from(tracked.root))?;
        let Ok(place) = base.place.clone() else {
            // The scan that finds the state directory again finds the log, too.
            self.table.change(key, |tracked| tracked.work = Work::Idle);
            return None;
        };
        let job = Job {
            row: tracked.row(key, &base.label, &base.real),
            place,
            below: Arc::clone(&tracked.below),
            hot: self.hot.remove(key).map(|(hot, _)| hot),
            shape: tracked.shape,
            limit,
            keep: match self.stage {
                Stage::All | Stage::Shown if !tracked.is_preview => Keep::All,
                Stage::Runs | Stage::All | Stage::Shown => Keep::Runs,
            },
            ended: tracked.ended,
            unflushed: (tracked.sent > self.flushed).then_some(self.sent),
        };
        self.table.change(key, |tracked| tracked.work = Work::Running);
        Some(job)
    }

    /// Wants a turn of a log, unless it is to be left alone for now.
    pub(super) fn want(&mut self, key: &Arc<str>, is_urgent: bool, now: Instant) {
        if self.agenda.waits().holds(key, now) {
            return;
        }
        let was = self.table.change(key, |tracked| {
            let was = tracked.work;
            tracked.work = match was {
                Work::Idle | Work::Queued => Work::Queued,
                Work::Running | Work::Dirty => Work::Dirty,
            };
            was
        });
        match was {
            Some(Work::Idle) if !is_urgent => self.agenda.push_cold(Arc::clone(key)),
            Some(Work::Idle) => self.agenda.push_urgent(Arc::clone(key)),
            // It may be far behind in the other queue; the second of its turns finds it done.
            Some(Work::Queued) if is_urgent && self.agenda.has_cold() => self.agenda.push_urgent(Arc::clone(key)),
            Some(Work::Queued | Work::Running | Work::Dirty) | None => {}
        }
    }

    /// Wants what has waited long enough.
    pub(super) fn wake(&mut self, now: Instant) {
        while let Some(key) = self.agenda.waits().due(now) {
            if let Some(path) = self.hushed.remove(&key) {
                self.watch.listen(&path);
            }
            self.want(&key, true, now);
        }
    }

    /// Lets changes of a log wake nobody until its wait is over.
    fn hush(&mut self, key: Arc<str>) {
        let Some(tracked) = self.table.get(&key) else { return };
        let Some(Ok(place)) = self.bases.get(usize::from(tracked.root)).map(|base| &base.place) else { return };
        let path = place.real.join(&tracked.below);
        if self.is_not_to_be_heard(tracked) {
            self.watch.leave(path.parent().unwrap_or(&path));
        }
        self.watch.hush(path.clone());
        self.hushed.insert(key, path);
    }

    /// Takes what a turn made, and sends it to the cache in this way.
    pub(super) fn done(&mut self, done: Done, send: Send) -> Result<(), StoreError> {
        let now = Instant::now();
        // A log that was removed meanwhile has nothing to say.
        let Some(key) = self.table.key(&done.row.key) else { return Ok(()) };
        let Some(was) = self.table.change(&key, |tracked| std::mem::take(&mut tracked.work)) else { return Ok(()) };
        let mut again = was == Work::Dirty;
        self.flushed = self.flushed.max(done.flushed.unwrap_or(0));
        match done.end {
            End::Stopped => return Ok(()),
            End::Cache(StoreError::Stopped) => return Err(StoreError::Stopped),
            End::Cache(error) => {
                tracing::warn!(%error, run = %key, "the cache could not be read for a run");
                self.agenda.waits().back_off(&key, now);
                return Ok(());
            }
            End::Missing => {
                self.no_more_first(&key);
                // Whether it is gone, renamed or between two names is for the scan to see.
                self.scans.want();
                return Ok(());
            }
            End::Again => {
                self.want(&key, true, now);
                return Ok(());
            }
            End::Refused => {
                if done.row.problem.as_ref().is_none_or(|problem| problem.code != "not_regular") {
                    self.agenda.waits().back_off(&key, now);
                }
            }
            End::Read => self.agenda.waits().clear(&key),
            End::More => {
                self.agenda.waits().clear(&key);
                again = true;
            }
        }
        self.read += done.read;
        let is_more = matches!(done.end, End::More);
        let is_preview =
            matches!(done.end, End::Read) && self.table.get(&key).is_some_and(|tracked| tracked.is_preview);
        if !is_more && !is_preview {
            self.no_more_first(&key);
        }
        let is_refused = matches!(done.end, End::Refused);
        let is_live = self.scans.is_settled() && !self.agenda.has_cold();
        let sent = self.sent + u64::from(done.write.is_some());
        let others = self.hushed.len();
        let rested = self.table.change(&key, |tracked| {
            let ended_a_line = done.replaced || done.row.cursor.offset > tracked.cursor.offset;
            tracked.adopt(done.row);
            tracked.is_preview &= is_more;
            tracked.lacks_rows |= is_preview;
            if !is_refused {
                tracked.ended = done.ended.unwrap_or(tracked.ended);
                tracked.shape = done.shape;
                tracked.size = done.size;
            }
            if done.write.is_some() {
                tracked.sent = sent;
                tracked.stored = true;
            }
            let was_rested = tracked.is_rested();
            let rest = tracked.rest(done.read, ended_a_line, others, now).filter(|_| !is_more);
            // A log that is left alone is not heard; one that is so no more is.
            let is_heard = !tracked.is_rested() && (done.read > 0 || was_rested);
            (rest, ended_a_line, is_heard)
        });
        let (rest, ended_a_line, is_heard) = rested.unwrap_or_default();
        if let Some(write) = done.write {
            self.sent = sent;
            match rest {
                // Written all the time, it is shown a moment late anyway.
                Some(_) if ended_a_line => self.desk.writer.send_patiently(write)?,
                _ => send(&self.desk.writer, write)?,
            }
        }
        if is_live && is_heard {
            self.enliven(&key, now);
        }
        if let Some(hot) = done.hot.filter(|_| is_more || is_live) {
            self.keep_hot(Arc::clone(&key), hot, now);
        }
        if let Some(rest) = rest {
            self.agenda.waits().set_together(&key, now, rest);
            self.hush(key);
        } else if is_preview {
            self.want_rows(key);
        } else if again {
            let is_long = self.table.get(&key).is_some_and(|tracked| tracked.backlog() > TURN);
            self.want(&key, !is_long, now);
        }
        Ok(())
    }

    /// Wants the turn of a log that was read without event rows, for those: as soon as all are listed that are read like
    /// this, since theirs are the pages that are looked at first.
    pub(super) fn want_rows(&mut self, key: Arc<str>) {
        self.table.change(&key, |tracked| tracked.work = Work::Queued);
        let table = &self.table;
        // A cache that was made without any may lack those of many more.
        let goes_before = |key: &str| table.get(key).is_some_and(|log| log.is_preview || log.lacks_rows);
        self.agenda.push_soon(key, EARLY, goes_before);
    }

    /// A log that the first scan found was read, or cannot be.
    pub(super) fn no_more_first(&mut self, key: &str) {
        self.table.change(key, |tracked| (tracked.is_first, tracked.is_preview) = (false, false));
    }

    fn keep_hot(&mut self, key: Arc<str>, hot: Box<tail::Hot>, now: Instant) {
        self.hot.insert(key, (hot, now));
        if self.hot.len() > HOT {
            self.cool(now, HOT / 2);
        }
    }

    /// Keeps so many reducers, those that were used last, while there is room for them.
    pub(super) fn cool(&mut self, now: Instant, most: usize) {
        let mut ages: Vec<(Duration, Arc<str>, usize)> = self
            .hot
            .iter()
            .map(|(key, (hot, used))| (now.saturating_duration_since(*used), Arc::clone(key), hot.weight()))
            .collect();
        ages.sort_unstable();
        let (mut count, mut bytes) = (0, 0);
        for (age, key, weight) in ages {
            // Half a line that is not in the file's tail any more must not be read again from its start for ever.
            let is_needed = self.table.get(&key).is_some_and(|tracked| tracked.work != Work::Idle);
            if is_needed || (count < most && has_room(age, bytes + weight)) {
                (count, bytes) = (count + 1, bytes + weight);
            } else {
                self.hot.remove(&key);
            }
        }
    }
}

/// Whether a reducer that was used so long ago stays, when it and all that were used later have so many bytes.
fn has_room(age: Duration, bytes: usize) -> bool {
    HOT_BYTES.iter().any(|(time, most)| age < *time && bytes <= *most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_lately_may_be_much_and_what_was_not_little() {
        let (second, mib) = (Duration::from_secs(1), 1024 * 1024);
        let room = [(0, 16), (0, 17), (19, 16), (20, 5), (20, 4), (599, 4), (600, 0)];
        let has: Vec<_> = room.map(|(age, size)| has_room(second * age, size * mib)).into();
        assert_eq!(has, [true, false, true, false, true, true, false]);
    }
}
