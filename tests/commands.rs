//! The commands that wait and follow, and those that are made from the command line's own description (spec 4.1).

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use support::binary::{Server, output, stdout_of, wheelwatch};
use support::{append, wait_for};

const START: &str = "{\"ts\":\"2026-06-01T09:00:00Z\",\"event\":\"run.started\",\"workflow\":\"ship\"}\n";
const WARN: &str = "{\"ts\":\"2026-06-01T09:00:01Z\",\"level\":\"warn\",\"msg\":\"slow \\u001b[31mdisk\",\"ms\":7}\n";

fn end(how: &str) -> String {
    format!("{{\"ts\":\"2026-06-01T09:00:09Z\",\"event\":\"run.{how}\"}}\n")
}

/// A state directory and a home beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary directory"));
        for name in ["home", "state"] {
            fs::create_dir(place.0.path().join(name)).expect("a directory");
        }
        place
    }

    fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state")
    }

    /// A command that finds the state directory in its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wheelwatch(&self.0.path().join("home"));
        command.args(arguments).env("WHEELWATCH_STATE_DIR", self.state());
        command
    }

    fn code(&self, arguments: &[&str]) -> Option<i32> {
        output(&mut self.command(arguments)).status.code()
    }
}

/// A command that runs beside the test; ended with it.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the binary runs"))
    }

    fn lines(&mut self) -> std::io::Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().expect("stdout is piped")).lines()
    }

    fn code(&mut self) -> Option<i32> {
        wait_for("the end of a command", || self.0.try_wait().expect("our own child")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn objects(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("one object in each line")).collect()
}

#[test]
fn events_are_the_timeline_with_evidence_and_nothing_that_a_terminal_obeys() {
    let place = Place::new();
    append(&place.state(), "run-1", &format!("{START}{WARN}\nplain \x1b[0m text\n{}", end("passed")));
    let text = stdout_of(&mut place.command(&["events", "run-1"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    for part in ["line 2", "2026-06-01T09:00:01", "warn", "slow ␛[31mdisk", "ms=7"] {
        assert!(lines[1].contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");

    let all = objects(&stdout_of(&mut place.command(&["events", "run-1", "--json"])));
    let numbers: Vec<_> = all.iter().map(|event| (event["ordinal"].clone(), event["line"].clone())).collect();
    assert_eq!(numbers, [(1, 1), (2, 2), (3, 4), (4, 5)].map(|(n, line)| (Value::from(n), Value::from(line))));
    assert_eq!((&all[0]["schema"], &all[0]["run"]), (&1.into(), &"run-1".into()));
    assert_eq!(all[0]["text"], START.trim_end());
    assert_eq!((&all[0]["name"], &all[0]["subject"]), (&"run.started".into(), &"run".into()));
    let warned = objects(&stdout_of(&mut place.command(&["events", "run-1", "--json", "--level", "warn"])));
    assert_eq!(warned.iter().map(|event| event["line"].clone()).collect::<Vec<_>>(), [2]);

    let unknown = output(&mut place.command(&["events", "run"]));
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean run-1"));
    assert_eq!(place.code(&["events", "run-1", "--level", "loud"]), Some(2));
}

#[test]
fn a_timeline_longer_than_a_page_is_printed_whole_and_once() {
    let place = Place::new();
    let steps = (0..1203).map(|n| format!("{{\"ts\":{},\"event\":\"log\",\"msg\":\"n{n}\"}}\n", 1_780_000_000 + n));
    append(&place.state(), "long", &steps.collect::<String>());
    let all = objects(&stdout_of(&mut place.command(&["events", "long", "--json"])));
    let lines: Vec<u64> = all.iter().filter_map(|event| event["line"].as_u64()).collect();
    assert_eq!(lines, (1..=1203).collect::<Vec<u64>>());
    assert!(all[1202]["text"].as_str().is_some_and(|text| text.contains("n1202")));
}

#[test]
fn following_goes_on_until_the_run_has_ended_and_begins_again_with_the_log() {
    for with_server in [false, true] {
        let place = Place::new();
        let log = append(&place.state(), "run-1", START);
        let server =
            with_server.then(|| Server::start_with(place.command(&["serve", "--port", "0"]).arg(place.state())));
        let mut following = Running::start(&mut place.command(&["events", "run-1", "--follow", "--json"]));
        let mut lines = following.lines();
        let mut next = || -> Value {
            let line = lines.next().expect("another line").expect("UTF-8");
            serde_json::from_str(&line).expect("JSON")
        };
        assert_eq!(next()["line"], 1);
        append(&place.state(), "run-1", WARN);
        assert_eq!(next()["line"], 2);
        fs::write(&log, "{\"event\":\"run.started\",\"workflow\":\"other\"}\n").expect("a log that begins again");
        assert_eq!((next()["line"].clone(), server.is_some()), (1.into(), with_server));
        append(&place.state(), "run-1", &end("passed"));
        assert_eq!(next()["name"], "run.passed");
        assert!(lines.next().is_none(), "nothing twice");
        assert_eq!(following.code(), Some(0));
    }
}

#[test]
fn the_exit_code_of_wait_says_how_a_run_ended() {
    let place = Place::new();
    for (run, how) in [("done", "passed"), ("bad", "failed"), ("late", "timed_out"), ("off", "cancelled")] {
        append(&place.state(), run, &format!("{START}{}", end(how)));
    }
    append(&place.state(), "asks", &format!("{START}{{\"event\":\"needs_human\",\"reason\":\"which way?\"}}\n"));
    append(
        &place.state(),
        "runs",
        &format!("{{\"ts\":\"{}\",\"event\":\"run.started\"}}\n", wheelwatch::web::now().to_rfc3339()),
    );
    let cases: &[(&[&str], i32)] = &[
        (&["done"], 0),
        (&["bad"], 10),
        (&["late"], 11),
        (&["off"], 12),
        (&["asks"], 13),
        (&["runs", "--timeout", "1ms"], 14),
        (&["asks", "--until", "ended", "--timeout", "1ms"], 14),
        (&["asks", "--until", "attention", "--timeout", "1ms"], 13),
        (&["done", "off", "late", "bad"], 10),
        (&["done", "runs", "--timeout", "1ms"], 14),
        (&["runs", "bad", "asks"], 13),
        (&["nobody"], 1),
        (&["done", "nobody"], 1),
        (&[], 2),
        (&["done", "--timeout", "soon"], 2),
    ];
    for (arguments, expected) in cases {
        assert_eq!(place.code(&[&["wait"], *arguments].concat()), Some(*expected), "{arguments:?}");
    }
    let mut command = wheelwatch(&place.0.path().join("home"));
    let said = stdout_of(command.args(["wait", "done", "--"]).arg(place.state()));
    assert!(said.starts_with("done  completed"), "{said}");
}

#[test]
fn waiting_ends_with_the_run_and_never_holds_the_cache() {
    let place = Place::new();
    append(&place.state(), "run-1", START);
    let mut one = Running::start(&mut place.command(&["wait", "run-1", "--until", "ended"]));
    let mut two = Running::start(&mut place.command(&["wait", "run-1", "--until", "ended"]));
    // A server can be started meanwhile, and stopped again.
    let mut server = Server::start_with(place.command(&["serve", "--port", "0"]).arg(place.state()));
    server.get("/api/runs/run-1");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    assert!(one.0.try_wait().expect("our own child").is_none(), "the run has not ended");
    append(&place.state(), "run-1", &end("failed"));
    assert_eq!((one.code(), two.code()), (Some(10), Some(10)));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let place = Place::new();
    let commands = ["serve", "status", "show", "events", "wait", "pill", "doctor", "dump", "build", "verify", "demo"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = stdout_of(&mut place.command(&["completions", shell]));
        assert!(commands.iter().all(|command| text.contains(command)), "{shell}");
        assert!(text.contains("max-line"), "{shell}");
    }
    assert!(stdout_of(&mut place.command(&["completions", "bash"])).contains("plain tmux json"), "values too");
    let bash = place.0.path().join("completions.bash");
    fs::write(&bash, stdout_of(&mut place.command(&["completions", "bash"]))).expect("a file");
    let checked = Command::new("bash").arg("-n").arg(&bash).status().expect("bash runs");
    assert!(checked.success(), "bash reads its completions");
    assert_eq!(place.code(&["completions", "dos"]), Some(2));

    let page = stdout_of(&mut place.command(&["man"]));
    assert!(page.contains(".TH wheelwatch 1"), "{page}");
    for command in commands {
        assert!(page.contains(&format!("wheelwatch\\-{command}")), "{command} is not on the page");
        let page = stdout_of(&mut place.command(&["man", command]));
        assert!(page.contains(&format!(".TH wheelwatch-{command} 1")), "{page}");
        assert!(page.contains("Examples"), "{command}");
    }
    assert_eq!(place.code(&["man", "nothing"]), Some(2));
}
