//! Look-ups over spans, markers, artifacts and intervals: each question of a rule is answered without walking the lists.
//!
//! A function of the lists alone, so it is never stored. A hostile log can make the lists long, not the look-ups slow.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::{Arc, LazyLock};

use foldhash::quality::RandomState;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Scratch;
use super::absent::{Absent, By};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::span::{Artifact, Span, SpanKind};

/// Numbers of entries by the hash of their key, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
struct Chains {
    newest: FxHashMap<u64, u32>,
    /// Of each entry, the next older one with the same hash.
    older: Vec<Option<u32>>,
}

impl Chains {
    fn with_room(entries: usize) -> Self {
        Self {
            newest: FxHashMap::with_capacity_and_hasher(entries, Default::default()),
            older: Vec::with_capacity(entries),
        }
    }

    /// Adds the next entry, and gives the one that was the newest with its hash; entries without a key take a place all the
    /// same.
    fn push(&mut self, key: Option<u64>) -> Option<u32> {
        let number = self.older.len() as u32;
        let before = key.and_then(|key| self.newest.insert(key, number));
        self.older.push(before);
        before
    }

    fn clear(&mut self) {
        self.newest.clear();
        self.older.clear();
    }

    fn shrink_to_fit(&mut self) {
        self.newest.shrink_to_fit();
        self.older.shrink_to_fit();
    }

    fn find(&self, key: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut next = self.newest.get(&key).copied();
        while let Some(number) = next {
            if is_it(number) {
                return Some(number);
            }
            next = self.older.get(number as usize).copied().flatten();
        }
        None
    }
}

/// The look-ups of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    span_ids: Chains,
    /// The newest span of a kind and name; verified when asked, since a span can be renamed.
    span_names: FxHashMap<u64, u32>,
    /// Open spans by kind and id, of which the newest span is another one. There are hardly any.
    covered: Open,
    /// Open spans by kind and name.
    open_names: Open,
    open_spans: OpenSpans,
    marker_ids: Chains,
    open_markers: [BTreeSet<u32>; MarkerKind::ALL.len()],
    artifact_paths: Chains,
    /// The last intervals between heartbeats, in order of size.
    intervals: Vec<i64>,
    /// The spans that are not at hand; none when all are.
    absent: Option<Arc<Absent>>,
}

/// Numbers of open spans by the hash of their key. A key rarely has more than one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Open(FxHashMap<u64, SmallVec<[u32; 2]>>);

impl Open {
    fn add(&mut self, key: u64, number: u32) {
        self.0.entry(key).or_default().push(number);
    }

    fn remove(&mut self, key: u64, number: u32) {
        let Some(numbers) = self.0.get_mut(&key) else { return };
        if let Some(at) = numbers.iter().rposition(|n| *n == number) {
            numbers.swap_remove(at);
        }
        if numbers.is_empty() {
            self.0.remove(&key);
        }
    }

    /// The newest that is meant.
    fn newest(&self, key: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        self.0.get(&key)?.iter().copied().filter(|n| is_it(*n)).max()
    }
}

/// The open spans of each kind, in the order in which they opened.
#[derive(Clone, Debug, Default, PartialEq)]
struct OpenSpans {
    /// Of each open span, the ones of its kind that opened before and after it.
    beside: Vec<[Option<u32>; 2]>,
    newest: [Option<u32>; SpanKind::ALL.len()],
}

impl OpenSpans {
    /// Adds the next span; one that is closed takes a place all the same.
    fn push(&mut self, kind: SpanKind, is_open: bool) {
        let number = self.beside.len() as u32;
        if !is_open {
            return self.beside.push([None, None]);
        }
        let before = self.newest[kind as usize].replace(number);
        self.set_after(before, Some(number));
        self.beside.push([before, None]);
    }

    fn remove(&mut self, kind: SpanKind, number: u32) {
        let Some([before, after]) = self.beside.get_mut(number as usize).map(std::mem::take) else { return };
        self.set_after(before, after);
        match after.and_then(|after| self.beside.get_mut(after as usize)) {
            Some(after) => after[0] = before,
            None if self.newest[kind as usize] == Some(number) => self.newest[kind as usize] = before,
            None => {}
        }
    }

    fn set_after(&mut self, number: Option<u32>, after: Option<u32>) {
        if let Some(beside) = number.and_then(|number| self.beside.get_mut(number as usize)) {
            beside[1] = after;
        }
    }

    /// Those of a kind, the newest first.
    fn of(&self, kind: SpanKind) -> impl Iterator<Item = u32> {
        let before = |number: &u32| self.beside.get(*number as usize)?[0];
        std::iter::successors(self.newest[kind as usize], before)
    }
}

