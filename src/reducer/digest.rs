//! [`Digest`]: what has to be known of a stretch of very many spans so that a page reads only those that it shows.
//!
//! It must never know where spans are stored.

use std::cmp::Reverse;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::span::{Span, SpanKind};

/// Spans of one digest; they follow one another.
pub const STRETCH: u32 = 1024;
/// Spans that are read at once, a *piece*; a stretch has as many as a `u64` has bits.
pub const PIECE: u32 = STRETCH / u64::BITS;

/// How many kinds of spans there are.
pub const KINDS: usize = SpanKind::ALL.len();
/// How many levels kinds have on a picture: phases, candidates, attempts, and all finer ones.
pub const LEVELS: usize = 4;

/// How many of the first are known by place.
const FIRST: usize = 24;
/// How many stretches without work are known. Longer than an eighth of any whole are at most so many.
const GAPS: usize = 8;
/// How many repositories are known.
const REPOS: usize = 64;

/// What a picture of spans is drawn over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    #[default]
    Time,
    /// Physical lines, of a log without times.
    Line,
}

/// What spans one after the other have in common. Those that are open are only counted: where they end is of the present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Digest {
    /// By the place of the kind in [`SpanKind::ALL`].
    pub kinds: [OfKind; KINDS],
    /// Spans with an error, those with the newest line first.
    pub errors: First,
    /// Closed spans by [`level`], the longest first; those without a place on the picture are -1 long.
    pub longest: [First; LEVELS],
    /// Whether any of them has a time. Otherwise lines stand for times below.
    pub timed: bool,
    /// Closed spans without a place on the picture.
    pub placeless: u32,
    /// From the first beginning to the last end of the closed ones.
    pub ends: Option<(i64, i64)>,
    /// The longest stretches within `ends` that no closed one covers, ascending.
    pub gaps: Vec<(i64, i64)>,
    /// Repositories that they name, in the order in which they first do.
    pub repos: Vec<CompactString>,
}

/// The spans of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OfKind {
    /// How many.
    pub spans: u32,
    /// In which pieces they are: a bit each, the lowest is the first.
    pub pieces: u64,
    /// What they took.
    pub durations: Durations,
}

/// The first of some spans, by a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// How many spans there are in all.
    pub spans: u32,
    /// Score and place within the stretch: the highest scores first, equal ones by place.
    pub first: Vec<(i64, u16)>,
}

/// Durations by about how long they are: [`bucket`], how many, and their sum in milliseconds; ascending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations(Vec<(i64, u64, i64)>);

/// On which level of a picture a kind stands.
#[must_use]
pub fn level(kind: SpanKind) -> usize {
    match kind {
        SpanKind::Phase => 0,
        SpanKind::Candidate => 1,
        SpanKind::Attempt => 2,
        SpanKind::Step | SpanKind::Session | SpanKind::Tool | SpanKind::Span => LEVELS - 1,
    }
}

/// Where a span begins and ends; an open one ends at `last`, another one whose end is unknown after its duration.
#[must_use]
pub fn bar(span: &Span, unit: Unit, last: i64) -> Option<(i64, i64)> {
    let (start, end) = match unit {
        Unit::Time => {
            let start = span.started_at.or(span.ended_at)?.0;
            let took = span.duration_ms.unwrap_or(0).saturating_mul(1000);
            (start, span.ended_at.map_or_else(|| start.saturating_add(took), |end| end.0))
        }
        Unit::Line => {
            let line = |line: u64| i64::try_from(line).ok();
            let start = line(span.opened_line)?;
            (start, span.closed_line.and_then(line).unwrap_or(start))
        }
    };
    Some((start, if span.is_open() { last } else { end }.max(start)))
}

/// The line of a span's error.
#[must_use]
pub fn error_line(span: &Span) -> Option<u64> {
    span.more.error.as_ref().map(|_| span.closed_line.unwrap_or(span.opened_line))
}

/// Whether a span has a time at all.
#[must_use]
pub fn is_timed(span: &Span) -> bool {
    span.started_at.is_some() || span.ended_at.is_some()
}

