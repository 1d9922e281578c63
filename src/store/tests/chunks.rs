//! Spans stand in chunks of sixteen, and what is learned from them beside: whatever changes, both say what the state does.

use serde_json::json;

use super::pieces::Turn;
use super::*;
use crate::reducer::reduce::Tail;
use crate::reducer::run::value;
use crate::reducer::span::Span;
use crate::reducer::time::Micros;
use crate::store::reader::Lists;
use crate::store::span_rows;

const STARTED: &str = "{\"ts\":1780000000,\"event\":\"run.started\",\"workflow\":\"w\"}\n";

/// Lines that open so many steps, the first of which have numbers from `from` on.
fn steps(from: usize, steps: usize) -> String {
    let line = |n| format!("{{\"ts\":{},\"event\":\"step.started\",\"step\":\"s-{n}\"}}\n", 1_780_000_000 + n);
    (from..from + steps).map(line).collect()
}

/// What a cache and those who read it say of a run.
fn check(store: &Store, cache: &Path, spans: &[Span]) {
    let shown = store.reader.run("r", Lists::All).unwrap().unwrap();
    assert_eq!(shown.state.spans, spans);
    let open = store.reader.run("r", Lists::Open).unwrap().unwrap();
    assert_eq!(open.state.spans, spans.iter().filter(|span| span.is_open()).cloned().collect::<Vec<_>>());
    assert_eq!(store.reader.derived(&shown.log, &shown.state).unwrap(), []);
    let rows: u32 = ask(cache, "SELECT count(*) FROM span");
    assert_eq!(rows as usize, spans.len().div_ceil(16));
    let view = "SELECT ifnull(group_concat(place), '') FROM (SELECT place FROM spans ORDER BY place)";
    let places: Vec<String> = (0..spans.len()).map(|place| place.to_string()).collect();
    assert_eq!(ask::<String>(cache, view), places.join(","));
}

#[test]
fn lists_of_any_length_are_read_as_they_were_written_and_any_part_of_them() {
    for length in [0, 1, 15, 16, 17, 31, 32, 33, 48] {
        let place = Place::new();
        let store = place.open();
        // All end but the fourth of each chunk, and the last.
        let ends = (0..length).filter(|n| n % 16 != 3 && n + 1 < length);
        let ends: String = ends.map(|n| format!("{{\"event\":\"step.finished\",\"step\":\"s-{n}\"}}\n")).collect();
        let batch = whole("r", 1, &format!("{STARTED}{}{ends}", steps(0, length)));
        let state = batch.state.clone();
        assert_eq!(state.spans.len(), length);
        write(&store, Write::Batch(Box::new(batch)));
        check(&store, &place.cache(), &state.spans);
        let connection = rusqlite::Connection::open(place.cache()).unwrap();
        let base = value(&state.run.first_event_at).unwrap().0;
        for (first, last) in [(0, 0), (15, 15), (15, 16), (16, 16), (14, 33), (17, 31), (32, 32), (0, u32::MAX)] {
            let part: Vec<Span> = (0..)
                .zip(&state.spans)
                .filter(|(n, _)| (first..=last).contains(n))
                .map(|(_, span)| span.clone())
                .collect();
            assert_eq!(span_rows::read_in(&connection, 1, base, first..=last).unwrap(), part, "{first} to {last}");
        }
    }
}

#[test]
fn spans_of_a_tail_come_and_go_over_the_borders_of_chunks() {
    for before in [0_usize, 1, 14, 15, 16, 17, 31, 32] {
        for tail in [1, 2, 15, 16, 17, 18, 33] {
            let place = Place::new();
            let store = place.open();
            let mut reducer = Reducer::new(Reading::default());
            // The tail ends a span in each chunk but the last, and begins others; the bytes after it make it a line that is
            // none; then the list grows for good.
            let ends: String = (0..before.saturating_sub(16))
                .step_by(16)
                .map(|n| format!("{{\"event\":\"step.failed\",\"step\":\"s-{n}\"}}"))
                .collect();
            let glued = ends + steps(before, tail).replace('\n', "").as_str();
            let text = format!("{STARTED}{}{glued}torn\n{}", steps(0, before), steps(before, 2));
            let torn = text.find("torn").unwrap();
            let line = torn + "torn\n".len();
            let mut read = 0;
            for (end, more) in [(torn - glued.len(), 0), (torn, tail), (line, 0), (text.len(), 2)] {
                let turn = Turn { bytes: end - read, with_rows: true, restart: false };
                pieces::turn(&store, &mut reducer, text.as_bytes(), &mut read, turn);
                let shown = match reducer.tail() {
                    Tail::Provisional(state, _) => state.spans.clone(),
                    Tail::None | Tail::Pending(_) => reducer.state().spans.clone(),
                };
                assert_eq!(shown.len(), before + more);
                check(&store, &place.cache(), &shown);
                assert_eq!(store.reader.resume("r").unwrap().unwrap().spans, reducer.state().spans);
            }
        }
    }
}

