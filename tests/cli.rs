//! The program as people start it: what it prints, what it serves, how it ends.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::binary::{Server, output, stdout_of, wheelwatch};
use support::{append, http, real_logs, wait_for};

const START: &str = "{\"ts\":\"2026-06-01T09:00:00Z\",\"event\":\"run.started\",\"workflow\":\"ship\"}\n";
const BUILD: &str = "{\"ts\":\"2026-06-01T09:00:01Z\",\"event\":\"phase.started\",\"phase\":\"build\"}\n";
const VERIFY: &str = "{\"ts\":\"2026-06-01T09:10:00Z\",\"event\":\"phase.started\",\"phase\":\"verify\"}\n";

/// A home (for cache and configuration) and a state directory beside it.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["home", "state"] {
            fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        Self { directory }
    }

    fn home(&self) -> std::path::PathBuf {
        self.directory.path().join("home")
    }

    fn state(&self) -> std::path::PathBuf {
        self.directory.path().join("state")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wheelwatch(&self.home());
        command.args(arguments);
        command
    }

    fn serve(&self) -> Server {
        Server::start(&self.home(), &self.state())
    }
}

fn demo() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo"))
}

fn code(command: &mut Command) -> (Option<i32>, String) {
    let output = output(command);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_line_that_is_appended_after_the_start_is_shown() {
    let place = Place::new();
    append(&place.state(), "run-1", &format!("{START}{BUILD}"));
    let server = place.serve();
    let phase = || server.get("/api/runs/run-1").json()["run"]["phase"].as_str().map(str::to_owned);
    wait_for("the first phase", || phase().filter(|phase| phase == "build"));
    append(&place.state(), "run-1", VERIFY);
    wait_for("the appended phase", || phase().filter(|phase| phase == "verify"));
    assert!(server.get("/").body.contains("verify"), "the page says what the log says");
    append(&place.state(), "run-2", START);
    wait_for("a run that was not there", || {
        server.get("/api/runs").json()["runs"].as_array().filter(|runs| runs.len() == 2).map(|_| ())
    });
}

#[test]
fn the_one_line_says_url_source_and_cache() {
    let place = Place::new();
    append(&place.state(), "run-1", START);
    let server = place.serve();
    for part in ["http://127.0.0.1:", "1 run in ", "run.log", ".db"] {
        assert!(server.line.contains(part), "{part:?} is not in {:?}", server.line);
    }
}

#[test]
fn a_missing_directory_is_waited_for() {
    let place = Place::new();
    fs::remove_dir(place.state()).expect("an empty directory");
    let server = place.serve();
    assert!(server.line.contains("state") && server.line.contains("run.log"), "{:?}", server.line);
    append(&place.state(), "run-1", START);
    wait_for("the run that came later", || {
        server.get("/api/runs").json()["total"].as_u64().filter(|total| *total == 1)
    });
}

#[test]
fn a_stop_signal_ends_with_0_in_time() {
    for signal in ["TERM", "INT", "HUP"] {
        let place = Place::new();
        append(&place.state(), "run-1", START);
        let mut server = place.serve();
        let _stream = open_stream(server.port);
        let began = Instant::now();
        server.signal(signal);
        assert_eq!(server.ended().code(), Some(0), "SIG{signal}");
        assert!(began.elapsed() < Duration::from_secs(5), "SIG{signal} took {:?}", began.elapsed());
    }
}

/// A live stream that somebody listens to: it must not hold up a stop.
fn open_stream(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let request = format!("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

#[test]
fn an_unknown_option_or_a_refused_configuration_ends_with_2() {
    let place = Place::new();
    let file = place.home().join("wheelwatch.toml");
    fs::write(&file, "port = 0\n\n[limits]\nsilence = \"5m\"\n").expect("a file");
    let below = place.state().join("cache.db");
    let bad = place.directory.path().join("bad.env");
    fs::create_dir(&bad).expect("a directory");
    fs::write(bad.join(".env"), "OTHER=it's\nWHEELWATCH_PORT='1\n").expect("a file");

    let cases: Vec<(&str, Command, &str)> = vec![
        ("an unknown option", place.command(&["--prot", "1"]), "--prot"),
        ("a bad value", place.command(&["--port", "70000"]), "70000"),
        ("an unknown key", place.command(&["status"]), "wheelwatch.toml:4: unknown field `silence`"),
        ("a missing file", place.command(&["status", "--config", "/no/such.toml"]), "/no/such.toml"),
        (
            "a bad .env",
            {
                let mut command = place.command(&["status"]);
                command.current_dir(&bad);
                command
            },
            ".env:2",
        ),
        (
            "a cache below the state directory",
            {
                let mut command = place.command(&["build", "--config", "/dev/null", "--cache"]);
                command.arg(&below).arg(place.state());
                command
            },
            "below the state directory",
        ),
        (
            "a pattern that is none",
            {
                let mut command = place.command(&["build", "--config", "/dev/null", "--log-name", "[a"]);
                command.arg(place.state());
                command
            },
            "--log-name",
        ),
    ];
    for (what, mut command, part) in cases {
        let (code, stderr) = code(&mut command);
        assert_eq!(code, Some(2), "{what}: {stderr}");
        assert!(stderr.contains(part), "{what}: {stderr}");
    }
    assert!(!below.exists(), "nothing is made below the state directory");
}

#[test]
fn a_cache_in_use_ends_with_3_and_names_the_process() {
    let place = Place::new();
    let mut server = place.serve();
    let (code, stderr) = code(place.command(&["serve", "--port", "0"]).arg(place.state()));
    assert_eq!(code, Some(3), "{stderr}");
    assert!(stderr.contains(&server.pid().to_string()), "{stderr}");
    server.get("/api/health");
    server.signal("KILL");
    server.ended();
    place.serve();
}

#[test]
fn a_port_in_use_ends_with_4() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let (code, stderr) = code(place.command(&["serve", "--port", &port]).arg(place.state()));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains(&port), "{stderr}");
}

#[test]
fn it_serves_with_standard_output_and_error_closed() {
    let place = Place::new();
    append(&place.state(), "run-1", START);
    // The port cannot be read from a closed output, so one is taken that was free just now.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" >&- 2>&-", env!("CARGO_BIN_EXE_wheelwatch")]);
    shell.args(["--port", &port.to_string(), "--cache"]).arg(place.home().join("cache.db")).arg(place.state());
    let mut child = shell.env("HOME", place.home()).current_dir(place.home()).spawn().expect("a shell");
    wait_for("an answer", || http::get(port, "/api/health").ok().filter(|answer| answer.status == 200));
    Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert_eq!(child.wait().expect("our own child").code(), Some(0));
}

#[test]
fn without_a_home_directory_it_says_what_to_do() {
    // A relative one is none: the cache would lie wherever the program is started. (Without HOME the system's user
    // database is asked, which a test cannot empty.)
    let place = Place::new();
    let (code, stderr) = code(place.command(&["status"]).env("HOME", ".").arg(place.state()));
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("--cache"), "{stderr}");
    let mut command = place.command(&["status", "--cache"]);
    stdout_of(command.env("HOME", ".").arg(place.home().join("cache.db")).arg(place.state()));
}

