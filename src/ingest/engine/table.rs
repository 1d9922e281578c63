//! All logs by key, and what is remembered of those that are awake. Of very many most sleep ([`super::asleep`]).

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::quality::RandomState;

use super::super::cursor;
use super::super::place::{Kind, Look, Stat};
use super::asleep::Sleepers;
use crate::reducer::visible::visible_bytes;
use crate::store::reader::Known;
use crate::store::{Cursor, LogRow, Problem};

/// Where a log is in the course of the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Work {
    #[default]
    Idle,
    /// A turn is wanted.
    Queued,
    /// A thread has it.
    Running,
    /// A thread has it, and something changed meanwhile.
    Dirty,
}

/// A log that grew so many times without ending a line is left alone for a moment each time, longer and longer: somebody
/// writes bytewise.
const DRIP: u8 = 4;
const DRIP_WAIT: Duration = Duration::from_millis(500);
const DRIP_WAITS: u8 = 3;

/// A log that grew so many times, each time soon after the last, is written all the time: what comes within a moment is
/// then read together, because a turn and its commit cost more than their lines. Pages are told no more often (spec 3.3).
/// The more such logs there are, the longer each waits, so that all of them together cost a share of a core (spec 6, G16)
/// and are shown within a second all the same.
const BRISK: u8 = 8;
const SOON: Duration = Duration::from_millis(60);
const PACE: Duration = Duration::from_millis(100);
const PACE_SHARE: Duration = Duration::from_millis(2);
const SLOWEST_PACE: Duration = Duration::from_millis(600);

/// One log.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    /// The number of its state directory.
    pub(super) root: u16,
    /// Path below the state directory; empty while only the cache knows the log.
    pub(super) below: Arc<Path>,
    pub(super) cursor: Cursor,
    pub(super) pending: u64,
    pub(super) provisional: u64,
    pub(super) events_offset: u64,
    pub(super) problem: Option<Box<Problem>>,
    /// The size that was seen last.
    pub(super) size: u64,
    /// The number of the last full scan that saw it.
    pub(super) seen: u32,
    /// The number of the last write about it.
    pub(super) sent: u64,
    pub(super) shape: Option<u32>,
    pub(super) work: Work,
    /// How many turns in a row ended no line.
    drip: u8,
    /// How many turns in a row found something soon after the one before, and when the last one was.
    brisk: u8,
    turned: Option<Instant>,
    pub(super) gone: bool,
    pub(super) rotated: bool,
    pub(super) ended: bool,
    /// It was read without event rows, which are wanted: it is read once more.
    pub(super) lacks_rows: bool,
    /// It is to be read without them before that.
    pub(super) is_preview: bool,
    /// The cache has a row of it.
    pub(super) stored: bool,
    /// The first scan found it, and it was not read yet.
    pub(super) is_first: bool,
}

impl Tracked {
    /// A log that was just found.
    pub(super) fn new(root: u16, below: Arc<Path>) -> Self {
        Self {
            root,
            below,
            cursor: Cursor::default(),
            pending: 0,
            provisional: 0,
            events_offset: 0,
            problem: None,
            size: 0,
            seen: 0,
            sent: 0,
            shape: None,
            work: Work::Idle,
            drip: 0,
            brisk: 0,
            turned: None,
            gone: false,
            rotated: false,
            ended: false,
            lacks_rows: false,
            is_preview: false,
            stored: false,
            is_first: false,
        }
    }

    /// A log that the cache knows, maybe without the event rows that are wanted of it.
    pub(super) fn known(root: u16, below: Arc<Path>, known: Known, rows: bool) -> Self {
        let mut tracked = Self { stored: true, ended: known.ended, lacks_rows: rows, ..Self::new(root, below) };
        tracked.adopt(known.log);
        tracked.size = tracked.cursor.size;
        tracked
    }