#[test]
fn the_view_says_of_every_span_what_the_program_says() {
    let place = Place::new();
    let store = place.open();
    let mut log = format!("{STARTED}{}", steps(0, 20));
    for n in 0..20 {
        // Some have no start, some no end, and some no time.
        let line = [
            format!("{{\"ts\":{},\"event\":\"step.failed\",\"step\":\"s-{n}\",\"output\":\"o\"}}", 1_780_000_100 + n),
            format!("{{\"event\":\"step.finished\",\"step\":\"s-{n}\",\"attempt\":3}}"),
            format!(
                "{{\"ts\":{},\"event\":\"tool.result\",\"span_id\":\"t-{n}\",\"tool_name\":\"grep\"}}",
                1_780_000_200 - n
            ),
            format!(
                "{{\"event\":\"tool.call\",\"span_id\":\"u-{n}\",\"parent\":\"s-{n}\",\"input\":1,\"cache\":\"hit\"}}"
            ),
        ];
        log += &(line[n % 4].clone() + "\n");
    }
    let batch = whole("r", 1, &log);
    let spans = batch.state.spans.clone();
    assert!(spans.len() > 24);
    write(&store, Write::Batch(Box::new(batch)));
    let columns = "run, place, kind, id, parent, name, status, attempt, cache, started_at, ended_at, duration_ms, input_line, \
        output_line, opened_line, closed_line";
    let view = format!("SELECT json_group_array(json_array({columns}) ORDER BY place) FROM spans");
    let said: serde_json::Value = serde_json::from_str(&ask::<String>(&place.cache(), &view)).unwrap();
    let time = |at: Option<Micros>| at.map(|at| at.to_rfc3339().replace("000Z", "Z"));
    for (n, span) in spans.iter().enumerate() {
        let cache = span.cache_hit.map(|hit| if hit { "hit" } else { "miss" });
        let (kind, status) = (span.kind.as_str(), span.status.as_str());
        let wanted = json!([
            "r",
            n,
            kind,
            span.id,
            span.parent,
            span.name,
            status,
            span.attempt,
            cache,
            time(span.started_at),
            time(span.ended_at),
            span.duration_ms,
            span.input_line,
            span.output_line,
            span.opened_line,
            span.closed_line,
        ]);
        assert_eq!(said[n], wanted);
    }
    // Each of them is somewhere, and somewhere not.
    for column in ["parent", "name", "cache", "started_at", "ended_at", "input_line", "output_line", "closed_line"] {
        let both = format!("SELECT max({column} IS NULL) + max({column} IS NOT NULL) FROM spans");
        assert_eq!(ask::<i64>(&place.cache(), &both), 2, "{column}");
    }
}

#[test]
fn chunks_that_are_damaged_cannot_be_read() {
    let place = Place::new();
    let store = place.open();
    write_whole(&store, "r", 1, &format!("{STARTED}{}", steps(0, 17)));
    for entries in ["", "[[3,0,2]", "[[3,0]]", "[[9,0,2]]", "[[3,9,2]]", "[[3,-1,2]]", "[[3,0,2,1,5]]", "[{}]", "7"] {
        let damage = rusqlite::Connection::open(place.cache()).unwrap();
        damage.execute("UPDATE span SET entries = ? WHERE key & 1 = 1", [entries]).unwrap();
        assert!(store.reader.run("r", Lists::All).is_err(), "{entries}");
        assert!(store.reader.resume("r").is_err(), "{entries}");
    }
}