#[test]
fn every_help_text_has_examples() {
    let place = Place::new();
    const COMMANDS: &str = "serve build status show events wait pill doctor dump verify rehearse demo completions man";
    let commands: Vec<&str> = COMMANDS.split(' ').collect();
    for arguments in std::iter::once(vec!["--help"]).chain(commands.iter().map(|command| vec![*command, "--help"])) {
        let help = stdout_of(&mut place.command(&arguments));
        assert!(help.contains("Examples:\n  wheelwatch"), "{arguments:?}");
        assert!(help.contains("WHEELWATCH_PORT"), "{arguments:?}");
    }
}

#[test]
fn the_environment_goes_before_the_file_and_an_option_before_both() {
    let place = Place::new();
    append(&place.state(), "run-1", START);
    fs::create_dir_all(place.state().join("run-2")).expect("a directory");
    fs::write(place.state().join("run-2/events.jsonl"), START.repeat(2)).expect("a log");
    fs::write(place.home().join("wheelwatch.toml"), "log_name = \"nothing.here\"\n").expect("a file");
    fs::write(place.home().join(".env"), "WHEELWATCH_LOG_NAME=run.log\n").expect("a file");
    let keys = |command: &mut Command| -> Vec<String> {
        let dump: Value = serde_json::from_str(&stdout_of(command)).expect("JSON");
        let runs = dump["runs"].as_array().expect("a list");
        runs.iter().map(|run| run["key"].as_str().expect("a key").to_owned()).collect()
    };
    let state = place.state();
    let state = state.to_str().expect("UTF-8");
    assert_eq!(keys(&mut place.command(&["dump", state])), ["run-1"], ".env before the file");
    assert_eq!(keys(&mut place.command(&["dump", "--log-name", "*.jsonl", state])), ["run-2/events"]);
    let mut command = place.command(&["dump"]);
    command.env("WHEELWATCH_STATE_DIR", state).env("WHEELWATCH_LOG_NAME", "nothing");
    assert_eq!(keys(&mut command), [""; 0], "the environment before .env");
    assert_eq!(keys(place.command(&["dump"]).env("REPO_RECALL_RUN_STATE_DIR", state)), ["run-1"]);
}

