//! `/queue`: the action-required queue over all runs, by repo (spec 3.2).

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::view::layout::{Page, Place};
use super::view::{amount, form, link, queue, source, state};
use crate::query::{Banner, Queued};

/// Items shown at first; `?n=` asks for more.
const PAGE: usize = 50;

pub(super) fn router() -> Router<Web> {
    Router::new().route("/queue", get(page))
}

async fn page(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Attention, make).await
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let most = look.request.most(PAGE)?;
    let body = match look.banner {
        None => state::failed("the queue"),
        Some(banner) => list(look, banner, most),
    };
    let main = html! {
        h1 { "Queue" @if let Some(banner) = look.banner { span.tally { (amount::count(banner.queue().len() as u64)) } } }
        (body)
    };
    Ok(Page { title: String::from("Queue"), place: Place::Attention, run: None, still: false, then: None, main })
}

fn list(look: &Look<'_>, banner: &Banner, most: usize) -> Markup {
    let wanted = look.request.text("q").to_lowercase();
    let items: Vec<Queued<'_>> = banner.queue().into_iter().filter(|item| item.mentions(&wanted)).collect();
    let more = link::with("/queue", &[("q", look.request.text("q")), ("n", &(most + PAGE).to_string())]);
    html! {
        form.filters method="get" action="/queue" role="search" {
            (form::search("q", "search", look.request.text("q")))
            button type="submit" { "Search" }
            @if !wanted.is_empty() { a href="/queue" { "clear" } }
            a href="/attention" { "the whole inbox" }
        }
        @if items.is_empty() {
            (nothing(look, !wanted.is_empty()))
        } @else {
            (queue::by_repo(&items[..most.min(items.len())], look.now))
            (state::end(items.len(), most, &more, ("item", "items")))
        }
    }
}

fn nothing(look: &Look<'_>, searched: bool) -> Markup {
    let headline = if searched { "Nothing matches" } else { "Nothing is queued for a person" };
    state::empty(headline, &html! { (NOTHING_QUEUED) " " span.source { (source::line(look.source, look.now)) } })
}

/// What would appear in an empty queue.
pub(super) const NOTHING_QUEUED: &str = "What active runs put on the queue for a person (merges, reviews, steps outside) \
    appears here by repo, and leaves when the log says that it is done.";
