//! The engine by hand, step by step: what each scan and each turn leads to.

mod asleep;

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::pool::Answer;
use super::super::{Root, cursor};
use super::agenda::Next;
use super::*;
use crate::reducer::dialect::Reading;
use crate::reducer::run::Changes;
use crate::store::writer::Write;
use crate::store::{self, Store};

const LOG_NAME: &str = "run.log";
const LINE: &str = "{\"event\":\"run.started\"}\n";
/// Nobody waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

struct Bench {
    home: TempDir,
    engine: Engine,
    store: Store,
}

impl Bench {
    /// After the first scan of some logs of one line.
    fn new(keys: &[&str], is_watched: bool) -> Self {
        let mut bench = Self::begin(keys, is_watched, Stage::All);
        bench.engine.tick(Instant::now());
        bench.settle();
        while bench.engine.add_watches() {}
        assert_eq!((bench.engine.scans.count, bench.engine.scans.number), (1, 1));
        bench
    }

    /// Before that.
    fn begin(keys: &[&str], is_watched: bool, stage: Stage) -> Self {
        let mut bench = Self::begin_as(keys, LOG_NAME, stage);
        if is_watched {
            bench.engine.source.poll = false;
            bench.engine.watch = Watch::start(bench.engine.sender.clone());
        }
        bench
    }

    /// The same without a watcher, of logs that are called so.
    fn begin_as(keys: &[&str], log_name: &str, stage: Stage) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let state = home.path().join("state");
        fs::create_dir(&state).expect("mkdir");
        let store = store::open(&home.path().join("cache/runs.db"), &[], "").expect("a cache");
        let source = Source {
            roots: vec![Root { label: String::new(), path: state }],
            log_name: String::from(log_name),
            depth: 4,
            reading: Reading::default(),
            poll: true,
        };
        let (writer, reader, live) = (store.writer.clone(), store.reader.clone(), store.live.clone());
        let mut engine = Engine::new(source, writer, reader, live, stage).expect("an engine");
        engine.watch = Watch::without(String::from("not asked for"));
        let bench = Self { home, engine, store };
        for key in keys {
            fs::create_dir(bench.path(key)).expect("mkdir");
            bench.append(key, LINE);
        }
        bench
    }

    fn path(&self, key: &str) -> PathBuf {
        self.home.path().join("state").join(key)
    }

    fn append(&self, key: &str, text: &str) {
        use std::io::Write;
        let log = match &*self.engine.name {
            LogName::Exact(name) => self.path(key).join(name),
            LogName::Glob(_) => self.path(key),
        };
        let mut log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        log.write_all(text.as_bytes()).expect("a write");
    }

    fn log(&self, key: &str) -> &Tracked {
        self.engine.table.get(key).expect("a log")
    }

    /// A full scan and all that follows from it. Says whether it told of all logs.
    fn scan(&mut self) -> bool {
        let was = self.engine.scans.number;
        assert!(self.engine.scan(Instant::now() + PATIENCE), "it is time for one");
        self.settle();
        self.engine.scans.number != was
    }

    /// Does what there is to do.
    fn settle(&mut self) {
        loop {
            self.engine.give(Instant::now()).expect("a cache");
            if self.engine.agenda.is_empty() && self.engine.pool.is_idle() {
                return;
            }
            let message = self.engine.inbox.recv().expect("the threads live");
            self.engine.take(message).expect("a cache");
        }
    }

    /// Waits for what is heard and what was left alone for a while, without any scan.
    fn listen_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            self.engine.wake(Instant::now());
            self.engine.give(Instant::now()).expect("a cache");
            if let Ok(message) = self.engine.inbox.recv_timeout(Duration::from_millis(5)) {
                self.engine.take(message).expect("a cache");
            }
            self.engine.hear();
        }
    }
}

#[test]
fn one_of_ten_scans_tells_of_all_logs() {
    let mut bench = Bench::new(&["a", "b"], false);
    for _ in 0..2 {
        let told: Vec<bool> = (0..10).map(|_| bench.scan()).collect();
        assert_eq!(told.iter().position(|all| *all), Some(9), "{told:?}");
    }
}

#[test]
fn a_log_that_is_missing_shows_at_once_and_once() {
    let mut bench = Bench::new(&["a", "b"], false);
    // As if it had not been read yet.
    bench.engine.table.change("b", |tracked| tracked.is_first = true);
    assert!(!bench.scan() && !bench.engine.scans.is_wanted);
    fs::remove_dir_all(bench.path("b")).expect("rm -r");
    assert!(!bench.scan() && bench.engine.scans.is_wanted, "the sum tells that one is missing");
    assert!(!bench.log("b").gone);
    assert!(bench.scan(), "and all are told of, which says which one it is");
    assert!(bench.log("b").gone && !bench.log("a").gone);
    assert_eq!(bench.engine.table.first, 0, "nobody waits for it");
    assert!(!bench.scan() && !bench.engine.scans.is_wanted, "a log that is gone is not missing");
}

