use serde_json::{Map, Value as Json, json};

use super::super::concept::TEXTS;
use super::*;
use crate::reducer::dialect::testing::{Field, field, with};
use crate::reducer::event::Class;
use crate::reducer::event::{Usage, Verb};

/// A kind of value: the n-th of them as JSON and as the field shows it, and which of [`WRONG`] are of it as well.
#[derive(Clone, Copy)]
struct Sample {
    make: fn(u32) -> (Json, String),
    fits: fn(&Json) -> bool,
}

/// Values that most kinds pass over.
fn wrong() -> [Json; 8] {
    [json!(null), json!(""), json!(" \t"), json!([]), json!({}), json!(true), json!(1.5), json!(-1)]
}

const TEXT: Sample = Sample { make: |n| (json!(format!(" v{n} ")), format!(" v{n} ")), fits: |_| false };
const ID: Sample = Sample {
    make: |n| if n % 2 == 0 { (TEXT.make)(n) } else { (json!(n), n.to_string()) },
    fits: |value| value.is_i64(),
};
const WHO: Sample = Sample {
    make: |n| match n % 3 {
        0 => (TEXT.make)(n),
        1 => (json!({"id": n, "name": format!("v{n}")}), format!("v{n}")),
        _ => (json!({ "id": n }), n.to_string()),
    },
    fits: |_| false,
};
const COUNT: Sample = Sample { make: |n| (json!(n), n.to_string()), fits: |_| false };
const DIGITS: Sample = Sample {
    make: |n| match n % 3 {
        0 => (json!(n), n.to_string()),
        1 => (json!(n.to_string()), n.to_string()),
        _ => (json!(format!("attempt-{n:03}")), n.to_string()),
    },
    fits: |_| false,
};
const NUMBER: Sample =
    Sample { make: |n| (json!(f64::from(n) + 0.5), (f64::from(n) + 0.5).to_string()), fits: Json::is_number };
const MILLIS: Sample = Sample { make: |n| (json!(n), n.to_string()), fits: Json::is_f64 };
const TIME: Sample = Sample { make: |n| (json!(1_780_442_377 + n), (1_780_442_377 + n).to_string()), fits: |_| false };
const RAW: Sample =
    Sample { make: |n| (json!({ "n": n }), json!({ "n": n }).to_string()), fits: |value| !value.is_null() };

fn seconds(time: Option<Micros>) -> Option<String> {
    time.map(|time| (time.0 / 1_000_000).to_string())
}

