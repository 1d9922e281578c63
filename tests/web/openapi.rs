//! The description of the JSON interface is held against the routes and the real answers (spec 4.2), and so are the
//! figures for Prometheus.

use serde_json::{Value, json};

use super::*;

/// Every route, with addresses that between them give every shape of answer.
const ASKED: &[(&str, &[&str])] = &[
    ("/api/runs", &["/api/runs", "/api/runs?limit=1", "/api/runs?verdict=waiting&sort=cost"]),
    (
        "/api/runs/{key}",
        &["/api/runs/busy", "/api/runs/done?at=2", "/api/runs/failed", "/api/runs/files", "/api/runs/pipe"],
    ),
    (
        "/api/runs/{key}/events",
        &["/api/runs/busy/events?limit=3", "/api/runs/done/events", "/api/runs/done/events?q=red"],
    ),
    ("/api/runs/{key}/lines/{line}", &["/api/runs/done/lines/1", "/api/runs/done/lines/2?context=3"]),
    ("/api/runs/{key}/spans", &["/api/runs/busy/spans", "/api/runs/done/spans?at=2&limit=1"]),
    ("/api/runs/{key}/markers", &["/api/runs/busy/markers", "/api/runs/busy/markers?after=1"]),
    ("/api/runs/{key}/artifacts", &["/api/runs/files/artifacts", "/api/runs/files/artifacts?limit=3"]),
    ("/api/runs/{key}/artifacts/{n}", &[]),
    ("/api/runs/{key}/diff", &["/api/runs/busy/diff", "/api/runs/done/diff?from=5&to=1"]),
    ("/api/attention", &["/api/attention", "/api/attention?limit=1", "/api/attention?tab=queue"]),
    ("/api/queue", &["/api/queue"]),
    ("/api/stats", &["/api/stats", "/api/stats?days=3"]),
    ("/api/health", &["/api/health"]),
    ("/api/dump", &["/api/dump"]),
    ("/api/stream", &[]),
    ("/api/openapi.json", &["/api/openapi.json"]),
    ("/metrics", &[]),
];

/// Keywords that say nothing about an answer that could be wrong.
const PROSE: &[&str] = &["description"];

/// The places where a value is not as a schema says. A keyword that is not known here is a defect of the schema.
fn wrong(document: &Value, schema: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut nested = Vec::new();
    let mut say = |what: String| {
        found.push(format!("{place}: {what}, found {}", value.to_string().chars().take(80).collect::<String>()))
    };
    for (keyword, rule) in schema.as_object().expect("a schema") {
        match keyword.as_str() {
            "$ref" => {
                let pointer =
                    rule.as_str().and_then(|reference| reference.strip_prefix('#')).expect("a local reference");
                let schema = document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is not there"));
                nested.extend(wrong(document, schema, value, place));
            }
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !types.iter().any(|name| is_type(name.as_str().expect("a type"), value)) {
                    say(format!("not of type {rule}"));
                }
            }
            "enum" if !rule.as_array().expect("a list").contains(value) => say(format!("none of {rule}")),
            "const" if rule != value => say(format!("not {rule}")),
            "minimum" if value.as_f64().is_some_and(|number| Some(number) < rule.as_f64()) => {
                say(format!("below {rule}"))
            }
            "maximum" if value.as_f64().is_some_and(|number| Some(number) > rule.as_f64()) => {
                say(format!("above {rule}"))
            }
            "minLength" if value.as_str().is_some_and(|text| Some(text.len() as u64) < rule.as_u64()) => {
                say(format!("shorter than {rule}"))
            }
            "maxLength" if value.as_str().is_some_and(|text| Some(text.len() as u64) > rule.as_u64()) => {
                say(format!("longer than {rule}"))
            }
            "format" => {
                let pattern = if rule == "date-time" { "0000-00-00T00:00:00.000000Z" } else { "0000-00-00" };
                let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "0");
                if value.as_str().is_some_and(|text| shape(text) != pattern) {
                    say(format!("no {rule}"));
                }
            }
            "anyOf" => {
                let mut ways = rule.as_array().expect("a list").iter();
                if !ways.any(|way| wrong(document, way, value, place).is_empty()) {
                    say(String::from("none of the ways"));
                }
            }
            "required" => {
                for name in rule.as_array().expect("a list").iter().filter_map(Value::as_str) {
                    if value.as_object().is_some_and(|members| !members.contains_key(name)) {
                        say(format!("{name} is missing"));
                    }
                }
            }
            "maxItems" if value.as_array().is_some_and(|items| Some(items.len() as u64) > rule.as_u64()) => {
                say(format!("more than {rule}"))
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    nested.extend(wrong(document, rule, item, &format!("{place}[{at}]")));
                }
            }
            "properties" | "additionalProperties" => {
                let known = schema["properties"].as_object();
                for (name, member) in value.as_object().into_iter().flatten() {
                    let place = format!("{place}.{name}");
                    let own = known.and_then(|known| known.get(name));
                    match (keyword.as_str(), own) {
                        ("properties", Some(own)) => nested.extend(wrong(document, own, member, &place)),
                        ("additionalProperties", None) if *rule == json!(false) => {
                            say(format!("{name} is not described"))
                        }
                        ("additionalProperties", None) => nested.extend(wrong(document, rule, member, &place)),
                        _ => {}
                    }
                }
            }
            "enum" | "const" | "minimum" | "maximum" | "minLength" | "maxLength" | "maxItems" => {}
            word => assert!(PROSE.contains(&word), "{place}: the keyword {word} is not known"),
        }
    }
    found.extend(nested);
    found
}

