//! The numbers of the overview: runs per day as bars, failure rate, what runs took, and how deep the queue is. Each leads
//! to the list of what it counts (spec 3.2).

use maud::{Markup, html};

use super::{amount, link, time};
use crate::query::{Day, Stats};

/// Height of the tallest bar, and what a day takes in width, in units of the drawing.
const HEIGHT: u64 = 48;
const STEP: usize = 24;

/// The numbers; `queue` is how many things are queued for a person, `None` when that could not be read.
#[must_use]
pub fn numbers(stats: &Stats, queue: Option<usize>) -> Markup {
    let range = range(stats);
    let longest = runs(&range, &[("open", "0"), ("sort", "duration")]);
    html! {
        div.numbers {
            figure.days {
                figcaption { a href=(runs(&range, &[])) { (amount::plural(stats.runs, "run", "runs")) } " in " (stats.days.len()) " days" }
                (bars(&stats.days))
            }
            dl {
                div {
                    dt { "failed" }
                    dd { a href=(runs(&range, &[("status", "failed,timed_out")])) {
                        @match stats.failure_rate() {
                            Some(rate) => { strong { (percent(rate)) } " " span.of { (amount::count(stats.failed)) " of " (amount::count(stats.ended)) " ended" } }
                            None => { strong { "–" } " " span.of { "none ended" } }
                        }
                    } }
                }
                (duration("median duration", stats.median_ms, &longest))
                (duration("90th percentile", stats.p90_ms, &longest))
                div {
                    dt { "queue" }
                    dd { a href="/queue" { @match queue {
                        Some(depth) => { strong { (amount::count(depth as u64)) } " " span.of { "waiting for a person" } }
                        None => { strong { "?" } " " span.of { "could not be read" } }
                    } } }
                }
            }
        }
    }
}

fn duration(label: &str, millis: Option<i64>, longest: &str) -> Markup {
    html! {
        div {
            dt { (label) }
            dd { a href=(longest) {
                strong { @match millis { Some(millis) => (time::took(millis)), None => "–" } }
            } }
        }
    }
}

/// One bar per day, failed runs dark at its foot; the figures stand above and the words in its title.
fn bars(days: &[Day]) -> Markup {
    let most = days.iter().map(|day| day.runs).max().unwrap_or(0).max(1);
    // A day with any run is seen, whatever the tallest is.
    let height = |runs: u64| if runs == 0 { 0 } else { (HEIGHT * runs / most).max(2) };
    let foot = HEIGHT + 14;
    html! {
        svg.bars viewBox={ "0 0 " (STEP * days.len()) " " (foot + 14) } role="group" aria-label="runs per day" {
            @for (at, day) in days.iter().enumerate() {
                @let (x, all, failed) = (at * STEP, height(day.runs), height(day.failed));
                a href=(runs(&[("from", &day.date()), ("to", &day.date())], &[])) {
                    title { (said(day)) }
                    rect.area x=(x) y="0" width=(STEP) height=(foot + 14) {}
                    rect.all x=(x + 3) y=(foot - all) width=(STEP - 6) height=(all) {}
                    rect.failed x=(x + 3) y=(foot - failed.min(all)) width=(STEP - 6) height=(failed.min(all)) {}
                    @if day.runs > 0 { text x=(x + STEP / 2) y=(foot - all - 3) { (amount::short(day.runs)) } }
                    text.day x=(x + STEP / 2) y=(foot + 11) { (time::day_of_month(day.start)) }
                }
            }
            line x1="0" x2=(STEP * days.len()) y1=(foot) y2=(foot) {}
        }
    }
}

/// `Nov 21: 12 runs, 2 failed`.
fn said(day: &Day) -> String {
    let failed = if day.failed > 0 { format!(", {} failed", amount::count(day.failed)) } else { String::new() };
    format!("{}: {}{failed}", day.date(), amount::plural(day.runs, "run", "runs"))
}

/// `12 %`; a part that is there is never said to be nought.
fn percent(part: f64) -> String {
    let shown = 100.0 * part;
    let digits = usize::from(shown > 0.0 && shown < 10.0);
    if shown > 0.0 && shown < 0.1 { String::from("< 0.1\u{a0}%") } else { format!("{shown:.digits$}\u{a0}%") }
}

/// The first and the last day, as the date filter of the list has them.
fn range(stats: &Stats) -> Vec<(&'static str, String)> {
    let days = [("from", stats.days.first()), ("to", stats.days.last())];
    days.into_iter().filter_map(|(name, day)| Some((name, day?.date()))).collect()
}

fn runs(range: &[(&str, impl AsRef<str>)], more: &[(&str, &str)]) -> String {
    let range = range.iter().map(|(name, day)| (*name, day.as_ref()));
    link::with("/runs", &more.iter().copied().chain(range).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::time::Micros;

    fn stats(runs: &[(u64, u64)]) -> Stats {
        let start = |at: usize| Micros(1_780_272_000_000_000).plus_millis(86_400_000 * i64::try_from(at).unwrap_or(0));
        let days =
            runs.iter().enumerate().map(|(at, (runs, failed))| Day { start: start(at), runs: *runs, failed: *failed });
        Stats { days: days.collect(), runs: 6, ended: 4, failed: 1, median_ms: Some(725_000), p90_ms: None }
    }

    #[test]
    fn every_number_leads_to_the_list_of_what_it_counts() {
        let shown = numbers(&stats(&[(4, 1), (0, 0), (2, 0)]), Some(3)).into_string();
        for part in [
            "href=\"/runs?from=2026-06-01&amp;to=2026-06-03\"",
            "href=\"/runs?status=failed%2Ctimed_out&amp;from=2026-06-01&amp;to=2026-06-03\"",
            "href=\"/runs?open=0&amp;sort=duration&amp;from=2026-06-01&amp;to=2026-06-03\"",
            "href=\"/runs?from=2026-06-02&amp;to=2026-06-02\"><title>2026-06-02: 0\u{a0}runs</title>",
            "<title>2026-06-01: 4\u{a0}runs, 1 failed</title>",
            "<strong>25\u{a0}%</strong> <span class=\"of\">1 of 4 ended",
            "href=\"/queue\"><strong>3</strong>",
            "12\u{a0}min 5\u{a0}s",
        ] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        assert!(!shown.contains("style="), "no inline style");
        assert!(numbers(&stats(&[]), None).into_string().contains("could not be read"), "a failure is no nought");
    }

    #[test]
    fn the_tallest_bar_is_as_tall_as_it_may_be_and_a_small_one_is_seen() {
        let shown = bars(&stats(&[(1000, 0), (1, 1)]).days).into_string();
        assert!(shown.contains("<rect class=\"all\" x=\"3\" y=\"14\" width=\"18\" height=\"48\">"), "{shown}");
        assert!(shown.contains("<rect class=\"failed\" x=\"27\" y=\"60\" width=\"18\" height=\"2\">"), "{shown}");
    }

    #[test]
    fn a_part_is_never_rounded_to_nothing() {
        for (part, shown) in [(0.0, "0 %"), (0.0001, "< 0.1 %"), (0.034, "3.4 %"), (0.12, "12 %"), (1.0, "100 %")] {
            assert_eq!(percent(part).replace('\u{a0}', " "), shown);
        }
    }
}
