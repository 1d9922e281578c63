//! Hints of the system that something changed: which directories are watched, and what was heard (spec 5.1).
//!
//! A hint that is lost costs the time to the next scan. It must never read a log or decide what a change means.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use notify::event::{CreateKind, EventKind, EventKindMask, ModifyKind, RemoveKind, RenameMode};
use notify::{
    Config, ErrorKind, PathOp, RecommendedWatcher, RecursiveMode, UpdatePathsError, WatchPathConfig, Watcher,
};

use super::pool::Message;
use super::rush::Rush;
use crate::store::WatchMode;

/// How many directories are watched at most: the watches of a user are limited and shared with other programs.
pub(super) const MAX_WATCHES: usize = 4096;

/// More news than this, and it is less work to look everywhere.
const MAX_NEWS: usize = 16_384;

/// How many of many directories are watched together, while everything else waits.
const TOGETHER: usize = 128;

/// What was heard of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Its content or its permissions changed.
    pub(super) changed: bool,
    /// It may be a new directory, or a file that got this name.
    pub(super) appeared: bool,
    /// It is gone from there.
    pub(super) vanished: bool,
}

/// Everything heard since the last time.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) paths: HashMap<PathBuf, Heard>,
    /// How many times the watcher lost something: everything must be looked at.
    pub(super) lost: u64,
}

/// News, and what is none for now.
#[derive(Debug, Default)]
struct Ear {
    news: News,
    /// Logs that are left alone for a while: a change of one of them wakes nobody.
    hushed: HashSet<PathBuf>,
}

/// The watcher and what it watches.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Each directory that is watched or is to be, with its device and inode, because another one may take its path.
    watched: HashMap<PathBuf, (u64, u64)>,
    /// What the watcher was not told yet.
    untold: Vec<PathOp>,
    /// Directories that are to be watched after that, with their identities, the next one last.
    wanted: Vec<(PathBuf, (u64, u64))>,
    /// For how many there is room.
    room: usize,
    ear: Arc<Mutex<Ear>>,
    pub(super) mode: WatchMode,
}

impl Watch {
    /// A watcher that tells `inbox` when there are news. Whatever keeps it from working is said in the mode.
    pub(super) fn start(inbox: SyncSender<Message>) -> Self {
        let ear = Arc::<Mutex<Ear>>::default();
        let heard = Arc::clone(&ear);
        let mut rush = Rush::new(Instant::now());
        let tell = move |event| {
            if let Some(rest) = rush.hear(Instant::now()) {
                std::thread::sleep(rest);
            }
            if hear(&heard, event) {
                // Never waited for: the engine waits for this thread when it tells it what to watch. With a full inbox it
                // is awake anyway and takes the news after its messages; without one everything ends.
                let _ = inbox.try_send(Message::News);
            }
        };
        match RecommendedWatcher::new(tell, config()) {
            Ok(watcher) => {
                let (watched, room, mode) = (HashMap::new(), MAX_WATCHES, WatchMode::EventsAndScan);
                Self { watcher: Some(watcher), watched, untold: Vec::new(), wanted: Vec::new(), room, ear, mode }
            }
            Err(error) => Self { ear, ..Self::without(format!("notifications are not available: {error}")) },
        }
    }

    /// No watcher, with the reason.
    pub(super) fn without(reason: String) -> Self {
        let mode = WatchMode::ScanOnly(reason);
        Self {
            watcher: None,
            watched: HashMap::new(),
            untold: Vec::new(),
            wanted: Vec::new(),
            room: 0,
            ear: Arc::default(),
            mode,
        }
    }

    /// Whether everything that should be watched is watched.
    pub(super) fn is_on(&self) -> bool {
        self.mode == WatchMode::EventsAndScan
    }

    /// A watched directory went away, and its watch with it.
    pub(super) fn forget(&mut self, directory: &Path) {
        self.watched.remove(directory);
    }

    /// What was heard since the last call.
    pub(super) fn take(&self) -> News {
        std::mem::take(&mut lock(&self.ear).news)
    }

    /// Changes of a log are no news until [`Watch::listen`]: whoever asks for this looks at it then.
    pub(super) fn hush(&self, path: PathBuf) {
        lock(&self.ear).hushed.insert(path);
    }

    /// Changes of a log are news again.
    pub(super) fn listen(&self, path: &Path) {
        lock(&self.ear).hushed.remove(path);
    }

    /// Whether a directory is watched, or is to be.
    pub(super) fn covers(&self, directory: &Path) -> bool {
        self.watched.contains_key(directory)
    }

