//! What needed a person and does no more: closed markers, approvals whose time is over, and runs that ended badly and
//! were retried or are old (spec 3.2: resolved and expired items stay findable).

use super::{Banner, Judged, Query};
use crate::reducer::marker::Marker;
use crate::reducer::run::value;
use crate::reducer::time::Micros;
use crate::store::reader::Upto;
use crate::store::{Resolved, RunRecord, StoreError};

/// How many runs are asked for at once.
const BATCH: u32 = 100;

/// One page of the history, the newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What is on it.
    pub entries: Vec<Past>,
    /// To ask for the next page with; `None` on the last.
    pub next: Option<PastPlace>,
}

/// Something that needs nobody any more.
#[derive(Clone, Debug)]
pub enum Past {
    /// A marker that was closed, or an approval that is open and expired.
    Marker(Box<Resolved>),
    /// A run that failed or timed out and left the attention list.
    Run(Box<Judged>),
}

/// Where something stands in the history: later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PastPlace {
    /// When it was over, in microseconds; -1 without a time.
    at: i64,
    kind: Kind,
    number: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Run,
    Closed,
    Expired,
}

impl PastPlace {
    /// Before everything.
    const TOP: Self = Self { at: i64::MAX, kind: Kind::Expired, number: i64::MAX };

    /// What [`std::fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (at, rest) = text.split_once('.')?;
        let (kind, number) = rest.split_once('.')?;
        let kind = [Kind::Run, Kind::Closed, Kind::Expired].into_iter().find(|one| one.letter() == kind)?;
        Some(Self { at: at.parse().ok()?, kind, number: number.parse().ok()? })
    }

    /// What of one kind comes after this place.
    fn upto(self, kind: Kind) -> Upto {
        let key = match kind.cmp(&self.kind) {
            std::cmp::Ordering::Less => i64::MAX,
            std::cmp::Ordering::Equal => self.number,
            std::cmp::Ordering::Greater => i64::MIN,
        };
        Upto { at: self.at, key }
    }
}

impl Kind {
    fn letter(self) -> &'static str {
        match self {
            Kind::Run => "r",
            Kind::Closed => "m",
            Kind::Expired => "e",
        }
    }
}

impl std::fmt::Display for PastPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.at, self.kind.letter(), self.number)
    }
}

impl Query {
    /// One page of the history: what holds `text`, if it is given, after a place.
    ///
    /// # Errors
    /// As [`Query::run`].
    pub fn history(
        &self,
        banner: &Banner,
        text: Option<&str>,
        after: Option<PastPlace>,
        limit: u32,
        now: Micros,
    ) -> Result<History, StoreError> {
        let after = after.unwrap_or(PastPlace::TOP);
        let mut found: Vec<(PastPlace, Past)> = expired(banner, text, now);
        found.retain(|(place, _)| *place < after);
        let closed = self.reader.closed_markers(after.upto(Kind::Closed), text, limit + 1)?;
        found.extend(closed.into_iter().map(|one| {
            let at = one.marker.closed_at.map_or(-1, |at| at.0);
            (PastPlace { at, kind: Kind::Closed, number: one.number }, Past::Marker(Box::new(one)))
        }));
        found.extend(self.left(text, after.upto(Kind::Run), limit as usize + 1, now)?);
        found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next = found.last().filter(|_| more).map(|(place, _)| *place);
        Ok(History { entries: found.into_iter().map(|(_, past)| past).collect(), next })
    }

    /// Bad ends that need nobody any more. Those that still do are few, so this does not go far.
    fn left(
        &self,
        text: Option<&str>,
        mut upto: Upto,
        most: usize,
        now: Micros,
    ) -> Result<Vec<(PastPlace, Past)>, StoreError> {
        let mut left = Vec::new();
        loop {
            let batch = self.reader.bad_ends(upto, text, BATCH)?;
            let last = batch.len() < BATCH as usize;
            for record in batch {
                let place = place_of(&record);
                upto = Upto { at: place.at, key: place.number };
                let judged = self.judge(record, now)?;
                if judged.attention.is_empty() {
                    left.push((place, Past::Run(Box::new(judged))));
                }
            }
            if last || left.len() >= most {
                return Ok(left);
            }
        }
    }
}

fn place_of(run: &RunRecord) -> PastPlace {
    let at = value(&run.state.run.ended_at).copied().or(run.modified).map_or(-1, |at| at.0);
    PastPlace { at, kind: Kind::Run, number: i64::from(run.number) }
}

/// Approvals of active runs that nobody answered in time.
fn expired(banner: &Banner, text: Option<&str>, now: Micros) -> Vec<(PastPlace, Past)> {
    let wanted = text.unwrap_or_default().to_lowercase();
    let of_run = |judged: &Judged, marker: &Marker| Resolved {
        number: i64::from(judged.record.number) << 32 | i64::try_from(marker.opened_line & 0xffff_ffff).unwrap_or(0),
        marker: marker.clone(),
        run: judged.record.key.clone(),
        title: judged.title().to_owned(),
        workflow: value(&judged.record.state.run.workflow).cloned(),
    };
    let is_wanted = |judged: &Judged, marker: &Marker| {
        let texts = [Some(&marker.id), marker.reason.as_ref(), marker.action.as_ref(), marker.integration.as_ref()];
        judged.mentions(&wanted) || texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
    };
    let mut found = Vec::new();
    for judged in &banner.active {
        for marker in judged.open_markers().filter(|marker| marker.is_expired(now) && is_wanted(judged, marker)) {
            let one = of_run(judged, marker);
            let at = marker.expires_at.map_or(-1, |at| at.0);
            found.push((PastPlace { at, kind: Kind::Expired, number: one.number }, Past::Marker(Box::new(one))));
        }
    }
    found
}
