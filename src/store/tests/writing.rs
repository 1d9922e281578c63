//! What the writer promises: whole transactions, growing versions, generations that never mix, nothing lost.

use std::time::Duration;

use super::*;
use crate::reducer::run::Changes;
use crate::store::reader::{EventFilter, Lists};

const FIRST: &str =
    "{\"ts\":\"2026-06-02T10:00:00Z\",\"event\":\"run.started\"}\n{\"event\":\"phase.started\",\"phase\":\"build\"}\n";
const SECOND: &str = "{\"ts\":\"2026-06-03T10:00:00Z\",\"event\":\"run.started\",\"workflow\":\"other\"}\n";

fn version(store: &Store, key: &str) -> u64 {
    store.reader.run(key, Lists::None).unwrap().unwrap().version
}

fn rows(store: &Store, key: &str) -> u64 {
    let filter = EventFilter { hidden: true, limit: 1000, ..EventFilter::default() };
    store.reader.events(key, &filter).unwrap().events.len() as u64
}

#[test]
fn versions_grow_over_restarts_and_removals_and_each_change_is_announced() {
    let place = Place::new();
    let mut store = place.open();
    let mut last = 0;
    for round in 0..3 {
        let mut changes = store.live.subscribe();
        for generation in [1, 2] {
            write_whole(&store, "run-1", generation + 2 * round, FIRST);
            let now = version(&store, "run-1");
            assert!(now > last);
            assert_eq!(changes.try_recv().unwrap(), Change { key: "run-1".to_owned(), version: now });
            last = now;
        }
        write(&store, Write::Log(Box::new(LogRow { gone: true, ..log("run-1", 2 + 2 * round, FIRST.len() as u64) })));
        assert!(version(&store, "run-1") > last);
        write(&store, Write::Remove("run-1".to_owned()));
        changes.try_recv().unwrap();
        last = changes.try_recv().unwrap().version;
        drop(store);
        store = place.open();
        assert_eq!(store.reader.run("run-1", Lists::All).unwrap(), None);
    }
}

#[test]
fn changes_of_one_commit_are_announced_once_per_run() {
    let place = Place::new();
    let store = place.open();
    let mut changes = store.live.subscribe();
    let lock = rusqlite::Connection::open(place.cache()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The first write waits for the lock; the others wait behind it and are then committed together.
    write_many(&store, 1..=1);
    write_many(&store, 2..=9);
    lock.execute_batch("COMMIT").unwrap();
    store.writer.flush().unwrap();
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        seen.push(change.version);
    }
    assert!((1..=2).contains(&seen.len()), "{seen:?}");
    assert_eq!(seen.last().copied(), Some(version(&store, "run-1")));
}

type Send = fn(&Writer, Write) -> Result<(), StoreError>;

/// Both ways to send what is to be committed soon.
const WAYS: [Send; 2] = [Writer::send, Writer::send_at_once];

fn write_many(store: &Store, generations: std::ops::RangeInclusive<u64>) {
    for generation in generations {
        store.writer.send(Write::Batch(Box::new(whole("run-1", generation, FIRST)))).unwrap();
    }
}

#[test]
fn generations_never_mix() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "run-1", 1, FIRST);
    // Also when the sender forgets to say so.
    let mut batch = whole("run-1", 2, SECOND);
    batch.replace = false;
    write(&store, Write::Batch(Box::new(batch)));
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("run-1", SECOND)]));
    assert_eq!(rows(&store, "run-1"), 1);
    let totals = store.reader.totals().unwrap();
    assert_eq!((totals.runs, totals.lines, totals.bytes), (1, 1, SECOND.len() as u64));
}

#[test]
fn rows_of_replaced_and_removed_logs_are_swept_away() {
    let place = Place::new();
    let store = place.open();
    let text = FIRST.repeat(200);
    for generation in 1..=3 {
        write_whole(&store, "run-1", generation, &text);
    }
    write(&store, Write::Remove("run-1".to_owned()));
    drop(store);
    let store = place.open();
    let left = "SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM span) + (SELECT count(*) FROM trash)";
    let began = std::time::Instant::now();
    while ask::<i64>(&place.cache(), left) > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "nothing sweeps");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[]));
    assert_eq!(store.reader.totals().unwrap(), crate::store::reader::Totals::default());
}