/// Spec 1.3, row by row: the names in order, the values that they have, the field that they give.
fn rows() -> Vec<(&'static str, Sample, Field)> {
    vec![
        ("ts timestamp time at ts_ms created_at createdAt Time finished_at ended_at started_at", TIME, |event| {
            seconds(event.time)
        }),
        ("message msg summary text description detail", TEXT, field!(message)),
        ("workflow workflow_name workflowName pipeline", TEXT, field!(more().workflow)),
        ("title campaign campaign_name", TEXT, field!(more().title)),
        ("phase stage", TEXT, field!(phase)),
        ("candidate candidate_id candidateId feature_id featureId", ID, field!(candidate)),
        ("attempt iteration round cycle", DIGITS, field!(attempt)),
        ("max_attempts maxAttempts max_iterations", DIGITS, field!(more().max_attempts)),
        ("score final_score finalScore", NUMBER, field!(score)),
        ("pass_threshold passThreshold", NUMBER, field!(more().pass_threshold)),
        ("step step_id stepId", ID, field!(step)),
        ("skill skill_id skillId", ID, field!(skill)),
        ("step_name stepName", TEXT, field!(step_name)),
        ("span_id spanId tool_use_id tool_call_id", ID, field!(span)),
        ("parent_span_id parentSpanId parent_tool_use_id parent_id parent", ID, field!(parent)),
        ("tool_name toolName tool", TEXT, field!(tool_name)),
        ("session session_id sessionId thread_id worker_id workerId", ID, field!(session)),
        ("parent_session parent_session_id", ID, field!(more().parent_session)),
        ("agent agent_name agentName role actor hat", WHO, field!(agent)),
        ("model", WHO, field!(model)),
        ("repo repository", WHO, field!(more().repo)),
        ("holder owner", WHO, field!(more().holder)),
        ("status", TEXT, field!(status)),
        ("reason status_reason cause", TEXT, field!(reason)),
        ("error error_message errorMessage exception", TEXT, |event| event.error.clone()?.message),
        ("stack stack_trace stacktrace traceback", TEXT, |event| event.more().stack.map(str::to_owned)),
        ("duration_ms durationMs elapsed_ms", MILLIS, field!(duration_ms)),
        ("input inputs trigger_payload triggerPayload", RAW, field!(input)),
        ("artifact artifact_path report_path", TEXT, |event| Some(event.artifacts.first()?.path.to_string())),
        ("item item_id approval_id approvalId interaction_id invocation_id invocationId id", ID, field!(marker_id)),
        ("id", ID, field!(id)),
        ("integration", TEXT, field!(more().integration)),
        ("risk risk_level riskLevel", TEXT, field!(more().risk)),
        ("params", RAW, field!(more().params)),
        ("expires_at expiresAt", TIME, |event| seconds(event.more().expires_at)),
        ("input_tokens", COUNT, |event| event.more().usage.tokens_in.map(|n| n.to_string())),
        ("output_tokens", COUNT, |event| event.more().usage.tokens_out.map(|n| n.to_string())),
        ("cost_usd", NUMBER, |event| event.more().usage.cost_usd.map(|n| n.to_string())),
        ("total_input_tokens", COUNT, |event| event.more().usage.total_in.map(|n| n.to_string())),
        ("total_output_tokens", COUNT, |event| event.more().usage.total_out.map(|n| n.to_string())),
        ("total_cost_usd", NUMBER, |event| event.more().usage.total_cost.map(|n| n.to_string())),
        ("claimed_by claimedBy", TEXT, field!(more().claim)),
        ("steps_total stepsTotal", COUNT, field!(more().steps_total)),
        ("deadline", TIME, |event| seconds(event.more().deadline)),
        ("expected_ms", MILLIS, field!(more().expected_ms)),
        ("retry_of retryOf", TEXT, field!(more().retry_of)),
        ("cancel_requested_at cancelRequestedAt", TIME, |event| seconds(event.more().cancel_requested_at)),
    ]
}

const PLACES: [&str; 11] =
    ["", "data", "payload", "attrs", "attributes", "metadata", "details", "detail", "fields", "body", "body.payload"];

/// Puts members into a place of an object.
fn put(object: &mut Map<String, Json>, place: &str, members: Map<String, Json>) {
    let Some((outer, inner)) = place.split_once('.') else {
        if place.is_empty() {
            object.extend(members);
        } else {
            let container = object.entry(place).or_insert_with(|| json!({}));
            container.as_object_mut().expect("containers are objects").extend(members);
        }
        return;
    };
    let container = object.entry(outer).or_insert_with(|| json!({}));
    put(container.as_object_mut().expect("containers are objects"), inner, members);
}

#[test]
fn every_name_of_every_concept_is_found_in_every_place() {
    for (names, sample, field) in rows() {
        for (n, name) in (0..).zip(names.split(' ')) {
            for place in PLACES {
                let mut object = Map::new();
                let (value, shown) = (sample.make)(n);
                put(&mut object, place, Map::from_iter([(name.to_owned(), value)]));
                let line = Json::Object(object).to_string();
                assert_eq!(with(&line, field), Some(shown), "{line}");
            }
        }
    }
}

#[test]
fn no_name_is_found_anywhere_else() {
    for (names, sample, field) in rows() {
        for name in names.split(' ') {
            let value = (sample.make)(0).0;
            for place in ["other", "data.data", "body.data", "payload.payload", "data.body", "body.payload.payload"] {
                let mut object = Map::new();
                put(&mut object, place, Map::from_iter([(name.to_owned(), value.clone())]));
                let line = Json::Object(object).to_string();
                assert_eq!(with(&line, field), None, "{line}");
            }
            let line = json!({ "data": [{ name: value }], "payload": json!({ name: value }).to_string() }).to_string();
            assert_eq!(with(&line, field), None, "{line}");
        }
    }
}

