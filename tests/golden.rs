//! Every fixture reduces to its `expected.json`, cut at every byte and resumed from every line.
//!
//! `WHEELWATCH_BLESS=1 cargo test --test golden` writes the expectations anew; read the difference before committing it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use serde_json::Value;
use wheelwatch::reducer::dialect::Reading;
use wheelwatch::reducer::dump::{self, EventsHash};
use wheelwatch::reducer::reduce::{EventRow, Reducer, Tail};
use wheelwatch::reducer::run::RunState;

/// The folders below `fixtures/` that hold `<case>/run.log` with an `expected.json`.
const DIALECTS: &[&str] = &["generic", "plain", "anvil", "claude", "codex", "ralph"];

fn fixtures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for dialect in DIALECTS {
        let folder = root.join(dialect);
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let case = entry.unwrap().path();
            assert!(case.join("run.log").is_file(), "{} holds no run.log", case.display());
            found.push(case);
        }
    }
    found.sort();
    assert!(found.len() >= 8, "only {} fixtures were found", found.len());
    found
}

/// The dump of a log that was pushed in these pieces, its tail taken as spec 1.2 says.
fn dump_of(pieces: &[&[u8]]) -> Value {
    let mut reducer = Reducer::new(Reading::default());
    let mut rows = Vec::new();
    for piece in pieces {
        reducer.push(piece, &mut |event| rows.push(EventRow::of(event)));
    }
    finish(&mut reducer, rows)
}

fn finish(reducer: &mut Reducer, mut rows: Vec<EventRow>) -> Value {
    let (state, pending) = match reducer.tail() {
        Tail::None => (reducer.state().clone(), 0),
        Tail::Pending(bytes) => (reducer.state().clone(), bytes),
        Tail::Provisional(state, more) => {
            rows.extend(more);
            (*state, 0)
        }
    };
    let mut hash = EventsHash::default();
    rows.iter().for_each(|row| hash.push(row));
    let (events, sha) = hash.finish();
    serde_json::json!(dump::run("run", "run", &state, pending, events, &sha))
}

#[test]
fn every_fixture_reduces_to_its_expectation() {
    let bless = std::env::var_os("WHEELWATCH_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in fixtures() {
        let log = std::fs::read(case.join("run.log")).unwrap();
        let actual = serde_json::to_string_pretty(&dump_of(&[&log])).unwrap() + "\n";
        let file = case.join("expected.json");
        if bless {
            std::fs::write(&file, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        if expected != actual {
            let line = expected.lines().zip(actual.lines()).position(|(a, b)| a != b).unwrap_or(0);
            wrong.push(format!(
                "{}:{}: expected {:?}, got {:?}",
                file.display(),
                line + 1,
                expected.lines().nth(line),
                actual.lines().nth(line)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fixture_cut_at_every_byte_folds_to_the_same_state() {
    for case in fixtures() {
        let log = std::fs::read(case.join("run.log")).unwrap();
        let mut whole = Reducer::new(Reading::default());
        for line in log.split_inclusive(|byte| *byte == b'\n') {
            let (before, start) = (whole.state().clone(), whole.offset());
            let at_once = pushed(before.clone(), start, &[line]);
            // Where a line ends both are at the same place: equal states there are equal states ever after.
            for cut in 1..line.len() {
                let pieces = pushed(before.clone(), start, &[&line[..cut], &line[cut..]]);
                assert!(at_once == pieces, "{} cut at byte {}", case.display(), start + cut as u64);
            }
            whole.push(line, &mut |_| ());
        }
        let bytes: Vec<&[u8]> = log.chunks(1).collect();
        assert_eq!(dump_of(&[&log]), dump_of(&bytes), "{} byte by byte", case.display());
    }
}

/// What follows a state when these pieces are pushed: the state, the rows, and what the tail is worth.
fn pushed(before: RunState, start: u64, pieces: &[&[u8]]) -> (RunState, u64, Vec<EventRow>, Value) {
    let mut reducer = Reducer::resume(Reading::default(), before, start);
    let mut rows = Vec::new();
    for piece in pieces {
        reducer.push(piece, &mut |event| rows.push(EventRow::of(event)));
    }
    (reducer.state().clone(), reducer.offset(), rows.clone(), finish(&mut reducer, rows))
}

#[test]
fn every_fixture_resumed_from_every_line_folds_to_the_same_state() {
    for case in fixtures() {
        let log = std::fs::read(case.join("run.log")).unwrap();
        let whole = dump_of(&[&log]);
        let ends = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        for cut in ends {
            let mut first = Reducer::new(Reading::default());
            let mut rows = Vec::new();
            first.push(&log[..cut], &mut |event| rows.push(EventRow::of(event)));
            let mut second = Reducer::resume(Reading::default(), stored(first.state()), first.offset());
            second.push(&log[cut..], &mut |event| rows.push(EventRow::of(event)));
            assert_eq!(whole, finish(&mut second, rows), "{} resumed at byte {cut}", case.display());
        }
    }
}

/// The state after it went to a cache and came back: what serialises, and the lists beside it.
fn stored(state: &RunState) -> RunState {
    let core = postcard::from_bytes(&postcard::to_stdvec(state).unwrap()).unwrap();
    RunState::restore(core, state.spans.clone(), state.markers.clone(), state.artifacts.clone())
}
