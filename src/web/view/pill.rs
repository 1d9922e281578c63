//! The active-run pill of the banner (spec 3.1): is anything running, and how is it going?

use maud::{Markup, html};

use super::icon::icon;
use super::text::{cut, plain};
use super::{facts, link, time, tone};
use crate::query::{Judged, Pill};
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::store::RunRecord;

/// At most so many characters of a title.
const TITLE: usize = 80;

/// The pill.
#[must_use]
pub fn pill(pill: &Pill, now: Micros) -> Markup {
    match pill {
        Pill::Active(judged, more) => active(judged, *more, now),
        Pill::Idle(last) => idle(last.as_deref(), now),
    }
}

/// The pill when the cache could not be asked.
#[must_use]
pub fn unknown() -> Markup {
    html! { a.pill.bad href="/health" { (icon(super::icon::Icon::Alert)) strong { "could not read the runs" } } }
}

fn active(judged: &Judged, more: usize, now: Micros) -> Markup {
    let record = &judged.record;
    let run = &record.state.run;
    let (tone, drawing) = tone::of_word(judged.verdict.word);
    html! {
        a.pill.(tone.class()) href=(link::run(&record.key)) title=(plain(&judged.verdict.sentence)) {
            (icon(drawing))
            strong data-verdict=(judged.verdict.word.as_str()) { (judged.verdict.word.label(judged.verdict.rule)) }
            @if let Some(phase) = value(&run.phase) { span.phase { (cut(phase, 24)) } }
            @if let Some(candidate) = value(&run.candidate) { span.candidate { (cut(candidate, 24)) } }
            @if let Some(shown) = facts::duration(judged, now) { span.num { (shown) } }
            (named(judged.title()))
        }
        @if more > 0 {
            a.more href="/runs?open=1" title={ (more) " further open runs" } { "+" (more) }
        }
    }
}

fn named(title: &str) -> Markup {
    html! { span.title { (cut(title, TITLE)) } }
}

fn idle(last: Option<&RunRecord>, now: Micros) -> Markup {
    html! {
        @match last {
            Some(record) => {
                a.pill.quiet href=(link::run(&record.key)) {
                    span { "no active run" }
                    @match value(&record.state.run.ended_at) {
                        Some(at) => { span { "last ended " (time::ago(*at, now)) } }
                        None => { span { "last ended" } }
                    }
                    (named(record.state.run.title_or(&record.key)))
                }
            }
            None => { span.pill.quiet { span { "no active run" } } }
        }
    }
}
