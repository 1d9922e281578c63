//! The timeline: events of a run, the newest at the bottom, each with its text as it stands in the log.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use super::text::cut;
use super::{amount, ansi, form, link, state, text, time, tone};
use crate::reducer::event::{Class, Level, Subject};
use crate::reducer::reduce::EventRow;
use crate::store::reader::EventPage;

/// Characters of a message that are shown; the rest is one click away as the raw line.
const MESSAGE: usize = 600;

/// What an event says, read from the log when it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The message, error or reason; of a line that is no record, its text.
    pub message: Option<String>,
    /// Other values of the record, in the order of the log.
    pub fields: Vec<(String, String)>,
    /// How many further values the record has.
    pub more: usize,
    /// The text could not be read: why.
    pub problem: Option<String>,
}

/// What the reader asked the timeline for, to keep it in links and fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Asked {
    pub level: Option<Level>,
    pub subject: Option<Subject>,
    pub name: String,
    pub span: String,
    /// Text that is looked for in the log.
    pub search: String,
    /// Also heartbeats and the like.
    pub hidden: bool,
    /// The run as it was after this line.
    pub at: Option<u64>,
    /// A line to mark.
    pub line: Option<u64>,
    /// This is not the newest page.
    pub elsewhere: bool,
}

impl Asked {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        vec![
            ("at", self.at.map(|at| at.to_string()).unwrap_or_default()),
            ("level", word(self.level.map(Level::as_str))),
            ("subject", word(self.subject.map(Subject::as_str))),
            ("name", self.name.clone()),
            ("span", self.span.clone()),
            ("q", self.search.clone()),
            ("hidden", if self.hidden { String::from("1") } else { String::new() }),
        ]
    }

    fn url(&self, key: &str, extra: &[(&str, &str)]) -> String {
        let own = self.parameters();
        let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend_from_slice(extra);
        format!("{}#timeline", link::with(&link::run(key), &all))
    }

    fn filters(&self) -> bool {
        let texts = [&self.name, &self.span, &self.search];
        self.level.is_some() || self.subject.is_some() || texts.iter().any(|text| !text.is_empty())
    }
}

/// Events to show, and where to go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// The events, ascending, and figures of the run.
    pub page: EventPage,
    /// What each of them says.
    pub said: Vec<Said>,
    /// Ordinals to ask with for the pages before and after; `None` at the ends.
    pub older: Option<u64>,
    /// See `older`.
    pub newer: Option<u64>,
    /// The lines from and to which the log was searched.
    pub searched: Option<(u64, u64)>,
    /// The log could not be searched: nothing is known, which is not the same as nothing found.
    pub failed: bool,
}

/// The section's body: filters, links to older and newer pages, the events.
#[must_use]
pub fn timeline(key: &str, shown: &Shown, asked: &Asked, names: &[String]) -> Markup {
    let page = &shown.page;
    let last = page.events.last().map(|event| event.ordinal);
    html! {
        (filters(key, page, asked, names))
        @if page.incomplete {
            p.note { (icon(Icon::Hourglass)) " The timeline of this log is still being written; the newest events may be missing." }
        }
        (older(key, shown, asked))
        @if shown.failed {
            (state::failed("the log to search it"))
        } @else if page.events.is_empty() {
            (nothing(shown, asked))
        }
        ol.timeline #events data-newest[shown.newer.is_none() && !asked.elsewhere] data-last=[last] tabindex="0" aria-label="events" {
            @for (event, said) in page.events.iter().zip(&shown.said) { (row(key, &event.row, said, asked.line, asked.filters())) }
        }
        (newer(key, shown, asked))
    }
}

fn nothing(shown: &Shown, asked: &Asked) -> Markup {
    match (shown.searched, shown.older.or(shown.newer)) {
        (Some((from, to)), Some(_)) => state::empty(
            "No match so far",
            &html! { "Lines " (amount::count(from)) " to " (amount::count(to)) " do not hold this text; go on to search the next ones." },
        ),
        _ if asked.filters() => state::empty("No event matches", &html! { "All events of this log were looked at." }),
        _ => state::empty(
            "No events",
            &html! { "Every line of the log appears here as soon as it ends, plain text too." },
        ),
    }
}

