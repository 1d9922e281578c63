//! Dialects as data (spec 1.5): every fixture is its own dialect and no other, what is generic stays generic, a mistake
//! is refused with its line, and the logs that real tools wrote give their facts.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::dialect::data::explain::{Explained, Explainer};
use wheelwatch::reducer::dialect::data::{Dialect, builtin};
use wheelwatch::reducer::line::{MAX_LINE, Splitter};
use wheelwatch::reducer::marker::MarkerKind;
use wheelwatch::reducer::reduce::{Reducer, Tail};
use wheelwatch::reducer::run::{RunState, Status, value};
use wheelwatch::reducer::span::{SpanKind, SpanStatus};

fn reduce_with(log: &[u8], dialects: Vec<Dialect>) -> RunState {
    let mut reducer = Reducer::new(Reading { dialects: dialects.into(), ..Reading::default() });
    reducer.push(log, &mut |_| {});
    match reducer.tail() {
        Tail::Provisional(state, _) => *state,
        Tail::Pending(_) | Tail::None => reducer.state().clone(),
    }
}

fn reduce(log: &[u8]) -> RunState {
    reduce_with(log, Vec::new())
}

fn explain(log: &[u8], own: &[Dialect]) -> Vec<Explained> {
    let mut explainer = Explainer::new(Reading { dialects: own.to_vec().into(), ..Reading::default() });
    let mut splitter = Splitter::new(MAX_LINE, 0, 0);
    let mut lines = Vec::new();
    splitter.push(log, &mut |line| lines.push(explainer.explain(&line)));
    lines.extend(splitter.tail().map(|line| explainer.explain(&line)));
    lines
}

fn fixtures(dialect: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(dialect);
    let cases = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut logs: Vec<_> = cases.map(|case| case.expect("an entry").path().join("run.log")).collect();
    logs.sort();
    logs
}

#[test]
fn every_fixture_is_recognised_as_its_own_dialect_and_as_no_other() {
    for own in builtin() {
        let logs = fixtures(own.name());
        assert!(logs.len() >= 3, "{} has only {} fixtures", own.name(), logs.len());
        for log in logs {
            let bytes = std::fs::read(&log).expect("a fixture");
            for line in explain(&bytes, &[]).iter().filter(|line| line.dialect != "plain") {
                assert_eq!(line.dialect, own.name(), "{}:{}", log.display(), line.line);
            }
            // Asked first, no other dialect takes a line of it.
            for other in builtin().iter().filter(|other| other.name() != own.name()) {
                let lines = explain(&bytes, std::slice::from_ref(other));
                assert!(!lines.iter().any(|line| line.is_by(other)), "{} is taken by {}", log.display(), other.name());
            }
        }
    }
    for log in ["generic", "demo", "plain"].iter().flat_map(|folder| walk(folder)) {
        let state = reduce(&std::fs::read(&log).expect("a fixture"));
        let foreign: Vec<_> =
            state.health.dialects.iter().filter(|(name, _)| !["generic", "plain"].contains(name)).collect();
        assert!(foreign.is_empty(), "{}: {foreign:?}", log.display());
    }
}

/// The logs below a folder of fixtures.
fn walk(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut logs = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.file_name().is_some_and(|name| name == "run.log") {
                logs.push(entry);
            }
        }
    }
    logs
}

#[test]
fn every_rule_of_a_built_in_dialect_matches_in_a_fixture() {
    for dialect in builtin() {
        let mut used = std::collections::BTreeSet::new();
        for log in fixtures(dialect.name()) {
            let lines = explain(&std::fs::read(&log).expect("a fixture"), &[]);
            used.extend(lines.iter().flat_map(|line| &line.parts).filter_map(|part| part.rule.map(|(rule, _)| rule)));
        }
        let unused: Vec<_> = (1..=dialect.rules()).filter(|rule| !used.contains(rule)).collect();
        let lines: Vec<_> = unused.iter().filter_map(|rule| dialect.rule_line(*rule)).collect();
        assert!(unused.is_empty(), "{}: no fixture for the rules at lines {lines:?}", dialect.name());
    }
}

