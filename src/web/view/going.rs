//! "How it is going": the verdict with its rule, limit, evidence and what would clear it, before any diagnostics.

use maud::{Markup, html};

use super::text::text;
use super::{badge, evidence, time, tone};
use crate::query::Judged;
use crate::reducer::time::Micros;

/// The panel.
#[must_use]
pub fn going(judged: &Judged, now: Micros) -> Markup {
    let verdict = &judged.verdict;
    let (tone, _) = tone::of_word(verdict.word);
    html! {
        section #going .going.(tone.class()) aria-labelledby="going-h" {
            h2 #going-h .sr { "How it is going" }
            p.verdict { (badge::verdict(verdict.word, verdict.rule)) " " span.sentence { (text(&verdict.sentence)) } }
            dl.why {
                div { dt { "rule" } dd { (verdict.rule.as_str().replace('_', " ")) } }
                @if let Some(limit) = verdict.limit_ms { div { dt { "limit" } dd { (time::took(limit)) } } }
                @if let Some(at) = verdict.since { div { dt { "since" } dd { (time::ago(at, now)) } } }
                @if !verdict.evidence.is_empty() {
                    div { dt { "evidence" } dd { (evidence::lines(&judged.record.key, &verdict.evidence)) } }
                }
                @if !verdict.clears.is_empty() { div { dt { "clears when" } dd { (text(&verdict.clears)) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{NOW, check_harmless, judged};
    use super::*;

    #[test]
    fn the_panel_has_the_rule_and_the_lines_that_prove_it() {
        let mut run = judged();
        run.verdict.limit_ms = Some(600_000);
        run.verdict.clears = String::from("any new line");
        let shown = going(&run, NOW).into_string();
        check_harmless(&shown);
        for part in ["on track", "healthy", "10\u{a0}min", "/runs/a%2Fb/lines/9", "any new line"] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
    }
}