#[test]
fn the_first_name_wins_and_the_first_place_before_any_name() {
    for (names, sample, field) in rows() {
        let names: Vec<&str> = names.split(' ').collect();
        for first in 0..names.len() {
            // Written from the last to the first, since the order in the line must not matter.
            let members: Vec<String> = (first..names.len())
                .rev()
                .map(|n| format!("{}:{}", json!(names[n]), (sample.make)(n as u32).0))
                .collect();
            let line = format!("{{{}}}", members.join(","));
            assert_eq!(with(&line, field), Some((sample.make)(first as u32).1), "{line}");
        }
        // As a name, `detail` stands for no container.
        let places = PLACES.iter().filter(|place| **place != "detail" || !names.contains(place)).collect::<Vec<_>>();
        for first in 0..places.len() {
            let mut object = Map::new();
            for (n, place) in places.iter().enumerate().skip(first) {
                let mut names = names.iter().filter(|name| **name != "detail").rev().cycle();
                let name = names.nth(n).expect("names repeat");
                put(&mut object, place, Map::from_iter([((*name).to_owned(), (sample.make)(n as u32).0)]));
            }
            let line = Json::Object(object).to_string();
            assert_eq!(with(&line, field), Some((sample.make)(first as u32).1), "{line}");
        }
    }
}

#[test]
fn wrong_types_are_passed_over_for_the_next_name_and_the_next_place() {
    for (names, sample, field) in rows() {
        let names: Vec<&str> = names.split(' ').collect();
        for value in wrong().into_iter().filter(|value| !(sample.fits)(value)) {
            let mut members = Map::from_iter(names.iter().map(|name| ((*name).to_owned(), value.clone())));
            let line = Json::Object(members.clone()).to_string();
            assert_eq!(with(&line, field), None, "{line}");
            if names.len() > 1 {
                let (right, shown) = (sample.make)(names.len() as u32 - 1);
                members.insert(names[names.len() - 1].to_owned(), right);
                let line = Json::Object(members.clone()).to_string();
                assert_eq!(with(&line, field), Some(shown), "{line}");
                members.insert(names[names.len() - 1].to_owned(), value.clone());
            }
            let (right, shown) = (sample.make)(5);
            members.insert("fields".to_owned(), json!({ names[0]: right }));
            let line = Json::Object(members).to_string();
            assert_eq!(with(&line, field), Some(shown), "{line}");
        }
    }
}

