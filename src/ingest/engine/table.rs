//! What is remembered of every log while nothing happens to it: small, because there may be 50,000 (spec 6, G11).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::cursor;
use super::super::place::Stat;
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
    /// Lines before `events_offset`, if known.
    pub(super) event_lines: Option<u64>,
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
    pub(super) drip: u8,
    pub(super) gone: bool,
    pub(super) rotated: bool,
    pub(super) ended: bool,
    pub(super) doubt: bool,
    /// It waits for its event rows.
    pub(super) in_rows: bool,
    /// A turn of it waits until the event rows that are being made are written.
    pub(super) is_held: bool,
    /// The cache has a row of it.
    pub(super) stored: bool,
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
            event_lines: Some(0),
            problem: None,
            size: 0,
            seen: 0,
            sent: 0,
            shape: None,
            work: Work::Idle,
            drip: 0,
            gone: false,
            rotated: false,
            ended: false,
            doubt: false,
            in_rows: false,
            is_held: false,
            stored: false,
        }
    }

    /// A log that the cache knows.
    pub(super) fn known(root: u16, below: Arc<Path>, known: Known) -> Self {
        let mut tracked = Self { event_lines: None, stored: true, ..Self::new(root, below) };
        tracked.adopt(known.log);
        tracked.size = tracked.cursor.size;
        tracked
    }

    /// Takes over what a turn made of its row. Event rows that were written meanwhile stay written.
    pub(super) fn adopt(&mut self, row: LogRow) {
        let is_same = self.cursor.generation == row.cursor.generation;
        self.events_offset = if is_same { self.events_offset.max(row.events_offset) } else { row.events_offset };
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

    /// Whether a look shows it otherwise than it was read, or as nothing that can be relied on; `clock` in nanoseconds.
    pub(super) fn needs_turn(&self, stat: &Stat, clock: i64) -> bool {
        let is_read = self.cursor.offset + self.pending + self.provisional == self.cursor.size;
        let is_current = is_read && !self.gone && self.problem.is_none() && cursor::is_unchanged(&self.cursor, stat);
        // A doubt is looked into once, when the log is quiet.
        !is_current || (self.doubt && !cursor::is_doubtful(stat, clock))
    }

    /// Bytes that are not reduced yet. What cannot be read is not waited for.
    pub(super) fn backlog(&self) -> u64 {
        match self.gone || self.problem.is_some() {
            true => 0,
            false => self.size.saturating_sub(self.cursor.offset + self.pending + self.provisional),
        }
    }

    /// Reduced bytes whose event rows are not written yet; those of a log that is gone cannot be.
    pub(super) fn index_backlog(&self) -> u64 {
        if self.gone {
            return 0;
        }
        self.cursor.offset.saturating_sub(self.events_offset)
    }
}

/// All logs by key, with the sums over them.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Boxed, so that the free places of the map are small.
    logs: HashMap<Arc<str>, Box<Tracked>>,
    pub(super) backlog: u64,
    pub(super) index_backlog: u64,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Tracked> {
        self.logs.get(key).map(Box::as_ref)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Tracked)> {
        self.logs.iter().map(|(key, tracked)| (key, tracked.as_ref()))
    }

    /// The shared form of a key that is in the table.
    pub(super) fn key(&self, key: &str) -> Option<Arc<str>> {
        self.logs.get_key_value(key).map(|(key, _)| Arc::clone(key))
    }

    pub(super) fn insert(&mut self, key: Arc<str>, tracked: Tracked) {
        self.remove(&key);
        self.backlog += tracked.backlog();
        self.index_backlog += tracked.index_backlog();
        self.logs.insert(key, Box::new(tracked));
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Tracked> {
        let tracked = self.logs.remove(key)?;
        self.backlog -= tracked.backlog();
        self.index_backlog -= tracked.index_backlog();
        Some(*tracked)
    }

    /// Changes a log and keeps the sums right.
    pub(super) fn change<T>(&mut self, key: &str, change: impl FnOnce(&mut Tracked) -> T) -> Option<T> {
        let tracked = self.logs.get_mut(key)?;
        self.backlog -= tracked.backlog();
        self.index_backlog -= tracked.index_backlog();
        let result = change(tracked);
        self.backlog += tracked.backlog();
        self.index_backlog += tracked.index_backlog();
        Some(result)
    }
}
