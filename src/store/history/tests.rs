//! Every snapshot is the state that its lines give, however they came into the tables.

mod part;

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::EVERY;
use crate::reducer::dialect::Reading;
use crate::reducer::reduce::{Reducer, Tail};
use crate::reducer::run::RunState;
use crate::store::row::Provisional;
use crate::store::writer::Write;
use crate::store::{self, Batch, Cursor, LogRow, Store};

/// Each byte of the log counts as so many, so that a log of some lines is long enough for snapshots.
const SCALE: u64 = EVERY / 150;

/// Lines that open, close, close again, renew, replace and take back.
const LINES: [&str; 25] = [
    r#"{"ts":T,"event":"run.started","workflow":"w"}"#,
    r#"{"ts":T,"event":"phase.started","phase":"build"}"#,
    r#"{"ts":T,"event":"phase.started","phase":"verify"}"#,
    r#"{"ts":T,"event":"phase.finished","phase":"build","score":N}"#,
    r#"{"ts":T,"event":"step.started","step_id":"s1","attempt":N}"#,
    r#"{"ts":T,"event":"step.finished","step_id":"s1","status":"failed","error":"e N"}"#,
    r#"{"ts":T,"event":"step.finished","step_id":"s1","output":"o"}"#,
    r#"{"ts":T,"event":"step.retried","step_id":"s1"}"#,
    r#"{"ts":T,"event":"step.started","step_id":"s2","deadline":"2026-01-01T00:00:00Z"}"#,
    r#"{"ts":T,"event":"usage","step_id":"s1","input_tokens":N,"cost_usd":0.N}"#,
    r#"{"ts":T,"event":"usage","step_id":"s2","total_output_tokens":N}"#,
    r#"{"ts":T,"event":"session.started","session_id":"a","agent":"x N"}"#,
    r#"{"ts":T,"event":"session.ended","session_id":"a"}"#,
    r#"{"ts":T,"event":"tool.started","span_id":"t","tool_name":"grep"}"#,
    r#"{"ts":T,"event":"tool.finished","span_id":"t","is_error":true}"#,
    r#"{"ts":T,"event":"question.raised","id":"q","reason":"r N"}"#,
    r#"{"ts":T,"event":"question.answered","id":"q"}"#,
    r#"{"ts":T,"event":"approval.requested","item":"p","params":{"n":N},"expires_at":"2026-01-01T00:00:00Z"}"#,
    r#"{"ts":T,"event":"approval.granted","item":"p"}"#,
    r#"{"ts":T,"event":"needs_human","reason":"N"}"#,
    r#"{"ts":T,"event":"artifact.written","path":"out.md","media_type":"text/N"}"#,
    r#"{"ts":T,"event":"artifact.written","path":"N.md"}"#,
    r#"{"ts":T,"event":"run.finished","status":"completed"}"#,
    "plain text",
    r#"{"ts":T,"event":"handoff.granted","holder":"N"}"#,
];

/// The lines that open a span, marker or artifact of each kind.
const OPENING: [usize; 8] = [0, 4, 11, 13, 15, 17, 20, 1];

struct Bench {
    _home: tempfile::TempDir,
    store: Store,
}

fn bench() -> Bench {
    let home = tempfile::tempdir().expect("a temporary directory");
    let store = store::open(&home.path().join("cache.db"), &[], "").expect("a cache");
    Bench { _home: home, store }
}

fn row(generation: u64, offset: u64) -> LogRow {
    let cursor = Cursor { generation, offset: offset * SCALE, ..Cursor::default() };
    LogRow { key: String::from("run"), path: String::from("run/run.log"), cursor, ..LogRow::default() }
}

impl Bench {
    /// Writes a log in pieces; what a piece ends with is shown as a tail where it consists of whole objects.
    fn write(&self, generation: u64, pieces: &[&[u8]]) {
        let mut reducer = Reducer::new(Reading::default());
        for (number, piece) in pieces.iter().enumerate() {
            reducer.push(piece, &mut |_| {});
            let changes = reducer.state_mut().take_changes();
            let provisional = match reducer.tail() {
                Tail::Provisional(mut state, events) => {
                    let changes = state.take_changes();
                    Some(Provisional { state, changes, events })
                }
                Tail::None | Tail::Pending(_) => None,
            };
            let batch = Batch {
                log: row(generation, reducer.offset()),
                replace: generation > 1 && number == 0,
                state: Arc::new(reducer.state().clone()),
                changes,
                events: None,
                provisional,
            };
            self.store.writer.send(Write::Batch(Box::new(batch))).expect("a writer");
        }
        self.store.writer.flush().expect("a commit");
    }