#[test]
fn of_equal_keys_the_last_wins_with_everything_in_it() {
    let check = |line: &str, field: Field, expected: Option<&str>| {
        assert_eq!(with(line, field).as_deref(), expected, "{line}");
    };
    check(r#"{"phase":"a","phase":"b"}"#, field!(phase), Some("b"));
    check(r#"{"phase":"a","ph\u0061se":"b"}"#, field!(phase), Some("b"));
    check(r#"{"phase":"a","phase":null}"#, field!(phase), None);
    check(r#"{"phase":"a","phase":null,"stage":"c"}"#, field!(phase), Some("c"));
    check(r#"{"data":{"phase":"a"},"data":{"x":1}}"#, field!(phase), None);
    check(r#"{"data":{"phase":"a"},"data":null}"#, field!(phase), None);
    check(r#"{"data":{"phase":"a"},"data":"text"}"#, field!(phase), None);
    check(r#"{"data":null,"data":{"phase":"b"}}"#, field!(phase), Some("b"));
    check(r#"{"body":{"payload":{"phase":"a"}},"body":{}}"#, field!(phase), None);
    check(r#"{"body":{"payload":{"phase":"a"},"payload":{}}}"#, field!(phase), None);
    let tokens: Field = |event| event.more().usage.tokens_in.map(|n| n.to_string());
    check(r#"{"usage":{"input_tokens":1},"usage":{}}"#, tokens, None);
    check(r#"{"data":{"usage":{"input_tokens":1}},"data":{}}"#, tokens, None);
    check(r#"{"body":{"payload":{"usage":{"input_tokens":1}}},"body":{"payload":{}}}"#, tokens, None);
    check(r#"{"usage":{"input_tokens":1,"input_tokens":2}}"#, tokens, Some("2"));
    check(r#"{"agent":{"name":"a","name":"b"}}"#, field!(agent), Some("b"));
}

#[test]
fn usage_is_looked_for_in_each_place_after_its_names() {
    let check = |line: &str, expected: Option<u64>| {
        assert_eq!(with(line, |event| event.more().usage.tokens_in), expected, "{line}");
    };
    check(r#"{"usage":{"input_tokens":1}}"#, Some(1));
    check(r#"{"usage":{"input_tokens":1},"input_tokens":2}"#, Some(2));
    check(r#"{"usage":{"input_tokens":1},"data":{"input_tokens":2}}"#, Some(1));
    check(r#"{"data":{"usage":{"input_tokens":1}},"payload":{"input_tokens":2}}"#, Some(1));
    check(r#"{"usage":{"input_tokens":-1},"body":{"payload":{"usage":{"input_tokens":3}}}}"#, Some(3));
    check(r#"{"usage":{"data":{"input_tokens":3}}}"#, None);
    check(r#"{"usage":{"usage":{"input_tokens":3}}}"#, None);
    check(r#"{"usage":[{"input_tokens":3}]}"#, None);
    let line = r#"{"usage":{"input_tokens":1,"output_tokens":2,"cost_usd":0.5,"total_input_tokens":3,"total_output_tokens":4,"total_cost_usd":1}}"#;
    let usage = Usage {
        tokens_in: Some(1),
        tokens_out: Some(2),
        cost_usd: Some(0.5),
        total_in: Some(3),
        total_out: Some(4),
        total_cost: Some(1.0),
    };
    assert_eq!(with(line, |event| event.more().usage), usage);
    let other = r#"{"usage":{"phase":"x","ts":1780442377}}"#;
    assert!(with(other, |event| event.phase.is_none() && event.time.is_none()));
}

#[test]
fn an_event_name_is_the_first_valid_one_on_the_top_level() {
    let check = |line: &str, expected: Option<&str>| {
        assert_eq!(with(line, field!(name)).as_deref(), expected, "{line}");
    };
    let names = ["event", "event_type", "eventType", "type", "kind", "topic", "action", "Action", "name", "state"];
    for (n, name) in names.iter().enumerate() {
        let members = names[n..].iter().rev().map(|name| ((*name).to_owned(), json!(format!("by.{name}"))));
        check(&Json::Object(members.collect()).to_string(), Some(&format!("by.{name}")));
        check(&json!({ "data": { *name: "x" }, "attributes": { *name: "x" } }).to_string(), None);
        check(&json!({ *name: { "type": "a", "kind": "b" } }).to_string(), Some("a"));
        check(&json!({ *name: { "type": {}, "kind": "b" } }).to_string(), Some("b"));
        check(&json!({ *name: { "name": "b" }, "attributes": { "event.name": "c" } }).to_string(), Some("c"));
    }
    check(r#"{"attributes":{"event.name":"a.b"}}"#, Some("a.b"));
    check(r#"{"attributes":{"event.name":"a b"}}"#, None);
    check(r#"{"attrs":{"event.name":"a.b"},"event.name":"c"}"#, None);
    check(r#"{"attributes":{"event.name":"a.b"},"state":"s"}"#, Some("s"));
    check(r#"{"event":"with spaces","type":"t"}"#, Some("t"));
    check(r#"{"event":null,"type":7,"kind":["k"],"topic":"","action":true,"name":"n"}"#, Some("n"));
    check(r#"{"event":"a.b_c:d/e-F9"}"#, Some("a.b_c:d/e-F9"));
    check(r#"{"event":"phase\u002estarted"}"#, Some("phase.started"));
    check(r#"{"event":"é"}"#, None);
    check(r#"{"event":"a+b"}"#, None);
    check(&json!({ "event": "x".repeat(120) }).to_string(), Some(&"x".repeat(120)));
    check(&json!({ "event": "x".repeat(121) }).to_string(), None);
    let meaning = with(r#"{"event":"phase.started"}"#, |event| event.meaning);
    assert_eq!((meaning.subject, meaning.verb), (Some(Subject::Phase), Some(Verb::Started)));
}

#[test]
fn an_event_string_with_spaces_is_the_last_message_name_of_the_top_level() {
    let check = |line: &str, expected: Option<&str>| {
        assert_eq!(with(line, field!(message)).as_deref(), expected, "{line}");
    };
    check(r#"{"event":"all is well"}"#, Some("all is well"));
    check(r#"{"event":"all is well","msg":"m"}"#, Some("m"));
    check(r#"{"event":"all is well","message":7,"msg":"m"}"#, Some("m"));
    check(r#"{"event":"all is well","data":{"msg":"m"}}"#, Some("all is well"));
    check(r#"{"event":"well","data":{"msg":"m"}}"#, Some("m"));
    check(r#"{"event":"well"}"#, None);
    check(r#"{"event":"well!"}"#, None);
    check(r#"{"event":"   "}"#, None);
    check(r#"{"type":"all is well"}"#, None);
    check(r#"{"data":{"event":"all is well"}}"#, None);
    check(r#"{"detail":{"msg":"inside"}}"#, Some("inside"));
    check(r#"{"msg":"a\n\"b\"\ud800"}"#, Some("a\n\"b\"\u{fffd}"));
}

#[test]
fn an_error_is_a_text_or_an_object_and_a_stack_alone_is_none() {
    let check = |line: &str, expected: Option<(Option<&str>, Option<&str>, Option<&str>)>| {
        let expected = expected.map(|(message, kind, stack)| ErrorText {
            message: message.map(str::to_owned),
            kind: kind.map(str::to_owned),
            stack: stack.map(str::to_owned),
        });
        assert_eq!(with(line, |event| event.error.as_deref().cloned()), expected, "{line}");
    };
    check(r#"{"error":"e"}"#, Some((Some("e"), None, None)));
    check(r#"{"error":"e","stack":"s"}"#, Some((Some("e"), None, Some("s"))));
    check(
        r#"{"error":{"message":"m","type":"t","stack":"s"},"stack":"other"}"#,
        Some((Some("m"), Some("t"), Some("s"))),
    );
    check(r#"{"error":{"type":"t"},"data":{"traceback":"s"}}"#, Some((None, Some("t"), Some("s"))));
    check(r#"{"error":{"code":5},"exception":"e"}"#, Some((Some("e"), None, None)));
    check(r#"{"error":true,"error_message":"","exception":{"message":"m"}}"#, Some((Some("m"), None, None)));
    check(r#"{"exception":{"stack":"s"}}"#, Some((None, None, Some("s"))));
    check(r#"{"stack_trace":"s"}"#, None);
    check(r#"{"error":null,"stack":["s"]}"#, None);
    check(r#"{"error":{"message":{"message":"m"}}}"#, None);
}

#[test]
fn artifacts_are_single_paths_and_lists_and_path_counts_on_artifact_events_only() {
    let check = |line: &str, expected: &[(&str, Option<&str>)]| {
        let found = with(line, |event| {
            let of = |artifact: &ArtifactRef<'_>| {
                (artifact.path.to_string(), artifact.media_type.as_deref().map(str::to_owned))
            };
            event.artifacts.iter().map(of).collect::<Vec<_>>()
        });
        let found: Vec<_> = found.iter().map(|(path, media)| (path.as_str(), media.as_deref())).collect();
        assert_eq!(found, expected, "{line}");
    };
    check(r#"{"artifact":"a.md","mime":"text/markdown"}"#, &[("a.md", Some("text/markdown"))]);
    check(r#"{"data":{"report_path":"r"},"media_type":"m"}"#, &[("r", Some("m"))]);
    check(r#"{"event":"step.done","path":"p"}"#, &[]);
    check(r#"{"event":"artifact.written","path":"p"}"#, &[("p", None)]);
    check(r#"{"event":"report.written","attrs":{"path":"p"},"artifact_path":"a"}"#, &[("a", None)]);
    check(
        r#"{"artifacts":["a",{"path":"b"},{"path":"c","mime":"m"},5,"",{"x":1},null]}"#,
        &[("a", None), ("b", None), ("c", Some("m"))],
    );
    check(r#"{"artifact":"one","artifact_paths":["two"],"mime":"m"}"#, &[("one", Some("m")), ("two", Some("m"))]);
    check(r#"{"artifacts":[],"data":{"artifact_paths":["x\\y"]}}"#, &[("x\\y", None)]);
    check(r#"{"artifact":{"path":"p"},"artifacts":"p"}"#, &[]);
    check(r#"{"media_type":"m"}"#, &[]);
}

#[test]
fn an_action_that_gave_the_event_name_is_no_action() {
    let check = |line: &str, expected: Option<&str>| {
        assert_eq!(with(line, field!(more().action)).as_deref(), expected, "{line}");
    };
    check(r#"{"event":"approval.requested","action":"deploy"}"#, Some("deploy"));
    check(r#"{"action":"deploy"}"#, None);
    check(r#"{"action":"deploy","tool":"shell"}"#, Some("shell"));
    check(r#"{"action":"deploy","data":{"action":"inner"}}"#, Some("inner"));
    check(r#"{"action":"run it now"}"#, Some("run it now"));
    check(r#"{"event":"x","tool":"shell"}"#, Some("shell"));
    check(r#"{"event":"x","action":{"tool":"shell"}}"#, None);
    check(r#"{"data":{"action":"inner"}}"#, Some("inner"));
}

#[test]
fn a_claim_is_a_text_or_host_and_pid() {
    let check = |line: &str, expected: Option<&str>| {
        assert_eq!(with(line, field!(more().claim)).as_deref(), expected, "{line}");
    };
    check(r#"{"host":"h","pid":7}"#, Some("h:7"));
    check(r#"{"host":"h","data":{"pid":"7"}}"#, Some("h:7"));
    check(r#"{"host":"h","pid":7,"fields":{"claimedBy":"c"}}"#, Some("c"));
    check(r#"{"host":"h"}"#, None);
    check(r#"{"pid":7}"#, None);
    check(r#"{"host":7,"pid":7}"#, None);
}

#[test]
fn a_plan_is_a_count_or_the_length_of_a_list() {
    let check = |line: &str, expected: Option<u64>| {
        assert_eq!(with(line, |event| event.more().steps_total), expected, "{line}");
    };
    check(r#"{"steps":["a",{"b":[1,2]},null]}"#, Some(3));
    check(r#"{"steps":[]}"#, Some(0));
    check(r#"{"steps":5}"#, None);
    check(r#"{"steps":{"a":1}}"#, None);
    check(r#"{"steps":[1],"stepsTotal":9}"#, Some(9));
    check(r#"{"steps":[1],"data":{"steps_total":9}}"#, Some(1));
    check(r#"{"steps_total":[1,2]}"#, None);
}

#[test]
fn input_and_params_are_raw_json_and_output_is_only_noticed() {
    let line = r#"{"input" : {"a" : [1, 2.50]} , "params":"\u0041","output":false}"#;
    assert_eq!(with(line, field!(input)).as_deref(), Some(r#"{"a" : [1, 2.50]}"#));
    assert_eq!(with(line, field!(more().params)).as_deref(), Some(r#""\u0041""#));
    assert!(with(line, |event| event.has_output));
    let line = r#"{"input":null,"data":{"inputs":0},"output":null}"#;
    assert_eq!(with(line, field!(input)).as_deref(), Some("0"));
    assert!(!with(line, |event| event.has_output));
    assert!(with(r#"{"body":{"payload":{"outputs":[]}}}"#, |event| event.has_output));
}

#[test]
fn an_object_with_an_id_of_its_own_is_a_ledger_line() {
    for name in ["id", "run_id", "runId", "task", "task_id", "taskId", "item", "item_id"] {
        for value in ["1", "\"\"", "false", "{}", "[]"] {
            let line = format!(r#"{{"{name}":{value}}}"#);
            assert!(with(&line, |event| event.ledger), "{line}");
        }
        assert!(!with(&format!(r#"{{"{name}":null}}"#), |event| event.ledger));
        assert!(!with(&format!(r#"{{"data":{{"{name}":1}}}}"#), |event| event.ledger));
    }
    assert!(!with(r#"{"session_id":1,"itemId":2}"#, |event| event.ledger));
}

#[test]
fn what_a_log_calls_its_run_stands_on_the_top_level() {
    for name in ["run_id", "runId"] {
        assert_eq!(with(&format!(r#"{{"{name}":"x"}}"#), field!(run_id)).as_deref(), Some("x"));
        assert_eq!(with(&format!(r#"{{"{name}":7}}"#), field!(run_id)).as_deref(), Some("7"), "it is an id");
        assert_eq!(with(&format!(r#"{{"data":{{"{name}":"x"}}}}"#), field!(run_id)), None);
    }
}

#[test]
fn an_empty_object_is_an_event_with_nothing_but_its_place() {
    let bare = with("{}", |event| format!("{event:?}"));
    assert_eq!(bare, format!("{:?}", Event::bare(Class::Event, 3, 10, 2)));
}

#[test]
fn what_is_just_a_text_has_its_place() {
    let mut event = Event::bare(Class::Event, 1, 0, 2);
    for concept in Concepts::ALL {
        assert_eq!(place_of(&mut event, &mut None, concept).is_some(), TEXTS.has(concept), "{concept:?}");
    }
}
