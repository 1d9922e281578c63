//! The router in process, over a small state directory that was really read into a cache (spec 4.2, 5.3, 5.4.5).

#[path = "web/openapi.rs"]
mod openapi;
#[path = "web/since.rs"]
mod since;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt;
use wheelwatch::ingest::{self, LogAccess, Root, Source};
use wheelwatch::query::{Commands, Query};
use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::run::RunState;
use wheelwatch::reducer::verdict::Policy;
use wheelwatch::store;
use wheelwatch::web::{self, LogText, Web, address};

const PORT: u16 = 7468;

struct Logs(LogAccess);

impl LogText for Logs {
    fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        self.0.read(key, offset, length).map_err(|error| error.to_string())
    }

    fn state_at(&self, key: &str, line: u64) -> Result<RunState, String> {
        self.0.state_at(key, line).map_err(|error| error.to_string())
    }

    fn artifact(&self, key: &str, path: &str) -> Result<File, &'static str> {
        self.0.artifact(key, path)
    }
}

/// A server in process, its state directory, and what keeps both alive.
struct Fixture {
    router: Router,
    directory: tempfile::TempDir,
    _store: store::Store,
}

const DONE: &str = concat!(
    r#"{"ts":"2026-06-02T10:00:00Z","event":"run.started","workflow":"ship","phase":"build"}"#,
    "\n",
    r#"{"ts":"2026-06-02T10:00:01Z","event":"phase.started","phase":"verify","msg":"\u001b[31mred\u001b[0m <b>"}"#,
    "\n\nplain text \u{202e}evil\n",
    r#"{"ts":"2026-06-02T10:00:09Z","event":"run.finished"}"#,
    "\n",
);

fn fixture() -> Fixture {
    fixture_with(|_| {})
}

