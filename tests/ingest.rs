//! Logs on a real file system, followed into a real cache, against the reduction of their bytes from the first one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use wheelwatch::ingest::engine::Stage;
use wheelwatch::ingest::verify::{Verified, verify};
use wheelwatch::ingest::{self, Built, Ingest, LogAccess, Root, Source};
use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::dump::{self, EventsHash};
use wheelwatch::reducer::fold::Wanted;
use wheelwatch::reducer::reduce::{EventRow, Reducer, Tail};
use wheelwatch::reducer::span::Span;
use wheelwatch::store::{self, LogRow, Store, WatchMode};

#[path = "ingest/build.rs"]
mod build;
#[path = "ingest/model.rs"]
mod model;
mod support;

use support::model::replace;
use support::{append, wait_for};

/// How the source is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Watch,
    Poll,
}

/// A state directory, a cache and the ingest between them.
struct Bench {
    home: TempDir,
    state: PathBuf,
    how: How,
    log_name: String,
    store: Option<Store>,
    ingest: Option<Ingest>,
}

impl Bench {
    fn new(how: How) -> Self {
        Self::with_log_name(how, "run.log")
    }

    fn with_log_name(how: How, log_name: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let state = home.path().join("state");
        fs::create_dir(&state).expect("mkdir");
        Self { home, state, how, log_name: log_name.to_owned(), store: None, ingest: None }
    }

    fn source(&self) -> Source {
        Source {
            roots: vec![Root { label: String::new(), path: self.state.clone() }],
            log_name: self.log_name.clone(),
            depth: 4,
            reading: Reading::default(),
            poll: self.how == How::Poll,
        }
    }

    fn open(&mut self) -> &Store {
        let cache = self.home.path().join("cache/cache.db");
        let state = self.state.clone();
        self.store.get_or_insert_with(|| store::open(&cache, &[state], "").expect("a cache"))
    }

    fn start(&mut self) {
        let source = self.source();
        let store = self.open();
        let (writer, reader, live) = (store.writer.clone(), store.reader.clone(), store.live.clone());
        self.ingest = Some(ingest::start(source, writer, reader, live).expect("a start"));
    }

    fn started(how: How) -> Self {
        let mut bench = Self::new(how);
        bench.start();
        bench.wait_until_settled();
        bench
    }

    /// Stops, closes the cache and starts again on it.
    fn restart(&mut self) {
        self.ingest = None;
        self.store = None;
        self.start();
    }

    fn build(&mut self, stage: Stage) -> Built {
        let source = self.source();
        let store = self.open();
        ingest::build(&source, &store.writer, &store.reader, &store.live, stage, &|_, _| {}).expect("a build")
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("an open cache")
    }

    fn wait_until_settled(&self) {
        wait_for("the first scan", || self.store().live.status().settled.then_some(()));
    }

    fn log(&self, key: &str) -> Option<LogRow> {
        self.store().reader.logs().expect("logs").into_iter().find(|log| log.key == key)
    }

    fn wait_for_log(&self, key: &str, what: &str, is_so: impl Fn(&LogRow) -> bool) -> LogRow {
        wait_for(what, || self.log(key).filter(|log| is_so(log)))
    }

    /// The runs of the dump whose logs are there, by key; none while event rows are behind.
    fn reduced(&self) -> Option<BTreeMap<String, Value>> {
        let gone: Vec<String> = self
            .store()
            .reader
            .logs()
            .expect("logs")
            .into_iter()
            .filter(|log| log.gone || log.problem.is_some())
            .map(|log| log.key)
            .collect();
        let dump = self.store().reader.dump().expect("a dump")?;
        let mut runs = by_key(&dump);
        runs.retain(|key, _| !gone.contains(key));
        Some(runs)
    }

    fn verify(&self, key: &str) -> Verified {
        let reader = &self.store().reader;
        verify(reader, &LogAccess::new(&self.source()), key).expect("a log that can be read")
    }

    /// Everything that is in the cache is what the logs say, snapshots, counters and what the fold keeps included.
    fn verify_all(&self) {
        for log in self.store().reader.logs().expect("logs") {
            assert_eq!(self.verify(&log.key).mismatches, [], "{}", log.key);
        }
    }