#[test]
fn a_log_that_was_gone_and_has_another_name_is_the_same() {
    let mut bench = Bench::new(&["a", "b"], false);
    let elsewhere = bench.home.path().join("elsewhere");
    fs::rename(bench.path("b"), &elsewhere).expect("mv");
    assert!(!bench.scan() && bench.scan() && bench.log("b").gone);
    fs::rename(&elsewhere, bench.path("c")).expect("mv");
    assert!(!bench.scan(), "the next one that tells of all is far away");
    assert!(bench.engine.table.get("b").is_none(), "its rows went with its name");
    assert_eq!(bench.log("c").cursor.offset, LINE.len() as u64);
}

#[test]
fn what_looks_as_it_did_and_is_not_done_is_wanted_all_the_same() {
    let mut bench = Bench::new(&["a"], false);
    let stat = bench.engine.bases[0].place.as_ref().expect("a place").look(Path::new("a/run.log")).expect("a log").stat;
    while cursor::is_doubtful(&stat, cursor::clock()) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // From here on the names of the directory are known, and nothing is told of the log.
    assert!(!bench.scan());
    bench.engine.table.change("a", |tracked| tracked.cursor.doubt = true);
    assert!(!bench.scan() && !bench.log("a").cursor.doubt, "a doubt is looked into when the log is quiet");
}

#[test]
fn a_log_that_drips_is_not_heard_and_then_heard_again() {
    for is_ended in [true, false] {
        let mut bench = Bench::new(&["a"], true);
        let directory = bench.path("a").canonicalize().expect("a path");
        assert!(bench.engine.watch.covers(&directory));
        let pending = |bench: &Bench| bench.log("a").pending;
        while !bench.log("a").is_rested() {
            let was = pending(&bench);
            bench.append("a", "{");
            bench.listen_until("a byte is heard", |bench| pending(bench) > was);
        }
        assert!(!bench.engine.watch.covers(&directory), "each byte would wake somebody");
        let offset = bench.log("a").cursor.offset;
        if is_ended {
            bench.append("a", "\n");
        }
        bench.listen_until("its turn after the wait", |bench| !bench.log("a").is_rested());
        assert_eq!(bench.log("a").cursor.offset > offset, is_ended);
        assert!(bench.engine.watch.covers(&directory));
        let offset = bench.log("a").cursor.offset;
        bench.append("a", "\n");
        bench.listen_until("the next line is heard", |bench| bench.log("a").cursor.offset > offset);
    }
}

#[test]
fn a_log_that_is_written_all_the_time_is_not_heard_and_then_heard_again() {
    let mut bench = Bench::new(&["a"], true);
    let directory = bench.path("a").canonicalize().expect("a path");
    let offset = |bench: &Bench| bench.log("a").cursor.offset;
    while !bench.log("a").is_rested() {
        let was = offset(&bench);
        assert!(was < 1000 * LINE.len() as u64, "so many lines are all the time");
        bench.append("a", LINE);
        bench.listen_until("a line is heard", |bench| offset(bench) > was);
    }
    assert!(!bench.engine.watch.covers(&directory), "each line would wake somebody");
    let was = offset(&bench);
    bench.append("a", LINE);
    bench.listen_until("it is read when its wait is over", |bench| offset(bench) > was);
    assert!(bench.log("a").is_rested() && !bench.engine.watch.covers(&directory));
    bench.listen_until("nothing came", |bench| !bench.log("a").is_rested());
    assert!(bench.engine.watch.covers(&directory));
    let was = offset(&bench);
    bench.append("a", LINE);
    bench.listen_until("the next line is heard", |bench| offset(bench) > was);
}

#[test]
fn a_log_that_grows_now_and_then_needs_not_the_cache_for_its_state() {
    let mut bench = Bench::new(&["a", "b"], false);
    for key in ["a", "b"] {
        bench.append(key, LINE);
        bench.scan();
    }
    let minutes = |minutes: u64| Instant::now() + Duration::from_secs(60 * minutes);
    let mut kept = |now, most| {
        bench.engine.cool(now, most);
        bench.engine.hot.len()
    };
    assert_eq!((kept(minutes(9), 2), kept(minutes(9), 1), kept(minutes(11), 1)), (2, 1, 0));
}