    /// One more directory is to be watched, if there is room; says whether it is from the next [`Watch::settle`] on.
    /// `identity` is its device and inode.
    pub(super) fn add(&mut self, directory: &Path, identity: (u64, u64)) -> bool {
        if self.watched.get(directory) == Some(&identity) || self.watched.len() >= self.room {
            return false;
        }
        // Another directory had this path.
        self.leave(directory);
        self.watched.insert(directory.to_owned(), identity);
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive).with_dereference_symlinks(false);
        self.untold.push(PathOp::Watch(directory.to_owned(), config));
        true
    }

    /// A directory is not to be watched any more.
    pub(super) fn leave(&mut self, directory: &Path) {
        if self.watched.remove(directory).is_some() {
            self.untold.push(PathOp::unwatch(directory));
        }
    }

    /// These directories are to be watched and no others, the first ones first, as [`Watch::go_on`] is called. Those without
    /// an identity are watched already and stay as they are. A quarter of the room is left for [`Watch::add`].
    pub(super) fn set(&mut self, wanted: &[(PathBuf, Option<(u64, u64)>)]) {
        let wanted = &wanted[..wanted.len().min(self.room - self.room / 4)];
        let keep: HashSet<&Path> = wanted.iter().map(|(path, _)| path.as_path()).collect();
        let surplus: Vec<PathBuf> =
            self.watched.keys().filter(|path| !keep.contains(path.as_path())).cloned().collect();
        surplus.iter().for_each(|path| self.leave(path));
        let new = wanted.iter().rev().filter_map(|(path, identity)| Some((path.clone(), (*identity)?)));
        self.wanted = new.collect();
    }

    /// Watches some more of the directories of [`Watch::set`]. Says whether these were the last ones; none when there were
    /// none.
    pub(super) fn go_on(&mut self) -> Option<bool> {
        if self.wanted.is_empty() {
            return None;
        }
        let next = self.wanted.len().saturating_sub(TOGETHER);
        for (path, identity) in self.wanted.split_off(next).into_iter().rev() {
            self.add(&path, identity);
        }
        self.settle();
        Some(self.wanted.is_empty())
    }

    /// Tells the watcher what is to be watched since the last time, all at once: each telling is a wait for the thread that
    /// hears.
    pub(super) fn settle(&mut self) {
        while !self.untold.is_empty() {
            let untold = std::mem::take(&mut self.untold);
            let Some(watcher) = &mut self.watcher else { return };
            let Err(UpdatePathsError { source, origin, remaining }) = watcher.update_paths(untold) else { return };
            self.untold = remaining;
            // A directory that is not watched any more went away with its watch.
            if !matches!(origin, Some(PathOp::Unwatch(_))) {
                self.refused(&source, origin.map(PathOp::into_path));
            }
        }
    }

    fn refused(&mut self, error: &notify::Error, directory: Option<PathBuf>) {
        if let Some(directory) = directory {
            self.watched.remove(&directory);
        }
        let reason = match &error.kind {
            // What is watched stays watched; for more there is no room.
            ErrorKind::MaxFilesWatch => {
                let watched = &mut self.watched;
                self.untold.retain(|told| match told {
                    PathOp::Watch(path, _) => watched.remove(path).is_none(),
                    PathOp::Unwatch(_) => true,
                });
                self.room = self.watched.len();
                format!(
                    "the system lets only {} directories be watched; raise fs.inotify.max_user_watches and start again",
                    self.room
                )
            }
            // A directory that went away, or one that may not be read: the scan says what is wrong with it.
            ErrorKind::PathNotFound => return,
            ErrorKind::Io(error) if is_of_the_path(error) => return,
            _ => {
                self.watcher = None;
                self.watched.clear();
                self.untold.clear();
                format!("notifications stopped working: {error}")
            }
        };
        if self.mode == WatchMode::EventsAndScan {
            tracing::warn!(%reason, "not everything is watched, the scan finds the rest");
        }
        self.mode = WatchMode::ScanOnly(reason);
    }
}

/// Without opens and closes, which our own reading causes: they would wake the thread that hears.
fn config() -> Config {
    Config::default().with_event_kinds(EventKindMask::CORE)
}

fn is_of_the_path(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), Io::NotFound | Io::NotADirectory | Io::PermissionDenied)
}