    /// The state after a line by way of its snapshot, and how many lines that saved.
    fn state_at(&self, log: &[u8], line: u64) -> (RunState, u64) {
        let found = self.store.reader.snapshot("run", line).expect("the cache answers");
        let Some(found) = found else { return (replay(log, line), 0) };
        let saved = found.state.counters.lines.total();
        let from = usize::try_from(found.offset / SCALE).expect("a small log");
        let mut reducer = Reducer::resume(Reading::default(), found.state, from as u64);
        reducer.push(first_lines(&log[from..], line - saved), &mut |_| {});
        (reducer.state().clone(), saved)
    }
}

fn first_lines(log: &[u8], lines: u64) -> &[u8] {
    let end = memchr::memchr_iter(b'\n', log).nth(usize::try_from(lines).expect("few").wrapping_sub(1));
    if lines == 0 { &[] } else { &log[..end.map_or(log.len(), |end| end + 1)] }
}

fn replay(log: &[u8], line: u64) -> RunState {
    let mut reducer = Reducer::new(Reading::default());
    reducer.push(first_lines(log, line), &mut |_| {});
    reducer.state().clone()
}

/// What of a state is known, without what is only about its next write.
fn essence(mut state: RunState) -> RunState {
    state.take_changes();
    RunState::restore(state.clone(), state.spans, state.markers, state.artifacts)
}

fn log_of(numbers: &[(usize, u8)]) -> Vec<u8> {
    let line = |(at, (line, number)): (usize, &(usize, u8))| {
        let time = format!("{}", 1_780_000_000 + at * 7);
        LINES[*line].replace('T', &time).replace('N', &number.to_string()) + "\n"
    };
    numbers.iter().enumerate().map(line).collect::<String>().into_bytes()
}

/// Writes a log cut at some places and asks for the state after every line; gives how many lines snapshots saved.
fn check(log: &[u8], cuts: &[usize]) -> u64 {
    let bench = bench();
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (log.len() + 1)).chain([0, log.len()]).collect();
    places.sort_unstable();
    places.dedup();
    let pieces: Vec<&[u8]> = places.windows(2).map(|ends| &log[ends[0]..ends[1]]).collect();
    bench.write(1, &pieces);
    let lines = log.iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut saved = 0;
    for line in 0..=lines {
        let (state, of_snapshot) = bench.state_at(log, line);
        assert_eq!(essence(state), essence(replay(log, line)), "line {line} of\n{}", String::from_utf8_lossy(log));
        saved += of_snapshot;
    }
    saved
}

#[test]
fn the_state_after_every_line_is_that_of_a_replay() {
    let logs = prop::collection::vec((0..LINES.len(), 0..9_u8), 20..50);
    let cuts = prop::collection::vec(any::<usize>(), 10..40);
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let saved = std::cell::Cell::new(0);
    let tried = runner.run(&(logs, cuts), |(numbers, cuts)| {
        // Something of every kind is open before anything else happens.
        let numbers: Vec<(usize, u8)> = OPENING.into_iter().map(|line| (line, 0)).chain(numbers).collect();
        saved.set(saved.get() + check(&log_of(&numbers), &cuts));
        Ok(())
    });
    tried.expect("every log");
    assert!(saved.get() > 1000, "snapshots were used for {} lines only", saved.get());
}

#[test]
fn second_ends_renewals_and_replaced_artifacts_are_taken_back() {
    // Each of the first lines opens something that every later round changes again.
    let opening = OPENING.map(|line| (line, 0));
    let round = |n: u8| [5, 6, 9, 12, 14, 15, 17, 19, 20, 24, 3].map(|line| (line, n));
    let numbers: Vec<(usize, u8)> = opening.into_iter().chain((1..8).flat_map(round)).collect();
    let log = log_of(&numbers);
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &log).map(|end| end + 1).collect();
    // A batch per line, and batches that end within a line, so that tails are shown and taken back.
    assert!(check(&log, &ends) > 1000, "a snapshot every few lines");
    let tails: Vec<usize> = ends.iter().map(|end| end - 1).collect();
    assert!(check(&log, &tails) > 1000, "a snapshot every few lines");
}

#[test]
fn a_short_log_has_no_snapshot() {
    let bench = bench();
    let log = log_of(&[(0, 1), (1, 1)]);
    bench.write(1, &[&log[..]]);
    assert_eq!(bench.store.reader.snapshot("run", 2).expect("the cache answers"), None);
    assert_eq!(bench.store.reader.snapshot("nobody", 2).expect("the cache answers"), None);
}

#[test]
fn snapshots_of_another_generation_are_gone() {
    let bench = bench();
    let log = log_of(&[(1, 1); 12]);
    bench.write(1, &[&log[..]]);
    assert!(bench.store.reader.snapshot("run", 12).expect("the cache answers").is_some());
    bench.write(2, &[&log_of(&[(2, 1)])[..]]);
    assert_eq!(bench.store.reader.snapshot("run", 12).expect("the cache answers"), None);
}
