//! What a page shows of the lists of one run, however long they are.

use rusqlite::{Connection, OptionalExtension};

use crate::reducer::digest::{PIECE, STRETCH};
use crate::reducer::excerpt::{Asked, Excerpt, Source};
use crate::reducer::marker::Marker;
use crate::reducer::run::RunState;
use crate::reducer::span::Artifact;
use crate::store::columns::{self, count};
use crate::store::{digest_rows, span_rows};

/// Artifacts that are read, the newest.
const ARTIFACTS: u32 = 1000;

/// The lists of a run as a page shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// Of the spans those that are shown, and what is true of all.
    pub spans: Excerpt,
    /// All of them.
    pub markers: Vec<Marker>,
    /// The newest.
    pub artifacts: Vec<Artifact>,
    /// How many artifacts are before these.
    pub earlier_artifacts: u64,
}

impl Shown {
    /// Of a state with all entries of its lists.
    #[must_use]
    pub fn of(state: &RunState, asked: &Asked) -> Self {
        let first = state.artifacts.len().saturating_sub(ARTIFACTS as usize);
        Self {
            spans: Excerpt::of(&state.spans, asked),
            markers: state.markers.clone(),
            artifacts: state.artifacts[first..].to_vec(),
            earlier_artifacts: first as u64,
        }
    }
}

/// Reads few of the spans: those that digests name, the open ones, and the last ones.
pub(super) fn read(connection: &Connection, number: u32, asked: &Asked) -> rusqlite::Result<Option<Shown>> {
    let lengths = "SELECT base, run.artifacts FROM run JOIN log USING (number) WHERE number = ?";
    let lengths = connection.prepare_cached(lengths)?.query_row([number], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((base, artifacts)) = lengths.optional()? else { return Ok(None) };
    let digests = digest_rows::read(connection, number)?;
    let end = u32::try_from(digests.len()).unwrap_or(u32::MAX).saturating_mul(STRETCH);
    let source = Source {
        digests: &digests,
        open: span_rows::read_open(connection, number, base, end)?,
        rest: span_rows::read_in(connection, number, base, end..=u32::MAX)?,
    };
    let spans = Excerpt::read(source, asked, |piece| {
        span_rows::read_in(connection, number, base, piece * PIECE..=piece * PIECE + PIECE - 1)
    })?;
    let earlier_artifacts = count(artifacts).saturating_sub(u64::from(ARTIFACTS));
    let first = u32::try_from(earlier_artifacts).unwrap_or(u32::MAX);
    Ok(Some(Shown {
        spans,
        markers: columns::read_markers(connection, number, true)?,
        artifacts: columns::artifacts_in(connection, number, first..=u32::MAX)?,
        earlier_artifacts,
    }))
}