#[test]
fn lines_that_only_look_like_a_dialect_stay_generic() {
    let lines = [
        r#"{"ts":"2026-05-01T10:00:00Z","type":"result","session_id":"s","is_error":true}"#,
        r#"{"type":"assistant","session_id":"s","message":"hello"}"#,
        r#"{"type":"user","message":{"content":"x"}}"#,
        r#"{"type":"system","subtype":"init","session_id":"s","model":"m"}"#,
        r#"{"type":"progress","session_id":"s"}"#,
        r#"{"type":"summary","summary":"x"}"#,
        r#"{"topic":"phase.started","payload":{"phase":"build"},"ts":"2026-05-01T10:00:00+00:00"}"#,
        r#"{"topic":"loop.terminate","payload":"x","ts":"2026-05-01T10:00:00Z"}"#,
        r#"{"topic":"step.done","iteration":1,"hat":"x","ts":1780000000}"#,
        r#"{"ts":"2026-05-01T10:00:00+00:00","type":{"kind":"loop_started"}}"#,
        r#"{"ts":"2026-05-01T10:00:00+00:00","type":{"kind":"phase.started","phase":"build"}}"#,
        r#"{"type":"turn.started","ts":1780000000}"#,
        r#"{"type":"item.completed","item":"i-1"}"#,
        r#"{"type":"thread.started"}"#,
        r#"{"type":"event_msg","payload":{"type":"x"}}"#,
        r#"{"eventType":"PhaseStarted","runId":"r","phase":"build","timestamp":"2026-05-01T10:00:00Z","data":{}}"#,
        r#"{"event":"phase.started","session_id":"s","kind":"x","type":"y","topic":"z"}"#,
    ];
    for line in lines {
        assert_eq!(explain(line.as_bytes(), &[])[0].dialect, "generic", "{line}");
    }
}