#[test]
fn the_newest_logs_are_shown_before_their_events_are_written_and_read_once_more_for_those() {
    let mut bench = Bench::begin(&["a"], false, Stage::Shown);
    bench.engine.tick(Instant::now());
    while bench.engine.table.get("a").is_none_or(|log| log.cursor.offset == 0) {
        bench.engine.give(Instant::now()).expect("a cache");
        let message = bench.engine.inbox.recv().expect("the threads live");
        bench.engine.take(message).expect("a cache");
    }
    let stored = |bench: &Bench| {
        bench.store.writer.flush().expect("a commit");
        let logs = bench.store.reader.logs().expect("the logs");
        let runs = bench.store.reader.totals().expect("the sums").runs;
        (runs, logs.iter().map(|log| (log.cursor.generation, log.cursor.offset, log.events_offset)).collect::<Vec<_>>())
    };
    let end = LINE.len() as u64;
    assert_eq!(stored(&bench), (1, vec![(1, end, 0)]));
    assert_eq!(bench.engine.table.first, 1, "it is not complete");
    bench.settle();
    assert_eq!(stored(&bench), (1, vec![(1, end, end)]), "and nothing was replaced");
    assert_eq!((bench.engine.table.first, bench.engine.read), (0, 2 * end));
}

#[test]
fn the_newest_logs_are_read_before_anything_else_is_made_of_the_first_scan() {
    let keys: Vec<_> = (0..scan::EARLY + 9).map(|n| n.to_string()).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let mut bench = Bench::begin(&keys, false, Stage::Shown);
    let step = |bench: &mut Bench| {
        bench.engine.give(Instant::now()).expect("a cache");
        let message = bench.engine.inbox.recv().expect("the threads live");
        bench.engine.take(message).expect("a cache");
        bench.engine.table.previews
    };
    bench.engine.tick(Instant::now());
    bench.engine.give(Instant::now()).expect("a cache");
    while bench.engine.table.len() < keys.len() as u64 {
        let message = bench.engine.inbox.recv().expect("the threads live");
        bench.engine.take(message).expect("a cache");
    }
    // As a walk of very many says.
    bench.engine.take(Message::Most).expect("a cache");
    assert_eq!(bench.engine.table.previews, scan::EARLY as u64);
    let message = bench.engine.inbox.recv().expect("the threads live");
    bench.engine.take(message).expect("a cache");
    assert!(bench.engine.scans.is_over(), "which makes no others as new as these");
    assert_eq!(bench.engine.table.previews, scan::EARLY as u64);
    // What is not there any more is not waited for.
    let lost = bench.engine.table.iter().find(|(_, log)| log.is_preview).map(|(key, _)| key.to_string());
    fs::remove_dir_all(bench.path(&lost.expect("a log"))).expect("rm -r");
    while step(&mut bench) > 0 {}
    assert!(!bench.engine.scans.is_settled());
    let read = bench.engine.table.iter().filter(|(_, log)| log.cursor.offset > 0).count();
    assert_eq!(read, scan::EARLY - 1);
    bench.settle();
    assert!(bench.engine.scans.is_settled() && bench.engine.agenda.is_empty());
    assert_eq!(bench.engine.table.first, 0);
    assert_eq!(bench.engine.table.iter().filter(|(_, log)| log.cursor.offset > 0).count(), keys.len() - 1);
}

#[test]
fn event_rows_of_the_newest_logs_come_when_these_are_listed_and_before_all_others() {
    let mut bench = Bench::new(&["listed", "new", "other"], false);
    let engine = &mut bench.engine;
    engine.table.change("new", |tracked| tracked.is_preview = true);
    engine.table.change("listed", |tracked| tracked.lacks_rows = true);
    ["new", "other"].into_iter().for_each(|key| engine.want(&Arc::from(key), false, Instant::now()));
    engine.want_rows(Arc::from("listed"));
    let order = std::iter::from_fn(|| engine.agenda.next_cold());
    let order = order.map(|next| match next {
        Next::Urgent(key) | Next::Cold(key) => key.to_string(),
    });
    assert_eq!(order.collect::<Vec<_>>(), ["new", "listed", "other"]);
    assert!(["new", "listed", "other"].iter().all(|key| bench.log(key).work == Work::Queued));
}

#[test]
fn what_is_sent_of_a_run_without_its_lists_is_as_light() {
    let mut bench = Bench::begin(&["r"], false, Stage::Runs);
    (0..40).for_each(|step| bench.append("r", &format!("{{\"event\":\"step.finished\",\"step\":\"{step}\"}}\n")));
    bench.append("r", "{\"event\":\"phase.started\",\"phase\":\"p\"}\n{\"event\":\"run.completed\"}\n");
    bench.engine.tick(Instant::now());
    let done = loop {
        bench.engine.give(Instant::now()).expect("a cache");
        match bench.engine.inbox.recv_timeout(PATIENCE).expect("a turn") {
            Message::Done(Answer::Turns(mut done)) => break done.remove(0),
            message => _ = bench.engine.take(message).expect("a cache"),
        }
    };
    let Some(Write::Batch(batch)) = done.write else { panic!("{done:?}") };
    assert_eq!((batch.changes, batch.events), (Changes::default(), None));
    assert!(batch.state.has_phases_only() && batch.state.counters.steps_done == 40);
    assert_eq!((batch.state.spans.len(), batch.state.spans.capacity()), (1, 1));
}
