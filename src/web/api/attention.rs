//! `GET /api/attention`: what a person should look at.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::params::{Params, bad};
use crate::query::{Item, document};
use crate::reducer::attention::Reason;
use crate::web::error::ApiError;
use crate::web::{Web, now};

/// Which items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    All,
    Help,
    Approvals,
    Queue,
}

const TABS: &[Tab] = &[Tab::All, Tab::Help, Tab::Approvals, Tab::Queue];

fn tab_word(tab: Tab) -> &'static str {
    match tab {
        Tab::All => "all",
        Tab::Help => "help",
        Tab::Approvals => "approvals",
        Tab::Queue => "queue",
    }
}

/// `{count, items: […], next}` (spec 4.2). `count` is the one number, whatever is asked for. The items of `tab=queue` are
/// those of `/api/queue`, which are no part of it.
pub(super) async fn attention(State(web): State<Web>, params: Params) -> Result<Response, ApiError> {
    let tab = params.word("tab", TABS, tab_word)?.unwrap_or(Tab::All);
    if tab == Tab::Queue {
        let banner = web.ask(|web| Ok(web.query.banner(now())?)).await?;
        let (items, next) = super::queue::page(&banner, &params)?;
        return Ok(super::json(&json!({ "count": banner.attention.len(), "items": items, "next": next })));
    }
    let wanted = params.text("q").map(|text| text.to_lowercase());
    let after =
        params.text("after").map(|text| Place::parse(&text).ok_or_else(|| bad("after is not a place in this list.")));
    let after = after.transpose()?;
    let limit = params.limit(50, 1000)? as usize;
    let mut all = web.ask(|web| Ok(web.query.attention(now())?)).await?;
    all.sort_by_cached_key(Place::of);
    let chosen = all.iter().filter(|item| {
        in_tab(item, tab)
            && wanted.as_ref().is_none_or(|wanted| mentions(item, wanted))
            && after.as_ref().is_none_or(|after| *after < Place::of(item))
    });
    let (items, last) = super::first(chosen, limit, |item| document::item(item));
    let next = last.map(|last| Place::of(last).to_string());
    Ok(super::json(&json!({ "count": all.len(), "items": items, "next": next })))
}

fn in_tab(item: &Item, tab: Tab) -> bool {
    match tab {
        Tab::All => true,
        Tab::Help => item.entry.reason != Reason::Approval,
        Tab::Approvals => item.entry.reason == Reason::Approval,
        Tab::Queue => false,
    }
}

fn mentions(item: &Item, wanted: &str) -> bool {
    let run = &item.run.record;
    let marker = item.entry.approval.as_ref();
    [
        Some(run.key.as_str()),
        Some(run.state.run.title_or(&run.key)),
        Some(item.entry.sentence.as_str()),
        marker.map(|marker| marker.id.as_str()),
        marker.and_then(|marker| marker.action.as_deref()),
        marker.and_then(|marker| marker.integration.as_deref()),
        marker.and_then(|marker| marker.reason.as_deref()),
    ]
    .into_iter()
    .flatten()
    .any(|text| text.to_lowercase().contains(wanted))
}

/// Where an item stands in the list: newest first, those without a time last, then by key (spec 2.6). Stable while items
/// come and go, so that a next page neither repeats nor leaves out what was there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Negated, so that newer is less.
    since: i64,
    key: String,
    reason: Reason,
    approval: String,
}

impl Place {
    fn of(item: &Item) -> Self {
        Self {
            since: item.entry.since.map_or(i64::MAX, |since| -since.0),
            key: item.run.record.key.clone(),
            reason: item.entry.reason,
            approval: item.entry.approval.as_ref().map_or(String::new(), |marker| marker.id.clone()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        // Keys hold no comma (spec 1.1); ids may.
        let mut parts = text.splitn(4, ',');
        let since = parts.next()?.parse().ok()?;
        let key = parts.next()?.to_owned();
        let reason = Reason::from_word(parts.next()?)?;
        Some(Self { since, key, reason, approval: parts.next()?.to_owned() })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{},{}", self.since, self.key, self.reason, self.approval)
    }
}
