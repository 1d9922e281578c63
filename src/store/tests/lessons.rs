//! What expectations are learned from, after everything that can become of a run.

use super::*;
use crate::reducer::run::{Changes, Fact, Run};
use crate::reducer::span::{SpanKind, SpanStatus};
use crate::reducer::time::Micros;
use crate::store::reader::Lists;

const START: i64 = 1_780_000_000;

/// A run of workflow w that took so many seconds for its phase build, and does not say for verify.
fn text(seconds: i64) -> String {
    format!(
        "{{\"ts\":{START},\"event\":\"phase.started\",\"phase\":\"build\",\"workflow\":\"w\"}}\n\
         {{\"ts\":{},\"event\":\"phase.finished\",\"phase\":\"build\"}}\n\
         {{\"event\":\"phase.finished\",\"phase\":\"verify\"}}\n\
         {{\"event\":\"step.finished\",\"step\":\"s\",\"duration_ms\":5}}\n",
        START + seconds
    )
}

/// The rows, and that they are what the state says.
fn lessons(store: &Store, cache: &Path) -> String {
    for known in store.reader.known().unwrap() {
        if let Some(shown) = store.reader.run(&known.log.key, Lists::All).unwrap() {
            assert_eq!(store.reader.derived(&shown.log, &shown.state).unwrap(), []);
        }
    }
    let row = "(key >> 32) || ' ' || (key & 0xffffffff) || ' ' || ifnull(workflow, '') || ' ' || phase || ' ' || at || ' ' || duration_ms";
    ask(cache, &format!("SELECT ifnull(group_concat({row} ORDER BY key), '') FROM lesson"))
}

/// Writes a log again with another state; the spans at the given places are said to have changed.
fn change(store: &Store, key: &str, text: &str, places: &[u32], set: impl FnOnce(&mut RunState)) {
    let mut batch = whole(key, 1, text);
    set(Arc::make_mut(&mut batch.state));
    batch.changes = Changes { spans: places.to_vec(), ..Changes::default() };
    batch.events = Some(Vec::new());
    write(store, Write::Batch(Box::new(batch)));
}

#[test]
fn lessons_follow_the_spans_and_the_run() {
    let place = Place::new();
    let store = place.open();
    let text = text(7);
    let rows = || lessons(&store, &place.cache());
    let write_again = |places: &[u32], set: fn(&mut RunState)| change(&store, "r", &text, places, set);
    write_whole(&store, "r", 1, &text);
    let built = "1 0 w build 1780000000000000 7000";
    assert_eq!(rows(), built);

    // Whatever a phase lacks to teach something, and back.
    let lacks: [fn(&mut RunState); 4] = [
        |state| state.spans[0].status = SpanStatus::Failed,
        |state| state.spans[0].kind = SpanKind::Step,
        |state| state.spans[0].duration_ms = None,
        |state| state.spans[0].id = None,
    ];
    for lack in lacks {
        write_again(&[0], lack);
        assert_eq!(rows(), "");
        write_again(&[0], |_| ());
        assert_eq!(rows(), built);
    }
    write_again(&[0, 1], |state| {
        state.spans[0].duration_ms = Some(8);
        state.spans[1].duration_ms = Some(9);
    });
    assert_eq!(rows(), "1 0 w build 1780000000000000 8,1 1 w verify 1780000000000000 9");
    // Only one of the two goes again, and the list becomes shorter.
    write_again(&[0], |state| state.spans.truncate(1));
    assert_eq!(rows(), built);
    write_again(&[], |state| state.spans.clear());
    assert_eq!(rows(), "");
    write_again(&[0, 1, 2], |_| ());

    // The run says something else of itself, and no span has changed.
    type Say = fn(&mut Run);
    let says: [(Say, &str); 4] = [
        (|run| run.workflow = Some(Fact { value: "v".to_owned(), line: 1 }), "1 0 v build 1780000000000000 7000"),
        (|run| run.workflow = None, "1 0  build 1780000000000000 7000"),
        (|run| run.first_event_at = Some(Fact { value: Micros(5), line: 1 }), "1 0 w build 5 7000"),
        (|run| run.first_event_at = None, ""),
    ];
    for (say, said) in says {
        change(&store, "r", &text, &[], |state| say(&mut state.run));
        assert_eq!(rows(), said);
        write_again(&[], |_| ());
        assert_eq!(rows(), built);
    }

    // Another generation has another number.
    write_whole(&store, "r", 2, &text);
    assert_eq!(rows(), built.replacen('1', "2", 1));
    write(&store, Write::Remove("r".to_owned()));
    assert_eq!(rows(), "");
}

#[test]
fn a_phase_that_a_tail_ends_teaches_while_the_tail_is_shown() {
    let place = Place::new();
    let store = place.open();
    let end = text(7).find("\n{\"event\":\"phase.finished\",\"phase\":\"verify\"").unwrap();
    let log = text(7)[..end].to_owned() + "torn\n";
    let mut reducer = Reducer::new(Reading::default());
    let mut read = 0;
    for (bytes, rows) in [(end, 1), (log.len() - end, 0)] {
        let turn = pieces::Turn { bytes, with_rows: true, restart: false };
        pieces::turn(&store, &mut reducer, log.as_bytes(), &mut read, turn);
        assert_eq!(lessons(&store, &place.cache()).split_terminator(',').count(), rows);
    }
}

#[test]
fn what_was_learned_is_forgotten_when_it_is_no_more() {
    let place = Place::new();
    let store = place.open();
    let learned = || {
        let found = store.reader.learned(Some("w"), "build", Some(Micros(i64::MAX))).unwrap();
        found.map(|found| (found.spans, found.median_ms))
    };
    for n in 1..=6 {
        write_whole(&store, &format!("run-{n}"), 1, &text(n));
    }
    assert_eq!(learned(), Some((6, 3000)));
    change(&store, "run-1", &text(1), &[0], |state| state.spans[0].status = SpanStatus::Failed);
    assert_eq!(learned(), Some((5, 4000)));
    change(&store, "run-1", &text(1), &[0], |state| state.spans[0].duration_ms = Some(9000));
    assert_eq!(learned(), Some((6, 4000)));
    change(&store, "run-1", &text(1), &[], |state| state.spans.clear());
    assert_eq!(learned(), Some((5, 4000)));
    change(&store, "run-2", &text(2), &[], |state| state.run.workflow = None);
    assert_eq!(learned(), None);
}

#[test]
fn the_newest_lessons_are_learned_from_however_many_there_are() {
    let place = Place::new();
    let store = place.open();
    rusqlite::Connection::open(place.cache())
        .unwrap()
        .execute_batch(
            "WITH RECURSIVE n(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM n WHERE value < 1200)
             INSERT INTO lesson (key, workflow, phase, at, duration_ms)
             SELECT value << 32, 'w', 'build', value, iif(value <= 200, 1000000000, value) FROM n",
        )
        .unwrap();
    let learned = |before| {
        let learned = store.reader.learned(Some("w"), "build", Some(Micros(before))).unwrap().unwrap();
        (learned.spans, learned.median_ms, learned.p90_ms)
    };
    assert_eq!(learned(1201), (1000, 700, 1100));
    assert_eq!(learned(1001), (1000, 700, 1_000_000_000));
    assert_eq!(learned(101), (100, 1_000_000_000, 1_000_000_000));
}
