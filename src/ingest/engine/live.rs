//! Which logs are looked at every tick and which directories are watched: the live ones, a bounded number (spec 5.1).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::key::LogName;
use super::super::place::Place;
use super::super::watch::MAX_WATCHES;
use super::Engine;
use super::table::Tracked;
use crate::store::StoreError;

/// How many logs are looked at every tick and watched, and how many of them may be of runs that ended. Who writes to another
/// one of those all the same is seen by the next full scan.
const LIVE: usize = 4096;
pub(super) const ENDED: usize = 512;

/// How often watched directories are checked to be the ones that have their paths. The watcher says so when one goes;
/// this is for what it did not say.
const CHECK: Duration = Duration::from_secs(30);

/// Whether it is open, and when it was written to last: the greater the more happens to it.
fn rank(ended: bool, mtime_ns: i64) -> (bool, i64) {
    (!ended, mtime_ns.max(0))
}

/// A log by its key or the number of its row. Of equals those that are awake go first: they stay so.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Which<'a> {
    Asleep(u32),
    Awake(&'a Arc<str>),
}

impl Engine {
    /// Chooses the logs that are looked at every tick, and the directories that are watched. Others may sleep.
    pub(super) fn choose_live(&mut self) -> Result<(), StoreError> {
        if !self.is_followed {
            return Ok(());
        }
        let newest = self.newest()?;
        self.scans.live = newest.iter().map(Arc::clone).collect();
        self.watch_over(&newest);
        Ok(())
    }

    /// The live ones of the logs that are there, first the open ones, then those that were written to last. They are awake
    /// then.
    fn newest(&mut self) -> Result<Vec<Arc<str>>, StoreError> {
        let number = self.scans.number;
        let awake = self.table.iter().filter(|(_, tracked)| tracked.seen == number);
        let awake = awake.map(|(key, tracked)| (rank(tracked.ended, tracked.cursor.mtime_ns), Which::Awake(key)));
        let asleep = self.table.asleep.iter().filter(|asleep| asleep.seen == number);
        let asleep = asleep.map(|asleep| (rank(asleep.ended, asleep.mtime_ns), Which::Asleep(asleep.number)));
        let mut newest = BinaryHeap::new();
        for one in awake.chain(asleep) {
            if newest.len() >= LIVE {
                if newest.peek().is_some_and(|Reverse(last)| one <= *last) {
                    continue;
                }
                newest.pop();
            }
            newest.push(Reverse(one));
        }
        let newest = newest.into_sorted_vec();
        let open = newest.partition_point(|Reverse(((is_open, _), _))| *is_open);
        let newest = newest.into_iter().take(open + self.scans.live_ended).map(|Reverse((_, which))| match which {
            Which::Awake(key) => Ok(Arc::clone(key)),
            Which::Asleep(number) => Err(number),
        });
        let mut keys = Vec::new();
        for which in newest.collect::<Vec<_>>() {
            keys.extend(match which {
                Ok(key) => Some(key),
                Err(number) => self.awaken(number)?,
            });
        }
        Ok(keys)
    }

    /// Watches the directories of these logs, and those in which others may appear.
    fn watch_over(&mut self, newest: &[Arc<str>]) {
        let now = Instant::now();
        let is_time_to_check = now >= self.scans.next_check;
        if is_time_to_check {
            self.scans.next_check = now + CHECK;
        }
        let watch = &self.watch;
        let mut wanted = Vec::new();
        let mut known = HashSet::new();
        let mut add = |place: &Place, below: &Path| {
            let directory = place.real.join(below);
            if wanted.len() >= MAX_WATCHES || known.contains(&directory) {
                return;
            }
            if watch.covers(&directory) && !is_time_to_check {
                known.insert(directory.clone());
                wanted.push((directory, None));
            } else if let Ok(look) = place.look_at_directory(below) {
                known.insert(directory.clone());
                wanted.push((directory, Some((look.stat.device, look.stat.inode))));
            }
        };
        for place in self.bases.iter().filter_map(|base| base.place.as_ref().ok()) {
            add(place, Path::new(""));
        }
        // Half of the room is for runs.
        let branches = self.scans.branches.keys().take(MAX_WATCHES / 2);
        let branches = branches.map(|(root, below)| (*root, below.as_path()));
        let runs = newest.iter().filter_map(|key| self.table.get(key));
        let runs = runs.filter(|tracked| !self.is_not_to_be_heard(tracked));
        let runs = runs.filter_map(|tracked| Some((tracked.root, tracked.below.parent()?)));
        for (root, below) in branches.chain(runs) {
            if let Some(Ok(place)) = self.bases.get(usize::from(root)).map(|base| &base.place) {
                add(place, below);
            }
        }
        self.watch.set(&wanted);
    }

    /// Adds watches of the chosen logs; says whether there are more to add.
    pub(super) fn add_watches(&mut self) -> bool {
        let Some(is_last) = self.watch.go_on() else { return false };
        // What was written before a watch was there was not heard.
        self.scans.wants_looks |= is_last;
        true
    }

    /// Whether a log is written bytewise or all the time, and nothing else is to be heard of its directory: who hears each
    /// write is woken by each, whatever comes of it, and the log is looked at when its wait is over.
    pub(super) fn is_not_to_be_heard(&self, tracked: &Tracked) -> bool {
        let directory = || tracked.below.parent().map(|below| (tracked.root, below.to_owned()));
        tracked.is_rested()
            && matches!(*self.name, LogName::Exact(_))
            && directory().is_some_and(|directory| !self.scans.branches.contains_key(&directory))
    }

    /// Keeps an eye on a log that was just written to.
    pub(super) fn enliven(&mut self, key: &Arc<str>, now: Instant) {
        if self.scans.live.len() < 2 * LIVE {
            self.scans.live.insert(Arc::clone(key));
        }
        let Some(tracked) = self.table.get(key) else { return };
        let Some(Ok(place)) = self.bases.get(usize::from(tracked.root)).map(|base| &base.place) else { return };
        let Some(below) = tracked.below.parent() else { return };
        let directory = place.real.join(below);
        if self.watch.covers(&directory) {
            return;
        }
        if let Ok(look) = place.look_at_directory(below) {
            // What was written before the watch was there was not heard.
            if self.watch.add(&directory, (look.stat.device, look.stat.inode)) {
                self.want(key, true, now);
            }
        }
    }
}