fn filters(key: &str, page: &EventPage, asked: &Asked, names: &[String]) -> Markup {
    let levels: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
    let subjects: Vec<&str> = Subject::ALL.iter().map(|subject| subject.as_str()).collect();
    html! {
        form.filters method="get" action={ (link::run(key)) "#timeline" } {
            @if let Some(at) = asked.at { input type="hidden" name="at" value=(at); }
            (form::select("level", "level", "any", asked.level.map(Level::as_str), &levels))
            (form::select("subject", "subject", "any", asked.subject.map(Subject::as_str), &subjects))
            (form::field("name", "event name", &asked.name, Some("names")))
            datalist #names { @for name in names { option value=(text::plain(name)) {} } }
            (form::field("span", "span", &asked.span, None))
            @if page.hidden > 0 {
                label.check {
                    input type="checkbox" name="hidden" value="1" checked[asked.hidden];
                    " heartbeats and hidden (" (amount::count(page.hidden)) ")"
                }
            }
            (form::search("q", "text in the log", &asked.search))
            button type="submit" { "Filter" }
            @if asked.filters() || asked.hidden { a href={ (link::run(key)) "#timeline" } { "clear" } }
        }
    }
}

fn older(key: &str, shown: &Shown, asked: &Asked) -> Markup {
    let page = &shown.page;
    let label = if shown.searched.is_some() { "↑ search older lines" } else { "↑ older" };
    html! {
        p.pager {
            @match shown.older {
                Some(before) => { a rel="prev" href=(asked.url(key, &[("before", &before.to_string())])) { (label) } }
                None => { span { "the beginning of the log" } }
            }
            span {
                @if let Some((from, to)) = shown.searched {
                    (amount::plural(page.events.len() as u64, "match", "matches")) " in lines " (amount::count(from)) "–" (amount::count(to))
                } @else if let (Some(first), Some(last)) = (page.events.first(), page.events.last()) {
                    "events " (amount::count(first.ordinal)) "–" (amount::count(last.ordinal)) " of " (amount::count(page.total))
                }
                @if page.hidden > 0 && !asked.hidden { " · " (amount::count(page.hidden)) " hidden" }
            }
        }
    }
}

fn newer(key: &str, shown: &Shown, asked: &Asked) -> Markup {
    let label = if shown.searched.is_some() { "↓ search newer lines" } else { "↓ newer" };
    html! {
        p.pager {
            @match shown.newer {
                Some(after) => {
                    a rel="next" href=(asked.url(key, &[("after", &after.to_string())])) { (label) }
                    a data-newest href=(asked.url(key, &[])) { "newest" }
                }
                None => { span { "the end of what is read" } }
            }
        }
    }
}

/// One event. Its number is the permalink; `raw` leads to the whole line, `context` to its place among all events.
#[must_use]
pub fn row(key: &str, row: &EventRow, said: &Said, marked: Option<u64>, filtered: bool) -> Markup {
    let tone = match row.class {
        Class::Malformed | Class::Oversized => tone::Tone::Bad,
        Class::Event | Class::Text => row.level.map_or(tone::Tone::Quiet, tone::of_level),
    };
    html! {
        li id={ "L" (row.line) } .(tone.class()) .marked[marked == Some(row.line)] .hidden-event[row.hidden] {
            a.line href={ "#L" (row.line) } { (row.line) }
            span.clock { @if let Some(at) = row.time { (time::clock(at)) } }
            span.body {
                @match row.class {
                    Class::Malformed => { span.badge.status.bad { (icon(Icon::Alert)) "malformed" } " " }
                    Class::Oversized => { span.badge.status.bad { (icon(Icon::Alert)) "oversized" } " " }
                    Class::Event | Class::Text => {}
                }
                @if let Some(level) = row.level.filter(|level| *level >= Level::Warn) { span.level { (level.as_str()) } " " }
                @if let Some(name) = &row.name { b.name title=[meaning(row)] { (cut(name, 60)) } " " }
                @if let Some(message) = &said.message { span.message { (ansi::ansi(message, MESSAGE)) } " " }
                @for (name, value) in &said.fields { span.field { (cut(name, 40)) "=" (cut(value, 80)) } " " }
                @if said.more > 0 { span.meta { "+" (said.more) " " } }
                @if let Some(problem) = &said.problem { span.bad { "text not readable: " (text::text(problem)) } }
            }
            span.ways {
                @if filtered { a.context href=(link::in_timeline(key, row.line)) title="show it among its neighbours" { "context" } " " }
                a.raw href=(link::line(key, row.line)) data-raw title={ (amount::bytes(row.length)) " at byte " (amount::count(row.offset)) } { "raw" }
            }
        }
    }
}

