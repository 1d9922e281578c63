//! Pages of events, single lines, and the hash over all events of a run.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::{EventFilter, EventPage, EventRecord};
use crate::reducer::dump::EventsHash;
use crate::reducer::reduce::EventRow;
use crate::store::columns::{count, int, key_of};
use crate::store::event_rows::{Decoder, EVENT};

/// What of a log is asked for its events.
struct Rows {
    number: u32,
    base: i64,
    stored: u64,
    hidden: u64,
    provisional: u64,
    complete: bool,
}

fn rows(connection: &Connection, key: &str) -> rusqlite::Result<Option<Rows>> {
    connection
        .prepare_cached(
            "SELECT number, base, events, hidden_events, provisional_events, events_offset = offset
             FROM log WHERE key = ?",
        )?
        .query_row([key], |row| {
            Ok(Rows {
                number: row.get(0)?,
                base: row.get(1)?,
                stored: count(row.get(2)?),
                hidden: count(row.get(3)?),
                provisional: count(row.get(4)?),
                complete: row.get(5)?,
            })
        })
        .optional()
}

/// Conditions on events, and the values of their `?`.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &EventFilter, number: u32) -> Self {
        let EventFilter { level, name, subject, span, hidden, after: _, before: _, limit: _ } = filter;
        let mut sql = String::new();
        let mut values = Vec::new();
        if !hidden {
            sql.push_str(" AND kind > 0");
        }
        let words = [
            ("level", level.map(|level| level.as_str().to_owned())),
            ("name", name.clone()),
            ("subject", subject.map(|subject| subject.as_str().to_owned())),
        ];
        let mut kind = Vec::new();
        for (column, wanted) in words {
            if let Some(wanted) = wanted {
                kind.push(format!("{column} = ?"));
                values.push(Value::Text(wanted));
            }
        }
        if !kind.is_empty() {
            sql.push_str(&format!(" AND kind IN (SELECT id FROM kind WHERE {})", kind.join(" AND ")));
        }
        if let Some(span) = span {
            // The id in full, or the ordinal of an event of this run that has it in full.
            sql.push_str(
                " AND (span = ? OR span IN
                   (SELECT first.key & 0xffffffff FROM event AS first WHERE first.key BETWEEN ? AND ? AND first.span = ?))",
            );
            values.push(Value::Text(span.clone()));
            values.push(Value::Integer(key_of(number, 0)));
            values.push(Value::Integer(key_of(number, u32::MAX)));
            values.push(Value::Text(span.clone()));
        }
        Self { sql, values }
    }

    /// Up to `limit` events between two ordinals, from the first or from the last on.
    fn find(
        &self,
        decoder: &mut Decoder<'_>,
        connection: &Connection,
        keys: (i64, i64),
        order: &str,
        limit: u64,
    ) -> rusqlite::Result<Vec<EventRecord>> {
        let sql =
            format!("SELECT {EVENT} FROM event WHERE key BETWEEN ? AND ?{} ORDER BY key {order} LIMIT ?", self.sql);
        let mut values = vec![Value::Integer(keys.0), Value::Integer(keys.1)];
        values.extend_from_slice(&self.values);
        values.push(Value::Integer(int(limit)));
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(&values))?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let (ordinal, row) = decoder.row(row)?;
            events.push(EventRecord { ordinal, row });
        }
        Ok(events)
    }
}

/// One page of the events of a run.
pub(super) fn page(connection: &Connection, key: &str, filter: &EventFilter) -> rusqlite::Result<EventPage> {
    let Some(rows) = rows(connection, key)? else { return Ok(EventPage::default()) };
    let place = |ordinal: u64| key_of(rows.number, u32::try_from(ordinal).unwrap_or(u32::MAX));
    let (first, last) = (place(1), place(u64::from(u32::MAX)));
    let conditions = Conditions::of(filter, rows.number);
    let mut decoder = Decoder::new(connection, rows.base);
    let limit = u64::from(filter.limit);
    let (mut events, earlier, later);
    if let Some(after) = filter.after {
        let from = place(after.saturating_add(1));
        events = conditions.find(&mut decoder, connection, (from, last), "", limit + 1)?;
        later = events.len() as u64 > limit;
        events.truncate(filter.limit as usize);
        earlier = !conditions.find(&mut decoder, connection, (first, from - 1), "DESC", 1)?.is_empty();
    } else {
        let end = filter.before.map_or(last, |before| place(before.max(1)) - 1);
        events = conditions.find(&mut decoder, connection, (first, end), "DESC", limit + 1)?;
        earlier = events.len() as u64 > limit;
        events.truncate(filter.limit as usize);
        events.reverse();
        later =
            filter.before.is_some() && !conditions.find(&mut decoder, connection, (end + 1, last), "", 1)?.is_empty();
    }
    let provisional_hidden: i64 = if rows.provisional == 0 {
        0
    } else {
        connection
            .prepare_cached("SELECT count(*) FROM event WHERE key BETWEEN ? AND ? AND kind < 0")?
            .query_row([place(rows.stored + 1), last], |row| row.get(0))?
    };
    Ok(EventPage {
        events,
        earlier,
        later,
        total: super::runs::events(connection, rows.number)?,
        hidden: rows.hidden + count(provisional_hidden),
        incomplete: !rows.complete,
    })
}

/// The first event of a physical line. Lines never go back among the events of a run, so it is found by halving.
pub(super) fn line(connection: &Connection, key: &str, line: u64) -> rusqlite::Result<Option<EventRow>> {
    let Some(rows) = rows(connection, key)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(&format!("SELECT {EVENT} FROM event WHERE key = ?"))?;
    let mut decoder = Decoder::new(connection, rows.base);
    let mut at = |ordinal: u64| {
        let key = key_of(rows.number, u32::try_from(ordinal).unwrap_or(u32::MAX));
        statement.query_row([key], |row| decoder.row(row)).optional()
    };
    let (mut low, mut high) = (1, rows.stored + rows.provisional);
    while low < high {
        let middle = low + (high - low) / 2;
        match at(middle)? {
            Some((_, event)) if event.line < line => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(at(low)?.map(|(_, event)| event).filter(|event| event.line == line))
}

/// How many event rows a run has, and the hash over them.
pub(super) fn hash(connection: &Connection, decoder: &mut Decoder<'_>, number: u32) -> rusqlite::Result<(u64, String)> {
    let sql = format!("SELECT {EVENT} FROM event WHERE key BETWEEN ? AND ? ORDER BY key");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([key_of(number, 0), key_of(number, u32::MAX)])?;
    let mut hash = EventsHash::default();
    while let Some(row) = rows.next()? {
        hash.push(&decoder.place_only(row)?.1);
    }
    Ok(hash.finish())
}
