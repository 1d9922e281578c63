//! Logs that nothing happens to, when there are very many: what shows that nothing does, in forty bytes each (spec 6, G11).
//! Everything else that is known of them is in the cache, and is read from there as soon as something happens.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::hash::BuildHasher;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::quality::RandomState;
use rustc_hash::FxHashMap;

use super::super::key::{self, LogName};
use super::super::place::{Kind, Look};
use super::Engine;
use super::table::Tracked;
use crate::store::StoreError;
use crate::store::reader::Known;

/// A log that sleeps: all of it was read and written, and nothing is wrong with it but that it may be gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asleep {
    /// The number of its row in the cache.
    pub(super) number: u32,
    /// The number of the last full scan that saw it.
    pub(super) seen: u32,
    /// How it looked when it was read, as a hash.
    look: u64,
    /// Which file it is, as a [hash](Sleepers::file): another one may have it, too.
    pub(super) file: u32,
    pub(super) ended: bool,
    pub(super) gone: bool,
    /// What its name has after that of its run, as a place among the [`Sleepers::ends`].
    end: u8,
    pub(super) mtime_ns: i64,
}

/// All that sleep, by the hash of the key: one whose hash another one has stays awake.
#[derive(Debug, Default)]
pub(super) struct Sleepers {
    logs: FxHashMap<u64, Asleep>,
    hasher: RandomState,
    /// How names of logs go on after those of their runs: few, since patterns are.
    ends: Vec<OsString>,
}

impl Sleepers {
    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Asleep> {
        self.logs.values()
    }

    /// Which one may have that key.
    pub(super) fn get(&self, key: &str) -> Option<&Asleep> {
        self.logs.get(&self.hasher.hash_one(key))
    }

    /// The hash of a device and an inode, as [`Asleep::file`] has it.
    pub(super) fn file(&self, file: (u64, u64)) -> u32 {
        (self.hasher.hash_one(file) >> 32) as u32
    }

    /// Takes what the full scan of that number found of a log.
    pub(super) fn see(&mut self, number: u32, key: &str, look: &Look) -> Sleep {
        let Some(asleep) = self.logs.get_mut(&self.hasher.hash_one(key)) else { return Sleep::None };
        if look.kind != Kind::Regular || asleep.gone || asleep.look != self.hasher.hash_one(look.stat) {
            return Sleep::Disturbed(asleep.number);
        }
        asleep.seen = number;
        Sleep::Sound
    }

    /// Takes in a [settled](Tracked::is_settled) log; says whether it could. `end` is what its name has after that of its run.
    pub(super) fn lay(&mut self, key: &str, number: u32, tracked: &Tracked, end: &OsStr) -> bool {
        let Some(end) = self.end(end) else { return false };
        let cursor = &tracked.cursor;
        let asleep = Asleep {
            number,
            seen: tracked.seen,
            look: self.hasher.hash_one(tracked.read_as()),
            file: self.file((cursor.device, cursor.inode)),
            ended: tracked.ended,
            gone: tracked.gone,
            end,
            mtime_ns: cursor.mtime_ns,
        };
        let place = self.logs.entry(self.hasher.hash_one(key));
        let is_free = matches!(place, std::collections::hash_map::Entry::Vacant(_));
        place.or_insert(asleep);
        is_free
    }

    /// The place of an end among all; none when there are too many.
    fn end(&mut self, end: &OsStr) -> Option<u8> {
        let place = self.ends.iter().position(|one| one == end);
        let place = u8::try_from(place.unwrap_or(self.ends.len())).ok()?;
        if usize::from(place) == self.ends.len() {
            self.ends.push(end.to_owned());
        }
        Some(place)
    }

    /// Takes out the log of a key whose row has that number.
    pub(super) fn take(&mut self, key: &str, number: u32) -> Option<(Asleep, &OsStr)> {
        let hash = self.hasher.hash_one(key);
        self.logs.get(&hash).filter(|asleep| asleep.number == number)?;
        let asleep = self.logs.remove(&hash)?;
        Some((asleep, self.ends.get(usize::from(asleep.end))?))
    }

    /// Forgets the log whose row has that number.
    fn forget(&mut self, number: u32) {
        self.logs.retain(|_, asleep| asleep.number != number);
    }
}

/// How a log sleeps that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    /// It does not.
    None,
    /// Nothing happened to it.
    Sound,
    /// Something did: the log of that row is to be woken.
    Disturbed(u32),
}

impl Engine {
    /// Takes a log over from the cache, asleep when nothing is to be done about it. Logs of a state directory that is not asked
    /// for any more are left alone.
    pub(super) fn remember(&mut self, known: Known) {
        let Some(root) = self.bases.iter().position(|base| base.label == known.log.source) else { return };
        let Ok(root) = u16::try_from(root) else { return };
        let (key, number) = (Arc::<str>::from(known.log.key.as_str()), known.number);
        let mut tracked = Tracked::known(root, Arc::from(Path::new("")), known, self.has_rows());
        if let LogName::Exact(name) = &*self.name {
            if tracked.is_settled() && self.table.asleep.lay(&key, number, &tracked, name) {
                return;
            }
            tracked.below = Arc::from(self.below(root, &key, name));
        }
        // With a glob it shows which file it is when it is found.
        self.table.insert(key, tracked);
    }

