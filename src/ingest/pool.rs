//! Two threads that read: turns of logs, walks and looks. It must never know why something is read.
//!
//! Two, because decoding is bounded by the cores that are there and each further thread costs memory (spec 6).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::discover::{Found, Tell, Walk, Walked};
use super::key::LogName;
use super::place::{Look, Place};
use super::tail::{self, Desk, Done, Job};

/// How many threads read.
pub(super) const WORKERS: usize = 2;

/// How many found logs travel together.
const FOUND: usize = 512;

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
    /// A worker is free again, with what it did.
    Free(usize, Answer),
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
    /// How many logs were told of.
    pub(super) logs: usize,
}

/// The threads.
#[derive(Debug)]
pub(super) struct Pool {
    desk: Arc<Desk>,
    workers: Vec<Worker>,
    idle: Vec<usize>,
}

/// A thread and the way to it; both are taken when everything ends.
#[derive(Debug)]
struct Worker {
    tasks: Option<Sender<Task>>,
    thread: Option<JoinHandle<()>>,
}

impl Pool {
    /// Starts the threads; each answer goes to `inbox`.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(super) fn start(desk: Arc<Desk>, inbox: &SyncSender<Message>) -> std::io::Result<Self> {
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            let (sender, tasks) = channel();
            let (desk, inbox) = (Arc::clone(&desk), inbox.clone());
            let thread = std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn(move || work(number, &desk, &tasks, &inbox))?;
            workers.push(Worker { tasks: Some(sender), thread: Some(thread) });
        }
        Ok(Self { desk, workers, idle: (0..WORKERS).collect() })
    }

    /// Whether a thread has nothing to do.
    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Whether no thread has anything to do.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.len() == self.workers.len()
    }

    /// Gives a task to an idle thread; there must be one.
    pub(super) fn give(&mut self, task: Task) {
        let Some(number) = self.idle.pop() else { return };
        if let Some(sender) = self.workers.get(number).and_then(|worker| worker.tasks.as_ref()) {
            // A worker ends only when its sender is gone.
            let _ = sender.send(task);
        }
    }

    /// Notes that a thread answered.
    pub(super) fn free(&mut self, number: usize) {
        self.idle.push(number);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        for worker in &mut self.workers {
            drop(worker.tasks.take());
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A panic was answered already.
                let _ = thread.join();
            }
        }
    }
}

fn work(number: usize, desk: &Desk, tasks: &Receiver<Task>, inbox: &SyncSender<Message>) {
    let mut buffer = Vec::new();
    while let Ok(task) = tasks.recv() {
        let answer = answer(desk, task, &mut buffer, inbox);
        if inbox.send(Message::Free(number, answer)).is_err() {
            return;
        }
    }
}

fn answer(desk: &Desk, task: Task, buffer: &mut Vec<u8>, inbox: &SyncSender<Message>) -> Answer {
    match task {
        Task::Turns(jobs) => Answer::Turns(jobs.into_iter().map(|job| turn(desk, job, buffer)).collect()),
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
pub(super) fn turn(desk: &Desk, job: Job, buffer: &mut Vec<u8>) -> Done {
    let row = job.row.clone();
    catch_unwind(AssertUnwindSafe(|| tail::turn(desk, job, buffer))).unwrap_or_else(|_| tail::crashed(row))
}

fn walk(desk: &Desk, task: &WalkTask, inbox: &SyncSender<Message>) -> Answer {
    let began = Instant::now();
    let mut walked = Vec::new();
    for WalkStart { root, label, place, below } in &task.starts {
        let mut found = Vec::with_capacity(FOUND);
        let mut count = 0;
        let walk = Walk { place, label, name: &task.name, depth: task.depth, tell: task.tell, stop: &desk.stop };
        let what = walk.run(below, &mut |one| {
            count += 1;
            found.push(one);
            if found.len() >= FOUND {
                // Nobody listens any more: everything ends.
                let _ = inbox.send(Message::Found(*root, std::mem::replace(&mut found, Vec::with_capacity(FOUND))));
            }
        });
        if !found.is_empty() {
            let _ = inbox.send(Message::Found(*root, found));
        }
        walked.push(WalkEnd { root: *root, what, logs: count });
    }
    Answer::Walk { scan: task.scan, walked, took: began.elapsed() }
}
