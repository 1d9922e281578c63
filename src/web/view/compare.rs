//! Two runs of a workflow side by side: where they part first, and how long each took for what.

use maud::{Markup, html};

use super::text::{cut, text};
use super::{amount, badge, evidence, link, state, time, waterfall};
use crate::query::Judged;
use crate::reducer::divergence::{Pair, Parting, Way, order, outcome, pairs};
use crate::reducer::span::{Span, SpanKind};
use crate::reducer::time::Micros;
use crate::store::reader::Few;

/// At most so many rows of a table.
const MOST: usize = 200;

/// A run with its first spans.
pub type Side<'a> = (&'a Judged, &'a Few<Span>);

/// The comparison of two runs, as far as their spans are at hand.
#[must_use]
pub fn compare(here: Side<'_>, there: Side<'_>, now: Micros) -> Markup {
    let (left, right) = (way(here), way(there));
    let partings = [
        ("phase", order(SpanKind::Phase, left, right)),
        ("candidate", order(SpanKind::Candidate, left, right)),
        ("step outcome", outcome(left, right)),
    ];
    let keys = (here.0.record.key.as_str(), there.0.record.key.as_str());
    html! {
        (super::layout::section("parting", &html! { "Where they part" }, &html! {
            dl.partings { @for (what, parting) in partings { div { dt { (what) } dd { (one(keys, parting)) } } } }
            @for (which, (_, few)) in [("here", here), ("there", there)] {
                @if few.next.is_some() {
                    p.end { "Of the " (amount::count(few.total)) " spans " (which) " the first " (amount::count(few.entries.len() as u64)) " were looked at." }
                }
            }
        }))
        (super::layout::section("durations", &html! { "Durations" }, &durations((here.0, left), (there.0, right), now)))
    }
}

fn way<'a>((judged, few): Side<'a>) -> Way<'a> {
    Way::of(&judged.record.state.run, &few.entries, few.total)
}

fn one(keys: (&str, &str), parting: Parting<'_>) -> Markup {
    html! {
        @match parting {
            Parting::Nowhere => { span.none { "no difference" } }
            Parting::NotYet => { span.none { "no difference so far; one of them goes on" } }
            Parting::At(place, a, b) => {
                "number " (amount::count(place as u64)) ": here " (span(keys.0, a)) ", there " (span(keys.1, b))
            }
        }
    }
}

fn span(key: &str, span: Option<&Span>) -> Markup {
    html! {
        @match span {
            Some(span) => { strong { (cut(waterfall::name(span), 80)) } " " (badge::span(span.status)) " " (evidence::line(key, span.opened_line)) }
            None => { span.none { "nothing" } }
        }
    }
}

fn durations((a, left): (&Judged, Way<'_>), (b, right): (&Judged, Way<'_>), now: Micros) -> Markup {
    let whole = (a.duration_ms(now), b.duration_ms(now));
    let mut rows: Vec<Pair<'_>> = pairs(SpanKind::Phase, left, right);
    rows.extend(pairs(SpanKind::Step, left, right));
    let all = rows.len();
    html! {
        div.scroll {
            table.list.beside {
                thead { tr {
                    th scope="col" { "what" }
                    th scope="col" { "here" }
                    th.num scope="col" { "took" }
                    th scope="col" { "there" }
                    th.num scope="col" { "took" }
                    th.num scope="col" { "there is" }
                } }
                tbody {
                    tr {
                        th scope="row" { strong { "the whole run" } }
                        td data-label="here" { (badge::standing(a)) }
                        td.num { (took(whole.0)) }
                        td data-label="there" { (badge::standing(b)) }
                        td.num { (took(whole.1)) }
                        td.num data-label="there is" { (change(whole.0, whole.1)) }
                    }
                    @for (here, there) in rows.into_iter().take(MOST) { (row(a, b, here, there)) }
                }
            }
        }
        @if all > MOST { p.end { (amount::count(all as u64)) ", showing the first " (MOST) } }
    }
}

fn row(a: &Judged, b: &Judged, here: Option<&Span>, there: Option<&Span>) -> Markup {
    let named = here.or(there);
    let millis = |span: Option<&Span>| span.and_then(|span| span.duration_ms);
    let cell = |judged: &Judged, span: Option<&Span>| {
        html! {
            @match span {
                Some(span) => { (badge::span(span.status)) " " (evidence::line(&judged.record.key, span.opened_line)) }
                None => { span.none { "–" } }
            }
        }
    };
    html! {
        tr {
            th scope="row" {
                @if let Some(span) = named {
                    (waterfall::called(span, &cut(waterfall::name(span), 80)))
                    @if let Some(attempt) = span.attempt.filter(|attempt| *attempt > 1) { span.visits { " ×" (attempt) } }
                }
            }
            td data-label="here" { (cell(a, here)) }
            td.num { (took(millis(here))) }
            td data-label="there" { (cell(b, there)) }
            td.num { (took(millis(there))) }
            td.num data-label="there is" { (change(millis(here), millis(there))) }
        }
    }
}

