//! With every question to the cache forced to fail, one after the other, no answer says "empty" or "all clear"
//! (spec 3.1).

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tower::ServiceExt;

use super::*;
use crate::ingest::Root;
use crate::ingest::engine::Stage;
use crate::reducer::dialect::Reading;
use crate::store::reader::Reader;

/// Pages and what they ask when every list has something in it. Each must fail as a whole when one of its questions does.
const PAGES: &[&str] = &[
    "/",
    "/runs",
    "/runs?verdict=waiting",
    "/runs?q=ship&sort=cost",
    "/runs?open=0",
    "/attention",
    "/attention?tab=help",
    "/attention?tab=approvals",
    "/attention?tab=queue",
    "/attention?tab=history",
    "/queue",
    "/health",
    "/runs/busy",
    "/runs/busy?at=9",
    "/runs/busy?q=phase",
    "/runs/busy?line=3",
    "/runs/busy/lines/3",
    "/runs/busy/artifacts/1",
    "/runs/busy/compare",
    "/runs/busy/compare?with=failed",
    "/since?seen=busy:3",
];

const ANSWERS: &[&str] = &[
    "/api/runs",
    "/api/runs?verdict=waiting",
    "/api/runs/busy",
    "/api/runs/busy?at=9",
    "/api/runs/busy/events",
    "/api/runs/busy/events?q=phase",
    "/api/runs/busy/lines/3?context=2",
    "/api/runs/busy/diff?from=1",
    "/api/runs/busy/artifacts/1",
    "/api/attention",
    "/api/attention?tab=queue",
    "/api/queue",
    "/api/stats",
    "/metrics",
];

/// What only a true answer may say.
const CALM: &[&str] =
    &["class=\"empty\"", "All clear", "Nothing needs you.", "No runs yet", "no active run", "all read"];

/// What an answer consists of: its elements, or its members, in order. Times and drawings change while nothing else does.
fn shape(answer: &str) -> Vec<&str> {
    let mut pictures = answer.split("<svg");
    let first = pictures.next().unwrap_or_default();
    let rest = pictures.filter_map(|part| part.split_once("</svg>").map(|(_, after)| after));
    let (mark, ends): (char, &[char]) = if answer.starts_with('{') { (',', &[':']) } else { ('<', &[' ', '>']) };
    let parts = std::iter::once(first).chain(rest).flat_map(|text| text.split(mark).skip(1));
    parts.filter_map(|part| part.split(ends).next()).collect()
}

/// The main part of a page.
fn main(body: &str) -> &str {
    body.split_once("<main").map(|(_, main)| main).expect("a main part")
}

struct House {
    router: Router,
    reader: Reader,
    _store: Store,
    _directory: tempfile::TempDir,
}

/// Logs with something for every list, or none at all.
fn house(full: bool) -> House {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    std::fs::create_dir(&state).expect("a directory");
    let write = |key: &str, lines: &[serde_json::Value]| {
        std::fs::create_dir(state.join(key)).expect("a directory");
        let mut log = String::new();
        // Half an hour ago, so that ages keep their unit for as long as a test takes.
        for (line, ago) in lines.iter().zip((1_800_000..1_830_000).rev().step_by(1_000)) {
            let mut line = line.clone();
            line["ts"] = now().plus_millis(-ago).to_rfc3339().into();
            log.push_str(&format!("{line}\n"));
        }
        std::fs::write(state.join(key).join("run.log"), log).expect("a log");
    };
    use serde_json::json;
    if full {
        write(
            "busy",
            &[
                json!({ "event": "run.started", "workflow": "ship", "repo": "shop" }),
                json!({ "event": "phase.started", "phase": "build", "candidate": "c", "repo": "shop" }),
                json!({ "event": "step.started", "step": "s", "repo": "shop" }),
                json!({ "event": "phase.started", "phase": "verify" }),
                json!({ "event": "question.asked", "id": "q", "reason": "which?" }),
                json!({ "event": "question.answered", "id": "q" }),
                json!({ "event": "approval.requested", "id": "a", "action": "push" }),
                json!({ "event": "queue.added", "id": "q-1", "repo": "shop", "reason": "rotate the key" }),
                json!({ "event": "take_the_wheel", "reason": "a password" }),
                json!({ "event": "wheel.granted", "holder": "ann" }),
                json!({ "event": "artifact.recorded", "path": "run.log" }),
            ],
        );
        write(
            "failed",
            &[json!({ "event": "run.started", "workflow": "ship" }), json!({ "event": "run.failed", "error": "full" })],
        );
        write("done", &[json!({ "event": "run.started", "workflow": "ship" }), json!({ "event": "run.finished" })]);
    }
    let source = Source {
        roots: vec![Root { label: String::new(), path: state }],
        log_name: String::from("run.log"),
        depth: 4,
        reading: Reading::default(),
        poll: true,
    };
    let store = open(&directory.path().join("cache.db"), &source).expect("a cache");
    ingest::build(&source, &store.writer, &store.reader, &store.live, Stage::All, &|_, _| {}).expect("a build");
    store.writer.flush().expect("a commit");
    let web = Web {
        query: Query { reader: store.reader.clone(), policy: Arc::new(Policy::default()) },
        live: store.live.clone(),
        logs: Arc::new(Logs(LogAccess::with_snapshots(&source, store.reader.clone()))),
        commands: Arc::new(Commands::default()),
        redact: true,
        port: 7468,
        token: None,
    };
    House { router: web::router(web), reader: store.reader.clone(), _store: store, _directory: directory }
}

