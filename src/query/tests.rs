//! The joining of records with verdicts, on plain data.

use std::sync::Arc;

use super::judged::LookUps;
use super::{Banner, Judged, Pill};
use crate::reducer::attention::Reason;
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::{Fact, Holder, Known, RunState, Status};
use crate::reducer::time::Micros;
use crate::reducer::verdict::world::{NOW, ago, marker};
use crate::reducer::verdict::{Learned, Policy, Rule};
use crate::store::RunRecord;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn fact<T>(value: T) -> Known<T> {
    Some(Fact { value, line: 1 })
}

/// A run that was alive a moment ago.
fn record(key: &str, status: Status, started: Option<i64>) -> RunRecord {
    let mut state = RunState::default();
    state.run.status = fact(status);
    state.run.started_at = started.and_then(|ms| fact(ago(ms)));
    state.run.first_event_at = state.run.started_at.clone();
    state.health.last_line = 9;
    RunRecord {
        number: 1,
        key: key.to_owned(),
        version: 3,
        state: state.into(),
        log: Arc::default(),
        modified: Some(NOW),
        retried_by: None,
    }
}

fn with(mut record: RunRecord, change: impl FnOnce(&mut RunRecord)) -> RunRecord {
    change(&mut record);
    record
}

fn alive(record: RunRecord, at: Micros) -> RunRecord {
    let mut record = RunRecord { modified: Some(at), ..record };
    record.state_mut().run.last_life_at = fact(at);
    record.state_mut().health.last_line_timed = true;
    record
}

fn abandoned(key: &str) -> RunRecord {
    alive(record(key, Status::Running, Some(3 * DAY)), ago(2 * DAY))
}

fn asking(key: &str, markers: Vec<(MarkerKind, Option<i64>)>) -> RunRecord {
    let mut record = record(key, Status::Running, Some(HOUR));
    let open = markers.into_iter().zip(2..);
    record.state_mut().markers =
        open.map(|((kind, at), line)| Marker { opened_at: at.map(ago), ..marker(kind, "-", line) }).collect();
    record
}

fn failed(key: &str, at: i64) -> RunRecord {
    let mut record = record(key, Status::Failed, Some(at + HOUR));
    record.state_mut().run.ended_at = fact(ago(at));
    record
}

fn judged(record: RunRecord) -> Judged {
    Judged::of(record, LookUps::default(), &Policy::default(), NOW)
}

fn banner(open: Vec<RunRecord>, ended: Vec<RunRecord>) -> Banner {
    Banner::of(open.into_iter().map(judged).collect(), ended.into_iter().map(judged).collect())
}

#[test]
fn active_runs_are_the_open_ones_that_are_not_abandoned_the_last_started_first() {
    let banner = banner(
        vec![
            record("queued", Status::Queued, None),
            record("no-time", Status::Running, None),
            record("older", Status::Running, Some(2 * HOUR)),
            record("b", Status::NeedsHuman, Some(HOUR)),
            record("a", Status::Running, Some(HOUR)),
            abandoned("gone"),
        ],
        vec![failed("failed", 0)],
    );
    let keys: Vec<&str> = banner.active.iter().map(|judged| judged.record.key.as_str()).collect();
    assert_eq!(keys, ["a", "b", "older", "no-time", "queued"]);
}

#[test]
fn the_pill_shows_the_last_started_active_run_and_counts_the_others() {
    let open =
        vec![record("old", Status::Running, Some(HOUR)), record("new", Status::Running, Some(1)), abandoned("x")];
    let Pill::Active(first, others) = banner(open, Vec::new()).pill() else { panic!("no active run") };
    assert_eq!((first.record.key.as_str(), others), ("new", 1));
}

#[test]
fn without_an_active_run_the_pill_shows_the_one_that_ended_last() {
    for open in [Vec::new(), vec![abandoned("gone")]] {
        let mut banner = banner(open, Vec::new());
        assert!(matches!(banner.pill(), Pill::Idle(None)));
        banner.last_ended = Some(Box::new(failed("last", 0)));
        let Pill::Idle(Some(last)) = banner.pill() else { panic!("not idle") };
        assert_eq!(last.key, "last");
    }
}

#[test]
fn attention_is_sorted_by_since_then_key_and_what_has_no_time_comes_last() {
    let banner = banner(
        vec![
            asking("c", vec![(MarkerKind::Question, None)]),
            asking("b", vec![(MarkerKind::Question, Some(5)), (MarkerKind::Approval, Some(5))]),
            asking("a", vec![(MarkerKind::Handoff, Some(9)), (MarkerKind::Approval, Some(1))]),
            record("healthy", Status::Running, Some(HOUR)),
            abandoned("abandoned"),
        ],
        vec![
            failed("d", 5),
            failed("old", 8 * DAY),
            RunRecord { retried_by: Some(String::from("again")), ..failed("retried", 1) },
        ],
    );
    let found: Vec<_> = banner.attention.iter().map(|i| (i.run.record.key.as_str(), i.entry.reason)).collect();
    let wanted = [
        ("a", Reason::Approval),
        ("b", Reason::Question),
        ("b", Reason::Approval),
        ("d", Reason::Failed),
        ("a", Reason::Handoff),
        ("c", Reason::Question),
    ];
    assert_eq!(found, wanted);
    // The one number: what the runs say of themselves adds up to it.
    let mut runs: Vec<&Arc<Judged>> = banner.attention.iter().map(|item| &item.run).collect();
    runs.sort_by_key(|run| &run.record.key);
    runs.dedup_by_key(|run| &run.record.key);
    assert_eq!(runs.iter().map(|run| run.summary(NOW).attention).sum::<usize>(), banner.attention.len());
}