/// Notes an event; says whether it is the first news since they were taken.
fn hear(ear: &Mutex<Ear>, event: notify::Result<notify::Event>) -> bool {
    let mut ear = lock(ear);
    let Ear { news, hushed, .. } = &mut *ear;
    let was_quiet = news.paths.is_empty() && news.lost == 0;
    match event {
        Err(error) => {
            tracing::debug!(%error, "the watcher failed");
            news.lost += 1;
        }
        Ok(event) if event.need_rescan() => news.lost += 1,
        Ok(event) => {
            let Some(what) = meaning(&event.kind) else { return false };
            let changed = Heard { changed: true, ..Heard::default() };
            for path in event.paths {
                if what == changed && hushed.contains(&path) {
                    continue;
                }
                let heard = news.paths.entry(path).or_default();
                heard.changed |= what.changed;
                heard.appeared |= what.appeared;
                heard.vanished |= what.vanished;
            }
            if news.paths.len() > MAX_NEWS {
                news.paths.clear();
                news.lost += 1;
            }
        }
    }
    was_quiet && (!news.paths.is_empty() || news.lost > 0)
}

/// What an event says; none for what our own reading causes and for what cannot concern us.
fn meaning(kind: &EventKind) -> Option<Heard> {
    let changed = Heard { changed: true, ..Heard::default() };
    let appeared = Heard { appeared: true, changed: true, ..Heard::default() };
    let vanished = Heard { vanished: true, changed: true, ..Heard::default() };
    match kind {
        EventKind::Access(_) => None,
        EventKind::Create(CreateKind::File) => Some(changed),
        EventKind::Create(_) => Some(appeared),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Some(vanished),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(appeared),
        // Both names, or one of them: each may be the old or the new one.
        EventKind::Modify(ModifyKind::Name(_)) => Some(Heard { changed: true, appeared: true, vanished: true }),
        EventKind::Modify(_) => Some(changed),
        EventKind::Remove(RemoveKind::File) => Some(changed),
        EventKind::Remove(_) => Some(vanished),
        EventKind::Any | EventKind::Other => Some(appeared),
    }
}

