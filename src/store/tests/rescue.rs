//! A cache whose file cannot be used any more goes on in memory, or is made anew (spec 5.2, 5.4.4).

use std::time::Duration;

use super::*;
use crate::store::reader::Lists;

const LOG: &str =
    "{\"ts\":\"2026-06-02T10:00:00Z\",\"event\":\"run.started\"}\n{\"event\":\"step.started\",\"step\":\"s\"}\n";

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn problem(store: &Store) -> String {
    store.live.status().cache_problem.unwrap_or_default()
}

#[test]
fn a_cache_that_cannot_be_read_is_made_anew_and_nothing_that_was_sent_before_is_taken() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "a", 1, LOG);
    let version = store.reader.run("a", Lists::None).unwrap().unwrap().version;
    let is_complete = || store.live.status().complete;
    assert!(!is_complete());
    write(&store, Write::Complete);
    assert!(is_complete());
    store.writer.make_anew(String::from("a test")).unwrap();
    assert!(!is_complete(), "nothing of it is there");
    assert!(problem(&store).contains("made again"), "{}", problem(&store));
    assert!(store.reader.run("a", Lists::None).unwrap().is_none());
    let more = || Write::Batch(Box::new(whole("a", 1, LOG)));
    assert!(matches!(store.writer.send(more()), Err(StoreError::Anew)));
    assert!(store.writer.is_anew());
    store.writer.notice();
    write(&store, more());
    assert!(!is_complete());
    assert!(store.reader.run("a", Lists::None).unwrap().unwrap().version > version, "versions never go back");
    assert!(place::beside(&place.cache(), ".corrupt").exists());
    drop(store);
    assert_eq!(place.open().reader.dump().unwrap().unwrap(), dump_of(&[("a", LOG)]));
}

#[test]
fn damage_that_a_reader_meets_is_mended() {
    let place = Place::new();
    let store = place.open();
    for n in 0..200 {
        write_whole(&store, &format!("run-{n}"), 1, &LOG.repeat(20));
    }
    // Copied back into the file, so that it is read from there.
    let busy = || ask::<i64>(&place.cache(), "PRAGMA wal_checkpoint(TRUNCATE)");
    wait("the checkpoint", || (busy() == 0).then_some(()));
    let mut bytes = std::fs::read(place.cache()).unwrap();
    bytes[2 * 8192..].fill(0xa5);
    std::fs::write(place.cache(), bytes).unwrap();
    wait("the damage to be noticed", || {
        // A new connection, so that no page of it is held.
        let _ = store.reader.dump();
        problem(&store).contains("made again").then_some(())
    });
    assert_eq!(store.reader.logs().unwrap(), []);
}

#[test]
fn a_file_that_was_taken_away_is_gone_on_with_in_memory() {
    for is_replaced in [false, true] {
        let place = Place::new();
        let store = place.open();
        write_whole(&store, "a", 1, LOG);
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(place::beside(&place.cache(), suffix));
        }
        if is_replaced {
            std::fs::write(place.cache(), "my notes").unwrap();
        }
        write_whole(&store, "b", 1, LOG);
        wait("a word", || problem(&store).contains("taken away").then_some(()));
        write_whole(&store, "c", 1, LOG);
        assert_eq!(store.reader.dump().unwrap().unwrap(), dump_of(&[("a", LOG), ("b", LOG), ("c", LOG)]));
        drop(store);
        if is_replaced {
            assert_eq!(std::fs::read(place.cache()).unwrap(), b"my notes");
        }
    }
}
