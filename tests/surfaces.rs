//! One word per run, the same on every surface (spec 2.6): a run for each verdict, and a walk over all that show it.

mod support;

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::binary::{Server, stdout_of, wheelwatch};
use support::{append, wait_for};
use wheelwatch::reducer::verdict::Word;

/// A run that has a verdict: the word, what is shown for it, and its lines with how many seconds ago they were written.
type Case = (Word, &'static str, Vec<(u64, Value)>);

fn cases() -> Vec<Case> {
    let started = json!({ "event": "run.started", "title": "the run", "phase": "build" });
    vec![
        (Word::Ended, "no longer active", vec![(60, started.clone()), (5, json!({ "event": "run.failed" }))]),
        (Word::Unknown, "no end seen", vec![(30 * 3600, started.clone())]),
        (Word::Stuck, "likely stuck", vec![(60, started.clone()), (5, json!({ "event": "agent.stuck" }))]),
        (
            Word::Waiting,
            "waiting for you",
            vec![(60, started.clone()), (5, json!({ "event": "approval.requested", "id": "a" }))],
        ),
        (Word::Late, "past expectation", vec![(60, started.clone()), (5, json!({ "name": "x", "expected_s": 20 }))]),
        (Word::Healthy, "on track", vec![(60, started), (5, json!({ "event": "step.started", "step": "s" }))]),
    ]
}

/// Writes the log of a run, and gives the file the time of its last line.
fn write(state: &Path, lines: &[(u64, Value)]) {
    let mut path = None;
    let mut last = SystemTime::now();
    for (ago, line) in lines {
        last = SystemTime::now() - Duration::from_secs(*ago);
        let seconds = last.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
        let mut line = line.clone();
        line["ts"] = seconds.into();
        path = Some(append(state, "run-1", &format!("{line}\n")));
    }
    File::options().append(true).open(path.expect("a line")).expect("a log").set_modified(last).expect("a time");
}

/// Every word that a JSON document says under `verdict`.
fn words(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "verdict") {
                    Some(word) => found.push(word.to_owned()),
                    None => words(value, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| words(value, found)),
        _ => {}
    }
}

/// Every word that a page says.
fn words_of_page(page: &str) -> Vec<String> {
    let parts = page.split("data-verdict=\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_surface_has_the_same_word_for_a_run() {
    for (word, label, lines) in cases() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (home, state) = (place.path().join("home"), place.path().join("state"));
        std::fs::create_dir(&home).expect("a directory");
        write(&state, &lines);
        let server = Server::start(&home, &state);
        wait_for("the run", || (server.get("/api/runs").json()["total"] == 1).then_some(()));
        let is_open = word != Word::Ended;
        // Nobody waits for a run that was abandoned: it is open, and no longer the active run of banner and pill.
        let is_active = is_open && word != Word::Unknown;
        let in_attention = matches!(word, Word::Ended | Word::Stuck | Word::Waiting | Word::Late);

        // The pill of the banner and, where the run is on it, the list, the card and the action-required queue.
        for (path, shows) in [
            ("/", true),
            ("/runs", true),
            ("/runs?open=1", is_open),
            ("/runs/run-1", true),
            ("/attention", is_active),
            ("/queue", is_active),
            ("/health", is_active),
        ] {
            let page = server.get(path).body;
            let said = words_of_page(&page);
            assert!(said.iter().all(|said| said == word.as_str()), "{path}: {said:?}, not {word}");
            assert_eq!(shows, !said.is_empty(), "{word} on {path}");
            assert_eq!(shows, page.contains(label), "{label} on {path}");
        }
        for (path, shows) in
            [("/api/runs", true), ("/api/runs/run-1", true), ("/api/attention", in_attention), ("/api/queue", false)]
        {
            let mut said = Vec::new();
            words(&server.get(path).json(), &mut said);
            assert!(said.iter().all(|said| said == word.as_str()), "{path}: {said:?}, not {word}");
            assert!(!shows || !said.is_empty(), "{word} in {path}");
        }
        for other in Word::ALL {
            let found = server.get(&format!("/api/runs?verdict={other}")).json()["total"].as_u64();
            assert_eq!(found, Some(u64::from(*other == word)), "{word}: /api/runs?verdict={other}");
        }
        let tell = |arguments: &[&str]| stdout_of(wheelwatch(&home).args(arguments).arg(&state));
        let show = |more: &[&str]| {
            let mut command = wheelwatch(&home);
            stdout_of(command.args(["show", "run-1"]).arg(&state).args(more))
        };
        for (what, document, shows) in [
            ("show", show(&["--json"]), true),
            ("status", tell(&["status", "--json"]), is_open || in_attention),
            ("pill", tell(&["pill", "--format", "json"]), is_active),
        ] {
            let mut said = Vec::new();
            words(&serde_json::from_str(&document).expect("JSON"), &mut said);
            assert!(said.iter().all(|said| said == word.as_str()), "{what}: {said:?}, not {word}");
            assert_eq!(shows, !said.is_empty(), "{word} in {what}: {document}");
        }
        assert!(show(&[]).contains(label), "{label}: show");
        for (what, text, shows) in [
            ("status", tell(&["status"]), is_open),
            ("pill", tell(&["pill"]), is_active),
            ("pill for tmux", tell(&["pill", "--format", "tmux"]), is_active),
        ] {
            assert_eq!(shows, text.contains(label), "{label}: {what}: {text}");
        }
    }
}
