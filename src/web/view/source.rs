//! The source line: what is watched, how fresh it is, and what is behind or wrong (spec 3.1).
//!
//! "All clear" is never said without it.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::text::text;
use super::{amount, time};
use crate::reducer::time::Micros;
use crate::store::reader::Totals;
use crate::store::{SourceStatus, WatchMode};

/// What the line says. The outer error of `totals` is a question that failed.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Source {
    pub status: SourceStatus,
    pub totals: Option<Totals>,
}

impl Source {
    /// Whether everything that is there was read, so that "nothing" means nothing.
    #[must_use]
    pub fn is_all_read(&self) -> bool {
        let status = &self.status;
        status.complete
            && self.totals.as_ref().is_some_and(|totals| totals.problems == 0)
            && status.backlog_bytes == 0
            && status.roots.iter().all(|(_, problem)| problem.is_none())
    }
}

impl Source {
    /// The same without any path of this machine, for pages that say that something went wrong (spec 5.4 T127). What is
    /// wrong with a directory or the cache stands on the health page.
    #[must_use]
    pub fn without_paths(mut self) -> Self {
        let elsewhere = || String::from("has a problem, see the health page");
        for (root, problem) in &mut self.status.roots {
            let name = root.rsplit('/').find(|part| !part.is_empty());
            *root = name.unwrap_or("the state directory").to_owned();
            *problem = problem.take().map(|_| elsewhere());
        }
        self.status.cache_problem = self.status.cache_problem.take().map(|_| format!("the cache {}", elsewhere()));
        self
    }
}

/// The line, without its frame.
#[must_use]
pub fn line(source: &Source, now: Micros) -> Markup {
    let status = &source.status;
    html! {
        @match &source.totals {
            Some(totals) => {
                span { (amount::plural(totals.runs, "run", "runs")) " in " (places(status)) }
                @if let Some(at) = totals.newest_line_at { span { "newest line " (time::ago(at, now)) } }
            }
            None => { (wrong(&html! { "the cache could not be read" })) span { "watching " (places(status)) } }
        }
        @for (root, problem) in &status.roots {
            @if let Some(problem) = problem { (wrong(&html! { (text(root)) ": " (text(problem)) })) }
        }
        @if let Some(totals) = source.totals.as_ref().filter(|totals| totals.problems > 0) {
            (wrong(&html! { a href="/health#logs" { (amount::plural(totals.problems, "log", "logs")) " cannot be read" } }))
        }
        (progress(source))
        @if let WatchMode::ScanOnly(reason) = &status.mode {
            span.warn { (icon(Icon::Alert)) "scanning only: " (text(reason)) }
        }
        @if let Some(problem) = &status.cache_problem { (wrong(&text(problem))) }
    }
}

fn places(status: &SourceStatus) -> Markup {
    html! {
        @for (index, (root, _)) in status.roots.iter().enumerate() {
            @if index > 0 { ", " }
            span.path { (text(root)) }
        }
        @if status.roots.is_empty() { "no state directory yet" }
    }
}

fn progress(source: &Source) -> Markup {
    let status = &source.status;
    html! {
        @if !status.settled && !status.complete && status.logs > 0 {
            span.warn {
                (icon(Icon::Hourglass)) "looking for runs, " (amount::plural(status.logs, "log", "logs")) " found so far"
            }
        } @else if status.backlog_bytes > 0 {
            span.warn {
                (icon(Icon::Hourglass)) (amount::bytes(status.backlog_bytes)) " behind"
                @if status.rate_bytes_per_s > 0 {
                    ", reading " (amount::bytes(status.rate_bytes_per_s)) "/s, about "
                    (time::age(1000 * i64::try_from(status.backlog_bytes / status.rate_bytes_per_s).unwrap_or(i64::MAX / 1000)))
                    " left"
                }
            }
        } @else if !status.complete {
            span.warn { (icon(Icon::Hourglass)) "looking for runs, not everything is here yet" }
        } @else if source.is_all_read() {
            span { "all read" }
        }
    }
}

fn wrong(what: &Markup) -> Markup {
    html! { span.bad { (icon(Icon::Alert)) (what) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_800_000_000_000_000);

    #[test]
    fn a_page_of_an_error_names_no_path() {
        let problem = Some(String::from("/secret/state: permission denied"));
        let status = SourceStatus {
            roots: vec![(String::from("/secret/state/"), problem.clone()), (String::from("/"), None)],
            cache_problem: problem,
            ..SourceStatus::default()
        };
        let shown = line(&Source { status, totals: None }.without_paths(), NOW).into_string();
        assert!(
            !shown.contains("secret") && shown.contains("state") && shown.contains("see the health page"),
            "{shown}"
        );
    }

    fn check(change: impl FnOnce(&mut Source), says: &[&str], hides: &[&str]) {
        let status =
            SourceStatus { roots: vec![(String::from("./state"), None)], complete: true, ..SourceStatus::default() };
        let totals = Totals { runs: 12, newest_line_at: Some(NOW.plus_millis(-4_000)), ..Totals::default() };
        let mut source = Source { status, totals: Some(totals) };
        change(&mut source);
        let shown = line(&source, NOW).into_string().replace('\u{a0}', " ");
        for part in says {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        for part in hides {
            assert!(!shown.contains(part), "{part} is in {shown}");
        }
    }

    #[test]
    fn the_line_never_says_all_read_when_something_is_missing() {
        check(|_| {}, &["12 runs", "./state", "4 s ago", "all read"], &["behind"]);
        check(|s| s.status.backlog_bytes = 2048, &["2.0 KiB behind"], &["all read"]);
        check(|s| s.status.complete = false, &["looking for runs"], &["all read"]);
        let found = |s: &mut Source| s.status = SourceStatus { complete: false, logs: 7, ..s.status.clone() };
        check(found, &["looking for runs, 7 logs found so far"], &["all read", "behind"]);
        check(|s| s.status.logs = 7, &["all read"], &["looking for"]);
        check(|s| s.status.roots[0].1 = Some("not readable".into()), &["not readable"], &["all read"]);
        let unreadable = |s: &mut Source| s.totals = Some(Totals { problems: 2, ..Totals::default() });
        check(unreadable, &["2 logs cannot be read", "/health#logs"], &["all read"]);
        check(|s| s.totals = None, &["could not be read"], &["all read", "12 runs"]);
        check(|s| s.status.mode = WatchMode::ScanOnly("watch limit".into()), &["scanning only", "watch limit"], &[]);
    }
}
