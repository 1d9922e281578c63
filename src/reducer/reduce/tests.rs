use proptest::prelude::*;

use super::*;

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