impl Digest {
    /// Of the spans of a stretch.
    #[must_use]
    pub fn of(spans: &[Span]) -> Self {
        let mut digest = Self { timed: spans.iter().any(is_timed), ..Self::default() };
        let unit = if digest.timed { Unit::Time } else { Unit::Line };
        let mut bars = Vec::new();
        let mut longest: [Vec<(i64, u16)>; LEVELS] = Default::default();
        for (place, span) in (0_u16..).zip(spans) {
            let of_kind = &mut digest.kinds[span.kind as usize];
            of_kind.spans += 1;
            of_kind.pieces |= 1 << (u32::from(place) / PIECE);
            of_kind.durations.add(span.duration_ms);
            let repo =
                span.more.repo.as_ref().filter(|repo| digest.repos.len() < REPOS && !digest.repos.contains(repo));
            digest.repos.extend(repo.cloned());
            if span.is_open() {
                continue;
            }
            let bar = bar(span, unit, 0);
            longest[level(span.kind)].push((bar.map_or(-1, |(from, to)| to.saturating_sub(from)), place));
            match bar {
                Some(bar) => bars.push(bar),
                None => digest.placeless += 1,
            }
        }
        digest.errors = First::of(errors(spans));
        digest.longest = longest.map(First::of);
        bars.sort_unstable();
        let last = bars.iter().map(|bar| bar.1).max();
        digest.ends = bars.first().zip(last).map(|(first, last)| (first.0, last));
        digest.gaps = gaps(&bars);
        digest
    }

    /// Closed spans.
    #[must_use]
    pub fn closed(&self) -> u64 {
        self.longest.iter().map(|first| u64::from(first.spans)).sum()
    }

    /// Where somebody worked, as far as it can matter: what no gap interrupts.
    pub fn busy(&self) -> impl Iterator<Item = (i64, i64)> {
        self.ends.into_iter().flat_map(|(from, to)| {
            let begins = std::iter::once(from).chain(self.gaps.iter().map(|gap| gap.1));
            begins.zip(self.gaps.iter().map(|gap| gap.0).chain([to]))
        })
    }
}

/// The spans of a stretch that have an error, by its line.
pub(super) fn errors(spans: &[Span]) -> Vec<(i64, u16)> {
    let lines = (0..).zip(spans).filter_map(|(place, span)| Some((error_line(span)?, place)));
    lines.map(|(line, place)| (i64::try_from(line).unwrap_or(i64::MAX), place)).collect()
}

impl First {
    fn of(scored: Vec<(i64, u16)>) -> Self {
        let mut known = Self::all(scored);
        known.first.truncate(FIRST);
        known
    }

    /// All of them.
    pub(super) fn all(mut scored: Vec<(i64, u16)>) -> Self {
        scored.sort_unstable_by_key(|(score, place)| (Reverse(*score), *place));
        Self { spans: u32::try_from(scored.len()).unwrap_or(u32::MAX), first: scored }
    }
}

/// The longest gaps between bars, which are ascending.
fn gaps(bars: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let Some(mut reached) = bars.first().map(|bar| bar.0) else { return Vec::new() };
    let mut gaps = Vec::new();
    for (from, to) in bars {
        if *from > reached {
            gaps.push((reached, *from));
        }
        reached = reached.max(*to);
    }
    gaps.sort_unstable_by_key(|(from, to)| (Reverse(to.saturating_sub(*from)), *from));
    gaps.truncate(GAPS);
    gaps.sort_unstable();
    gaps
}

impl Durations {
    /// Counts a duration, if there is one.
    pub fn add(&mut self, millis: Option<i64>) {
        if let Some(millis) = millis {
            let bucket = bucket(millis);
            match self.0.binary_search_by_key(&bucket, |known| known.0) {
                Ok(at) => {
                    self.0[at].1 += 1;
                    self.0[at].2 = self.0[at].2.saturating_add(millis);
                }
                Err(at) => self.0.insert(at, (bucket, 1, millis)),
            }
        }
    }

    /// The middle one of all, from so many on; less than one part in 32 away from it.
    #[must_use]
    pub fn median(all: &[&Self], enough: u64) -> Option<i64> {
        // There are very many of them in a run of millions of events, and few different ones: they are not sorted.
        let mut buckets = [(0_u64, 0_i64); BUCKETS];
        for (bucket, count, sum) in all.iter().flat_map(|durations| &durations.0) {
            if let Some(known) = usize::try_from(*bucket).ok().and_then(|bucket| buckets.get_mut(bucket)) {
                *known = (known.0 + count, known.1.saturating_add(*sum));
            }
        }
        let total: u64 = buckets.iter().map(|known| known.0).sum();
        let mut before = 0;
        let middle = buckets.iter().find(|known| {
            before += known.0;
            before > total / 2
        });
        let (count, sum) = middle.filter(|_| total >= enough)?;
        Some(sum / i64::try_from(*count).unwrap_or(i64::MAX).max(1))
    }
}