    /// Counts a turn that read so many bytes; how long the log is left alone then, if somebody writes bytewise or all the
    /// time. `others`: how many logs are left alone at present.
    pub(super) fn rest(&mut self, read: u64, ended_a_line: bool, others: usize, now: Instant) -> Option<Duration> {
        let is_soon = self.turned.replace(now).is_some_and(|last| now.duration_since(last) < SOON);
        self.brisk = if read > 0 && (is_soon || self.brisk >= BRISK) { (self.brisk + 1).min(BRISK) } else { 0 };
        self.drip = if ended_a_line || read == 0 { 0 } else { self.drip.saturating_add(1) };
        match self.drip.checked_sub(DRIP) {
            Some(more) => Some(DRIP_WAIT * u32::from(more.saturating_add(1).min(DRIP_WAITS))),
            None => (self.brisk >= BRISK).then(|| pace(others)),
        }
    }

    /// Whether somebody writes it bytewise or all the time, so that it is left alone between its turns.
    pub(super) fn is_rested(&self) -> bool {
        self.drip >= DRIP || self.brisk >= BRISK
    }

    /// Takes over what a turn made of its row.
    pub(super) fn adopt(&mut self, row: LogRow) {
        self.lacks_rows &= row.lacks_rows();
        self.events_offset = row.events_offset;
        self.cursor = row.cursor;
        self.pending = row.pending_bytes;
        self.provisional = row.provisional_bytes;
        self.problem = row.problem.map(Box::new);
        self.gone = row.gone;
        self.rotated = row.rotated;
    }

    /// The cache did not take what was read of it: the next turn finds another log and reads it from its first byte.
    pub(super) fn distrust(&mut self) {
        self.cursor.generation = self.cursor.generation.max(1);
        self.cursor.head_hash = !self.cursor.head_hash;
        self.cursor.inode = !self.cursor.inode;
    }

    /// Its row. `real` is the path of its state directory for people.
    pub(super) fn row(&self, key: &str, source: &str, real: &Path) -> LogRow {
        use std::os::unix::ffi::OsStrExt;
        LogRow {
            key: key.to_owned(),
            source: source.to_owned(),
            path: visible_bytes(real.join(&self.below).as_os_str().as_bytes()),
            cursor: self.cursor.clone(),
            pending_bytes: self.pending,
            provisional_bytes: self.provisional,
            gone: self.gone,
            rotated: self.rotated,
            problem: self.problem.as_deref().cloned(),
            events_offset: self.events_offset,
        }
    }

    /// Takes what the full scan of that number found of it; says what follows. `clock` in nanoseconds.
    pub(super) fn see(&mut self, number: u32, below: &Path, look: &Look, clock: i64) -> Sight {
        self.seen = number;
        // As they are written: paths that are taken apart first take longer to compare.
        if self.below.as_os_str() != below.as_os_str() {
            self.below = Arc::from(below);
        }
        if look.kind != Kind::Regular {
            return Sight::NotRegular;
        }
        self.size = look.stat.size;
        if self.cursor.generation == 0 {
            // All that is known of a log that was not read yet, and enough to tell the newest.
            self.cursor.mtime_ns = look.stat.mtime_ns;
        }
        self.read_or_not(&look.stat, clock)
    }

    /// What follows from a full scan that found it as it looked last.
    pub(super) fn sight(&self, clock: i64) -> Sight {
        if self.problem.as_ref().is_some_and(|problem| problem.code == super::super::problem::NOT_REGULAR) {
            return Sight::NotRegular;
        }
        self.read_or_not(&Stat { size: self.size, ..self.read_as() }, clock)
    }

    fn read_or_not(&self, stat: &Stat, clock: i64) -> Sight {
        if self.needs_turn(stat, clock) {
            return Sight::Changed { is_new: self.cursor.generation == 0 };
        }
        Sight::Same
    }

    /// Whether a look shows it otherwise than it was read, or as nothing that can be relied on; `clock` in nanoseconds.
    pub(super) fn needs_turn(&self, stat: &Stat, clock: i64) -> bool {
        let is_current = self.is_whole() && cursor::is_unchanged(&self.cursor, stat);
        // A doubt is looked into once, when the log is quiet.
        !is_current || (self.cursor.doubt && !cursor::is_doubtful(stat, clock))
    }

