//! JSON that is none, or too much of it, or of the wrong type.

use serde_json::{Value, json};

use crate::bench::Bench;

#[test]
fn t61_the_128th_level_is_the_last_and_a_million_crash_nobody() {
    /// A value with so many levels of its own.
    fn nested(kind: &str, levels: usize) -> String {
        let pairs: &[(&str, &str)] = match kind {
            "arrays" => &[("[", "]")],
            "objects" => &[("{\"a\":", "}")],
            _ => &[("[", "]"), ("{\"a\":", "}")],
        };
        let pair = |level: usize| pairs[level % pairs.len()];
        let begin: String = (0..levels).map(|level| pair(level).0).collect();
        let end: String = (0..levels).rev().map(|level| pair(level).1).collect();
        format!("{begin}0{end}")
    }
    let bench = Bench::new();
    let kinds = ["arrays", "objects", "alternating"];
    for kind in kinds {
        // The event itself is the first level.
        for levels in [127, 128, 129, 10_000, 1_000_000] {
            let record = format!("{{\"event\":\"note.taken\",\"florp\":{}}}", nested(kind, levels - 1));
            bench.log(
                &format!("{kind}-{levels}"),
                format!("{record}\n{{\"event\":\"phase.started\",\"phase\":\"p\"}}\n").as_bytes(),
            );
        }
    }
    let seen = bench.read();
    for kind in kinds {
        for levels in [127, 128, 129, 10_000, 1_000_000] {
            let key = format!("{kind}-{levels}");
            seen.check(&key, if levels <= 128 { [2, 0, 0, 0, 0] } else { [1, 0, 1, 0, 0] });
            assert_eq!(seen.of(&key)["run"]["phase"], "p", "{key}");
            seen.harmless(&format!("/api/runs/{key}/lines/1"));
        }
    }
    seen.end();
    // Inputs are echoed as JSON, on the page and in the API; whoever reads that may have a limit of its own.
    let bench =
        Bench::with([("inputs", format!("{{\"event\":\"run.started\",\"input\":{}}}\n", nested("arrays", 127)))]);
    let server = bench.serve();
    for path in ["/runs/inputs", "/api/runs/inputs", "/api/dump"] {
        assert!(server.get(path).body.contains("[0]") || path == "/runs/inputs", "{path}");
    }
    assert!(!server.stop().contains("panicked"));
}

