//! What the simulated harness writes and when: pure data, no clock and no file.
//!
//! A round lasts [`ROUND`]; its five runs begin staggered and have all ended when the next round begins, so that there
//! is always something live. Everything here is invented.

use std::time::Duration;

use serde_json::{Value, json};

use crate::reducer::time::Micros;

/// How long a round is before the next one begins.
pub(super) const ROUND: Duration = Duration::from_secs(152);

/// One run of a round.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// The directory of the run.
    pub(super) run: String,
    /// When it begins, from the start of the round.
    pub(super) begins: Duration,
    /// What it writes, in order of time.
    pub(super) cues: Vec<Cue>,
}

/// One write to the log.
#[derive(Clone, Debug)]
pub(super) struct Cue {
    /// From the beginning of the run.
    pub(super) at: Duration,
    written: Written,
}

#[derive(Clone, Debug)]
enum Written {
    /// An object that gets its `ts`.
    Event(Value),
    /// Plain text, as a tool prints it into the same file.
    Text(&'static str),
}

impl Cue {
    /// The line or lines with their line ends, written at a time.
    pub(super) fn line(&self, at: Micros) -> String {
        match &self.written {
            Written::Text(text) => format!("{text}\n"),
            Written::Event(event) => {
                let mut event = event.clone();
                event["ts"] = Value::String(at.to_rfc3339());
                format!("{event}\n")
            }
        }
    }
}

/// Collects cues: `at` moves on, everything written stands at that moment.
struct Tape {
    seconds: f64,
    cues: Vec<Cue>,
}

impl Tape {
    fn new() -> Self {
        Self { seconds: 0.0, cues: Vec::new() }
    }

    fn after(&mut self, seconds: f64) -> &mut Self {
        self.seconds += seconds;
        self
    }

    fn event(&mut self, event: Value) -> &mut Self {
        self.write(Written::Event(event))
    }

    fn text(&mut self, text: &'static str) -> &mut Self {
        self.write(Written::Text(text))
    }

    fn write(&mut self, written: Written) -> &mut Self {
        self.cues.push(Cue { at: Duration::from_secs_f64(self.seconds), written });
        self
    }

    /// A step of so many seconds in a session of its own, with a heartbeat every four seconds and what it cost.
    fn step(&mut self, id: &str, agent: &str, seconds: f64, cents: u32) -> &mut Self {
        let session = format!("s-{id}");
        self.event(json!({"event": "step.started", "step_id": id, "skill": id, "session_id": session}));
        self.event(json!({"event": "session.started", "session_id": session, "agent": agent, "model": "large-2"}));
        self.beats(seconds);
        self.event(json!({"event": "session.finished", "session_id": session, "status": "completed",
            "usage": {"input_tokens": 900 * cents, "output_tokens": 120 * cents, "cost_usd": f64::from(cents) / 100.0}}));
        self.event(json!({"event": "step.passed", "step_id": id, "cache": "miss", "output": {"summary": "done"}}))
    }

    /// A step whose result was there already.
    fn cached(&mut self, id: &str) -> &mut Self {
        self.event(json!({"event": "step.started", "step_id": id, "skill": id}));
        self.after(0.2);
        self.event(json!({"event": "step.passed", "step_id": id, "cache": "hit"}))
    }

    fn beats(&mut self, seconds: f64) -> &mut Self {
        let mut left = seconds;
        while left > 4.0 {
            self.after(4.0).event(json!({"event": "heartbeat"}));
            left -= 4.0;
        }
        self.after(left)
    }

    fn phase(&mut self, phase: &str) -> &mut Self {
        self.event(json!({"event": "phase.started", "phase": phase}))
    }

