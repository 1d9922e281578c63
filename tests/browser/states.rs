//! State directories for the browser: runs of every kind, with times around the present.

use std::path::Path;

use serde_json::{Value, json};
use wheelwatch::reducer::time::Micros;

use crate::driver::Browser;
use crate::support::append;
use crate::support::binary::Server;

/// A server over a state directory of its own, and a browser.
pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) browser: Browser,
    pub(crate) directory: tempfile::TempDir,
}

impl House {
    /// Writes the state, then starts the server and the browser.
    pub(crate) fn new(write: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (home, state) = (directory.path().join("home"), directory.path().join("state"));
        std::fs::create_dir(&home).expect("a directory");
        std::fs::create_dir(&state).expect("a directory");
        write(&state);
        Self { server: Server::start(&home, &state), browser: Browser::start(), directory }
    }

    pub(crate) fn append(&self, run: &str, text: &str) {
        append(&self.directory.path().join("state"), run, text);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.server.port)
    }

    pub(crate) fn open(&self, path: &str) {
        self.browser.open(&self.url(path));
    }
}

/// A line `seconds` ago.
fn line(seconds: i64, event: &str, more: &Value) -> String {
    let now = Micros(jiff::Timestamp::now().as_microsecond());
    let mut record = json!({"ts": now.plus_millis(-seconds * 1000).to_rfc3339(), "event": event});
    for (key, value) in more.as_object().expect("an object") {
        record[key] = value.clone();
    }
    format!("{record}\n")
}

/// Runs of every kind: on track, waiting with an approval and a question, failed with a stack, stuck, late, queued,
/// ended, without times, plain text with colours, and artifacts of every kind.
pub(crate) fn every_kind(state: &Path) {
    let mut log = String::new();
    let mut say = |seconds: i64, event: &str, more: Value| log.push_str(&line(seconds, event, &more));
    say(9000, "run.queued", json!({"workflow": "ship", "title": "Ship the search page"}));
    say(
        8990,
        "run.started",
        json!({"workflow": "ship", "claimed_by": "host:1", "inputs": {"goal": "search", "n": [1, 2]}, "pass_threshold": 0.8, "steps_total": 5}),
    );
    for (phase, from) in [("build", 8900), ("hardening", 6000), ("build", 4000)] {
        say(from, "phase.started", json!({"phase": phase, "candidate": "search"}));
        say(from - 10, "step.started", json!({"step": format!("make-{from}"), "skill": "make", "input": {"a": 1}}));
        say(
            from - 15,
            "session.started",
            json!({"session": format!("s-{from}"), "agent": "coder", "model": "large", "repo": "shop"}),
        );
        say(
            from - 20,
            "session.started",
            json!({"session": format!("t-{from}"), "parent_session": format!("s-{from}"), "agent": "tester"}),
        );
        say(from - 25, "tool.started", json!({"tool": "bash", "span_id": format!("u-{from}")}));
        say(
            from - 30,
            "tool.finished",
            json!({"tool": "bash", "span_id": format!("u-{from}"), "is_error": from == 6000}),
        );
        say(
            from - 40,
            "session.finished",
            json!({"session": format!("t-{from}"), "cost_usd": 0.25, "input_tokens": 900}),
        );
        say(
            from - 900,
            "step.finished",
            json!({"step": format!("make-{from}"), "output": {"ok": true}, "cache": "hit", "exit_code": i32::from(from == 6000), "error": {"message": "two tests fail", "type": "Tests", "stack": "at a\n at b"}}),
        );
    }
    say(300, "heartbeat", json!({}));
    say(200, "log", json!({"level": "warn", "msg": "\u{1b}[33mslow\u{1b}[0m disk \u{202e}evil"}));
    say(100, "artifact.recorded", json!({"path": "report.md", "step": "make-4000"}));
    say(99, "artifact.recorded", json!({"path": "change.diff", "media_type": "text/x-diff"}));
    say(
        60,
        "approval.requested",
        json!({"id": "a-1", "integration": "forge", "action": "merge", "risk": "high", "params": {"branch": "main"}, "reason": "wants to merge"}),
    );
    say(50, "queue.added", json!({"id": "q-1", "repo": "shop", "reason": "rotate the key"}));
    say(40, "handoff.requested", json!({"id": "h-1", "reason": "the login needs a person"}));
    log.push_str("{\"torn\":\n\u{1b}[31mplain red\u{1b}[0m and \u{1b}[42mgreen ground\u{1b}[0m\n");
    append(state, "waiting", &log);
    std::fs::write(
        state.join("waiting/report.md"),
        "# Report\n\n- one\n- **two**\n\n| a | b |\n|--|--|\n| 1 | `2` |\n",
    )
    .expect("a file");
    std::fs::write(state.join("waiting/change.diff"), "@@ -1 +1 @@\n-old\n+new\n").expect("a file");

    let run = |name: &str, lines: &[(i64, &str, Value)]| {
        let text: String = lines.iter().map(|(seconds, event, more)| line(*seconds, event, more)).collect();
        append(state, name, &text);
    };
    run(
        "on-track",
        &[
            (600, "run.started", json!({"workflow": "ship", "title": "Ship it"})),
            (5, "phase.started", json!({"phase": "build"})),
        ],
    );
    run(
        "failed",
        &[
            (900, "run.started", json!({"workflow": "ship"})),
            (800, "run.failed", json!({"error": {"message": "disk full", "stack": "at main"}})),
        ],
    );
    run(
        "stuck",
        &[(9000, "run.started", json!({"workflow": "nightly"})), (8000, "phase.started", json!({"phase": "build"}))],
    );
    run("queued", &[(4000, "run.queued", json!({"workflow": "nightly"}))]);
    run(
        "late",
        &[
            (900, "run.started", json!({"workflow": "nightly", "expected_s": 60})),
            (4, "phase.started", json!({"phase": "verify"})),
        ],
    );
    run(
        "ended",
        &[
            (9000, "run.started", json!({"workflow": "ship"})),
            (8996, "phase.started", json!({"phase": "build"})),
            (8996, "run.completed", json!({})),
        ],
    );
    append(state, "timeless", "{\"event\":\"phase.started\",\"phase\":\"build\"}\n{\"event\":\"run.completed\"}\n");
    append(state, "text", "a line of text\n\nand another one\n");
}