#[test]
fn t62_of_equal_keys_the_last_wins_and_the_page_says_that_there_were_two() {
    let seen = Bench::with([
        ("top", r#"{"event":"phase.started","phase":"build","phase":"verify"}"#.to_owned() + "\n"),
        ("nested", r#"{"event":"phase.started","data":{"phase":"build","phase":"verify"}}"#.to_owned() + "\n"),
        ("none", r#"{"event":"phase.started","phase":"verify","data":{"phase":"build"}}"#.to_owned() + "\n"),
    ])
    .compare();
    for (key, twice) in [("top", 1), ("nested", 1), ("none", 0)] {
        let page = seen.check(key, [1, 0, 0, 0, 0]);
        assert_eq!(seen.of(key)["run"]["phase"], "verify", "{key}");
        assert_eq!(seen.noticed(key, "duplicate_keys"), twice, "{key}");
        assert_eq!(page.contains("keys given twice"), twice > 0, "{key}");
    }
    seen.end();
}

#[test]
fn t64_what_javascript_and_python_take_for_json_is_malformed() {
    let damaged = [
        "{\"score\":NaN}",
        "{\"score\":Infinity}",
        "{\"score\":-Infinity}",
        "{\"phase\":\"build\",}",
        "{\"phase\":\"build\"} // done",
        "{/* c */\"phase\":\"build\"}",
        "{'phase':'build'}",
        "{phase:\"build\"}",
        "{\"phase\":True}",
        "{\"phase\":undefined}",
        "{\"score\":+1}",
        "{\"score\":.5}",
        "{\"score\":0x10}",
        "{\"score\":1e999}",
    ];
    let seen = Bench::with([("damaged", damaged.map(|line| format!("{line}\n")).concat())]).compare();
    let page = seen.check("damaged", [0, 0, damaged.len() as u64, 0, 0]);
    assert_eq!(seen.of("damaged")["run"]["phase"], Value::Null);
    assert_eq!(seen.noticed("damaged", "malformed"), damaged.len() as u64);
    assert!(page.contains("malformed lines"));
    seen.end();
}

#[test]
fn t65_scalars_and_arrays_are_text_an_empty_object_is_an_event_and_white_space_is_blank() {
    let log = "1\n\"x\"\nnull\ntrue\n[]\n[1]\n{}\n\n   \n\t\r\n\0\0\n";
    let seen = Bench::with([("all", log), ("empty", ""), ("blank", "\n\n")]).compare();
    seen.check("all", [1, 6, 0, 0, 4]);
    assert_eq!(seen.events("all").len(), 7);
    for key in ["empty", "blank"] {
        assert_eq!(seen.of(key)["run"]["status"], Value::Null, "{key}: nothing was said yet");
    }
    seen.check("blank", [0, 0, 0, 0, 2]);
    seen.end();
}

/// Names of spec 1.3 by the type that is wanted of them.
const TEXTS: &str = "message msg summary text description workflow workflow_name pipeline title campaign phase stage \
    candidate candidate_id feature_id step step_id skill step_name span_id tool_use_id parent_span_id parent tool_name \
    tool session session_id thread_id worker_id parent_session agent agent_name role actor hat model repo repository \
    holder owner status outcome result reason status_reason cause error error_message exception stack traceback artifact \
    artifact_path report_path media_type item item_id approval_id interaction_id integration action risk risk_level \
    claimed_by host pid retry_of cache";
const NUMBERS: &str = "attempt iteration round cycle max_attempts max_iterations score final_score pass_threshold \
    exit_code exitCode duration_ms elapsed_ms duration_s input_tokens output_tokens cost_usd total_input_tokens \
    total_output_tokens total_cost_usd steps_total expected_ms expected_s";
const FLAGS: &str = "success ok passed is_error isError cache_hit";
const TIMES: &str = "deadline expires_at expiresAt cancel_requested_at timestamp created_at";
const LISTS: &str = "artifacts artifact_paths steps";

#[test]
fn t66_a_value_of_the_wrong_type_changes_nothing_and_is_counted() {
    // Each of them is wrong for every name of its kind.
    let text = [json!(true), json!(false), Value::Null, json!(1.5), json!([]), json!([1]), json!({}), json!("  ")];
    let number = [json!("x"), json!(true), json!(false), Value::Null, json!([]), json!([1]), json!({}), json!("")];
    let flag = [json!("yes"), json!("true"), Value::Null, json!(0.5), json!([]), json!([true]), json!({}), json!("")];
    let time = [json!("soon"), json!(true), json!(false), Value::Null, json!([]), json!({}), json!(-1), json!("")];
    let list = [json!("a.md"), json!(true), json!(1), Value::Null, json!({}), json!(0.5), json!(false), json!("")];
    let kinds = [
        ("texts", TEXTS, text),
        ("numbers", NUMBERS, number),
        ("flags", FLAGS, flag),
        ("times", TIMES, time),
        ("lists", LISTS, list),
    ];
    let bench = Bench::new();
    for (kind, names, values) in &kinds {
        let (mut wrong, mut plain) = (String::new(), String::new());
        for name in names.split_whitespace() {
            for value in values {
                wrong += &format!("{}\n", json!({ "ts": 1_780_000_000, "event": "note.taken", name: value }));
                plain += &format!("{}\n", json!({ "ts": 1_780_000_000, "event": "note.taken" }));
            }
        }
        bench.log(kind, wrong.as_bytes());
        bench.log(&format!("{kind}-plain"), plain.as_bytes());
    }
    // Names and fields that nobody knows.
    bench.log("unknown", b"{\"event\":\"zorp.glorp\",\"florp\":{\"phase\":\"build\"},\"blarp\":[1]}\n");
    let seen = bench.compare();
    for (kind, names, values) in &kinds {
        let without_names = |key: &str| {
            let mut run = seen.of(key).clone();
            run["run"]["key"].take();
            run["run"]["title"].take();
            for part in ["key", "events_sha256"] {
                run[part].take();
            }
            run
        };
        let (wrong, plain) = (without_names(kind), without_names(&format!("{kind}-plain")));
        assert_eq!(wrong, plain, "{kind}");
        let lines = (names.split_whitespace().count() * values.len()) as u64;
        let page = seen.check(kind, [lines, 0, 0, 0, 0]);
        assert!(page.contains("values of the wrong type"), "{kind}: nothing on the page");
        assert!(seen.noticed(kind, "wrong_types") > 0 && seen.noticed(&format!("{kind}-plain"), "wrong_types") == 0);
    }
    assert_eq!(seen.of("unknown")["run"]["phase"], Value::Null);
    assert_eq!(seen.noticed("unknown", "unknown_names"), 1);
    seen.end();
}

/// In the manner of the JSONTestSuite: what every parser must take, must refuse, and may decide. Written as the value of a
/// member, so that the class says which it was.
const TAKEN: &str = r#"[] [[]] [""] ["a"] {} {"a":[]} {"a":0,"b":1} [1] [-0] [-1] [123e65] [0e+1] [0e1] [1E22] [1E-2] [1E+2]
    [123.456e78] [1.000000005] [true] [false] [null] ["\u0060\u012a\u12AB"] ["\ud801\udc37"] ["\"\\\/\b\f\n\r\t"] ["\\u0000"]
    ["\u0000"] ["\uFFFF"] ["€𝄞"] ["\u002c"] ["\uDBFF\uDFFF"] {"":0} {"a":"b","a":"b"} {"foo\u0000bar":42} [2,null,"x"]
    [0.00000000000000000000000000000000000000000001] ["\u005C"] ["asd"] ["new\u000Aline"]"#;
const REFUSED: &str = r#"[1,] [1,,2] [,1] ["a",,] [1}  ["x"]] [-] [--1] [+1] [-01] [012] [1.] [.5] [1.e1] [0e] [0e+] [1eE2] [2.e+3]
    [0x1] [1_0] [-NaN] [NaN] [Inf] [-Infinity] [1+2] [nul] [tru] [fals] [True] ["\x00"] ["\a"] ["\u00"] ["\uD800\u"] ["\u{1}"]
    ["\'"] ['a'] ["a] [a] [\n] {"a"} {"a":} {:1} {1:1} {a:1} {'a':0} {"a":1,} {"a"=1} {"a":1,,"b":2} {"a":0}/**/ {"a":"b"}#
    [1]x [][] {}} {]  <> <null> abc " \ "\" [*] [1:2] ] {"a":/**/1} [3[4]] {"a":"a"123} ["",] [1e5.5]"#;
const DECIDED: &str = r#"[123.456e-789] [-1e+9999] [1e9999] [123123123123123123123123] ["\uDADA"] ["\uD888\u1234"] ["\uDd1ea"]
    {"\uDFAA":0} ["\udc00\ud800"]"#;

#[test]
fn t75_what_every_parser_must_take_is_taken_and_what_it_must_refuse_is_malformed() {
    let log = |cases: &str| {
        cases
            .split_whitespace()
            .map(|case| format!("{{\"event\":\"note\",\"data\":{{\"v\":{case}}}}}\n"))
            .collect::<String>()
    };
    let count = |cases: &str| cases.split_whitespace().count() as u64;
    let seen = Bench::with([("taken", log(TAKEN)), ("refused", log(REFUSED)), ("decided", log(DECIDED))]).compare();
    seen.check("taken", [count(TAKEN), 0, 0, 0, 0]);
    seen.check("refused", [0, 0, count(REFUSED), 0, 0]);
    // Two numbers are beyond f64; one that is too small is 0, and lone surrogates are marks.
    seen.check("decided", [count(DECIDED) - 2, 0, 2, 0, 0]);
    seen.end();
}
