//! The one writer: whoever has the desk has the only write connection and commits batches, many at a time when many wait.
//! That is a thread of its own, but for a write that need not wait for anything: its sender commits it at once, because to
//! hand it over takes as long.
//!
//! What cannot be committed (disk full, another program's lock) is kept and tried again, in order: nothing is lost and
//! nothing overtakes.

mod rescue;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use rustc_hash::FxHashSet;

use self::rescue::{identity, is_passing, is_unwritable};
use super::StoreError;
use super::apply::{self, Ledger};
use super::event_rows::Interner;
use super::live::{Change, Live};
use super::lock::Lock;
use super::open::{self, Opened, Target, is_damage};
use super::place::beside;
use super::queue::{Pause, Queue, Taken};
use super::reader::{Aim, Shared};
use super::refuge::Refuge;
use super::row::{Batch, LogRow};

/// How long the writer waits for writes before it tidies up.
const IDLE: Duration = Duration::from_secs(2);

/// After so many writes the thread gives back the pages that it holds in memory, when it has nothing to do.
const MANY: usize = 1000;

/// How long writes wait for others that may.
const GATHERING: Duration = Duration::from_millis(25);

/// Rows of replaced logs that are deleted at once when nothing else is to be done.
const SWEEP: u32 = 10_000;

/// The write-ahead log is copied back from this size on, and at the second size readers are waited for, so that it stays
/// below 64 MiB (spec T91).
const CHECKPOINT_AT: u64 = 16 * 1024 * 1024;
const RESTART_AT: u64 = 32 * 1024 * 1024;

/// Pauses between tries to commit: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// So many tries fail before the cache goes on in memory.
const PATIENCE: u32 = 3;

/// A handle to the writer thread. Cheap to clone; when the last handle is dropped, what is queued is committed and the
/// cache is closed.
#[derive(Clone, Debug)]
pub struct Writer {
    handle: Arc<Handle>,
}

/// One thing to write.
#[derive(Debug)]
pub enum Write {
    /// State, cursor and events of one turn of one log.
    Batch(Box<Batch>),
    /// A log that has no state to write: a problem, or gone. `None` state stays as it is.
    Log(Box<LogRow>),
    /// The run's rows go (a directory that was renamed, spec T15).
    Remove(String),
    /// Nothing: what the first scan found was sent before. When that is committed, the status says so.
    Complete,
}

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
    /// The thread's, who closes it.
    desk: Weak<Mutex<Desk>>,
    thread: Option<JoinHandle<()>>,
    /// Nobody reads a cache that is being made: all writes may wait for others.
    is_making: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has already stopped the queue.
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Queues a write; waits when too much is queued already. Commits happen soon, not now.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the thread has ended.
    ///
    /// [`StoreError::Anew`] until [`Writer::notice`] when what was sent before was lost with a damaged cache.
    pub fn send(&self, write: Write) -> Result<(), StoreError> {
        self.handle.queue.send(write, self.handle.is_making)
    }

    /// The same of a write that may be committed a moment later, together with others.
    ///
    /// # Errors
    /// Those of [`Writer::send`].
    pub fn send_patiently(&self, write: Write) -> Result<(), StoreError> {
        self.handle.queue.send(write, true)
    }

    /// The same of a small write, which is committed on the spot if nothing else is under way, and announced before that.
    ///
    /// # Errors
    /// Those of [`Writer::send`].
    pub fn send_at_once(&self, write: Write) -> Result<(), StoreError> {
        let Handle { queue, desk, .. } = &*self.handle;
        let desk = desk.upgrade();
        let Some(mut desk) = desk.as_ref().and_then(|desk| desk.try_lock().ok()) else { return self.send(write) };
        if desk.is_log_long() || !queue.enter() {
            return self.send(write);
        }
        desk.is_used = true;
        if desk.commit_announced(&write).is_err() {
            // The thread tries again, and says what is wrong.
            queue.put_back(write);
            return Ok(());
        }
        // Nobody holds what was written any more when it is done.
        drop(write);
        queue.finish(1);
        Ok(())
    }

    /// Waits until everything sent before is committed. After an error it is still kept and tried again, unless it can
    /// never be committed.
    ///
    /// # Errors
    /// What the first failed commit since the last flush said, or [`StoreError::Stopped`].
    pub fn flush(&self) -> Result<(), StoreError> {
        self.handle.queue.flush()
    }

    /// Whether everything sent before is committed. What can never be committed does not count.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.handle.queue.is_done()
    }

    /// Makes the cache anew because it cannot be read; waits for that.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the thread has ended.
    pub fn make_anew(&self, why: String) -> Result<(), StoreError> {
        self.handle.queue.doubt(why)
    }

    /// Whether the cache was made anew, so that everything must be read again.
    #[must_use]
    pub fn is_anew(&self) -> bool {
        self.handle.queue.is_anew()
    }

    /// What is sent from now on begins with the cache that was made anew.
    pub fn notice(&self) {
        self.handle.queue.notice();
    }

    /// Keys of runs of which a write was given up since the last time: they must be written as a whole.
    #[must_use]
    pub fn take_refused(&self) -> Vec<String> {
        self.handle.queue.take_refused()
    }

    /// Starts the thread.
    pub(super) fn start(opened: Opened, aim: Arc<Aim>, shared: Arc<Shared>, live: Live) -> Result<Self, StoreError> {
        let Opened { connection, target, lock, version, ledger, problem, making, unsettled } = opened;
        shared.set(&ledger);
        live.update(|status| status.cache_problem.clone_from(&problem));
        let path = match target {
            Target::File(path) => Some(path),
            Target::Memory(_) => None,
        };
        let desk = Arc::new(Mutex::new(Desk {
            connection,
            path: path.clone(),
            lock,
            ledger,
            interner: Interner::default(),
            file: path.as_deref().and_then(identity),
            refuge: None,
            renewals: 0,
            version,
            aim,
            shared,
            live,
            problem,
            broken: FxHashSet::default(),
            unsaved: false,
            is_used: false,
            making,
            written: 0,
            unsettled,
            is_maker: making,
        }));
        let (queue, handed) = (Arc::new(Queue::default()), Arc::downgrade(&desk));
        let thread = std::thread::Builder::new().name(String::from("cache-writer")).spawn({
            let queue = queue.clone();
            move || run(desk, &queue)
        });
        let thread = thread
            .map_err(|source| StoreError::Io { path: path.unwrap_or_else(|| PathBuf::from("memory")), source })?;
        Ok(Self { handle: Arc::new(Handle { queue, desk: handed, thread: Some(thread), is_making: making }) })
    }
}

