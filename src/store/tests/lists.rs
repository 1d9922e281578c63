//! Lists, pages, filters, and what is asked across runs.

use super::*;
use crate::reducer::event::{Level, Subject};
use crate::reducer::run::{Fact, Status};
use crate::reducer::time::Micros;
use crate::store::Outcome;
use crate::store::reader::{EventFilter, Lists, PAGE_BYTES, RunFilter, Sort};
use crate::store::run_row::status_order;

const START: i64 = 1_780_000_000_000_000;

fn fact<T>(value: T) -> Option<Fact<T>> {
    Some(Fact { value, line: 1 })
}

fn second(n: u64) -> Micros {
    Micros(START + i64::try_from(n).unwrap() * 1_000_000)
}

/// A run with the given values and no events.
fn send(store: &Store, key: &str, source: &str, set: impl FnOnce(&mut RunState)) {
    let mut state = RunState::default();
    set(&mut state);
    let log = LogRow { source: source.to_owned(), ..log(key, 1, 0) };
    let changes = crate::reducer::run::Changes::default();
    let batch =
        Batch { log, replace: false, state: Arc::new(state), changes, events: Some(Vec::new()), provisional: None };
    store.writer.send(Write::Batch(Box::new(batch))).unwrap();
}

/// A thousand runs, many alike in what they are sorted by, some without it.
fn thousand() -> (Place, Store) {
    let place = Place::new();
    let store = place.open();
    for n in 0..1000_u64 {
        send(&store, &format!("run-{n}"), "", |state| {
            let run = &mut state.run;
            if !n.is_multiple_of(10) {
                run.first_event_at = fact(second(n * 7919 % 97));
                run.started_at = run.first_event_at.clone();
                run.last_life_at = fact(second(100 + n % 31));
            }
            run.cost_usd =
                if n.is_multiple_of(3) { None } else { fact([0.1, 0.30000000000000004, 1e-9][n as usize % 3]) };
            run.status = (!n.is_multiple_of(11)).then(|| Fact { value: Status::ALL[n as usize % 7], line: 1 });
            run.workflow = fact(["alpha", "beta"][n as usize % 2].to_owned());
        });
    }
    store.writer.flush().unwrap();
    (place, store)
}

fn all_pages(store: &Store, filter: &RunFilter) -> Vec<RunRecord> {
    let mut runs = Vec::new();
    let mut filter = filter.clone();
    loop {
        let page = store.reader.runs(&filter).unwrap();
        assert!(page.runs.len() <= filter.limit as usize);
        runs.extend(page.runs);
        if page.next.is_none() {
            assert_eq!(page.total, runs.len() as u64);
            return runs;
        }
        filter.after = page.next;
    }
}

#[test]
fn pages_have_no_gap_and_no_repeat_in_any_order() {
    let (_place, store) = thousand();
    for sort in [Sort::Started, Sort::LastLife, Sort::Duration, Sort::Cost, Sort::Status] {
        let whole = all_pages(&store, &RunFilter { sort, limit: 5000, ..RunFilter::default() });
        assert_eq!(whole.len(), 1000);
        let keys = |runs: &[RunRecord]| runs.iter().map(|run| run.key.clone()).collect::<Vec<_>>();
        for limit in [1, 37, 500, 1000] {
            let paged = all_pages(&store, &RunFilter { sort, limit, ..RunFilter::default() });
            assert_eq!(keys(&paged), keys(&whole), "{sort:?} {limit}");
        }
        let mut sorted = keys(&whole);
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 1000, "{sort:?}");
        let place = |run: &RunRecord| -> f64 {
            let run = &run.state.run;
            let at = |known: &Option<Fact<Micros>>| known.as_ref().map_or(-1.0, |at| at.value.0 as f64);
            match sort {
                Sort::Started => at(&run.first_event_at),
                Sort::LastLife => at(&run.last_life_at),
                Sort::Duration => match (&run.started_at, &run.last_life_at) {
                    (Some(from), Some(to)) if !run.is_ended() => (to.value.0 - from.value.0) as f64,
                    _ => -1.0,
                },
                Sort::Cost => run.cost_usd.as_ref().map_or(-1.0, |cost| cost.value),
                Sort::Status => run_row::status_order(run.status.as_ref().map(|status| status.value)) as f64,
            }
        };
        assert!(whole.is_sorted_by(|a, b| place(a) >= place(b)), "{sort:?}");
    }
}

