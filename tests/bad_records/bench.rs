//! A state directory of hostile logs, and what must hold of every one of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use wheelwatch::reducer::visible::visible;

use crate::support::binary::{Server, stdout_of, wheelwatch};
use crate::support::{http, wait_for};

/// Logs, and how they are to be read.
#[derive(Debug)]
pub struct Bench {
    directory: TempDir,
    /// `--max-line`, when it is another than the default.
    pub max_line: Option<usize>,
}

/// What became of all logs: the dump, and a server that shows them.
pub struct Seen {
    pub dump: Value,
    pub server: Server,
    /// The logs stay where they are as long as they are looked at.
    bench: Bench,
}

impl Bench {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["home", "state"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        Self { directory, max_line: None }
    }

    /// A bench with these logs.
    pub fn with<K: AsRef<str>, B: AsRef<[u8]>>(logs: impl IntoIterator<Item = (K, B)>) -> Self {
        let bench = Self::new();
        for (key, bytes) in logs {
            bench.log(key.as_ref(), bytes.as_ref());
        }
        bench
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The log of a run, to be written in pieces.
    pub fn path(&self, key: &str) -> PathBuf {
        let directory = self.state().join(key);
        fs::create_dir_all(&directory).expect("a run directory");
        directory.join("run.log")
    }

    pub fn log(&self, key: &str, bytes: &[u8]) {
        fs::write(self.path(key), bytes).expect("a log");
    }

    fn command(&self, arguments: &[&str], cache: &str) -> Command {
        let mut command = wheelwatch(&self.directory.path().join("home"));
        command.args(arguments).arg("--cache").arg(self.directory.path().join(cache));
        if let Some(limit) = self.max_line {
            command.args(["--max-line", &limit.to_string()]);
        }
        command.arg(self.state());
        command
    }

    /// Reads everything, and looks at what holds after every row: all lines are counted; a rebuilt cache says the same;
    /// so does a server, which answers on every surface, in text that is harmless to look at.
    pub fn read(self) -> Seen {
        let first = stdout_of(&mut self.command(&["dump", "--canonical"], "first.db"));
        let again = stdout_of(&mut self.command(&["dump", "--canonical"], "again.db"));
        assert!(first == again, "I3: another cache, another dump");
        let dump: Value = serde_json::from_str(&first).expect("JSON");
        for run in runs(&dump) {
            let bytes = fs::read(self.state().join(key(run)).join("run.log")).expect("the log");
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            let tail = u64::from(run["pending_bytes"] == 0 && bytes.last().is_some_and(|byte| *byte != b'\n'));
            let lines: u64 = run["lines"].as_object().expect("classes").values().filter_map(Value::as_u64).sum();
            assert_eq!(lines, ends + tail, "I2: {}", key(run));
        }
        let server = self.serve();
        wait_for("the server to say the same as the dump (I1)", || {
            (server.get("/api/dump").json() == dump).then_some(())
        });
        let seen = Seen { dump, server, bench: self };
        for run in runs(&seen.dump) {
            let key = key(run);
            for path in [format!("/runs/{key}"), format!("/api/runs/{key}"), format!("/api/runs/{key}/events")] {
                seen.harmless(&path);
            }
        }
        seen
    }

    /// A server that has read everything.
    pub fn serve(&self) -> Server {
        let server = Server::start_with(&mut self.command(&["serve", "--port", "0"], "server.db"));
        wait_for("everything to be read", || {
            let health = server.get("/api/health").json();
            let done = health["settled"] == true && health["backlog_bytes"] == 0;
            (done && http::get(server.port, "/api/dump").is_ok_and(|dump| dump.status == 200)).then_some(())
        });
        server
    }

    /// As [`Bench::read`], and what the reference reducer says of these logs.
    pub fn compare(self) -> Seen {
        let seen = self.read();
        let bench = &seen.bench;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/compare.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["--binary", env!("CARGO_BIN_EXE_wheelwatch")]).arg("--state").arg(bench.state());
        if let Some(limit) = bench.max_line {
            command.args(["--max-line", &limit.to_string()]);
        }
        let output = command.output().expect("this test needs python3");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "the reference says something else: {said}");
        seen
    }
}

impl Seen {
    /// What is known of a run: its part of the dump.
    pub fn of(&self, wanted: &str) -> &Value {
        let run = runs(&self.dump).iter().find(|run| key(run) == wanted);
        run.unwrap_or_else(|| panic!("there is no run {wanted}"))
    }

    /// How many lines of a run are of each class: event, text, malformed, oversized, blank.
    pub fn classes(&self, key: &str) -> [u64; 5] {
        let lines = &self.of(key)["lines"];
        ["event", "text", "malformed", "oversized", "blank"].map(|class| lines[class].as_u64().expect("a count"))
    }

    /// Checks the classes of a run and gives its page.
    pub fn check(&self, key: &str, classes: [u64; 5]) -> String {
        assert_eq!(self.classes(key), classes, "{key}: event, text, malformed, oversized, blank");
        self.page(key)
    }

    pub fn page(&self, key: &str) -> String {
        self.server.get(&format!("/runs/{key}")).body
    }

    /// `/api/runs/{key}`.
    pub fn run(&self, key: &str) -> Value {
        self.server.get(&format!("/api/runs/{key}")).json()
    }

    /// A number of the health of a log, such as `duplicate_keys`.
    pub fn noticed(&self, key: &str, what: &str) -> u64 {
        self.run(key)["log"]["health"][what]["count"].as_u64().expect("a count")
    }

    /// The rows of a timeline.
    pub fn events(&self, key: &str) -> Vec<Value> {
        let mut answer = self.server.get(&format!("/api/runs/{key}/events?limit=1000")).json();
        answer["events"].as_array_mut().expect("events").drain(..).collect()
    }

    /// An answer that must be a 200 and nothing that changes how a screen looks: the client takes UTF-8 only.
    pub fn harmless(&self, path: &str) -> http::Answer {
        let answer = self.server.get(path);
        let shown = visible(&answer.body);
        assert!(shown == answer.body, "{path} has control, bidi or invisible characters");
        answer
    }

    /// The greatest amount of memory of the server so far, in KiB.
    pub fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).expect("/proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("an amount of memory");
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
    }

    /// Ends the server: properly, and without a panic on the way.
    pub fn end(self) {
        let said = self.server.stop();
        assert!(!said.contains("panicked"), "I5: {said}");
    }
}

pub fn runs(dump: &Value) -> &[Value] {
    dump["runs"].as_array().expect("runs")
}

pub fn key(run: &Value) -> &str {
    run["key"].as_str().expect("a key")
}
