//! The numbers of the overview (spec 3.2): runs per day, failure rate, and what runs took.
//!
//! Counts of the cache in, numbers out; a run belongs to the day of its first event, as in the list's date filter.

use crate::reducer::time::Micros;
use crate::store::{Outcome, Tallied};

/// A day in milliseconds; days are those of UTC.
const DAY_MS: i64 = 86_400_000;

/// The numbers of some days up to today.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// Every day of the range, the earliest first.
    pub days: Vec<Day>,
    /// Runs that began in the range.
    pub runs: u64,
    /// Those of them that ended.
    pub ended: u64,
    /// Those of these that failed or timed out.
    pub failed: u64,
    /// The middle duration of those that ended, nearest rank, in milliseconds; exact unless several runs took nearly the
    /// same time: then their mean, which is less than one part in 32 away.
    pub median_ms: Option<i64>,
    /// The 90th percentile of the same.
    pub p90_ms: Option<i64>,
}

/// The runs that began on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Its first moment, in UTC.
    pub start: Micros,
    /// All of them.
    pub runs: u64,
    /// Those that failed or timed out.
    pub failed: u64,
}

impl Day {
    /// As the date filter of lists has it: `2026-06-02`.
    #[must_use]
    pub fn date(&self) -> String {
        self.start.to_rfc3339().split('T').next().unwrap_or_default().to_owned()
    }
}

/// The first moment of a range of so many days that ends today.
pub(super) fn first_day(days: u32, now: Micros) -> Micros {
    let today = Micros(now.0.div_euclid(DAY_MS * 1000) * DAY_MS * 1000);
    today.plus_millis(-DAY_MS * i64::from(days.saturating_sub(1)))
}

impl Stats {
    /// From the counts of the days from `first` on.
    pub(super) fn of(first: Micros, days: u32, counts: &[Tallied]) -> Self {
        let start = |day: u32| first.plus_millis(DAY_MS * i64::from(day));
        let days: Vec<Day> = (0..days).map(|day| Day { start: start(day), runs: 0, failed: 0 }).collect();
        let mut stats = Self { days, ..Self::default() };
        let mut durations: Vec<(i64, u64)> = Vec::new();
        for count in counts {
            let Some(day) = stats.days.iter_mut().find(|day| day.start == count.day) else { continue };
            day.runs += count.runs;
            stats.runs += count.runs;
            if count.outcome == Outcome::Open {
                continue;
            }
            stats.ended += count.runs;
            if count.outcome == Outcome::Failed {
                day.failed += count.runs;
                stats.failed += count.runs;
            }
            durations.extend(count.duration_ms.map(|millis| (millis, count.runs)));
        }
        durations.sort_unstable();
        (stats.median_ms, stats.p90_ms) = (percentile(&durations, 50), percentile(&durations, 90));
        stats
    }

    /// The part of the ended runs that failed or timed out, from 0 to 1.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        (self.ended > 0).then(|| self.failed as f64 / self.ended as f64)
    }
}

/// The value at the nearest rank of a percentage; the values are ascending, each with how often it is there.
fn percentile(values: &[(i64, u64)], percent: u64) -> Option<i64> {
    let total: u64 = values.iter().map(|(_, times)| times).sum();
    let rank = (total * percent).div_ceil(100);
    let mut passed = 0;
    values
        .iter()
        .find(|(_, times)| {
            passed += times;
            passed >= rank
        })
        .map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Micros = Micros(20_000 * DAY_MS * 1000);

    fn tallied(days_ago: i64, outcome: Outcome, runs: u64, duration_ms: Option<i64>) -> Tallied {
        Tallied { day: TODAY.plus_millis(-DAY_MS * days_ago), outcome, runs, duration_ms }
    }

    fn stats(counts: &[Tallied]) -> Stats {
        Stats::of(first_day(3, TODAY.plus_millis(5)), 3, counts)
    }

    #[test]
    fn every_day_is_there_and_the_last_is_today() {
        let none = stats(&[]);
        let starts: Vec<i64> = none.days.iter().map(|day| day.start.0 / 1000 / DAY_MS).collect();
        assert_eq!(starts, [19_998, 19_999, 20_000]);
        assert_eq!((none.failure_rate(), none.median_ms, none.p90_ms), (None, None, None));
    }

    #[test]
    fn open_runs_count_for_the_day_and_for_nothing_else() {
        let stats = stats(&[
            tallied(0, Outcome::Open, 4, None),
            tallied(0, Outcome::Failed, 1, Some(50)),
            tallied(2, Outcome::Ended, 3, None),
        ]);
        assert_eq!(stats.days.iter().map(|day| (day.runs, day.failed)).collect::<Vec<_>>(), [(3, 0), (0, 0), (5, 1)]);
        assert_eq!((stats.runs, stats.ended, stats.failed, stats.failure_rate()), (8, 4, 1, Some(0.25)));
        assert_eq!((stats.median_ms, stats.p90_ms), (Some(50), Some(50)), "those without a duration have none");
    }

    #[test]
    fn percentiles_are_nearest_ranks_over_all_days() {
        for (counts, median, p90) in [
            (vec![(1, 1), (2, 1)], 1, 2),
            (vec![(1, 5), (2, 4), (3, 1)], 1, 2),
            (vec![(1, 4), (2, 4), (3, 2)], 2, 3),
            (vec![(9, 1), (1, 10)], 1, 1),
        ] {
            let counts: Vec<Tallied> =
                counts.into_iter().map(|(ms, runs)| tallied(runs as i64 % 3, Outcome::Ended, runs, Some(ms))).collect();
            let stats = stats(&counts);
            assert_eq!((stats.median_ms, stats.p90_ms), (Some(median), Some(p90)), "{counts:?}");
        }
    }
}