#[test]
fn filters_hold_in_any_order_and_are_counted() {
    let (_place, store) = thousand();
    let check = |filter: RunFilter, holds: &dyn Fn(&RunRecord) -> bool| {
        let everything = all_pages(&store, &RunFilter { limit: 5000, ..RunFilter::default() });
        let expected = everything.iter().filter(|run| holds(run)).count();
        assert!(expected > 0, "{filter:?}");
        for sort in [Sort::Started, Sort::LastLife, Sort::Duration, Sort::Cost, Sort::Status] {
            let filter = RunFilter { sort, limit: 60, ..filter.clone() };
            let found = all_pages(&store, &filter);
            assert_eq!(found.len(), expected, "{filter:?}");
            assert_eq!(store.reader.runs(&filter).unwrap().total, expected as u64, "{filter:?}");
            assert!(found.iter().all(holds), "{filter:?}");
            let place = |run: &RunRecord| {
                let status =
                    (sort == Sort::Status).then(|| status_order(run.state.run.status.as_ref().map(|at| at.value)));
                std::cmp::Reverse((status, run.state.run.first_event_at.as_ref().map(|at| at.value), run.number))
            };
            assert!(!matches!(sort, Sort::Started | Sort::Status) || found.is_sorted_by_key(place), "{filter:?}");
        }
    };
    let status = |run: &RunRecord| run.state.run.status.as_ref().map(|status| status.value);
    let began = |run: &RunRecord| run.state.run.first_event_at.as_ref().map(|at| at.value);
    let default = RunFilter::default;
    check(RunFilter { status: vec![Status::Failed], ..default() }, &|run| status(run) == Some(Status::Failed));
    check(RunFilter { status: vec![Status::Failed, Status::Queued], ..default() }, &|run| {
        matches!(status(run), Some(Status::Failed | Status::Queued))
    });
    check(RunFilter { open: Some(true), ..default() }, &|run| !run.state.run.is_ended());
    check(RunFilter { open: Some(false), ..default() }, &|run| run.state.run.is_ended());
    check(RunFilter { workflow: Some("beta".to_owned()), ..default() }, &|run| {
        run.state.run.workflow.as_ref().is_some_and(|workflow| workflow.value == "beta")
    });
    check(RunFilter { from: Some(second(10)), to: Some(second(20)), ..default() }, &|run| {
        began(run).is_some_and(|at| second(10) <= at && at < second(20))
    });
    check(RunFilter { text: Some("RUN-99".to_owned()), ..default() }, &|run| run.key.contains("run-99"));
    let both = RunFilter { open: Some(true), text: Some("7".to_owned()), ..default() };
    check(both, &|run| run.key.contains('7') && !run.state.run.is_ended());
}

#[test]
fn text_is_looked_for_plainly_and_everywhere_it_is_promised() {
    let place = Place::new();
    let store = place.open();
    type Set = fn(&mut RunState, String);
    let values: [(&str, Set); 5] = [
        ("title", |state, text| state.run.title = fact(text)),
        ("workflow", |state, text| state.run.workflow = fact(text)),
        ("candidate", |state, text| state.run.candidate = fact(text)),
        ("reason", |state, text| state.run.status_reason = fact(text)),
        ("error", |state, text| {
            state.run.error = fact(crate::reducer::event::ErrorText { message: Some(text), ..Default::default() });
        }),
    ];
    for (key, set) in values {
        send(&store, key, "", |state| set(state, format!("100% of {key}_x \\ '); DROP TABLE run;--")));
    }
    send(&store, "other", "", |state| state.run.title = fact("100 of all".to_owned()));
    store.writer.flush().unwrap();
    let find = |text: &str| {
        let filter = RunFilter { text: Some(text.to_owned()), limit: 50, ..RunFilter::default() };
        let page = store.reader.runs(&filter).unwrap();
        assert_eq!(page.total, page.runs.len() as u64);
        page.runs.len()
    };
    let long = "%".repeat(100_000);
    for (text, found) in [("100%", 5), ("100", 6), ("%", 5), ("_x \\", 5), ("_", 5), ("error_X", 1), ("'); drop", 5)] {
        assert_eq!(find(text), found, "{text}");
    }
    assert_eq!((find(""), find("othe_"), find(&long)), (6, 0, 0));
}

