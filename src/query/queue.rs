//! The action-required queue: what active runs have queued for a person, by repo (spec 3.2).
//!
//! Plain data in, plain data out; it must never ask the cache.

use std::collections::HashSet;

use compact_str::CompactString;

use super::{Banner, Judged};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::RunState;

/// How much of a name counts where items are put in order, in bytes.
const NAME: usize = 200;

/// One thing that a run has queued for a person.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Queued<'a> {
    pub run: &'a Judged,
    pub marker: &'a Marker,
    /// The repo that the log names for it, if any.
    pub repo: Option<&'a str>,
}

/// Where an item stands in the queue: by repo, those without one last, then what waits longest, then by key. It stays
/// the same while items come and go, so that a next page neither repeats nor leaves out what was there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueuePlace {
    /// Those without a repo come last.
    nameless: bool,
    repo: String,
    since: i64,
    key: String,
    line: u64,
    id: String,
}

impl<'a> Queued<'a> {
    fn of(run: &'a Judged, marker: &'a Marker) -> Self {
        Self { run, marker, repo: repo(&run.record.state, marker) }
    }

    /// Its place.
    #[must_use]
    pub fn place(&self) -> QueuePlace {
        let short = |name: &str| name[..name.floor_char_boundary(NAME)].to_owned();
        QueuePlace {
            nameless: self.repo.is_none(),
            repo: self.repo.map(short).unwrap_or_default(),
            since: self.marker.opened_at.map_or(i64::MAX, |at| at.0),
            key: self.run.record.key.clone(),
            line: self.marker.opened_line,
            id: short(&self.marker.id),
        }
    }

    /// Whether it has a text that is searched for; `wanted` is in lower case.
    #[must_use]
    pub fn mentions(&self, wanted: &str) -> bool {
        let more = [self.repo, self.marker.reason.as_deref(), Some(self.marker.id.as_str())];
        self.run.mentions(wanted) || more.into_iter().flatten().any(|text| text.to_lowercase().contains(wanted))
    }
}

impl QueuePlace {
    /// What its own text says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (nameless, repo, since, key, line, id) = serde_json::from_str(text).ok()?;
        Some(Self { nameless, repo, since, key, line, id })
    }
}

impl std::fmt::Display for QueuePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { nameless, repo, since, key, line, id } = self;
        f.write_str(&serde_json::json!([nameless, repo, since, key, line, id]).to_string())
    }
}

impl Banner {
    /// The open queue markers of the active runs by place; how many there are is the queue's depth.
    #[must_use]
    pub fn queue(&self) -> Vec<Queued<'_>> {
        let mut queue: Vec<Queued<'_>> = self.active.iter().flat_map(|run| queued(run)).collect();
        queue.sort_by_cached_key(Queued::place);
        queue
    }

    /// What other runs have queued for the repos that this run touches: those that its markers name, and its spans
    /// (`repos`).
    #[must_use]
    pub fn queue_beside(&self, run: &Judged, repos: &[CompactString]) -> Vec<Queued<'_>> {
        let markers = run.record.state.markers.iter().filter_map(|marker| marker.repo.as_deref());
        let touched: HashSet<&str> = markers.chain(repos.iter().map(CompactString::as_str)).collect();
        let is_beside = |item: &Queued<'_>| {
            item.run.record.key != run.record.key && item.repo.is_some_and(|repo| touched.contains(repo))
        };
        self.queue().into_iter().filter(is_beside).collect()
    }
}

/// What a run itself has queued, what waits longest first.
#[must_use]
pub fn queued(run: &Judged) -> Vec<Queued<'_>> {
    let open = run.open_markers().filter(|marker| marker.kind == MarkerKind::Queue);
    let mut queue: Vec<Queued<'_>> = open.map(|marker| Queued::of(run, marker)).collect();
    queue.sort_by_cached_key(Queued::place);
    queue
}

