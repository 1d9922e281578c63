//! The loop: scan, tail what changed, write, announce. And the one-off build.
//!
//! One thread decides and writes, two threads read ([`super::pool`]). It must never wait for a log: what it reads itself is
//! the little that a log grew by just now.
//!
//! | file | what it is for |
//! |---|---|
//! | `table` | all logs, and what is remembered of those that are awake |
//! | `asleep` | those to which nothing happens: what shows that nothing does |
//! | `agenda` | what is done next |
//! | `turns` | gives turns to the threads, and writes what they made |
//! | `scan` | when is looked and walked, and the new and changed logs that were found |
//! | `missing` | what was not found any more: gone or renamed |
//! | `live` | which logs are looked at often and which directories are watched |
//! | `hear` | what the watcher's hints lead to |

mod agenda;
mod asleep;
mod hear;
mod live;
mod missing;
mod scan;
mod table;
mod turns;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::agenda::Agenda;
use self::scan::Scans;
use self::table::{Table, Tracked, Work};
use super::key::{self, LogName};
use super::place::Place;
use super::pool::{Message, Pool};
use super::tail::{Desk, Hot, Scratch};
use super::watch::Watch;
use super::{IngestError, Source};
use crate::store::writer::Write;
use crate::store::{Live, Reader, StoreError, WatchMode, Writer};

/// How often live logs are looked at, at least (spec 5.1).
const TICK: Duration = Duration::from_secs(2);

/// How often the status is told while it changes.
const TELL: Duration = Duration::from_millis(200);

/// How long a log is left alone whose last reading the cache did not take.
const REFUSED_WAIT: Duration = Duration::from_secs(4);

/// How many messages may wait. A walk finds logs faster than they are looked up, and 50,000 of them are not small.
const INBOX: usize = 8;

/// A running ingest; stops and joins when dropped.
#[derive(Debug)]
pub struct Ingest {
    desk: Arc<Desk>,
    inbox: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Ingest {
    fn drop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        // The thread is gone already when nobody listens.
        let _ = self.inbox.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts watching and reading in threads of its own.
///
/// # Errors
/// [`IngestError::Pattern`]; [`IngestError::Store`] when the cache cannot be read; [`IngestError::Threads`].
pub fn start(source: Source, writer: Writer, reader: Reader, live: Live) -> Result<Ingest, IngestError> {
    let mut engine = Engine::new(source, writer, reader, live, Stage::Shown)?;
    engine.watch = match engine.source.poll {
        true => Watch::without(String::from("as asked for by --poll")),
        false => Watch::start(engine.sender.clone()),
    };
    let (desk, inbox) = (Arc::clone(&engine.desk), engine.sender.clone());
    let thread = std::thread::Builder::new().name(String::from("ingest")).spawn(move || {
        loop {
            match engine.follow() {
                Ok(()) => return,
                Err(StoreError::Anew) if engine.begin_anew() => {}
                Err(error) => return tracing::error!(%error, "reading logs has stopped"),
            }
        }
    });
    Ok(Ingest { desk, inbox, thread: Some(thread.map_err(IngestError::Threads)?) })
}

/// What a build did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Built {
    pub runs: u64,
    pub lines: u64,
    pub events: u64,
    /// Bytes of all logs, and how many of them were read now.
    pub bytes: u64,
    pub read: u64,
    pub problems: u64,
}

/// What is written of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Run rows only.
    Runs,
    /// Event rows, too.
    All,
    /// Event rows, too, but of the newest runs after all these are listed right.
    Shown,
}

