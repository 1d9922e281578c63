use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::reducer::event::{Class, Event, Meaning, Subject, Verb};
use crate::reducer::fold;
use crate::reducer::run::RunState;
use crate::reducer::span::SpanStatus;
use crate::reducer::time::Micros;

const TEXTS: [&str; 3] = ["a", "b", "c"];

/// An event about a span, with an id and a name of few.
fn event() -> impl Strategy<Value = Event<'static>> {
    let subject = select(vec![Subject::Step, Subject::Tool, Subject::Session, Subject::Phase, Subject::Candidate]);
    let verb = select(vec![None, Some(Verb::Started), Some(Verb::Finished), Some(Verb::Failed), Some(Verb::Retried)]);
    let text = || prop::option::weighted(0.7, select(TEXTS.to_vec()));
    (subject, verb, [text(), text(), text()]).prop_map(|(subject, verb, [id, other, name])| {
        let mut event = Event::bare(Class::Event, 1, 0, 2);
        event.meaning = Meaning { subject: Some(subject), verb, ..Meaning::default() };
        event.time = Some(Micros(1));
        (event.step, event.span, event.session) = (id.filter(|_| subject == Subject::Step), other, id);
        (event.step_name, event.tool_name, event.agent) = (name, name, name);
        (event.phase, event.candidate) = (id.filter(|_| subject == Subject::Phase), other);
        event
    })
}

/// The newest span that is meant, found by looking at all.
fn newest(spans: &[Span], is_it: impl Fn(&Span) -> bool) -> Option<u32> {
    spans.iter().rposition(is_it).map(|number| number as u32)
}

fn check(state: &RunState) {
    let RunState { spans, index, .. } = state;
    for kind in SpanKind::ALL.iter().copied() {
        assert_eq!(index.open_span(kind), newest(spans, |span| span.kind == kind && span.is_open()));
        for text in TEXTS {
            let with_id = |span: &Span| has_id(span, kind, text);
            let named = |span: &Span| span.kind == kind && span.name.as_deref() == Some(text);
            let found = index.span(spans, kind, text);
            let open = newest(spans, |span| with_id(span) && span.is_open());
            assert_eq!(found, newest(spans, with_id));
            assert_eq!(index.open_span_with_id(spans, kind, text), open);
            assert_eq!(index.open_span_of(spans, kind, text, found), open);
            assert_eq!(index.named_span(spans, kind, text), newest(spans, named));
            assert_eq!(index.open_named_span(spans, kind, text), newest(spans, |span| named(span) && span.is_open()));
        }
    }
    let open = (0..).zip(spans).filter(|(_, span)| span.is_open()).map(|(number, _)| number);
    assert_eq!(index.all_open_spans(), open.clone().collect());
    for number in open {
        let span = &spans[number as usize];
        let of_id = span.id.as_deref().and_then(|id| newest(spans, |span2| has_id(span2, span.kind, id)));
        assert_eq!(index.newest_of_open(spans, number), of_id);
    }
    let is_done = |number: &u32| matches!(spans[*number as usize].status, SpanStatus::Completed | SpanStatus::Skipped);
    let steps = TEXTS.into_iter().filter_map(|text| newest(spans, |span| has_id(span, SpanKind::Step, text)));
    assert_eq!(state.counters.steps_done, steps.filter(is_done).count() as u64);
    // Made again it is the same, but for names that spans had once.
    let again = Index::of(spans, &state.markers, &state.artifacts, &state.scratch);
    assert_eq!((&index.covered, &index.open_spans), (&again.covered, &again.open_spans));
}

proptest! {
    #[test]
    fn a_look_up_finds_what_a_look_at_all_spans_finds(events in prop::collection::vec(event(), 1..40)) {
        let mut state = RunState::default();
        for event in &events {
            fold::apply(&mut state, event);
            check(&state);
        }
        state.index.clear();
        prop_assert_eq!(state.index, Index::default());
    }
}

/// A span that is retried by its name can take an id that another one, which is open, has.
#[test]
fn an_open_span_that_a_newer_one_covers_is_found_when_that_one_is_closed() {
    let span = |id: &str, name: Option<&str>, is_open: bool| {
        let mut span = crate::reducer::verdict::world::span(SpanKind::Tool, id, 1);
        span.name = name.map(Into::into);
        if !is_open {
            span.status = SpanStatus::Completed;
        }
        span
    };
    let mut spans = vec![span("z", None, true), span("z", None, true), span("z", None, true)];
    let mut index = Index::of(&spans, &[], &[], &Scratch::default());
    let mut cleared = index.clone();
    cleared.clear();
    assert!(cleared == Index::default() && index != cleared);
    for (closed, open) in [(2, Some(1)), (0, Some(1)), (1, None)] {
        spans[closed].status = SpanStatus::Completed;
        index.close_span(closed as u32, &spans[closed]);
        assert_eq!(index.open_span_with_id(&spans, SpanKind::Tool, "z"), open);
        assert_eq!(index.open_span(SpanKind::Tool), open);
        assert_eq!(index, Index::of(&spans, &[], &[], &Scratch::default()));
    }
}
