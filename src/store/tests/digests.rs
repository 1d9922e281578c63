//! What a page shows of a long run, from digests and few rows, is what all rows would give, whatever changes.

use super::pieces::Turn;
use super::*;
use crate::reducer::digest::STRETCH;
use crate::reducer::excerpt::Asked;
use crate::reducer::reduce::Tail;
use crate::reducer::span::SpanKind;
use crate::reducer::time::Micros;
use crate::store::reader::{Lists, Shown};

const LONG: usize = STRETCH as usize;
const STARTED: &str = "{\"ts\":1780000000,\"event\":\"run.started\"}\n";

fn started(steps: std::ops::Range<usize>) -> String {
    let line = |n| format!("{{\"ts\":{},\"event\":\"step.started\",\"step\":\"s-{n}\"}}\n", 1_780_000_000 + n);
    steps.map(line).collect()
}

/// Ends steps, with an error every now and then.
fn ended(steps: impl Iterator<Item = usize>) -> String {
    let line = |n| {
        let how = if n % 50 == 0 { "\"step.failed\",\"error\":\"no\"" } else { "\"step.finished\"" };
        format!("{{\"ts\":{},\"event\":{how},\"step\":\"s-{n}\"}}\n", 1_780_000_001 + n + n % 700)
    };
    steps.map(line).collect()
}

/// What is shown, and that it is what the state says; how many digests there are.
fn check(store: &Store, cache: &Path, state: &RunState) -> u32 {
    let asked = Asked { window: None, now: Micros(1_780_009_000_000_000), lines: state.counters.lines.total() };
    let record = store.reader.run("r", Lists::All).unwrap().unwrap();
    assert_eq!(*record.state.spans, state.spans);
    assert_eq!(store.reader.shown(&record, &asked).unwrap().unwrap(), Shown::of(state, &asked));
    assert_eq!(store.reader.derived(&record.log, &record.state).unwrap(), []);
    ask(cache, "SELECT count(*) FROM digest")
}

#[test]
fn digests_follow_the_spans() {
    let place = Place::new();
    let store = place.open();
    let mut reducer = Reducer::new(Reading::default());
    let turns = [
        (started(0..LONG - 1), 0),
        (started(LONG - 1..LONG), 1),
        // Of a whole stretch and of the one that grows.
        (started(LONG..LONG + 40) + &ended((0..LONG + 40).step_by(3)), 1),
        (started(LONG + 40..4 * LONG + 7), 4),
        (ended((0..4 * LONG).filter(|n| n % 3 == 1)), 4),
        (String::from("{\"event\":\"run.finished\"}\n"), 4),
    ];
    let mut text = String::from(STARTED);
    let mut read = 0;
    for (more, digests) in turns {
        text += &more;
        let turn = Turn { bytes: text.len() - read, with_rows: true, restart: false };
        pieces::turn(&store, &mut reducer, text.as_bytes(), &mut read, turn);
        assert_eq!(check(&store, &place.cache(), reducer.state()), digests);
    }
    // Another generation has none of them, and the rows of the old one go.
    write_whole(&store, "r", 2, STARTED);
    assert_eq!(
        store
            .reader
            .shown(
                &store.reader.run("r", Lists::None).unwrap().unwrap(),
                &Asked { window: None, now: Micros(0), lines: 1 }
            )
            .unwrap()
            .unwrap()
            .spans
            .total(),
        0
    );
    store.writer.flush().unwrap();
}

#[test]
fn for_a_card_of_a_long_run_only_its_phases_and_what_is_open_are_read() {
    let place = Place::new();
    let store = place.open();
    let phase = |n: usize| format!("{{\"event\":\"phase.started\",\"phase\":\"p-{n}\"}}\n");
    let phases: String = (0..7).map(|n| phase(n) + &started(n * 500..n * 500 + 500)).collect();
    let ends = ended((0..3500).filter(|n| n % 300 != 0));
    let asked = "{\"event\":\"question.asked\",\"id\":\"q\"}\n";
    let text = format!("{STARTED}{phases}{ends}{asked}{}{asked}", asked.replace("asked", "answered"));
    let whole = whole("r", 1, &text);
    let state = Arc::clone(&whole.state);
    store.writer.send(Write::Batch(Box::new(whole))).unwrap();
    store.writer.flush().unwrap();
    // What is said of all its spans is not read for it.
    let cache = rusqlite::Connection::open(place.cache()).unwrap();
    assert_eq!(cache.execute("UPDATE digest SET spans = x'', marks = x''", []).unwrap(), 3);
    let read = |lists| store.reader.run("r", lists).unwrap().unwrap().state;
    let card = read(Lists::Phases);
    let wanted = state.spans.iter().filter(|span| span.kind == SpanKind::Phase || span.is_open());
    assert!(card.spans.iter().eq(wanted));
    assert_eq!((card.spans.len(), card.markers.as_slice()), (7 + 12, &state.markers[1..]));
    let changed = read(Lists::Markers);
    assert!(changed.spans.iter().eq(state.spans.iter().filter(|span| span.is_open())));
    assert_eq!((changed.markers.len(), &changed.markers), (2, &state.markers));
}