/// Brings the cache up to date once and returns. `progress` is called now and then with (bytes read, bytes to read).
///
/// # Errors
/// [`IngestError::Pattern`]; [`IngestError::Store`] when the cache cannot be read or written; [`IngestError::Threads`].
pub fn build(
    source: &Source,
    writer: &Writer,
    reader: &Reader,
    live: &Live,
    stage: Stage,
    progress: &dyn Fn(u64, u64),
) -> Result<Built, IngestError> {
    let mut engine = Engine::new(source.clone(), writer.clone(), reader.clone(), live.clone(), stage)?;
    engine.watch = Watch::without(String::from("built once"));
    engine.is_followed = false;
    while let Err(error) = engine.finish(progress) {
        if !matches!(error, StoreError::Anew) || !engine.begin_anew() {
            return Err(error.into());
        }
    }
    engine.tell(true);
    writer.send(Write::Complete)?;
    writer.flush()?;
    let totals = reader.totals()?;
    Ok(Built {
        runs: totals.runs,
        lines: totals.lines,
        events: reader.events_of_all()?,
        bytes: totals.bytes,
        read: engine.read,
        problems: totals.problems,
    })
}

/// A state directory and how it is at the moment.
#[derive(Debug)]
struct Base {
    label: String,
    /// The directory, or in words why there is none, and whether it is known to be missing.
    place: Result<Arc<Place>, (String, bool)>,
    /// Where it is or was last, links resolved, for people.
    real: PathBuf,
    /// What the last walk could not read.
    unread: Option<String>,
}

struct Engine {
    source: Source,
    name: Arc<LogName>,
    desk: Arc<Desk>,
    live: Live,
    stage: Stage,
    /// What is read is read on, and not only once.
    is_followed: bool,
    bases: Vec<Base>,
    table: Table,
    agenda: Agenda,
    hot: HashMap<Arc<str>, (Box<Hot>, Instant)>,
    scans: Scans,
    watch: Watch,
    /// Logs whose changes wake nobody for now, with their paths.
    hushed: HashMap<Arc<str>, PathBuf>,
    /// Logs of which the cache did not take what was read.
    refused: BTreeSet<String>,
    /// What its own turns use again and again.
    scratch: Scratch,
    sender: SyncSender<Message>,
    /// Goes before the pool: a thread that waits for room in it must not be waited for.
    inbox: Receiver<Message>,
    pool: Pool,
    /// How many writes were sent, and up to which they are known to be committed.
    sent: u64,
    flushed: u64,
    /// The cache was told that nothing is left of what the first scan found.
    is_complete: bool,
    /// Bytes read, and since when.
    read: u64,
    began: Instant,
    told: Instant,
    /// The backlog that the status tells of.
    told_of: u64,
    overflows: u64,
}

impl Engine {
    fn new(source: Source, writer: Writer, reader: Reader, live: Live, stage: Stage) -> Result<Self, IngestError> {
        let name = Arc::new(LogName::new(&source.log_name)?);
        let desk = Arc::new(Desk { reading: source.reading.clone(), reader, writer, stop: AtomicBool::new(false) });
        let (sender, inbox) = sync_channel(INBOX);
        let pool = Pool::start(Arc::clone(&desk), &sender).map_err(IngestError::Threads)?;
        let nowhere = || Err((String::from("was not looked at yet"), false));
        let bases = source.roots.iter().map(|root| Base {
            label: root.label.clone(),
            place: nowhere(),
            real: std::path::absolute(&root.path).unwrap_or_else(|_| root.path.clone()),
            unread: None,
        });
        let now = Instant::now();
        let mut engine = Self {
            bases: bases.collect(),
            name,
            desk,
            live,
            stage,
            is_followed: true,
            table: Table::default(),
            agenda: Agenda::default(),
            hot: HashMap::new(),
            scans: Scans::new(now),
            watch: Watch::without(String::new()),
            hushed: HashMap::new(),
            refused: BTreeSet::new(),
            scratch: Scratch::default(),
            pool,
            sender,
            inbox,
            sent: 0,
            flushed: 0,
            is_complete: false,
            read: 0,
            began: now,
            told: now,
            told_of: 0,
            overflows: 0,
            source,
        };
        engine.recall()?;
        Ok(engine)
    }

