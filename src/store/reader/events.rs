//! Pages of events, single lines, and the hash over all events of a run.

use std::ops::RangeInclusive;

use memchr::memmem::Finder;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use rustc_hash::FxHashSet;

use super::{EventFilter, EventPage, EventRecord};
use crate::reducer::dump::EventsHash;
use crate::reducer::reduce::EventRow;
use crate::store::columns::{count, key_of};
use crate::store::event_rows::{Chunk, Decoder, EVENT, written_kind, written_span};

/// What of a log is asked for its events.
struct Rows {
    number: u32,
    stored: u64,
    hidden: u64,
    provisional: u64,
    complete: bool,
}

fn rows(connection: &Connection, key: &str) -> rusqlite::Result<Option<Rows>> {
    connection
        .prepare_cached(
            "SELECT number, events, hidden_events, provisional_events, events_offset = offset
             FROM log WHERE key = ?",
        )?
        .query_row([key], |row| {
            Ok(Rows {
                number: row.get(0)?,
                stored: count(row.get(1)?),
                hidden: count(row.get(2)?),
                provisional: count(row.get(3)?),
                complete: row.get(4)?,
            })
        })
        .optional()
}

/// Which way events are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Forwards,
    Backwards,
}

/// More kinds than these are not looked for in the texts of chunks.
const MOST_FINDERS: usize = 16;

/// What is wanted of the events of a run.
struct Search<'f> {
    number: u32,
    hidden: bool,
    /// Ids of kinds; none is the same as all.
    kinds: Option<FxHashSet<i64>>,
    span: Option<&'f str>,
    /// One of each list stands in the text of every chunk that has such an event: most chunks need no reading.
    finders: Vec<Vec<Finder<'static>>>,
}

impl<'f> Search<'f> {
    fn new(connection: &Connection, number: u32, filter: &'f EventFilter) -> rusqlite::Result<Self> {
        let EventFilter { level, name, subject, span, hidden, after: _, before: _, limit: _ } = filter;
        let words = [
            ("level", level.map(|level| level.as_str())),
            ("name", name.as_deref()),
            ("subject", subject.map(|subject| subject.as_str())),
        ];
        let words = words.into_iter().filter_map(|(column, wanted)| Some((column, wanted?)));
        let (columns, values): (Vec<_>, Vec<_>) = words.map(|(column, word)| (format!("{column} = ?"), word)).unzip();
        let kinds: Option<FxHashSet<i64>> = if values.is_empty() {
            None
        } else {
            let sql = format!("SELECT id FROM kind WHERE {}", columns.join(" AND "));
            let mut statement = connection.prepare_cached(&sql)?;
            let found = statement.query_map(params_from_iter(values), |row| row.get(0))?;
            Some(found.collect::<rusqlite::Result<_>>()?)
        };
        let kinds_are = kinds.iter().filter(|kinds| kinds.len() <= MOST_FINDERS);
        let kinds_are = kinds_are.map(|kinds| kinds.iter().map(|kind| finder(&written_kind(*kind))).collect());
        let spans_are = span.iter().map(|span| vec![finder(&written_span(span))]);
        let finders = kinds_are.chain(spans_are).collect();
        Ok(Self { number, hidden: *hidden, kinds, span: span.as_deref(), finders })
    }

    /// Whether a chunk of this text may have an event that is wanted.
    fn may_want(&self, text: &str) -> bool {
        self.finders.iter().all(|one_of| one_of.iter().any(|finder| finder.find(text.as_bytes()).is_some()))
    }

    /// Whether the event at a place of a chunk is wanted.
    fn wants(&self, chunk: &Chunk<'_>, place: usize) -> bool {
        let kind = chunk.kind(place);
        (self.hidden || kind > 0)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
            && self.span.is_none_or(|span| chunk.span(place) == Some(span))
    }

    /// Up to `limit` events with ordinals in a range, from its beginning or from its end on.
    fn find(
        &self,
        decoder: &mut Decoder<'_>,
        connection: &Connection,
        ordinals: RangeInclusive<u64>,
        order: Order,
        limit: u64,
    ) -> rusqlite::Result<Vec<EventRecord>> {
        let mut events = Vec::new();
        if limit == 0 || self.kinds.as_ref().is_some_and(FxHashSet::is_empty) {
            return Ok(events);
        }
        each_row(connection, self.number, ordinals.clone(), order, |row| {
            if !self.may_want(Chunk::text(row)?) {
                return Ok(false);
            }
            let chunk = &Chunk::read(row)?;
            let mut take = |place: usize| {
                let ordinal = chunk.first + place as u64;
                if ordinals.contains(&ordinal) && self.wants(chunk, place) {
                    events.push(EventRecord { ordinal, row: decoder.event(chunk, place)? });
                }
                Ok(events.len() as u64 >= limit)
            };
            let mut places = 0..chunk.len();
            match order {
                Order::Forwards => places.try_fold(false, |full, place| if full { Ok(true) } else { take(place) }),
                Order::Backwards => places.try_rfold(false, |full, place| if full { Ok(true) } else { take(place) }),
            }
        })?;
        Ok(events)
    }
}