impl House {
    async fn ask(&self, path: &str) -> (StatusCode, String) {
        // What an open page asks for again, and what has all the questions of the page and more.
        let part = if PAGES.contains(&path) { "page" } else { "none" };
        let request = Request::builder()
            .uri(path)
            .header("host", "127.0.0.1:7468")
            .header("x-fragment", part)
            .body(Body::empty())
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Every answer to `path` in which one question failed.
    async fn failures(&self, path: &str) -> Vec<(u64, StatusCode, String)> {
        self.reader.fail_question(0);
        self.ask(path).await;
        let questions = self.reader.questions();
        assert!(questions > 0, "{path} asks nothing");
        let mut failures = Vec::new();
        for number in 1..=questions {
            self.reader.fail_question(number);
            let (status, body) = self.ask(path).await;
            failures.push((number, status, body));
        }
        self.reader.fail_question(0);
        failures
    }
}

#[tokio::test]
async fn a_failed_question_renders_as_a_failure_on_every_page() {
    let house = house(true);
    for path in PAGES {
        let (_, whole) = house.ask(path).await;
        for calm in &CALM[..4] {
            assert!(!main(&whole).contains(calm), "{path} has nothing to show: {calm}");
        }
        for (number, status, body) in house.failures(path).await {
            let what = format!("{path}, question {number}");
            if status == StatusCode::OK && shape(main(&body)) == shape(main(&whole)) {
                // A short cut, such as a snapshot: without it the answer is the same.
                continue;
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{what}: {body}");
            assert!(body.to_lowercase().contains("could not"), "{what} does not say so: {body}");
            for calm in &CALM[..5] {
                assert!(!body.contains(calm), "{what} says {calm}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn a_failed_question_is_no_all_clear_when_there_is_nothing() {
    let house = house(false);
    for path in ["/", "/runs", "/attention", "/attention?tab=queue", "/queue", "/health"] {
        let (status, whole) = house.ask(path).await;
        assert!(status == StatusCode::OK && whole.contains("all read"), "{path}: {whole}");
        for (number, status, body) in house.failures(path).await {
            let what = format!("{path}, question {number}");
            if status == StatusCode::OK && shape(main(&body)) == shape(main(&whole)) {
                continue;
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{what}: {body}");
            for calm in ["All clear", "Nothing needs you.", "No runs yet"] {
                assert!(
                    !body.contains(calm) || body.contains("all read"),
                    "{what} says {calm} without its source: {body}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_failed_question_is_an_error_in_json() {
    let house = house(true);
    for path in ANSWERS {
        let (status, whole) = house.ask(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        for (number, status, body) in house.failures(path).await {
            let what = format!("{path}, question {number}");
            if status == StatusCode::OK && shape(&body) == shape(&whole) {
                continue;
            }
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{what}: {body}");
            let error: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(error["error"]["code"], "cache_unreadable", "{what}: {body}");
        }
    }
    // What is wrong can be asked for whatever is wrong.
    for (number, status, body) in house.failures("/api/health").await {
        let health: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((status, &health["runs"]), (StatusCode::OK, &serde_json::Value::Null), "question {number}: {body}");
    }
}

#[tokio::test]
async fn a_failure_outside_of_any_page_is_a_page_too() {
    let (status, nowhere) = house(true).ask("/nothing/here").await;
    let broken = web::error::respond("/", &web::error::WebError::Broken);
    let body = to_bytes(broken.into_body(), usize::MAX).await.expect("a body");
    let broken = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(status, StatusCode::NOT_FOUND);
    for (page, says) in [(nowhere, "nothing at this address"), (broken, "inside wheelwatch")] {
        for part in ["/style.css\"", "class=\"brand\"", "<h1>", "href=\"/health\"", says] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }
}
