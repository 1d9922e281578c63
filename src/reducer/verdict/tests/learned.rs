//! What was learned of a phase is looked up only where it could matter.

use super::super::world::{World, ago, fact};
use super::super::{Learned, Rule, hangs_on_learned};

const MINUTE: i64 = 60_000;

#[test]
fn what_does_not_hang_on_what_was_learned_is_the_same_with_it() {
    let (mut same, mut other) = (0, 0);
    for began in [1, MINUTE, MINUTE + 1, 20 * MINUTE, 300 * MINUTE] {
        for moved in [1, 31 * MINUTE, 200 * MINUTE] {
            for alive in [1, 9 * MINUTE, 11 * MINUTE] {
                for configured in [None, Some(2 * MINUTE)] {
                    for (expected, deadline) in [(None, None), (Some(5 * MINUTE), None), (None, Some(MINUTE))] {
                        for p90_ms in [1, 70_000, 100 * MINUTE] {
                            let world = |learned| {
                                World::running().alive(alive).in_phase("build", began).with(|w| {
                                    w.run.last_progress_at = fact(ago(moved), 40);
                                    w.run.deadline = deadline.and_then(|passed| fact(ago(passed), 2));
                                    w.spans[0].more.to_mut().expected_ms = expected;
                                    w.policy.limits.phase_ms = configured;
                                    w.learned = learned;
                                })
                            };
                            let without = world(None);
                            let verdict = without.judge();
                            let learned = world(Some(Learned { median_ms: 1, p90_ms, spans: 9 })).judge();
                            match hangs_on_learned(&verdict, &without.observed(), &without.policy) {
                                true => other += u32::from(learned != verdict),
                                false => {
                                    assert_eq!(learned, verdict);
                                    same += u32::from(verdict.rule == Rule::Healthy);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(same > 0 && other > 0, "{same} healthy ones need not be looked up, {other} were others with it");
}
