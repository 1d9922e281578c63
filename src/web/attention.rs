//! `/attention`: what a person should look at, from the same verdicts as everything else (spec 2.6).

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Made, Request, answer};
use super::view::layout::{Page, Place};
use super::view::{form, item, link, queue, source, state};
use crate::query::{Banner, Item, Queued};
use crate::reducer::attention::Reason;

/// Items shown at first; `?n=` asks for more.
const PAGE: u64 = 50;

/// The tabs (spec 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    All,
    Help,
    Approvals,
    Queue,
}

impl Tab {
    const ALL: [(Tab, &'static str, &'static str); 4] = [
        (Tab::All, "all", "All"),
        (Tab::Help, "help", "Needs help"),
        (Tab::Approvals, "approvals", "Approvals"),
        (Tab::Queue, "queue", "Queue"),
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name, _)| *name == word).map(|(tab, _, _)| tab)
    }

    fn holds(self, item: &Item) -> bool {
        match self {
            Tab::All => true,
            Tab::Help => item.entry.reason != Reason::Approval,
            Tab::Approvals => item.entry.reason == Reason::Approval,
            Tab::Queue => false,
        }
    }
}

pub(super) fn router() -> Router<Web> {
    Router::new().route("/attention", get(attention))
}

async fn attention(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Attention, make).await
}

fn make(look: &Look<'_>) -> Result<Made, WebError> {
    let request = look.request;
    let tab = request.word("tab", Tab::from_word)?.unwrap_or(Tab::All);
    let most = usize::try_from(request.number("n")?.unwrap_or(PAGE)).unwrap_or(usize::MAX);
    let body = match look.banner {
        None => state::failed("what needs attention"),
        Some(banner) => list(look, banner, tab, most),
    };
    let main = html! { h1 { "Attention" } (body) };
    let page =
        Page { title: String::from("Attention"), place: Place::Attention, run: None, still: false, then: None, main };
    Ok(Made { page, failed: look.banner.is_none() })
}

fn list(look: &Look<'_>, banner: &Banner, tab: Tab, most: usize) -> Markup {
    let query = look.request.text("q").to_lowercase();
    let items: Vec<&Item> = banner.attention.iter().filter(|item| matches(item, &query)).collect();
    let queue: Vec<Queued<'_>> = banner.queue().into_iter().filter(|item| item.mentions(&query)).collect();
    let of =
        |tab: Tab| if tab == Tab::Queue { queue.len() } else { items.iter().filter(|item| tab.holds(item)).count() };
    let total = of(tab);
    html! {
        nav.tabs aria-label="kinds" {
            @for (one, word, label) in Tab::ALL {
                a href=(here(look.request, word, None)) aria-current=[(one == tab).then_some("page")] { (label) span.count .none[of(one) == 0] { (of(one)) } }
            }
        }
        form.filters method="get" action="/attention" role="search" {
            (form::search("q", "search", look.request.text("q")))
            @if tab != Tab::All { input type="hidden" name="tab" value=(look.request.text("tab")); }
            button type="submit" { "Search" }
            @if !query.is_empty() { a href="/attention" { "clear" } }
        }
        @if total == 0 {
            (nothing(look, tab, !query.is_empty()))
        } @else {
            @if tab == Tab::Queue {
                (queue::by_repo(&queue[..most.min(queue.len())], look.now))
            } @else {
                (groups(look, &items, tab, most))
            }
            @if total > most {
                (state::partial(most as u64, total as u64, &html! { a href=(here(look.request, look.request.text("tab"), Some(most as u64 + PAGE))) { "show more" } }))
            } @else {
                (state::end_of_list(total as u64, "item", "items"))
            }
        }
    }
}

/// The items, with headings when there are two kinds of them.
fn groups(look: &Look<'_>, items: &[&Item], tab: Tab, most: usize) -> Markup {
    let shown: Vec<&&Item> = items.iter().filter(|item| tab.holds(item)).take(most).collect();
    let (help, approvals): (Vec<&&Item>, Vec<&&Item>) = shown.iter().partition(|item| Tab::Help.holds(item));
    let both = !help.is_empty() && !approvals.is_empty();
    html! {
        @for (heading, group) in [("Needs help", help), ("Approvals", approvals)] {
            section aria-label=(heading) {
                @if both { h2 { (heading) span.tally { (group.len()) } } }
                @for one in group { (item::item(one, look.now)) }
            }
        }
    }
}

fn matches(item: &Item, query: &str) -> bool {
    item.run.mentions(query) || item.entry.sentence.to_lowercase().contains(query)
}

fn nothing(look: &Look<'_>, tab: Tab, searched: bool) -> Markup {
    let headline = match (searched, tab) {
        (true, _) => "Nothing matches",
        (false, Tab::All) if look.source.is_all_read() => "All clear",
        (false, Tab::All) => "Nothing so far",
        (false, Tab::Help) => "No run needs help",
        (false, Tab::Approvals) => "No approval is waiting",
        (false, Tab::Queue) => "Nothing is queued for a person",
    };
    state::empty(
        headline,
        &html! {
            "Runs that failed, timed out, ask for a person, look stuck or take longer than expected appear here, and every \
             approval that is waiting. "
            span.source { (source::line(look.source, look.now)) }
        },
    )
}

fn here(request: &Request, tab: &str, most: Option<u64>) -> String {
    let most = most.map(|most| most.to_string()).unwrap_or_default();
    let tab = if tab == "all" { "" } else { tab };
    link::with("/attention", &[("tab", tab), ("q", request.text("q")), ("n", &most)])
}