    /// Whether all of it was read as it is wanted, and nothing is wrong with it.
    fn is_whole(&self) -> bool {
        let is_read = self.cursor.offset + self.pending + self.provisional == self.cursor.size;
        is_read && !self.lacks_rows && !self.gone && self.problem.is_none()
    }

    /// Whether nothing is to be done about it until a look shows it otherwise than it was read.
    pub(super) fn is_settled(&self) -> bool {
        let is_quiet = self.work == Work::Idle && !self.is_first && !self.is_preview && !self.is_rested();
        let is_known = self.stored && self.cursor.generation > 0 && self.size == self.cursor.size;
        is_quiet && is_known && (self.gone || (self.is_whole() && !self.cursor.doubt))
    }

    /// How it looked when it was read.
    pub(super) fn read_as(&self) -> Stat {
        let Cursor { device, inode, size, mtime_ns, ctime_ns, .. } = self.cursor;
        Stat { device, inode, size, mtime_ns, ctime_ns }
    }

    /// Bytes that are not reduced yet. What cannot be read is not waited for.
    pub(super) fn backlog(&self) -> u64 {
        match self.gone || self.problem.is_some() {
            true => 0,
            false if self.lacks_rows => self.size,
            false => self.size.saturating_sub(self.cursor.offset + self.pending + self.provisional),
        }
    }

    /// What it adds to the sums over all logs.
    fn counted(&self) -> [u64; 3] {
        [self.backlog(), u64::from(self.is_first), u64::from(self.is_preview)]
    }
}

/// What a full scan found of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// What is known of it.
    Same,
    /// It wants a turn; of a new one nothing was ever read.
    Changed { is_new: bool },
    /// Something else has its name.
    NotRegular,
}

/// All logs by key, with the sums over them: those that are awake, which all but [`Self::len`] is about, and those that sleep.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Boxed, so that the free places of the map are small.
    logs: HashMap<Arc<str>, Box<Tracked>, RandomState>,
    pub(super) asleep: Sleepers,
    pub(super) backlog: u64,
    /// How many logs that the first scan found were not read yet.
    pub(super) first: u64,
    /// How many are to be read without event rows before they are read with them.
    pub(super) previews: u64,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Tracked> {
        self.logs.get(key).map(Box::as_ref)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Tracked)> {
        self.logs.iter().map(|(key, tracked)| (key, tracked.as_ref()))
    }

    pub(super) fn len(&self) -> u64 {
        (self.logs.len() + self.asleep.len()) as u64
    }

    /// How many are awake.
    pub(super) fn awake(&self) -> usize {
        self.logs.len()
    }

    /// The shared form of a key that is in the table.
    pub(super) fn key(&self, key: &str) -> Option<Arc<str>> {
        self.logs.get_key_value(key).map(|(key, _)| Arc::clone(key))
    }

    pub(super) fn insert(&mut self, key: Arc<str>, tracked: Tracked) {
        self.count(tracked.counted());
        if let Some(was) = self.logs.insert(key, Box::new(tracked)) {
            self.discount(was.counted());
        }
    }

    fn count(&mut self, [backlog, first, previews]: [u64; 3]) {
        self.backlog += backlog;
        self.first += first;
        self.previews += previews;
    }

    fn discount(&mut self, [backlog, first, previews]: [u64; 3]) {
        self.backlog -= backlog;
        self.first -= first;
        self.previews -= previews;
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Tracked> {
        let tracked = self.logs.remove(key)?;
        self.discount(tracked.counted());
        Some(*tracked)
    }

    /// Lets a settled log sleep whose row has that number, unless one that sleeps has the hash of its key.
    pub(super) fn lull(&mut self, key: &str, number: u32, end: &OsStr) {
        let tracked = self.logs.get(key);
        if tracked.is_some_and(|tracked| self.asleep.lay(key, number, tracked, end)) {
            self.remove(key);
        }
    }

    /// Gives back the room of those that sleep.
    pub(super) fn shrink(&mut self) {
        self.logs.shrink_to_fit();
    }

    /// Changes a log and keeps the sums right.
    pub(super) fn change<T>(&mut self, key: &str, change: impl FnOnce(&mut Tracked) -> T) -> Option<T> {
        let tracked = self.logs.get_mut(key)?;
        let was = tracked.counted();
        let result = change(tracked);
        let now = tracked.counted();
        self.count(now);
        self.discount(was);
        Some(result)
    }
}