/// Another one in every process, so that nobody can write ids that meet in one chain.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::default);

fn has_id(span: &Span, kind: SpanKind, id: &str) -> bool {
    span.kind == kind && span.id.as_deref() == Some(id)
}

fn hash(kind: u8, text: &str) -> u64 {
    SEED.hash_one((kind, text))
}

impl Index {
    /// Builds the look-ups again.
    #[must_use]
    pub fn of(spans: &[Span], markers: &[Marker], artifacts: &[Artifact], scratch: &Scratch) -> Self {
        let mut index = Self { span_ids: Chains::with_room(spans.len()), ..Self::default() };
        index.intervals.extend(&scratch.heartbeat_intervals);
        index.intervals.sort_unstable();
        for (number, span) in spans.iter().enumerate() {
            index.add_span(span, spans);
            if let Some(name) = &span.name {
                index.name_span(number as u32, span.kind, None, name, span.is_open());
            }
        }
        for marker in markers {
            index.add_marker(marker);
        }
        for artifact in artifacts {
            index.add_artifact(&artifact.path);
        }
        index
    }

    /// The look-ups of a run without entries, in the same room.
    pub(crate) fn clear(&mut self) {
        let Self { span_ids, span_names, covered, open_names, open_spans, .. } = self;
        let Self { marker_ids, open_markers, artifact_paths, intervals, absent, .. } = self;
        for chains in [span_ids, marker_ids, artifact_paths] {
            chains.clear();
        }
        span_names.clear();
        covered.0.clear();
        open_names.0.clear();
        open_spans.beside.clear();
        open_spans.newest = Default::default();
        open_markers.iter_mut().for_each(BTreeSet::clear);
        intervals.clear();
        *absent = None;
    }

    /// Gives back the room that it has and does not fill.
    pub(crate) fn shrink_to_fit(&mut self) {
        for chains in [&mut self.span_ids, &mut self.marker_ids, &mut self.artifact_paths] {
            chains.shrink_to_fit();
        }
        self.span_names.shrink_to_fit();
        self.covered.0.shrink_to_fit();
        self.open_names.0.shrink_to_fit();
        self.open_spans.beside.shrink_to_fit();
    }

    /// Says what is not at hand.
    pub fn set_beside(&mut self, absent: Arc<Absent>) {
        self.absent = Some(absent);
    }

    /// Adds the next span, by its id; its name comes by [`Index::name_span`]. `spans` are at least those before it.
    pub(super) fn add_span(&mut self, span: &Span, spans: &[Span]) {
        let key = span.id.as_deref().map(|id| hash(span.kind as u8, id));
        let before = self.span_ids.push(key);
        if let (Some(key), Some(before)) = (key, before)
            && spans[before as usize].is_open()
        {
            self.covered.add(key, before);
        }
        self.open_spans.push(span.kind, span.is_open());
    }

    pub(super) fn name_span(&mut self, number: u32, kind: SpanKind, before: Option<&str>, name: &str, open: bool) {
        let key = hash(kind as u8, name);
        let newest = self.span_names.entry(key).or_insert(number);
        *newest = number.max(*newest);
        if open {
            if let Some(before) = before {
                self.open_names.remove(hash(kind as u8, before), number);
            }
            self.open_names.add(key, number);
        }
    }

    pub(super) fn close_span(&mut self, number: u32, span: &Span) {
        self.open_spans.remove(span.kind, number);
        for (open, text) in [(&mut self.covered, &span.id), (&mut self.open_names, &span.name)] {
            if let Some(text) = text.as_deref().filter(|_| !open.0.is_empty()) {
                open.remove(hash(span.kind as u8, text), number);
            }
        }
    }

    /// The newest span of a kind with an id.
    pub(super) fn span(&self, spans: &[Span], kind: SpanKind, id: &str) -> Option<u32> {
        let found = self.span_ids.find(hash(kind as u8, id), |n| has_id(&spans[n as usize], kind, id));
        if let Some(absent) = &self.absent {
            absent.ask(By::Id, kind, id, found);
        }
        found
    }

    /// The newest span of a kind with that name.
    pub(super) fn named_span(&self, spans: &[Span], kind: SpanKind, name: &str) -> Option<u32> {
        let found = self.named_at_hand(spans, kind, name);
        if let Some(absent) = &self.absent {
            absent.ask(By::Name, kind, name, found);
        }
        found
    }