/// What only one at a time writes with.
#[derive(Debug)]
struct Desk {
    connection: Connection,
    path: Option<PathBuf>,
    lock: Option<Lock>,
    ledger: Ledger,
    interner: Interner,
    /// Device and inode of the file.
    file: Option<(u64, u64)>,
    /// Where the file stays while only memory can be written.
    refuge: Option<Refuge>,
    /// How often the cache was made anew.
    renewals: u32,
    /// The `user_version` of the file.
    version: i32,
    aim: Arc<Aim>,
    shared: Arc<Shared>,
    live: Live,
    /// What was wrong with the cache when it was opened.
    problem: Option<String>,
    /// Runs of which a write was given up: what follows it would leave a gap, until the log is read anew.
    broken: FxHashSet<String>,
    /// There were commits since the write-ahead log was last copied back.
    unsaved: bool,
    /// How many writes came since pages were given back.
    written: usize,
    /// A sender committed something since the thread was last here.
    is_used: bool,
    /// The file is new and has no write-ahead log until it is whole.
    making: bool,
    /// What is in the file may not be on the disk, and the file says so. Who makes it leaves that to the next who writes it,
    /// or to the first moment without anything to do.
    unsettled: bool,
    is_maker: bool,
}

/// Nobody must wait for a thread that is gone, however it went.
struct StopOnDrop<'a>(&'a Queue);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The thread.
fn run(desk: Arc<Mutex<Desk>>, queue: &Queue) {
    let _stop = StopOnDrop(queue);
    let mut wait = IDLE;
    loop {
        let taken = queue.take(wait, GATHERING);
        // Who panicked with it left nothing that can be gone on from.
        let Ok(mut desk) = desk.lock() else { return };
        if matches!(taken, Taken::Closed) {
            break;
        }
        desk.serve(queue, taken);
        wait = if desk.ledger.trash { Duration::ZERO } else { IDLE };
    }
    // Whoever could send something is gone.
    if let Some(Ok(desk)) = Arc::into_inner(desk).map(Mutex::into_inner) {
        desk.close();
    }
}

impl Desk {
    fn serve(&mut self, queue: &Queue, taken: Taken) {
        let is_used = std::mem::take(&mut self.is_used);
        if matches!(taken, Taken::Nothing) && self.written >= MANY {
            self.forget_pages();
        }
        match taken {
            Taken::Writes(mut writes) => {
                self.written += writes.len();
                self.write(queue, &mut writes);
            }
            Taken::Doubt(why) => self.make_anew(queue, &why),
            Taken::Nothing if self.ledger.trash => self.sweep(),
            Taken::Nothing if self.unsettled && !self.making => self.settle(),
            Taken::Nothing if self.unsaved && !is_used => self.unsaved = !self.checkpoint(1),
            Taken::Nothing | Taken::Closed => {}
        }
        self.checkpoint(CHECKPOINT_AT);
        if let Some(why) = self.shared.take_damage() {
            self.make_anew(queue, &why);
        }
        self.mind_the_file();
    }