#[test]
fn the_newest_runs_of_a_workflow_are_found_without_looking_at_the_others() {
    let (place, store) = thousand();
    send(&store, "lonely", "", |state| state.run.title = fact(String::from("found by title")));
    store.writer.flush().unwrap();
    let keys = |workflow, text, limit| -> Vec<String> {
        let found = store.reader.of_workflow(workflow, text, limit).unwrap();
        found.into_iter().map(|record| record.key).collect()
    };
    for workflow in ["alpha", "beta"] {
        let filter = RunFilter { workflow: Some(workflow.to_owned()), limit: 1000, ..RunFilter::default() };
        let listed: Vec<String> = store.reader.runs(&filter).unwrap().runs.into_iter().map(|run| run.key).collect();
        assert_eq!(keys(Some(workflow), None, 1000), listed);
        assert_eq!(keys(Some(workflow), None, 7), listed[..7]);
    }
    assert_eq!(keys(None, None, 9), ["lonely"]);
    assert_eq!(keys(None, Some("by title"), 9), ["lonely"]);
    assert_eq!(keys(None, Some("nothing"), 9), [""; 0]);
    assert_eq!(keys(Some("gamma"), None, 9), [""; 0]);
    let plan = "EXPLAIN QUERY PLAN SELECT number FROM run WHERE run.workflow IS NULL
        ORDER BY ifnull(run.first_event_at, -1) DESC, run.number DESC LIMIT 5";
    let connection = rusqlite::Connection::open(place.cache()).unwrap();
    let plan: String = connection.query_row(plan, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("run_workflow"), "{plan}");
}

#[test]
fn an_artifact_is_found_by_its_place() {
    let place = Place::new();
    let store = place.open();
    let named = |n| format!("{{\"event\":\"artifact.created\",\"path\":\"{n}.md\"}}\n");
    write_whole(&store, "r", 1, &(0..3).map(named).collect::<String>());
    write_whole(&store, "s", 1, &named(9));
    let path = |key, place| store.reader.artifact(key, place).unwrap().map(|artifact| artifact.path);
    let expected = [None, Some("0.md"), Some("1.md"), Some("2.md"), None];
    for (place, expected) in (0..).zip(expected) {
        assert_eq!(path("r", place).as_deref(), expected, "{place}");
    }
    assert_eq!(path("s", 1).as_deref(), Some("9.md"));
    for (key, place) in [("s", 2), ("nobody", 1), ("r", u64::MAX), ("r", 1 << 32)] {
        assert_eq!(path(key, place), None, "{key} {place}");
    }
}

#[test]
fn a_key_of_a_row_that_is_none_asks_for_the_first_page() {
    let (_place, store) = thousand();
    let first = store.reader.runs(&RunFilter { limit: 3, ..RunFilter::default() }).unwrap();
    for after in ["", "x", "1", "1.2.3.4", "r9.r", "9999999999999999999999.1", "' OR 1=1"] {
        let filter = RunFilter { after: Some(after.to_owned()), limit: 3, ..RunFilter::default() };
        assert_eq!(store.reader.runs(&filter).unwrap(), first, "{after}");
    }
    let none = store.reader.runs(&RunFilter::default()).unwrap();
    assert_eq!((none.runs.len(), none.total, none.next), (0, 1000, None));
}

