//! `GET /api/runs/{key}/events`: one page of the timeline, with the text of each event read from the log.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::params::{Key, Params, bad};
use super::run::UNKNOWN_RUN;
use super::text::Texts;
use crate::query::document;
use crate::reducer::event::{Level, Subject};
use crate::store::reader::{EventFilter, EventPage, EventRecord, Lists, PAGE_BYTES};
use crate::web::error::{ApiError, WebError};
use crate::web::{Web, search};

/// The most events of a page (spec T72).
const MOST: u32 = 1000;

/// `{events: […], next, prev, total}` (spec 4.2). `next` and `prev` are ordinals to ask for with `after=` and `before=`.
///
/// Without `after` and `before` the last events come; hidden ones are left out with `hidden=false`. `q` looks for text
/// in the log, upper and lower case alike, and adds `searched: {from_line, to_line}`; the answer may be empty with a `next`
/// or `prev` to go on from.
pub(super) async fn events(State(web): State<Web>, Key(key): Key, params: Params) -> Result<Response, ApiError> {
    let filter = filter(&params)?;
    let wanted = params.text("q");
    let answer = web.ask(move |web| {
        web.query.reader.run(&key, Lists::None)?.ok_or(UNKNOWN_RUN)?;
        match wanted {
            None => page(web, &key, &filter),
            Some(wanted) => search(web, &key, &filter, &wanted),
        }
    });
    Ok(answer.await?)
}

fn filter(params: &Params) -> Result<EventFilter, ApiError> {
    let (after, before) = (params.number("after", 0..=u64::MAX)?, params.number("before", 1..=u64::MAX)?);
    if after.is_some() && before.is_some() {
        return Err(bad("Only one of after and before can be given."));
    }
    Ok(EventFilter {
        level: params.word("level", Level::ALL, Level::as_str)?,
        name: params.text("name"),
        subject: params.word("subject", Subject::ALL, Subject::as_str)?,
        span: params.text("span"),
        hidden: params.flag("hidden")?.unwrap_or(true),
        after,
        before,
        limit: params.limit(200, MOST)?,
    })
}

/// A page without search.
fn page(web: &Web, key: &str, filter: &EventFilter) -> Result<Response, WebError> {
    let page = web.query.reader.events(key, filter)?;
    let mut found = Found::new(filter);
    let mut texts = Texts::new(web, key);
    let until = page.events.last().map_or(0, |event| event.row.offset + event.row.length);
    found.each(&page, |event| document::event(event, texts.bytes(&event.row, until)));
    Ok(super::json(&found.answer(&page)))
}

/// A page of events whose text holds some words.
fn search(web: &Web, key: &str, filter: &EventFilter, wanted: &str) -> Result<Response, WebError> {
    let search::Found { page, seen } = search::search(web, key, filter, wanted)?;
    let mut found = Found::new(filter);
    let mut texts = Texts::new(web, key);
    found.each(&page, |event| document::event(event, texts.bytes(&event.row, event.row.offset + event.row.length)));
    if !found.full {
        found.seen = seen.map(|(first, last)| (first.ordinal, last.ordinal));
    }
    let searched = seen.map(|(first, last)| Searched { from_line: first.line, to_line: last.line });
    Ok(super::json(&Answer { searched: Some(searched), ..found.answer(&page) }))
}

/// The answer; its members in the order of their names.
#[derive(Serialize)]
struct Answer<'p> {
    events: Vec<document::Event<'p>>,
    hidden: u64,
    incomplete: bool,
    next: Option<u64>,
    prev: Option<u64>,
    /// Of a search: what was looked through, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched: Option<Option<Searched>>,
    total: u64,
}

#[derive(Serialize)]
struct Searched {
    from_line: u64,
    to_line: u64,
}

/// What goes into the answer, gathered in the direction in which the events are read.
struct Found<'p> {
    events: Vec<document::Event<'p>>,
    /// Ascending from `after`; otherwise from the end downwards.
    forward: bool,
    limit: usize,
    bytes: usize,
    /// The first and last ordinal that were looked at.
    seen: Option<(u64, u64)>,
    /// Whether there are events on the side where reading began.
    behind: Option<bool>,
    /// The page ended early: there is more where it ended.
    full: bool,
}

impl<'p> Found<'p> {
    fn new(filter: &EventFilter) -> Self {
        let limit = usize::try_from(filter.limit).expect("at most 1000");
        Self {
            events: Vec::new(),
            forward: filter.after.is_some(),
            limit,
            bytes: 0,
            seen: None,
            behind: None,
            full: false,
        }
    }

    /// Takes the events of a page, as `item` gives them, until the answer is full.
    fn each(&mut self, page: &'p EventPage, mut item: impl FnMut(&'p EventRecord) -> document::Event<'p>) {
        self.behind.get_or_insert(if self.forward { page.earlier } else { page.later });
        let mut items: Vec<_> = page.events.iter().map(|event| (event.ordinal, item(event))).collect();
        if !self.forward {
            items.reverse();
        }
        for (ordinal, item) in items {
            if self.events.len() == self.limit || self.bytes >= PAGE_BYTES {
                self.full = true;
                return;
            }
            let (first, last) = self.seen.unwrap_or((ordinal, ordinal));
            self.seen = Some((first.min(ordinal), last.max(ordinal)));
            self.bytes += item.text_length();
            self.events.push(item);
        }
    }

    fn answer(mut self, last_page: &EventPage) -> Answer<'p> {
        if !self.forward {
            self.events.reverse();
        }
        let (first, last) = self.seen.unzip();
        let ahead = self.full || if self.forward { last_page.later } else { last_page.earlier };
        let behind = self.behind.unwrap_or(false);
        let (earlier, later) = if self.forward { (behind, ahead) } else { (ahead, behind) };
        Answer {
            events: self.events,
            hidden: last_page.hidden,
            incomplete: last_page.incomplete,
            next: last.filter(|_| later),
            prev: first.filter(|_| earlier),
            searched: None,
            total: last_page.total,
        }
    }
}