    /// Commits writes, however often it takes.
    fn write(&mut self, queue: &Queue, writes: &mut VecDeque<Write>) {
        let mut pause = FIRST_PAUSE;
        let mut failures = 0;
        while !writes.is_empty() {
            let Err(error) = self.commit(writes.make_contiguous()) else {
                if failures > 0 {
                    queue.recovered();
                    self.say(None);
                }
                finish(queue, writes);
                return;
            };
            if !is_passing(&error) {
                self.write_singly(queue, writes);
                return;
            }
            tracing::warn!(%error, "the cache could not be written, it will be tried again");
            self.say(Some(format!("the cache cannot be written at present and is behind; it is tried again: {error}")));
            failures += 1;
            if failures >= PATIENCE && is_unwritable(&error) && self.go_to_memory(&error.to_string()) {
                continue;
            }
            queue.fail(error.into());
            if queue.pause(pause) == Pause::Closed {
                // Nothing is lost: the cursors in the cache stand where its states are.
                if self.commit(writes.make_contiguous()).is_err() {
                    tracing::error!("the last writes could not be committed; they are read again at the next start");
                }
                finish(queue, writes);
                return;
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// One write that can never be committed must not stop the others: it is found and given up.
    fn write_singly(&mut self, queue: &Queue, writes: &mut VecDeque<Write>) {
        while let Some(write) = writes.front() {
            match self.commit(std::slice::from_ref(write)) {
                Ok(()) => {}
                Err(error) if is_passing(&error) => return self.write(queue, writes),
                Err(error) => {
                    let key = key_of(write).to_owned();
                    tracing::error!(%error, key, "the cache does not take a run");
                    if is_damage(&error) {
                        self.make_anew(queue, &error.to_string());
                        return finish(queue, writes);
                    }
                    self.say(Some(format!(
                        "the cache did not take what was read of {key}; it is tried again: {error}"
                    )));
                    self.broken.insert(key.clone());
                    queue.refuse(key);
                    queue.fail(error.into());
                }
            }
            writes.pop_front();
            queue.finish(1);
        }
    }

    /// Commits a write, and says before what will be changed by it.
    fn commit_announced(&mut self, write: &Write) -> rusqlite::Result<()> {
        let Write::Batch(batch) = write else { return self.commit(std::slice::from_ref(write)) };
        // A batch is always one change.
        let change = Change { key: batch.log.key.clone(), version: self.ledger.version + 1 };
        let shared = Arc::clone(&self.shared);
        let announced = shared.under_way.begin();
        self.live.announce(change.clone());
        let changes = self.change(std::slice::from_ref(write))?;
        let is_outpaced = announced.end();
        if is_outpaced || changes != [change] {
            self.announce(changes);
        }
        Ok(())
    }

    /// Commits writes, and says then what was changed by them.
    fn commit(&mut self, writes: &[Write]) -> rusqlite::Result<()> {
        let changes = self.change(writes)?;
        self.announce(changes);
        Ok(())
    }

    fn announce(&self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.live.announce(change));
    }

    /// One transaction. Either all of it is there afterwards, or nothing.
    fn change(&mut self, writes: &[Write]) -> rusqlite::Result<Vec<Change>> {
        let before = self.ledger.clone();
        match self.transaction(writes) {
            Ok(changes) => {
                self.unsaved = true;
                self.shared.set(&self.ledger);
                if writes.iter().any(|write| matches!(write, Write::Complete)) {
                    self.finish_making();
                    self.live.update(|status| status.complete = true);
                }
                Ok(changes)
            }
            Err(error) => {
                self.ledger = before;
                self.interner.forget();
                if !self.connection.is_autocommit() {
                    // Some errors have taken it back already; that is no further error.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                Err(error)
            }
        }
    }

    fn transaction(&mut self, writes: &[Write]) -> rusqlite::Result<Vec<Change>> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let mut changes: Vec<Change> = Vec::new();
        let mut mended: Vec<&str> = Vec::new();
        for write in writes {
            let key = key_of(write);
            if self.broken.contains(key) && !mended.contains(&key) {
                if !is_whole(write) {
                    continue;
                }
                mended.push(key);
            }
            if let Some(change) = self.ledger.apply(&self.connection, &mut self.interner, write)? {
                changes.push(change);
            }
        }
        self.ledger.tally.flush(&self.connection)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        let is_mended = !mended.is_empty();
        for key in mended {
            self.broken.remove(key);
        }
        if is_mended && self.broken.is_empty() {
            self.say(None);
        }
        // Of several changes of a run the last is enough.
        let mut seen = FxHashSet::default();
        let last: Vec<bool> = changes.iter().rev().map(|change| seen.insert(change.key.clone())).collect();
        let mut keep = last.into_iter().rev();
        changes.retain(|_| keep.next().unwrap_or(true));
        Ok(changes)
    }

    fn sweep(&mut self) {
        let swept = self.connection.unchecked_transaction().and_then(|transaction| {
            let more = apply::sweep(&transaction, SWEEP)?;
            transaction.commit()?;
            Ok(more)
        });
        match swept {
            Ok(more) => self.ledger.trash = more,
            Err(error) => {
                tracing::warn!(%error, "rows of replaced logs could not be deleted");
                // They are only in the way; the next replaced log or the next start tries again.
                self.ledger.trash = false;
            }
        }
    }

    /// Gives back the memory that many writes took.
    fn forget_pages(&mut self) {
        self.written = 0;
        if let Err(error) = open::forget_pages(&self.connection) {
            tracing::warn!(%error, "the cache's pages stay in memory");
        }
    }

    /// Copies the write-ahead log back into the database when it is at least so long; says whether it did.
    fn checkpoint(&self, at: u64) -> bool {
        let Some(length) = self.log_length() else { return true };
        if length < at {
            return false;
        }
        let how = if length >= RESTART_AT { "TRUNCATE" } else { "PASSIVE" };
        let done = self.connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |_| Ok(()));
        if let Err(error) = &done {
            tracing::warn!(%error, "the cache could not be checkpointed");
        }
        done.is_ok()
    }

    /// How long the write-ahead log is; none without a file.
    fn log_length(&self) -> Option<u64> {
        let (Some(path), None) = (&self.path, &self.refuge) else { return None };
        Some(std::fs::metadata(beside(path, "-wal")).map_or(0, |meta| meta.len()))
    }

    /// Whether the write-ahead log is to be copied back, which takes long.
    fn is_log_long(&self) -> bool {
        self.log_length().is_some_and(|length| length >= CHECKPOINT_AT)
    }

    fn say(&self, trouble: Option<String>) {
        let problem = trouble.or_else(|| self.problem.clone());
        self.live.update(|status| status.cache_problem = problem);
    }

    /// What was made without a write-ahead log is whole, and may be asked by anybody.
    fn finish_making(&mut self) {
        if !self.making || self.refuge.is_some() {
            return;
        }
        let made = open::complete(&self.connection, self.unsettled).map_err(|error| error.to_string());
        let noted =
            made.and_then(|()| self.lock.as_mut().map_or(Ok(()), Lock::note_whole).map_err(|error| error.to_string()));
        match noted {
            Ok(()) => self.making = false,
            // It is tried again at the end.
            Err(error) => tracing::warn!(error, "the new cache cannot be asked by other processes yet"),
        }
    }

    /// Waits until everything that the file holds is on the disk.
    fn settle(&mut self) {
        if self.refuge.is_some() {
            return;
        }
        match open::settle(&self.connection, self.version) {
            Ok(settled) => self.unsettled = !settled,
            Err(error) => tracing::warn!(%error, "the cache is not known to be on the disk yet"),
        }
    }

    fn close(mut self) {
        if let Some(mut refuge) = self.refuge.take() {
            if !refuge.write_back() {
                tracing::error!("the cache could not be written; what it lacks is read again at the next start");
            }
            self.connection = refuge.leave();
        }
        self.finish_making();
        if let (true, Some(lock)) = (self.making, &mut self.lock) {
            lock.distrust();
        }
        if self.unsettled && !self.is_maker {
            self.settle();
        }
        let Self { connection, lock, .. } = self;
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the cache could not be checkpointed at its end");
        }
        if let Err((_, error)) = connection.close() {
            tracing::warn!(%error, "the cache could not be closed");
        }
        if let Some(lock) = lock {
            lock.close();
        }
    }
}

/// They are done, and nobody holds what they wrote any more.
fn finish(queue: &Queue, writes: &mut VecDeque<Write>) {
    let count = writes.len();
    writes.clear();
    queue.finish(count);
}

fn key_of(write: &Write) -> &str {
    match write {
        Write::Batch(batch) => &batch.log.key,
        Write::Log(log) => &log.key,
        Write::Remove(key) => key,
        Write::Complete => "",
    }
}

/// Whether a write stands on nothing that was written before.
fn is_whole(write: &Write) -> bool {
    match write {
        Write::Batch(batch) => batch.replace,
        Write::Remove(_) => true,
        Write::Log(_) | Write::Complete => false,
    }
}