#[test]
fn the_queue_has_what_is_open_in_active_runs() {
    let mut closed = asking("closed", vec![(MarkerKind::Queue, None)]);
    closed.state_mut().markers[0].closed_line = Some(9);
    let open = vec![
        asking("a", vec![(MarkerKind::Queue, None), (MarkerKind::Question, None), (MarkerKind::Queue, None)]),
        closed,
        with(abandoned("gone"), |r| r.state_mut().markers = vec![marker(MarkerKind::Queue, "-", 2)]),
    ];
    let banner = banner(open, Vec::new());
    let found: Vec<_> =
        banner.queue().iter().map(|item| (item.run.record.key.as_str(), item.marker.opened_line)).collect();
    assert_eq!(found, [("a", 2), ("a", 4)]);
}

#[test]
fn a_duration_ends_where_the_run_did() {
    let cases = [
        ("ended", failed("a", 5 * MINUTE), Some(HOUR)),
        ("running", alive(record("a", Status::Running, Some(HOUR)), ago(MINUTE)), Some(HOUR)),
        ("queued", record("a", Status::Queued, None), None),
        ("abandoned, to its last line", abandoned("a"), Some(DAY)),
        (
            "a clock ahead of ours by two hours",
            alive(record("a", Status::Running, Some(-HOUR)), ago(-2 * HOUR)),
            Some(HOUR),
        ),
        ("started in the future of an untimed log", record("a", Status::Running, Some(-HOUR)), Some(0)),
        ("ended before it started", with(failed("a", 0), |r| r.state_mut().run.started_at = fact(ago(-HOUR))), Some(0)),
        ("an end without a time", with(failed("a", 0), |r| r.state_mut().run.ended_at = None), None),
    ];
    for (name, record, wanted) in cases {
        let modified = if name.starts_with("a clock ahead") { Some(NOW) } else { record.modified };
        let judged = judged(RunRecord { modified, ..record });
        assert_eq!(judged.duration_ms(NOW), wanted, "{name}: {:?}", judged.verdict);
    }
}

#[test]
fn a_title_falls_back_to_workflow_key_and_the_roots_own_name() {
    let path = |key: &str, path: &str| with(record(key, Status::Running, None), |r| r.log_mut().path = path.to_owned());
    let cases = [
        (path("a/b", "/state/a/b/run.log"), "a/b"),
        (path(".", "/srv/state/run.log"), "state"),
        (path("left/.", "left/run.log"), "left"),
        (path(".", "run.log"), "."),
        (with(path(".", "/s/run.log"), |r| r.state_mut().run.workflow = fact(String::from("nightly"))), "nightly"),
        (with(path(".", "/s/run.log"), |r| r.state_mut().run.title = fact(String::from("T"))), "T"),
    ];
    for (record, title) in cases {
        assert_eq!(judged(record).title(), title);
    }
}

#[test]
fn a_look_up_can_change_the_verdict_of_an_active_run() {
    let mut record = alive(record("a", Status::Running, Some(HOUR)), NOW);
    record.state_mut().run.phase = fact(String::from("build"));
    record.state_mut().spans = vec![crate::reducer::span::Span {
        started_at: Some(ago(HOUR)),
        ..crate::reducer::verdict::world::span(crate::reducer::span::SpanKind::Phase, "build", 2)
    }];
    assert_eq!(judged(record.clone()).verdict.rule, Rule::Healthy);
    let learned = Some(Learned { median_ms: 1, p90_ms: 10 * MINUTE, spans: 7 });
    let look_ups = LookUps { learned, ..LookUps::default() };
    assert_eq!(Judged::of(record, look_ups, &Policy::default(), NOW).verdict.rule, Rule::Phase);
}

/// The names and their order are the interface (spec 4.2).
#[test]
fn a_summary_has_the_names_of_the_interface() {
    let mut record = asking("run%20a", vec![(MarkerKind::Question, Some(5)), (MarkerKind::Approval, Some(5))]);
    record.state_mut().run.holder = fact(Holder::Other(String::from("ada")));
    record.state_mut().run.cost_usd = fact(1.5);
    record.log_mut().source = String::from("left");
    let json = serde_json::to_string(&judged(record).summary(NOW)).expect("plain data is JSON");
    assert_eq!(
        json,
        "{\"attempt\":null,\"attention\":2,\"candidate\":null,\"cost_usd\":1.5,\"duration_ms\":3600000,\"ended_at\":null,\
         \"holder\":\"ada\",\"key\":\"run%20a\",\"last_life_at\":null,\"last_progress_at\":null,\"max_attempts\":null,\
         \"open_markers\":2,\"phase\":null,\"queued_at\":null,\"score\":null,\"source\":\"left\",\
         \"started_at\":\"2023-11-14T21:13:20.000000Z\",\"status\":\"running\",\"steps_done\":0,\"steps_total\":null,\
         \"title\":\"run%20a\",\"tokens_in\":null,\"tokens_out\":null,\"verdict\":\"waiting\",\"version\":3,\"workflow\":null}"
    );
}