    /// Waits until the cache says what the bytes say (spec 5.4, I1), and that it is nothing else (I8).
    fn wait_for_the_truth(&self) {
        let began = std::time::Instant::now();
        loop {
            let last = (truth(&self.state), self.reduced());
            if last.1.as_ref() == Some(&last.0) {
                self.verify_all();
                return;
            }
            if began.elapsed() > support::PATIENCE {
                let logs = self.store().reader.logs();
                panic!("expected {:#?}\ngot {:#?}\n{logs:#?}", last.0, last.1);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn by_key(dump: &str) -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(dump).expect("JSON");
    let runs = document["runs"].as_array().expect("runs").iter();
    runs.map(|run| (run["key"].as_str().expect("a key").to_owned(), run.clone())).collect()
}

/// What the files say, reduced from their first bytes. Runs are directories below the state directory, one deep.
fn truth(state: &Path) -> BTreeMap<String, Value> {
    let mut runs = BTreeMap::new();
    for entry in fs::read_dir(state).expect("a listing") {
        let entry = entry.expect("an entry");
        let path = entry.path().join("run.log");
        if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            continue;
        }
        if !fs::symlink_metadata(&path).is_ok_and(|log| log.is_file()) {
            continue;
        }
        let Ok(bytes) = fs::read(&path) else { continue };
        let key = path.parent().and_then(Path::file_name).expect("a name").to_str().expect("ASCII").to_owned();
        runs.insert(key.clone(), reduce(&key, &bytes));
    }
    runs
}

fn reduce(key: &str, bytes: &[u8]) -> Value {
    let mut reducer = Reducer::new(Reading::default());
    let mut rows = Vec::new();
    reducer.push(bytes, &mut |event| rows.push(EventRow::of(event)));
    let (state, pending) = match reducer.tail() {
        Tail::None => (reducer.state().clone(), 0),
        Tail::Pending(bytes) => (reducer.state().clone(), bytes),
        Tail::Provisional(state, more) => {
            rows.extend(more);
            (*state, 0)
        }
    };
    let mut hash = EventsHash::default();
    rows.iter().for_each(|row| hash.push(row));
    let (events, sha) = hash.finish();
    serde_json::json!(dump::run(key, key, &state, pending, events, &sha))
}

#[test]
fn the_scan_alone_sees_everything_in_directories_that_are_quiet_for_long() {
    let bench = Bench::started(How::Poll);
    for key in ["changed", "deleted", "renamed", "replaced", "left"] {
        append(&bench.state, key, "{\"event\":\"run.started\"}\n");
    }
    bench.wait_for_the_truth();
    // Scans that told of all logs, and some that had nothing to tell.
    let scans = bench.store().live.status().scans;
    wait_for("five scans", || (bench.store().live.status().scans > scans + 4).then_some(()));
    append(&bench.state, "changed", "{\"phase\":\"build\"}\n");
    append(&bench.state, "new", "{\"event\":\"run.started\"}\n");
    fs::remove_file(bench.state.join("deleted/run.log")).expect("rm");
    fs::rename(bench.state.join("renamed"), bench.state.join("called")).expect("mv");
    replace(&bench.state.join("replaced"), &bench.state.join("replaced/run.log"), b"{\"phase\":\"verify\"}\n");
    wait_for("the deletion", || bench.log("deleted").filter(|log| log.gone));
    wait_for("the renaming", || bench.log("renamed").is_none().then_some(()));
    bench.wait_for_the_truth();
    append(&bench.state, "deleted", "{\"event\":\"run.started\"}\n");
    wait_for("its return", || bench.log("deleted").filter(|log| !log.gone));
    bench.wait_for_the_truth();
}

#[test]
fn what_the_cache_knows_of_logs_says_which_runs_ended() {
    let mut bench = Bench::new(How::Poll);
    append(&bench.state, "ended", "{\"event\":\"run.started\"}\n{\"event\":\"run.finished\",\"status\":\"ok\"}\n");
    append(&bench.state, "open", "{\"event\":\"run.started\"}\n");
    fs::create_dir_all(bench.state.join("never/run.log")).expect("mkdir");
    bench.build(Stage::All);
    let known = bench.store().reader.known().expect("what is known");
    let known: Vec<_> = known.iter().map(|known| (known.log.key.as_str(), known.ended)).collect();
    assert_eq!(known, [("ended", true), ("never", false), ("open", false)]);
}

#[test]
fn a_log_that_comes_into_a_directory_without_one_is_heard_of() {
    let mut bench = Bench::new(How::Watch);
    for n in 0..20 {
        fs::create_dir(bench.state.join(n.to_string())).expect("mkdir");
    }
    bench.start();
    bench.wait_until_settled();
    // That no scan came in between shows in any of them: there are many more than scans.
    let heard = (0..20).any(|n| {
        let before = bench.store().live.status().scans;
        append(&bench.state, &n.to_string(), "{\"event\":\"run.started\"}\n");
        bench.wait_for_log(&n.to_string(), "the first line", |log| log.cursor.offset > 0);
        bench.store().live.status().scans == before
    });
    assert!(heard, "only scans found logs");
    bench.wait_for_the_truth();
}

#[test]
fn a_half_line_is_pending_and_a_whole_object_counts_at_once() {
    let mut bench = Bench::started(How::Watch);
    append(&bench.state, "a", "{\"event\":\"run.started\"}\n{\"event\":\"phase.star");
    let log = bench.wait_for_log("a", "half a line", |log| log.pending_bytes > 0);
    assert_eq!((log.pending_bytes, log.provisional_bytes, log.cursor.offset), (20, 0, 24));
    bench.wait_for_the_truth();
    bench.restart();
    append(&bench.state, "a", "ted\",\"phase\":\"build\"}");
    let log = bench.wait_for_log("a", "a whole object", |log| log.provisional_bytes > 0);
    assert_eq!((log.pending_bytes, log.provisional_bytes, log.cursor.offset), (0, 41, 24));
    bench.wait_for_the_truth();
    append(&bench.state, "a", "\n");
    let log = bench.wait_for_log("a", "the line end", |log| log.provisional_bytes == 0);
    assert_eq!((log.pending_bytes, log.cursor.offset, log.cursor.generation), (0, 66, 1));
    bench.wait_for_the_truth();
}

#[test]
fn another_file_under_the_name_is_another_generation_and_the_same_content_is_not() {
    let bench = Bench::started(How::Watch);
    let path = append(&bench.state, "a", "{\"phase\":\"one\"}\n{\"phase\":\"two\"}\n");
    bench.wait_for_log("a", "the first reading", |log| log.cursor.offset == 32);
    replace(&bench.state.join("a"), &path, &fs::read(&path).expect("a log"));
    append(&bench.state, "a", "{\"phase\":\"six\"}\n");
    let log = bench.wait_for_log("a", "the copy", |log| log.cursor.offset == 48);
    assert_eq!((log.cursor.generation, log.rotated), (1, false));
    replace(&bench.state.join("a"), &path, b"{\"phase\":\"new\"}\n");
    let log = bench.wait_for_log("a", "the other file", |log| log.cursor.offset == 16);
    assert_eq!((log.cursor.generation, log.rotated), (2, true));
    bench.wait_for_the_truth();
    fs::write(&path, b"{\"phase\":\"old\"}\n").expect("a write");
    let log = bench.wait_for_log("a", "the rewriting in place", |log| log.cursor.generation == 3);
    assert!(log.rotated);
    bench.wait_for_the_truth();
}

#[test]
fn a_change_in_the_middle_is_noticed_by_the_hash_of_everything() {
    let bench = Bench::started(How::Watch);
    let filler = format!("{{\"message\":\"{}\"}}\n", "m".repeat(4000));
    let path = append(&bench.state, "a", &format!("{filler}{{\"phase\":\"one\"}}\n{filler}"));
    bench.wait_for_the_truth();
    let mut file = OpenOptions::new().write(true).open(&path).expect("a log");
    file.seek(SeekFrom::Start(filler.len() as u64)).expect("a seek");
    file.write_all(b"{\"phase\":\"two\"}\n").expect("a write");
    let log = bench.wait_for_log("a", "the change", |log| log.cursor.generation == 2);
    assert!(log.rotated);
    bench.wait_for_the_truth();
    // Other times and another inode alone are no change.
    replace(&bench.state.join("a"), &path, &fs::read(&path).expect("a log"));
    append(&bench.state, "a", "end\n");
    let log = bench.wait_for_log("a", "the line", |other| other.cursor.offset == log.cursor.offset + 4);
    assert_eq!(log.cursor.generation, 2);
}

/// Writes over the middle of a log, and makes the cache believe that it was read with the times that the file has now: as
/// when both fall into one tick of the clock and the process ends before it looks again.
fn change_within_the_tick(bench: &mut Bench) -> bool {
    let filler = format!("{{\"message\":\"{}\"}}\n", "m".repeat(4000));
    let path = append(&bench.state, "a", &format!("{filler}{{\"phase\":\"one\"}}\n{filler}"));
    bench.build(Stage::All);
    let was_doubtful = bench.log("a").expect("the log").cursor.doubt;
    bench.store = None;
    let mut file = OpenOptions::new().write(true).open(&path).expect("a log");
    file.seek(SeekFrom::Start(filler.len() as u64)).expect("a seek");
    file.write_all(b"{\"phase\":\"two\"}\n").expect("a write");
    let now = fs::metadata(&path).expect("a log");
    let ns = |seconds: i64, ns: i64| seconds * 1_000_000_000 + ns;
    let times = [ns(now.mtime(), now.mtime_nsec()), ns(now.ctime(), now.ctime_nsec())];
    let cache = rusqlite::Connection::open(bench.home.path().join("cache/cache.db")).expect("the cache");
    cache.execute("UPDATE log SET mtime_ns = ?, ctime_ns = ?", times).expect("an update");
    // Without the note it is as after a kill: nobody says how the cache was when it was closed.
    fs::remove_file(bench.home.path().join("cache/cache.db.lock")).expect("the note");
    was_doubtful
}

#[test]
fn a_doubt_about_times_outlasts_a_restart() {
    // A machine that is busy for a second between line and look has no doubt.
    let mut bench = (0..20)
        .map(|_| Bench::new(How::Poll))
        .find_map(|mut bench| change_within_the_tick(&mut bench).then_some(bench))
        .expect("a build within a second of the last line, and the cache notes the doubt");
    bench.start();
    let log = bench.wait_for_log("a", "the change", |log| log.cursor.generation == 2);
    assert!(log.rotated);
    bench.wait_for_the_truth();
    // Once the log is quiet there is none, and the cache knows.
    bench.wait_for_log("a", "no doubt", |log| !log.cursor.doubt);
}

#[test]
fn a_vanished_log_keeps_its_state_until_it_returns() {
    let bench = Bench::started(How::Watch);
    let path = append(&bench.state, "a", "{\"phase\":\"one\"}\n");
    bench.wait_for_the_truth();
    let away = bench.home.path().join("away");
    fs::rename(&path, &away).expect("a rename");
    let log = bench.wait_for_log("a", "the loss", |log| log.gone);
    assert_eq!(log.problem.map(|problem| problem.code).as_deref(), Some("gone"));
    let dump = bench.store().reader.dump().expect("a dump").expect("all rows");
    assert_eq!(by_key(&dump)["a"]["run"]["phase"], "one");
    fs::rename(&away, &path).expect("a rename");
    let log = bench.wait_for_log("a", "the return", |log| !log.gone);
    assert_eq!((log.problem, log.cursor.generation), (None, 1));
}

#[test]
fn a_renamed_run_has_its_timeline_once() {
    for how in [How::Watch, How::Poll] {
        let mut bench = Bench::started(how);
        append(&bench.state, "a", "{\"phase\":\"one\"}\n");
        append(&bench.state, "c", "{\"phase\":\"one\"}\n");
        bench.wait_for_the_truth();
        fs::rename(bench.state.join("a"), bench.state.join("b")).expect("a rename");
        wait_for("the old key to go", || bench.log("a").is_none().then_some(()));
        bench.wait_for_the_truth();
        bench.ingest = None;
        fs::rename(bench.state.join("b"), bench.state.join("a")).expect("a rename");
        bench.build(Stage::All);
        assert!(bench.log("b").is_none(), "renamed while nobody looked");
        assert_eq!(bench.reduced(), Some(truth(&bench.state)));
        fs::hard_link(bench.state.join("a/run.log"), bench.state.join("x.log")).expect("a link");
        fs::create_dir(bench.state.join("d")).expect("mkdir");
        fs::rename(bench.state.join("x.log"), bench.state.join("d/run.log")).expect("a rename");
        bench.build(Stage::All);
        assert!(bench.log("a").is_some_and(|log| !log.gone), "one file under two names is two runs");
        assert_eq!(bench.reduced(), Some(truth(&bench.state)));
    }
}

#[test]
fn what_is_no_regular_file_is_a_problem_and_not_read() {
    let bench = Bench::started(How::Watch);
    let secret = bench.home.path().join("secret");
    fs::write(&secret, "{\"phase\":\"canary\"}\n").expect("a write");
    for run in ["link", "directory", "late"] {
        fs::create_dir(bench.state.join(run)).expect("mkdir");
    }
    symlink(&secret, bench.state.join("link/run.log")).expect("a link");
    fs::create_dir(bench.state.join("directory/run.log")).expect("mkdir");
    append(&bench.state, "late", "{\"phase\":\"one\"}\n");
    symlink(bench.state.join("late"), bench.state.join("linked-run")).expect("a link");
    for run in ["link", "directory"] {
        let log = bench.wait_for_log(run, "a problem", |log| log.problem.is_some());
        let problem = log.problem.expect("a problem");
        assert_eq!(problem.code, "not_regular");
        assert!(problem.text.contains(&format!("{run}/run.log")), "{}", problem.text);
    }
    bench.wait_for_the_truth();
    assert!(bench.log("linked-run").is_none());
    // It becomes a log, and a log becomes none.
    fs::remove_file(bench.state.join("link/run.log")).expect("rm");
    append(&bench.state, "link", "{\"phase\":\"two\"}\n");
    bench.wait_for_log("link", "the problem to go", |log| log.problem.is_none());
    fs::remove_file(bench.state.join("late/run.log")).expect("rm");
    symlink(&secret, bench.state.join("late/run.log")).expect("a link");
    bench.wait_for_log("late", "a problem", |log| log.problem.is_some());
    let dump = bench.store().reader.dump().expect("a dump").expect("all rows");
    assert!(!dump.contains("canary"));
}

#[test]
fn a_state_directory_may_come_late_and_be_another_one() {
    for how in [How::Watch, How::Poll] {
        let mut bench = Bench::new(how);
        fs::remove_dir(&bench.state).expect("rmdir");
        bench.start();
        bench.wait_until_settled();
        let wrong = bench.store().live.status().roots[0].1.clone();
        assert!(wrong.is_some_and(|wrong| wrong.contains("waiting")));
        append(&bench.state, "a", "{\"phase\":\"one\"}\n");
        bench.wait_for_the_truth();
        wait_for("the message to go", || bench.store().live.status().roots[0].1.is_none().then_some(()));
        fs::rename(&bench.state, bench.home.path().join("old")).expect("a rename");
        append(&bench.state, "b", "{\"phase\":\"two\"}\n");
        bench.wait_for_log("a", "the loss", |log| log.gone);
        bench.wait_for_the_truth();
        append(&bench.home.path().join("old"), "a", "{\"phase\":\"not here\"}\n");
        append(&bench.state, "b", "{\"phase\":\"three\"}\n");
        bench.wait_for_the_truth();
    }
}

#[test]
fn the_same_directory_by_any_path_has_the_same_keys_and_titles() {
    let mut bench = Bench::new(How::Poll);
    append(&bench.state, "a b", "{\"phase\":\"one\"}\n");
    fs::write(bench.state.join("run.log"), "{\"phase\":\"own\"}\n").expect("a write");
    fs::write(bench.state.join("a b/\u{202e}"), "").expect("a write");
    let strange = bench.state.join(std::ffi::OsStr::from_bytes(b"\xff<\n"));
    fs::create_dir(&strange).expect("mkdir");
    fs::write(strange.join("run.log"), "text\n").expect("a write");
    let link = bench.home.path().join("link");
    symlink(&bench.state, &link).expect("a link");
    let real = bench.state.clone();
    let mut dumps = Vec::new();
    for path in [real.clone(), link, real.join("."), real.join("a b/.."), PathBuf::from(format!("{}/", real.display()))]
    {
        bench.state = path;
        bench.store = None;
        fs::remove_dir_all(bench.home.path().join("cache")).ok();
        bench.build(Stage::All);
        dumps.push(bench.store().reader.dump().expect("a dump").expect("all rows"));
    }
    let runs = by_key(&dumps[0]);
    assert_eq!(runs.keys().collect::<Vec<_>>(), ["%FF%3C%0A", ".", "a%20b"]);
    assert_eq!(runs["."]["run"]["title"], "state");
    assert!(dumps.iter().all(|dump| *dump == dumps[0]));
}

#[test]
fn with_a_glob_each_file_is_a_run_and_keys_follow_the_files() {
    let mut bench = Bench::with_log_name(How::Watch, "*.jsonl");
    bench.start();
    bench.wait_until_settled();
    let keys = |bench: &Bench| bench.reduced().map(|runs| runs.into_keys().collect::<Vec<_>>().join(" "));
    fs::write(bench.state.join("a.jsonl"), "{\"phase\":\"one\"}\n").expect("a write");
    fs::create_dir(bench.state.join("p")).expect("mkdir");
    fs::write(bench.state.join("p/b.jsonl"), "{\"phase\":\"one\"}\n").expect("a write");
    fs::write(bench.state.join("p/note.txt"), "no log").expect("a write");
    wait_for("both", || (keys(&bench).as_deref() == Some("a p/b")).then_some(()));
    let mut file = OpenOptions::new().append(true).open(bench.state.join("p/b.jsonl")).expect("a log");
    file.write_all(b"{\"phase\":\"two\"}\n").expect("a write");
    wait_for("the append", || (bench.reduced()?["p/b"]["run"]["phase"] == "two").then_some(()));
}

#[test]
fn without_a_watcher_the_page_can_say_why() {
    let bench = Bench::started(How::Poll);
    let mode = bench.store().live.status().mode;
    assert_eq!(mode, WatchMode::ScanOnly(String::from("as asked for by --poll")));
    let bench = Bench::started(How::Watch);
    assert_eq!(bench.store().live.status().mode, WatchMode::EventsAndScan);
}

/// Lines with so much in them that a few make a long log.
fn long_lines(from: u64, bytes: usize) -> String {
    let filler = "x".repeat(16 * 1024);
    let line = |n: u64| {
        format!(
            "{{\"ts\":{},\"event\":\"step.{}\",\"step_id\":\"s{}\",\"note\":\"{filler}\"}}\n",
            1_780_000_000 + n,
            ["started", "finished", "retried"][(n % 3) as usize],
            n % 7,
        )
    };
    (from..).map(line).take(bytes / filler.len()).collect()
}

#[test]
fn the_past_of_a_run_of_many_spans_is_made_with_those_that_its_lines_name() {
    const STEPS: u64 = 4500;
    let mut bench = Bench::new(How::Poll);
    let filler = "x".repeat(1000);
    let step =
        |n: u64, what: &str| format!("{{\"event\":\"step.{what}\",\"step_id\":\"s{n}\",\"note\":\"{filler}\"}}\n");
    let again = |n: u64| format!("{{\"event\":\"step.started\",\"step_id\":\"s{n}\"}}\n");
    let steps: String = (0..STEPS).map(|n| step(n, "started") + &step(n, "finished")).collect();
    // Few lines begin a step of long ago again, then very many: which attempt it is needs the one before.
    for part in [steps, (0..20).map(again).collect(), (20..1520).map(again).collect()] {
        append(&bench.state, "many", &part);
        bench.build(Stage::All);
    }
    let reader = bench.store().reader.clone();
    let (quick, slow) = (LogAccess::with_snapshots(&bench.source(), reader), LogAccess::new(&bench.source()));
    for (line, few) in [(2 * STEPS, true), (2 * STEPS + 20, true), (2 * STEPS + 1520, false)] {
        let (part, which) = quick.part_at("many", line, Wanted::default()).expect("quick");
        let whole = slow.state_at("many", line).expect("slow");
        assert_eq!((&part.run, &part.counters, &part.health), (&whole.run, &whole.counters, &whole.health), "{line}");
        assert_eq!((which.is_some(), part.spans.len() < 3000), (few, few), "{line}: {} spans", part.spans.len());
        let of_line = |line: u64| whole.spans.binary_search_by_key(&line, |span| span.opened_line);
        let is_whole = |span: &Span| of_line(span.opened_line).is_ok_and(|at| whole.spans[at] == *span);
        assert!(part.spans.iter().all(is_whole), "{line}");
        let again = |spans: &[Span]| spans.iter().filter(|span| span.attempt == Some(2)).count();
        assert_eq!((again(&part.spans), again(&whole.spans)), (line as usize - 9000, line as usize - 9000));
    }
}

#[test]
fn the_past_of_a_long_log_is_that_of_a_replay_and_never_that_of_another_log() {
    const MIB: usize = 1024 * 1024;
    let mut bench = Bench::new(How::Poll);
    let mut path = PathBuf::new();
    for part in 0..3 {
        path = append(&bench.state, "long", &long_lines(part * 1000, 9 * MIB));
        bench.build(Stage::All);
    }
    let verified = bench.verify("long");
    assert_eq!((verified.mismatches, verified.snapshots), (Vec::new(), 6));
    let reader = bench.store().reader.clone();
    let (quick, slow) = (LogAccess::with_snapshots(&bench.source(), reader), LogAccess::new(&bench.source()));
    let check = |line: u64, what: &str| {
        let slow = slow.state_at("long", line).expect("slow");
        // There are so few spans that a part of them is all.
        for quick in
            [quick.state_at("long", line), quick.part_at("long", line, Wanted::default()).map(|(state, _)| state)]
        {
            let quick = quick.expect("quick");
            assert_eq!(wheelwatch::reducer::compare::mismatches(&quick, &slow), [], "line {line}, {what}");
        }
    };
    for line in [0, 1, 575, 576, 577, 1152, 1153, 1728, u64::MAX] {
        check(line, "as it was read");
    }
    // Written over in place, where no mark is: only the change time and the hash of all of it can tell.
    let at = fs::read(&path).expect("a log").windows(4).position(|part| part == b"\"s3\"").expect("a step") as u64;
    let mut log = OpenOptions::new().write(true).open(&path).expect("a log");
    log.seek(SeekFrom::Start(at + 2 * 16 * 1024)).expect("a place");
    log.write_all(b"\n").expect("a write");
    drop(log);
    for line in [577, 1153, u64::MAX] {
        check(line, "written over");
    }
    assert_ne!(bench.verify("long").mismatches, [], "the cache is not told yet, and that shows");
    bench.build(Stage::All);
    assert_eq!(bench.verify("long").mismatches, []);
    for line in [577, u64::MAX] {
        check(line, "read again");
    }
}

#[test]
fn a_stop_is_quick_even_in_the_middle_of_a_first_reading() {
    let mut bench = Bench::new(How::Watch);
    let line = "{\"event\":\"step.started\",\"step\":\"s\"}\n";
    append(&bench.state, "a", &line.repeat(1_000_000));
    bench.start();
    wait_for("the reading", || (bench.store().live.status().backlog_bytes > 0).then_some(()));
    let began = std::time::Instant::now();
    bench.ingest = None;
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
}
