//! What walks and looks found: new, changed, vanished and renamed logs. The scan is the truth (spec 5.1).
//!
//! Live logs are looked at every tick; everything is walked as often as costs little of the time, at least every
//! half minute. It must never read a log, except to tell a renamed one from a new one.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::super::cursor;
use super::super::discover::{Found, Tell, Walked};
use super::super::place::{Kind, Look, Place};
use super::super::pool::{Task, WalkEnd, WalkStart, WalkTask};
use super::super::problem;
use super::asleep::Sleep;
use super::live::ENDED;
use super::table::{Sight, Tracked, Work};
use super::turns::HOT;
use super::{Engine, Stage, TICK};
use crate::reducer::time::Micros;
use crate::store::StoreError;
use crate::store::writer::Write;

/// The longest time between two full scans (spec 5.1).
const FULL: Duration = Duration::from_secs(30);

/// A full scan takes at most this part of the time, as long as one every [`FULL`] is enough for that, and one that was asked
/// for at most that part.
const SHARE: u32 = 250;
const ASKED_SHARE: u32 = 20;

/// A full scan that was asked for comes at least so long after the last one.
const ASKED: Duration = Duration::from_millis(250);

/// A first scan that takes longer than this does not keep everything waiting for what is new: from then on the newest of what
/// it found so far are read beside it, so many at a time.
const PATIENCE: Duration = Duration::from_millis(400);
pub(super) const EARLY: usize = 64;

/// After a full scan that told of all logs so many tell of changes alone, as long as they miss none.
const QUIET: u32 = 9;

/// How many directories are walked together.
const WALKS: usize = 256;

/// What helps against a directory that may not be read.
const ADVICE: &str = "give the user that runs wheelwatch access";

/// When scans were and come, and what they carry from one to the next.
#[derive(Debug)]
pub(super) struct Scans {
    /// The number of the last full scan that told of all logs.
    pub(super) number: u32,
    /// How many scans may tell of changes alone before that is done again.
    quiet: u32,
    /// Whether the present one does.
    is_quiet: bool,
    is_walking: bool,
    /// What a full scan gave that ended just now, and how long it took.
    ended: Option<(Vec<WalkEnd>, Duration)>,
    is_looking: bool,
    /// One was asked for.
    pub(super) is_wanted: bool,
    pub(super) wants_looks: bool,
    next: Instant,
    earliest: Instant,
    /// When the watched directories are checked again.
    pub(super) next_check: Instant,
    pub(super) last: Option<Micros>,
    pub(super) count: u64,
    /// How long the last full scan took, in milliseconds.
    pub(super) took_ms: Option<u64>,
    /// Logs that a full scan found changed, with their modification times: the newest are read first.
    fresh: Vec<(i64, Arc<str>)>,
    /// All that the first scan found by now and that is newer was wanted early.
    early: Option<i64>,
    /// Logs found since the last full scan that were never read, by device and inode.
    pub(super) newcomers: Vec<((u64, u64), Arc<str>)>,
    pub(super) live: HashSet<Arc<str>>,
    /// How many of those may have ended.
    pub(super) live_ended: usize,
    /// Directories in which logs may appear, with their modification times: those that hold directories, or no log yet.
    pub(super) branches: BTreeMap<(u16, PathBuf), i64>,
}

impl Scans {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            number: 0,
            quiet: 0,
            is_quiet: false,
            is_walking: false,
            ended: None,
            is_looking: false,
            is_wanted: true,
            wants_looks: false,
            next: now,
            earliest: now,
            next_check: now,
            last: None,
            count: 0,
            took_ms: None,
            fresh: Vec::new(),
            early: None,
            newcomers: Vec::new(),
            live: HashSet::new(),
            live_ended: ENDED,
            branches: BTreeMap::new(),
        }
    }

    /// Asks for a full scan soon.
    pub(super) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Lets the next full scan tell of all logs.
    pub(super) fn tell_of_all(&mut self) {
        self.quiet = 0;
    }

    /// When the next full scan is due; none while one is going on.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = if self.is_wanted { self.next.min(self.earliest) } else { self.next };
        (!self.is_walking).then_some(due)
    }

    /// Whether the first scan has ended.
    pub(super) fn is_settled(&self) -> bool {
        self.count > 0
    }

    /// Whether a full scan ended of which no conclusions were drawn yet.
    #[cfg(test)]
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}

