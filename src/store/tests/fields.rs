//! Every field that goes in comes out.

use proptest::prelude::*;
use proptest::strategy::Strategy;

use super::*;
use crate::reducer::event::{Class, ErrorText, Level, Subject, Verb};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::Changes;
use crate::reducer::span::{Artifact, More, Origin, Seldom, Span, SpanKind, SpanStatus};
use crate::reducer::time::Micros;
use crate::store::reader::{EventFilter, Lists};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), Just("NULL".to_owned()), Just("'); DROP TABLE run;--".to_owned()), ".{0,12}"]
}

fn maybe<T: std::fmt::Debug + Clone>(some: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(some)
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

/// Counts as far as SQLite can hold them.
fn counts() -> impl Strategy<Value = u64> {
    prop_oneof![0..300u64, Just(i64::MAX.unsigned_abs())]
}

fn time() -> impl Strategy<Value = Micros> {
    prop_oneof![(Micros::MIN.0..Micros::END.0).prop_map(Micros), any::<i64>().prop_map(Micros)]
}

fn real() -> impl Strategy<Value = f64> {
    prop_oneof![Just(-0.0), Just(1.0), Just(f64::MAX), -1e6..1e6f64]
}

fn error() -> impl Strategy<Value = ErrorText> {
    (maybe(text()), maybe(text()), maybe(text())).prop_map(|(message, kind, stack)| ErrorText { message, kind, stack })
}

prop_compose! {
    fn span()(
        (kind, status, attempt, cache_hit, startless, closed_by) in (
            one_of(SpanKind::ALL), one_of(SpanStatus::ALL), maybe(counts()), any::<Option<bool>>(), any::<bool>(),
            maybe(one_of(Verb::ALL)),
        ),
        (id, parent, name, skill, agent, model, repo) in
            (maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text())),
        (started_at, ended_at, deadline, duration_ms, expected_ms) in
            (maybe(time()), maybe(time()), maybe(time()), any::<Option<i64>>(), any::<Option<i64>>()),
        (score, cost_usd, error, tokens_in, tokens_out) in
            (maybe(real()), maybe(real()), maybe(error()), maybe(counts()), maybe(counts())),
        (input_line, output_line, opened_line, closed_line) in
            (maybe(counts()), maybe(counts()), counts(), maybe(counts())),
    ) -> Span {
        Span {
            kind, id: id.map(Into::into), parent: parent.map(Into::into), name: name.map(Into::into),
            status, attempt, cache_hit, started_at, ended_at, duration_ms, input_line, output_line, opened_line, closed_line,
            origin: Origin { startless, closed_by },
            more: Seldom::from(More {
                skill: skill.map(Into::into), agent: agent.map(Into::into), model: model.map(Into::into),
                repo: repo.map(Into::into), score, error, tokens_in, tokens_out, cost_usd, deadline, expected_ms,
            }),
        }
    }
}

prop_compose! {
    fn marker()(
        kind in one_of(MarkerKind::ALL),
        (id, reason, span, repo, integration, action) in
            (text(), maybe(text()), maybe(text()), maybe(text()), maybe(text()), maybe(text())),
        (risk, params, resolution) in (maybe(text()), maybe(text()), maybe(text())),
        (expires_at, opened_at, closed_at) in (maybe(time()), maybe(time()), maybe(time())),
        (opened_line, closed_line, granted_line, granted_at) in
            (counts(), maybe(counts()), maybe(counts()), maybe(time())),
    ) -> Marker {
        Marker {
            kind, id, reason, span, repo, integration, action, risk, params, expires_at, opened_line, opened_at,
            granted_line, granted_at, closed_line, closed_at, resolution,
        }
    }
}

prop_compose! {
    fn artifact()(
        (path, media_type, attempt, step, line) in (text(), maybe(text()), maybe(counts()), maybe(text()), counts()),
    ) -> Artifact {
        Artifact { path, media_type, attempt, step, line }
    }
}

prop_compose! {
    fn event()(
        (line, offset, length, time) in (counts(), counts(), counts(), maybe(time())),
        (class, subject, verb, level) in (
            one_of(Class::ALL), maybe(one_of(Subject::ALL)), maybe(one_of(Verb::ALL)), maybe(one_of(Level::ALL)),
        ),
        (name, span, hidden) in (maybe("|a|b\\.c"), maybe("|s|t"), any::<bool>()),
    ) -> EventRow {
        let (name, span) = (name.map(Into::into), span.map(Into::into));
        EventRow { line, offset, length, class, time, name, subject, verb, level, span, hidden }
    }
}

