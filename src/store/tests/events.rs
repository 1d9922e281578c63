//! Events stand in chunks of up to 32, as many as came at once: however they come, they are read as they were.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::reducer::event::Level;
use crate::store::event_rows::CHUNK;
use crate::store::reader::{EventFilter, Lists};

/// Lines with and without times, span ids that come again, hidden events, and two of them on a line now and then.
fn lines(count: usize) -> String {
    let line = |n: usize| match n % 7 {
        0 => format!("{{\"ts\":{},\"event\":\"heartbeat\"}}\n", 1_780_000_000 + n),
        1 => format!("{{\"ts\":{},\"event\":\"step.started\",\"step\":\"s-{}\"}}\n", 1_780_000_000 - n, n % 3),
        2 => "text\n\n".to_owned(),
        3 => format!("{{\"event\":\"tool.call\",\"span_id\":\"{n}\"}}\n"),
        4 => "{\"event\":\"log\",\"span_id\":\"\\\"\\u0001é\"} {\"event\":\"log\"}\n".to_owned(),
        5 => "{\"event\":\"log\",\"step\":\"s-0\",\"level\":\"warn\"}\n".to_owned(),
        _ => "\n".to_owned(),
    };
    (0..count).map(line).collect()
}

/// What a store, and whoever asks with SQL, say of the events of a run.
fn check(place: &Place, store: &Store, rows: &[EventRow]) {
    let limit = u32::try_from(rows.len()).unwrap() + 1;
    let page = store.reader.events("r", &EventFilter { hidden: true, limit, ..EventFilter::default() }).unwrap();
    let found: Vec<(u64, &EventRow)> = page.events.iter().map(|event| (event.ordinal, &event.row)).collect();
    assert_eq!(found, (1..).zip(rows).collect::<Vec<_>>());
    let all = || EventFilter { hidden: true, limit, ..EventFilter::default() };
    let spans: BTreeSet<&str> = rows.iter().filter_map(|row| row.span.as_deref()).collect();
    for span in spans {
        let page = store.reader.events("r", &EventFilter { span: Some(span.to_owned()), ..all() }).unwrap();
        assert!(
            page.events.iter().map(|event| &event.row).eq(rows.iter().filter(|row| row.span.as_deref() == Some(span)))
        );
    }
    let run = store.reader.run("r", Lists::All).unwrap().unwrap();
    assert_eq!(store.reader.derived(&run.log, &run.state).unwrap(), []);

    let connection = rusqlite::Connection::open(place.cache()).unwrap();
    let view = "SELECT json_array(ordinal, line, offset, length, class, time, name, subject, verb, level, span, hidden)
                FROM events ORDER BY ordinal";
    let mut statement = connection.prepare(view).unwrap();
    let said = statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let wanted = (1..).zip(rows).map(|(ordinal, row): (u64, _)| {
        let time = row.time.map(|time| time.to_rfc3339().replace("000Z", "Z"));
        json!([
            ordinal,
            row.line,
            row.offset,
            row.length,
            row.class.as_str(),
            time,
            row.name,
            row.subject.map(|subject| subject.as_str()),
            row.verb.map(|verb| verb.as_str()),
            row.level.map(|level| level.as_str()),
            row.span,
            i64::from(row.hidden)
        ])
    });
    let said: Vec<serde_json::Value> = said.map(|text| serde_json::from_str(&text).unwrap()).collect();
    assert_eq!(said, wanted.collect::<Vec<_>>());
}

#[test]
fn events_are_read_as_they_were_written_however_many_come_at_once() {
    for count in [0, 1, 30, 31, 32, 33, 62, 63, 64, 65, 200] {
        let place = Place::new();
        let store = place.open();
        let text = lines(count);
        let (_, rows) = reduce(&text);
        write_whole(&store, "r", 1, &text);
        check(&place, &store, &rows);
        let chunks: u32 = ask(&place.cache(), "SELECT count(*) FROM event");
        assert_eq!(chunks, rows.len().div_ceil(CHUNK) as u32);
    }
    for pieces in [1, 2, 3, 31, 32, 33, 130] {
        let place = Place::new();
        let store = place.open();
        let text = lines(200);
        let (_, rows) = reduce(&text);
        let mut reducer = Reducer::new(Reading::default());
        let all: Vec<&str> = text.split_inclusive('\n').collect();
        for piece in all.chunks(pieces) {
            let mut events = Vec::new();
            reducer.push(piece.concat().as_bytes(), &mut |event| events.push(EventRow::of(event)));
            let changes = reducer.state_mut().take_changes();
            let batch = Batch {
                log: log("r", 1, reducer.offset()),
                replace: false,
                state: Arc::new(reducer.state().clone()),
                changes,
                events: Some(events),
                provisional: None,
            };
            write(&store, Write::Batch(Box::new(batch)));
        }
        check(&place, &store, &rows);
    }
}

#[test]
fn a_physical_line_is_found_wherever_its_chunk_begins() {
    // The events of one line fill more than a chunk, and begin within one.
    let many = "{\"event\":\"a\"}".repeat(2 * CHUNK + 3);
    for before in [0, 1, 30, CHUNK - 1, CHUNK, CHUNK + 1] {
        let place = Place::new();
        let store = place.open();
        let text = format!("{}{many}\n\n{}", "{\"event\":\"b\"}\n".repeat(before), lines(300));
        let (_, rows) = reduce(&text);
        write_whole(&store, "r", 1, &text);
        for line in 0..=text.lines().count() as u64 + 1 {
            let first = rows.iter().find(|row| row.line == line);
            assert_eq!(store.reader.line("r", line).unwrap().as_ref(), first, "{line}");
        }
    }
}

#[test]
fn chunks_without_what_is_wanted_are_passed_over_unread() {
    let place = Place::new();
    let store = place.open();
    // Three chunks of their own among many, two of them with kinds of the same name.
    let rare = |level: &str, span: &str| {
        let one = format!("{{\"event\":\"rare\",\"level\":\"{level}\",\"span_id\":\"{span}\"}}\n");
        one.repeat(CHUNK)
    };
    let many = "{\"event\":\"log\",\"span_id\":\"x\"}\n".repeat(20 * CHUNK);
    write_whole(&store, "r", 1, &format!("{many}{}{many}{}{many}", rare("warn", "y"), rare("info", "z")));
    let damage = rusqlite::Connection::open(place.cache()).unwrap();
    let damaged = damage.execute(
        "UPDATE event SET entries = 'no list' WHERE NOT instr(entries, '\"y\"') AND NOT instr(entries, '\"z\"')",
        [],
    );
    assert_eq!(damaged.unwrap(), 60);
    let ask = |filter: EventFilter| store.reader.events("r", &EventFilter { limit: 1000, ..filter });
    let found = |filter| ask(filter).map(|page| page.events.len()).unwrap();
    let named = |name: &str| EventFilter { name: Some(name.to_owned()), ..EventFilter::default() };
    assert_eq!(found(named("rare")), 2 * CHUNK, "of either level");
    assert_eq!(found(EventFilter { level: Some(Level::Info), ..named("rare") }), CHUNK);
    assert_eq!(found(EventFilter { span: Some("y".to_owned()), ..EventFilter::default() }), CHUNK);
    assert_eq!(found(EventFilter { span: Some("z".to_owned()), after: Some(0), ..named("rare") }), CHUNK);
    assert_eq!(found(named("never")), 0);
    assert!(ask(EventFilter::default()).is_err(), "the others cannot be read");
}