/// How long a log waits that is written all the time, beside so many others.
fn pace(others: usize) -> Duration {
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    PACE_SHARE.saturating_mul(others).clamp(PACE, SLOWEST_PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracked() -> Tracked {
        Tracked::new(0, Arc::from(Path::new("run/run.log")))
    }

    #[test]
    fn what_is_written_all_the_time_is_read_together_and_what_comes_now_and_then_at_once() {
        let mut tracked = tracked();
        let mut now = Instant::now();
        let mut turn = |after: Duration, read| {
            now += after;
            tracked.rest(read, true, 0, now)
        };
        for _ in 0..=BRISK - 1 {
            assert_eq!(turn(SOON / 2, 10), None);
        }
        assert_eq!(turn(SOON / 2, 10), Some(PACE));
        // It goes on as long as every look finds something, for days.
        for _ in 0..300 {
            assert_eq!(turn(PACE, 10), Some(PACE));
        }
        assert_eq!(turn(PACE, 0), None);
        for _ in 0..100 {
            assert_eq!(turn(SOON, 10), None);
        }
    }

    #[test]
    fn the_sums_are_those_of_all_logs_whatever_becomes_of_one() {
        let mut table = Table::default();
        let log = |size, is_first| Tracked { size, is_first, is_preview: is_first, ..tracked() };
        let sums = |table: &Table| {
            assert_eq!(table.previews, table.first);
            (table.len(), table.backlog, table.first)
        };
        table.insert(Arc::from("a"), log(10, true));
        table.insert(Arc::from("b"), log(5, false));
        assert_eq!(sums(&table), (2, 15, 1));
        table.insert(Arc::from("a"), log(7, true));
        assert_eq!(sums(&table), (2, 12, 1), "what was known of it does not count any more");
        table.change("b", |tracked| (tracked.size, tracked.is_first, tracked.is_preview) = (6, true, true));
        assert_eq!(sums(&table), (2, 13, 2));
        table.change("a", |tracked| (tracked.is_first, tracked.is_preview) = (false, false));
        table.remove("b");
        table.remove("b");
        assert_eq!(sums(&table), (1, 7, 0));
    }

    #[test]
    fn the_more_logs_are_written_all_the_time_the_longer_each_waits() {
        let paces: Vec<_> = [0, 1, 50, 51, 200, 300, 301, usize::MAX].map(pace).into();
        let millis: Vec<_> = paces.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [100, 100, 100, 102, 400, 600, 600, 600]);
    }

    #[test]
    fn who_writes_bytewise_is_waited_for_longer_and_longer() {
        let mut tracked = tracked();
        let now = Instant::now();
        let waits: Vec<_> = (1..=8).map(|n| tracked.rest(1, false, 0, now + PACE * n)).collect();
        let wait = |times| Some(DRIP_WAIT * times);
        assert_eq!(waits, [None, None, None, wait(1), wait(2), wait(3), wait(3), wait(3)]);
        assert_eq!(tracked.rest(1, true, 0, now + PACE * 9), None);
        // A look that finds nothing is no drop: who writes now and then is not waited for.
        for n in (10..40).step_by(2) {
            assert_eq!(tracked.rest(1, false, 0, now + PACE * n), None);
            assert_eq!(tracked.rest(0, false, 0, now + PACE * (n + 1)), None);
        }
    }
}