prop_compose! {
    fn batch()(
        spans in prop::collection::vec(span(), 0..20),
        markers in prop::collection::vec(marker(), 0..6),
        artifacts in prop::collection::vec(artifact(), 0..4),
        events in prop::collection::vec(event(), 0..40),
        cursor in prop::array::uniform9(any::<u64>()),
        (mtime_ns, ctime_ns) in any::<(i64, i64)>(),
        (gone, rotated, doubt) in any::<(bool, bool, bool)>(),
        (offset, path, source, problem) in (counts(), text(), text(), maybe((text(), text()))),
    ) -> Batch {
        let [device, inode, generation, size, head_hash, head_length, before_hash, before_length, prefix_hash] = cursor;
        let low = |count: u64| count >> 1;
        let cursor = Cursor {
            device, inode, generation: low(generation), offset, size: low(size), mtime_ns, ctime_ns, head_hash,
            head_length: low(head_length), before_hash, before_length: low(before_length), prefix_hash,
            doubt,
        };
        let log = LogRow {
            key: "run-1".to_owned(), source, path, cursor, pending_bytes: low(size), provisional_bytes: low(inode), gone,
            rotated, problem: problem.map(|(code, text)| Problem { code, text }), events_offset: offset,
        };
        // Without its end: nothing is open in a run that ended.
        let (mut state, _) = reduce(&LOG[..LOG.trim_end().rfind('\n').unwrap() + 1]);
        state.take_changes();
        let state = RunState::restore(state, spans, markers, artifacts);
        Batch { log, replace: false, state: Arc::new(state), changes: Changes::default(), events: Some(events), provisional: None }
    }
}

const LOG: &str = concat!(
    r#"{"ts":"2026-06-02T23:19:37Z","event":"run.started","workflow":"w","title":"t","inputs":{"a":1},"claimed_by":"h:1"}"#,
    "\n",
    r#"{"ts":"2026-06-02T23:19:38Z","event":"heartbeat","cost_usd":0.25,"input_tokens":3,"phase":"build","attempt":2}"#,
    "\n",
    r#"{"ts":"2026-06-02T23:19:39Z","event":"run.failed","error":{"message":"m","type":"T","stack":"s"},"reason":"r"}"#,
    "\n",
);

/// The bits of a state, as `==` takes 0.0 and -0.0 for the same.
fn exact(state: &RunState) -> String {
    let RunState { run, counters, health, spans, markers, artifacts, scratch, .. } = state;
    format!("{run:?} {counters:?} {health:?} {spans:?} {markers:?} {artifacts:?} {scratch:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_field_that_goes_in_comes_out(batch in batch()) {
        let place = Place::new();
        let store = place.open();
        let (state, log) = (batch.state.clone(), batch.log.clone());
        let events = batch.events.clone().unwrap();
        write(&store, Write::Batch(Box::new(batch)));

        let record = store.reader.run("run-1", Lists::All).unwrap().unwrap();
        prop_assert_eq!(exact(&record.state), exact(&state));
        prop_assert_eq!(&*record.log, &log);
        let resumed = store.reader.resume("run-1").unwrap().unwrap();
        prop_assert_eq!(exact(&resumed), exact(&state));
        prop_assert_eq!(&resumed, &*state);

        let filter = EventFilter { hidden: true, limit: 1000, ..EventFilter::default() };
        let page = store.reader.events("run-1", &filter).unwrap();
        let rows: Vec<EventRow> = page.events.into_iter().map(|event| event.row).collect();
        prop_assert_eq!(&rows, &events);
        prop_assert_eq!(page.hidden, events.iter().filter(|event| event.hidden).count() as u64);

        let open = store.reader.run("run-1", Lists::Open).unwrap().unwrap().state;
        let spans: Vec<&Span> = state.spans.iter().filter(|span| span.is_open()).collect();
        let markers: Vec<&Marker> = state.markers.iter().filter(|marker| marker.is_open()).collect();
        prop_assert_eq!(open.spans.iter().collect::<Vec<_>>(), spans);
        prop_assert_eq!(open.markers.iter().collect::<Vec<_>>(), markers);
        prop_assert!(open.artifacts.is_empty());
    }
}

#[test]
fn integers_above_i64_do_not_poison_a_batch() {
    let place = Place::new();
    let store = place.open();
    let mut batch = whole("run-1", 1, LOG);
    let state = Arc::make_mut(&mut batch.state);
    state.counters.events = u64::MAX;
    let span = &mut state.spans[0];
    (span.attempt, span.opened_line, span.closed_line) = (Some(u64::MAX), u64::MAX, Some(u64::MAX));
    (span.input_line, span.output_line, span.more.to_mut().tokens_in) = (Some(0), Some(u64::MAX), Some(u64::MAX));
    batch.log.cursor.size = u64::MAX;
    batch.events.as_mut().unwrap()[0].length = u64::MAX;
    write(&store, Write::Batch(Box::new(batch)));
    let record = store.reader.run("run-1", Lists::All).unwrap().unwrap();
    let (span, most) = (&record.state.spans[0], i64::MAX.unsigned_abs());
    assert_eq!((span.attempt, span.opened_line, span.closed_line), (Some(most), most, Some(most)));
    assert_eq!((span.input_line, span.output_line, span.more.tokens_in), (Some(0), Some(most), Some(most)));
    assert_eq!(record.log.cursor.size, i64::MAX.unsigned_abs());
}