fn meaning(row: &EventRow) -> Option<String> {
    let subject = row.subject?;
    Some(match row.verb {
        Some(verb) => format!("{subject} {verb}"),
        None => subject.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample::{EVIL, NOW, check_harmless};
    use super::*;
    use crate::store::reader::EventRecord;

    fn event(line: u64, class: Class) -> EventRecord {
        let row = EventRow {
            line,
            offset: 10,
            length: 20,
            class,
            time: Some(NOW),
            name: Some(EVIL.into()),
            subject: Some(Subject::Phase),
            verb: None,
            level: Some(Level::Error),
            span: None,
            hidden: false,
        };
        EventRecord { ordinal: line, row }
    }

    fn shown(asked: &Asked) -> String {
        let events = vec![event(811, Class::Event), event(812, Class::Malformed)];
        let page = EventPage { events, earlier: true, later: true, total: 900, hidden: 3, incomplete: false };
        let evil = || EVIL.to_owned();
        let said = Said { message: Some(evil()), fields: vec![(evil(), evil())], more: 2, problem: Some(evil()) };
        let said = vec![said.clone(), said];
        let shown = Shown { page, said, older: Some(811), newer: Some(812), ..Shown::default() };
        timeline("a/b", &shown, asked, &[EVIL.to_owned()]).into_string()
    }

    #[test]
    fn every_event_has_a_permalink_and_leads_to_its_line() {
        let shown = shown(&Asked::default());
        check_harmless(&shown);
        for part in ["id=\"L812\"", "href=\"#L812\"", "/runs/a%2Fb/lines/812", "malformed", "3 hidden"] {
            assert!(shown.contains(part), "{part} is not in {shown}");
        }
        assert!(!shown.contains(">context<"), "it is among its neighbours already");
    }

    #[test]
    fn filters_stay_in_the_links_to_other_pages() {
        let asked = Asked { level: Some(Level::Error), name: EVIL.to_owned(), at: Some(850), ..Asked::default() };
        let shown = shown(&asked);
        check_harmless(&shown);
        assert!(shown.contains("?at=850&amp;level=error&amp;name=%3C%2Fbdi%3E"), "{shown}");
        assert!(shown.contains("&amp;before=811#timeline") && shown.contains("&amp;after=812#timeline"), "{shown}");
    }

    #[test]
    fn what_was_found_can_be_seen_among_its_neighbours() {
        let shown = shown(&Asked { search: EVIL.to_owned(), ..Asked::default() });
        check_harmless(&shown);
        assert!(shown.contains("/runs/a%2Fb?line=812#L812\""), "{shown}");
        assert!(shown.contains("&amp;before=811#timeline") && shown.contains("?q=%3C%2Fbdi%3E"), "{shown}");
    }

    #[test]
    fn a_search_that_has_not_ended_or_failed_is_no_empty_answer() {
        let asked = Asked { search: String::from("x"), ..Asked::default() };
        let check = |shown: Shown, says: &str| {
            let shown = timeline("k", &shown, &asked, &[]).into_string();
            for one in ["No match so far", "No event matches", "Could not read"] {
                assert_eq!(shown.contains(one), one == says, "{one}: {shown}");
            }
        };
        let going_on = Shown { older: Some(8), searched: Some((9, 70)), ..Shown::default() };
        check(going_on.clone(), "No match so far");
        check(Shown { older: None, ..going_on.clone() }, "No event matches");
        check(Shown { failed: true, ..Shown::default() }, "Could not read");
    }
}
