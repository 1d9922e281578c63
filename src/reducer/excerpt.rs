//! [`Excerpt`]: of very many spans those that a page shows, and what it says about all of them.
//!
//! Few of them are read: digests say where they are. It must never know where from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use compact_str::CompactString;

use super::digest::{self, Digest, Durations, First, KINDS, LEVELS, PIECE, STRETCH, Unit, bar, is_timed, level};
use super::span::{Span, SpanKind};
use super::time::Micros;

/// At most so many rows of a picture; the coarser kinds come first, then the open ones, then the longest.
pub const ROWS: usize = 150;
/// Errors, the newest.
pub const ERRORS: usize = 20;
/// So many of each kind, the newest, by the place of the kind in [`SpanKind::ALL`].
const NEWEST: [usize; KINDS] = [64, 64, 64, 100, 200, 100, 0];
/// From so many spans of a kind on, one can be slow beside them.
const ENOUGH: u64 = 5;

/// A stretch of a run that is looked at: milliseconds from its beginning, or its line numbers where it has no times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

/// What is looked at, and when.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// `None` is the whole run.
    pub window: Option<Window>,
    /// Where open spans end.
    pub now: Micros,
    /// The same by lines: how many there are.
    pub lines: u64,
}

/// Where spans come from: digests of the first ones, stretch by stretch, those of them that are open, and the rest.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Source<'a> {
    pub digests: &'a [Digest],
    /// With their places.
    pub open: Vec<(u32, Span)>,
    pub rest: Vec<Span>,
}

/// Spans of a run that a page shows, and what is true of all of them.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Excerpt {
    /// The open ones, the newest of each kind, those with the newest errors, and the rows of the picture; in the order in
    /// which they opened.
    pub spans: Vec<Span>,
    /// How many there are, by the place of the kind in [`SpanKind::ALL`].
    pub kinds: [u64; KINDS],
    /// How many have an error.
    pub errors: u64,
    /// How many touch the window; all without one.
    pub within: u64,
    pub unit: Unit,
    /// Where open ones end, in the unit.
    pub last: i64,
    /// Where anything happened, as far as the gaps between can matter.
    pub busy: Vec<(i64, i64)>,
    /// The middle duration of each kind that has enough of them.
    pub medians: [Option<i64>; KINDS],
    /// Repositories that they name.
    pub repos: Vec<CompactString>,
}