fn finder(text: &str) -> Finder<'static> {
    Finder::new(text.as_bytes()).into_owned()
}

/// Gives the chunks that have events with ordinals in a range, until one was enough.
fn each_chunk(
    connection: &Connection,
    number: u32,
    ordinals: RangeInclusive<u64>,
    mut enough: impl FnMut(&Chunk<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    each_row(connection, number, ordinals, Order::Forwards, |row| enough(&Chunk::read(row)?))
}

/// The same as rows, either way.
fn each_row(
    connection: &Connection,
    number: u32,
    ordinals: RangeInclusive<u64>,
    order: Order,
    mut enough: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
) -> rusqlite::Result<()> {
    let direction = match order {
        Order::Forwards => "",
        Order::Backwards => "DESC",
    };
    // The event at the beginning of the range can stand within a chunk.
    let sql = format!(
        "SELECT {EVENT} FROM event
         WHERE key BETWEEN ifnull((SELECT key FROM event WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1), ?2) AND ?3
         ORDER BY key {direction}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let place = |ordinal: u64| key_of(number, u32::try_from(ordinal).unwrap_or(u32::MAX));
    let mut rows = statement.query([key_of(number, 0), place(*ordinals.start()), place(*ordinals.end())])?;
    while let Some(row) = rows.next()? {
        if enough(row)? {
            break;
        }
    }
    Ok(())
}

/// One page of the events of a run.
pub(super) fn page(connection: &Connection, key: &str, filter: &EventFilter) -> rusqlite::Result<EventPage> {
    let Some(rows) = rows(connection, key)? else { return Ok(EventPage::default()) };
    let last = rows.stored + rows.provisional;
    let search = Search::new(connection, rows.number, filter)?;
    let mut decoder = Decoder::new(connection);
    let mut find = |ordinals, order, limit| search.find(&mut decoder, connection, ordinals, order, limit);
    let limit = u64::from(filter.limit);
    let (mut events, earlier, later);
    if let Some(after) = filter.after {
        events = find(after.saturating_add(1)..=last, Order::Forwards, limit + 1)?;
        later = events.len() as u64 > limit;
        events.truncate(filter.limit as usize);
        earlier = !find(1..=after, Order::Backwards, 1)?.is_empty();
    } else {
        let end = filter.before.map_or(last, |before| before.max(1) - 1);
        events = find(1..=end, Order::Backwards, limit + 1)?;
        earlier = events.len() as u64 > limit;
        events.truncate(filter.limit as usize);
        events.reverse();
        later = filter.before.is_some() && !find(end.saturating_add(1)..=last, Order::Forwards, 1)?.is_empty();
    }
    let mut provisional_hidden = 0;
    if rows.provisional > 0 {
        each_chunk(connection, rows.number, rows.stored + 1..=last, |chunk| {
            provisional_hidden += (0..chunk.len()).map(|place| u64::from(chunk.kind(place) < 0)).sum::<u64>();
            Ok(false)
        })?;
    }
    Ok(EventPage {
        events,
        earlier,
        later,
        total: super::runs::events(connection, rows.number)?,
        hidden: rows.hidden + provisional_hidden,
        incomplete: !rows.complete,
    })
}

/// The first event of a physical line. Lines never go back among the events of a run, so it is found by halving.
pub(super) fn line(connection: &Connection, key: &str, line: u64) -> rusqlite::Result<Option<EventRow>> {
    let Some(rows) = rows(connection, key)? else { return Ok(None) };
    let last = rows.stored + rows.provisional;
    let place = |ordinal: u64| key_of(rows.number, u32::try_from(ordinal).unwrap_or(u32::MAX));
    let sql = "SELECT key & 0xffffffff, line FROM event WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1";
    let mut statement = connection.prepare_cached(sql)?;
    // The last chunk that begins before the line has an ordinal in this range, or none does.
    let (mut low, mut high) = (1, last);
    while low < high {
        let middle = high - (high - low) / 2;
        let chunk = statement.query_row([place(0), place(middle)], |row| Ok((count(row.get(0)?), count(row.get(1)?))));
        match chunk.optional()? {
            Some((_, first_line)) if first_line < line => low = middle,
            Some((first, _)) => high = first.saturating_sub(1),
            None => break,
        }
    }
    let mut decoder = Decoder::new(connection);
    let mut found = None;
    each_chunk(connection, rows.number, low..=last, |chunk| {
        let Some(place) = (0..chunk.len()).find(|place| chunk.line(*place) >= line) else { return Ok(false) };
        if chunk.line(place) == line {
            found = Some(decoder.event(chunk, place)?);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// How many event rows a run has, and the hash over them.
pub(super) fn hash(connection: &Connection, decoder: &mut Decoder<'_>, number: u32) -> rusqlite::Result<(u64, String)> {
    let mut hash = EventsHash::default();
    each_chunk(connection, number, 1..=u64::from(u32::MAX), |chunk| {
        for place in 0..chunk.len() {
            hash.push(&decoder.event(chunk, place)?);
        }
        Ok(false)
    })?;
    Ok(hash.finish())
}
