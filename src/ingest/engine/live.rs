//! Which logs are looked at every tick and which directories are watched: the live ones, a bounded number (spec 5.1).

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::key::LogName;
use super::super::place::Place;
use super::super::watch::MAX_WATCHES;
use super::Engine;
use super::table::Tracked;

/// How many logs are looked at every tick, and how many of them may be of runs that ended. Who writes to one of those
/// all the same is heard, or seen by the next full scan.
const LIVE: usize = 4096;
const ENDED: usize = 256;

/// How often watched directories are checked to be the ones that have their paths. The watcher says so when one goes;
/// this is for what it did not say.
const CHECK: Duration = Duration::from_secs(30);

impl Engine {
    /// Chooses the logs that are looked at every tick, and the directories that are watched.
    pub(super) fn choose_live(&mut self) {
        let number = self.scans.number;
        let present = self.table.iter().filter(|(_, tracked)| tracked.seen == number);
        let mut newest: Vec<(bool, i64, &Arc<str>)> =
            present.map(|(key, tracked)| (!tracked.ended, tracked.cursor.mtime_ns.max(0), key)).collect();
        if newest.len() > LIVE {
            newest.select_nth_unstable_by(LIVE, |one, other| other.cmp(one));
            newest.truncate(LIVE);
        }
        newest.sort_unstable_by(|one, other| other.cmp(one));
        let open = newest.partition_point(|(is_open, ..)| *is_open);
        self.scans.live = newest.iter().take(open + ENDED).map(|(_, _, key)| Arc::clone(key)).collect();
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
        let runs = newest.iter().filter_map(|(_, _, key)| self.table.get(key));
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
