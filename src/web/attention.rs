//! `/attention`, the inbox: what a person should look at, from the same verdicts as everything else (spec 2.6), what is
//! queued, and what is over.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};

use super::Web;
use super::error::WebError;
use super::page::{Look, Request, answer};
use super::queue::NOTHING_QUEUED;
use super::view::layout::{Page, Place};
use super::view::{amount, form, item, link, past, queue, source, state};
use crate::query::{Banner, History, Item, PastPlace, Queued};
use crate::reducer::attention::Reason;

/// Items shown at first; `?n=` asks for more.
const PAGE: usize = 50;

/// The tabs (spec 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    All,
    Help,
    Approvals,
    Queue,
    History,
}

impl Tab {
    const ALL: [(Tab, &'static str, &'static str); 5] = [
        (Tab::All, "all", "All"),
        (Tab::Help, "help", "Needs help"),
        (Tab::Approvals, "approvals", "Approvals"),
        (Tab::Queue, "queue", "Queue"),
        (Tab::History, "history", "History"),
    ];

    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name, _)| *name == word).map(|(tab, _, _)| tab)
    }

    fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(tab, _, _)| *tab == self).map_or("", |(_, word, _)| word)
    }
}

pub(super) fn router() -> Router<Web> {
    Router::new().route("/attention", get(attention))
}

async fn attention(State(web): State<Web>, request: Request) -> Response {
    answer(web, request, Place::Attention, make).await
}

/// What the tabs hold of what is searched for.
struct Inbox<'a> {
    help: Vec<&'a Item>,
    approvals: Vec<&'a Item>,
    queue: Vec<Queued<'a>>,
}

impl<'a> Inbox<'a> {
    fn of(banner: &'a Banner, wanted: &str) -> Self {
        let found = banner.attention.iter().filter(|item| matches(item, wanted));
        let (approvals, help) = found.partition(|item| item.entry.reason == Reason::Approval);
        let queue = banner.queue().into_iter().filter(|item| item.mentions(wanted)).collect();
        Self { help, approvals, queue }
    }

    /// How many a tab holds. Nobody counts what is over.
    fn count(&self, tab: Tab) -> Option<usize> {
        match tab {
            Tab::All => Some(self.help.len() + self.approvals.len()),
            Tab::Help => Some(self.help.len()),
            Tab::Approvals => Some(self.approvals.len()),
            Tab::Queue => Some(self.queue.len()),
            Tab::History => None,
        }
    }
}

fn make(look: &Look<'_>) -> Result<Page, WebError> {
    let tab = look.request.word("tab", Tab::from_word)?.unwrap_or(Tab::All);
    let most = look.request.most(PAGE)?;
    let wanted = look.request.text("q").to_lowercase();
    let inbox = look.banner.map(|banner| Inbox::of(banner, &wanted));
    let body = match (&inbox, look.banner, tab) {
        (None, ..) | (_, None, _) => state::failed("what needs attention"),
        (_, Some(banner), Tab::History) => history(look, &over(look, banner)?),
        (Some(inbox), ..) => list(look, inbox, tab, most),
    };
    let main = html! {
        h1 { "Attention" }
        (tabs(look, inbox.as_ref(), tab))
        (search(look, tab))
        (body)
    };
    Ok(Page { title: String::from("Attention"), place: Place::Attention, run: None, still: false, then: None, main })
}

fn tabs(look: &Look<'_>, inbox: Option<&Inbox<'_>>, tab: Tab) -> Markup {
    html! {
        nav.tabs aria-label="kinds" {
            @for (one, _, label) in Tab::ALL {
                a href=(here(look.request, one, &[])) aria-current=[(one == tab).then_some("page")] {
                    (label)
                    @if let Some(count) = inbox.and_then(|inbox| inbox.count(one)) { span.count .none[count == 0] { (count) } }
                }
            }
        }
    }
}

fn search(look: &Look<'_>, tab: Tab) -> Markup {
    html! {
        form.filters method="get" action="/attention" role="search" {
            (form::search("q", "search", look.request.text("q")))
            @if tab != Tab::All { input type="hidden" name="tab" value=(tab.word()); }
            button type="submit" { "Search" }
            @if !look.request.text("q").is_empty() { a href=(link::with("/attention", &[("tab", tab.word())])) { "clear" } }
        }
    }
}

