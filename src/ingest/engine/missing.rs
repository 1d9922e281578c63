//! Logs that a full scan did not see: renamed, gone, unreadable, or only between two names.
//!
//! The one place beside the turns that opens a log: to tell a renamed one from a new one.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::super::cursor;
use super::super::place::Refused;
use super::super::problem;
use super::super::tail::read_at;
use super::Engine;
use super::table::{Sight, Tracked, Work};
use crate::store::writer::Write;
use crate::store::{Cursor, StoreError};

impl Engine {
    /// Logs that a full scan did not see: renamed, gone, unreadable, or only between two names.
    pub(super) fn settle_missing(&mut self, now: Instant) -> Result<(), StoreError> {
        let number = self.scans.number;
        self.awaken_those(|asleep| asleep.seen != number && !asleep.gone)?;
        let missing = self.table.iter().filter(|(_, tracked)| tracked.seen != number && !tracked.gone);
        let missing: Vec<Arc<str>> = missing.map(|(key, _)| Arc::clone(key)).collect();
        let mut lost = Vec::new();
        for key in missing {
            match self.table.get(&key).and_then(|tracked| self.is_lost(tracked)) {
                Some(true) => lost.push(key),
                // It came meanwhile, or cannot be reached: the turn says what is wrong.
                Some(false) | None => self.want(&key, true, now),
            }
        }
        self.settle_renamed(&lost)?;
        for key in lost {
            let Some(tracked) = self.table.get(&key) else { continue };
            if tracked.cursor.generation > 0 {
                self.say(&key, true, problem::gone)?;
                continue;
            }
            // It was never more than a name.
            if self.table.remove(&key).is_some_and(|tracked| tracked.stored) {
                self.send(Write::Remove(key.to_string()))?;
            }
        }
        Ok(())
    }

    /// After a full scan that told of changes alone, and of so many logs in all: wants turns of those that need one though they
    /// look as they did. Says whether a log is missing.
    pub(super) fn settle_same(&mut self, told: u64, now: Instant) -> Result<bool, StoreError> {
        let (number, clock) = (self.scans.number, cursor::clock());
        let mut present = self.table.asleep.iter().filter(|asleep| asleep.seen == number).count() as u64;
        let mut restless = Vec::new();
        for (key, tracked) in self.table.iter().filter(|(_, tracked)| tracked.seen == number) {
            present += 1;
            if tracked.work == Work::Idle && matches!(tracked.sight(clock), Sight::Changed { .. }) {
                restless.push(Arc::clone(key));
            }
        }
        for key in restless {
            self.want(&key, true, now);
        }
        self.settle_renamed(&[])?;
        Ok(told < present)
    }

    /// Whether a log that was not seen is not there; none when that cannot be told.
    fn is_lost(&self, tracked: &Tracked) -> Option<bool> {
        let base = self.bases.get(usize::from(tracked.root))?;
        let place = match &base.place {
            Ok(place) => place,
            Err((_, is_missing)) => return is_missing.then_some(true),
        };
        if tracked.below.as_os_str().is_empty() || tracked.below.components().count() > self.source.depth + 1 {
            return Some(true);
        }
        match place.open_log(&tracked.below) {
            Ok(_) => Some(false),
            Err(Refused::Missing) => Some(true),
            // A link took the place of a directory above it.
            Err(Refused::Io(error)) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                Some(true)
            }
            Err(Refused::NotRegular(_)) => Some(false),
            Err(Refused::Io(_)) => None,
        }
    }

    /// A log that vanished and lives on under another key was renamed: its old rows go, the new key has them all.
    fn settle_renamed(&mut self, lost: &[Arc<str>]) -> Result<(), StoreError> {
        let newcomers = std::mem::take(&mut self.scans.newcomers);
        let hash = |(file, _): &((u64, u64), _)| self.table.asleep.file(*file);
        let new: HashSet<u32> = newcomers.iter().map(hash).collect();
        self.awaken_those(|asleep| asleep.gone && new.contains(&asleep.file))?;
        let mut by_file: HashMap<(u64, u64), Vec<Arc<str>>> = HashMap::new();
        let is_gone = |key: &Arc<str>| self.table.get(key).is_some_and(|tracked| tracked.gone);
        let gone = self.table.iter().map(|(key, _)| key).filter(|key| !newcomers.is_empty() && is_gone(key));
        for key in lost.iter().chain(gone) {
            if let Some(tracked) = self.table.get(key).filter(|tracked| tracked.cursor.generation > 0) {
                by_file.entry((tracked.cursor.device, tracked.cursor.inode)).or_default().push(Arc::clone(key));
            }
        }
        if by_file.is_empty() {
            return Ok(());
        }
        let number = self.scans.number;
        let old: HashSet<u32> = by_file.keys().map(|file| self.table.asleep.file(*file)).collect();
        self.awaken_those(|asleep| asleep.seen == number && old.contains(&asleep.file))?;
        let present = self.table.iter().filter(|(_, tracked)| tracked.seen == number && tracked.cursor.generation > 0);
        let present = present.map(|(key, tracked)| ((tracked.cursor.device, tracked.cursor.inode), Arc::clone(key)));
        let candidates: Vec<_> = present.chain(newcomers).collect();
        for (file, heir) in candidates {
            for old in by_file.get(&file).into_iter().flatten() {
                if *old != heir && self.is_heir(&heir, old) {
                    self.hot.remove(old);
                    if self.table.remove(old).is_some() {
                        self.send(Write::Remove(old.to_string()))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a log begins with what was read of another one. An inode alone proves nothing: it is used again.
    fn is_heir(&self, heir: &str, old: &str) -> bool {
        let (Some(heir), Some(old)) = (self.table.get(heir), self.table.get(old)) else { return false };
        let place = self.bases.get(usize::from(heir.root)).and_then(|base| base.place.as_ref().ok());
        let Some(Ok((file, stat))) = place.map(|place| place.open_log(&heir.below)) else { return false };
        stat.size >= old.cursor.offset && begins_like(&file, &old.cursor).unwrap_or(false)
    }
}

fn begins_like(file: &std::fs::File, old: &Cursor) -> io::Result<bool> {
    let is_same = |at: u64, length: u64, hash: u64| {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0).min(cursor::HEAD.max(cursor::BEFORE))];
        let read = read_at(file, &mut bytes, at)?;
        Ok::<bool, io::Error>(read as u64 == length && u64::from(cursor::hash(0, &bytes)) == hash)
    };
    let before = old.offset.saturating_sub(old.before_length);
    Ok(is_same(0, old.head_length, old.head_hash)? && is_same(before, old.before_length, old.before_hash)?)
}
