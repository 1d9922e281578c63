//! Written in pieces, with provisional tails, with or without event rows, and restarts = written at once.

use proptest::prelude::*;

use super::*;
use crate::reducer::reduce::Tail;
use crate::reducer::run::Changes;
use crate::store::reader::{EventFilter, Lists};

/// Lines of a run that open, change and close entries of every list, some glued, blank or no events at all.
const LINES: &[&str] = &[
    r#"{"ts":"2026-06-02T10:00:00Z","event":"run.started","workflow":"w","input":{"a":[1,2]}}"#,
    r#"{"ts":"2026-06-02T10:00:01Z","event":"phase.started","phase":"build","span_id":"s-1"}"#,
    r#"{"ts":"2026-06-02T10:00:02Z","event":"step.started","step":"compile","agent":"a","span_id":"s-1"}"#,
    r#"{"event":"approval.requested","approval_id":"a1","params":{"x":1.5},"risk":"high"}"#,
    r#"{"ts":"2026-06-02T10:00:04Z","event":"heartbeat"}"#,
    r#"{"event":"step.finished","step":"compile","cost_usd":0.1}{"event":"artifact.written","path":"out.md"}"#,
    "",
    "plain text",
    r#"{"torn": "#,
    r#"{"ts":"2026-06-02T10:00:09Z","event":"handoff.requested","reason":"help","level":"warn"}"#,
    r#"{"event":"artifact.written","path":"out.md","media_type":"text/markdown"}"#,
    r#"{"event":"approval.granted","approval_id":"a1"}"#,
    r#"{"ts":"2026-06-02T10:00:12Z","event":"phase.started","phase":"verify","session_id":"s-2"}"#,
    r#"{"ts":"2026-06-02T10:00:13Z","event":"run.finished","error":"e"}"#,
    r#"{"ts":"2026-06-02T10:00:14Z","event":"run.started"}"#,
];

/// What a turn does beside reading on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// How many bytes are read.
    pub(super) bytes: usize,
    /// Whether event rows come with the batch.
    pub(super) with_rows: bool,
    /// Whether the program is started again afterwards.
    pub(super) restart: bool,
}

fn turns() -> impl Strategy<Value = (Vec<usize>, Vec<Turn>)> {
    let turn = (1..160usize, prop::bool::weighted(0.9), prop::bool::weighted(0.2))
        .prop_map(|(bytes, with_rows, restart)| Turn { bytes, with_rows, restart });
    (prop::collection::vec(0..LINES.len(), 1..24), prop::collection::vec(turn, 1..24))
}

/// Does one turn of ingest as the doors say it.
pub(super) fn turn(store: &Store, reducer: &mut Reducer, text: &[u8], read: &mut usize, turn: Turn) {
    let end = (*read + turn.bytes).min(text.len());
    let mut events = Vec::new();
    reducer.push(&text[*read..end], &mut |event| events.push(EventRow::of(event)));
    *read = end;
    let changes = reducer.state_mut().take_changes();
    let state = reducer.state().clone();
    let (mut pending_bytes, mut provisional) = (0, None);
    match reducer.tail() {
        Tail::None => {}
        Tail::Pending(bytes) => pending_bytes = bytes,
        Tail::Provisional(mut state, events) => {
            let changes = state.take_changes();
            provisional = Some(Provisional { state, changes, events });
        }
    }
    let batch = Batch {
        log: LogRow { pending_bytes, ..log("r", 1, reducer.offset()) },
        replace: false,
        state: Arc::new(state),
        changes,
        events: turn.with_rows.then_some(events),
        provisional,
    };
    write(store, Write::Batch(Box::new(batch)));
}

fn rows(store: &Store) -> Vec<EventRow> {
    let filter = EventFilter { hidden: true, limit: 10_000, ..EventFilter::default() };
    store.reader.events("r", &filter).unwrap().events.into_iter().map(|event| event.row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn pieces_are_the_same_as_at_once(((lines, turns), terminated) in (turns(), any::<bool>())) {
        let mut text = lines.iter().map(|n| LINES[*n]).collect::<Vec<_>>().join("\n");
        if terminated {
            text.push('\n');
        }
        let text = text.as_bytes();
        let place = Place::new();
        let mut store = place.open();
        let mut reducer = Reducer::new(Reading::default());
        let mut read = 0;
        let last = Turn { bytes: text.len(), with_rows: true, restart: true };
        let (mut has_rows, mut lacks_some) = (true, false);
        for step in turns.into_iter().chain([last]) {
            turn(&store, &mut reducer, text, &mut read, step);
            // A gap in the rows stays until the log is read once more.
            lacks_some |= !step.with_rows;
            let log = store.reader.known().unwrap().pop().unwrap().log;
            has_rows = has_rows && log.events_offset == log.cursor.offset;
            prop_assert!(has_rows || lacks_some);
            let (_, all) = at_once(&text[..read]);
            prop_assert!(!has_rows || rows(&store) == all);
            let shown = store.reader.run("r", Lists::All).unwrap().unwrap();
            let (expected, _) = at_once(&text[..read]);
            prop_assert_eq!(&shown.state.run, &expected.run);
            prop_assert_eq!(&shown.state.spans, &expected.spans);
            prop_assert_eq!(&shown.state.markers, &expected.markers);
            prop_assert_eq!(&shown.state.artifacts, &expected.artifacts);
            prop_assert_eq!(&shown.state.counters, &expected.counters);
            prop_assert_eq!(&store.reader.resume("r").unwrap().unwrap(), reducer.state());
            if step.restart {
                drop(store);
                store = place.open();
                let state = store.reader.resume("r").unwrap().unwrap();
                let offset = store.reader.known().unwrap()[0].log.cursor.offset;
                reducer = Reducer::resume(Reading::default(), state, offset);
                read = offset as usize;
            }
        }
        let pending = store.reader.known().unwrap()[0].log.pending_bytes;
        let (state, events) = at_once(text);
        let other = Place::new();
        let fresh = other.open();
        let log = LogRow { pending_bytes: pending, ..log("r", 1, text.len() as u64) };
        let changes = Changes::default();
        let events = has_rows.then_some(events);
        let batch = Batch { log, replace: false, state: Arc::new(state), changes, events, provisional: None };
        write(&fresh, Write::Batch(Box::new(batch)));
        prop_assert_eq!(store.reader.dump().unwrap().is_some(), has_rows);
        prop_assert_eq!(store.reader.dump().unwrap(), fresh.reader.dump().unwrap());
        drop(store);
        prop_assert_eq!(ask::<String>(&place.cache(), "PRAGMA integrity_check"), "ok");
    }
}

/// State and rows of a log as shown: with its provisional tail.
fn at_once(text: &[u8]) -> (RunState, Vec<EventRow>) {
    let mut reducer = Reducer::new(Reading::default());
    let mut rows = Vec::new();
    reducer.push(text, &mut |event| rows.push(EventRow::of(event)));
    reducer.state_mut().take_changes();
    match reducer.tail() {
        Tail::Provisional(mut state, tail) => {
            state.take_changes();
            rows.extend(tail);
            (*state, rows)
        }
        Tail::None | Tail::Pending(_) => (reducer.state().clone(), rows),
    }
}