#[test]
fn open_runs_and_bad_ends_and_the_last_end_are_found() {
    let place = Place::new();
    let store = place.open();
    assert_eq!(store.reader.last_ended().unwrap(), None);
    for (key, status, began, ended) in [
        ("old", Some(Status::Failed), 1, Some(10)),
        ("new", Some(Status::TimedOut), 2, Some(20)),
        ("good", Some(Status::Completed), 3, Some(30)),
        ("running", Some(Status::Running), 4, None),
        ("silent", None, 5, None),
        ("waiting", Some(Status::NeedsHuman), 6, None),
    ] {
        send(&store, key, "", |state| {
            state.run.status = status.map(|value| Fact { value, line: 1 });
            state.run.first_event_at = fact(second(began));
            state.run.ended_at = ended.map(|at| Fact { value: second(at), line: 1 });
        });
    }
    send(&store, "untimed", "", |state| state.run.status = fact(Status::Failed));
    store.writer.flush().unwrap();
    let keys = |runs: Vec<RunRecord>| runs.into_iter().map(|run| run.key).collect::<Vec<_>>();
    assert_eq!(keys(store.reader.open_runs().unwrap()), ["waiting", "silent", "running"]);
    // Without a time of its end a run ended when its log was last written.
    let written = log("untimed", 1, 0).modified().unwrap();
    assert_eq!(written, second(0));
    assert_eq!(keys(store.reader.ended_badly(second(11)).unwrap()), ["new"]);
    assert_eq!(keys(store.reader.ended_badly(written).unwrap()), ["new", "old", "untimed"]);
    assert_eq!(store.reader.last_ended().unwrap().unwrap().key, "good");
    let totals = store.reader.totals().unwrap();
    assert_eq!((totals.runs, totals.open), (7, 3));
}

#[test]
fn a_run_is_retried_by_the_newest_later_run_of_its_directory() {
    let place = Place::new();
    let store = place.open();
    for (key, source, began, retry_of) in [
        ("a/x/run-1", "a", Some(10), None),
        ("a/r-key", "a", Some(11), Some("a/x/run-1")),
        ("a/r-bare", "a", Some(12), Some("x/run-1")),
        ("a/r-last", "a", Some(13), Some("run-1")),
        ("a/earlier", "a", Some(9), Some("run-1")),
        ("a/untimed", "a", None, Some("run-1")),
        ("b/other", "b", Some(99), Some("run-1")),
        ("b/run-1", "b", Some(98), None),
    ] {
        send(&store, key, source, |state| {
            state.run.first_event_at = began.map(|at| Fact { value: second(at), line: 1 });
            state.run.retry_of = retry_of.map(|key| Fact { value: key.to_owned(), line: 1 });
        });
    }
    store.writer.flush().unwrap();
    let retried = |key| store.reader.run(key, Lists::None).unwrap().unwrap().retried_by;
    assert_eq!(retried("a/x/run-1").as_deref(), Some("a/r-last"));
    assert_eq!(retried("b/run-1").as_deref(), Some("b/other"));
    assert_eq!(retried("a/r-last"), None);
    assert_eq!(retried("a/untimed"), None);
}

#[test]
fn a_run_of_a_list_is_told_of_a_retry_that_came_changed_or_went() {
    let place = Place::new();
    let store = place.open();
    let retry = |key: &str, began: u64, retry_of: Option<&str>| {
        send(&store, key, "", |state| {
            state.run.first_event_at = fact(second(began));
            state.run.retry_of = retry_of.and_then(|key| fact(key.to_owned()));
        });
        store.writer.flush().unwrap();
    };
    let retried = || {
        let page = store.reader.runs(&RunFilter { limit: 50, ..RunFilter::default() }).unwrap();
        page.runs.into_iter().find(|run| run.key == "run").unwrap().retried_by
    };
    retry("run", 1, None);
    assert_eq!(retried(), None);
    retry("again", 2, Some("run"));
    assert_eq!(retried().as_deref(), Some("again"));
    retry("further", 3, Some("run"));
    assert_eq!(retried().as_deref(), Some("further"));
    retry("further", 0, Some("run"));
    assert_eq!(retried().as_deref(), Some("again"), "it was no later one");
    retry("again", 2, None);
    assert_eq!(retried(), None);
    retry("again", 2, Some("run"));
    write(&store, Write::Remove(String::from("again")));
    assert_eq!(retried(), None);
}

#[test]
fn a_page_of_runs_with_long_texts_ends_early_and_goes_on_there() {
    let place = Place::new();
    let store = place.open();
    for n in 0..7 {
        send(&store, &format!("run-{n}"), "", |state| state.run.title = fact(n.to_string().repeat(PAGE_BYTES / 2)));
    }
    store.writer.flush().unwrap();
    let filter = RunFilter { limit: 50, ..RunFilter::default() };
    assert_eq!(store.reader.runs(&filter).unwrap().runs.len(), 2);
    assert_eq!(all_pages(&store, &filter).len(), 7);
    assert_eq!(store.reader.runs(&RunFilter { limit: 1, ..filter }).unwrap().runs.len(), 1);
}

