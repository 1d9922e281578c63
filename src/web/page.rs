//! What all pages share: reading the request, asking for the banner, and putting the page into its frame.
//!
//! A page module gives a [`Page`]; a failure becomes a page with the same banner, so that it is never taken for an
//! empty answer (spec 3.1).

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Debug;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};

use super::error::WebError;
use super::view::layout::{self, Banner, Page, Place};
use super::view::news::News;
use super::view::source::Source;
use super::{Web, now};
use crate::query;
use crate::reducer::run::{Status, value};
use crate::reducer::time::Micros;
use crate::store::StoreError;
use crate::store::reader::{RunFilter, Sort};

/// The longest text that a search or filter takes, in bytes.
const LONGEST: usize = 400;

/// What ended so many milliseconds ago is news at most.
const NEWS_FOR: i64 = 60_000;

/// At most so many pieces of news of a kind.
const NEWS: u32 = 25;

/// The header with which the script asks for what changes while a page is open.
const FRAGMENT: &str = "x-fragment";

/// How much of a page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The whole document.
    Document,
    /// `X-Fragment: page`: banner and main.
    Main,
    /// `X-Fragment: banner`: the banner alone, because nothing else on the page can have changed.
    Banner,
}

/// The parameters of a request, and how much of the page is wanted.
#[derive(Clone, Debug)]
pub(super) struct Request {
    parameters: Vec<(String, String)>,
    part: Part,
}

impl<S: Send + Sync> FromRequestParts<S> for Request {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let parameters = axum::extract::Query::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
        let part = match parts.headers.get(FRAGMENT).map(|name| name.as_bytes()) {
            Some(b"page") => Part::Main,
            Some(b"banner") => Part::Banner,
            _ => Part::Document,
        };
        Ok(Self { parameters, part })
    }
}

impl Request {
    /// A parameter, trimmed and bounded; empty when it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        let given = self.parameters.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.trim());
        &given[..given.floor_char_boundary(LONGEST.min(given.len()))]
    }

    /// Every value of a parameter, in order; longer ones than any text are left out.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.parameters.iter().filter(move |(given, value)| given == name && value.len() <= LONGEST);
        of_name.map(|(_, value)| value.as_str())
    }

    /// A parameter that is not empty.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// A whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, WebError> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| WebError::BadRequest(format!("{name} is a whole number."))),
        }
    }

    /// How much of a list is wanted: `?n=`, else the first `page`.
    pub(super) fn most(&self, page: usize) -> Result<usize, WebError> {
        Ok(self.number("n")?.map_or(page, |most| usize::try_from(most).unwrap_or(usize::MAX / 2).min(usize::MAX / 2)))
    }

    /// Some of the words of an enum, separated by commas.
    pub(super) fn words<T>(&self, name: &str, from_word: fn(&str) -> Option<T>) -> Result<Vec<T>, WebError> {
        let words = self.text(name).split(',').filter(|word| !word.is_empty()).map(from_word);
        words.collect::<Option<_>>().ok_or_else(|| WebError::BadRequest(format!("{name} has no such value.")))
    }

    /// One of the words of an enum.
    pub(super) fn word<T>(&self, name: &str, from_word: fn(&str) -> Option<T>) -> Result<Option<T>, WebError> {
        match self.text(name) {
            "" => Ok(None),
            text => from_word(text).map(Some).ok_or_else(|| WebError::BadRequest(format!("{name} has no such value."))),
        }
    }
}

/// What a page module is given: the parameters, the present, and the banner's answers, which it may show again.
pub(super) struct Look<'a> {
    pub(super) web: &'a Web,
    pub(super) request: &'a Request,
    pub(super) now: Micros,
    /// `None` when the cache could not be asked.
    pub(super) banner: Option<&'a query::Banner>,
    pub(super) source: &'a Source,
    /// A question failed, so the answer is a failure, whatever else is on the page.
    failed: Cell<bool>,
}