impl Window {
    /// `FROM-TO`, as it stands in addresses.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| -> Option<i64> {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let (from, to) = text.split_once('-')?;
        let (from, to) = (number(from)?, number(to)?);
        (from < to).then_some(Self { from, to })
    }

    /// Its ends on the scale of a run that reaches from `zero` to `end`; never empty, and never outside the run alone.
    #[must_use]
    pub fn on(self, unit: Unit, zero: i64, end: i64) -> (i64, i64) {
        let (from, to) = match unit {
            Unit::Line => (self.from, self.to),
            Unit::Time => {
                let place = |ms: i64| zero.saturating_add(ms.saturating_mul(1000));
                (place(self.from), place(self.to))
            }
        };
        let from = from.clamp(zero, end.saturating_sub(1).max(zero));
        (from, to.clamp(from.saturating_add(1), end.max(from.saturating_add(1))))
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

/// Whether a bar is in a stretch; what has no place is only in the whole.
#[must_use]
pub fn touches(bar: Option<(i64, i64)>, within: Option<(i64, i64)>) -> bool {
    within.is_none_or(|within| bar.is_some_and(|(from, to)| from <= within.1 && to >= within.0))
}

/// How long a bar is within a stretch; what has no place is shorter than anything.
#[must_use]
pub fn length(bar: Option<(i64, i64)>, within: Option<(i64, i64)>) -> i64 {
    let within = within.unwrap_or((i64::MIN, i64::MAX));
    bar.map_or(-1, |(from, to)| to.min(within.1).saturating_sub(from.max(within.0)))
}

impl Excerpt {
    /// Of spans that are all at hand.
    #[must_use]
    pub fn of(spans: &[Span], asked: &Asked) -> Self {
        let whole = spans.chunks_exact(STRETCH as usize);
        let rest = whole.remainder().to_vec();
        let digests: Vec<Digest> = whole.map(Digest::of).collect();
        let open = (0..).zip(&spans[..spans.len() - rest.len()]).filter(|(_, span)| span.is_open());
        let open = open.map(|(place, span)| (place, span.clone())).collect();
        let piece = |n: u32| {
            let piece = spans.chunks(PIECE as usize).nth(n as usize).unwrap_or_default();
            Ok::<_, std::convert::Infallible>(piece.to_vec())
        };
        Self::read(Source { digests: &digests, open, rest }, asked, piece).unwrap_or_else(|never| match never {})
    }

    /// Of spans of which `piece` reads the n-th so many ([`PIECE`]).
    ///
    /// # Errors
    /// What `piece` said.
    pub fn read<E>(
        source: Source<'_>,
        asked: &Asked,
        piece: impl FnMut(u32) -> Result<Vec<Span>, E>,
    ) -> Result<Self, E> {
        let mut reading = Reading { digests: source.digests, pieces: HashMap::new(), piece };
        let mut found = Self::default();
        let loose: Vec<&Span> = source.open.iter().map(|(_, span)| span).chain(&source.rest).collect();
        let timed = source.digests.iter().any(|digest| digest.timed) || loose.iter().any(|span| is_timed(span));
        found.unit = if timed { Unit::Time } else { Unit::Line };
        found.last = match found.unit {
            Unit::Time => asked.now.0,
            Unit::Line => i64::try_from(asked.lines).unwrap_or(i64::MAX).max(1),
        };
        found.count(source.digests, &source.rest);
        let bars: Vec<_> = loose.iter().map(|span| bar(span, found.unit, found.last)).collect();
        let within = found.within(source.digests, &bars, asked.window);
        let parts = found.cover(&mut reading, &bars, within)?;

        // The rows of the picture, level by level, as long as there is room. What is at hand takes its room first.
        let mut room = ROWS;
        let mut places = Vec::new();
        for at in 0..LEVELS {
            let on_level = |spans: &[&Span]| {
                spans.iter().zip(&bars).filter(|(span, bar)| level(span.kind) == at && touches(**bar, within)).count()
            };
            let lists =
                parts.iter().map(|(n, part)| (*n, part.list(&source.digests[*n as usize], at, within))).collect();
            let open = on_level(&loose[..source.open.len()]);
            let chosen = reading
                .first(lists, room.saturating_sub(open), |spans| longest(spans, found.unit, within).swap_remove(at))?;
            room = room.saturating_sub(on_level(&loose) + chosen.len());
            places.extend(chosen);
        }
        let lists = (0..).zip(source.digests).map(|(n, digest)| (n, digest.errors.clone())).collect();
        places.extend(reading.first(lists, ERRORS, |spans| First::all(digest::errors(spans)))?);

        let mut chosen: BTreeMap<u32, Span> = source.open.into_iter().collect();
        reading.newest(&source.rest, &mut chosen)?;
        for place in places {
            let read = reading.read(place / PIECE)?;
            chosen.extend(read.get((place % PIECE) as usize).map(|span| (place, span.clone())));
        }
        found.spans = chosen.into_values().chain(source.rest).collect();
        Ok(found)
    }

    /// How many spans there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.iter().sum()
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn of_kind(&self, kind: SpanKind) -> u64 {
        self.kinds[kind as usize]
    }

    fn count(&mut self, digests: &[Digest], rest: &[Span]) {
        let mut durations: [Durations; KINDS] = Default::default();
        let of_digests = |kind: usize| digests.iter().map(move |digest| &digest.kinds[kind].durations);
        for digest in digests {
            for (kind, of_kind) in digest.kinds.iter().enumerate() {
                self.kinds[kind] += u64::from(of_kind.spans);
            }
            self.errors += u64::from(digest.errors.spans);
            self.repos.extend(digest.repos.iter().cloned());
        }
        for span in rest {
            self.kinds[span.kind as usize] += 1;
            durations[span.kind as usize].add(span.duration_ms);
            self.errors += u64::from(span.more.error.is_some());
            self.repos.extend(span.more.repo.clone());
        }
        self.repos.sort_unstable();
        self.repos.dedup();
        self.medians = std::array::from_fn(|kind| {
            let all: Vec<&Durations> = of_digests(kind).chain([&durations[kind]]).collect();
            Durations::median(&all, ENOUGH)
        });
    }

    /// The window on the scale of these spans.
    fn within(&self, digests: &[Digest], bars: &[Option<(i64, i64)>], window: Option<Window>) -> Option<(i64, i64)> {
        let ends = digests.iter().filter(|digest| self.is_of_unit(digest)).filter_map(|digest| digest.ends);
        let all = ends.chain(bars.iter().flatten().copied());
        let (zero, end) = all.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))?;
        window.map(|window| window.on(self.unit, zero, end.max(zero.saturating_add(1))))
    }

    fn is_of_unit(&self, digest: &Digest) -> bool {
        digest.timed == (self.unit == Unit::Time)
    }

    /// Finds out what of each stretch is in the window, how much that is, and where anything happened.
    fn cover<E>(
        &mut self,
        reading: &mut Reading<'_, impl FnMut(u32) -> Result<Vec<Span>, E>>,
        bars: &[Option<(i64, i64)>],
        within: Option<(i64, i64)>,
    ) -> Result<Vec<(u32, Part)>, E> {
        self.within = bars.iter().filter(|bar| touches(**bar, within)).count() as u64;
        self.busy = bars.iter().flatten().copied().collect();
        let mut parts = Vec::new();
        for (n, digest) in (0..).zip(reading.digests) {
            let ends = digest.ends.filter(|_| self.is_of_unit(digest));
            let is_inside = |edge: (i64, i64)| ends.is_some_and(|(from, to)| from >= edge.0 && to <= edge.1);
            match within {
                None => {
                    self.within += digest.closed();
                    parts.push((n, if ends.is_some() { Part::All } else { Part::Placeless }));
                }
                Some(_) if !touches(ends, within) => {}
                Some(edge) if is_inside(edge) => {
                    self.within += digest.closed() - u64::from(digest.placeless);
                    parts.push((n, Part::All));
                }
                Some(_) => {
                    let spans = reading.stretch(n)?;
                    let closed = spans.iter().filter(|span| !span.is_open());
                    let closed: Vec<_> = closed.filter_map(|span| bar(span, self.unit, self.last)).collect();
                    self.within += closed.iter().filter(|bar| touches(Some(**bar), within)).count() as u64;
                    self.busy.extend(closed);
                    parts.push((n, Part::Some(longest(&spans, self.unit, within))));
                    continue;
                }
            }
            if ends.is_some() {
                self.busy.extend(digest.busy());
            }
        }
        Ok(parts)
    }
}

