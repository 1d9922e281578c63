//! What a page shows of the lists of one run, however long they are.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension};

use crate::reducer::digest::{Digest, PIECE, STRETCH};
use crate::reducer::excerpt::{Asked, Excerpt, Source};
use crate::reducer::marker::{Marker, MarkerKind};
use crate::reducer::run::RunState;
use crate::reducer::span::{Artifact, Span, SpanKind};
use crate::store::columns::{self, HANDOFFS, NEWEST_MARKERS, count};
use crate::store::history::{self, Part};
use crate::store::row::RunRecord;
use crate::store::{digest_rows, span_rows};

/// Artifacts that are read, the newest.
const ARTIFACTS: u32 = 1000;

/// The lists of a run as a page shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Of the spans those that are shown, and what is true of all.
    pub spans: Excerpt,
    /// Those that are open, the newest of the others, and of the handoffs further ones.
    pub markers: Vec<Marker>,
    /// How many markers are left out.
    pub earlier_markers: u64,
    /// The newest.
    pub artifacts: Vec<Artifact>,
    /// How many artifacts are before these.
    pub earlier_artifacts: u64,
}

impl Shown {
    /// Of a state with all entries of its lists.
    #[must_use]
    pub fn of(state: &RunState, asked: &Asked) -> Self {
        Self::with(Excerpt::of(&state.spans, asked), state, 0)
    }

    /// Of a state with all artifacts, and with all markers or without so many that are not shown.
    fn with(spans: Excerpt, state: &RunState, absent_markers: u64) -> Self {
        let first = state.artifacts.len().saturating_sub(ARTIFACTS as usize);
        let (before, newest) = state.markers.split_at(state.markers.len().saturating_sub(NEWEST_MARKERS as usize));
        let is_handed = |marker: &&Marker| marker.kind == MarkerKind::Handoff && !marker.is_open();
        let mut left_out = before.iter().filter(is_handed).count().saturating_sub(HANDOFFS);
        let mut is_shown = |marker: &&Marker| {
            let is_old = is_handed(marker) && left_out > 0;
            left_out -= usize::from(is_old);
            marker.is_open() || is_handed(marker) && !is_old
        };
        let markers: Vec<Marker> = before.iter().filter(|marker| is_shown(marker)).chain(newest).cloned().collect();
        Self {
            spans,
            earlier_markers: (state.markers.len() - markers.len()) as u64 + absent_markers,
            markers,
            artifacts: state.artifacts[first..].to_vec(),
            earlier_artifacts: first as u64,
        }
    }
}

/// The same of a state of the past that has few of its spans and markers: what digests say of today, and of stretches that changed
/// since anew.
pub(super) fn read_then(
    connection: &Connection,
    record: &RunRecord,
    part: &Part,
    asked: &Asked,
) -> rusqlite::Result<Option<Shown>> {
    let (state, number, all_from) = (&*record.state, record.number, part.all_from());
    let Some(changed) = history::changed_since(connection, &record.key, part, &state.spans)? else { return Ok(None) };
    let (some, all) = part.split(&state.spans);
    let then = |places: RangeInclusive<u32>| changed.spans(connection, part, places);
    let mut digests = digest_rows::read(connection, number, all_from / STRETCH)?;
    let mut touched: Vec<u32> = changed.then.keys().map(|place| place / STRETCH).collect();
    touched.dedup();
    for n in touched {
        if let Some(digest) = digests.get_mut(n as usize) {
            *digest = Digest::of(&then(n * STRETCH..=n * STRETCH + (STRETCH - 1))?);
        }
    }
    let whole = all.chunks_exact(STRETCH as usize);
    let rest = whole.remainder();
    digests.extend(whole.map(Digest::of));
    let known = some.chain((all_from..).zip(&all[..all.len() - rest.len()]));
    let open = known.filter(|(_, span)| span.is_open()).map(|(place, span)| (place, span.clone())).collect();
    let source = Source { digests: &digests, open, rest: rest.to_vec() };
    let spans = Excerpt::read(source, asked, |piece| {
        let first = piece * PIECE;
        match first.checked_sub(all_from) {
            Some(at) => Ok(all.iter().skip(at as usize).take(PIECE as usize).cloned().collect()),
            None => then(first..=first + (PIECE - 1)),
        }
    })?;
    Ok(Some(Shown::with(spans, state, part.absent_markers())))
}

/// The phases of a run and its open spans, in their order: of whole stretches no others are read.
pub(super) fn phases_and_open(connection: &Connection, number: u32, base: i64) -> rusqlite::Result<Vec<Span>> {
    let end = digest_rows::count(connection, number)?.saturating_mul(STRETCH);
    let mut found: BTreeMap<u32, Span> = span_rows::read_open(connection, number, base, end)?.into_iter().collect();
    let is_wanted = |(_, span): &(u32, Span)| span.kind == SpanKind::Phase || span.is_open();
    for piece in digest_rows::phase_pieces(connection, number)? {
        let first = piece * PIECE;
        let spans = span_rows::read_in(connection, number, base, first..=first + (PIECE - 1))?;
        found.extend((first..).zip(spans).filter(is_wanted));
    }
    let rest = span_rows::read_in(connection, number, base, end..=u32::MAX)?;
    found.extend((end..).zip(rest).filter(is_wanted));
    Ok(found.into_values().collect())
}

/// Reads few of the spans: those that digests name, the open ones, and the last ones.
pub(super) fn read(connection: &Connection, number: u32, asked: &Asked) -> rusqlite::Result<Option<Shown>> {
    let lengths = "SELECT base, markers, run.artifacts FROM run JOIN log USING (number) WHERE number = ?";
    let mut lengths = connection.prepare_cached(lengths)?;
    let lengths = lengths.query_row([number], |row| Ok((row.get(0)?, count(row.get(1)?), count(row.get(2)?))));
    let Some((base, all_markers, artifacts)) = lengths.optional()? else { return Ok(None) };
    let digests = digest_rows::read(connection, number, u32::MAX)?;
    let end = u32::try_from(digests.len()).unwrap_or(u32::MAX).saturating_mul(STRETCH);
    let source = Source {
        digests: &digests,
        open: span_rows::read_open(connection, number, base, end)?,
        rest: span_rows::read_in(connection, number, base, end..=u32::MAX)?,
    };
    let spans = Excerpt::read(source, asked, |piece| {
        span_rows::read_in(connection, number, base, piece * PIECE..=piece * PIECE + PIECE - 1)
    })?;
    let first = u32::try_from(artifacts.saturating_sub(u64::from(ARTIFACTS))).unwrap_or(u32::MAX);
    let markers = columns::shown_markers(connection, number, u32::try_from(all_markers).unwrap_or(u32::MAX), 0)?;
    let markers: Vec<Marker> = markers.into_iter().map(|(_, marker)| marker).collect();
    Ok(Some(Shown {
        spans,
        earlier_markers: all_markers.saturating_sub(markers.len() as u64),
        markers,
        artifacts: columns::artifacts_in(connection, number, first..=u32::MAX)?,
        earlier_artifacts: u64::from(first),
    }))
}