/// How many numbers [`bucket`] gives.
const BUCKETS: usize = 64 + (63 - 6) * 32;

/// A number for durations of about one length: exact below 64 ms, then 32 per doubling, in the order of the durations.
#[must_use]
pub fn bucket(millis: i64) -> i64 {
    let millis = millis.max(0);
    if millis < 64 {
        return millis;
    }
    let doublings = i64::from(millis.ilog2());
    64 + (doublings - 6) * 32 + ((millis >> (doublings - 5)) & 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::span::{More, SpanStatus};
    use crate::reducer::time::Micros;
    use crate::reducer::verdict::world::span;

    /// A closed step from a second on, for so many.
    fn step(from: i64, seconds: i64) -> Span {
        let mut step = span(SpanKind::Step, "s", 7);
        (step.status, step.closed_line) = (SpanStatus::Completed, Some(9));
        step.started_at = Some(Micros(from * 1_000_000));
        step.ended_at = Some(Micros((from + seconds) * 1_000_000));
        step
    }

    #[test]
    fn a_digest_stays_small_and_keeps_the_first() {
        // After each step a pause that is longer than the one before.
        let mut from = 0;
        let steps = (0..STRETCH).map(|n| {
            from += i64::from(n) + 1;
            let repo = Some(format!("repo-{}", n / 2).into());
            Span { more: More { repo, ..More::default() }.into(), ..step(from, 1) }
        });
        let steps: Vec<Span> = steps.collect();
        let digest = Digest::of(&steps);
        let longest = &digest.longest[LEVELS - 1];
        let first: Vec<_> = (0..24).map(|place| (1_000_000, place)).collect();
        assert_eq!((longest.spans, &longest.first), (STRETCH, &first), "of equally long ones");
        let repos: Vec<_> = (0..REPOS).map(|n| format!("repo-{n}")).collect();
        assert_eq!(digest.repos, repos);
        let lengths: Vec<_> = digest.gaps.iter().map(|gap| (gap.1 - gap.0) / 1_000_000).collect();
        assert_eq!(lengths, (1016..1024).collect::<Vec<i64>>());
        assert_eq!(digest.busy().count(), GAPS + 1);
    }

    #[test]
    fn the_middle_duration_is_the_upper_one_and_needs_enough() {
        let mut durations = Durations::default();
        (1..=4).for_each(|millis| durations.add(Some(millis)));
        assert_eq!(Durations::median(&[&durations], 5), None);
        assert_eq!(Durations::median(&[&durations], 4), Some(3));
        durations.add(Some(5));
        assert_eq!(Durations::median(&[&durations], 5), Some(3));
    }

    #[test]
    fn an_error_stands_at_the_line_that_closed_its_span() {
        let mut failed = step(0, 1);
        failed.more.to_mut().error = Some(Default::default());
        assert_eq!(error_line(&failed), Some(9));
        assert_eq!(error_line(&Span { closed_line: None, ..failed }), Some(7));
        assert_eq!(error_line(&step(0, 1)), None);
    }

    #[test]
    fn what_ends_before_it_begins_is_a_point() {
        assert_eq!(bar(&step(5, -3), Unit::Time, 0), Some((5_000_000, 5_000_000)));
        assert_eq!(bar(&span(SpanKind::Step, "s", 7), Unit::Line, 3), Some((7, 7)), "open, after the last line");
    }

    #[test]
    fn buckets_keep_the_order_and_are_narrow() {
        let mut edges = vec![0_i64];
        for millis in 1..100_000 {
            let (before, here) = (bucket(millis - 1), bucket(millis));
            assert!(here == before || here == before + 1, "{millis}: {before}, {here}");
            if here != before {
                edges.push(millis);
            }
        }
        for edge in edges.windows(2) {
            assert!((edge[1] - edge[0]) * 32 <= edge[0].max(32), "{edge:?}");
        }
        assert_eq!((bucket(i64::MAX), bucket(-5)), (BUCKETS as i64 - 1, 0));
    }
}
