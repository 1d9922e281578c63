//! Two threads that read: turns of logs, walks and looks. It must never know why something is read.
//!
//! Two, because decoding is bounded by the cores that are there and each further thread costs memory (spec 6).

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::discover::{Found, Tell, Told, Walk, Walked};
use super::key::LogName;
use super::place::{Look, Place};
use super::tail::{self, Desk, Done, Job, Scratch};

/// How many threads read.
pub(super) const WORKERS: usize = 2;

/// So many tasks wait at most: a thread that is done goes on with the next one at once, and what comes first is decided
/// late.
const AHEAD: usize = WORKERS;

/// So many urgent tasks overtake those that wait before one of these has its turn.
const OVERTAKING: u32 = 3;

/// One thing to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Turns, one after the other.
    Turns(Vec<Job>),
    Walk(WalkTask),
    /// Looks at logs without opening them.
    Looks(Vec<(Arc<str>, Arc<Place>, Arc<Path>)>),
}

/// Which directories to walk.
#[derive(Debug)]
pub(super) struct WalkTask {
    /// The number of the full scan that this is; none for a walk of some directories.
    pub(super) scan: Option<u32>,
    pub(super) name: Arc<LogName>,
    pub(super) depth: usize,
    pub(super) tell: Tell,
    pub(super) starts: Vec<WalkStart>,
}

/// Where a walk begins.
#[derive(Debug)]
pub(super) struct WalkStart {
    /// The number of the state directory.
    pub(super) root: u16,
    pub(super) label: String,
    pub(super) place: Arc<Place>,
    pub(super) below: PathBuf,
}

/// What the engine hears.
#[derive(Debug)]
pub(super) enum Message {
    /// The watcher has news.
    News,
    /// Everything ends.
    Stop,
    /// Logs that a walk found, of one state directory.
    Found(u16, Vec<Found>),
    /// A walk found nearly all there is.
    Most,
    /// A task is done, with what came of it.
    Done(Answer),
}

/// What came of a task.
#[derive(Debug)]
pub(super) enum Answer {
    Turns(Vec<Done>),
    /// A walk ended; the logs came before.
    Walk {
        scan: Option<u32>,
        walked: Vec<WalkEnd>,
        took: Duration,
    },
    Looks(Vec<(Arc<str>, std::io::Result<Look>)>),
}

/// What a walk below one start gave.
#[derive(Debug)]
pub(super) struct WalkEnd {
    pub(super) root: u16,
    pub(super) what: Walked,
}

/// The threads.
#[derive(Debug)]
pub(super) struct Pool {
    desk: Arc<Desk>,
    tasks: Arc<Tasks>,
    threads: Vec<JoinHandle<()>>,
    /// Tasks that were given and whose answers did not come.
    given: usize,
}

/// Tasks that no thread has taken.
#[derive(Debug, Default)]
struct Tasks {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    urgent: VecDeque<Task>,
    others: VecDeque<Task>,
    /// How many urgent ones were taken while one of the others waited for its turn.
    overtaken: u32,
    is_over: bool,
}

impl Waiting {
    fn len(&self) -> usize {
        self.urgent.len() + self.others.len()
    }

    fn next(&mut self) -> Option<Task> {
        if self.urgent.is_empty() || (self.overtaken >= OVERTAKING && !self.others.is_empty()) {
            self.overtaken = 0;
            return self.others.pop_front();
        }
        self.overtaken = if self.others.is_empty() { 0 } else { self.overtaken + 1 };
        self.urgent.pop_front()
    }
}

impl Tasks {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task, when there is one; none when everything ends.
    fn take(&self) -> Option<Task> {
        let is_empty = |waiting: &mut Waiting| waiting.len() == 0 && !waiting.is_over;
        let mut waiting = self.changed.wait_while(self.lock(), is_empty).unwrap_or_else(PoisonError::into_inner);
        if waiting.is_over { None } else { waiting.next() }
    }
}

