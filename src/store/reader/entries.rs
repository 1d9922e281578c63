//! Entries of the lists of one run, a page at a time, however long they are (spec 5.4 T72).

use std::ops::RangeInclusive;

use rusqlite::Connection;

use super::PAGE_BYTES;
use crate::reducer::event::ErrorText;
use crate::reducer::marker::Marker;
use crate::reducer::run::RunState;
use crate::reducer::span::{Artifact, More, Span};
use crate::store::columns::{self, count};
use crate::store::history::{self, Part};
use crate::store::span_rows;

/// Which entries of a list: at most so many of those behind so many. By default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cut {
    pub after: u64,
    pub limit: u32,
}

/// Which entries of each list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Cuts {
    pub spans: Cut,
    pub markers: Cut,
    pub artifacts: Cut,
}

/// Some entries of a list, in the order in which they opened or were first named.
#[derive(Clone, Debug, PartialEq)]
pub struct Few<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// How many the list has.
    pub total: u64,
    /// [`Cut::after`] to go on with; `None` when these are the last.
    pub next: Option<u64>,
}

/// Some entries of the lists of a run.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Entries {
    pub spans: Few<Span>,
    pub markers: Few<Marker>,
    pub artifacts: Few<Artifact>,
}

/// So many entries are read at once, so that not many long ones are read that are not given.
const PIECE: u64 = 64;

/// An entry of a list that may quote a log at any length.
trait Quoting {
    /// About how many bytes it quotes.
    fn bytes(&self) -> usize;
}

fn bytes_of<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> usize {
    texts.into_iter().flatten().map(str::len).sum()
}

impl Quoting for Span {
    fn bytes(&self) -> usize {
        let More { skill, agent, model, repo, error, .. } = &*self.more;
        let texts = [&self.id, &self.parent, &self.name, skill, agent, model, repo];
        let error = error
            .iter()
            .map(|ErrorText { message, kind, stack }| bytes_of([message, kind, stack].map(Option::as_deref)));
        bytes_of(texts.map(Option::as_deref)) + error.sum::<usize>()
    }
}

impl Quoting for Marker {
    fn bytes(&self) -> usize {
        let texts = [&self.reason, &self.span, &self.repo, &self.integration, &self.action, &self.risk];
        let further = [Some(self.id.as_str()), self.params.as_deref(), self.resolution.as_deref()];
        bytes_of(texts.map(Option::as_deref)) + bytes_of(further)
    }
}

impl Quoting for Artifact {
    fn bytes(&self) -> usize {
        bytes_of([Some(self.path.as_str()), self.media_type.as_deref(), self.step.as_deref()])
    }
}

impl Cut {
    /// The entries of a list of so many, until they are [`PAGE_BYTES`] long; `read` gives those at some places.
    fn of<T: Quoting, E>(
        self,
        total: u64,
        mut read: impl FnMut(RangeInclusive<u32>) -> Result<Vec<T>, E>,
    ) -> Result<Few<T>, E> {
        let mut end = total.min(self.after.saturating_add(u64::from(self.limit)));
        let (mut entries, mut bytes, mut place) = (Vec::new(), 0, self.after);
        while place < end {
            let last = end.min(place.saturating_add(PIECE)) - 1;
            let (Ok(from), Ok(to)) = (u32::try_from(place), u32::try_from(last)) else { break };
            for (entry, at) in read(from..=to)?.into_iter().zip(place..) {
                if bytes >= PAGE_BYTES {
                    end = at;
                    break;
                }
                bytes += entry.bytes();
                entries.push(entry);
            }
            place = last + 1;
        }
        let next = Some(end).filter(|end| *end < total && !entries.is_empty());
        Ok(Few { entries, total, next })
    }

    fn of_list<T: Clone + Quoting>(self, list: &[T]) -> Few<T> {
        let few = self.of(list.len() as u64, |places| {
            Ok::<_, std::convert::Infallible>(list[*places.start() as usize..=*places.end() as usize].to_vec())
        });
        few.unwrap_or_else(|never| match never {})
    }
}