#[test]
fn there_is_no_dump_of_what_was_reduced_without_event_rows() {
    let place = Place::new();
    let store = place.open();
    let mut batch = whole("run-1", 1, FIRST);
    let events = batch.events.take().unwrap();
    write(&store, Write::Batch(Box::new(batch)));
    assert_eq!(store.reader.dump().unwrap(), None);
    assert!(store.reader.events("run-1", &EventFilter::default()).unwrap().incomplete);
    assert_eq!(store.reader.known().unwrap()[0].log.events_offset, 0);
    // Rows that come with a later batch would leave a gap.
    let mut late = whole("run-1", 1, FIRST);
    late.events = Some(events[1..].to_vec());
    write(&store, Write::Batch(Box::new(late)));
    assert_eq!((store.reader.dump().unwrap(), rows(&store, "run-1")), (None, 0));
    // Read once more, it has them, and none of what was there before is left.
    let before = version(&store, "run-1");
    write(&store, Write::Batch(Box::new(Batch { replace: true, ..whole("run-1", 1, FIRST) })));
    assert_eq!(rows(&store, "run-1"), events.len() as u64);
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("run-1", FIRST)]));
    assert!(version(&store, "run-1") > before);
}

#[test]
fn a_log_without_a_run_is_known_and_has_no_entry_in_the_dump() {
    let place = Place::new();
    let store = place.open();
    let problem = Some(Problem { code: "not_regular".to_owned(), text: "a FIFO".to_owned() });
    let fifo = LogRow { problem, ..log("fifo", 1, 0) };
    write(&store, Write::Log(Box::new(fifo.clone())));
    assert_eq!(store.reader.logs().unwrap(), [fifo]);
    assert_eq!(store.reader.run("fifo", Lists::All).unwrap(), None);
    assert_eq!(store.reader.resume("fifo").unwrap(), None);
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[]));
    // Then it becomes a log.
    write_whole(&store, "fifo", 1, FIRST);
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("fifo", FIRST)]));
}

#[test]
fn what_is_said_of_a_log_never_moves_the_cursor_away_from_the_state() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "run-1", 1, FIRST);
    let before = store.reader.run("run-1", Lists::All).unwrap().unwrap();
    let problem = Some(Problem { code: "unreadable".to_owned(), text: "mode 000".to_owned() });
    for (generation, offset) in [(0, 0), (2, FIRST.len() as u64), (1, 7)] {
        write(&store, Write::Log(Box::new(LogRow { problem: problem.clone(), ..log("run-1", generation, offset) })));
        let after = store.reader.run("run-1", Lists::All).unwrap().unwrap();
        assert_eq!(*after.log, LogRow { problem: problem.clone(), ..(*before.log).clone() });
        assert_eq!(after.state, before.state);
    }
    let mut touched = log("run-1", 1, FIRST.len() as u64);
    touched.cursor.mtime_ns += 5_000_000_000;
    write(&store, Write::Log(Box::new(touched.clone())));
    let after = store.reader.run("run-1", Lists::All).unwrap().unwrap();
    assert_eq!((after.modified, &after.log.problem), (touched.modified(), &None));
    assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("run-1", FIRST)]));
}

#[test]
fn a_doubt_is_noted_and_is_no_news() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "run-1", 1, FIRST);
    let before = version(&store, "run-1");
    let mut changes = store.live.subscribe();
    for doubt in [true, false] {
        let mut log = log("run-1", 1, FIRST.len() as u64);
        (log.cursor.doubt, log.events_offset) = (doubt, FIRST.len() as u64);
        write(&store, Write::Log(Box::new(log.clone())));
        assert_eq!(store.reader.logs().unwrap(), [log]);
        assert_eq!(version(&store, "run-1"), before);
        assert!(changes.try_recv().is_err());
    }
}