#[test]
fn runs_are_counted_by_status_whatever_becomes_of_them() {
    let place = Place::new();
    let store = place.open();
    let set = |key: &str, status: Option<Status>| {
        send(&store, key, "", |state| state.run.status = status.and_then(fact));
        store.writer.flush().unwrap();
    };
    let count = |status: Status| {
        let filter = RunFilter { status: vec![status], limit: 50, ..RunFilter::default() };
        let page = store.reader.runs(&filter).unwrap();
        assert_eq!(page.total, page.runs.len() as u64, "{status:?}");
        page.total
    };
    set("a", Some(Status::Running));
    set("b", Some(Status::Running));
    set("c", None);
    assert_eq!((count(Status::Running), count(Status::Failed)), (2, 0));
    set("a", Some(Status::Failed));
    assert_eq!((count(Status::Running), count(Status::Failed)), (1, 1));
    write(&store, Write::Remove(String::from("a")));
    assert_eq!((count(Status::Running), count(Status::Failed)), (1, 0));
    write(&store, Write::Batch(Box::new(whole("b", 2, ""))));
    assert_eq!((count(Status::Running), store.reader.totals().unwrap().runs), (0, 2));
    drop(store);
    let store = place.open();
    let open = RunFilter { open: Some(true), limit: 50, ..RunFilter::default() };
    assert_eq!(store.reader.runs(&open).unwrap().total, 2);
}

