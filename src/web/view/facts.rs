//! The head of the run page: every value of the run that the log gave, each leading to its line.

use maud::{Markup, html};

use super::evidence::{evidence, fact};
use super::text::{cut, text};
use super::{amount, badge, card, link, loghealth, time};
use crate::query::Judged;
use crate::reducer::run::{Fact, Known, value};
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
                @if judged.title() != key { " " code { (text(key)) } }
                @if !record.log.source.is_empty() { " · " (text(&record.log.source)) }
                @if let Some(reason) = &run.status_reason { " · " (evidence(key, reason.line, &cut(&reason.value, 300))) }
            }
            dl.facts { (facts(judged, now)) }
            (loghealth::in_short(record))
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
    let (skew, log_now) = (skew(judged, now), log_now(judged, now));
    let aged = |known: &Known<Micros>, label: &str| {
        let shown = |at: &Micros| html! { span data-skew=[skew] { (time::ago(*at, log_now)) } };
        item(label, known.as_ref().map(|at| proven(key, at, shown)))
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
        (item("wheel", run.holder.as_ref().map(|holder| proven(key, holder, |holder| cut(holder.as_str(), 60)))))
        (item("duration", duration(judged, now)))
        (item("cost", run.cost_usd.as_ref().map(|cost| proven(key, cost, |cost| html! { (amount::dollars(*cost)) }))))
        (item("tokens", tokens(judged)))
        (when(&run.queued_at, "queued"))
        (when(&run.started_at, "started"))
        (when(&run.ended_at, "ended"))
        (aged(&run.last_life_at, "life"))
        (aged(&run.last_progress_at, "progress"))
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
    // Its moment is the start by the clock of this machine, so it ticks right outside of `data-skew` too.
    Some(match judged.is_active() {
        true => html! { span data-skew="0" { (time::elapsed(now.plus_millis(-millis), now)) } },
        false => time::took(millis),
    })
}

/// How far the log's own clock is behind the present, in milliseconds (spec 2.6: skewed clocks). Ages of a run are
/// measured against that clock, so that they agree with its verdict; the script reads this from `data-skew`.
#[must_use]
pub fn skew(judged: &Judged, now: Micros) -> Option<i64> {
    let started = value(&judged.record.state.run.started_at).filter(|_| judged.is_active())?;
    let passed = now.0.saturating_sub(started.0) / 1000;
    Some(passed - judged.duration_ms(now)?).filter(|skew| skew.abs() >= 1000)
}

/// Where open spans end: the present by the log's own clock, or the end (else the last life) of a run that is not active.
#[must_use]
pub fn end(judged: &Judged, now: Micros) -> Micros {
    let run = &judged.record.state.run;
    match judged.is_active() {
        true => log_now(judged, now),
        false => value(&run.ended_at).or(value(&run.last_life_at)).copied().unwrap_or(now),
    }
}

/// The present as the log's own clock has it.
#[must_use]
pub fn log_now(judged: &Judged, now: Micros) -> Micros {
    skew(judged, now).map_or(now, |skew| now.plus_millis(-skew))
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
