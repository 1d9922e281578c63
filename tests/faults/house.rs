//! The shared harness: a state directory, a cache and the real binary between them, and the invariants of spec 5.4.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Process, behind, needs, with_slack, within};
use crate::stream::Follower;
use crate::support::http;
use crate::truth::{self, Runs};

/// A state directory and everything around it.
#[derive(Debug)]
pub struct House {
    directory: TempDir,
    /// `$S`.
    pub state: PathBuf,
    /// `$DB`; its directory `$C` holds nothing else.
    pub cache: PathBuf,
    /// What stands before the binary.
    pub prefix: Vec<String>,
    /// What stands after `serve`, before the state directory.
    pub options: Vec<String>,
    /// How the state directory is named on the command line.
    pub named: Option<PathBuf>,
    /// The server may read only what everybody may.
    is_stranger: bool,
    process: Option<Process>,
    follower: Option<Follower>,
}

impl House {
    /// Nothing runs yet.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        for name in ["state", "home"] {
            fs::create_dir(path.join(name)).expect("a directory");
        }
        let (state, cache) = (path.join("state"), path.join("cache/wheelwatch.db"));
        let (prefix, options) = (Vec::new(), Vec::new());
        Self {
            directory,
            state,
            cache,
            prefix,
            options,
            named: None,
            is_stranger: false,
            process: None,
            follower: None,
        }
    }

    /// A server on an empty state directory.
    pub fn started() -> Self {
        let mut house = Self::new();
        house.start();
        house
    }

    /// Lets the server be another user than root, who may read everything; who runs the tests as somebody else is that.
    pub fn with_a_stranger(mut self) -> Self {
        if rustix::process::geteuid().is_root() {
            needs("setpriv", "util-linux");
            let words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
            self.prefix = words.map(str::to_owned).into();
            for path in [self.beside(""), self.beside("home")] {
                fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
            }
            self.is_stranger = true;
        }
        self
    }

    /// A path beside the state directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn start(&mut self) {
        self.try_start().unwrap_or_else(|said| panic!("it did not start: {said}"));
    }

    /// Gives the exit status and what it said when it ended instead.
    pub fn try_start(&mut self) -> Result<(), String> {
        self.start_on(&["--port", "0"])
    }

    /// The same with the port that the options name.
    pub fn try_start_without_port(&mut self) -> Result<(), String> {
        self.start_on(&[])
    }

    fn start_on(&mut self, port: &[&str]) -> Result<(), String> {
        let mut command = behind(&self.prefix, &self.beside("home"));
        command.arg("serve").args(port).arg("--cache").arg(&self.cache).args(&self.options);
        command.arg(self.named.as_ref().unwrap_or(&self.state));
        let process = Process::start(command, &self.beside("stderr"))?;
        self.process = Some(process);
        self.follow();
        Ok(())
    }

    /// Nobody follows the stream any more, until [`House::follow`].
    pub fn unfollow(&mut self) {
        self.follower = None;
    }

    pub fn follow(&mut self) {
        self.follower = Some(Follower::start(self.process().port));
    }

    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("it runs")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.follower = None;
        self.process.take().expect("it runs").kill();
    }

    /// SIGTERM, which must end it properly (T142).
    pub fn stop(&mut self) {
        self.stop_by("TERM");
    }

    /// Any signal that means stop.
    pub fn stop_by(&mut self, signal: &str) {
        self.follower = None;
        let mut process = self.process.take().expect("it runs");
        process.signal(signal);
        let status = process.ended_within(5);
        assert_eq!(status.code(), Some(0), "SIG{signal}: {}", process.said());
    }

    /// It ends by itself, however.
    pub fn wait_for_the_end(&mut self, seconds: u32) {
        self.follower = None;
        self.process.take().expect("it runs").ended_within(seconds);
    }

    pub fn forget_the_cache(&self) {
        let directory = self.cache.parent().expect("a directory");
        if directory.exists() {
            fs::remove_dir_all(directory).expect("the cache can be removed");
        }
    }

    /// The answer in JSON to a GET; none unless it is a 200.
    pub fn try_get(&self, path: &str) -> Option<Value> {
        self.process().ask(path).filter(|answer| answer.status == 200).map(|answer| answer.json())
    }

    pub fn get(&self, path: &str) -> Value {
        within(5, &format!("an answer of {path}: {}", self.process().said()), || self.try_get(path))
    }

    pub fn health(&self) -> Value {
        self.get("/api/health")
    }

    /// `/api/runs/{key}`; a key is one path segment, so its own `%` and `/` are encoded.
    pub fn run(&self, key: &str) -> Option<Value> {
        self.try_get(&format!("/api/runs/{}", truth::encoded(key.as_bytes())))
    }

    /// The log of a run, as soon as it is as it should be.
    pub fn log_when(&self, key: &str, seconds: u32, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{what} of {key}; last: {:?}", self.run(key).map(|run| run["log"].clone()));
        within(seconds, &what, || self.run(key).map(|mut run| run["log"].take()).filter(&is_so))
    }

    /// Waits until it is said everywhere of a log that was never read that it is no regular file.
    pub fn is_said_to_be_no_file(&self, key: &str) {
        assert_eq!(self.problem(key, 5), "not_regular");
        let is_said = |text: &str| text.contains("not a regular file");
        let page = self.process().ask(&format!("/runs/{key}")).expect("a page");
        assert!(page.status == 200 && is_said(&page.body), "the page of {key}: {page:?}");
        let page = self.process().ask("/health").expect("a page").body;
        let row = page.split("<tr").find(|row| row.contains(&format!(">{key}<"))).expect("a row of health");
        assert!(row.contains("not regular") && is_said(row), "{row}");
        assert!(self.process().ask("/").expect("a page").body.contains("cannot be read"), "no banner");
        let health = self.health();
        let logs = health["problem_logs"].as_array().expect("logs with problems");
        let said = logs.iter().find(|log| log["key"] == key).expect("the log in /api/health");
        assert!(said["problem"]["text"].as_str().is_some_and(is_said), "{said}");
    }

    /// Waits for the problem of a log.
    pub fn problem(&self, key: &str, seconds: u32) -> String {
        let log = self.log_when(key, seconds, "a problem", |log| log["problem"]["code"].is_string());
        log["problem"]["code"].as_str().expect("a code").to_owned()
    }

    pub fn total(&self) -> u64 {
        self.get("/api/runs?limit=1")["total"].as_u64().expect("a total")
    }

    /// The dump by key; none while event rows are behind.
    pub fn dump(&self) -> Option<Runs> {
        let mut dump = self.try_get("/api/dump")?;
        let runs = dump["runs"].as_array_mut()?.drain(..);
        Some(runs.map(|run| (run["key"].as_str().expect("a key").to_owned(), run)).collect())
    }

    /// CONV and I1: the dump is the reduction of the bytes on disk, within the spec's time.
    ///
    /// What the dump holds beside must be marked as gone or as having a problem: its last state is kept (spec 2.3).
    pub fn converge(&self, seconds: u32) -> truth::Truth {
        let began = Instant::now();
        loop {
            let difference = match self.dump() {
                None => String::from("the dump is not complete"),
                // What is written in between makes a difference, which is looked at again.
                Some(dump) => {
                    let truth = truth::of(&self.state, self.is_stranger);
                    let Some(difference) = self.difference(&truth.runs, &dump) else { return truth };
                    difference
                }
            };
            let health = self.try_get("/api/health");
            let said = self.process().said();
            let most = with_slack(seconds);
            assert!(began.elapsed() < most, "not what the bytes say after {most:?}: {difference}\n{health:?}\n{said}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn difference(&self, truth: &Runs, dump: &Runs) -> Option<String> {
        for (key, run) in truth {
            match dump.get(key) {
                None => return Some(format!("{key} is missing")),
                Some(other) if other != run => return Some(format!("{key}:\nexpected {run}\ngot      {other}")),
                Some(_) => {}
            }
        }
        let extra = dump.keys().filter(|key| !truth.contains_key(*key));
        let unmarked = extra.filter(|key| {
            let log = self.run(key).map(|mut run| run["log"].take());
            log.is_none_or(|log| log["gone"] != true && log["problem"].is_null())
        });
        let unmarked: Vec<_> = unmarked.take(3).collect();
        (!unmarked.is_empty()).then(|| format!("not on disk and not marked as gone: {unmarked:?}"))
    }

    /// After a row: everything converges within the spec's time, and I1 to I9 hold.
    pub fn check(&mut self, seconds: u32) {
        self.converge(seconds);
        let before = picture(&self.state);
        self.check_running();
        // I3: stop, delete the cache, start: the same dump, now without what is gone.
        self.stop();
        self.forget_the_cache();
        self.start();
        let truth = self.converge(seconds.max(10));
        let dump = within(5, "the dump", || self.dump());
        let extra: Vec<_> = dump.keys().filter(|key| !truth.runs.contains_key(*key)).collect();
        assert!(extra.is_empty(), "I3: a rebuilt cache knows what is not on disk: {extra:?}");
        assert_eq!(before, picture(&self.state), "I4: something below the state directory changed");
        self.check_running();
    }

    /// The invariants that can be seen while it runs: I1, I2 and I5 to I9.
    pub fn check_running(&self) {
        let truth = self.converge(10);
        let dump = within(5, "the dump", || self.dump());
        for (key, lines) in &truth.lines {
            let classes = dump[key]["lines"].as_object().expect("classes").values();
            let counted: u64 = classes.map(|n| n.as_u64().expect("a count")).sum();
            assert_eq!(counted, *lines, "I2: lines of {key}");
        }
        let health = self.check_alive();
        self.check_budget(&health);
        if self.cache.exists() && health["cache_problem"].is_null() {
            self.check_cache();
        }
        self.follower.as_ref().expect("a stream").check(self);
    }

    /// I5: the same process, an answer within a second, no panic.
    pub fn check_alive(&self) -> Value {
        let health = within(1, "health within a second (I5)", || {
            let began = Instant::now();
            let health = self.try_get("/api/health")?;
            (began.elapsed() < Duration::from_secs(1)).then_some(health)
        });
        assert_eq!(health["pid"].as_u64(), Some(u64::from(self.process().pid())), "I5: another process");
        let said = self.process().said();
        assert!(!said.contains("panicked"), "I5: {said}");
        health
    }

    /// It is busy with nothing: over three seconds, with the looks and scans of that time, it uses less than a third of a
    /// core. Nobody asks anything meanwhile, because answers cost, too.
    pub fn check_idle(&self) {
        let before = self.process().cpu_ticks();
        std::thread::sleep(Duration::from_secs(3));
        let spent = self.process().cpu_ticks() - before;
        assert!(spent < 100, "{spent} hundredths of a second of CPU in three seconds of nothing");
    }

    /// I7. The numbers of T130, and descriptors as few as a cache and a few connections need. T130 has 200 runs: for many
    /// thousands it is the memory of T53, because a page that judges 10,000 open runs while the dump is asked for holds them.
    fn check_budget(&self, health: &Value) {
        let amount = |name: &str| health[name].as_u64().unwrap_or_else(|| panic!("I7: no {name} in {health}"));
        let memory = if amount("runs") > 5_000 { 400 << 20 } else { 256 << 20 };
        assert!(amount("rss_bytes") <= memory, "I7: {health}");
        assert!(amount("open_fds") <= 64, "I7: {health}");
        assert!(health["wal_bytes"].as_u64().unwrap_or(0) <= 64 << 20, "I7: {health}");
        let threads = self.process().status("Threads");
        assert!(threads <= 24, "I7: {threads} threads");
    }

    /// The cache file, to look into.
    fn look_into_cache(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let cache = Connection::open_with_flags(&self.cache, flags).expect("the cache opens");
        cache.busy_timeout(Duration::from_secs(10)).expect("a time-out");
        cache
    }

    /// Waits until no log is to be compared once more because it was read so shortly after a change (spec 5.1).
    pub fn wait_until_sure(&self, seconds: u32) {
        let cache = self.look_into_cache();
        within(seconds, "a second look at every log", || {
            let sure = "SELECT NOT EXISTS (SELECT 1 FROM log WHERE doubt)";
            cache.query_row(sure, [], |row| row.get::<_, bool>(0)).expect("an answer").then_some(())
        });
    }

    /// I6 and I8.
    fn check_cache(&self) {
        let cache = self.look_into_cache();
        let check: String = cache.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
        assert_eq!(check, "ok", "I6");
        let twice = "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY run, offset HAVING count(*) > 1)";
        let twice: i64 = cache.query_row(twice, [], |row| row.get(0)).expect("a count");
        assert_eq!(twice, 0, "I8: events that are there twice");
    }
}

/// Everything below a directory with inode, size, modification and change time (I4).
fn picture(directory: &Path) -> Vec<(PathBuf, u64, u64, i64, i64)> {
    let mut picture = Vec::new();
    let mut stack = vec![directory.to_owned()];
    while let Some(path) = stack.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            stack.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        let nanos = |seconds: i64, nanos: i64| seconds * 1_000_000_000 + nanos;
        let modified = nanos(meta.mtime(), meta.mtime_nsec());
        picture.push((path, meta.ino(), meta.len(), modified, nanos(meta.ctime(), meta.ctime_nsec())));
    }
    picture.sort();
    picture
}

/// A GET of a path with the status and the body.
pub fn fetch(house: &House, path: &str) -> http::Answer {
    house.process().ask(path).unwrap_or_else(|| panic!("no answer of {path}"))
}