/// What of a stretch is in the window.
enum Part {
    /// All of it that has a place.
    All,
    /// All of it, and nothing has a place.
    Placeless,
    /// These, by level.
    Some(Vec<First>),
}

impl Part {
    fn list(&self, digest: &Digest, level: usize, within: Option<(i64, i64)>) -> First {
        let mut list = digest.longest[level].clone();
        match self {
            Part::All => {
                list.first.retain(|(score, _)| within.is_none() || *score >= 0);
                list
            }
            Part::Placeless => {
                list.first.iter_mut().for_each(|(score, _)| *score = -1);
                list
            }
            Part::Some(levels) => levels[level].clone(),
        }
    }
}

/// The closed spans of a stretch that touch the window, by level.
fn longest(spans: &[Span], unit: Unit, within: Option<(i64, i64)>) -> Vec<First> {
    let mut levels = vec![Vec::new(); LEVELS];
    for (place, span) in (0_u16..).zip(spans).filter(|(_, span)| !span.is_open()) {
        let bar = bar(span, unit, 0);
        if touches(bar, within) {
            levels[level(span.kind)].push((length(bar, within), place));
        }
    }
    levels.into_iter().map(First::all).collect()
}

/// Pieces that were read, each once.
struct Reading<'a, F> {
    digests: &'a [Digest],
    pieces: HashMap<u32, Vec<Span>>,
    piece: F,
}

