//! Credentials are on no surface and in no file of ours, and their kind is named (spec 5.3 rule 8).

mod support;

use std::fs;
use std::path::Path;

use support::binary::{Server, output, stdout_of, wheelwatch};
use support::{append, wait_for};

/// Letters and digits in no order, so that no credential stands in this file.
fn noise(n: usize) -> String {
    (0..n).map(|i| char::from(b"b7Qx2ZkT9mWc4Rv1"[(i * 7 + i / 5) % 16])).collect()
}

/// The part of each credential that must be nowhere.
fn secrets() -> [String; 4] {
    [format!("ghp_{}", noise(36)), format!("sk-ant-api03-{}", noise(90)), format!("pw{}", noise(9)), noise(64)]
}

fn write_log(state: &Path) {
    let [github, anthropic, password, block] = secrets();
    let lines = [
        format!(
            r#"{{"ts":"2026-06-01T09:00:00Z","event":"run.started","workflow":"ship","title":"push with {github}","inputs":{{"key":"{anthropic}"}}}}"#
        ),
        format!(
            r#"{{"ts":"2026-06-01T09:00:01Z","event":"approval.requested","approval_id":"1","action":"call","params":{{"url":"https://me:{password}@example.com/"}},"reason":"needs {anthropic}"}}"#
        ),
        format!("plain text with {github} in it"),
        format!("-----BEGIN RSA PRIVATE KEY-----\n{block}\n{block}\n-----END RSA PRIVATE KEY-----"),
        format!(r#"{{"ts":1,"broken with {anthropic}"#),
        // One that a page of events shows only the first half of.
        format!(r#"{{"ts":"2026-06-01T09:00:02Z","msg":"{}{anthropic}"}}"#, "x ".repeat(4060)),
        format!(
            r#"{{"ts":"2026-06-01T09:00:03Z","event":"run.failed","error":{{"message":"denied for {github}","stack":"at {anthropic}\nat b"}}}}"#
        ),
    ];
    append(state, "run-1", &format!("{}\n", lines.join("\n")));
    // An artifact with one that lies across two pieces of a download.
    let artifact = r#"{"ts":1780304404,"event":"artifact.written","path":"out.txt"}"#;
    append(state, "run-1", &format!("{artifact}\n"));
    let file = state.join("run-1/out.txt");
    fs::write(file, format!("{}{anthropic} {github}\n", "y".repeat((64 << 10) - 30))).expect("a file");
}

fn assert_none(what: &str, text: &str) {
    for secret in secrets() {
        // Half a credential is none that is shown either.
        for piece in [&secret[..secret.len().min(30)], &secret[secret.len() / 2..]] {
            assert!(!text.contains(piece), "{piece} is in {what}: {text}");
        }
    }
}

#[test]
fn a_credential_is_on_no_surface_and_in_no_file() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (home, state) = (place.path().join("home"), place.path().join("state"));
    fs::create_dir(&home).expect("a directory");
    write_log(&state);
    let say = |arguments: &[&str]| {
        let said = output(wheelwatch(&home).args(arguments).arg(&state));
        format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr))
    };
    let commands: &[&[&str]] = &[
        &["status"],
        &["show", "run-1"],
        &["show", "run-1", "--json"],
        &["show", "run-1", "--at", "2", "--json"],
        &["events", "run-1"],
        &["events", "run-1", "--json"],
        &["doctor"],
        &["dump"],
        &["verify"],
        &["pill", "--format", "json"],
    ];
    for command in commands {
        assert_none(&format!("{command:?}"), &say(command));
    }
    let shown = say(&["show", "run-1", "--json"]);
    for named in ["[masked: GitHub token]", "[masked: Anthropic key]", "[password]"] {
        assert!(shown.contains(named), "{named} is not in {shown}");
    }
    assert!(say(&["events", "run-1"]).contains("[masked: private key]"));

    let server = Server::start(&home, &state);
    let settled = || Some(server.get("/api/health").json()).filter(|health| health["complete"] == true);
    wait_for("everything to be read", settled);
    let pages = [
        "/",
        "/runs",
        "/runs/run-1",
        "/runs/run-1?at=3",
        "/runs/run-1/lines/3",
        "/runs/run-1/lines/5",
        "/runs/run-1/lines/9",
        "/attention",
        "/health",
        "/api/runs",
        "/api/runs/run-1",
        "/api/runs/run-1?at=2",
        "/api/runs/run-1/diff",
        "/api/runs/run-1/events",
        "/api/runs/run-1/events?q=zzz",
        "/api/runs/run-1/lines/3?context=5",
        "/api/runs/run-1/lines/5",
        "/api/runs/run-1/lines/9",
        "/api/attention",
        "/api/dump",
        "/runs/run-1/artifacts/1",
        "/api/runs/run-1/artifacts/1",
    ];
    for page in pages {
        assert_none(page, &server.get(page).body);
    }
    let [github, ..] = secrets();
    let found = server.get(&format!("/api/runs/run-1/events?q={github}")).json();
    assert_eq!(found["events"].as_array().map(Vec::len), Some(0), "nobody can find out by searching");

    let mut files = 0;
    for entry in walk(&home) {
        let bytes = fs::read(&entry).expect("a file of ours");
        assert_none(&entry.display().to_string(), &String::from_utf8_lossy(&bytes));
        files += 1;
    }
    assert!(files > 1, "the cache was looked at");
}

#[test]
fn without_redaction_everything_is_as_it_stands_in_another_cache() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (home, state) = (place.path().join("home"), place.path().join("state"));
    fs::create_dir(&home).expect("a directory");
    write_log(&state);
    let [github, anthropic, ..] = secrets();
    let events =
        |more: &[&str]| stdout_of(wheelwatch(&home).args(["events", "run-1", "--json"]).args(more).arg(&state));
    let masked = events(&[]);
    let plain = events(&["--no-redact"]);
    assert_none("the first", &masked);
    assert!(plain.contains(&github) && plain.contains(&anthropic), "{plain}");
    let dump = stdout_of(wheelwatch(&home).args(["dump", "--no-redact"]).arg(&state));
    assert!(dump.contains(&github), "{dump}");
    assert_eq!(events(&[]), masked, "and masked again");
    let caches = walk(&home).into_iter().filter(|path| path.extension().is_some_and(|end| end == "db")).count();
    assert_eq!(caches, 2);
    let sizes = |text: &str| -> Vec<(serde_json::Value, serde_json::Value)> {
        let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        events.map(|event| (event["offset"].clone(), event["length"].clone())).collect()
    };
    assert_eq!(sizes(&masked), sizes(&plain), "a mask is as long as what it hides");
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        match entry.path().is_dir() {
            true => files.extend(walk(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}