/// The repo of a marker: its own, else that of the span that it names.
fn repo<'a>(state: &'a RunState, marker: &'a Marker) -> Option<&'a str> {
    let span = marker.span.as_deref();
    let named = || state.spans.iter().rev().find(|one| one.id.is_some() && one.id.as_deref() == span);
    marker.repo.as_deref().or_else(|| named()?.more.repo.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::run::{Fact, Status};
    use crate::reducer::span::SpanKind;
    use crate::reducer::verdict::Policy;
    use crate::reducer::verdict::world::{NOW, ago, marker, span};
    use crate::store::RunRecord;

    /// A running run whose queue markers have these repos, each a second older than the one before.
    fn run(key: &str, repos: &[Option<&str>]) -> Judged {
        let mut state = RunState::default();
        state.run.status = Some(Fact { value: Status::Running, line: 1 });
        state.markers = (2..)
            .zip(repos)
            .map(|(line, repo)| Marker {
                repo: repo.map(str::to_owned),
                opened_at: Some(ago(1000 * i64::try_from(line).unwrap_or(0))),
                ..marker(MarkerKind::Queue, &format!("{key}{line}"), line)
            })
            .collect();
        let record = RunRecord {
            number: 1,
            key: key.to_owned(),
            version: 1,
            state: state.into(),
            log: std::sync::Arc::default(),
            modified: Some(NOW),
            retried_by: None,
        };
        Judged::of(record, super::super::judged::LookUps::default(), &Policy::default(), NOW)
    }

    fn ids<'a>(queue: &[Queued<'a>]) -> Vec<&'a str> {
        queue.iter().map(|item| item.marker.id.as_str()).collect()
    }

    #[test]
    fn the_queue_is_by_repo_and_what_waits_longest_comes_first() {
        let a = run("a", &[Some("web"), None, Some("api")]);
        let banner = Banner::of(vec![a, run("b", &[Some("api"), Some("web"), Some("api")])], Vec::new());
        assert_eq!(ids(&banner.queue()), ["a4", "b4", "b2", "b3", "a2", "a3"]);
    }

    #[test]
    fn a_place_survives_its_way_through_an_address() {
        let banner = Banner::of(vec![run("a,b\"", &[Some("r,\u{1f600}"), None])], Vec::new());
        for item in banner.queue() {
            assert_eq!(QueuePlace::parse(&item.place().to_string()), Some(item.place()));
        }
        assert_eq!(QueuePlace::parse("1,2,3"), None);
        let long = run("a", &[Some(&"ä".repeat(5000))]);
        assert!(queued(&long)[0].place().to_string().len() < 600, "an address has an end");
    }

    #[test]
    fn beside_a_run_is_what_others_queued_for_the_repos_it_touches() {
        let mut own = run("own", &[None]);
        own.record.state_mut().spans = vec![span(SpanKind::Step, "s", 9)];
        own.record.state_mut().spans[0].more.to_mut().repo = Some("api".into());
        own.record.state_mut().markers[0].span = Some(String::from("s"));
        assert_eq!(queued(&own)[0].repo, Some("api"), "of the span that the marker names");
        let banner = Banner::of(vec![own.clone(), run("b", &[Some("web"), Some("api"), None])], Vec::new());
        assert_eq!(ids(&banner.queue_beside(&own, &["api".into()])), ["b3"]);
        assert_eq!(ids(&banner.queue_beside(&run("none", &[None]), &[])), [""; 0]);
    }

    #[test]
    fn an_item_is_found_by_run_repo_reason_and_id() {
        let mut one = run("Key", &[Some("Repo")]);
        one.record.state_mut().markers[0].reason = Some(String::from("Merge it"));
        for (wanted, found) in [("key", true), ("repo", true), ("merge", true), ("key2", true), ("nothing", false)] {
            assert_eq!(queued(&one)[0].mentions(wanted), found, "{wanted}");
        }
    }
}