#[test]
fn what_need_not_wait_is_committed_by_its_sender_and_announced_before_it_is_done() {
    let place = Place::new();
    let store = place.open();
    let mut changes = store.live.subscribe();
    let mut on_the_spot = 0;
    for generation in 1..=20 {
        store.writer.send_at_once(Write::Batch(Box::new(whole("run-1", generation, FIRST)))).unwrap();
        on_the_spot += u32::from(store.writer.is_done());
        store.writer.flush().unwrap();
        assert_eq!(changes.try_recv().unwrap().version, version(&store, "run-1"));
    }
    assert!(on_the_spot > 10, "the thread has the desk now and then, but not often: {on_the_spot}");
    drop(store);
    let reader = open_reader(&place.cache(), "").unwrap();
    assert_eq!(reader.dump().unwrap().unwrap(), dump_of(&[("run-1", FIRST)]));
}

#[test]
fn who_hears_of_a_change_reads_it_or_hears_of_it_again() {
    let place = Place::new();
    let store = place.open();
    let mut changes = store.live.subscribe();
    let mut unread = std::collections::BTreeSet::new();
    let mut heard = 0;
    std::thread::scope(|scope| {
        let sends = scope.spawn(|| {
            for generation in 1..=300 {
                store.writer.send_at_once(Write::Batch(Box::new(whole("run-1", generation, FIRST)))).unwrap();
            }
            store.writer.flush().unwrap();
        });
        loop {
            let is_over = sends.is_finished();
            while let Ok(change) = changes.try_recv() {
                heard += 1;
                let read = store.reader.run("run-1", Lists::None).unwrap().map_or(0, |run| run.version);
                if read < change.version {
                    unread.insert(change.version);
                } else {
                    unread.remove(&change.version);
                }
            }
            if is_over {
                break;
            }
            std::thread::yield_now();
        }
    });
    assert!(heard > 100, "several may be committed together, but not all: {heard}");
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn who_gave_up_waiting_for_a_commit_hears_of_it_again() {
    let place = Place::new();
    let store = place.open();
    let mut changes = store.live.subscribe();
    let other = rusqlite::Connection::open(place.cache()).unwrap();
    // The thread may have the desk, and then nothing is announced before it is done.
    let was_outpaced = (1..=20).any(|generation| {
        write_whole(&store, "run-1", 2 * generation, FIRST);
        changes.try_recv().unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (early, read) = std::thread::scope(|scope| {
            // It waits for the lock as long as SQLite lets it, a second.
            scope.spawn(|| {
                let batch = whole("run-1", 2 * generation + 1, SECOND);
                store.writer.send_at_once(Write::Batch(Box::new(batch))).unwrap();
            });
            let began = std::time::Instant::now();
            let mut early = changes.try_recv().ok();
            while early.is_none() && began.elapsed() < Duration::from_millis(200) {
                std::thread::yield_now();
                early = changes.try_recv().ok();
            }
            let read = version(&store, "run-1");
            other.execute_batch("COMMIT").unwrap();
            (early, read)
        });
        store.writer.flush().unwrap();
        let again = changes.try_recv().ok();
        assert!(early.is_some() || again.is_some());
        let is_outpaced = early.as_ref().is_some_and(|early| read < early.version);
        assert!(!is_outpaced || again == early, "{early:?}, {again:?}");
        is_outpaced
    });
    assert!(was_outpaced);
}

#[test]
fn what_was_announced_and_could_not_be_committed_is_announced_again() {
    let place = Place::new();
    let store = place.open();
    let mut changes = store.live.subscribe();
    let other = rusqlite::Connection::open(place.cache()).unwrap();
    // The thread may have the desk, and then nothing is announced before it is done.
    let was_early = (1..=20).any(|generation| {
        write_whole(&store, "run-1", 2 * generation, FIRST);
        changes.try_recv().unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        store.writer.send_at_once(Write::Batch(Box::new(whole("run-1", 2 * generation + 1, SECOND)))).unwrap();
        let early = changes.try_recv().ok();
        let before = version(&store, "run-1");
        other.execute_batch("COMMIT").unwrap();
        let began = std::time::Instant::now();
        while store.writer.flush().is_err() || !store.writer.is_done() {
            assert!(began.elapsed() < Duration::from_secs(30));
        }
        let change = changes.try_recv().unwrap();
        assert_eq!(version(&store, "run-1"), change.version);
        early.is_some_and(|early| early == change && before < change.version)
    });
    assert!(was_early);
}

#[test]
fn what_need_not_wait_overtakes_nothing() {
    let place = Place::new();
    let store = place.open();
    for generation in [1, 3, 5, 7] {
        // It waits for others, and what comes next is one.
        store.writer.send_patiently(Write::Batch(Box::new(whole("run-1", generation, FIRST)))).unwrap();
        store.writer.send_at_once(Write::Batch(Box::new(whole("run-1", generation + 1, SECOND)))).unwrap();
        store.writer.flush().unwrap();
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("run-1", SECOND)]));
    }
}

