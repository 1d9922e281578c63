//! Counts of runs by day, outcome and duration, kept with every write, so that the numbers of the overview cost the same
//! however many runs ended (spec 6).
//!
//! A duration falls into one of at most 32 buckets per doubling, and a bucket knows the sum of its durations: what is
//! read from it is exact while it holds one run, and otherwise off by less than one part in 32.

use rusqlite::{Connection, params};
use rustc_hash::FxHashMap;

use super::columns::count;
use crate::reducer::digest::bucket;
use crate::reducer::run::{RunState, value};
use crate::reducer::time::Micros;

/// A day in microseconds; days are those of UTC.
const DAY: i64 = 86_400_000_000;

/// The bucket of runs without a duration.
const NONE: i64 = -1;

/// Where a run is counted. A run without a time is counted nowhere, as it is in no range of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Whole days from 1970 to the first event.
    day: i64,
    /// The status of a run that ended, as [`super::run_row::status_order`] has it; 0 of an open one.
    outcome: i64,
    bucket: i64,
}

/// A run as it is counted: where, and what it took. Of an open run the duration does not count, so that a line more
/// changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    place: Place,
    duration_ms: i64,
}

impl Counted {
    /// Of the columns of a run's row.
    pub(super) fn of(
        first_event_at: Option<Micros>,
        open: bool,
        status_order: i64,
        duration_ms: Option<i64>,
    ) -> Option<Self> {
        let day = first_event_at?.0.div_euclid(DAY);
        let duration_ms = duration_ms.filter(|_| !open);
        let bucket = duration_ms.map_or(NONE, bucket);
        let place = Place { day, outcome: if open { 0 } else { status_order }, bucket };
        Some(Self { place, duration_ms: duration_ms.unwrap_or(0) })
    }

    /// Of a state that is written.
    pub(super) fn of_state(state: &RunState) -> Option<Self> {
        let run = &state.run;
        Self::of(
            value(&run.first_event_at).copied(),
            !run.is_ended(),
            super::run_row::status_order(value(&run.status).copied()),
            super::run_row::duration_ms(state),
        )
    }
}

/// What writes of one transaction change in the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(FxHashMap<Place, (i64, i64)>);

impl Tally {
    pub(super) fn add(&mut self, run: Option<Counted>) {
        self.change(run, 1);
    }

    pub(super) fn subtract(&mut self, run: Option<Counted>) {
        self.change(run, -1);
    }

    fn change(&mut self, run: Option<Counted>, by: i64) {
        let Some(Counted { place, duration_ms }) = run else { return };
        let (runs, sum) = self.0.entry(place).or_default();
        *runs += by;
        *sum += by * duration_ms;
    }

    /// Writes the changes and forgets them.
    pub(super) fn flush(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (place, (runs, sum)) in self.0.drain().filter(|(_, change)| *change != (0, 0)) {
            let Place { day, outcome, bucket } = place;
            connection
                .prepare_cached(
                    "INSERT INTO tally (day, outcome, bucket, runs, duration_ms) VALUES (?, ?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET runs = runs + excluded.runs,
                       duration_ms = duration_ms + excluded.duration_ms",
                )?
                .execute(params![day, outcome, bucket, runs, sum])?;
            if runs < 0 {
                connection
                    .prepare_cached("DELETE FROM tally WHERE day = ? AND outcome = ? AND bucket = ? AND runs <= 0")?
                    .execute(params![day, outcome, bucket])?;
            }
        }
        Ok(())
    }
}

/// Runs that began on one day and have one outcome and about one duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tallied {
    /// First moment of the day, in UTC.
    pub day: Micros,
    /// Open, ended, or ended badly.
    pub outcome: Outcome,
    /// How many runs.
    pub runs: u64,
    /// What each of them took in milliseconds, on average; `None` of open runs and of those without times.
    pub duration_ms: Option<i64>,
}

/// How the runs of a [`Tallied`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They did not.
    Open,
    /// Failed or timed out.
    Failed,
    /// Completed or cancelled.
    Ended,
}

/// What is counted from the day of `from` to that of `to`, by day.
pub(super) fn read(connection: &Connection, from: Micros, to: Micros) -> rusqlite::Result<Vec<Tallied>> {
    let mut statement = connection.prepare_cached(
        "SELECT day, outcome, bucket, runs, duration_ms FROM tally WHERE day BETWEEN ? AND ? ORDER BY day",
    )?;
    let days = params![from.0.div_euclid(DAY), to.0.div_euclid(DAY)];
    let rows = statement.query_map(days, |row| {
        let (bucket, runs, sum): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(Tallied {
            day: Micros(row.get::<_, i64>(0)?.saturating_mul(DAY)),
            outcome: match row.get(1)? {
                0 => Outcome::Open,
                order if super::run_row::FAILED.contains(&order) => Outcome::Failed,
                _ => Outcome::Ended,
            },
            runs: count(runs),
            duration_ms: (bucket != NONE && runs > 0).then(|| sum / runs),
        })
    })?;
    rows.collect()
}