/// With further logs, which are written below the state directory before it is read.
fn fixture_with(more: impl FnOnce(&Path)) -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    let now = web::now();
    let failed = [
        format!(r#"{{"ts":"{}","event":"run.started"}}"#, now.plus_millis(-2000).to_rfc3339()),
        format!(r#"{{"ts":"{}","event":"run.failed","error":"disk full"}}"#, now.plus_millis(-1000).to_rfc3339()),
    ];
    write(&state.join("done/run.log"), DONE);
    write(&state.join("files/run.log"), &files(&state));
    write(&state.join("a b/c/run.log"), DONE);
    write(&state.join("failed/run.log"), &format!("{}\n", failed.join("\n")));
    more(&state);
    let source = Source {
        roots: vec![Root { label: String::new(), path: state.clone() }],
        log_name: String::from("run.log"),
        depth: 4,
        reading: Reading::default(),
        poll: true,
    };
    let store = store::open(&directory.path().join("cache.db"), &[state], "").expect("a cache");
    ingest::build(&source, &store.writer, &store.reader, &store.live, ingest::engine::Stage::All, &|_, _| {})
        .expect("a build");
    store.writer.flush().expect("a commit");
    let web = Web {
        query: Query { reader: store.reader.clone(), policy: Arc::new(Policy::default()) },
        live: store.live.clone(),
        logs: Arc::new(Logs(LogAccess::with_snapshots(&source, store.reader.clone()))),
        commands: Arc::new(commands()),
        redact: true,
        port: PORT,
        token: None,
    };
    Fixture { router: web::router(web), directory, _store: store }
}

/// Files that a log names: their paths as written and what they hold.
const FILES: [(&str, &[u8]); 7] = [
    ("report.md", b"# Report\n\n<script>alert(1)</script>\n\n[x](http://evil.test)"),
    ("page.html", b"<script>alert(1)</script>"),
    ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("shot.txt", b"\x89PNG\r\n\x1a\n and <script>alert(1)</script>"),
    ("sw.js", b"self.addEventListener('fetch', () => {})"),
    ("na\"me\r\nX-Evil: 1 \u{fc}.bin", b"\0\x01\x02"),
    ("big.bin", &[b'x'; 300_000]),
];

/// Writes them, and a log that names them and what must never be opened.
fn files(state: &Path) -> String {
    let mut log = String::new();
    write(&state.join("secret"), "canary");
    for (name, content) in FILES {
        write(&state.join("files").join(name), "");
        std::fs::write(state.join("files").join(name), content).expect("a file");
    }
    std::os::unix::fs::symlink("../secret", state.join("files/link")).expect("a link");
    let outside = ["../secret", "link", "/etc/hostname", "missing.txt"];
    for path in FILES.iter().map(|(name, _)| *name).chain(outside) {
        log.push_str(&format!("{}\n", serde_json::json!({ "event": "artifact.recorded", "path": path })));
    }
    log
}

fn commands() -> Commands {
    let words = ["retry", "approve", "deny", "cancel", "take_wheel", "open_session"];
    let template = |word: &str| match word {
        "approve" | "deny" => format!("luca {word} {{run}} {{item}}"),
        "open_session" => String::from("luca open {session}"),
        _ => format!("luca {word} {{run}}"),
    };
    let templates: serde_json::Map<String, Value> =
        words.into_iter().map(|word| (word.to_owned(), template(word).into())).collect();
    serde_json::from_value(templates.into()).expect("right templates")
}

/// One line of a log, so many milliseconds ago.
fn line(ago: i64, rest: &str) -> String {
    format!("{{\"ts\":\"{}\",{rest}}}\n", web::now().plus_millis(-ago).to_rfc3339())
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    std::fs::write(path, text).expect("a file");
}

impl Fixture {
    async fn ask(&self, path: &str, host: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::builder().uri(path).header("host", host).body(Body::empty()).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = match path {
            // A stream has no end.
            "/api/stream" => String::new(),
            _ => String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.expect("a body")).into_owned(),
        };
        (parts.status, parts.headers, body)
    }

    /// The main part of a page: what differs from page to page.
    async fn main(&self, path: &str) -> String {
        let (_, _, body) = self.ask(path, "127.0.0.1:7468").await;
        body.split_once("<main").map(|(_, main)| main.to_owned()).unwrap_or_else(|| panic!("{path}: {body}"))
    }

    async fn json(&self, path: &str, expected: u16) -> Value {
        let (status, headers, body) = self.ask(path, "127.0.0.1:7468").await;
        assert_eq!(status, expected, "{path}: {body}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json; charset=utf-8", "{path}");
        serde_json::from_str(&body).expect("JSON")
    }
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

const ROUTES: &[(&str, u16)] = &[
    ("/", 200),
    ("/runs", 200),
    ("/runs/done", 200),
    ("/runs/nobody", 404),
    ("/attention", 200),
    ("/health", 200),
    ("/nothing", 404),
    ("/assets/0/none.css", 404),
    ("/api", 404),
    ("/api/nothing", 404),
    ("/api/runs", 200),
    ("/api/runs?limit=0", 400),
    ("/api/runs?status=%3Cb%3E", 400),
    ("/api/runs?q=%25", 200),
    ("/api/runs/done", 200),
    ("/api/runs/%ff", 400),
    ("/api/runs/nobody", 404),
    ("/api/runs/done?at=x", 400),
    ("/api/runs/done/diff", 200),
    ("/api/runs/done/diff?from=x", 400),
    ("/api/runs/nobody/diff", 404),
    ("/api/runs/nobody?at=1", 404),
    ("/runs/nobody?at=1", 404),
    ("/api/runs/done/events", 200),
    ("/api/runs/done/events?limit=1001", 400),
    ("/api/runs/done/lines/1", 200),
    ("/api/runs/done/lines/0", 400),
    ("/api/runs/done/lines/99", 404),
    ("/runs/files/artifacts/1", 200),
    ("/runs/files/artifacts/8", 200),
    ("/runs/files/artifacts/99", 404),
    ("/runs/done?zoom=0-5000", 200),
    ("/runs/done?zoom=x", 400),
    ("/runs/done/compare", 200),
    ("/runs/done/compare?with=failed", 200),
    ("/runs/done/compare?with=nobody", 404),
    ("/runs/nobody/compare", 404),
    ("/api/runs/files/artifacts/0", 404),
    ("/api/runs/files/artifacts/+1", 404),
    ("/api/runs/files/artifacts/8", 404),
    ("/api/runs/files/artifacts/9", 404),
    ("/api/runs/nobody/artifacts/1", 404),
    ("/api/attention", 200),
    ("/api/attention?tab=x", 400),
    ("/queue", 200),
    ("/queue?n=x", 400),
    ("/attention?tab=queue", 200),
    ("/api/attention?tab=queue", 200),
    ("/api/queue", 200),
    ("/api/queue?after=x", 400),
    ("/api/stats", 200),
    ("/api/stats?days=0", 400),
    ("/api/health", 200),
    ("/api/dump", 200),
    ("/api/stream", 200),
    ("/api/openapi.json", 200),
    ("/metrics", 200),
    ("/since", 200),
    ("/since?seen=done:1", 200),
    ("/since?seen=%3Cb%3E", 400),
];

#[tokio::test]
async fn every_answer_has_every_header_and_tells_nothing_of_this_machine() {
    let fixture = fixture();
    let private = fixture.directory.path().to_str().expect("text").to_owned();
    for (path, expected) in ROUTES {
        for (host, expected) in [("127.0.0.1:7468", *expected), ("evil.test", 403)] {
            let (status, headers, body) = fixture.ask(path, host).await;
            let what = format!("{host}{path}");
            assert_eq!(status, expected, "{what}: {body}");
            let policy = headers["content-security-policy"].to_str().expect("text");
            assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{what}");
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}");
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
                ("cross-origin-opener-policy", "same-origin"),
                ("x-frame-options", "DENY"),
                ("x-dns-prefetch-control", "off"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(headers.get(name).map(|value| value.as_bytes()), Some(value.as_bytes()), "{what}: {name}");
            }
            let media = headers[header::CONTENT_TYPE].to_str().expect("text");
            assert!(media.contains("charset=utf-8"), "{what}: {media}");
            assert!(!headers.contains_key(header::SERVER), "{what}");
            assert!(headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{what}");
            if expected >= 400 {
                assert!(
                    !body.contains(&private) && !body.contains("<b>") && !body.contains("SELECT"),
                    "{what}: {body}"
                );
            }
            if expected >= 400 && expected != 403 && path.starts_with("/api") {
                let error: Value = serde_json::from_str(&body).expect("JSON");
                assert!(error["error"]["code"].is_string() && error["error"]["message"].is_string(), "{what}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn runs_are_summaries_with_the_names_of_the_spec() {
    let fixture = fixture();
    let list = fixture.json("/api/runs", 200).await;
    assert_eq!(names(&list), ["next", "runs", "total"]);
    assert_eq!(list["total"], 4);
    let expected = "attempt attention candidate cost_usd duration_ms ended_at holder key last_life_at last_progress_at \
                    max_attempts open_markers phase queued_at score source started_at status steps_done steps_total \
                    title tokens_in tokens_out verdict version workflow";
    assert_eq!(names(&list["runs"][0]), expected.split_ascii_whitespace().collect::<Vec<_>>());
    let failed = fixture.json("/api/runs?status=failed", 200).await;
    assert_eq!(failed["runs"][0]["key"], "failed");
    assert_eq!(failed["total"], 1);
    let mut seen = Vec::new();
    let mut path = String::from("/api/runs?limit=1");
    loop {
        let page = fixture.json(&path, 200).await;
        seen.push(page["runs"][0]["key"].as_str().expect("a key").to_owned());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/runs?limit=1&after={}", address::segment(next));
    }
    seen.sort();
    assert_eq!(seen, ["a%20b/c", "done", "failed", "files"]);
}

#[tokio::test]
async fn a_key_is_decoded_exactly_once() {
    let fixture = fixture();
    let run = fixture.json("/api/runs/a%2520b%2Fc", 200).await;
    assert_eq!(run["run"]["key"], "a%20b/c");
    for wrong in ["/api/runs/a%20b%2Fc", "/api/runs/a%2520b/c", "/api/runs/a%252520b%252Fc", "/api/runs/..%2Fdone"] {
        fixture.json(wrong, 404).await;
    }
}

#[tokio::test]
async fn a_run_has_every_part_and_can_be_asked_for_at_a_line() {
    let fixture = fixture();
    let run = fixture.json("/api/runs/done", 200).await;
    for part in ["run", "verdict", "evidence", "spans", "markers", "artifacts", "log"] {
        assert!(run.get(part).is_some_and(|value| !value.is_null()), "{part}");
    }
    assert_eq!((&run["run"]["status"], &run["evidence"]["status"]), (&"completed".into(), &5.into()));
    assert_eq!(run["verdict"]["verdict"], "ended");
    assert_eq!(run["log"]["lines"]["blank"], 1);
    let then = fixture.json("/api/runs/done?at=2", 200).await;
    assert_eq!((&then["run"]["status"], &then["run"]["phase"]), (&"running".into(), &"verify".into()));
    assert_eq!(then["verdict"]["verdict"], "healthy", "derived against the time of that line");
}

#[tokio::test]
async fn the_difference_of_two_lines_has_the_line_that_proves_it() {
    let fixture = fixture();
    let told = |answer: Value| -> Vec<String> {
        let changes = answer["changes"].as_array().expect("a list").clone();
        changes.iter().map(|c| format!("{} {} {} {}", c["what"], c["before"], c["after"], c["line"])).collect()
    };
    let answer = fixture.json("/api/runs/done/diff?from=1&to=3", 200).await;
    assert_eq!(names(&answer), ["changes", "from", "to"]);
    assert_eq!((&answer["from"], &answer["to"]), (&1.into(), &3.into()));
    assert_eq!(told(answer), [r#""phase" "build" "verify" 2"#]);
    let since = fixture.json("/api/runs/done/diff?from=2", 200).await;
    assert_eq!(since["to"], 5, "up to the last line");
    assert_eq!(told(since), [r#""status" "running" "completed" 5"#, r#""holder" "agent" null 5"#]);
    assert_eq!(told(fixture.json("/api/runs/done/diff?from=5", 200).await), [""; 0]);
    let all = told(fixture.json("/api/runs/done/diff", 200).await);
    assert_eq!(all, [r#""phase" null "verify" 2"#, r#""status" null "completed" 5"#]);
    let back = told(fixture.json("/api/runs/done/diff?from=3&to=1", 200).await);
    assert_eq!(back, [r#""phase" "verify" "build" 1"#]);
}

#[tokio::test]
async fn events_carry_their_text_made_safe() {
    let fixture = fixture();
    let page = fixture.json("/api/runs/done/events", 200).await;
    let events = page["events"].as_array().expect("a list");
    assert_eq!((events.len(), &page["total"]), (4, &4.into()));
    assert_eq!((&page["next"], &page["prev"]), (&Value::Null, &Value::Null));
    let text = |n: usize| events[n]["text"].as_str().expect("text");
    assert!(text(0).starts_with(r#"{"ts":"2026-06-02T10:00:00Z""#));
    assert!(text(2).starts_with("plain text ") && !text(2).contains('\u{202e}'), "{}", text(2));
    assert_eq!((&events[2]["line"], &events[2]["class"]), (&4.into(), &"text".into()));

    let first = fixture.json("/api/runs/done/events?after=0&limit=3", 200).await;
    assert_eq!((&first["next"], &first["prev"]), (&3.into(), &Value::Null));
    let rest = fixture.json("/api/runs/done/events?after=3", 200).await;
    assert_eq!((&rest["events"][0]["line"], &rest["prev"]), (&5.into(), &4.into()));

    let found = fixture.json("/api/runs/done/events?q=PLAIN", 200).await;
    assert_eq!(found["events"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["searched"], serde_json::json!({ "from_line": 1, "to_line": 5 }));
    assert_eq!(fixture.json("/api/runs/done/events?q=%25", 200).await["events"], Value::Array(Vec::new()));
    let none = fixture.json("/api/runs/done/events?q=nowhere", 200).await;
    assert_eq!((&none["events"], &none["prev"]), (&Value::Array(Vec::new()), &Value::Null));
}

#[tokio::test]
async fn a_page_of_a_run_searches_the_log_and_says_how_far() {
    let fixture = fixture();
    let page = async |path: &str| {
        let (status, _, body) = fixture.ask(path, "127.0.0.1:7468").await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    };
    let found = page("/runs/done?q=PLAIN").await;
    assert!(found.contains("1\u{a0}match in lines 1–5") && found.contains("id=\"L4\""), "{found}");
    assert!(!found.contains("id=\"L1\""), "{found}");
    assert!(found.contains("/runs/done?line=4#L4"), "a match can be seen in context: {found}");
    let none = page("/runs/done?q=%25").await;
    assert!(none.contains("No event matches") && !none.contains("id=\"L"), "{none}");
    // A filter and a text together; and the past knows nothing of what came later.
    assert!(page("/runs/done?q=t&name=run.finished").await.contains("1\u{a0}match in"));
    assert!(page("/runs/done?q=finished&at=4").await.contains("No event matches"));
    std::fs::remove_file(fixture.directory.path().join("state/done/run.log")).expect("the log can be removed");
    let failed = page("/runs/done?q=plain").await;
    assert!(failed.contains("Could not read") && !failed.contains("No event matches"), "{failed}");
}

#[tokio::test]
async fn a_line_shows_the_colours_of_a_terminal_as_classes() {
    let fixture = fixture();
    for path in ["/runs/done/lines/2", "/runs/done"] {
        let (_, _, body) = fixture.ask(path, "127.0.0.1:7468").await;
        assert!(body.contains("<span class=\"a-red\">red</span> &lt;b&gt;"), "{path}: {body}");
        assert!(!body.contains('\u{1b}') && !body.contains(" style="), "{path}");
    }
}

#[tokio::test]
async fn a_line_is_shown_whole_with_its_neighbours() {
    let fixture = fixture();
    let line = fixture.json("/api/runs/done/lines/4?context=2", 200).await;
    assert!(line["text"].as_str().is_some_and(|text| text.starts_with("plain text") && !text.contains('\n')));
    let numbers = |side: &str| line[side].as_array().map(|lines| lines.iter().map(|l| l["line"].clone()).collect());
    assert_eq!(numbers("before"), Some(vec![Value::from(2)]), "blank lines are no event");
    assert_eq!(numbers("after"), Some(vec![Value::from(5)]));
    fixture.json("/api/runs/done/lines/3", 404).await;
}

#[tokio::test]
async fn attention_is_one_number_everywhere() {
    let fixture = fixture();
    let all = fixture.json("/api/attention", 200).await;
    assert_eq!(all["count"], 1);
    let item = &all["items"][0];
    assert_eq!((&item["type"], &item["run"], &item["reason"]), (&"run".into(), &"failed".into(), &"failed".into()));
    assert_eq!(item["line"], 2);
    let approvals = fixture.json("/api/attention?tab=approvals", 200).await;
    assert_eq!((&approvals["count"], &approvals["items"]), (&1.into(), &Value::Array(Vec::new())));
}

#[tokio::test]
async fn numbers_count_what_the_lists_they_lead_to_hold() {
    let fixture = fixture();
    let before = web::now();
    let stats = fixture.json("/api/stats", 200).await;
    let expected = "days ended failed failure_rate median_ms p90_ms queue_depth runs";
    assert_eq!(names(&stats), expected.split_ascii_whitespace().collect::<Vec<_>>());
    assert_eq!(stats["days"].as_array().map(Vec::len), Some(14));
    assert_eq!((&stats["runs"], &stats["failed"], &stats["failure_rate"]), (&1.into(), &1.into(), &1.0.into()));
    assert_eq!((&stats["median_ms"], &stats["p90_ms"]), (&1000.into(), &1000.into()));
    let last = stats["days"][13]["day"].as_str().expect("a day").to_owned();
    assert!([before, web::now()].iter().any(|now| now.to_rfc3339().starts_with(&last)), "{last} is not today");

    let listed = |body: &str| body.matches("<td class=\"c-status\">").count();
    for (path, runs) in [
        ("/runs?from=2026-06-02&to=2026-06-02", 2),
        ("/runs?from=2026-06-03", 1),
        ("/runs?status=failed,timed_out", 1),
        ("/runs?status=completed,failed", 3),
    ] {
        let (status, _, body) = fixture.ask(path, "127.0.0.1:7468").await;
        assert_eq!((status, listed(&body)), (StatusCode::OK, runs), "{path}");
    }
    let (_, _, overview) = fixture.ask("/", "127.0.0.1:7468").await;
    assert!(overview.contains("aria-label=\"runs per day\"") && overview.contains("1 of 1 ended"), "{overview}");
}

#[tokio::test]
async fn the_queue_is_one_list_on_every_surface() {
    let fixture = fixture_with(|state| {
        for (run, ago, repo) in [("one", 9000, "web"), ("two", 5000, "api"), ("three", 7000, "api")] {
            let queued = format!(r#""event":"queue.added","id":"q-{run}","repo":"{repo}","reason":"merge {run}""#);
            let lines = [line(ago, r#""event":"run.started""#), line(ago - 1, &queued)];
            write(&state.join(run).join("run.log"), &lines.concat());
        }
    });
    let ids = |answer: &Value| -> Vec<String> {
        let items = answer["items"].as_array().expect("a list");
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    let queue = fixture.json("/api/queue", 200).await;
    assert_eq!((ids(&queue), &queue["count"]), (vec!["q-three".into(), "q-two".into(), "q-one".into()], &3.into()));
    let item = &queue["items"][0];
    assert_eq!((&item["type"], &item["repo"], &item["line"]), (&"queue".into(), &"api".into(), &2.into()));
    let tab = fixture.json("/api/attention?tab=queue", 200).await;
    assert_eq!((ids(&tab), &tab["count"]), (ids(&queue), &1.into()), "the one number counts no queue");
    assert_eq!(ids(&fixture.json("/api/queue?q=MERGE%20t", 200).await), ["q-three", "q-two"]);
    let mut paged = Vec::new();
    let mut path = String::from("/api/queue?limit=1");
    loop {
        let page = fixture.json(&path, 200).await;
        paged.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/queue?limit=1&after={}", address::segment(next));
    }
    assert_eq!(paged, ids(&queue), "no gap and no repeat");
    assert_eq!(fixture.json("/api/stats", 200).await["queue_depth"], 3);
    for (path, shown, hidden) in [
        ("/queue", vec!["q-one", "q-two", "q-three", "end of list"], vec![]),
        ("/queue?n=2", vec!["q-two", "q-three", "3, showing 2"], vec!["q-one"]),
        ("/queue?q=nothing-such", vec!["Nothing matches"], vec!["q-one"]),
        ("/attention?tab=queue", vec!["q-one", "q-two", "q-three"], vec![]),
        ("/runs/two", vec!["q-two", "q-three", "Other runs on the same repos"], vec!["q-one"]),
        ("/runs/one", vec!["q-one"], vec!["q-two", "q-three", "Other runs on"]),
    ] {
        let (_, _, body) = fixture.ask(path, "127.0.0.1:7468").await;
        for part in shown {
            assert!(body.contains(part), "{path}: {part}");
        }
        for part in hidden {
            assert!(!body.contains(part), "{path}: {part}");
        }
    }
}

const DAY: i64 = 86_400_000;

/// A run that was asked for many things, of which some are over; and failed runs of which one was retried and one is old.
fn inbox() -> Fixture {
    fixture_with(|state| {
        let asked = [
            line(9000, r#""event":"run.started","workflow":"ship""#),
            line(8900, r#""event":"session.started","session":"s 1""#),
            line(8000, r#""event":"question.asked","id":"q1","reason":"which port""#),
            line(7900, r#""event":"question.answered","id":"q1""#),
            line(
                7000,
                r#""event":"approval.requested","id":"old","action":"drop","expires_at":"2026-01-01T00:00:00Z""#,
            ),
            line(
                6000,
                r#""event":"approval.requested","id":"it's","integration":"github","action":"merge","risk":"high","params":{"pr":7},"expires_at":"2090-01-01T00:00:00Z""#,
            ),
            line(5000, r#""event":"handoff.requested","reason":"stuck in a merge""#),
        ];
        write(&state.join("asked/run.log"), &asked.concat());
        for (key, days, more) in [("old", 30, ""), ("first", 2, ""), ("second", 1, r#","retry_of":"first""#)] {
            let ago = days * DAY;
            let lines = [
                line(ago, &format!(r#""event":"run.started"{more}"#)),
                line(ago - 1000, r#""event":"run.failed","error":"no space""#),
            ];
            write(&state.join(key).join("run.log"), &lines.concat());
        }
    })
}

#[tokio::test]
async fn what_is_over_stays_findable() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await;
    let history = page("/attention?tab=history").await;
    let order = ["question <bdi>granted", "retried as <a href=\"/runs/second\"", ">old<", "approval <bdi>expired"];
    let places: Vec<_> =
        order.iter().map(|part| history.find(part).unwrap_or_else(|| panic!("{part}: {history}"))).collect();
    assert!(places.is_sorted(), "the newest first: {places:?}");
    assert!(history.contains("end of list · 4\u{a0}items"), "{history}");
    assert!(
        !history.contains("merge") && !history.contains("data-row href=\"/runs/second\""),
        "what is open is not over"
    );
    for (q, shown) in [("WHICH", 1), ("space", 2), ("drop", 1), ("ship", 2), ("nowhere", 0)] {
        let found = page(&format!("/attention?tab=history&q={q}")).await;
        assert_eq!(found.matches("<article").count(), shown, "{q}");
    }
    assert_eq!(fixture.ask("/attention?tab=history&after=x", "127.0.0.1:7468").await.0, 400);
}

#[tokio::test]
async fn the_inbox_has_tabs_with_counts_groups_and_an_end() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await;
    let all = page("/attention").await;
    // failed, second, asked; and the approval that is not expired.
    for part in [
        "All<span class=\"count\">4</span>",
        "Needs help<span class=\"count\">3</span>",
        "Approvals<span class=\"count\">1</span>",
        "Queue<span class=\"count none\">0</span>",
        "<h2>Needs help<span class=\"tally\">3</span></h2>",
        "<h2>Approvals<span class=\"tally\">1</span></h2>",
        "end of list · 4\u{a0}items",
        "Run <code><bdi>merge</bdi></code> on <code><bdi>github</bdi></code>",
        "risk <strong><bdi>high</bdi></strong>",
        "expires <time",
        "data-t=\"until\"",
        "session <a href=\"/runs/asked#sessions\"><bdi>s 1</bdi></a>",
        "asks to hand over",
        "href=\"/runs?workflow=ship\">other runs of this workflow",
    ] {
        assert!(all.contains(part), "{part} is not in {all}");
    }
    let help = page("/attention?tab=help").await;
    assert!(!help.contains("<h2>") && !help.contains("github"), "one group has no heading: {help}");
    let few = page("/attention?n=2").await;
    assert!(few.contains("4, showing 2") && few.contains("n=52") && few.contains("load more"), "{few}");
    assert!(!few.contains("end of list"), "{few}");
    let none = page("/attention?tab=approvals&q=nothing-such").await;
    assert!(none.contains("Nothing matches") && none.contains("until it is answered"), "{none}");
}

#[tokio::test]
async fn commands_are_offered_with_quoted_values() {
    let fixture = inbox();
    let page = async |path: &str| fixture.main(path).await.replace("&#39;", "'");
    let (inbox, asked, failed) = (page("/attention").await, page("/runs/asked").await, page("/runs/failed").await);
    for (body, command) in [
        (&inbox, r"luca approve asked 'it'\''s'"),
        (&inbox, r"luca deny asked 'it'\''s'"),
        (&inbox, "luca take_wheel asked"),
        (&inbox, "luca open 's 1'"),
        (&inbox, "luca retry failed"),
        (&asked, "luca cancel asked"),
        (&asked, r"luca approve asked 'it'\''s'"),
        (&failed, "luca retry failed"),
    ] {
        assert!(body.contains(&format!("<code><bdi>{command}</bdi></code>")), "{command} is not in {body}");
    }
    assert!(!failed.contains("luca cancel") && !asked.contains("luca retry"), "only what fits");
    assert!(page("/runs/first").await.contains("retried as run <a href=\"/runs/second\">"));
    assert!(!page("/runs/asked?at=3").await.contains("luca "), "nothing is to be run in the past");
}

#[tokio::test]
async fn health_has_every_field_and_the_dump_is_canonical() {
    let fixture = fixture();
    let health = fixture.json("/api/health", 200).await;
    for field in [
        "version",
        "pid",
        "sqlite_version",
        "schema",
        "watch",
        "scans",
        "overflows",
        "runs",
        "backlog_bytes",
        "rss_bytes",
        "open_fds",
        "wal_bytes",
        "sse_clients",
        "sse_dropped",
    ] {
        assert!(health.get(field).is_some_and(|value| !value.is_null()), "{field}");
    }
    assert!(health.get("last_full_scan").is_some());
    let dump = fixture.json("/api/dump", 200).await;
    assert_eq!(dump["schema"], 1);
    let keys: Vec<_> = dump["runs"].as_array().expect("a list").iter().map(|run| run["key"].as_str()).collect();
    assert_eq!(keys, [Some("a%20b/c"), Some("done"), Some("failed"), Some("files")]);
}

#[tokio::test]
async fn a_run_is_compared_with_another_one_of_its_workflow() {
    let fixture = fixture();
    let (_, _, chooser) = fixture.ask("/runs/done", "127.0.0.1:7468").await;
    assert!(chooser.contains("/runs/done/compare?with=a%2520b%2Fc"), "{chooser}");
    assert!(!chooser.contains("compare?with=failed"), "another workflow: {chooser}");
    let (_, _, same) = fixture.ask("/runs/done/compare?with=a%2520b%2Fc", "127.0.0.1:7468").await;
    assert_eq!(same.matches("no difference<").count(), 3, "{same}");
    let (_, _, other) = fixture.ask("/runs/done/compare?with=failed", "127.0.0.1:7468").await;
    assert!(other.contains("number 1: here") && other.contains("there <span class=\"none\">nothing"), "{other}");
}

#[tokio::test]
async fn the_past_can_be_reached_by_a_form_and_by_links() {
    let fixture = fixture();
    let (_, _, past) = fixture.ask("/runs/done?at=2", "127.0.0.1:7468").await;
    for part in
        ["name=\"at\" min=\"1\" max=\"5\"", "value=\"2\"", "/runs/done?at=1\"", "/runs/done?at=3\"", "as it was after"]
    {
        assert!(past.contains(part), "{part}: {past}");
    }
    // The last line is the present; nothing lies behind it.
    let (_, _, last) = fixture.ask("/runs/done?at=5", "127.0.0.1:7468").await;
    assert!(!last.contains("/runs/done?at=6"), "{last}");
}

impl Fixture {
    /// An artifact with one header more in the request.
    async fn artifact(&self, place: usize, header: (&str, &str)) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request =
            Request::builder().uri(format!("/api/runs/files/artifacts/{place}")).header("host", "127.0.0.1:7468");
        let request = request.header(header.0, header.1).body(Body::empty()).expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        (parts.status, parts.headers, to_bytes(body, usize::MAX).await.expect("a body").to_vec())
    }
}

#[tokio::test]
async fn what_a_log_names_is_downloaded_and_nothing_in_it_can_act() {
    let fixture = fixture();
    for (place, (name, content)) in (1..).zip(FILES) {
        let (status, headers, body) = fixture.artifact(place, ("accept", "*/*")).await;
        assert_eq!((status, body.as_slice()), (StatusCode::OK, content), "{name:?}");
        let says = |name: &str| headers[name].to_str().expect("ASCII").to_owned();
        let (media, kind) = match name {
            "shot.txt" => ("image/png", "inline; "),
            _ => ("application/octet-stream", "attachment; "),
        };
        assert_eq!(says("content-type"), media, "{name:?}");
        assert!(says("content-disposition").starts_with(kind), "{name:?}");
        assert!(says("content-security-policy").starts_with("default-src 'none'; script-src 'self'"), "{name:?}");
        assert!(says("content-security-policy").ends_with("object-src 'none'; sandbox"), "{name:?}");
        assert_eq!(says("x-content-type-options"), "nosniff", "{name:?}");
        assert_eq!(says("content-length"), content.len().to_string(), "{name:?}");
        assert!(!headers.contains_key("x-evil") && !headers.contains_key("service-worker-allowed"), "{name:?}");
        let (status, ..) = fixture.artifact(place, ("service-worker", "script")).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{name:?}");
    }
    let (_, headers, _) = fixture.artifact(6, ("accept", "*/*")).await;
    let disposition = headers["content-disposition"].to_str().expect("ASCII");
    assert!(disposition.ends_with("filename*=UTF-8''na%22me%0D%0AX-Evil%3A%201%20%C3%BC.bin"), "{disposition}");
}

#[tokio::test]
async fn a_part_of_an_artifact_is_what_was_asked_for() {
    let fixture = fixture();
    for (range, status, content, length) in [
        ("bytes=0-9", 206, Some("bytes 0-9/300000"), 10),
        ("bytes=299990-", 206, Some("bytes 299990-299999/300000"), 10),
        ("bytes=300000-", 416, Some("bytes */300000"), 0),
        ("bytes=0-1,5-6", 200, None, 300_000),
    ] {
        let (answered, headers, body) = fixture.artifact(7, ("range", range)).await;
        assert_eq!((answered.as_u16(), body.len()), (status, length), "{range}");
        assert_eq!(headers.get("content-range").map(|value| value.to_str().expect("ASCII")), content, "{range}");
    }
}

#[tokio::test]
async fn the_page_of_an_artifact_shows_text_and_never_what_lies_outside() {
    let fixture = fixture();
    let page = async |place: usize| {
        let (status, _, body) = fixture.ask(&format!("/runs/files/artifacts/{place}"), "127.0.0.1:7468").await;
        assert_eq!(status, 200, "{place}");
        assert!(!body.contains("<script>alert") && !body.contains("canary") && !body.contains("href=\"http"), "{body}");
        body
    };
    let report = page(1).await;
    assert!(report.contains("<h1>Report</h1>") && report.contains("x (http://evil.test)"), "{report}");
    assert!(page(2).await.contains("&lt;script&gt;alert(1)"), "the source of a page is text");
    assert!(page(4).await.contains("<img class=\"raster\""));
    assert!(page(7).await.contains("showing the first"));
    for (place, says) in [(8, "leads out of"), (9, "through a link"), (10, "leads out of"), (11, "no such file")] {
        let page = page(place).await;
        assert!(page.contains("The file cannot be shown.") && page.contains(says), "{place}: {page}");
    }
    // The way to it.
    let (_, _, run) = fixture.ask("/runs/files", "127.0.0.1:7468").await;
    assert!(run.contains("href=\"/runs/files/artifacts/1\""), "{run}");
}

#[tokio::test]
async fn a_file_that_becomes_shorter_while_it_is_read_ends() {
    let fixture = fixture();
    let request = Request::builder().uri("/api/runs/files/artifacts/7").header("host", "127.0.0.1:7468");
    let request = request.body(Body::empty()).expect("a request");
    let body = fixture.router.clone().oneshot(request).await.expect("infallible").into_body();
    let mut pieces = body.into_data_stream();
    let next = async |pieces: &mut axum::body::BodyDataStream| futures_util::StreamExt::next(pieces).await;
    let first = next(&mut pieces).await.expect("a piece").expect("bytes");
    assert!(first.len() < 300_000, "it is read piece by piece");
    std::fs::write(fixture.directory.path().join("state/files/big.bin"), "x").expect("a shorter file");
    assert!(next(&mut pieces).await.is_none(), "and ends where the file does");
}