fn is_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}

fn answer_schema<'a>(document: &'a Value, path: &str, status: &str) -> Option<&'a Value> {
    let response = &document["paths"][path]["get"]["responses"][status];
    let response = match response["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..])?,
        None => response,
    };
    response["content"]["application/json"].get("schema")
}

/// Runs with something in every list, and one that cannot be read.
fn busy() -> Fixture {
    fixture_with(|state| {
        let log = [
            line(
                9_000,
                r#""event":"run.started","run_id":"another","workflow":"ship","repo":"shop","inputs":{"a":[1]},"max_attempts":3,"attempt":1,"pass_threshold":0.8"#,
            ),
            line(8_000, r#""event":"phase.started","phase":"build","candidate":"c""#),
            line(7_500, r#""event":"step.started","step":"s","skill":"edit","input":{"a":1},"expected_s":900"#),
            line(
                7_000,
                r#""event":"step.failed","step":"s","error":{"message":"m","type":"T","stack":"at a"},"cost_usd":0.5,"input_tokens":7,"cache":"miss""#,
            ),
            line(6_500, r#""event":"session.started","session":"x","agent":"coder","model":"large""#),
            line(6_000, r#""event":"question.asked","id":"q","reason":"which?""#),
            line(5_000, r#""event":"question.answered","id":"q""#),
            line(4_500, r#""event":"heartbeat""#),
            line(
                4_000,
                r#""event":"approval.requested","id":"a","action":"push","integration":"forge","risk":"high","params":{"b":[1,null]},"expires_at":"2099-01-01T00:00:00Z""#,
            ),
            line(3_000, r#""event":"queue.added","id":"q-1","repo":"shop","reason":"rotate the key""#),
            line(2_000, r#""event":"log","level":"warn","msg":"slow""#),
            String::from("{\"torn\":\n"),
        ];
        write(&state.join("busy/run.log"), &log.concat());
        std::fs::create_dir_all(state.join("pipe/run.log")).expect("a directory where a log should be");
    })
}

#[tokio::test]
async fn the_description_holds_for_every_route_and_answer() {
    let fixture = busy();
    let document = fixture.json("/api/openapi.json", 200).await;
    assert_eq!(
        (&document["openapi"], &document["info"]["version"]),
        (&json!("3.1.0"), &json!(env!("CARGO_PKG_VERSION")))
    );

    // The routes that there are, from the one place where they are named.
    let routes = include_str!("../../src/web/api/mod.rs").split(".route(\"").skip(1);
    let mut routes: Vec<&str> = routes.filter_map(|rest| rest.split('"').next()).collect();
    routes.sort_unstable();
    assert_eq!(names(&document["paths"]), routes, "every route is described, and no other");
    let mut asked: Vec<&str> = ASKED.iter().map(|(route, _)| *route).collect();
    asked.sort_unstable();
    assert_eq!(asked, routes, "every route is asked");

    assert!(fixture.json("/api/runs/busy", 200).await["log"]["other_id"].is_object(), "every part has something in it");
    let mut found = Vec::new();
    for (route, addresses) in ASKED {
        for address in *addresses {
            let answer = fixture.json(address, 200).await;
            let schema = answer_schema(&document, route, "200").unwrap_or_else(|| panic!("{route} has no schema"));
            found.extend(wrong(&document, schema, &answer, address));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn parameters_and_errors_are_as_described() {
    let fixture = busy();
    let document = fixture.json("/api/openapi.json", 200).await;
    for (route, addresses) in ASKED {
        let Some(first) = addresses.first().map(|address| address.split('?').next().expect("a path")) else { continue };
        for parameter in document["paths"][*route]["get"]["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (parameter["name"].as_str().expect("a name"), &parameter["schema"]);
            if parameter["in"] != "query" {
                continue;
            }
            for word in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                fixture.json(&format!("{first}?{name}={word}"), 200).await;
            }
            let bounds = ["minimum", "maximum"].map(|bound| schema[bound].as_u64());
            for number in bounds.into_iter().flatten() {
                fixture.json(&format!("{first}?{name}={number}"), 200).await;
            }
            if schema.get("enum").is_some() || schema["type"] == "integer" {
                let error = fixture.json(&format!("{first}?{name}=-"), 400).await;
                let schema = answer_schema(&document, route, "400").unwrap_or_else(|| panic!("{route}: no 400"));
                assert_eq!(wrong(&document, schema, &error, route), [""; 0]);
            }
        }
        if route.contains("{key}") {
            let nobody = ["/busy", "/done", "/files"]
                .iter()
                .fold(first.to_owned(), |address, run| address.replacen(run, "/nobody", 1));
            let error = fixture.json(&nobody, 404).await;
            let schema = answer_schema(&document, route, "404").unwrap_or_else(|| panic!("{route}: no 404"));
            assert_eq!(wrong(&document, schema, &error, route), [""; 0]);
        }
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let document = json!({ "components": { "a": { "type": "integer", "minimum": 1 } } });
    let schema = json!({
        "type": "object", "required": ["n"], "additionalProperties": false,
        "properties": { "n": { "$ref": "#/components/a" }, "t": { "type": ["string", "null"], "format": "date-time" } },
    });
    let check = |value: Value| wrong(&document, &schema, &value, "it").len();
    assert_eq!(check(json!({ "n": 1, "t": null })), 0);
    assert_eq!(check(json!({ "n": 1, "t": "2026-01-02T03:04:05.000006Z" })), 0);
    for value in [
        json!({}),
        json!({ "n": 0 }),
        json!({ "n": 1.5 }),
        json!({ "n": 1, "x": 1 }),
        json!({ "n": 1, "t": "now" }),
        json!([]),
    ] {
        assert!(check(value.clone()) > 0, "{value}");
    }
}

#[tokio::test]
async fn figures_for_prometheus_agree_with_the_lists() {
    let fixture = busy();
    let (status, headers, text) = fixture.ask("/metrics", "127.0.0.1:7468").await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(headers[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let sample = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().expect("a number")
    };
    for word in ["running", "completed", "failed", "queued", "needs_human", "cancelled", "timed_out"] {
        let listed = fixture.json(&format!("/api/runs?status={word}"), 200).await["total"].clone();
        assert_eq!(listed, sample(&format!("wheelwatch_runs{{status=\"{word}\"}}")), "{word}");
    }
    for word in ["ended", "unknown", "stuck", "waiting", "late", "healthy"] {
        let listed = fixture.json(&format!("/api/runs?verdict={word}"), 200).await["total"].clone();
        assert_eq!(listed, sample(&format!("wheelwatch_run_verdicts{{verdict=\"{word}\"}}")), "{word}");
    }
    assert_eq!(fixture.json("/api/attention", 200).await["count"], sample("wheelwatch_attention"));
    let health = fixture.json("/api/health", 200).await;
    for (field, name) in
        [("lines", "ingest_lines"), ("malformed", "ingest_malformed_lines"), ("backlog_bytes", "ingest_backlog_bytes")]
    {
        assert_eq!(health[field], sample(&format!("wheelwatch_{name}")), "{field}");
    }
    assert!(sample("wheelwatch_ingest_bytes") > 0 && sample("wheelwatch_ingest_unreadable_logs") == 1, "{text}");
    for name in ["scans_total", "scan_seconds", "stream_clients"] {
        assert!(text.contains(&format!("# TYPE wheelwatch_{name} ")), "{name} is not in {text}");
    }
    // Every sample belongs to the family that was described last.
    let mut family = "";
    for line in text.lines() {
        match line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').next()) {
            Some(name) => family = name,
            None => assert!(line.starts_with('#') || line.starts_with(family), "{line} after {family}"),
        }
    }
}
