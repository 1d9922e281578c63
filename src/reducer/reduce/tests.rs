use proptest::prelude::*;

use super::*;
use crate::reducer::span::SpanKind;

/// Lines of every way through the reducer: of the generic dialect and of another, with what must be unescaped or masked,
/// with more records than are decoded at once, and lines that are no records.
const LINES: [&str; 13] = [
    r#"{"ts":"2026-06-02T23:19:37Z","event":"run.started","title":"one"}"#,
    r#"{"ts":"2026-06-02T23:19:38Z","event":"step.started","step":"a","phase":"build"}"#,
    r#"{"event":"step.finished","step":"a","title":"tw\u006f \"three\""}"#,
    r#"{"event":"run.renamed","title":"é","error":{"message":"no \\ way"}}"#,
    r#"{"timestamp":"2026-06-02T23:19:39Z","eventType":"SupervisorStarted","runId":"r","phase":"verify","severity":"info","data":{}}"#,
    r#"{"timestamp":"2026-06-02T23:19:40Z","eventType":"ClarificationRequired","runId":"r","phase":"verify","severity":"info","data":{}}"#,
    r#"{"event":"log","candidate":"ghp_abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123"}"#,
    r#"{"event":"phase.started","phase":"one"} {"event":"phase.started","phase":"two"}"#,
    r#"{"timestamp":"2026-06-02T23:19:41Z","eventType":"SupervisorStarted","runId":"r","phase":"build","severity":"info","data":{}} {"event":"log"}"#,
    "GLUED",
    "only text",
    r#"{"event":"torn"#,
    " ",
];

fn line(number: usize) -> String {
    match LINES[number] {
        "GLUED" => (0..AT_ONCE * 2 + 3).map(|n| format!(r#"{{"event":"step.started","step":"{n}"}}"#)).collect(),
        line => line.to_owned(),
    }
}

/// What was told of each event, and the state after all of it.
type Told = (Vec<(u64, u64, Option<String>, Option<String>, Option<String>)>, RunState);

fn told(pieces: &[&[u8]]) -> Told {
    let mut reducer = Reducer::new(Reading::default());
    let mut events = Vec::new();
    for piece in pieces {
        reducer.push(piece, &mut |event| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            events.push((event.line, event.offset, text(event.name), text(event.more().title), text(event.candidate)));
        });
    }
    reducer.state_mut().take_changes();
    (events, reducer.into_state())
}

/// The states that [`Reducer::push_before`] gives, with the lines of the events that come next.
fn before(pieces: &[&[u8]]) -> Vec<(u64, u64, u64)> {
    let mut reducer = Reducer::new(Reading::default());
    let mut states = Vec::new();
    for piece in pieces {
        reducer.push_before(piece, &mut |state, event| {
            states.push((event.line, state.counters.events, state.counters.lines.total()));
        });
    }
    states
}

proptest! {
    #[test]
    fn lines_that_come_together_are_reduced_like_lines_that_come_alone(
        numbers in prop::collection::vec(0..LINES.len(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines: Vec<String> = numbers.iter().map(|number| line(*number) + "\n").collect();
        let alone: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let all = lines.concat();
        let halves = all.as_bytes().split_at(cut.index(all.len() + 1));
        let together = told(&[all.as_bytes()]);
        prop_assert_eq!(&together, &told(&alone));
        prop_assert_eq!(&together, &told(&[halves.0, halves.1]));
        // Each state is the one after the whole line before.
        let states = before(&[all.as_bytes()]);
        prop_assert_eq!(&states, &before(&alone));
        prop_assert!(states.iter().all(|(next, _, lines)| *lines == next - 1), "{:?}", states);
    }
}

#[test]
fn a_run_in_the_room_of_another_is_what_it_would_be_in_its_own() {
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let runs = std::fs::read_dir(demo).unwrap().map(|run| run.unwrap().path().join("run.log"));
    let mut paths: Vec<_> = runs.filter(|log| log.is_file()).collect();
    paths.sort();
    let (mut spare, mut had_room) = (Spare::default(), 0);
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let reduced = |mut reducer: Reducer| {
            reducer.push(&bytes, &mut |_| {});
            reducer.into_state()
        };
        let own = reduced(Reducer::new(Reading::default()));
        had_room += usize::from(spare.room() > 0);
        let mut other = reduced(Reducer::in_room_of(Reading::default(), spare));
        assert_eq!(own, other, "{}", path.display());
        other.shrink_to_fit();
        assert_eq!(own, other, "{}", path.display());
        assert_eq!(other.spans.capacity(), other.spans.len());
        spare = other.keep_phases();
        let phases: Vec<_> = own.spans.into_iter().filter(|span| span.kind == SpanKind::Phase).collect();
        assert!(other.spans == phases && other.has_phases_only(), "{}", path.display());
    }
    assert!(had_room > 5, "{had_room}");
}

#[test]
fn the_room_of_a_long_run_is_not_kept() {
    let steps = |count: usize| {
        let mut reducer = Reducer::new(Reading::default());
        for step in 0..count {
            reducer.push(format!("{{\"event\":\"step.started\",\"step\":\"s{step}\"}}\n").as_bytes(), &mut |_| {});
        }
        reducer.into_state().keep_phases().room()
    };
    assert!(steps(100) >= 100);
    assert_eq!(steps(5000), 0);
}

#[test]
fn the_events_of_one_line_do_not_wait_for_each_other_in_memory() {
    let mut state = RunState::default();
    let mut decoder = Decoder::new(Reading::default());
    let text = "{}".repeat(1000);
    let line = Line { number: 1, offset: 0, length: 2000, bytes: text.as_bytes(), oversized: false, clean: None };
    let (arena, mut seen) = (Bump::new(), 0);
    let mut count = |_: &mut RunState, _: &Event<'_>, _: bool| seen += 1;
    let mut lines = Lines::new(&mut state, &mut count, AT_ONCE);
    lines.take(&mut decoder, &line, &arena);
    assert!(lines.events.capacity() <= 2 * AT_ONCE, "{}", lines.events.capacity());
    lines.apply_all();
    assert_eq!((seen, state.counters.lines.total()), (1000, 1));
}