impl Pool {
    /// Starts the threads; each answer goes to `inbox`.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start(desk: Arc<Desk>, inbox: &SyncSender<Message>) -> std::io::Result<Self> {
        let mut pool = Self { desk, tasks: Arc::default(), threads: Vec::new(), given: 0 };
        for number in 0..WORKERS {
            let (desk, tasks, inbox) = (Arc::clone(&pool.desk), Arc::clone(&pool.tasks), inbox.clone());
            let thread = std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn(move || work(&desk, &tasks, &inbox))?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    /// Whether another task may be given.
    pub(super) fn has_room(&self) -> bool {
        // Most of the time nothing waits because nothing was given.
        self.given < AHEAD || self.tasks.lock().len() < AHEAD
    }

    /// Whether no thread has anything to do.
    pub(super) fn is_idle(&self) -> bool {
        self.given == 0
    }

    /// Gives a task; an urgent one goes before those that wait.
    pub(super) fn give(&mut self, task: Task, is_urgent: bool) {
        self.given += 1;
        let mut waiting = self.tasks.lock();
        match is_urgent {
            true => waiting.urgent.push_back(task),
            false => waiting.others.push_back(task),
        }
        drop(waiting);
        self.tasks.changed.notify_one();
    }

    /// Notes that an answer came.
    pub(super) fn answered(&mut self) {
        self.given = self.given.saturating_sub(1);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        self.tasks.lock().is_over = true;
        self.tasks.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A panic was answered already.
            let _ = thread.join();
        }
    }
}

fn work(desk: &Desk, tasks: &Tasks, inbox: &SyncSender<Message>) {
    let mut scratch = Scratch::default();
    while let Some(task) = tasks.take() {
        if inbox.send(Message::Done(answer(desk, task, &mut scratch, inbox))).is_err() {
            return;
        }
    }
}

fn answer(desk: &Desk, task: Task, scratch: &mut Scratch, inbox: &SyncSender<Message>) -> Answer {
    match task {
        Task::Turns(jobs) => Answer::Turns(jobs.into_iter().map(|job| turn(desk, job, scratch)).collect()),
        Task::Walk(task) => walk(desk, &task, inbox),
        Task::Looks(wanted) => {
            let looks = wanted.into_iter().map(|(key, place, below)| {
                let look = place.look(&below);
                (key, look)
            });
            Answer::Looks(looks.collect())
        }
    }
}

/// One bad log never stops the others, not even by a defect of ours (spec 5.1).
pub(super) fn turn(desk: &Desk, job: Job, scratch: &mut Scratch) -> Done {
    let row = job.row.clone();
    catch_unwind(AssertUnwindSafe(|| tail::turn(desk, job, scratch))).unwrap_or_else(|_| tail::crashed(row))
}

fn walk(desk: &Desk, task: &WalkTask, inbox: &SyncSender<Message>) -> Answer {
    let began = Instant::now();
    let mut walked = Vec::new();
    for WalkStart { root, label, place, below } in &task.starts {
        let walk = Walk { place, label, name: &task.name, depth: task.depth, tell: task.tell, stop: &desk.stop };
        // When nobody listens any more everything ends.
        let what = walk.run(below, &|told| {
            _ = inbox.send(match told {
                Told::Logs(found) => Message::Found(*root, found),
                Told::Most => Message::Most,
            });
        });
        walked.push(WalkEnd { root: *root, what });
    }
    Answer::Walk { scan: task.scan, walked, took: began.elapsed() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_tasks_overtake_those_that_wait_but_not_for_ever() {
        let mut waiting = Waiting::default();
        let task = || Task::Looks(Vec::new());
        let is_urgent = |task: Option<Task>| task.map(|task| matches!(task, Task::Looks(_)));
        waiting.others.extend([Task::Turns(Vec::new()), Task::Turns(Vec::new())]);
        waiting.urgent.extend((0..5).map(|_| task()));
        let order: Vec<_> = std::iter::from_fn(|| is_urgent(waiting.next())).collect();
        assert_eq!(order, [true, true, true, false, true, true, false]);
        // Those that nobody waited for count for nothing.
        waiting.urgent.extend((0..5).map(|_| task()));
        (0..3).for_each(|_| _ = waiting.next());
        waiting.others.push_back(Task::Turns(Vec::new()));
        let order: Vec<_> = std::iter::from_fn(|| is_urgent(waiting.next())).collect();
        assert_eq!(order, [true, true, false]);
    }
}
