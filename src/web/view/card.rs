//! The run card: one open run at a glance (spec 3.2).

use maud::{Markup, html};

use super::text::cut;
use super::{amount, badge, evidence, facts, going, link, parts, stepper, time, tone};
use crate::query::Judged;
use crate::reducer::run::value;
use crate::reducer::time::Micros;

/// The card. The whole of it opens the run; the values in it lead to their lines.
#[must_use]
pub fn card(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let (tone, _) = tone::of_word(judged.verdict.word);
    let title = judged.title();
    html! {
        article.card.(tone.class()) id={ "run-" (link::encode(key)) } data-skew=[facts::skew(judged, now)] {
            header {
                (badge::verdict(judged.verdict.word, judged.verdict.rule))
                h3 { a.cover data-row href=(link::run(key)) { (cut(title, 120)) } }
                @if let Some(shown) = facts::duration(judged, now) { span.num title="elapsed" { (shown) } }
            }
            (parts::parts([parts::key(key, title), parts::workflow(value(&run.workflow).map(String::as_str), title)]))
            (stepper::brief(key, &stepper::folded(&record.state), facts::log_now(judged, now)))
            p.sentence { (going::sentence(&judged.verdict, now)) }
            (figures(judged, now))
        }
    }
}

fn figures(judged: &Judged, now: Micros) -> Markup {
    let record = &judged.record;
    let (key, run) = (record.key.as_str(), &record.state.run);
    let now = facts::log_now(judged, now);
    html! {
        ul.figures {
            @if let Some(life) = &run.last_life_at {
                li { "life " (evidence::evidence(key, life.line, &time::since(life.value, now))) }
            }
            @if let Some(progress) = &run.last_progress_at {
                li { "progress " (evidence::evidence(key, progress.line, &time::since(progress.value, now))) }
            }
            @if let Some(candidate) = &run.candidate {
                li { "candidate " (evidence::evidence(key, candidate.line, &cut(&candidate.value, 40))) }
            }
            @if let Some(steps) = steps(judged) { li { "steps " (steps) } }
            @if let Some(attempt) = &run.attempt {
                li { "attempt " (evidence::evidence(key, attempt.line, &of(attempt.value, value(&run.max_attempts).copied()))) }
            }
            @if let Some(holder) = &run.holder {
                li { "wheel " (evidence::evidence(key, holder.line, &cut(holder.value.as_str(), 40))) }
            }
            @if let Some(cost) = &run.cost_usd {
                li { (evidence::evidence(key, cost.line, &html! { (amount::dollars(cost.value)) })) }
            }
        }
    }
}

/// `4/9` with a bar, when the run has steps.
#[must_use]
pub fn steps(judged: &Judged) -> Option<Markup> {
    let done = judged.record.state.counters.steps_done;
    let total = value(&judged.record.state.run.steps_total).copied();
    if done == 0 && total.is_none() {
        return None;
    }
    Some(html! {
        span.num { (of(done, total)) }
        @if let Some(total) = total.filter(|total| *total > 0) {
            progress value=(done.min(total)) max=(total) aria-label="steps done" {}
        }
    })
}

/// `2/3`, or `2` without a known end.
#[must_use]
pub fn of(done: u64, total: Option<u64>) -> Markup {
    html! { (amount::count(done)) @if let Some(total) = total { "/" (amount::count(total)) } }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, check_harmless, judged};
    use super::*;

    #[test]
    fn a_card_is_harmless_and_has_both_clocks_with_evidence() {
        let shown = card(&judged(), NOW).into_string();
        check_harmless(&shown);
        assert!(shown.contains("href=\"/runs/a%2Fb/lines/9\""), "{shown}");
        assert!(shown.contains("life ") && shown.contains("progress "), "{shown}");
        assert!(shown.contains("on track"), "{shown}");
    }

    #[test]
    fn a_run_without_a_title_has_its_key_once() {
        let mut judged = judged();
        let key = "<bdi>a/b</bdi>";
        let count = |judged: &Judged| card(judged, NOW).into_string().matches(key).count();
        assert_eq!(count(&judged), 1, "below the title");
        judged.record.state_mut().run.title = None;
        judged.record.state_mut().run.workflow = None;
        assert_eq!(count(&judged), 1, "as the title");
    }
}
