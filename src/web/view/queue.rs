//! The action-required queue, by repo: on its own page, in the inbox, and on the page of a run whose repos it concerns.

use maud::{Markup, html};

use super::text::cut;
use super::{amount, item, state};
use crate::query::Queued;
use crate::reducer::time::Micros;

/// The items with a heading per repo when there are two or more; they come in the order of the queue.
#[must_use]
pub fn by_repo(items: &[Queued<'_>], now: Micros) -> Markup {
    let groups: Vec<&[Queued<'_>]> = items.chunk_by(|a, b| a.repo == b.repo).collect();
    html! {
        @for group in &groups {
            section.group {
                @if groups.len() > 1 {
                    h3 {
                        @match group[0].repo { Some(repo) => (cut(repo, 120)), None => "no repo named" }
                        span.tally { (amount::count(group.len() as u64)) }
                    }
                }
                @for one in *group { (item::queued(one, now)) }
            }
        }
    }
}

/// Items of one run, and of the others, that its page shows.
const MOST: usize = 50;

/// The queue as it concerns one run: its own items first, then those that other runs queued for the same repos.
#[must_use]
pub fn of_run(own: &[Queued<'_>], others: &[Queued<'_>], now: Micros) -> Markup {
    let first = |items: usize| html! { @if items > MOST { (state::partial(MOST as u64, items as u64, &html! { a href="/queue" { "the whole queue" } })) } };
    html! {
        @for one in own.iter().take(MOST) { (item::queued(one, now)) }
        (first(own.len()))
        @if !others.is_empty() {
            h3 { "Other runs on the same repos" span.tally { (amount::count(others.len() as u64)) } }
            (by_repo(&others[..others.len().min(MOST)], now))
            (first(others.len()))
        }
    }
}