#[test]
fn each_of_what_few_spans_have_comes_out_alone() {
    let place = Place::new();
    let store = place.open();
    let mut batch = whole("run-1", 1, LOG);
    let state = Arc::make_mut(&mut batch.state);
    let few = || Some("x".into());
    let nothing = More::default();
    let alone = [
        More { skill: few(), ..nothing.clone() },
        More { agent: few(), ..nothing.clone() },
        More { model: few(), ..nothing.clone() },
        More { repo: few(), ..nothing.clone() },
        More { score: Some(0.5), ..nothing.clone() },
        More { error: Some(ErrorText { message: None, kind: None, stack: None }), ..nothing.clone() },
        More { tokens_in: Some(0), ..nothing.clone() },
        More { tokens_out: Some(0), ..nothing.clone() },
        More { cost_usd: Some(0.0), ..nothing.clone() },
        More { deadline: Some(Micros(0)), ..nothing.clone() },
        More { expected_ms: Some(0), ..nothing.clone() },
        nothing,
    ];
    let alone = alone.map(|more| Span { more: more.into(), ..state.spans[0].clone() });
    state.spans = alone.to_vec();
    write(&store, Write::Batch(Box::new(batch)));
    assert_eq!(store.reader.run("run-1", Lists::All).unwrap().unwrap().state.spans, alone);
    assert!(ask::<bool>(&place.cache(), "SELECT entries -> '$[11][15]' IS NULL FROM span"));
}

#[test]
fn the_view_of_spans_says_what_few_spans_have() {
    let place = Place::new();
    let store = place.open();
    let log = "{\"ts\":\"2026-06-03T10:00:00Z\",\"event\":\"step.started\",\"step\":\"s\",\"skill\":\"k\",\"agent\":\"a\",\"model\":\"m\",\
        \"repo\":\"r\",\"expected_ms\":9,\"deadline\":\"2026-06-03T11:00:00Z\"}\n\
        {\"event\":\"step.failed\",\"step\":\"s\",\"score\":0.5,\"error\":\"e\",\"input_tokens\":3,\"output_tokens\":4,\"cost_usd\":0.25}\n";
    write(&store, Write::Batch(Box::new(whole("run-1", 1, log))));
    let columns =
        "skill, agent, model, repo, expected_ms, deadline, score, error ->> 'message', tokens_in, tokens_out, cost_usd";
    let said = ask::<String>(&place.cache(), &format!("SELECT json_array({columns}) FROM spans"));
    assert_eq!(said, r#"["k","a","m","r",9,"2026-06-03T11:00:00.000Z",0.5,"e",3,4,0.25]"#);
}

#[test]
fn the_views_say_the_same_words_as_the_program() {
    let place = Place::new();
    let store = place.open();
    let mut batch = whole("run-1", 1, LOG);
    let state = Arc::make_mut(&mut batch.state);
    let span = state.spans[0].clone();
    state.spans = SpanKind::ALL.iter().map(|kind| Span { kind: *kind, ..span.clone() }).collect();
    state.spans.extend(SpanStatus::ALL.iter().map(|status| Span { status: *status, ..span.clone() }));
    write(&store, Write::Batch(Box::new(batch)));
    let words = |column: &str, from: usize| -> String {
        ask(
            &place.cache(),
            &format!("SELECT group_concat({column}) FROM (SELECT * FROM spans WHERE place >= {from} ORDER BY place)"),
        )
    };
    let kinds: Vec<&str> = SpanKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let statuses: Vec<&str> = SpanStatus::ALL.iter().map(|status| status.as_str()).collect();
    assert!(words("kind", 0).starts_with(&kinds.join(",")));
    assert_eq!(words("status", kinds.len()), statuses.join(","));
    let events: String = ask(
        &place.cache(),
        "SELECT group_concat(ordinal || ' ' || line || ' ' || time || ' ' || name, ', ') FROM events",
    );
    assert_eq!(
        events,
        "1 1 2026-06-02T23:19:37.000Z run.started, 2 2 2026-06-02T23:19:38.000Z heartbeat, \
         3 3 2026-06-02T23:19:39.000Z run.failed"
    );
    let run: String = ask(&place.cache(), "SELECT title || status || started_at || error || events FROM runs");
    assert_eq!(run, "tfailed2026-06-02T23:19:37.000Zm3");
}
