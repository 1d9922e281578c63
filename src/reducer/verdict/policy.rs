//! [`Policy`]: the limits a verdict is measured by, for all runs, per workflow and per phase (spec 2.6).
//!
//! Plain data that a configuration file maps onto. It must never know where it was read from.

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The limits that hold for one run, in milliseconds (spec 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Without life for longer than this, an open run is abandoned (24 h).
    pub abandon_ms: i64,
    /// Without a line for longer than this, a run with heartbeats is stuck (2 min, or 4 × its median interval).
    pub heartbeat_ms: i64,
    /// Without a line for longer than this, a run is stuck (10 min, or its heartbeat limit).
    pub silence_ms: i64,
    /// Without progress for longer than this, a run is stuck (30 min, or three times the expectation of its phase).
    pub progress_ms: i64,
    /// Queued for longer than this, a run is late (5 min).
    pub queue_ms: i64,
    /// The configured longest time of the run's phase; comes before what was learned.
    pub phase_ms: Option<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            abandon_ms: DAY,
            heartbeat_ms: 2 * MINUTE,
            silence_ms: 10 * MINUTE,
            progress_ms: 30 * MINUTE,
            queue_ms: 5 * MINUTE,
            phase_ms: None,
        }
    }
}

/// Limits of one workflow, of one phase, or of one phase in one workflow; `None` leaves a limit as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Override {
    /// Only for runs of this workflow.
    pub workflow: Option<String>,
    /// Only for runs in this phase, in the spelling of the reduction (`build`, not `Building`; spec 2.2 rule 4).
    pub phase: Option<String>,
    pub abandon_ms: Option<i64>,
    pub heartbeat_ms: Option<i64>,
    pub silence_ms: Option<i64>,
    pub progress_ms: Option<i64>,
    pub queue_ms: Option<i64>,
    pub phase_ms: Option<i64>,
}

/// What the user configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// For every run.
    pub limits: Limits,
    /// For some: what names a phase goes over what names only a workflow, what names both goes over either; among
    /// equals the later one wins.
    pub overrides: Vec<Override>,
    /// Days that an ended run stays in the attention list, and after which a run that waits is abandoned (7).
    pub attention_days: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { limits: Limits::default(), overrides: Vec::new(), attention_days: 7 }
    }
}

impl Policy {
    /// The limits of a run of that workflow in that phase.
    #[must_use]
    pub fn limits_for(&self, workflow: Option<&str>, phase: Option<&str>) -> Limits {
        let mut matching: Vec<&Override> = self.overrides.iter().filter(|o| o.is_for(workflow, phase)).collect();
        matching.sort_by_key(|o| (o.phase.is_some(), o.workflow.is_some()));
        matching.into_iter().fold(self.limits, |limits, o| o.over(limits))
    }

    /// `attention_days` in milliseconds.
    #[must_use]
    pub fn attention_ms(&self) -> i64 {
        self.attention_days.saturating_mul(DAY)
    }
}

impl Override {
    fn is_for(&self, workflow: Option<&str>, phase: Option<&str>) -> bool {
        let names = |wanted: &Option<String>, actual: Option<&str>| wanted.is_none() || wanted.as_deref() == actual;
        names(&self.workflow, workflow) && names(&self.phase, phase)
    }

    fn over(&self, limits: Limits) -> Limits {
        Limits {
            abandon_ms: self.abandon_ms.unwrap_or(limits.abandon_ms),
            heartbeat_ms: self.heartbeat_ms.unwrap_or(limits.heartbeat_ms),
            silence_ms: self.silence_ms.unwrap_or(limits.silence_ms),
            progress_ms: self.progress_ms.unwrap_or(limits.progress_ms),
            queue_ms: self.queue_ms.unwrap_or(limits.queue_ms),
            phase_ms: self.phase_ms.or(limits.phase_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Override, Policy};

    fn silence(workflow: Option<&str>, phase: Option<&str>, silence_ms: i64) -> Override {
        Override {
            workflow: workflow.map(str::to_owned),
            phase: phase.map(str::to_owned),
            silence_ms: Some(silence_ms),
            ..Override::default()
        }
    }

    #[test]
    fn the_more_special_limit_wins_whatever_the_order() {
        let policy = Policy {
            overrides: vec![
                silence(Some("nightly"), Some("build"), 4),
                silence(None, Some("build"), 3),
                silence(Some("nightly"), None, 1),
                silence(Some("nightly"), None, 2),
            ],
            ..Policy::default()
        };
        let cases = [
            (None, None, 600_000),
            (Some("other"), Some("verify"), 600_000),
            (Some("nightly"), None, 2),
            (Some("nightly"), Some("verify"), 2),
            (Some("other"), Some("build"), 3),
            (None, Some("build"), 3),
            (Some("nightly"), Some("build"), 4),
        ];
        for (workflow, phase, wanted) in cases {
            assert_eq!(policy.limits_for(workflow, phase).silence_ms, wanted, "{workflow:?} {phase:?}");
        }
    }

    #[test]
    fn an_override_leaves_what_it_does_not_name() {
        let policy = Policy {
            overrides: vec![Override { phase_ms: Some(9), ..silence(None, Some("build"), 3) }],
            ..Policy::default()
        };
        let limits = policy.limits_for(None, Some("build"));
        assert_eq!((limits.silence_ms, limits.phase_ms), (3, Some(9)));
        assert_eq!(super::Limits { silence_ms: 600_000, phase_ms: None, ..limits }, policy.limits);
    }
}