#[test]
fn an_empty_variable_says_nothing_and_a_refused_one_is_named() {
    let place = Place::new();
    append(&place.state(), "run-1", START);
    let example = include_str!("../.env.example");
    let line = |line: &'static str| line.trim_start_matches(['#', ' ']).split_once('=').map(|(name, _)| name);
    let names: Vec<&str> = example.lines().filter_map(line).filter(|name| name.starts_with("WHEELWATCH_")).collect();
    assert!(names.contains(&"WHEELWATCH_PORT") && names.contains(&"WHEELWATCH_VERBOSE"), "{names:?}");
    let mut command = place.command(&["dump"]);
    command.envs(names.iter().map(|name| (name, ""))).arg(place.state());
    assert!(stdout_of(&mut command).contains("run-1"));

    for (name, value) in [("WHEELWATCH_PORT", "x"), ("WHEELWATCH_VERBOSE", "much"), ("WHEELWATCH_NAIVE_TIME", "here")] {
        let (code, stderr) = code(place.command(&["dump"]).env(name, value).arg(place.state()));
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(value) && stderr.contains(name), "{stderr}");
    }
    let (_, stderr) = code(place.command(&["dump", "--port", "y"]).env("WHEELWATCH_PORT", "x").arg(place.state()));
    assert!(!stderr.contains("WHEELWATCH_PORT"), "{stderr}");
}

#[test]
fn the_commands_answer_without_a_server_and_beside_one() {
    let place = Place::new();
    let state = place.state();
    append(&state, "run-1", &format!("{START}{BUILD}"));
    append(&state, "run-1", "{\"event\":\"needs_human\",\"reason\":\"which way? \\u001b[31m\"}\n");
    let check = |when: &str| {
        let status = stdout_of(place.command(&["status"]).arg(&state));
        assert!(status.contains("run-1") && status.contains("build"), "{when}: {status}");
        assert!(!status.contains('\x1b'), "{when}: {status:?}");
        let json: Value =
            serde_json::from_str(&stdout_of(place.command(&["status", "--json"]).arg(&state))).expect("JSON");
        assert_eq!(json["schema"], 1, "{when}");
        assert_eq!(json["runs"][0]["phase"], "build", "{when}");

        let shown: Value =
            serde_json::from_str(&stdout_of(place.command(&["show", "run-1", "--json"]).arg(&state))).expect("JSON");
        assert_eq!(shown["evidence"]["phase"], 2, "{when}");
        assert_eq!(shown["run"]["status"], "needs_human", "{when}");
        let then: Value =
            serde_json::from_str(&stdout_of(place.command(&["show", "run-1", "--at", "1", "--json"]).arg(&state)))
                .expect("JSON");
        assert_eq!((&then["run"]["phase"], &then["run"]["status"]), (&Value::Null, &"running".into()), "{when}");

        let (unknown, stderr) = code(place.command(&["show", "run"]).arg(&state));
        assert_eq!(unknown, Some(1), "{when}");
        assert!(stderr.contains("did you mean run-1"), "{when}: {stderr}");
        stdout_of(place.command(&["pill"]).arg(&state));
    };
    check("without a server");
    let server = place.serve();
    check("beside a server");
    assert_eq!(
        stdout_of(place.command(&["dump", "--canonical"]).arg(&state)).trim_end(),
        server.get("/api/dump").body.trim_end()
    );
}

