//! The head of the run page: every value of the run that the log gave, each leading to its line.

use maud::{Markup, html};

use super::evidence::{evidence, fact};
use super::text::{cut, text};
use super::{amount, badge, card, link, time};
use crate::query::Judged;
use crate::reducer::run::{Fact, Known};
use crate::reducer::time::Micros;

/// Title, key, status and the facts.
#[must_use]
pub fn head(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    html! {
        div.head {
            h1 { (cut(judged.title(), 200)) }
            p.key {
                @match &run.status {
                    Some(status) => (evidence(key, status.line, &badge::status(Some(status.value)))),
                    None => (badge::status(None)),
                }
                " " code { (text(key)) }
                @if !record.log.source.is_empty() { " · " (text(&record.log.source)) }
                @if let Some(reason) = &run.status_reason { " · " (evidence(key, reason.line, &cut(&reason.value, 300))) }
            }
            dl.facts { (facts(judged, now)) }
        }
    }
}

fn facts(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let when = |known: &Known<Micros>, label: &str| {
        item(label, known.as_ref().map(|at| proven(key, at, |at| time::stamp(*at))))
    };
    let words = |known: &Known<String>, label: &str| {
        item(label, known.as_ref().map(|at| proven(key, at, |text| cut(text, 120))))
    };
    html! {
        (words(&run.phase, "phase"))
        (words(&run.candidate, "candidate"))
        (item("attempt", run.attempt.as_ref().map(|n| html! {
            (fact(key, &run.attempt, |_| card::of(n.value, None)))
            @if let Some(most) = &run.max_attempts { " of " (proven(key, most, |n| html! { (n) })) }
        })))
        (item("score", run.score.as_ref().map(|score| html! {
            (proven(key, score, |score| html! { (amount::score(*score)) }))
            @if let Some(least) = &run.pass_threshold { " needs " (proven(key, least, |least| html! { (amount::score(*least)) })) }
        })))
        (words(&run.workflow, "workflow"))
        (item("steps", card::steps(judged)))
        (item("duration", duration(judged, now)))
        (item("cost", run.cost_usd.as_ref().map(|cost| proven(key, cost, |cost| html! { (amount::dollars(*cost)) }))))
        (item("tokens", tokens(judged)))
        (when(&run.queued_at, "queued"))
        (when(&run.started_at, "started"))
        (when(&run.ended_at, "ended"))
        (item("life", run.last_life_at.as_ref().map(|at| proven(key, at, |at| time::ago(*at, now)))))
        (item("progress", run.last_progress_at.as_ref().map(|at| proven(key, at, |at| time::ago(*at, now)))))
        (item("heartbeats", run.heartbeats.as_ref().map(|count| html! {
            (proven(key, count, |count| html! { (amount::count(*count)) }))
            @if let Some(every) = &run.heartbeat_interval_ms { " every " (proven(key, every, |ms| time::took(*ms))) }
        })))
        (when(&run.deadline, "deadline"))
        (item("expected", run.expected_ms.as_ref().map(|ms| proven(key, ms, |ms| time::took(*ms)))))
        (words(&run.claimed_by, "claimed by"))
        (when(&run.cancel_requested_at, "cancel requested"))
        (words(&run.retry_of, "retry of"))
        (item("retried as", record.retried_by.as_ref().map(|other| html! { a href=(link::run(other)) { (text(other)) } })))
    }
}

fn item(label: &str, value: Option<Markup>) -> Markup {
    html! { @if let Some(value) = value { div { dt { (label) } dd { (value) } } } }
}

fn proven<T>(key: &str, fact: &Fact<T>, show: impl Fn(&T) -> Markup) -> Markup {
    evidence(key, fact.line, &show(&fact.value))
}

/// What the run took, or has taken so far; the same figure as in lists and JSON.
#[must_use]
pub fn duration(judged: &Judged, now: Micros) -> Option<Markup> {
    let millis = judged.duration_ms(now)?;
    Some(if judged.is_active() { time::elapsed(now.plus_millis(-millis), now) } else { time::took(millis) })
}

fn tokens(judged: &Judged) -> Option<Markup> {
    let (key, run) = (judged.record.key.as_str(), &judged.record.state.run);
    if run.tokens_in.is_none() && run.tokens_out.is_none() {
        return None;
    }
    let shown = |known: &Known<u64>| {
        fact(key, known, |count| html! { span title=(amount::count(*count)) { (amount::short(*count)) } })
    };
    Some(html! { (shown(&run.tokens_in)) " in, " (shown(&run.tokens_out)) " out" })
}
