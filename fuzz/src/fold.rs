//! The whole reduction (spec 2.3): pieces give what the whole gives, a restart changes nothing, and no state is absurd.

use crate::pieces::{Dice, pieces};
use crate::reducer::dialect::Reading;
use crate::reducer::dump::{self, EventsHash};
use crate::reducer::reduce::{EventRow, Reducer, Tail};
use crate::reducer::run::{RunState, value};
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;
use crate::reducer::verdict::{Observed, Policy, Word, judge};

/// Reduces the log in several ways, which must agree, and looks at the outcome.
///
/// # Panics
///
/// When they do not, or the outcome cannot be.
pub fn fold(log: &[u8]) {
    let mut dice = Dice::of(log);
    let (state, dumped) = reduce(&mut Reducer::new(reading()), &[log], Vec::new());
    check(&state, log);
    let cut = pieces(log, &mut dice);
    assert_eq!(reduce(&mut Reducer::new(reading()), &cut, Vec::new()).1, dumped, "in pieces");
    assert_eq!(restarted(log, dice.below(log.len() + 1)), dumped, "after a restart");
    look(&state, &mut dice);
}

/// A short limit, so that lines can be too long.
fn reading() -> Reading {
    Reading { max_line: 2000, ..Reading::default() }
}

/// The state with a whole tail, and its canonical dump.
fn reduce(reducer: &mut Reducer, pieces: &[&[u8]], mut rows: Vec<EventRow>) -> (RunState, String) {
    for piece in pieces {
        reducer.push(piece, &mut |event| rows.push(EventRow::of(event)));
    }
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
    assert_eq!(events, state.counters.events, "every event has a row");
    let dumped = dump::run("run", "run", &state, pending, events, &sha);
    let dumped = serde_json::to_string(&dumped).expect("a dump is plain data");
    (state, dumped)
}

/// The dump of a log whose reading ended somewhere in it, was stored, and goes on from what was stored.
fn restarted(log: &[u8], end: usize) -> String {
    let mut rows = Vec::new();
    let mut first = Reducer::new(reading());
    first.push(&log[..end], &mut |event| rows.push(EventRow::of(event)));
    let RunState { spans, markers, artifacts, .. } = first.state().clone();
    let core = postcard::to_stdvec(first.state()).expect("a state is plain data");
    let core = postcard::from_bytes(&core).expect("what was written is read");
    let state = RunState::restore(core, spans, markers, artifacts);
    let offset = first.offset();
    let mut second = Reducer::resume(reading(), state, offset);
    reduce(&mut second, &[&log[offset as usize..]], rows).1
}

fn check(state: &RunState, log: &[u8]) {
    let RunState { run, counters, spans, markers, artifacts, .. } = state;
    let lines = counters.lines.total();
    let ended = log.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert!(lines == ended || lines == ended + 1, "{lines} lines of {ended}");
    let said = spans.iter().flat_map(|span| [Some(span.opened_line), span.closed_line, span.input_line]);
    let said = said.chain(markers.iter().flat_map(|marker| [Some(marker.opened_line), marker.closed_line]));
    let said = said.chain(artifacts.iter().map(|artifact| Some(artifact.line)));
    assert!(said.flatten().all(|line| (1..=lines).contains(&line)), "a fact has a line");
    assert_eq!(run.status.is_some(), counters.events > 0);
    if run.is_ended() {
        assert!(spans.iter().all(|span| !span.is_open()) && markers.iter().all(|marker| !marker.is_open()));
        assert_eq!(run.holder, None);
    } else {
        assert_eq!(run.ended_at, None);
    }
    for kind in [SpanKind::Phase, SpanKind::Candidate, SpanKind::Attempt] {
        assert!(spans.iter().filter(|span| span.kind == kind && span.is_open()).count() <= 1, "one {kind:?} at a time");
    }
    for (n, marker) in markers.iter().enumerate().filter(|(_, marker)| marker.is_open()) {
        let again =
            markers[..n].iter().any(|other| other.is_open() && (other.kind, &other.id) == (marker.kind, &marker.id));
        assert!(!again, "one open marker per id");
    }
    assert!(spans.iter().all(|span| span.duration_ms.is_none_or(|millis| millis >= 0)), "no negative duration");
    assert!(value(&run.last_progress_at) <= value(&run.last_life_at), "progress is a kind of life");
}

/// The verdict at any moment: it never panics, and says *ended* of what ended and of nothing else.
fn look(state: &RunState, dice: &mut Dice) {
    let life = value(&state.run.last_life_at).map_or(0, |at| at.0);
    let moved = |dice: &mut Dice| Micros(life + (dice.below(1 << 40) as i64 - (1 << 39)));
    for modified in [None, Some(moved(dice))] {
        let observed = Observed {
            run: &state.run,
            health: &state.health,
            spans: &state.spans,
            markers: &state.markers,
            has_work: state.counters.work_spans > 0,
            learned: None,
            status_at: None,
            modified,
            now: moved(dice),
        };
        let verdict = judge(&observed, &Policy::default());
        assert_eq!(verdict.word == Word::Ended, state.run.is_ended());
    }
}