#[test]
fn verify_names_what_differs_and_ends_with_1() {
    let place = Place::new();
    append(&place.state(), "run-1", &format!("{START}{BUILD}{VERIFY}"));
    append(&place.state(), "run-2", START);
    let cache = place.home().join("cache.db");
    let verify = |more: &[&str]| {
        let mut command = place.command(&["verify", "--cache"]);
        output(command.arg(&cache).args(more).arg(place.state()))
    };
    let said = verify(&[]);
    assert_eq!(said.status.code(), Some(0), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("2 runs and 0 snapshots compared, 0 runs differ"));

    let tampered = rusqlite::Connection::open(&cache).expect("the cache");
    tampered
        .execute_batch(
            "UPDATE span SET entries = json_replace(entries, '$[0][4]', 'forged'), open = 7;
             UPDATE event SET offset = offset + 1;
             UPDATE run SET holder = 'nobody', duration_ms = 5 WHERE key = 'run-2';
             UPDATE lesson SET at = 7;
             UPDATE log SET lines_text = 3, provisional_events = 9 WHERE key = 'run-2'",
        )
        .expect("a change");
    drop(tampered);
    // Without the note of how it was closed, a cache that was changed looks like one that was copied here.
    fs::remove_file(place.home().join("cache.db.lock")).expect("the note");
    let said = verify(&[]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(said.status.code(), Some(1), "{text}");
    let row = text.lines().find(|line| line.contains("spans[0].id")).unwrap_or_else(|| panic!("{text}"));
    for part in ["forged", "build", "3"] {
        assert!(row.contains(part), "{part}: {row}");
    }
    for part in [
        "events[0]",
        "run column holder",
        "run column duration_ms",
        "lesson of spans[0]",
        "span column open of spans[0..16]",
        "log column lines_text",
        "log column events + provisional_events",
        "2 runs differ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let document: Value = serde_json::from_slice(&verify(&["--json"]).stdout).expect("JSON");
    assert_eq!((&document["schema"], &document["differ"]), (&1.into(), &2.into()));
    assert_eq!(document["runs"][0]["mismatches"][0]["path"], "spans[0].id");
}

#[test]
fn a_rehearsal_says_what_limits_would_have_flagged() {
    let place = Place::new();
    let end = |time: &str, how: &str| format!("{{\"ts\":\"2026-06-01T{time}Z\",\"event\":\"run.{how}\"}}\n");
    // 9 min 59 s of silence, then 5 min; and one that is silent for 9 min 59 s and fails.
    append(&place.state(), "good", &format!("{START}{BUILD}{VERIFY}{}", end("09:15:00", "passed")));
    append(&place.state(), "bad", &format!("{START}{BUILD}{}", end("09:10:00", "failed")));
    append(&place.state(), "short", &format!("{START}{}", end("09:00:05", "passed")));
    append(&place.state(), "plain", "no time\n");
    let rehearse = |more: &[&str]| stdout_of(place.command(&["rehearse"]).args(more).arg(place.state()));
    let usual = rehearse(&[]);
    assert!(usual.contains("3 runs replayed, 1 without times left out."), "{usual}");
    assert!(usual.contains("No run would have been flagged."), "{usual}");

    let strict = rehearse(&["--set", "silence_limit=6m", "--set", "progress_limit=2h"]);
    assert!(strict.contains("silence_limit 6 min, progress_limit 2 h"), "{strict}");
    let words = |start: &str| -> Vec<String> {
        let line = strict.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {strict}"));
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    assert_eq!(words("silent  2"), ["silent", "2", "2", "3 min 59 s", "2", "1", "1", "0", "0", "0"]);
    let first = "2026-06-01T09:06:01.000001Z";
    assert_eq!(words("silent  bad"), ["silent", "bad", "2", first, "3 min 59 s", "1", "3 min 59 s", "failed"]);

    let document: Value = serde_json::from_str(&rehearse(&["--json", "--set", "silence_limit=4m"])).expect("JSON");
    assert_eq!((&document["schema"], &document["limits"]["silence_limit_ms"]), (&1.into(), &240_000.into()));
    let rule = &document["rules"][0];
    assert_eq!((&rule["rule"], &rule["runs"], &rule["flags"]), (&"silent".into(), &2.into(), &3.into()));
    assert_eq!((&rule["ends"]["completed"], &rule["ends"]["failed"]), (&1.into(), &1.into()));
    let good = document["runs"].as_array().and_then(|runs| runs.iter().find(|run| run["key"] == "good"));
    let flags = good.expect("the run")["flags"].clone();
    assert_eq!((&flags[1]["line"], &flags[1]["duration_ms"]), (&3.into(), &60_000.into()));

    let (code, error) = code(place.command(&["rehearse", "--set", "silence=5m"]).arg(place.state()));
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn the_doctor_says_which_lines_are_bad_and_ends_with_1() {
    let place = Place::new();
    append(&place.state(), "good", START);
    let (well, _) = code(place.command(&["doctor"]).arg(place.state()));
    assert_eq!(well, Some(0));
    append(&place.state(), "bad", &format!("{START}{{\"score\":NaN}}\n"));
    let output = output(place.command(&["doctor"]).arg(place.state()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["bad", "1 malformed", "line 2", "NaN"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn a_doctor_that_finds_no_log_says_what_else_may_be_one() {
    let place = Place::new();
    fs::create_dir_all(place.state().join("a")).expect("mkdir");
    fs::write(place.state().join("a/session.jsonl"), START).expect("a file");
    let said = |arguments: &[&str]| {
        let output = output(place.command(&["doctor"]).args(arguments).arg(place.state()));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let without = said(&[]);
    assert!(without.contains("No log was found.") && without.contains("--log-name 'session.jsonl'"), "{without}");
    let with = said(&["--log-name", "session.jsonl"]);
    assert!(with.contains("1 logs;") && !with.contains("may be logs"), "{with}");
}

#[test]
fn the_demo_shows_each_of_its_stories_and_leaves_nothing_behind() {
    let place = Place::new();
    let temporary = place.directory.path().join("tmp");
    fs::create_dir(&temporary).expect("a directory");
    let mut command = place.command(&["demo", "--port", "0", "--speed", "20"]);
    let mut server = Server::start_with(command.env("TMPDIR", &temporary));
    let runs = || server.get("/api/runs?limit=100").json()["runs"].as_array().cloned().unwrap_or_default();
    let is = |name: &'static str, value: &'static str| {
        move || runs().into_iter().find(|run| run[name] == value).map(|run| run["key"].clone())
    };
    wait_for("a run that is on track", is("verdict", "healthy"));
    wait_for("a run that waits for a person", is("verdict", "waiting"));
    wait_for("a run that is stuck", is("verdict", "stuck"));
    let failed = wait_for("a run that failed", is("status", "failed"));
    let failed = server.get(&format!("/api/runs/{}", failed.as_str().expect("a key"))).json();
    assert!(failed["run"]["error"]["stack"].as_str().is_some_and(|stack| stack.contains("compare.py:41")), "{failed}");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0));
    assert_eq!(fs::read_dir(&temporary).expect("a directory").count(), 0, "the demo's directory is removed");
}

#[test]
fn two_builds_from_one_directory_give_the_same_canonical_dump() {
    let dump = || {
        let place = Place::new();
        stdout_of(place.command(&["build"]).arg(demo()));
        stdout_of(place.command(&["dump", "--canonical"]).arg(demo()))
    };
    let first = dump();
    assert_eq!(first, dump());
    let document: Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(10));
    for run in document["runs"].as_array().expect("a list") {
        let lines = &run["lines"];
        let count = |class: &str| lines[class].as_u64().expect("a count");
        let events = count("event") + count("text") + count("malformed") + count("oversized");
        assert!(run["events"].as_u64() >= Some(events), "{}", run["key"]);
    }
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let place = Place::new();
    let mut child = place
        .command(&["dump"])
        .arg(demo())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let status = wait_for("the end", || child.try_wait().expect("our own child"));
    let mut stderr = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!((status.code(), stderr.as_str()), (Some(141), ""));
}

#[test]
fn every_real_log_is_a_run_with_a_timeline_and_none_is_an_error() {
    let Some(logs) = real_logs() else { return };
    for name in ["*.jsonl", "*"] {
        let files =
            walk(&logs).into_iter().filter(|path| name == "*" || path.extension().is_some_and(|e| e == "jsonl"));
        let place = Place::new();
        let mut command = place.command(&["dump", "--log-name", name]);
        let document: Value = serde_json::from_str(&stdout_of(command.arg(&logs))).expect("JSON");
        let runs = document["runs"].as_array().expect("a list");
        assert_eq!(runs.len(), files.count(), "each file that {name} matches is a run");
        for run in runs {
            let key = run["key"].as_str().expect("a key");
            let lines: u64 = run["lines"].as_object().expect("counts").values().filter_map(Value::as_u64).sum();
            if lines > run["lines"]["blank"].as_u64().unwrap_or(0) {
                assert!(run["events"].as_u64() > Some(0), "{key} has lines and no timeline");
                assert!(!run["run"]["status"].is_null(), "{key} has no status");
            }
        }
        let mut command = place.command(&["serve", "--port", "0", "--log-name", name]);
        let server = Server::start_with(command.arg(&logs));
        let settled = || Some(server.get("/api/health").json()).filter(|health| health["backlog_bytes"] == 0);
        wait_for("everything to be read", settled);
        for run in runs {
            let key = run["key"].as_str().expect("a key").replace('%', "%25").replace('/', "%2F");
            let answer = server.get(&format!("/api/runs/{key}")).json();
            assert_eq!(answer["run"]["status"], run["run"]["status"], "{key}");
            assert!(answer["log"]["problem"].is_null(), "{key}: {}", answer["log"]);
            let page = server.get(&format!("/runs/{key}")).body;
            assert!(page.contains("id=\"timeline\""), "{key} has no timeline on its page");
            let events = server.get(&format!("/api/runs/{key}/events?limit=5")).json();
            assert_eq!(events["total"], run["events"], "{key}");
        }
    }
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files.extend(walk(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}