#[test]
fn a_mistake_is_refused_with_its_line_and_a_reason() {
    let good = "name = \"x\"\n[[recognise]]\n\"/type\" = \"a\"\n";
    let cases: &[(&str, usize, &str)] = &[
        ("name = \"X y\"\n[[recognise]]\n\"/a\" = 1\n", 1, "is no name"),
        ("name = \"generic\"\n[[recognise]]\n\"/a\" = 1\n", 1, "no dialect recognises"),
        ("about = \"no name\"\n", 1, "name"),
        ("name = \"x\"\n", 1, "recognise"),
        ("name = \"x\"\nrecognise = []\n", 1, "[[recognise]]"),
        ("name = \"x\"\ncolour = 1\n", 2, "unknown field `colour`"),
        ("name = \"x\"\n\n[[recognise]]\ntype = \"a\"\n", 4, "not a JSON Pointer"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = { like = \"a<b\" }\n", 3, "without its >"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = { sort = \"a\" }\n", 3, "unknown field `sort`"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = { present = false }\n", 2, "any line would be recognised"),
        ("name = \"x\"\n[[recognise]]\n\"@/a\" = 1\n", 2, "\"@\" is an element"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\neach = \"/b\"\n", 4, "above the first table"),
        ("name = \"x\"\neach = \"@/b\"\n[[recognise]]\n\"/a\" = 1\n", 2, "not into an element"),
        ("name = \"x\"\ndecode = [\"/b\"]\neach = \"/b/c\"\n[[recognise]]\n\"/a\" = 1\n", 3, "no place in the log"),
        (
            "name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[before]\nfase = \"/p\"\n",
            5,
            "\"fase\" is nothing that an event can say",
        ),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[instead]\nphase = [\"p\"]\n", 5, "not a JSON Pointer"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[time]\nunit = \"h\"\n", 5, "unknown variant `h`"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[time]\nzone = \"+2\"\n", 5, "none of"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[map.verb]\nmade = \"done\"\n", 5, "leads to verbs"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nsubject = \"fase\"\n", 5, "\"fase\" is no subject"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nverb = \"done\"\n", 5, "\"done\" is no verb"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nname = \"a.<fase>\"\n", 4, "<fase> captures nothing"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nhide = true\nignore = true\n", 4, "not both"),
        ("name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nwhen = { a = 1 }\n", 5, "not a JSON Pointer"),
        ("name = \n", 1, ""),
    ];
    assert!(Dialect::parse("x.toml", good).is_ok());
    let mut wrong = Vec::new();
    for (text, line, part) in cases {
        let error = Dialect::parse("x.toml", text).expect_err(text).to_string();
        if !error.starts_with(&format!("x.toml:{line}: ")) || !error.contains(part) {
            wrong.push(format!("{text:?}: line {line} and {part:?} expected, got {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_is_recognised_however_its_keys_and_values_are_escaped() {
    let written = r#"{"type":"summary","leafUuid":"u-1","summary":"x"}"#;
    let escaped = r#"{"t\u0079pe":"\u0073ummary","leafUuid":"u-1","summary":"x"}"#;
    let unknown_key = r#"{"type":"summary","leaf\u0055uid":"u-1","summary":"x"}"#;
    for line in [written, escaped, unknown_key] {
        assert_eq!(explain(line.as_bytes(), &[])[0].dialect, "claude", "{line}");
    }
}

fn dialect(text: &str) -> Dialect {
    Dialect::parse("own.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// The fields of the events of a line, as `word=value`, an event per string.
fn said(own: &str, line: &str) -> Vec<String> {
    let explained = explain(line.as_bytes(), &[dialect(own)]);
    let field = |(word, value): &(&str, String)| format!("{word}={value}");
    let part = |fields: &Vec<(&str, String)>| fields.iter().map(field).collect::<Vec<_>>().join(" ");
    explained[0].parts.iter().map(|part_of| part_of.fields.as_ref().map_or("ignored".into(), part)).collect()
}

#[test]
fn what_a_dialect_says_goes_before_or_instead_of_the_generic_names() {
    let own = "name = \"own\"\n[[recognise]]\n\"/v\" = 7\n[before]\nphase = [\"/a\", \"/b/c.d\"]\n[instead]\ncandidate = \"/cand\"\nmessage = []\n";
    let check = |line: &str, expected: &str| assert_eq!(said(own, line), [expected], "{line}");
    check(r#"{"v":7,"a":"one","phase":"two"}"#, "phase=one");
    check(r#"{"v":7,"a":" ","b":{"c.d":"deep"},"phase":"two"}"#, "phase=deep");
    check(r#"{"v":7,"a":5,"phase":"two"}"#, "phase=two");
    check(r#"{"v":7.0,"candidate":"no","message":"no"}"#, "");
    check(r#"{"v":7,"cand":12}"#, "candidate=12");
    check(r#"{"v":8,"a":"one","phase":"two"}"#, "phase=two");
    check(r#"{"\u0076":7,"a":"one"}"#, "phase=one");
    let own = "name = \"own\"\n[[recognise]]\n\"/v\" = 7\n[before]\nmessage = \"/said\"\n";
    let message = |line: &str, expected: &str| assert_eq!(said(own, line), [expected], "{line}");
    message(r#"{"v":7,"event":"all is well","said":"mine","msg":"no"}"#, "message=mine");
    message(r#"{"v":7,"event":"all is well","said":7}"#, "message=all is well");
}

#[test]
fn a_rule_gives_subject_verb_constants_captures_and_pointers_and_the_first_that_matches_wins() {
    let own = r#"
name = "own"
[[recognise]]
"/sys" = "q"
[instead]
name = "/n"
[map.phase]
IMPL = "build"
[map.verb]
shipped = "passed"
[map.level]
50 = "error"
[[rule]]
name = "PHASE.<phase>.<verb>.<step>"
subject = "phase"
[[rule]]
name = ["job.*", "task.*"]
when = { "/bad" = true, "/why" = { like = "because <reason>*" } }
subject = "run"
verb = "failed"
set = { attempt = 3 }
take = { message = ["/nowhere", "/list"] }
[[rule]]
name = "secret"
ignore = true
[[rule]]
name = "noise"
subject = "none"
verb = "none"
needs_human = false
hide = true
"#;
    let check = |line: &str, expected: &str| assert_eq!(said(own, line), [expected], "{line}");
    check(
        r#"{"sys":"q","n":"phase.impl.shipped.s-1"}"#,
        "subject=phase verb=passed name=phase.impl.shipped.s-1 phase=build step=s-1",
    );
    check(
        r#"{"sys":"q","n":"phase.Plan.complete.7"}"#,
        "subject=phase verb=finished name=phase.Plan.complete.7 phase=Plan step=7",
    );
    check(
        r#"{"sys":"q","n":"job.end","bad":true,"why":"because it rained\nall day","list":["one","two"],"level":50}"#,
        "subject=run verb=failed level=error name=job.end message=one\ntwo reason=i attempt=3",
    );
    check(r#"{"sys":"q","n":"job.end","bad":false}"#, "verb=finished name=job.end");
    check(r#"{"sys":"q","n":"secret"}"#, "ignored");
    check(r#"{"sys":"q","n":"noise","phase":"impl"}"#, "name=noise phase=build");
}

#[test]
fn an_element_is_an_event_with_its_own_place_in_the_log() {
    let own = "name = \"own\"\ndecode = [\"/j\", \"@/arg\"]\neach = \"/list\"\n[[recognise]]\n\"/list\" = { type = \"array\" }\n[before]\nphase = \"/j/phase\"\nstep = [\"@/id\", \"@\"]\nskill = \"@/arg/skill\"\n";
    let line = r#"  {"j":"{\"phase\":\"plan\"}", "list":[ {"id":"a","arg":"{\"skill\":\"cut\"}"} , "b",3, [] ]}"#;
    let log = format!("{line}\n");
    let parts = explain(log.as_bytes(), &[dialect(own)])[0].parts.clone();
    let texts: Vec<&str> = parts.iter().map(|part| &log[part.offset as usize..][..part.length as usize]).collect();
    assert_eq!(texts, [line, r#"{"id":"a","arg":"{\"skill\":\"cut\"}"}"#, "\"b\"", "3", "[]"]);
    assert_eq!(
        said(own, line),
        ["phase=plan", "phase=plan step=a skill=cut", "phase=plan step=b", "phase=plan step=3", "phase=plan"]
    );
}

#[test]
fn an_array_of_a_million_elements_is_bounded_and_the_rest_is_counted() {
    let own = "name = \"own\"\neach = \"/list\"\n[[recognise]]\n\"/list\" = { type = \"array\" }\n";
    let line = format!("{{\"list\":[1{}]}}\n", ",1".repeat(999_999));
    let state = reduce_with(line.as_bytes(), vec![dialect(own)]);
    assert_eq!(state.counters.events, 1001);
    assert_eq!(state.health.unread_elements.count, 999_000);
    assert!(state.health.dialects.iter().eq([("own", 1)]));
}

#[test]
fn usage_that_a_message_repeats_on_every_line_counts_once() {
    let line = |id: &str, out: u64| format!("{{\"m\":{{\"id\":\"{id}\",\"in\":10,\"out\":{out}}},\"kind\":\"say\"}}\n");
    let own = "name = \"own\"\n[[recognise]]\n\"/m\" = { type = \"object\" }\n[before]\nusage_id = \"/m/id\"\ntokens_in = \"/m/in\"\ntokens_out = \"/m/out\"\n";
    let log = [line("a", 1), line("a", 1), line("b", 5), line("a", 4), line("b", 2)].concat();
    let state = reduce_with(log.as_bytes(), vec![dialect(own)]);
    assert_eq!((value(&state.run.tokens_in), value(&state.run.tokens_out)), (Some(&20), Some(&9)));
}

/// What a real log must give.
struct Facts {
    log: &'static str,
    lines: &'static [(&'static str, u64)],
    status: Status,
    reason: Option<&'static str>,
    phases: usize,
    tools: usize,
    failed_tools: usize,
    open: &'static [MarkerKind],
    tokens_in: Option<u64>,
}

const NOTHING: Facts = Facts {
    log: "",
    lines: &[],
    status: Status::Running,
    reason: None,
    phases: 0,
    tools: 0,
    failed_tools: 0,
    open: &[],
    tokens_in: None,
};

#[test]
fn the_logs_that_real_tools_wrote_give_their_facts() {
    let Some(root) = support::real_logs() else { return };
    use Status::{Completed, Failed};
    let all = [
        Facts {
            log: "coalesce-labs__catalyst/plugins/dev/scripts/orch-monitor/fixtures/subagent-tree/CTL-125-stream.jsonl",
            lines: &[("claude", 40)],
            tools: 21,
            ..NOTHING
        },
        Facts {
            log: "Sagart-cactus__SprintFoundry/a4/32aa44ba38/0/full.jsonl",
            lines: &[("claude", 74)],
            tools: 26,
            tokens_in: Some(27),
            ..NOTHING
        },
        Facts {
            log: "Sagart-cactus__SprintFoundry/e7/254a3d75e4/0/full.jsonl",
            lines: &[("claude", 42)],
            tools: 16,
            tokens_in: Some(16),
            ..NOTHING
        },
        Facts {
            log: "daaain__claude-code-log/test/test_data/edge_cases.jsonl",
            lines: &[("claude", 15), ("generic", 1), ("plain", 3)],
            tools: 3,
            failed_tools: 1,
            tokens_in: Some(488),
            ..NOTHING
        },
        Facts {
            log: "apokamo__kaji/draft/design/issue-20-codex-jsonl-observation.jsonl",
            lines: &[("codex", 14), ("plain", 18)],
            tools: 4,
            failed_tools: 1,
            tokens_in: Some(49261),
            ..NOTHING
        },
        Facts {
            log: "samfoy__ap/.ralph/events-20260322-051145.jsonl",
            lines: &[("ralph", 189)],
            status: Completed,
            phases: 79,
            ..NOTHING
        },
        Facts {
            log: "samfoy__ap/.ralph/events-20260323-060051.jsonl",
            lines: &[("ralph", 22)],
            status: Failed,
            reason: Some("consecutive_failures"),
            ..NOTHING
        },
        Facts {
            log: "samfoy__ap/.ralph/history.jsonl",
            lines: &[("ralph", 2)],
            status: Completed,
            reason: Some("completion_promise"),
            ..NOTHING
        },
        Facts { log: "badlogic__pi-mono/.ralph/events.jsonl", lines: &[("ralph", 6)], status: Completed, ..NOTHING },
        Facts {
            log: "badlogic__pi-mono/.ralph/history.jsonl",
            lines: &[("ralph", 6)],
            status: Completed,
            reason: Some("completion_promise"),
            ..NOTHING
        },
        Facts { log: "raiscui__rustdog/.ralph/events.jsonl", lines: &[("ralph", 63)], ..NOTHING },
        Facts { log: "pRizz__ralphcity-ui/.agent/events.jsonl", lines: &[("ralph", 18)], status: Completed, ..NOTHING },
        Facts {
            log: "aai-pai__anvil-coding-agent/logs/events.jsonl",
            lines: &[("anvil", 32)],
            phases: 4,
            open: &[MarkerKind::Question],
            tokens_in: Some(207),
            ..NOTHING
        },
        Facts {
            log: "aai-pai__anvil-coding-agent/runs/2026-07-03-a-personal-webpage-for-me/logs/events.jsonl",
            lines: &[("anvil", 44)],
            status: Completed,
            phases: 9,
            tokens_in: Some(6359),
            ..NOTHING
        },
        Facts {
            log: "aai-pai__anvil-coding-agent/runs/2026-07-03-modern-to-do-list/logs/events.jsonl",
            lines: &[("anvil", 37)],
            status: Completed,
            phases: 8,
            tokens_in: Some(6107),
            ..NOTHING
        },
    ];
    for facts in all {
        let state = reduce(&std::fs::read(root.join(facts.log)).expect(facts.log));
        let lines: BTreeMap<_, _> = facts.lines.iter().copied().collect();
        assert_eq!(state.health.dialects.iter().collect::<BTreeMap<_, _>>(), lines, "{}", facts.log);
        assert_eq!(value(&state.run.status), Some(&facts.status), "{}", facts.log);
        assert_eq!(value(&state.run.status_reason).map(String::as_str), facts.reason, "{}", facts.log);
        let spans = |kind| state.spans.iter().filter(move |span| span.kind == kind);
        assert_eq!(spans(SpanKind::Phase).count(), facts.phases, "{}: phases", facts.log);
        assert_eq!(spans(SpanKind::Tool).count(), facts.tools, "{}: tools", facts.log);
        let failed = spans(SpanKind::Tool).filter(|span| span.status == SpanStatus::Failed).count();
        assert_eq!(failed, facts.failed_tools, "{}: failed tools", facts.log);
        let open: Vec<_> = state.markers.iter().filter(|m| m.is_open()).map(|m| m.kind).collect();
        assert_eq!(open, facts.open, "{}", facts.log);
        assert_eq!(value(&state.run.tokens_in).copied(), facts.tokens_in, "{}", facts.log);
        assert_eq!(state.health.bad_times.count, 0, "{}", facts.log);
    }
}

#[test]
fn the_sub_agents_of_a_real_log_hang_below_the_calls_that_started_them() {
    let Some(root) = support::real_logs() else { return };
    let log = "coalesce-labs__catalyst/plugins/dev/scripts/orch-monitor/fixtures/subagent-tree/CTL-125-stream.jsonl";
    let state = reduce(&std::fs::read(root.join(log)).expect(log));
    let agents: Vec<_> = state.spans.iter().filter(|span| span.name.as_deref() == Some("Agent")).collect();
    assert_eq!(agents.len(), 3);
    for agent in agents {
        assert_eq!(agent.more.agent.as_deref(), Some("catalyst-dev:codebase-analyzer"));
        assert!(state.spans.iter().any(|span| span.parent == agent.id), "{:?} has children", agent.id);
    }
}

/// The fenced block behind a mark in the page that teaches the language.
fn example(mark: &str) -> String {
    let page = include_str!("../docs/dialects.md");
    let (_, rest) = page.split_once(&format!("<!-- {mark} -->\n```")).expect("the mark");
    let (_, block) = rest.split_once('\n').expect("a line");
    block.split_once("\n```").expect("an end").0.to_owned() + "\n"
}

#[test]
fn the_worked_example_of_the_page_is_what_the_page_says() {
    let kiln = dialect(&example("dialect"));
    let state = reduce_with(example("log").as_bytes(), vec![kiln.clone()]);
    assert!(state.health.dialects.iter().eq([("kiln", 7)]));
    assert_eq!(value(&state.run.status), Some(&Status::Failed));
    assert_eq!(value(&state.run.status_reason).map(String::as_str), Some("the clay cracked"));
    assert_eq!(value(&state.run.phase).map(String::as_str), Some("build"));
    assert_eq!(value(&state.run.title).map(String::as_str), Some("bake"));
    assert_eq!(value(&state.run.heartbeats), Some(&1));
    assert_eq!(state.health.untimed.count, 0);
    let tools: Vec<_> = state.spans.iter().filter(|span| span.kind == SpanKind::Tool).collect();
    assert_eq!(tools.iter().map(|tool| tool.status).collect::<Vec<_>>(), [SpanStatus::Completed, SpanStatus::Failed]);
    let question = &state.markers[0];
    assert_eq!((question.kind, question.reason.as_deref()), (MarkerKind::Question, Some("Shall I open the door?")));
    assert_eq!(question.resolution.as_deref(), Some("run_ended"));
    let untaken: Vec<_> =
        explain(example("log").as_bytes(), &[kiln]).into_iter().filter(|l| !l.is_recognised()).collect();
    assert!(untaken.is_empty(), "{untaken:?}");
}

const BROKEN: &str = "name = \"x\"\n[[recognise]]\n\"/a\" = 1\n[[rule]]\nverb = \"doen\"\n";

/// A command of the binary in a directory of its own, and how it ended.
fn command(files: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(home.path().join("state")).expect("a directory");
    for (name, text) in files {
        std::fs::write(home.path().join(name), text).expect("a file");
    }
    let output = support::binary::output(support::binary::wheelwatch(home.path()).args(arguments));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_broken_dialect_is_refused_at_start_with_file_line_and_reason_wherever_it_is_named() {
    let config = format!("[limits]\nsilence = \"5m\"\n\n[[dialect]]\n{}", BROKEN.replace("[[", "[[dialect."));
    let named = "dialects = [\"own.toml\"]\n";
    for (files, arguments, place) in [
        (vec![("own.toml", BROKEN)], vec!["--dialect", "own.toml"], "own.toml:5"),
        (vec![("c.toml", config.as_str())], vec!["--config", "c.toml"], "c.toml:9"),
        (vec![("c.toml", named), ("own.toml", BROKEN)], vec!["--config", "c.toml"], "own.toml:5"),
    ] {
        for subcommand in ["build", "serve", "doctor"] {
            let mut all = vec![subcommand, "state"];
            all.extend(&arguments);
            let (code, _, said) = command(&files, &all);
            assert_eq!(code, Some(2), "{all:?}: {said}");
            for part in [place, "\"doen\" is no verb"] {
                assert!(said.contains(part), "{all:?}: {part}: {said}");
            }
        }
    }
    let (code, _, said) = command(&[], &["build", "state", "--dialect", "missing.toml"]);
    assert!(code == Some(2) && said.contains("missing.toml"), "{said}");
}

#[test]
fn a_trial_says_as_json_what_it_says_to_a_person() {
    let (dialect, log) = (example("dialect"), example("log"));
    let files = [("kiln.toml", dialect.as_str()), ("run.log", log.as_str())];
    let (code, said, _) = command(&files, &["dialect", "try", "--json", "kiln.toml", "run.log"]);
    assert_eq!(code, Some(0));
    let mut documents: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("a document on each line")).collect();
    assert!(documents.iter().all(|document| document["schema"] == 1), "{said}");
    let summary = documents.pop().expect("a summary");
    assert_eq!((&summary["summary"]["lines"], &summary["summary"]["own"]), (&7.into(), &7.into()));
    let explained = explain(log.as_bytes(), &[self::dialect(&dialect)]);
    assert_eq!(documents.len(), explained.len());
    for (document, line) in documents.iter().zip(&explained) {
        assert_eq!((&document["line"], &document["dialect"]), (&line.line.into(), &"kiln".into()));
        let parts = document["parts"].as_array().expect("a list");
        assert_eq!(parts.len(), line.parts.len());
        for (part, expected) in parts.iter().zip(&line.parts) {
            assert_eq!(part["offset"], expected.offset);
            assert_eq!(part["rule"]["line"].as_u64(), expected.rule.map(|(_, at)| at as u64));
            let fields = part["fields"].as_object().map(|fields| fields.len());
            assert_eq!(fields, expected.fields.as_ref().map(Vec::len));
        }
    }
    let (_, first, _) = command(&files, &["dialect", "try", "--json", "--first", "2", "kiln.toml", "run.log"]);
    assert_eq!(first.lines().count(), 3);
}

proptest::proptest! {
    /// Lines of every fixture, cut and mixed: whatever comes out, nothing panics and no line is lost.
    #[test]
    fn a_damaged_line_of_a_dialect_is_data(cuts in proptest::collection::vec((0_usize..10_000, 0_usize..400), 1..20)) {
        let lines: Vec<String> = builtin()
            .iter()
            .flat_map(|dialect| fixtures(dialect.name()))
            .flat_map(|log| {
                let text = std::fs::read_to_string(log).expect("a fixture");
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let mut log = String::new();
        for (number, at) in &cuts {
            let line = &lines[number % lines.len()];
            let other = &lines[(number / 7) % lines.len()];
            let at = line.floor_char_boundary(*at);
            // One value in the place of another keeps most of the line whole.
            let mixed = match (line.split_once("\":"), other.rsplit_once("\":")) {
                (Some((key, _)), Some((_, tail))) if number % 2 == 0 => format!("{key}\":{tail}"),
                _ => format!("{}{}", &line[..at.min(line.len())], &other[other.floor_char_boundary(at)..]),
            };
            log.push_str(&mixed);
            log.push('\n');
        }
        let state = reduce(log.as_bytes());
        proptest::prop_assert_eq!(state.counters.lines.total(), cuts.len() as u64);
    }
}