impl Look<'_> {
    /// The answer of a question that the rest of the page does not need. `None` when it failed: then the page says so in
    /// its place (`view::state::failed`), and the whole answer counts as a failure.
    pub(super) fn known<T, E: Debug>(&self, what: &'static str, asked: Result<T, E>) -> Option<T> {
        asked
            .inspect_err(|error| {
                tracing::error!(?error, what, "a part of a page could not be read");
                self.failed.set(true);
            })
            .ok()
    }
}

/// Answers a request for a page.
pub(super) async fn answer<F>(web: Web, request: Request, place: Place, make: F) -> Response
where
    F: FnOnce(&Look<'_>) -> Result<Page, WebError> + Send + 'static,
{
    let made = web.ask(move |web| Ok(respond(web, &request, place, make))).await;
    made.unwrap_or_else(|error| super::error::PageError(error).into_response())
}

fn respond<F>(web: &Web, request: &Request, place: Place, make: F) -> Response
where
    F: FnOnce(&Look<'_>) -> Result<Page, WebError>,
{
    let now = now();
    let asked = web.query.banner(now).inspect_err(|error| tracing::error!(%error, "the banner could not be read"));
    let totals = web.query.reader.totals().inspect_err(|error| tracing::error!(%error, "the totals could not be read"));
    let failed = Cell::new(asked.is_err() || totals.is_err());
    let source = Source { status: web.live.status(), totals: totals.ok() };
    let look = Look { web, request, now, banner: asked.as_ref().ok(), source: &source, failed };
    let made = match request.part {
        Part::Banner => Ok(blank(place)),
        Part::Document | Part::Main => make(&look),
    };
    let news = match request.part {
        Part::Document => None,
        Part::Main | Part::Banner => news(&look),
    };
    let (status, page) = match made {
        Ok(page) if look.failed.get() => (StatusCode::SERVICE_UNAVAILABLE, page),
        Ok(page) => (StatusCode::OK, page),
        Err(error) => (error.status(), failure(&error, place)),
    };
    let source = if status == StatusCode::OK { source } else { source.without_paths() };
    let banner = Banner {
        pill: asked.as_ref().ok().map(query::Banner::pill),
        attention: asked.as_ref().ok().map(|banner| banner.attention.len()),
        source,
        news,
        now,
    };
    let html = match request.part {
        Part::Document => layout::document(&page, &banner),
        Part::Main => layout::fragment(&page, &banner, true),
        Part::Banner => layout::fragment(&page, &banner, false),
    };
    (status, Html(html.into_string())).into_response()
}

/// What happened while the page was open. `None` when it cannot be read: nothing on the page is less right then, and the
/// next answer tells it.
fn news(look: &Look<'_>) -> Option<News> {
    let since = look.now.plus_millis(-NEWS_FOR);
    // All runs by last life: of some only, the cache would have to count them.
    let newest = RunFilter { sort: Sort::LastLife, limit: NEWS, ..RunFilter::default() };
    let missed = |error: &StoreError| tracing::warn!(%error, "what is new could not be read");
    let mut ended = look.web.query.reader.runs(&newest).inspect_err(missed).ok()?.runs;
    ended.retain(|record| {
        let status = value(&record.state.run.status);
        let is_end = matches!(status, Some(Status::Completed | Status::Cancelled));
        // By the clock of this machine, whatever the log's own says.
        is_end && record.modified.is_some_and(|at| at >= since)
    });
    let judged = ended.into_iter().map(|record| look.web.query.judge(record, look.now));
    let ended = judged.collect::<Result<_, _>>().inspect_err(missed).ok()?;
    let attention = look.banner?.attention.iter().take(NEWS as usize).cloned().collect();
    Some(News { attention, ended })
}

fn blank(place: Place) -> Page {
    Page { title: String::new(), place, run: None, still: false, then: None, main: maud::html! {} }
}

fn failure(error: &WebError, place: Place) -> Page {
    if let WebError::Store(error) = error {
        tracing::error!(%error, "a page could not be made");
    }
    let headline = error.status().canonical_reason().unwrap_or("This did not work");
    let main = layout::problem(headline, &error.to_string());
    Page { title: headline.to_owned(), place, run: None, still: true, then: None, main }
}
