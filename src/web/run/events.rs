//! Which events a run page shows, and their text.

use super::super::error::WebError;
use super::super::page::{Look, Request};
use super::super::said;
use super::super::view::timeline::{Asked, Said};
use crate::query::Judged;
use crate::reducer::event::{Level, Subject};
use crate::store::StoreError;
use crate::store::reader::{EventFilter, EventPage, Reader};

/// Events on a page (spec 3.2).
const PAGE: u32 = 200;
/// Events before a line that is shown in its place.
const BEFORE: u64 = 60;

/// One page of the timeline.
pub(super) struct Events {
    pub(super) page: EventPage,
    pub(super) said: Vec<Said>,
    pub(super) asked: Asked,
}

impl Events {
    /// Event names that the run has, for suggestions.
    pub(super) fn names(&self, judged: &Judged) -> Vec<String> {
        judged.record.state.counters.names.keys().cloned().collect()
    }
}

pub(super) fn read(look: &Look<'_>, key: &str, at: Option<u64>) -> Result<Events, WebError> {
    let request = look.request;
    let reader = &look.web.query.reader;
    let line = request.number("line")?;
    let mut filter = filter(request)?;
    match (line, at) {
        (Some(line), _) => {
            // What is linked to must be on the page, whatever it is.
            filter.hidden = true;
            filter.after = Some(ordinal(reader, key, line)?.saturating_sub(BEFORE));
        }
        (None, Some(at)) if filter.after.is_none() && filter.before.is_none() => {
            filter.before = Some(ordinal(reader, key, at.saturating_add(1))?);
        }
        _ => {}
    }
    let mut page = reader.events(key, &filter)?;
    if let Some(at) = at {
        let all = page.events.len();
        page.events.retain(|event| event.row.line <= at);
        // What came after the line is not there yet.
        page.later &= page.events.len() == all && page.events.last().is_some_and(|event| event.row.line < at);
    }
    let said = said::read(&*look.web.logs, key, &page.events);
    let asked = Asked {
        level: filter.level,
        subject: filter.subject,
        name: request.text("name").to_owned(),
        span: request.text("span").to_owned(),
        hidden: filter.hidden,
        at,
        line,
        elsewhere: filter.after.is_some() || filter.before.is_some(),
    };
    Ok(Events { page, said, asked })
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