    /// Takes over what the cache knows; a cache that cannot be read is made anew.
    fn recall(&mut self) -> Result<(), StoreError> {
        let Desk { reader, writer, .. } = &*Arc::clone(&self.desk);
        if let Err(error) = reader.each_known(&mut |known| self.remember(known)) {
            writer.make_anew(error.to_string())?;
            writer.notice();
            self.table = Table::default();
            reader.each_known(&mut |known| self.remember(known))?;
        }
        Ok(())
    }

    /// The cache was made anew: forgets everything and begins as at the start. Says whether to go on.
    fn begin_anew(&mut self) -> bool {
        // What is under way stands on what is lost.
        while !self.pool.is_idle() {
            match self.inbox.recv() {
                Ok(Message::Done(_)) => self.pool.answered(),
                Ok(Message::News | Message::Found(..) | Message::Most) => {}
                Ok(Message::Stop) | Err(_) => return false,
            }
        }
        let now = Instant::now();
        (self.table, self.agenda, self.hot) = (Table::default(), Agenda::default(), HashMap::new());
        self.scans = Scans::new(now);
        self.refused.clear();
        self.is_complete = false;
        for (_, path) in std::mem::take(&mut self.hushed) {
            self.watch.listen(&path);
        }
        (self.sent, self.flushed, self.read, self.began) = (0, 0, 0, now);
        self.desk.writer.notice();
        if let Err(error) = self.recall() {
            tracing::error!(%error, "the cache that was made anew cannot be read");
            return false;
        }
        true
    }

    /// Whether event rows are written, too.
    fn has_rows(&self) -> bool {
        self.stage != Stage::Runs
    }