impl<E, F: FnMut(u32) -> Result<Vec<Span>, E>> Reading<'_, F> {
    fn read(&mut self, n: u32) -> Result<&[Span], E> {
        if !self.pieces.contains_key(&n) {
            self.pieces.insert(n, (self.piece)(n)?);
        }
        Ok(self.pieces.get(&n).map_or(&[], Vec::as_slice))
    }

    fn stretch(&mut self, n: u32) -> Result<Vec<Span>, E> {
        let mut spans = Vec::with_capacity(STRETCH as usize);
        for piece in n * u64::BITS..(n + 1) * u64::BITS {
            spans.extend_from_slice(self.read(piece)?);
        }
        Ok(spans)
    }

    /// The places of the first so many of all lists; of a stretch of which more could be among them, `whole` makes the
    /// whole list.
    fn first(
        &mut self,
        mut lists: Vec<(u32, First)>,
        most: usize,
        whole: impl Fn(&[Span]) -> First,
    ) -> Result<Vec<u32>, E> {
        loop {
            let places = lists.iter().enumerate().flat_map(|(list, (n, first))| {
                first.first.iter().map(move |(score, place)| (Reverse(*score), n * STRETCH + u32::from(*place), list))
            });
            let mut places: Vec<(Reverse<i64>, u32, usize)> = places.collect();
            places.sort_unstable();
            places.truncate(most);
            let mut taken = vec![0; lists.len()];
            for (_, _, list) in &places {
                taken[*list] += 1;
            }
            let may_have_more = |(list, (_, first)): &(usize, &(u32, First))| {
                taken[*list] > 0 && taken[*list] == first.first.len() && first.first.len() < first.spans as usize
            };
            let short: Vec<usize> = lists.iter().enumerate().filter(may_have_more).map(|(list, _)| list).collect();
            if short.is_empty() {
                return Ok(places.into_iter().map(|(_, place, _)| place).collect());
            }
            for list in short {
                lists[list].1 = whole(&self.stretch(lists[list].0)?);
            }
        }
    }

    /// Adds the newest of each kind, as far as `rest` does not have them.
    fn newest(&mut self, rest: &[Span], chosen: &mut BTreeMap<u32, Span>) -> Result<(), E> {
        let mut wanted = NEWEST;
        for span in rest {
            wanted[span.kind as usize] = wanted[span.kind as usize].saturating_sub(1);
        }
        for n in (0..self.digests.len()).rev() {
            let digest = &self.digests[n];
            for bit in (0..u64::BITS).rev() {
                let is_there = |kind: &usize| wanted[*kind] > 0 && digest.kinds[*kind].pieces >> bit & 1 == 1;
                if !(0..KINDS).any(|kind| is_there(&kind)) {
                    continue;
                }
                let piece = u32::try_from(n).unwrap_or(u32::MAX) * u64::BITS + bit;
                let had = wanted;
                for (place, span) in (piece * PIECE..).zip(self.read(piece)?) {
                    if had[span.kind as usize] > 0 {
                        wanted[span.kind as usize] = wanted[span.kind as usize].saturating_sub(1);
                        chosen.insert(place, span.clone());
                    }
                }
                if wanted == [0; KINDS] {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