fn took(millis: Option<i64>) -> Markup {
    html! { @match millis { Some(millis) => (time::took(millis)), None => "–" } }
}

/// How much longer or shorter the second one was, in words. What is less than a tenth of a second, or than a hundredth of
/// the whole, is no difference: the next two runs would have another one.
fn change(here: Option<i64>, there: Option<i64>) -> Markup {
    let (Some(here), Some(there)) = (here, there) else { return html! {} };
    let (difference, longer) = (here.abs_diff(there), here.max(there).unsigned_abs());
    let millis = i64::try_from(difference).unwrap_or(i64::MAX);
    html! {
        @if difference == 0 { "as long" }
        @else if difference < 100 || difference < longer / 100 {
            span title={ (time::duration(millis)) @if there > here { " longer" } @else { " shorter" } } { "about as long" }
        }
        @else { (time::duration(millis)) @if there > here { " longer" } @else { " shorter" } }
    }
}

/// Other runs of the workflow, to compare with; `more` says that there are others.
#[must_use]
pub fn chooser(key: &str, others: &[Judged], with: Option<&str>, more: bool, now: Micros) -> Markup {
    html! {
        @if others.is_empty() {
            (state::empty("No other run of this workflow", &html! { "Another run of the same workflow appears here, to be compared with this one." }))
        }
        ul.choices {
            @for other in others {
                @let other_key = other.record.key.as_str();
                li {
                    a href=(link::compare(key, other_key)) data-row aria-current=[(with == Some(other_key)).then_some("true")] { (cut(other.title(), 80)) }
                    " " (badge::standing(other))
                    span.meta {
                        @if other.title() != other_key { " " code { (text(other_key)) } }
                        @if let Some(at) = crate::reducer::run::value(&other.record.state.run.started_at) { " · started " (time::ago(*at, now)) }
                        @if let Some(millis) = other.duration_ms(now) { " · " (time::duration(millis)) }
                    }
                }
            }
        }
        @if more { p.end { "There are more; look for one of them by its name or key." } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, NOW, check_harmless, judged};
    use super::*;
    use crate::reducer::span::SpanStatus;

    #[test]
    fn what_is_nothing_is_no_difference() {
        for (here, there, said) in [
            (Some(5000), Some(5000), "as long"),
            (Some(5000), Some(5001), "<span title=\"1\u{a0}ms longer\">about as long</span>"),
            (Some(50), Some(149), "<span title=\"99\u{a0}ms longer\">about as long</span>"),
            (Some(50), Some(150), "100\u{a0}ms longer"),
            (Some(5100), Some(5000), "100\u{a0}ms shorter"),
            (Some(3_600_000), Some(3_635_000), "<span title=\"35\u{a0}s longer\">about as long</span>"),
            (Some(3_600_000), Some(3_560_000), "40\u{a0}s shorter"),
            (None, Some(1), ""),
        ] {
            assert_eq!(change(here, there).into_string(), said, "{here:?} {there:?}");
        }
    }

    #[test]
    fn two_runs_stand_side_by_side_with_what_differs() {
        let (a, mut b) = (judged(), judged());
        b.record.key = String::from("other");
        let mut slow = sample::phase(sample::EVIL, SpanStatus::Failed, 2);
        slow.duration_ms = Some(90_000);
        let few = |entries: Vec<Span>| Few { total: entries.len() as u64, next: None, entries };
        let here = few(vec![sample::phase(sample::EVIL, SpanStatus::Completed, 2)]);
        let there = few(vec![slow, sample::span(SpanKind::Step, "lint", SpanStatus::Failed, 5)]);
        let shown = compare((&a, &here), (&b, &there), NOW).into_string();
        check_harmless(&shown);
        for part in ["30\u{a0}s longer", "/runs/other/lines/2", "/runs/a%2Fb/lines/2", "lint"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("were looked at"), "{shown}");
        let cut = Few { total: 12_345, next: Some(1), ..here };
        let shown = compare((&a, &cut), (&b, &there), NOW).into_string();
        let said = format!("Of the {} spans here the first 1 were looked at.", amount::count(12_345));
        assert_eq!(shown.matches("looked at").count(), shown.matches(&said).count(), "{shown}");
        assert!(shown.contains(&said) && shown.contains("no difference so far"), "{shown}");
        let chooser = chooser("a/b", &[b], Some("other"), true, NOW).into_string();
        check_harmless(&chooser);
        assert!(chooser.contains("/runs/a%2Fb/compare?with=other\" data-row aria-current=\"true\""), "{chooser}");
    }
}