fn lock(ear: &Mutex<Ear>) -> MutexGuard<'_, Ear> {
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, AccessMode, DataChange, Flag};
    use notify::{Error, Event};

    use super::*;

    #[test]
    fn only_changes_are_news_and_the_first_one_wakes() {
        let news = Mutex::default();
        let event = |kind| Ok(Event::new(kind).add_path(PathBuf::from("/s/a/run.log")));
        assert!(!hear(&news, event(EventKind::Access(AccessKind::Open(AccessMode::Any)))));
        assert!(lock(&news).news.paths.is_empty());
        assert!(hear(&news, event(EventKind::Modify(ModifyKind::Data(DataChange::Any)))));
        assert!(!hear(&news, event(EventKind::Create(CreateKind::Folder))), "one wake is enough");
        let heard = lock(&news).news.paths[Path::new("/s/a/run.log")];
        assert_eq!(heard, Heard { changed: true, appeared: true, vanished: false });
    }

    #[test]
    fn a_change_of_a_log_that_is_left_alone_wakes_nobody_but_its_going_does() {
        let ear = Mutex::default();
        let path = PathBuf::from("/s/a/run.log");
        lock(&ear).hushed.insert(path.clone());
        let event = |kind| Ok(Event::new(kind).add_path(path.clone()));
        assert!(!hear(&ear, event(EventKind::Modify(ModifyKind::Data(DataChange::Any)))));
        assert!(hear(&ear, event(EventKind::Modify(ModifyKind::Name(RenameMode::From)))));
    }

    #[test]
    fn an_error_or_a_rescan_flag_means_that_something_was_lost() {
        let news = Mutex::default();
        assert!(hear(&news, Err(Error::generic("broken"))));
        assert!(!hear(&news, Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan))));
        assert_eq!(lock(&news).news.lost, 2);
    }

    type Wanted = Vec<(PathBuf, Option<(u64, u64)>)>;

    /// Directories, and a watcher that may watch them.
    fn directories(count: usize) -> (tempfile::TempDir, Wanted, Watch) {
        let state = tempfile::tempdir().expect("temporary directory");
        let paths: Wanted =
            (0..count).map(|number| (state.path().join(number.to_string()), Some((0, number as u64)))).collect();
        paths.iter().for_each(|(path, _)| std::fs::create_dir(path).expect("mkdir"));
        let (inbox, _news) = std::sync::mpsc::sync_channel(1);
        (state, paths, Watch::start(inbox))
    }

    /// In which of them a file of this name is heard of; the last one is watched, and what is told comes in order.
    fn heard(watch: &Watch, directories: &Wanted, name: &str) -> Vec<bool> {
        let files: Vec<_> = directories.iter().map(|(path, _)| path.join(name)).collect();
        files.iter().for_each(|file| drop(std::fs::write(file, "{}\n")));
        let mut told = HashSet::new();
        while files.last().is_some_and(|last| !told.contains(last)) {
            told.extend(watch.take().paths.into_keys());
            std::thread::yield_now();
        }
        files.iter().map(|file| told.contains(file)).collect()
    }

    #[test]
    fn the_watched_directories_are_those_that_were_wanted_last() {
        let (_state, directories, mut watch) = directories(4);
        watch.set(&directories);
        assert_eq!(watch.go_on(), Some(true));
        assert_eq!(heard(&watch, &directories, "1"), [true; 4]);
        watch.set(&directories[1..]);
        watch.go_on();
        assert_eq!(heard(&watch, &directories, "2"), [false, true, true, true]);
        let other = (directories[1].0.clone(), Some((7, 7)));
        watch.set(&[other, (directories[3].0.clone(), None)]);
        watch.go_on();
        assert_eq!(heard(&watch, &directories, "3"), [false, true, false, true], "another directory has that path");
    }

    #[test]
    fn many_directories_are_watched_bit_by_bit_the_first_ones_first() {
        let (_state, wanted, mut watch) = directories(TOGETHER + 2);
        let covered = |watch: &Watch| wanted.iter().map(|(path, _)| watch.covers(path)).collect::<Vec<_>>();
        watch.set(&wanted);
        assert_eq!(covered(&watch), vec![false; TOGETHER + 2], "nobody waits for any of them yet");
        assert_eq!(watch.go_on(), Some(false));
        assert_eq!(covered(&watch), [vec![true; TOGETHER], vec![false; 2]].concat());
        // Another choice before all were watched.
        watch.set(&wanted[1..=TOGETHER]);
        assert_eq!(watch.go_on(), Some(true));
        assert_eq!((watch.covers(&wanted[0].0), watch.covers(&wanted[TOGETHER].0)), (false, true));
        assert_eq!(watch.go_on(), None);
        assert!(!watch.covers(&wanted[TOGETHER + 1].0));
    }

    #[test]
    fn what_went_away_before_it_was_watched_or_left_keeps_nothing_from_being_watched() {
        let (_state, directories, mut watch) = directories(4);
        watch.set(&directories[..1]);
        watch.go_on();
        watch.leave(&directories[0].0);
        watch.set(&directories[1..]);
        for (path, _) in [&directories[0], &directories[2]] {
            std::fs::remove_dir(path).expect("rmdir");
        }
        watch.go_on();
        assert_eq!(heard(&watch, &directories, "1"), [false, true, false, true]);
        assert!(watch.is_on() && !watch.covers(&directories[2].0) && watch.covers(&directories[3].0));
    }

    #[test]
    fn where_there_is_no_more_room_the_first_ones_are_watched_and_the_reason_is_said() {
        let (_state, directories, mut watch) = directories(4);
        for (number, (path, _)) in (0..).zip(&directories) {
            assert!(watch.add(path, (0, number)));
        }
        watch.leave(&directories[0].0);
        // As if the system had refused the second of them.
        watch.untold.drain(..2);
        watch.refused(&Error::new(ErrorKind::MaxFilesWatch), Some(directories[1].0.clone()));
        let left = watch.untold.iter().map(|told| (matches!(told, PathOp::Unwatch(_)), told.as_path()));
        assert_eq!(left.collect::<Vec<_>>(), [(true, directories[0].0.as_path())], "what is left makes room");
        assert_eq!((watch.room, directories.iter().any(|(path, _)| watch.covers(path))), (0, false));
        assert!(matches!(&watch.mode, WatchMode::ScanOnly(reason) if reason.contains("max_user_watches")));
        assert!(!watch.add(&directories[2].0, (0, 2)), "there is no room");
    }

    #[test]
    fn our_own_reading_wakes_nobody() {
        let state = tempfile::tempdir().expect("temporary directory");
        let log = state.path().join("run.log");
        std::fs::write(&log, "{}\n").expect("write");
        let (sender, events) = std::sync::mpsc::channel();
        let mut watcher = RecommendedWatcher::new(move |event| drop(sender.send(event)), config()).expect("a watcher");
        watcher.watch(state.path(), RecursiveMode::NonRecursive).expect("a watch");
        std::fs::read(&log).expect("read");
        std::fs::remove_file(&log).expect("rm");
        let first = events.recv().expect("an event").expect("no error");
        assert_eq!((first.kind, first.paths), (EventKind::Remove(RemoveKind::File), vec![log]));
    }

    #[test]
    fn too_much_news_is_a_loss_and_not_a_heap() {
        let news = Mutex::default();
        for i in 0..=MAX_NEWS {
            hear(&news, Ok(Event::new(EventKind::Create(CreateKind::File)).add_path(PathBuf::from(i.to_string()))));
        }
        let news = &lock(&news).news;
        assert!(news.paths.len() <= MAX_NEWS);
        assert_eq!(news.lost, 1);
    }
}