#[test]
fn markers_are_shown_whether_open_or_closed_and_of_artifacts_the_newest() {
    let place = Place::new();
    let store = place.open();
    let artifacts = |count| -> String {
        (0..count).map(|n| format!("{{\"event\":\"artifact.recorded\",\"path\":\"a-{n}\"}}\n")).collect()
    };
    let asked = "{\"event\":\"question.asked\",\"id\":\"q\"}\n";
    let answered = asked.replace("asked", "answered");
    let whole = whole("r", 1, &format!("{STARTED}{asked}{answered}{}{asked}", artifacts(1003)));
    let state = Arc::clone(&whole.state);
    store.writer.send(Write::Batch(Box::new(whole))).unwrap();
    store.writer.flush().unwrap();
    check(&store, &place.cache(), &state);
    let asked = Asked { window: None, now: Micros(0), lines: 1 };
    let shown = Shown::of(&state, &asked);
    assert_eq!((shown.markers.len(), shown.artifacts.len(), shown.earlier_artifacts), (2, 1000, 3));
    assert_eq!(shown.artifacts[0].path, "a-3");
}

#[test]
fn of_very_many_markers_the_newest_the_open_ones_and_the_newest_handoffs_are_shown() {
    let place = Place::new();
    let store = place.open();
    let event = |name: &str, id: usize| format!("{{\"event\":\"{name}\",\"id\":\"m-{id}\"}}\n");
    let closed = |n: usize| match n % 2 {
        0 => event("handoff.requested", n) + &event("handoff.resolved", n),
        _ => event("question.asked", n) + &event("question.answered", n),
    };
    let text: String = std::iter::once(event("question.asked", 9999)).chain((0..1501).map(closed)).collect();
    let whole = whole("r", 1, &format!("{STARTED}{text}"));
    let state = Arc::clone(&whole.state);
    assert_eq!(state.markers.len(), 1502);
    store.writer.send(Write::Batch(Box::new(whole))).unwrap();
    store.writer.flush().unwrap();
    check(&store, &place.cache(), &state);
    let shown = Shown::of(&state, &Asked { window: None, now: Micros(0), lines: 1 });
    let ids: Vec<&str> = shown.markers.iter().map(|marker| marker.id.as_str()).collect();
    // The open one; 200 of the 251 handoffs before the newest thousand; those.
    assert_eq!((ids.len(), shown.earlier_markers), (1201, 301));
    assert_eq!((ids[0], ids[1], ids[200], ids[201], ids[1200]), ("m-9999", "m-102", "m-500", "m-501", "m-1500"));
}

#[test]
fn a_tail_makes_a_stretch_whole_and_takes_it_back() {
    let place = Place::new();
    let store = place.open();
    let mut reducer = Reducer::new(Reading::default());
    let glued = started(LONG - 3..LONG + 5).replace('\n', "");
    let text = format!("{STARTED}{}{glued}torn\n", started(0..LONG - 3));
    let torn = text.find("torn").unwrap();
    let mut read = 0;
    for (end, digests) in [(torn - glued.len(), 0), (torn, 1), (text.len(), 0)] {
        let turn = Turn { bytes: end - read, with_rows: true, restart: false };
        pieces::turn(&store, &mut reducer, text.as_bytes(), &mut read, turn);
        let shown = match reducer.tail() {
            Tail::Provisional(state, _) => RunState::clone(&state),
            Tail::None | Tail::Pending(_) => reducer.state().clone(),
        };
        assert_eq!(check(&store, &place.cache(), &shown), digests);
    }
}

#[test]
fn a_digest_that_says_something_else_is_found() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "r", 1, &format!("{STARTED}{}", started(0..LONG)));
    let record = store.reader.run("r", Lists::All).unwrap().unwrap();
    let damage = rusqlite::Connection::open(place.cache()).unwrap();
    let mismatches = || -> Vec<String> {
        store.reader.derived(&record.log, &record.state).unwrap().into_iter().map(|one| one.path).collect()
    };
    let place_7 = "substr(marks, 1, 28) || x'00000000' || substr(marks, 33)";
    damage.execute(&format!("UPDATE digest SET marks = CAST({place_7} AS BLOB)"), []).unwrap();
    assert_eq!(mismatches(), ["marks of spans[7]"]);
    damage.execute("UPDATE digest SET phases = 5", []).unwrap();
    assert_eq!(mismatches(), ["phases among spans[0..16]", "phases among spans[32..48]", "marks of spans[7]"]);
    damage.execute("DELETE FROM digest", []).unwrap();
    assert_eq!(mismatches()[..2], ["digest of spans[0..1024]", "marks of spans[0]"]);
    damage.execute("INSERT INTO digest VALUES (1 << 32, 0, x'00', x'')", []).unwrap();
    let asked = Asked { window: None, now: Micros(0), lines: 1 };
    assert!(store.reader.shown(&record, &asked).is_err());
}
