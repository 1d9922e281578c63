//! The router in process, over a small state directory that was really read into a cache (spec 4.2, 5.3, 5.4.5).

#[path = "web/artifacts.rs"]
mod artifacts;
#[path = "web/inbox.rs"]
mod inbox;
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
use wheelwatch::reducer::fold::Wanted;
use wheelwatch::reducer::run::RunState;
use wheelwatch::reducer::verdict::Policy;
use wheelwatch::store::{self, Part};
use wheelwatch::web::{self, LogText, Web, address};

const PORT: u16 = 7468;

struct Logs(LogAccess);

impl LogText for Logs {
    fn read(&self, key: &str, offset: u64, length: usize) -> Result<Vec<u8>, String> {
        self.0.read(key, offset, length).map_err(|error| error.to_string())
    }

    fn part_at(&self, key: &str, line: u64, wanted: Wanted) -> Result<(RunState, Option<Part>), String> {
        self.0.part_at(key, line, wanted).map_err(|error| error.to_string())
    }

    fn artifact(&self, key: &str, path: &str) -> Result<File, &'static str> {
        self.0.artifact(key, path)
    }
}

/// A server in process, its state directory, and what keeps both alive.
struct Fixture {
    router: Router,
    directory: tempfile::TempDir,
    store: store::Store,
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
    write(&state.join("files/run.log"), &artifacts::files(&state));
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
    Fixture { router: web::router(web), directory, store }
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
    ("/api/runs/done/spans", 200),
    ("/api/runs/done/spans?after=x", 400),
    ("/api/runs/done/markers?limit=1001", 400),
    ("/api/runs/nobody/markers", 404),
    ("/api/runs/files/artifacts?limit=2", 200),
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
async fn very_many_open_matters_leave_pages_small() {
    let fixture = fixture_with(|state| {
        let lines = (0..3000).map(|n| {
            let text = "x".repeat(50);
            line(9_000, &format!(r#""event":"approval.requested","id":"a-{n}","action":"push","reason":"{text}""#))
                + &line(9_000, &format!(r#""event":"queue.added","id":"q-{n}","repo":"r-{n}","reason":"{text}""#))
                + &line(9_000, &format!(r#""event":"session.started","session":"s-{n}","repo":"r-{n}""#))
        });
        write(&state.join("many/run.log"), &lines.collect::<String>());
        write(&state.join("other/run.log"), &line(9_000, r#""event":"queue.added","id":"q","repo":"r-1""#));
    });
    for path in ["/runs/many", "/runs/other", "/", "/attention", "/queue", "/runs", "/runs/many/compare?with=other"] {
        let (_, _, page) = fixture.ask(path, "127.0.0.1:7468").await;
        assert!(page.len() < 500_000, "{path}: {} bytes", page.len());
    }
    let many = fixture.main("/runs/many").await;
    for said in [
        "; and 2990 more",
        " open, showing the newest 100",
        ", showing 50 · <a href=\"/queue\">",
        "Answers to the first 20 of ",
    ] {
        assert!(many.contains(said), "{said}: {many}");
    }
    let runs = fixture.json("/api/runs/many", 200).await;
    assert_eq!((&runs["total"]["markers"], &runs["next"]["markers"]), (&6000.into(), &1000.into()));
    assert_eq!(runs["verdict"]["evidence"].as_array().map(Vec::len), Some(100));
}

/// Entries of a list, by a member of each, page by page from one place on.
async fn all_pages(fixture: &Fixture, run: &str, list: &str, asked: &str, mut next: Value) -> Vec<Value> {
    let mut found = Vec::new();
    while let Some(after) = next.as_u64() {
        let page = fixture.json(&format!("/api/runs/{run}/{list}?after={after}&{asked}"), 200).await;
        let entries = page[list].as_array().expect("a list");
        assert!((1..=1000).contains(&entries.len()), "{list} after {after}");
        found.extend(entries.iter().cloned());
        next = page["next"].clone();
    }
    found
}

#[tokio::test]
async fn long_lists_come_a_thousand_at_a_time_and_every_entry_once() {
    const MANY: u64 = 2321;
    let fixture = fixture_with(|state| {
        let lines = |n: u64| {
            [
                format!("{{\"event\":\"step.finished\",\"step\":\"s-{n}\"}}\n"),
                format!("{{\"event\":\"approval.requested\",\"id\":\"m-{n}\"}}\n"),
                format!("{{\"event\":\"artifact.recorded\",\"path\":\"a-{n}\"}}\n"),
            ]
        };
        write(&state.join("long/run.log"), &(0..MANY).flat_map(lines).collect::<String>());
        write(&state.join("short/run.log"), &(0..1000).flat_map(lines).collect::<String>());
    });
    for (at, query, length) in [("", "limit=700", MANY), ("?at=6300", "limit=1000&at=6300", 2100)] {
        let run = fixture.json(&format!("/api/runs/long{at}"), 200).await;
        for (list, member, letter) in [("spans", "id", 's'), ("markers", "id", 'm'), ("artifacts", "path", 'a')] {
            assert_eq!((&run["total"][list], &run["next"][list]), (&length.into(), &1000.into()), "{list}{at}");
            let mut all = run[list].as_array().expect("a list").clone();
            assert_eq!(all.len(), 1000, "{list}{at}");
            all.extend(all_pages(&fixture, "long", list, query, run["next"][list].clone()).await);
            let named: Vec<_> = all.iter().map(|entry| entry[member].as_str().expect("a name")).collect();
            let expected: Vec<_> = (0..length).map(|n| format!("{letter}-{n}")).collect();
            assert_eq!(named, expected, "{list}{at}");
            let alone = all_pages(&fixture, "long", list, query, 0.into()).await;
            assert!(alone == all, "{list}{at}: the pages alone have the same");
        }
        assert_eq!(run["verdict"]["verdict"], "waiting", "the lists are cut, not what is derived from them");
    }
    let run = fixture.json("/api/runs/short", 200).await;
    for list in ["spans", "markers", "artifacts"] {
        assert_eq!(run[list].as_array().map(Vec::len), Some(1000));
        assert_eq!((&run["total"][list], &run["next"][list]), (&1000.into(), &Value::Null), "all are here");
        for after in ["1000", "1001", "4294967296", "18446744073709551615"] {
            let page = fixture.json(&format!("/api/runs/short/{list}?after={after}"), 200).await;
            assert_eq!(
                (&page[list], &page["total"], &page["next"]),
                (&Value::Array(vec![]), &1000.into(), &Value::Null)
            );
        }
    }
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
async fn there_is_no_dump_of_a_part_of_the_logs() {
    let fixture = fixture();
    fixture.store.live.update(|status| status.complete = false);
    let (status, headers, body) = fixture.ask("/api/dump", "127.0.0.1:7468").await;
    assert_eq!(
        (status, headers.get(header::RETRY_AFTER).map(|after| after.as_bytes())),
        (StatusCode::SERVICE_UNAVAILABLE, Some(&b"1"[..]))
    );
    assert!(body.contains("The logs are still being read"), "{body}");
    assert_eq!(fixture.json("/api/health", 200).await["complete"], false);
    let (_, _, page) = fixture.ask("/", "127.0.0.1:7468").await;
    assert!(page.contains("not everything is here yet") && !page.contains("all read"), "{page}");
    fixture.store.live.update(|status| status.complete = true);
    fixture.json("/api/dump", 200).await;
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
