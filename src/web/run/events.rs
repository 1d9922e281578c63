//! Which events a run page shows, and their text.

use super::super::error::WebError;
use super::super::page::{Look, Request};
use super::super::view::timeline::{Asked, Shown};
use super::super::{said, search};
use crate::query::Judged;
use crate::reducer::event::{Level, Subject};
use crate::store::StoreError;
use crate::store::reader::{EventFilter, Reader};

/// Events on a page (spec 3.2).
const PAGE: u32 = 200;
/// Events before a line that is shown in its place.
const BEFORE: u64 = 60;

/// One page of the timeline.
pub(super) struct Events {
    pub(super) shown: Shown,
    pub(super) asked: Asked,
}

impl Events {
    /// Event names that the run has, for suggestions.
    pub(super) fn names(&self, judged: &Judged) -> Vec<String> {
        judged.record.state.counters.names.iter().map(|(name, _)| name.to_owned()).collect()
    }
}

pub(super) fn read(look: &Look<'_>, key: &str, at: Option<u64>) -> Result<Events, WebError> {
    let request = look.request;
    let reader = &look.web.query.reader;
    let line = request.number("line")?;
    let mut filter = filter(request)?;
    let end = at.map(|at| ordinal(reader, key, at.saturating_add(1))).transpose()?;
    match (line, end) {
        (Some(line), _) => {
            // What is linked to must be on the page, whatever it is.
            filter.hidden = true;
            filter.after = Some(ordinal(reader, key, line)?.saturating_sub(BEFORE));
        }
        (None, Some(end)) if filter.after.is_none() => {
            filter.before = Some(filter.before.map_or(end, |before| before.min(end)));
        }
        _ => {}
    }
    let mut shown = match request.text("q") {
        "" => page(look, key, &filter)?,
        wanted => found(look, key, &filter, wanted)?,
    };
    if let (Some(at), Some(end)) = (at, end) {
        // What came after the line is not there yet.
        shown.page.events.retain(|event| event.row.line <= at);
        shown.newer = shown.newer.filter(|last| last + 1 < end);
    }
    shown.said = said::read(&*look.web.logs, key, &shown.page.events);
    let asked = Asked {
        level: filter.level,
        subject: filter.subject,
        name: request.text("name").to_owned(),
        span: request.text("span").to_owned(),
        search: request.text("q").to_owned(),
        hidden: filter.hidden,
        at,
        line,
        elsewhere: filter.after.is_some() || filter.before.is_some(),
    };
    Ok(Events { shown, asked })
}

fn page(look: &Look<'_>, key: &str, filter: &EventFilter) -> Result<Shown, WebError> {
    let page = look.web.query.reader.events(key, filter)?;
    let older = page.events.first().filter(|_| page.earlier).map(|event| event.ordinal);
    let newer = page.events.last().filter(|_| page.later).map(|event| event.ordinal);
    Ok(Shown { page, older, newer, ..Shown::default() })
}

/// The events that hold a text. A log that cannot be read fails the search and not the whole page.
fn found(look: &Look<'_>, key: &str, filter: &EventFilter, wanted: &str) -> Result<Shown, WebError> {
    match search::search(look.web, key, filter, wanted) {
        Ok(search::Found { page, seen }) => {
            let older = seen.filter(|_| page.earlier).map(|(first, _)| first.ordinal);
            let newer = seen.filter(|_| page.later).map(|(_, last)| last.ordinal);
            let searched = seen.map(|(first, last)| (first.line, last.line));
            Ok(Shown { page, older, newer, searched, ..Shown::default() })
        }
        Err(WebError::Log) => Ok(Shown { failed: true, ..Shown::default() }),
        Err(error) => Err(error),
    }
}

fn filter(request: &Request) -> Result<EventFilter, WebError> {
    Ok(EventFilter {
        level: request.word("level", Level::from_word)?,
        name: request.given("name"),
        subject: request.word("subject", Subject::from_word)?,
        span: request.given("span"),
        hidden: !request.text("hidden").is_empty(),
        after: request.number("after")?,
        before: request.number("before")?,
        limit: PAGE,
    })
}

/// The ordinal of the first event at or after a line; one past the last when there is none.
///
/// The cache knows events by ordinal and both grow together, so a bisection finds it in about twenty small questions.
fn ordinal(reader: &Reader, key: &str, line: u64) -> Result<u64, StoreError> {
    let one = |after: u64| {
        reader.events(key, &EventFilter { hidden: true, after: Some(after), limit: 1, ..EventFilter::default() })
    };
    let (mut low, mut high) = (1, one(0)?.total.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        match one(middle - 1)?.events.first() {
            Some(event) if event.row.line < line => low = event.ordinal.max(middle) + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
