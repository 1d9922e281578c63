//! The questions of every surface, asked of a real cache.

use std::sync::{Arc, LazyLock};

use wheelwatch::query::{Judged, Past, PastPlace, Pill, Query};
use wheelwatch::reducer::attention::Reason;
use wheelwatch::reducer::event::{Class, Event, Meaning, More, Subject, Verb};
use wheelwatch::reducer::fold;
use wheelwatch::reducer::reduce::EventRow;
use wheelwatch::reducer::run::RunState;
use wheelwatch::reducer::time::Micros;
use wheelwatch::reducer::verdict::{Policy, Rule, Word};
use wheelwatch::reducer::wheel::Who;
use wheelwatch::store::reader::{Lists, RunFilter};
use wheelwatch::store::writer::Write;
use wheelwatch::store::{self, Batch, Cursor, LogRow, Store};

const NOW: Micros = Micros(1_700_000_000_000_000);
const MINUTE: i64 = 60_000;

/// A cache in a directory of its own.
struct Cache {
    query: Query,
    store: Store,
    /// Goes when the test ends.
    _directory: tempfile::TempDir,
}

/// One event: subject, verb, minutes before [`NOW`], and what else it says.
type Said = (Subject, Verb, i64, fn(&mut Event<'_>));

fn plain(_: &mut Event<'_>) {}

fn in_build(event: &mut Event<'_>) {
    event.phase = Some("build");
}

fn needs_human(event: &mut Event<'_>) {
    event.meaning.needs_human = true;
}

impl Cache {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = store::open(&directory.path().join("cache.db"), &[], "").expect("a new cache");
        let query = Query { reader: store.reader.clone(), policy: Arc::new(Policy::default()) };
        Self { query, store, _directory: directory }
    }

    /// Writes a run whose lines are these events; the file was last written with the last of them.
    fn put(&self, key: &str, said: &[Said]) {
        let (mut state, mut rows) = (RunState::default(), Vec::new());
        for (line, event) in (1..).zip(said) {
            let event = told(line, event);
            fold::apply(&mut state, &event);
            rows.push(EventRow::of(&event));
        }
        state.health.last_line = said.len() as u64;
        state.health.last_line_timed = true;
        state.counters.lines.event = said.len() as u64;
        let end = 100 * said.len() as u64;
        let modified = said.last().map_or(NOW, |last| NOW.plus_millis(-last.2 * MINUTE));
        let log = LogRow {
            key: key.to_owned(),
            path: format!("state/{key}/run.log"),
            cursor: Cursor { generation: 1, offset: end, size: end, mtime_ns: modified.0 * 1_000, ..Cursor::default() },
            events_offset: end,
            ..LogRow::default()
        };
        let changes = state.take_changes();
        let batch =
            Batch { log, replace: false, state: Arc::new(state), changes, events: Some(rows), provisional: None };
        self.store.writer.send(Write::Batch(Box::new(batch))).expect("the writer runs");
        self.store.writer.flush().expect("the batch is committed");
    }

    fn rule(&self, key: &str) -> Option<Rule> {
        self.query.run(key, NOW).expect("the cache answers").map(|judged| judged.verdict.rule)
    }
}

fn told<'a>(line: u64, (subject, verb, minutes, more): &Said) -> Event<'a> {
    let mut event = Event::bare(Class::Event, line, (line - 1) * 100, 99);
    event.meaning = Meaning { subject: Some(*subject), verb: Some(*verb), ..Meaning::default() };
    event.time = Some(NOW.plus_millis(-minutes * MINUTE));
    more(&mut event);
    event
}

const STARTED: Verb = Verb::Started;

#[test]
fn a_run_that_is_not_there_is_none() {
    assert_eq!(Cache::new().rule("nothing"), None);
}

#[test]
fn a_phase_is_judged_by_what_was_learned_from_earlier_runs() {
    let cache = Cache::new();
    let earlier = |began: i64, took: i64| {
        [
            (Subject::Phase, STARTED, began, in_build as fn(&mut Event<'_>)),
            (Subject::Phase, Verb::Finished, began - took, in_build),
            (Subject::Run, Verb::Passed, began - took, plain),
        ]
    };
    let late =
        [(Subject::Phase, STARTED, 20, in_build as fn(&mut Event<'_>)), (Subject::Log, Verb::Recorded, 0, plain)];
    cache.put("late", &late);
    for number in 0..5 {
        assert_eq!(cache.rule("late"), Some(Rule::Healthy), "{number} spans are not enough");
        cache.put(&format!("earlier-{number}"), &earlier(1_000 + number, 5));
    }
    assert_eq!(cache.rule("late"), Some(Rule::Phase));
    let listed = cache.query.runs(&RunFilter { limit: 50, ..RunFilter::default() }, None, NOW).expect("a page");
    let words: Vec<_> = listed.runs.iter().map(|judged| (judged.record.key.as_str(), judged.verdict.word)).collect();
    assert!(words.contains(&("late", Word::Late)), "the list has the same word: {words:?}");
}

#[test]
fn a_list_beside_a_banner_judges_no_open_run_again() {
    let cache = Cache::new();
    for key in ["a", "b"] {
        cache.put(key, &[(Subject::Run, STARTED, 20, plain), (Subject::Log, Verb::Recorded, 0, plain)]);
    }
    let banner = cache.query.banner(NOW).expect("a banner");
    let filter = RunFilter { limit: 50, ..RunFilter::default() };
    let list = |verdict| cache.query.runs_beside(Some(&banner), &filter, verdict, NOW).expect("a page").runs;
    let is_of_banner = |run: &Arc<Judged>| banner.active.iter().any(|active| Arc::ptr_eq(active, run));
    for verdict in [None, Some(Word::Healthy)] {
        let runs = list(verdict);
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().all(is_of_banner), "{verdict:?}");
    }
    cache.put("b", &[(Subject::Run, STARTED, 20, plain), (Subject::Run, Verb::Failed, 0, plain)]);
    let changed: Vec<_> = list(None).into_iter().filter(|run| !is_of_banner(run)).collect();
    assert_eq!(changed.len(), 1, "it is not the run that the banner knew");
    assert_eq!((changed[0].record.key.as_str(), changed[0].verdict.word), ("b", Word::Ended));
}

#[test]
fn a_later_run_teaches_nothing() {
    let cache = Cache::new();
    for number in 0..5 {
        let began = 10 - number;
        cache.put(
            &format!("later-{number}"),
            &[(Subject::Phase, STARTED, began, in_build), (Subject::Phase, Verb::Finished, began - 1, in_build)],
        );
    }
    cache.put("first", &[(Subject::Phase, STARTED, 25, in_build), (Subject::Log, Verb::Recorded, 0, plain)]);
    assert_eq!(cache.rule("first"), Some(Rule::Healthy));
}

#[test]
fn a_list_filtered_by_word_is_paged_without_gap_or_repeat() {
    let cache = Cache::new();
    for number in 0..9 {
        let quiet = if number % 2 == 0 { 15 } else { 1 };
        cache.put(
            &format!("run-{number}"),
            &[(Subject::Run, STARTED, 60 - number, plain), (Subject::Log, Verb::Recorded, quiet, plain)],
        );
    }
    cache.put("ended", &[(Subject::Run, STARTED, 70, plain), (Subject::Run, Verb::Passed, 65, plain)]);
    let ask = |word, limit| {
        let mut filter = RunFilter { limit, ..RunFilter::default() };
        let mut keys = Vec::new();
        loop {
            let page = cache.query.runs(&filter, Some(word), NOW).expect("a page");
            assert!(page.runs.len() <= limit as usize);
            assert!(page.runs.iter().all(|judged| judged.verdict.word == word));
            keys.extend(page.runs.iter().map(|judged| judged.record.key.clone()));
            match page.next {
                Some(next) => filter.after = Some(next),
                None => return (keys, page.total),
            }
        }
    };
    for limit in 1..7 {
        let stuck = ["run-8", "run-6", "run-4", "run-2", "run-0"].map(String::from).to_vec();
        assert_eq!(ask(Word::Stuck, limit), (stuck, 5), "limit {limit}");
        let healthy = ["run-7", "run-5", "run-3", "run-1"].map(String::from).to_vec();
        assert_eq!(ask(Word::Healthy, limit), (healthy, 4), "limit {limit}");
        assert_eq!(ask(Word::Ended, limit), (vec![String::from("ended")], 1), "limit {limit}");
        assert_eq!(ask(Word::Late, limit), (vec![], 0), "limit {limit}");
    }
}

#[test]
fn a_word_that_contradicts_the_filter_finds_nothing() {
    let cache = Cache::new();
    cache.put("open", &[(Subject::Run, STARTED, 1, plain)]);
    for (open, word) in [(false, Word::Healthy), (true, Word::Ended)] {
        let filter = RunFilter { open: Some(open), limit: 9, ..RunFilter::default() };
        let page = cache.query.runs(&filter, Some(word), NOW).expect("a page");
        assert_eq!((page.runs.len(), page.total, page.next), (0, 0, None));
    }
}

#[test]
fn a_run_that_needs_a_person_says_since_when_by_the_line_that_said_so() {
    let cache = Cache::new();
    cache.put(
        "asks",
        &[
            (Subject::Run, STARTED, 60, plain),
            (Subject::Run, Verb::Recorded, 50, |event| {
                event.meaning.verb = None;
                event.status = Some("needs_human");
            }),
            // Progress after it: only the rows of the events still know when that line was written.
            (Subject::Log, Verb::Recorded, 40, |event| event.candidate = Some("second")),
        ],
    );
    let verdict = cache.query.run("asks", NOW).expect("the cache answers").expect("the run").verdict;
    assert_eq!((verdict.rule, verdict.since), (Rule::Waiting, Some(NOW.plus_millis(-50 * MINUTE))));
}

#[test]
fn one_look_gives_pill_attention_and_active_runs() {
    let cache = Cache::new();
    let empty = cache.query.banner(NOW).expect("a banner");
    assert!(empty.active.is_empty() && empty.attention.is_empty());
    assert!(matches!(empty.pill(), Pill::Idle(None)));
    cache.put("failed", &[(Subject::Run, STARTED, 60, plain), (Subject::Run, Verb::Failed, 50, plain)]);
    let Pill::Idle(Some(last)) = cache.query.pill(NOW).expect("a pill") else { panic!("not idle") };
    assert_eq!(last.key, "failed");
    cache.put("asks", &[(Subject::Run, STARTED, 30, plain), (Subject::Question, Verb::Raised, 20, plain)]);
    cache.put("gone", &[(Subject::Run, STARTED, 2_000, plain)]);
    let Pill::Active(first, others) = cache.query.pill(NOW).expect("a pill") else { panic!("not active") };
    assert_eq!((first.record.key.as_str(), others), ("asks", 0));
    let attention = cache.query.attention(NOW).expect("a list");
    let found: Vec<_> = attention.iter().map(|item| (item.run.record.key.as_str(), item.entry.reason)).collect();
    assert_eq!(found, [("asks", Reason::Question), ("failed", Reason::Failed)]);
    assert_eq!(cache.query.active(NOW).expect("a list").len(), 1);
}

#[test]
fn a_retried_run_leaves_the_attention_list() {
    static RETRY: LazyLock<More<'_>> = LazyLock::new(|| More { retry_of: Some("first"), ..More::default() });
    let cache = Cache::new();
    cache.put("first", &[(Subject::Run, STARTED, 60, plain), (Subject::Run, Verb::Failed, 50, plain)]);
    assert_eq!(cache.query.attention(NOW).expect("a list").len(), 1);
    cache.put("again", &[(Subject::Run, STARTED, 5, |event| event.more = Some(&RETRY))]);
    assert_eq!(cache.query.attention(NOW).expect("a list").len(), 0);
    let first = cache.query.run("first", NOW).expect("the cache answers").expect("the run");
    assert_eq!(first.record.retried_by.as_deref(), Some("again"));
}

#[test]
fn a_run_is_shown_as_it_was_at_a_line() {
    let cache = Cache::new();
    let said: [Said; 3] = [
        (Subject::Run, STARTED, 600, plain),
        (Subject::Question, Verb::Raised, 590, plain),
        (Subject::Run, Verb::Failed, 5, plain),
    ];
    cache.put("run", &said);
    let mut state = RunState::default();
    for (line, event) in (1..).zip(&said[..2]) {
        fold::apply(&mut state, &told(line, event));
    }
    state.health.last_line = 2;
    state.health.last_line_timed = true;
    let then = cache.query.run_at("run", 2, state, NOW).expect("the cache answers").expect("the run");
    assert_eq!(then.verdict.rule, Rule::Waiting);
    assert_eq!(then.record.modified, Some(NOW.plus_millis(-590 * MINUTE)));
    assert_eq!(cache.rule("run"), Some(Rule::Ended));
}

#[test]
fn the_wheel_lane_knows_when_the_wheel_was_granted() {
    let cache = Cache::new();
    cache.put(
        "run",
        &[
            (Subject::Run, STARTED, 60, plain),
            (Subject::Handoff, Verb::Raised, 50, needs_human),
            (Subject::Handoff, Verb::Granted, 40, plain),
            (Subject::Handoff, Verb::Cleared, 30, plain),
        ],
    );
    let record = cache.store.reader.run("run", Lists::All).expect("the cache answers").expect("the run");
    let lane = cache.query.wheel(&record).expect("a lane");
    let found: Vec<_> = lane.iter().map(|hold| (hold.who.clone(), hold.from.line)).collect();
    assert_eq!(found, [(Who::Agent, 1), (Who::Human(None), 3), (Who::Agent, 4)]);
}

#[test]
fn the_history_is_paged_without_gap_or_repeat() {
    const OLD: i64 = 9 * 24 * 60;
    let cache = Cache::new();
    // Several things are over in the same minute, of every kind.
    for key in ["a", "b", "c"] {
        cache.put(key, &[(Subject::Run, Verb::Started, OLD + 2, plain), (Subject::Run, Verb::Failed, OLD, plain)]);
    }
    for key in ["d", "e"] {
        let asked = (Subject::Question, Verb::Raised, OLD + 1, plain as fn(&mut Event<'_>));
        let answered = (Subject::Question, Verb::Granted, OLD, plain as fn(&mut Event<'_>));
        let started = (Subject::Run, Verb::Started, OLD + 2, plain as fn(&mut Event<'_>));
        cache.put(key, &[started, asked, answered, asked, answered, (Subject::Run, Verb::Finished, 1, plain)]);
    }
    // This one still needs somebody.
    cache.put("f", &[(Subject::Run, Verb::Started, 2, plain), (Subject::Run, Verb::Failed, 1, plain)]);
    let banner = cache.query.banner(NOW).expect("the cache answers");
    let named = |past: &Past| match past {
        Past::Marker(one) => format!("{} {}", one.run, one.marker.opened_line),
        Past::Run(run) => run.record.key.clone(),
    };
    let page = |after, limit| cache.query.history(&banner, None, after, limit, NOW).expect("the cache answers");
    let whole: Vec<String> = page(None, 50).entries.iter().map(named).collect();
    assert_eq!(whole, ["e 4", "e 2", "d 4", "d 2", "c", "b", "a"]);
    for limit in 1..8 {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let next = page(after, limit);
            paged.extend(next.entries.iter().map(named));
            after = next.next.map(|place| PastPlace::parse(&place.to_string()).expect("a place"));
            if after.is_none() {
                break;
            }
        }
        assert_eq!(paged, whole, "{limit}");
    }
    assert_eq!(PastPlace::parse("1.x.2"), None);
}