/// A run that took so many seconds for its phase build.
fn phase_run(began: u64, seconds: u64, workflow: Option<&str>) -> String {
    let workflow = workflow.map_or(String::new(), |workflow| format!(r#","workflow":"{workflow}""#));
    let at = |second: u64| format!("epoch:{}", START / 1_000_000 + i64::try_from(second).unwrap());
    format!(
        "{{\"ts\":\"{}\",\"event\":\"phase.started\",\"phase\":\"build\"{workflow}}}\n{{\"ts\":\"{}\",\"event\":\"phase.finished\",\"phase\":\"build\"}}\n",
        at(began),
        at(began + seconds)
    )
}

#[test]
fn expectations_are_learned_from_earlier_runs_of_the_same_workflow() {
    let place = Place::new();
    let store = place.open();
    for n in 1..=10 {
        write_whole(&store, &format!("w-{n}"), 1, &phase_run(n * 100, n * 10, Some("w")));
        write_whole(&store, &format!("none-{n}"), 1, &phase_run(n * 100, n, None));
    }
    let learned = |workflow, phase, before| store.reader.learned(workflow, phase, Some(second(before))).unwrap();
    for _ in 0..2 {
        let found = learned(Some("w"), "build", 5000).unwrap();
        assert_eq!((found.spans, found.median_ms, found.p90_ms), (10, 50_000, 90_000));
        assert_eq!(learned(None, "build", 5000).unwrap().p90_ms, 9000);
        // The fifth run began at 500 s, so before 500 s there are four.
        assert_eq!(learned(Some("w"), "build", 500), None);
        assert_eq!(learned(Some("w"), "build", 501).unwrap().spans, 5);
        assert_eq!(learned(Some("w"), "verify", 5000), None);
        assert_eq!(learned(Some("v"), "build", 5000), None);
        assert_eq!(store.reader.learned(Some("w"), "build", None).unwrap(), None);
    }
    // A run that is read anew, renamed or gone teaches what it says now.
    write_whole(&store, "w-10", 2, &phase_run(1000, 1, Some("w")));
    let anew = learned(Some("w"), "build", 5000).unwrap();
    assert_eq!((anew.spans, anew.median_ms, anew.p90_ms), (10, 40_000, 80_000));
    write(&store, Write::Remove("w-9".to_owned()));
    assert_eq!(learned(Some("w"), "build", 5000).unwrap().spans, 9);
    let mut renamed = whole("w-8", 1, &phase_run(800, 80, Some("w")));
    Arc::make_mut(&mut renamed.state).run.workflow = fact("v".to_owned());
    renamed.changes = crate::reducer::run::Changes::default();
    renamed.events = Some(Vec::new());
    write(&store, Write::Batch(Box::new(renamed)));
    assert_eq!(learned(Some("w"), "build", 5000).unwrap().spans, 8);
}

#[test]
fn events_are_paged_in_both_directions_and_filtered() {
    let place = Place::new();
    let store = place.open();
    let mut text = String::new();
    for n in 0..300 {
        let line = match n % 5 {
            0 => r#"{"event":"heartbeat"}"#.to_owned(),
            1 => format!(r#"{{"event":"step.started","step":"s-{}"}}"#, n % 4),
            2 => r#"{"event":"log","level":"error","message":"m"}"#.to_owned(),
            3 => "text".to_owned(),
            _ => format!(r#"{{"event":"tool.call","span_id":"t-{n}"}}"#),
        };
        text.push_str(&line);
        text.push_str(if n % 7 == 0 { "\n\n" } else { "\n" });
    }
    write_whole(&store, "run-1", 1, &text);
    let (_, all) = reduce(&text);
    let events = |filter: &EventFilter| store.reader.events("run-1", filter).unwrap();
    let default = EventFilter::default;
    type Holds<'a> = &'a dyn Fn(&EventRow) -> bool;
    let cases: [(EventFilter, Holds<'_>); 7] = [
        (EventFilter { hidden: true, ..default() }, &|_| true),
        (default(), &|row| !row.hidden),
        (EventFilter { level: Some(Level::Error), ..default() }, &|row| row.level == Some(Level::Error)),
        (EventFilter { name: Some("log".to_owned()), ..default() }, &|row| row.name.as_deref() == Some("log")),
        (EventFilter { subject: Some(Subject::Tool), ..default() }, &|row| row.subject == Some(Subject::Tool)),
        (EventFilter { span: Some("s-1".to_owned()), ..default() }, &|row| row.span.as_deref() == Some("s-1")),
        (EventFilter { name: Some("log".to_owned()), level: Some(Level::Info), ..default() }, &|_| false),
    ];
    for (filter, holds) in cases {
        let expected: Vec<(u64, &EventRow)> = (1..).zip(&all).filter(|(_, row)| holds(row)).collect();
        let (mut forwards, mut after) = (Vec::new(), 0);
        loop {
            let page = events(&EventFilter { after: Some(after), limit: 17, ..filter.clone() });
            assert_eq!((page.total, page.hidden, page.incomplete), (300, 60, false));
            assert_eq!(page.earlier, !forwards.is_empty(), "{filter:?}");
            forwards.extend(page.events);
            after = forwards.last().map_or(0, |event| event.ordinal);
            if !page.later {
                break;
            }
        }
        let (mut backwards, mut before) = (Vec::new(), None);
        loop {
            let page = events(&EventFilter { before, limit: 17, ..filter.clone() });
            assert_eq!(page.later, !backwards.is_empty(), "{filter:?}");
            before = page.events.first().map(|event| event.ordinal);
            backwards.extend(page.events.into_iter().rev());
            if !page.earlier {
                break;
            }
        }
        backwards.reverse();
        for found in [forwards, backwards] {
            let found: Vec<(u64, &EventRow)> = found.iter().map(|event| (event.ordinal, &event.row)).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
    }
    assert!(store.reader.events("no-such-run", &default()).unwrap().events.is_empty());
}

#[test]
fn a_physical_line_is_found_with_its_first_event() {
    let place = Place::new();
    let store = place.open();
    let text = "{\"event\":\"a\"}{\"event\":\"b\"}\n\ntext\n\n\n{\"event\":\"c\"}\n";
    write_whole(&store, "run-1", 1, text);
    let line = |n| store.reader.line("run-1", n).unwrap().map(|row| (row.line, row.offset, row.length));
    assert_eq!(line(1), Some((1, 0, 13)));
    assert_eq!(line(3), Some((3, 28, 4)));
    assert_eq!(line(6), Some((6, 35, 13)));
    for blank in [0, 2, 4, 5, 7, u64::MAX] {
        assert_eq!(line(blank), None, "{blank}");
    }
    assert_eq!(store.reader.line("none", 1).unwrap(), None);
}

/// The counts as they would be by looking at every run.
fn counted_by_scan(store: &Store) -> Vec<(i64, Outcome, u64, i64)> {
    let mut counted: std::collections::BTreeMap<(i64, u8), (Outcome, u64, i64)> = std::collections::BTreeMap::new();
    for run in all_pages(store, &RunFilter { limit: 5000, ..RunFilter::default() }) {
        let values = &run.state.run;
        let (Some(first), status) = (&values.first_event_at, values.status.as_ref().map(|fact| fact.value)) else {
            continue;
        };
        let (rank, outcome) = match status {
            Some(Status::Failed | Status::TimedOut) => (1, Outcome::Failed),
            Some(Status::Completed | Status::Cancelled) => (2, Outcome::Ended),
            _ => (0, Outcome::Open),
        };
        let took = values.ended_at.as_ref().zip(values.started_at.as_ref());
        let took =
            took.filter(|_| outcome != Outcome::Open).and_then(|(end, start)| end.value.millis_since(start.value));
        let entry = counted.entry((first.value.0.div_euclid(86_400_000_000), rank)).or_insert((outcome, 0, 0));
        *entry = (outcome, entry.1 + 1, entry.2 + took.unwrap_or(0));
    }
    counted.into_iter().map(|((day, _), (outcome, runs, took))| (day, outcome, runs, took)).collect()
}

fn counted(store: &Store) -> Vec<(i64, Outcome, u64, i64)> {
    let mut counted: Vec<(i64, Outcome, u64, i64)> = Vec::new();
    for tallied in store.reader.tallies(Micros(0), Micros(i64::MAX)).unwrap() {
        let (day, runs) = (tallied.day.0 / 86_400_000_000, tallied.runs);
        let took = tallied.duration_ms.unwrap_or(0) * i64::try_from(runs).unwrap();
        match counted.iter_mut().find(|(known, outcome, ..)| (*known, *outcome) == (day, tallied.outcome)) {
            Some(entry) => (entry.2, entry.3) = (entry.2 + runs, entry.3 + took),
            None => counted.push((day, tallied.outcome, runs, took)),
        }
    }
    let rank = |outcome: &Outcome| [Outcome::Open, Outcome::Failed, Outcome::Ended].iter().position(|o| o == outcome);
    counted.sort_by_key(|(day, outcome, ..)| (*day, rank(outcome)));
    counted
}

#[test]
fn runs_are_counted_by_day_and_outcome_whatever_becomes_of_them() {
    let place = Place::new();
    let store = place.open();
    let put = |n: u64, status: Status, day: u64, took: Option<u64>| {
        send(&store, &format!("run-{n}"), "", |state| {
            let run = &mut state.run;
            run.status = fact(status);
            run.first_event_at = fact(second(day * 86_400));
            run.started_at = run.first_event_at.clone();
            run.ended_at = took.and_then(|took| fact(second(day * 86_400 + took)));
        });
        store.writer.flush().unwrap();
    };
    let check = |what: &str| {
        let scanned = counted_by_scan(&store);
        assert_eq!(counted(&store), scanned, "{what}");
        scanned.iter().map(|(_, _, runs, _)| runs).sum::<u64>()
    };
    for n in 0..20 {
        put(n, Status::Running, n % 3, None);
    }
    put(90, Status::Completed, 1, None);
    assert_eq!(check("new"), 21);
    for n in 0..20 {
        put(
            n,
            [Status::Completed, Status::Failed, Status::TimedOut, Status::Cancelled][n as usize % 4],
            n % 3,
            Some(n * 64),
        );
        check("ended");
    }
    put(3, Status::Running, 0, None);
    check("open again");
    put(4, Status::Failed, 2, Some(7));
    check("another day");
    for key in ["run-5", "run-6"] {
        store.writer.send(Write::Remove(key.to_owned())).unwrap();
    }
    store.writer.flush().unwrap();
    assert_eq!(check("removed"), 19);
    drop(store);
    assert_eq!(counted(&place.open()).iter().map(|(_, _, runs, _)| runs).sum::<u64>(), 19, "kept over a restart");
}