    /// The path of a log below its state directory; an empty one of what no log is called.
    fn below(&self, root: u16, key: &str, end: &OsStr) -> PathBuf {
        let label = self.bases.get(usize::from(root)).map_or("", |base| base.label.as_str());
        let Some(path) = key::path(label, key) else { return PathBuf::new() };
        match &*self.name {
            LogName::Exact(name) => path.join(name),
            LogName::Glob(_) => {
                let mut name = path.into_os_string().into_vec();
                name.extend_from_slice(end.as_bytes());
                PathBuf::from(OsString::from_vec(name))
            }
        }
    }

    /// What the name of a log has after that of its run, if [`Self::below`] finds it by that.
    fn end(&self, key: &str, tracked: &Tracked) -> Option<OsString> {
        let end = match &*self.name {
            LogName::Exact(name) => name.clone(),
            LogName::Glob(_) => {
                let label = &self.bases.get(usize::from(tracked.root))?.label;
                let path = key::path(label, key)?.into_os_string();
                OsStr::from_bytes(tracked.below.as_os_str().as_bytes().strip_prefix(path.as_bytes())?).to_owned()
            }
        };
        (self.below(tracked.root, key, &end).as_os_str() == tracked.below.as_os_str()).then_some(end)
    }

    /// The shared form of the key of a known log, which is awake then.
    pub(super) fn awake(&mut self, key: &str) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(asleep) = self.table.asleep.get(key).copied()
            && self.table.get(key).is_none()
        {
            self.awaken(asleep.number)?;
        }
        Ok(self.table.key(key))
    }

    /// Wakes the log whose row has that number; gives its key. When the cache cannot be read it sleeps on until the next scan
    /// that tells of all logs.
    pub(super) fn awaken(&mut self, number: u32) -> Result<Option<Arc<str>>, StoreError> {
        let known = match self.desk.reader.known_at(number) {
            Ok(Some(known)) => known,
            Ok(None) => {
                self.table.asleep.forget(number);
                self.scans.tell_of_all();
                return Ok(None);
            }
            Err(error) if self.is_followed => {
                tracing::warn!(%error, "the cache could not be read for a log that changed, it will be tried again");
                self.scans.tell_of_all();
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let root = self.bases.iter().position(|base| base.label == known.log.source);
        let root = root.and_then(|root| u16::try_from(root).ok()).unwrap_or(0);
        let key = Arc::<str>::from(known.log.key.as_str());
        let Some((asleep, end)) = self.table.asleep.take(&key, number) else { return Ok(None) };
        let end = end.to_owned();
        let mut tracked = Tracked::known(root, Arc::from(self.below(root, &key, &end)), known, self.has_rows());
        tracked.seen = asleep.seen;
        self.table.insert(Arc::clone(&key), tracked);
        Ok(Some(key))
    }

    /// Wakes all such logs.
    pub(super) fn awaken_those(&mut self, is_one: impl Fn(&Asleep) -> bool) -> Result<(), StoreError> {
        let those = self.table.asleep.iter().filter(|asleep| is_one(asleep)).map(|asleep| asleep.number);
        those.collect::<Vec<_>>().into_iter().try_for_each(|number| self.awaken(number).map(drop))
    }

    /// Lets logs sleep that are not live and to which nothing happens, once there are many.
    pub(super) fn doze(&mut self) {
        let is_busy =
            !self.scans.is_settled() || !self.agenda.is_empty() || !self.pool.is_idle() || !self.desk.writer.is_done();
        if is_busy || self.table.awake() <= self.scans.live.len() + self.scans.live_ended {
            return;
        }
        self.flushed = self.sent;
        let live = &self.scans.live;
        let quiet = self.table.iter().filter(|(key, tracked)| tracked.is_settled() && !live.contains(*key));
        let mut quiet: HashMap<Arc<str>, u32> = quiet.map(|(key, _)| (Arc::clone(key), 0)).collect();
        if quiet.is_empty() {
            return;
        }
        let note = &mut |key: &str, number| {
            if let Some(of) = quiet.get_mut(key) {
                *of = number;
            }
        };
        if let Err(error) = self.desk.reader.each_key(note) {
            tracing::warn!(%error, "the cache could not be read, and logs to which nothing happens stay in memory");
            return;
        }
        for (key, number) in quiet.into_iter().filter(|(_, number)| *number > 0) {
            let Some(tracked) = self.table.get(&key) else { continue };
            let Some(end) = self.end(&key, tracked) else { continue };
            self.table.lull(&key, number, &end);
        }
        self.table.shrink();
    }
}