fn list(look: &Look<'_>, inbox: &Inbox<'_>, tab: Tab, most: usize) -> Markup {
    let total = inbox.count(tab).unwrap_or(0);
    if total == 0 {
        return nothing(look, tab);
    }
    let more = here(look.request, tab, &[("n", &(most + PAGE).to_string())]);
    html! {
        @match tab {
            Tab::Queue => (queue::by_repo(&inbox.queue[..most.min(total)], look.now)),
            Tab::Help => (group(look, None, &inbox.help, most)),
            Tab::Approvals => (group(look, None, &inbox.approvals, most)),
            Tab::All | Tab::History => {
                @let both = !inbox.help.is_empty() && !inbox.approvals.is_empty();
                (group(look, both.then_some("Needs help"), &inbox.help, most))
                (group(look, both.then_some("Approvals"), &inbox.approvals, most.saturating_sub(inbox.help.len())))
            }
        }
        (state::end(total, most, &more, ("item", "items")))
    }
}

/// Some items, with a heading where there is another group.
fn group(look: &Look<'_>, heading: Option<&str>, items: &[&Item], most: usize) -> Markup {
    html! {
        @if !items.is_empty() && most > 0 {
            section.group {
                @if let Some(heading) = heading { h2 { (heading) span.tally { (amount::count(items.len() as u64)) } } }
                @for one in items.iter().take(most) { (item::item(one, &look.web.commands.of_item(one), look.now)) }
            }
        }
    }
}

/// One page of what is over.
fn over(look: &Look<'_>, banner: &Banner) -> Result<History, WebError> {
    let wrong = || WebError::BadRequest(String::from("after is not a place in this list."));
    let after = look.request.given("after").map(|text| PastPlace::parse(&text).ok_or_else(wrong)).transpose()?;
    let wanted = look.request.given("q");
    Ok(look.web.query.history(banner, wanted.as_deref(), after, PAGE as u32, look.now)?)
}

fn history(look: &Look<'_>, history: &History) -> Markup {
    let first = look.request.text("after").is_empty();
    if history.entries.is_empty() && first {
        return nothing(look, Tab::History);
    }
    html! {
        section.group { @for one in &history.entries { (past::past(one, look.now)) } }
        p.pager {
            span { @if !first { a href=(here(look.request, Tab::History, &[])) { "newest" } } }
            @match history.next {
                Some(next) => {
                    span { "showing " (amount::count(history.entries.len() as u64)) ", there are more" }
                    a rel="next" href=(here(look.request, Tab::History, &[("after", &next.to_string())])) { "older →" }
                }
                None => { span { "end of list" @if first { " · " (amount::plural(history.entries.len() as u64, "item", "items")) } } }
            }
        }
    }
}

fn matches(item: &Item, wanted: &str) -> bool {
    let approval = item.entry.approval.iter();
    let of_approval =
        approval.flat_map(|marker| [Some(&marker.id), marker.action.as_ref(), marker.integration.as_ref()]);
    let mut texts = of_approval.flatten().chain([&item.entry.sentence]);
    item.run.mentions(wanted) || texts.any(|text| text.to_lowercase().contains(wanted))
}

fn nothing(look: &Look<'_>, tab: Tab) -> Markup {
    let searched = !look.request.text("q").is_empty();
    let headline = match (searched, tab) {
        (true, _) => "Nothing matches",
        (false, Tab::All) if look.source.is_all_read() => "All clear",
        (false, Tab::All) => "Nothing so far",
        (false, Tab::Help) => "No run needs help",
        (false, Tab::Approvals) => "No approval is waiting",
        (false, Tab::Queue) => "Nothing is queued for a person",
        (false, Tab::History) => "Nothing is over so far",
    };
    let would_appear = match tab {
        Tab::All => {
            "Runs that failed, timed out, ask for a person, look stuck or take longer than expected appear here, and every \
             approval that is waiting."
        }
        Tab::Help => {
            "Runs that failed, timed out, ask for a person, look stuck or take longer than expected appear here."
        }
        Tab::Approvals => "An approval that a run asks for appears here until it is answered or its time is over.",
        Tab::Queue => NOTHING_QUEUED,
        Tab::History => {
            "Answered questions and approvals, cleared and expired ones, and failed runs that were retried or are old appear \
             here."
        }
    };
    state::empty(headline, &html! { (would_appear) " " span.source { (source::line(look.source, look.now)) } })
}

fn here(request: &Request, tab: Tab, more: &[(&str, &str)]) -> String {
    let tab = if tab == Tab::All { "" } else { tab.word() };
    let parameters = [("tab", tab), ("q", request.text("q"))];
    link::with("/attention", &parameters.iter().chain(more).copied().collect::<Vec<_>>())
}