impl Entries {
    /// Of a state with all entries of its lists.
    #[must_use]
    pub fn of(state: &RunState, cuts: &Cuts) -> Self {
        Self {
            spans: cuts.spans.of_list(&state.spans),
            markers: cuts.markers.of_list(&state.markers),
            artifacts: cuts.artifacts.of_list(&state.artifacts),
        }
    }
}

/// Reads no other entries than those.
pub(super) fn read(connection: &Connection, number: u32, cuts: &Cuts) -> rusqlite::Result<Entries> {
    let lengths = "SELECT base, spans, markers, run.artifacts FROM run JOIN log USING (number) WHERE number = ?";
    let (base, [spans, markers, artifacts]) = connection
        .prepare_cached(lengths)?
        .query_row([number], |row| Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?])))?;
    Ok(Entries {
        spans: cuts.spans.of(count(spans), |places| span_rows::read_in(connection, number, base, places))?,
        markers: cuts.markers.of(count(markers), |places| columns::markers_in(connection, number, places))?,
        artifacts: cuts.artifacts.of(count(artifacts), |places| columns::artifacts_in(connection, number, places))?,
    })
}

/// The same of a state of the past that has few of its spans; `None` when the run was replaced.
pub(super) fn read_then(
    connection: &Connection,
    key: &str,
    state: &RunState,
    part: &Part,
    cuts: &Cuts,
) -> rusqlite::Result<Option<Entries>> {
    let Some(changed) = history::changed_since(connection, key, part, &state.spans)? else { return Ok(None) };
    let (all_from, (_, all)) = (part.all_from(), part.split(&state.spans));
    let spans = cuts.spans.of(u64::from(all_from) + all.len() as u64, |places| {
        let (from, to) = (*places.start(), *places.end());
        let mut spans = Vec::new();
        if from < all_from {
            spans = changed.spans(connection, part, from..=to.min(all_from - 1))?;
        }
        let at_hand = from.saturating_sub(all_from)..(to + 1).saturating_sub(all_from);
        spans.extend_from_slice(&all[at_hand.start as usize..at_hand.end as usize]);
        Ok::<_, rusqlite::Error>(spans)
    })?;
    let (markers, artifacts) = (cuts.markers.of_list(&state.markers), cuts.artifacts.of_list(&state.artifacts));
    Ok(Some(Entries { spans, markers, artifacts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: String) -> Artifact {
        Artifact { path, media_type: None, attempt: None, step: None, line: 1 }
    }

    #[test]
    fn a_page_ends_early_behind_long_entries_and_goes_on_there() {
        let list: Vec<Artifact> = (0..200).map(|n| artifact(n.to_string().repeat(PAGE_BYTES / 8))).collect();
        let (mut cut, mut found, mut read, mut pages) = (Cut { after: 0, limit: 150 }, Vec::new(), 0, 0);
        loop {
            let page = cut.of(200, |places| {
                read += places.clone().count();
                Ok::<_, ()>(list[*places.start() as usize..=*places.end() as usize].to_vec())
            });
            let page = page.unwrap();
            let before_last = page.entries.split_last().map_or(0, |(_, rest)| rest.iter().map(Quoting::bytes).sum());
            assert!(before_last < PAGE_BYTES, "{cut:?}");
            assert!(page.entries.len() <= 9 && page.total == 200, "{cut:?}");
            found.extend(page.entries);
            pages += 1;
            let Some(next) = page.next else { break };
            cut.after = next;
        }
        assert_eq!(found, list);
        assert!(read <= pages * PIECE as usize, "{read} were read for {pages} pages");
    }

    #[test]
    fn every_text_of_an_entry_counts() {
        let error = ErrorText { message: Some("four".into()), kind: Some("four".into()), stack: Some("four".into()) };
        let mut span = crate::reducer::verdict::world::span(crate::reducer::span::SpanKind::Step, "four", 1);
        span.more.to_mut().error = Some(error);
        span.name = Some("four".into());
        assert_eq!(span.bytes(), 20);
        let mut marker =
            crate::reducer::verdict::world::marker(crate::reducer::marker::MarkerKind::Approval, "four", 1);
        marker.params = Some("four".into());
        marker.reason = Some("four".into());
        assert_eq!(marker.bytes(), 12);
        assert_eq!(artifact("four".into()).bytes(), 4);
    }
}