    fn scene(self, run: String, begins: f64) -> Scene {
        Scene { run, begins: Duration::from_secs_f64(begins), cues: self.cues }
    }
}

/// The runs of a round, from 1 on.
pub(super) fn round(number: u32) -> Vec<Scene> {
    let ships = healthy("Ship the search page", "search-page").scene(format!("round-{number:03}-ship-search"), 0.0);
    vec![ships, fails(number), hands_over(number), needs_approval(number), gets_stuck(number)]
}

/// What was shipped before, and how much slower than now: by these runs the pages learn how long phases take.
const EARLIER: [(&str, &str, f64); 6] = [
    ("Ship the login page", "login-page", 1.0),
    ("Ship the export button", "export-button", 0.8),
    ("Ship the tag list", "tag-list", 1.2),
    ("Ship the dark colours", "dark-colours", 0.9),
    ("Ship the help texts", "help-texts", 1.5),
    ("Ship the start page", "start-page", 1.1),
];

/// The runs of the past, the newest first.
pub(super) fn earlier() -> impl Iterator<Item = Scene> {
    (1..).zip(EARLIER).map(|(number, (title, candidate, slower))| {
        let mut tape = healthy(title, candidate);
        for cue in &mut tape.cues {
            cue.at = cue.at.mul_f64(slower);
        }
        tape.scene(format!("earlier-{number:02}-{candidate}"), 0.0)
    })
}

fn started(tape: &mut Tape, workflow: &str, title: &str, steps: u32) {
    tape.event(json!({"event": "run.queued", "workflow": workflow, "title": title}));
    tape.after(1.0);
    tape.event(json!({"event": "run.started", "workflow": workflow, "title": title, "claimed_by": "demo-host:4711",
        "steps_total": steps, "pass_threshold": 0.8, "inputs": {"goal": title, "budget_usd": 5}}));
}

/// Build, hardening with two attempts, verify, done.
fn healthy(title: &str, candidate: &str) -> Tape {
    let mut tape = Tape::new();
    started(&mut tape, "ship", title, 6);
    tape.phase("build");
    tape.event(json!({"event": "candidate.started", "candidate": candidate}));
    tape.cached("fetch-deps").after(1.0);
    tape.step("plan", "planner", 9.0, 4).after(1.0).step("implement", "coder", 28.0, 21);
    tape.event(
        json!({"event": "artifact.recorded", "path": format!("out/{candidate}.patch"), "media_type": "text/x-diff"}),
    );
    tape.phase("hardening");
    tape.event(json!({"event": "attempt.started", "attempt": 1, "max_attempts": 3}));
    tape.step("review", "reviewer", 15.0, 8);
    tape.event(json!({"event": "score.recorded", "score": 0.61}));
    tape.event(json!({"event": "attempt.failed", "attempt": 1, "reason": "two findings are open"}));
    tape.after(2.0).event(json!({"event": "attempt.started", "attempt": 2, "max_attempts": 3}));
    tape.step("fix-findings", "coder", 24.0, 17);
    tape.event(json!({"event": "score.recorded", "score": 0.91}));
    tape.event(json!({"event": "attempt.passed", "attempt": 2}));
    tape.phase("verify").step("run-tests", "tester", 33.0, 5);
    tape.event(json!({"event": "artifact.recorded", "path": "out/report.md", "media_type": "text/markdown"}));
    tape.after(1.0).phase("done");
    tape.event(json!({"event": "run.completed", "status": "completed"}));
    tape
}

/// Fails with a stack trace; the next round's run says that it is a retry of it.
fn fails(round: u32) -> Scene {
    let mut tape = Tape::new();
    started(&mut tape, "migrate", "Move the invoices table", 3);
    if round > 1 {
        tape.event(json!({"event": "log", "level": "info", "message": "second try, with a smaller batch",
            "retry_of": format!("round-{:03}-move-invoices", round - 1)}));
    }
    tape.phase("build").step("copy-rows", "migrator", 22.0, 6);
    tape.phase("verify");
    tape.event(json!({"event": "step.started", "step_id": "compare-counts", "skill": "compare"}));
    tape.beats(14.0);
    tape.text("Traceback (most recent call last):\n  File \"compare.py\", line 88, in main\n    check(rows)");
    tape.event(json!({"event": "step.failed", "step_id": "compare-counts", "level": "error", "error": {
        "type": "CountMismatch",
        "message": "invoices: 18,204 rows copied, 18,211 expected",
        "stack": "CountMismatch: invoices: 18,204 rows copied, 18,211 expected\n  at check (compare.py:41)\n  \
                  at main (compare.py:88)\n  at run (harness.py:230)"}}));
    tape.after(2.0);
    tape.event(json!({"event": "run.failed", "reason": "counts differ after the copy"}));
    tape.scene(format!("round-{round:03}-move-invoices"), 6.0)
}

/// Asks a person to take the wheel, gets one, and goes on by itself.
fn hands_over(round: u32) -> Scene {
    let mut tape = Tape::new();
    started(&mut tape, "triage", "Sort the new issues", 4);
    tape.phase("build").step("read-issues", "triager", 18.0, 3);
    tape.event(json!({"event": "needs_human", "item": "label-clash", "repo": "demo/web",
        "reason": "issue 412 fits two labels, and the rules contradict each other"}));
    tape.beats(60.0);
    tape.event(json!({"event": "handoff.granted", "item": "label-clash", "holder": "robin"}));
    tape.after(15.0).event(json!({"event": "handoff.resolved", "item": "label-clash"}));
    tape.step("apply-labels", "triager", 16.0, 2);
    tape.phase("done");
    tape.scene(format!("round-{round:03}-sort-issues"), 14.0)
}

/// Waits for a person to approve something risky.
fn needs_approval(round: u32) -> Scene {
    let mut tape = Tape::new();
    started(&mut tape, "release", "Release the docs site", 3);
    tape.phase("build").step("render-docs", "writer", 16.0, 4);
    tape.event(json!({"event": "approval.requested", "approval_id": "publish", "integration": "pages-host",
        "action": "publish", "risk": "high", "params": {"site": "docs", "version": "2.4.0"},
        "reason": "publishing is visible to everybody", "repo": "demo/docs"}));
    tape.beats(70.0);
    tape.event(json!({"event": "approval.granted", "approval_id": "publish"}));
    tape.phase("verify").step("check-links", "tester", 18.0, 1);
    tape.event(json!({"event": "run.completed", "status": "completed"}));
    tape.scene(format!("round-{round:03}-release-docs"), 22.0)
}

/// Says that it is stuck, then says nothing, until somebody cancels it.
fn gets_stuck(round: u32) -> Scene {
    let mut tape = Tape::new();
    started(&mut tape, "upgrade", "Upgrade the parser", 3);
    tape.phase("build");
    tape.event(json!({"event": "attempt.started", "attempt": 1, "max_attempts": 2}));
    tape.step("bump-version", "coder", 12.0, 5);
    tape.event(json!({"event": "step.started", "step_id": "fix-build", "skill": "fix"}));
    tape.beats(13.0);
    tape.event(
        json!({"event": "stuck", "reason": "the same compiler error came back five times", "step_id": "fix-build",
        "level": "warn"}),
    );
    tape.after(90.0);
    tape.event(json!({"event": "cancel.requested", "reason": "no way forward"}));
    tape.after(2.0).event(json!({"event": "run.cancelled", "reason": "no way forward"}));
    tape.scene(format!("round-{round:03}-upgrade-parser"), 30.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::dialect::Reading;
    use crate::reducer::marker::MarkerKind;
    use crate::reducer::reduce::Reducer;
    use crate::reducer::run::{RunState, Status, value};

    fn at_end(scene: &Scene) -> RunState {
        up_to(scene, Duration::MAX)
    }

    fn up_to(scene: &Scene, until: Duration) -> RunState {
        let mut reducer = Reducer::new(Reading::default());
        for cue in scene.cues.iter().filter(|cue| cue.at <= until) {
            let millis = i64::try_from(cue.at.as_millis()).expect("a demo is short");
            reducer.push(cue.line(Micros(1_800_000_000_000_000).plus_millis(millis)).as_bytes(), &mut |_| {});
        }
        reducer.state().clone()
    }

    #[test]
    fn every_run_ends_within_its_round_and_as_its_story_says() {
        let ends = [Status::Completed, Status::Failed, Status::Completed, Status::Completed, Status::Cancelled];
        for (scene, status) in round(2).iter().zip(ends) {
            let state = at_end(scene);
            assert_eq!(value(&state.run.status), Some(&status), "{}", scene.run);
            assert_eq!(state.counters.lines.malformed, 0, "{}", scene.run);
            let last = scene.begins + scene.cues.last().expect("a script").at;
            assert!(last < ROUND, "{} ends after {last:?}", scene.run);
        }
    }

    #[test]
    fn there_is_something_live_in_all_but_the_last_seconds_of_a_round() {
        let scenes = round(1);
        let lives = |second: u64| {
            scenes.iter().any(|scene| {
                let last = scene.begins + scene.cues.last().expect("a script").at;
                (scene.begins..=last).contains(&Duration::from_secs(second))
            })
        };
        let dead: Vec<u64> = (0..ROUND.as_secs() - 5).filter(|second| !lives(*second)).collect();
        assert!(dead.is_empty(), "nothing lives at {dead:?}");
    }

    #[test]
    fn each_marker_of_the_story_is_open_in_the_middle_of_its_run() {
        let open = |scene: &Scene, seconds: u64| -> Vec<MarkerKind> {
            let state = up_to(scene, Duration::from_secs(seconds));
            state.markers.iter().filter(|marker| marker.is_open()).map(|marker| marker.kind).collect()
        };
        assert_eq!(open(&hands_over(1), 50), [MarkerKind::Handoff]);
        assert_eq!(open(&needs_approval(1), 50), [MarkerKind::Approval]);
        assert_eq!(open(&gets_stuck(1), 60), [MarkerKind::Stuck]);
        assert_eq!(open(&round(1)[0], 60), []);
    }

    #[test]
    fn the_runs_of_the_past_are_over() {
        assert!(earlier().count() >= 5, "below five runs nothing is learned");
        for scene in earlier() {
            assert_eq!(value(&at_end(&scene).run.status), Some(&Status::Completed), "{}", scene.run);
            assert!(scene.cues.last().expect("a script").at < Duration::from_secs(600), "{}", scene.run);
        }
    }

    #[test]
    fn the_healthy_run_shows_what_a_run_can_have() {
        let state = at_end(&round(1)[0]);
        let phases: Vec<_> =
            state.spans.iter().filter(|span| span.kind.as_str() == "phase").map(|span| span.id.as_deref()).collect();
        assert_eq!(phases, [Some("build"), Some("hardening"), Some("verify")]);
        assert!(state.spans.iter().any(|span| span.cache_hit == Some(true)));
        assert_eq!(value(&state.run.attempt), Some(&2));
        assert_eq!(value(&state.run.score), Some(&0.91));
        assert_eq!(state.counters.steps_done, 6);
        assert_eq!(state.artifacts.len(), 2);
        assert!(value(&state.run.cost_usd).is_some_and(|cost| *cost > 0.5));
    }
}