    /// Follows the logs until it is stopped.
    fn follow(&mut self) -> Result<(), StoreError> {
        let mut next_tick = Instant::now();
        loop {
            let now = Instant::now();
            if now >= next_tick {
                self.mind_the_cache(now)?;
                self.doze();
                self.tick(now);
                next_tick = now + TICK;
            }
            self.scan(now);
            self.wake(now);
            self.give(now)?;
            self.tell(false);
            self.complete()?;
            let adding = self.add_watches().then_some(now);
            let until = [Some(next_tick), self.scans.due(), self.agenda.waits().next(), self.telling(), adding];
            let until = until.into_iter().flatten().min().unwrap_or(next_tick);
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    if !self.take(message)? {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            // What came meanwhile goes first, so that one wake does for all of it.
            while let Ok(message) = self.inbox.try_recv() {
                if !self.take(message)? {
                    return Ok(());
                }
            }
            // Also those that found no room in the inbox.
            self.hear();
        }
    }

    /// Notices that the cache was made anew, and reads again what it did not take.
    fn mind_the_cache(&mut self, now: Instant) -> Result<(), StoreError> {
        if self.desk.writer.is_anew() {
            return Err(StoreError::Anew);
        }
        self.refused.extend(self.desk.writer.take_refused());
        let refused = std::mem::take(&mut self.refused);
        for key in refused {
            let Some(key) = self.awake(&key)? else { continue };
            if self.table.get(&key).is_some_and(|tracked| tracked.work != Work::Idle) {
                // What is under way says where the log stands; after that.
                self.refused.insert(key.to_string());
                continue;
            }
            self.hot.remove(&key);
            self.table.change(&key, Tracked::distrust);
            self.agenda.waits().set(&key, now, REFUSED_WAIT);
        }
        Ok(())
    }

    /// Scans once and reads until there is nothing left that can be read.
    fn finish(&mut self, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        self.tick(Instant::now());
        loop {
            self.give(Instant::now())?;
            if self.agenda.is_empty() && self.pool.is_idle() {
                return Ok(());
            }
            let Ok(message) = self.inbox.recv() else { return Ok(()) };
            self.take(message)?;
            progress(self.read, self.read + self.table.backlog);
            self.tell(false);
        }
    }

    /// Deals with a message; says whether to go on.
    fn take(&mut self, message: Message) -> Result<bool, StoreError> {
        use super::pool::Answer;
        match message {
            Message::Stop => return Ok(false),
            Message::News => self.hear(),
            Message::Found(root, found) => self.found(root, found)?,
            Message::Most if !self.scans.is_settled() => self.read_early(Instant::now(), scan::EARLY),
            Message::Most => {}
            Message::Done(answer) => {
                self.pool.answered();
                match answer {
                    Answer::Turns(done) => done.into_iter().try_for_each(|done| self.done(done, Writer::send))?,
                    Answer::Walk { scan, walked, took } => self.walked(scan, walked, took),
                    Answer::Looks(looks) => self.looked(looks)?,
                }
            }
        }
        Ok(true)
    }

    /// Tells the cache once that it holds all that the first scan found.
    fn complete(&mut self) -> Result<(), StoreError> {
        if self.scans.is_settled() && self.table.first == 0 && !std::mem::replace(&mut self.is_complete, true) {
            // Nobody sees what is complete as if there were something left.
            self.tell(true);
            self.send(Write::Complete)?;
            // Which runs ended is known only now.
            self.choose_live()?;
        }
        Ok(())
    }

    fn send(&mut self, write: Write) -> Result<(), StoreError> {
        self.sent += 1;
        self.desk.writer.send(write)
    }

    /// The key of a log below a state directory, if it is known under it; it is awake then.
    fn key_of(&mut self, root: u16, below: &Path) -> Option<Arc<str>> {
        let label = &self.bases.get(usize::from(root))?.label;
        let directory = below.parent()?;
        let keys: Vec<String> = match &*self.name {
            LogName::Exact(_) => vec![key::key(label, directory)],
            LogName::Glob(_) => {
                let names = [below.file_stem(), below.file_name()].into_iter().flatten();
                names.map(|name| key::key(label, &directory.join(name))).collect()
            }
        };
        let is_it = |log: &Tracked| log.root == root && *log.below == *below;
        keys.iter().find_map(|key| match self.awake(key) {
            Ok(key) => key.filter(|key| self.table.get(key).is_some_and(is_it)),
            Err(error) => {
                // The next full scan finds what happened to it.
                tracing::warn!(%error, run = %key, "the cache could not be read for a run");
                None
            }
        })
    }

    /// When the status is to be told again, if it changed.
    fn telling(&self) -> Option<Instant> {
        (self.told_of != self.table.backlog).then_some(self.told + TELL)
    }

    /// Tells how the source is (spec 3.1), not too often.
    fn tell(&mut self, at_once: bool) {
        let now = Instant::now();
        if !at_once && self.telling().is_none_or(|at| now < at) {
            return;
        }
        self.told = now;
        self.told_of = self.table.backlog;
        let is_first = self.agenda.has_cold() || !self.scans.is_settled();
        let millis = u64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = if is_first { self.read.saturating_mul(1000) / millis } else { 0 };
        let roots = self.source.roots.iter().zip(&self.bases).map(|(root, base)| {
            let wrong = base.place.as_ref().err().map(|(why, _)| why.clone()).or_else(|| base.unread.clone());
            (root.path.display().to_string(), wrong)
        });
        let roots: Vec<_> = roots.collect();
        let mode = if self.scans.is_settled() { self.watch.mode.clone() } else { WatchMode::Starting };
        self.live.update(|status| {
            status.mode = mode;
            status.roots = roots;
            status.pattern.clone_from(&self.source.log_name);
            status.last_full_scan = self.scans.last;
            status.scans = self.scans.count;
            status.scan_ms = self.scans.took_ms;
            status.overflows = self.overflows;
            status.logs = self.table.len();
            status.backlog_bytes = self.table.backlog;
            status.rate_bytes_per_s = rate;
            status.settled = self.scans.is_settled();
        });
    }
}

#[cfg(test)]
mod tests;