impl Engine {
    /// What is done every two seconds: find the state directories again, look at live logs, walk when it is time.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.resolve() {
            self.scans.is_wanted = true;
            self.scans.earliest = now;
        }
        self.cool(now, HOT);
        if !self.watch.is_on() {
            self.look_at_branches();
        }
        // One that comes soon is worth no looks before it.
        if !self.scan(now + TICK / 4) {
            self.scans.wants_looks = !self.scans.is_looking;
        }
    }

    /// Queues a full scan when it is time for one; says whether it did.
    pub(super) fn scan(&mut self, now: Instant) -> bool {
        let is_time = self.scans.due().is_some_and(|due| now >= due);
        if is_time {
            self.scans.is_walking = true;
            self.scans.is_wanted = false;
            match self.scans.quiet.checked_sub(1) {
                Some(less) => (self.scans.quiet, self.scans.is_quiet) = (less, true),
                None => {
                    (self.scans.quiet, self.scans.is_quiet) = (QUIET, false);
                    self.scans.number = self.scans.number.wrapping_add(1);
                }
            }
            self.agenda.scan = Some(self.scans.number);
        }
        is_time
    }

    /// Opens the state directories again by their paths; says whether one is another than before.
    fn resolve(&mut self) -> bool {
        let mut is_news = false;
        for (root, base) in self.source.roots.iter().zip(&mut self.bases) {
            let was = base.place.as_ref().ok().map(|place| place.identity);
            match Place::open(&root.path) {
                Ok(place) if was == Some(place.identity) => {}
                Ok(place) => {
                    base.real.clone_from(&place.real);
                    base.place = Ok(Arc::new(place));
                    is_news = true;
                }
                Err(error) => {
                    let (is_missing, why) = match error.kind() {
                        io::ErrorKind::NotFound => (true, String::from("there is no such directory; waiting for it")),
                        io::ErrorKind::NotADirectory => (true, String::from("this is no directory; waiting for one")),
                        _ => (false, format!("the directory cannot be opened: {error}; {ADVICE}")),
                    };
                    is_news |= was.is_some();
                    base.place = Err((why, is_missing));
                    base.unread = None;
                }
            }
        }
        is_news
    }

    /// Without a watcher: a directory whose entries changed is walked at once.
    fn look_at_branches(&mut self) {
        let mut changed = Vec::new();
        for ((root, below), mtime) in &mut self.scans.branches {
            let Some(Ok(place)) = self.bases.get(usize::from(*root)).map(|base| &base.place) else { continue };
            let Ok(look) = place.look_at_directory(below) else { continue };
            if look.stat.mtime_ns != *mtime {
                *mtime = look.stat.mtime_ns;
                changed.push((*root, below.clone()));
            }
        }
        for (root, below) in changed {
            match below.as_os_str().is_empty() {
                true => self.scans.want(),
                false => {
                    self.agenda.walks.insert((root, below));
                }
            }
        }
    }

    /// The next walk, if one is wanted.
    pub(super) fn walk_task(&mut self) -> Option<Task> {
        let scan = self.agenda.scan.take();
        let mut starts = Vec::new();
        if scan.is_some() {
            let all = 0..u16::try_from(self.bases.len()).unwrap_or(u16::MAX);
            starts.extend(all.filter_map(|root| self.walk_start(root, PathBuf::new())));
        } else {
            while starts.len() < WALKS {
                let Some((root, below)) = self.agenda.walks.pop_first() else { break };
                starts.extend(self.walk_start(root, below));
            }
        }
        let tell = match (scan, self.scans.is_quiet) {
            (None, _) => Tell::Some,
            (Some(_), false) => Tell::All,
            (Some(_), true) => Tell::Changes,
        };
        let (name, depth) = (Arc::clone(&self.name), self.source.depth);
        let is_any = scan.is_some() || !starts.is_empty();
        is_any.then(|| Task::Walk(WalkTask { scan, name, depth, tell, starts }))
    }

    fn walk_start(&self, root: u16, below: PathBuf) -> Option<WalkStart> {
        let base = self.bases.get(usize::from(root))?;
        let place = Arc::clone(base.place.as_ref().ok()?);
        Some(WalkStart { root, label: base.label.clone(), place, below })
    }

    /// The next look at the live logs, if one is wanted.
    pub(super) fn look_task(&mut self, now: Instant) -> Option<Task> {
        if !std::mem::take(&mut self.scans.wants_looks) {
            return None;
        }
        let (table, bases, waits) = (&self.table, &self.bases, self.agenda.waits());
        let live = self.scans.live.iter().filter(|key| !waits.holds(key, now)).filter_map(|key| {
            let tracked = table.get(key).filter(|tracked| tracked.work == Work::Idle && !tracked.gone)?;
            let place = bases.get(usize::from(tracked.root))?.place.as_ref().ok()?;
            Some((Arc::clone(key), Arc::clone(place), Arc::clone(&tracked.below)))
        });
        let looks: Vec<_> = live.collect();
        self.scans.is_looking = !looks.is_empty();
        self.scans.is_looking.then_some(Task::Looks(looks))
    }

    /// Takes what the looks showed.
    pub(super) fn looked(&mut self, looks: Vec<(Arc<str>, io::Result<Look>)>) -> Result<(), StoreError> {
        self.scans.is_looking = false;
        let (now, clock) = (Instant::now(), cursor::clock());
        for (key, look) in looks {
            let Some(tracked) = self.table.get(&key).filter(|tracked| tracked.work == Work::Idle) else { continue };
            match look {
                Ok(look) if look.kind == Kind::Regular && !tracked.needs_turn(&look.stat, clock) => {}
                Ok(look) if look.kind == Kind::Regular => {
                    self.table.change(&key, |tracked| tracked.size = look.stat.size);
                    self.want(&key, true, now);
                }
                Ok(look) => self.not_regular(&key, look.kind)?,
                // The turn says what is wrong.
                Err(_) => self.want(&key, true, now),
            }
        }
        Ok(())
    }

    /// Takes logs that a walk found.
    pub(super) fn found(&mut self, root: u16, found: Vec<Found>) -> Result<(), StoreError> {
        let (now, clock) = (Instant::now(), cursor::clock());
        let number = self.scans.number;
        let is_first = !self.scans.is_settled();
        for Found { key, below, look } in found {
            match self.table.asleep.see(number, &key, &look) {
                // Nothing more is done for most of many logs.
                Sleep::Sound => continue,
                Sleep::Disturbed(row) if self.awaken(row)?.is_none() => continue,
                Sleep::Disturbed(_) | Sleep::None => {}
            }
            let see = |tracked: &mut Tracked| {
                let sight = tracked.see(number, &below, &look, clock);
                tracked.is_first |= is_first && matches!(sight, Sight::Changed { .. });
                sight
            };
            let (sight, key) = match self.table.change(&key, see) {
                Some(Sight::Same) => continue,
                Some(sight) => (sight, self.table.key(&key)),
                None => {
                    let mut tracked = Tracked::new(root, Arc::from(below.as_path()));
                    let (sight, key) = (see(&mut tracked), Arc::<str>::from(key));
                    self.table.insert(Arc::clone(&key), tracked);
                    (sight, Some(key))
                }
            };
            let Some(key) = key else { continue };
            match sight {
                Sight::Same => {}
                Sight::NotRegular => self.not_regular(&key, look.kind)?,
                Sight::Changed { is_new } => {
                    if is_new {
                        self.scans.newcomers.push(((look.stat.device, look.stat.inode), Arc::clone(&key)));
                    }
                    match self.scans.is_walking {
                        true => self.scans.fresh.push((look.stat.mtime_ns, key)),
                        false => self.want(&key, true, now),
                    }
                }
            }
        }
        // Nobody watches what is built once, so that its order does not matter.
        let is_time = self.stage != Stage::Shown || now.duration_since(self.began) >= PATIENCE;
        if !self.scans.is_settled() && is_time && !self.agenda.has_cold() {
            self.read_early(now, EARLY);
        }
        Ok(())
    }

    /// Wants turns of at most so many of the newest logs that the first scan found so far: what they need to be listed right.
    pub(super) fn read_early(&mut self, now: Instant, most: usize) {
        let fresh = &mut self.scans.fresh;
        let others = fresh.len().saturating_sub(most);
        if others == fresh.len() {
            return;
        }
        if others > 0 {
            fresh.select_nth_unstable(others);
        }
        let mut newest = fresh.split_off(others);
        newest.sort_unstable_by(|one, other| other.cmp(one));
        self.scans.early = self.scans.early.max(newest.last().map(|(mtime, _)| *mtime));
        for (_, key) in newest {
            let is_shown = self.stage == Stage::Shown;
            self.table.change(&key, |tracked| tracked.is_preview = is_shown && tracked.cursor.generation == 0);
            self.want(&key, false, now);
        }
    }

    /// Something that is no regular file has a log's name: a problem, shown once, and never opened (spec 1.1).
    fn not_regular(&mut self, key: &Arc<str>, kind: Kind) -> Result<(), StoreError> {
        self.say(key, false, |path| problem::not_regular(path, kind))
    }

    /// Shows what is wrong with a log, unless that is shown already.
    pub(super) fn say(
        &mut self,
        key: &Arc<str>,
        is_gone: bool,
        problem: impl FnOnce(&str) -> crate::store::Problem,
    ) -> Result<(), StoreError> {
        let Some(mut row) = self.row(key) else { return Ok(()) };
        let problem = problem(&row.path);
        if row.problem.as_ref() == Some(&problem) && row.gone == is_gone {
            return Ok(());
        }
        row.problem = Some(problem);
        row.gone = is_gone;
        let sent = self.sent + 1;
        self.hot.remove(key);
        self.table.change(key, |tracked| {
            tracked.adopt(row.clone());
            tracked.stored = true;
            tracked.sent = sent;
        });
        self.send(Write::Log(Box::new(row)))
    }

    fn row(&self, key: &str) -> Option<crate::store::LogRow> {
        let tracked = self.table.get(key)?;
        let base = self.bases.get(usize::from(tracked.root))?;
        Some(tracked.row(key, &base.label, &base.real))
    }

    /// Takes the end of a walk.
    pub(super) fn walked(&mut self, scan: Option<u32>, walked: Vec<WalkEnd>, took: Duration) {
        if scan.is_none() {
            for end in walked {
                self.note_branches(end.root, &end.what);
                if end.what.told == 0 {
                    // What is to be in it may come before the directory is watched.
                    self.scans.want();
                }
            }
            return;
        }
        self.scans.ended = Some((walked, took));
        if !self.scans.is_settled() {
            // Those that were read early are the newest, but for what was found after that.
            let floor = self.scans.early;
            let newer = self.scans.fresh.iter().filter(|(mtime, _)| floor.is_none_or(|floor| *mtime > floor)).count();
            self.read_early(Instant::now(), newer.min(EARLY));
        }
    }

    /// Draws the conclusions of a full scan that ended; says whether it did. After the first one the newest logs are read
    /// before that, since it takes a while when there are many.
    pub(super) fn conclude(&mut self) -> Result<bool, StoreError> {
        let is_idle = self.agenda.is_empty() && self.pool.is_idle();
        if self.table.previews > 0 && !is_idle {
            return Ok(false);
        }
        let Some((walked, took)) = self.scans.ended.take() else { return Ok(false) };
        let now = Instant::now();
        self.scans.branches.clear();
        for end in &walked {
            self.note_branches(end.root, &end.what);
            if let Some(base) = self.bases.get_mut(usize::from(end.root)) {
                base.unread = unread(&end.what);
            }
        }
        let told = walked.iter().map(|end| end.what.same + end.what.told).sum();
        let is_any_missing = match self.scans.is_quiet {
            // Each was told of once: when all were, none is missing.
            false if told == self.table.len() => false,
            false => self.settle_missing(now).map(|()| false)?,
            true => self.settle_same(told, now)?,
        };
        self.scans.is_walking = false;
        let mut fresh = std::mem::take(&mut self.scans.fresh);
        fresh.sort_unstable_by(|one, other| other.cmp(one));
        for (_, key) in fresh {
            self.want(&key, self.scans.is_settled(), now);
        }
        if self.scans.is_settled() && self.table.first > 0 {
            self.forget_first();
        }
        self.scans.newcomers = Vec::new();
        self.scans.count += 1;
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        self.scans.last = Some(Micros(i64::try_from(micros).unwrap_or(i64::MAX)));
        self.scans.took_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.scans.next = now + (took * SHARE).clamp(TICK, FULL);
        self.scans.earliest = now + (took * ASKED_SHARE).clamp(ASKED, FULL);
        if is_any_missing {
            // Which ones shows when all are told of.
            self.scans.tell_of_all();
            (self.scans.is_wanted, self.scans.earliest) = (true, now);
        }
        self.choose_live()?;
        self.tell(true);
        Ok(true)
    }

    /// What the first scan found is not waited for any more when it is not there any more.
    fn forget_first(&mut self) {
        let (number, table) = (self.scans.number, &self.table);
        let lost = table.iter().filter(|(_, tracked)| tracked.is_first && tracked.seen != number);
        let lost: Vec<_> = lost.map(|(key, _)| Arc::clone(key)).collect();
        lost.iter().for_each(|key| self.no_more_first(key));
    }

    fn note_branches(&mut self, root: u16, what: &Walked) {
        let Some(Ok(place)) = self.bases.get(usize::from(root)).map(|base| base.place.clone()) else { return };
        for below in what.branches.iter().chain(what.bare.iter().map(|(_, below)| below)) {
            let Ok(look) = place.look_at_directory(below) else { continue };
            self.scans.branches.insert((root, below.clone()), look.stat.mtime_ns);
            if self.scans.is_settled() {
                self.watch.add(&place.real.join(below), (look.stat.device, look.stat.inode));
            }
        }
    }
}

/// What a walk could not read, in words a person can act on.
fn unread(what: &Walked) -> Option<String> {
    let (below, why) = what.unread.first()?;
    let which = match below.as_os_str().is_empty() {
        true => String::from("the directory"),
        false => format!("{} in it", below.display()),
    };
    let more = match what.unread.len() {
        1 => String::new(),
        many => format!(", and {} more", many - 1),
    };
    Some(format!("{which} cannot be read: {why}{more}; {ADVICE}"))
}
