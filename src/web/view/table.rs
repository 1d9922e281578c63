//! The list of runs as a table; a whole row opens its run.

use maud::{Markup, html};

use super::text::{cut, text};
use super::{amount, badge, card, facts, link, time};
use crate::query::Judged;
use crate::reducer::run::value;
use crate::reducer::time::Micros;

/// The table.
#[must_use]
pub fn runs<'a>(runs: impl Iterator<Item = &'a Judged>, now: Micros) -> Markup {
    html! {
        div.scroll {
            table.list.runs {
                thead { tr {
                    th scope="col" { "status" }
                    th scope="col" { "how it is going" }
                    th scope="col" { "run" }
                    th scope="col" { "workflow" }
                    th scope="col" { "phase" }
                    th scope="col" { "candidate" }
                    th.num scope="col" { "steps" }
                    th.num scope="col" { "started" }
                    th.num scope="col" { "duration" }
                    th.num scope="col" { "cost" }
                } }
                tbody { @for judged in runs { (row(judged, now)) } }
            }
        }
    }
}

fn row(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let done = record.state.counters.steps_done;
    let total = value(&run.steps_total).copied();
    html! {
        tr id={ "run-" (link::encode(key)) } {
            td.c-status { (badge::status(value(&run.status).copied())) }
            td { (badge::verdict(judged.verdict.word, judged.verdict.rule)) }
            th scope="row" {
                a.cover data-row href=(link::run(key)) { (cut(judged.title(), 100)) }
                @if judged.title() != key { span.key { (text(key)) } }
                @if let Some(problem) = &record.log.problem { span.reason.bad { (text(&problem.text)) } }
                @else if let Some(said) = trouble(judged) { span.reason { (cut(said, 140)) } }
            }
            td { @if let Some(workflow) = value(&run.workflow) { (cut(workflow, 40)) } }
            td { @if let Some(phase) = value(&run.phase) { (cut(phase, 30)) } }
            td { @if let Some(candidate) = value(&run.candidate) { (cut(candidate, 30)) } }
            td.num data-label="steps" { @if done > 0 || total.is_some() { (card::of(done, total)) } }
            td.num { @if let Some(at) = value(&run.started_at).or(value(&run.queued_at)) { (time::short(*at, now)) } }
            td.num { @if let Some(shown) = facts::duration(judged, now) { (shown) } }
            td.num { @if let Some(cost) = value(&run.cost_usd) { (amount::dollars(*cost)) } }
        }
    }
}

/// The reason or error of a run that did not go well.
fn trouble(judged: &Judged) -> Option<&str> {
    let run = &judged.record.state.run;
    let reason = value(&run.status_reason).map(String::as_str);
    let error = value(&run.error).and_then(|error| error.message.as_deref());
    let ended_well = value(&run.status).is_some_and(|status| *status == crate::reducer::run::Status::Completed);
    reason.or(error).filter(|_| !ended_well)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, check_harmless, judged};
    use super::*;

    #[test]
    fn a_row_leads_to_its_run_and_is_harmless() {
        let shown = runs([judged()].iter(), NOW).into_string();
        check_harmless(&shown);
        assert!(shown.contains("href=\"/runs/a%2Fb\""), "{shown}");
        assert!(shown.contains("running") && shown.contains("on track"), "{shown}");
    }
}
