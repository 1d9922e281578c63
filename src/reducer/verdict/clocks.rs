//! The clocks that ages are measured by (spec 2.6): the present, the run's *life*, and the log's own clock.
//!
//! Logs are written with skewed clocks and in local times. The file's modification time, which this machine gave, says
//! how far the log's times can be trusted.

use super::Observed;
use crate::reducer::run::value;
use crate::reducer::time::Micros;

/// Skewed clocks and local times explain a difference of up to 26 hours; more means an older file or other times.
const SKEW_MICROS: u64 = 26 * 3_600_000_000;

/// The three clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clocks {
    pub(super) now: Micros,
    /// The last sign of life, never later than `now`; `None` when neither the log nor the file has a time.
    pub(super) life: Option<Micros>,
    /// What the log's writer would call now.
    pub(super) log: Micros,
}

impl Clocks {
    /// The clocks of a run (spec 2.6, "*Life* here is …").
    pub(super) fn of(observed: &Observed<'_>) -> Self {
        let now = observed.now;
        let said = value(&observed.run.last_life_at).copied();
        let near = said.zip(observed.modified).is_some_and(|(a, b)| a.0.abs_diff(b.0) <= SKEW_MICROS);
        let timed = observed.health.last_line_timed;
        let file_knows_better = !timed || near || said.is_none_or(|at| at > now);
        let life = if file_knows_better { observed.modified.or(said) } else { said };
        let life = life.map(|at| at.min(now));
        let log = match (said, life) {
            (Some(said), Some(life)) if timed && near => Micros(said.0.saturating_add(now.0.saturating_sub(life.0))),
            _ => now,
        };
        Self { now, life, log }
    }

    /// Milliseconds without life; 0 when no time is known.
    pub(super) fn silence_ms(&self) -> i64 {
        self.life.map_or(0, |life| age_ms(life, self.now))
    }

    /// Whether there was no life for longer than a limit. Without any time nobody can say so.
    pub(super) fn silent_for(&self, limit_ms: i64) -> bool {
        self.life.is_some_and(|life| longer(life, self.now, limit_ms))
    }
}

/// Whether more than so many milliseconds lie between two times.
pub(super) fn longer(from: Micros, to: Micros, limit_ms: i64) -> bool {
    to > from.plus_millis(limit_ms)
}

/// Milliseconds from one time to another, never negative.
pub(super) fn age_ms(from: Micros, to: Micros) -> i64 {
    to.millis_since(from).unwrap_or(0)
}