    fn named_at_hand(&self, spans: &[Span], kind: SpanKind, name: &str) -> Option<u32> {
        let is_it = |span: &Span| span.kind == kind && span.name.as_deref() == Some(name);
        let newest = *self.span_names.get(&hash(kind as u8, name))?;
        if is_it(&spans[newest as usize]) {
            return Some(newest);
        }
        // Only after a span was renamed, or two names share a hash.
        spans.iter().rposition(is_it).map(|n| n as u32)
    }

    /// The newest open span of a kind with that name.
    pub(super) fn open_named_span(&self, spans: &[Span], kind: SpanKind, name: &str) -> Option<u32> {
        self.open_names.newest(hash(kind as u8, name), |n| {
            let span = &spans[n as usize];
            span.kind == kind && span.name.as_deref() == Some(name)
        })
    }

    /// The newest open span of a kind with that id.
    pub(super) fn open_span_with_id(&self, spans: &[Span], kind: SpanKind, id: &str) -> Option<u32> {
        let key = hash(kind as u8, id);
        let newest = self.span_ids.newest.get(&key).copied();
        let is_it = |n: u32| spans[n as usize].is_open() && has_id(&spans[n as usize], kind, id);
        newest.filter(|n| is_it(*n)).or_else(|| self.covered.newest(key, is_it))
    }

    /// The same when the newest span with that id is known, which the open one is nearly always.
    pub(super) fn open_span_of(&self, spans: &[Span], kind: SpanKind, id: &str, newest: Option<u32>) -> Option<u32> {
        let covered = || if self.covered.0.is_empty() { None } else { self.open_span_with_id(spans, kind, id) };
        newest.filter(|n| spans[*n as usize].is_open()).or_else(covered)
    }

    /// The newest span of the kind and id of one that is open, which nearly always is that one.
    pub(super) fn newest_of_open(&self, spans: &[Span], number: u32) -> Option<u32> {
        let span = &spans[number as usize];
        match span.id.as_deref()? {
            _ if self.covered.0.is_empty() && self.absent.is_none() => Some(number),
            id => self.span(spans, span.kind, id),
        }
    }

    /// The newest open span of a kind.
    pub(super) fn open_span(&self, kind: SpanKind) -> Option<u32> {
        self.open_spans.newest[kind as usize]
    }

    /// Every open span, in the order in which they opened.
    pub(super) fn all_open_spans(&self) -> BTreeSet<u32> {
        SpanKind::ALL.iter().flat_map(|kind| self.open_spans.of(*kind)).collect()
    }

    pub(super) fn add_marker(&mut self, marker: &Marker) {
        let number = self.marker_ids.older.len() as u32;
        self.marker_ids.push(Some(hash(marker.kind as u8, &marker.id)));
        if marker.is_open() {
            self.open_markers[marker.kind as usize].insert(number);
        }
    }

    pub(super) fn close_marker(&mut self, number: u32, kind: MarkerKind) {
        self.open_markers[kind as usize].remove(&number);
    }

    /// The newest marker of a kind with an id. While one of them is open it is the newest one.
    pub(super) fn marker(&self, markers: &[Marker], kind: MarkerKind, id: &str) -> Option<u32> {
        self.marker_ids.find(hash(kind as u8, id), |n| {
            let marker = &markers[n as usize];
            marker.kind == kind && marker.id == id
        })
    }

    /// Notes that it matters whether there is a marker among those that are not at hand.
    pub(super) fn ask_absent_marker(&self) {
        if let Some(absent) = &self.absent {
            absent.ask_marker();
        }
    }

    /// The open markers of a kind.
    pub(super) fn open_markers(&self, kind: MarkerKind) -> &BTreeSet<u32> {
        &self.open_markers[kind as usize]
    }

    /// Adds an interval between heartbeats, and takes another one away.
    pub(super) fn replace_interval(&mut self, old: Option<i64>, new: i64) {
        if let Some(at) = old.and_then(|old| self.intervals.binary_search(&old).ok()) {
            self.intervals.remove(at);
        }
        self.intervals.insert(self.intervals.partition_point(|interval| *interval < new), new);
    }

    /// The lower of the two middle intervals; 0 without any.
    pub(super) fn middle_interval(&self) -> i64 {
        self.intervals.get(self.intervals.len().saturating_sub(1) / 2).copied().unwrap_or(0)
    }

    pub(super) fn add_artifact(&mut self, path: &str) {
        self.artifact_paths.push(Some(hash(0, path)));
    }

    pub(super) fn artifact(&self, artifacts: &[Artifact], path: &str) -> Option<u32> {
        self.artifact_paths.find(hash(0, path), |n| artifacts[n as usize].path == path)
    }
}

#[cfg(test)]
mod tests;