#[test]
fn a_lock_of_another_program_delays_writes_and_loses_none() {
    for send in WAYS {
        let place = Place::new();
        let store = place.open();
        write_whole(&store, "run-1", 1, FIRST);
        let other = rusqlite::Connection::open(place.cache()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        for n in 2..20 {
            send(&store.writer, Write::Batch(Box::new(whole(&format!("run-{n}"), 1, FIRST)))).unwrap();
        }
        assert!(matches!(store.writer.flush(), Err(StoreError::Sql(_))));
        assert!(store.live.status().cache_problem.unwrap().contains("tried again"));
        assert_eq!(store.reader.totals().unwrap().runs, 1, "pages are still served");
        other.execute_batch("COMMIT").unwrap();
        let began = std::time::Instant::now();
        while store.writer.flush().is_err() {
            assert!(began.elapsed() < Duration::from_secs(30));
        }
        assert_eq!(store.reader.totals().unwrap().runs, 19);
        assert_eq!(store.live.status().cache_problem, None);
        let keys: Vec<String> = (1..20).map(|n| format!("run-{n}")).collect();
        let mut logs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), FIRST)).collect();
        logs.sort_unstable();
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&logs));
    }
}

#[test]
fn a_write_that_the_database_never_takes_stops_no_other() {
    for send in WAYS {
        let place = Place::new();
        let store = place.open();
        let trap = rusqlite::Connection::open(place.cache()).unwrap();
        trap.execute_batch(
            "CREATE TRIGGER trap BEFORE INSERT ON run WHEN NEW.key = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
        )
        .unwrap();
        for key in ["a", "bad", "c"] {
            send(&store.writer, Write::Batch(Box::new(whole(key, 1, FIRST)))).unwrap();
        }
        assert!(matches!(store.writer.flush(), Err(StoreError::Sql(_))));
        store.writer.flush().unwrap();
        trap.execute_batch("DROP TRIGGER trap").unwrap();
        // What follows the lost write would leave a gap, until the log is read anew.
        let mut more = whole("bad", 1, FIRST);
        more.changes = Changes::default();
        write(&store, Write::Batch(Box::new(more)));
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("a", FIRST), ("c", FIRST)]));
        let mut anew = whole("bad", 1, FIRST);
        anew.replace = true;
        write(&store, Write::Batch(Box::new(anew)));
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("a", FIRST), ("bad", FIRST), ("c", FIRST)]));
    }
}

#[test]
fn writes_of_many_threads_all_arrive() {
    let place = Place::new();
    let store = place.open();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let writer = store.writer.clone();
            scope.spawn(move || {
                for n in 0..100 {
                    writer.send(Write::Batch(Box::new(whole(&format!("run-{thread}-{n}"), 1, FIRST)))).unwrap();
                }
            });
        }
    });
    drop(store);
    let reader = open_reader(&place.cache(), "").unwrap();
    assert_eq!(reader.totals().unwrap().runs, 400, "the last handle commits what is queued");
    assert_eq!(ask::<String>(&place.cache(), "PRAGMA integrity_check"), "ok");
}

#[test]
fn the_write_ahead_log_stays_small() {
    for send in WAYS {
        let place = Place::new();
        let store = place.open();
        let text = FIRST.repeat(2000);
        let mut longest = 0;
        for n in 0..40 {
            send(&store.writer, Write::Batch(Box::new(whole(&format!("run-{n}"), 1, &text)))).unwrap();
            store.writer.flush().unwrap();
            longest = longest.max(std::fs::metadata(place::beside(&place.cache(), "-wal")).unwrap().len());
        }
        assert!((1..64 * 1024 * 1024).contains(&longest), "{longest}");
    }
}
