use super::Subject as S;
use super::Verb as V;
use super::*;

fn check(name: &str, subject: impl Into<Option<S>>, verb: impl Into<Option<V>>) {
    let found = meaning(name);
    assert_eq!((found.subject, found.verb), (subject.into(), verb.into()), "{name}");
}

#[test]
fn a_name_is_cut_into_words() {
    let check = |name: &str, expected: &[&str]| assert_eq!(words(name), expected, "{name}");
    check("phase.started", &["phase", "started"]);
    check("phase_start", &["phase", "start"]);
    check("PhaseStarted", &["phase", "started"]);
    check("PHASE-START", &["phase", "start"]);
    check("a:b/c d", &["a", "b", "c", "d"]);
    check("phaseStarted", &["phase", "started"]);
    check("HTTPServerStarted", &["http", "server", "started"]);
    check("runID", &["run", "id"]);
    check("step2Done", &["step2", "done"]);
    check("V2", &["v2"]);
    check("ABc", &["a", "bc"]);
    check("..__x--", &["x"]);
    check("", &[]);
    check("Phase", &["phase"]);
}

#[test]
fn spellings_of_one_name_mean_the_same() {
    for name in
        ["phase.started", "phase_start", "PhaseStarted", "PHASE-START", "phase/begin", "phases:starts", "started.phase"]
    {
        check(name, S::Phase, V::Started);
    }
}

#[test]
fn every_subject_word_and_its_plural() {
    let words = [
        (S::Heartbeat, "heartbeat"),
        (S::Usage, "usage"),
        (S::Approval, "approval gate"),
        (S::Question, "question clarification"),
        (S::Handoff, "handoff wheel"),
        (S::Stuck, "stuck blocked blocker"),
        (S::Queue, "queue"),
        (S::Phase, "phase stage"),
        (S::Candidate, "candidate feature"),
        (S::Attempt, "attempt iteration round cycle"),
        (S::Step, "step task"),
        (S::Session, "session agent worker subagent"),
        (S::Tool, "tool"),
        (S::Span, "span"),
        (S::Artifact, "artifact report"),
        (S::Score, "score evaluation eval"),
        (S::Run, "run workflow pipeline loop"),
        (S::Cancel, "cancel"),
        (S::Error, "error failure"),
        (S::Log, "log"),
    ];
    for (subject, list) in words {
        for word in list.split(' ') {
            check(word, subject, None);
            check(&format!("{word}s"), subject, None);
            check(&format!("x.{word}.y"), subject, None);
        }
    }
}

#[test]
fn every_verb_word() {
    let words = [
        (V::Queued, "queued pending created scheduled enqueued"),
        (V::Started, "start started begin began enter entered launch launched spawn spawned init selected resumed"),
        (
            V::Finished,
            "finish finished complete completed end ended stop stopped done exit exited closed terminate terminated death \
             died result",
        ),
        (V::Passed, "pass passed succeed succeeded success verified"),
        (V::Failed, "fail failed failure error errored crash crashed"),
        (V::Cancelled, "cancel cancelled canceled abort aborted kill killed"),
        (V::Skipped, "skip skipped"),
        (V::Retried, "retry retried"),
        (V::TimedOut, "timeout timedout timed_out timed.out TimedOut"),
        (V::Raised, "request requested require required raise raised open opened add added needed ask asked"),
        (V::Granted, "grant granted approve approved accept accepted answered received"),
        (V::Denied, "deny denied reject rejected"),
        (V::Expired, "expire expired"),
        (V::Cleared, "clear cleared resolve resolved release released remove removed acked"),
        (V::Recorded, "record recorded write written reported"),
    ];
    for (verb, list) in words {
        for word in list.split_whitespace() {
            check(&format!("step.{word}"), S::Step, verb);
            check(&format!("{word}.step"), S::Step, verb);
            if subject_at(&[word]).is_none() {
                check(&format!("x.{word}"), None, verb);
            }
        }
    }
    check("step.call", S::Step, None);
    check("step.use", S::Step, None);
    check("step.output", S::Step, None);
    check("step.timed", S::Step, None);
    check("step.timed.x.out", S::Step, None);
    check("step.close", S::Step, None);
}

#[test]
fn some_words_are_verbs_beside_one_subject_only() {
    check("tool_use", S::Tool, V::Started);
    check("tool_call", S::Tool, V::Started);
    check("tool_calls", S::Tool, V::Started);
    check("tool_output", S::Tool, V::Finished);
    check("tool_result", S::Tool, V::Finished);
    check("run.stop", S::Run, V::Cancelled);
    check("run_stopped", S::Run, V::Cancelled);
    check("loop.stopped", S::Run, V::Cancelled);
    check("session.stopped", S::Session, V::Finished);
    check("stopped", None, V::Finished);
}

#[test]
fn the_first_rank_with_a_word_decides_and_within_it_the_last_word() {
    check("run.phase.started", S::Phase, V::Started);
    check("phase.run.started", S::Phase, V::Started);
    check("phase.attempt.started", S::Attempt, V::Started);
    check("attempt.phase.started", S::Phase, V::Started);
    check("session.heartbeat", S::Heartbeat, None);
    check("build.task.blocked", S::Stuck, None);
    check("error_log", S::Log, V::Failed);
    check("log.error", S::Error, None);
    check("run_error", S::Run, V::Failed);
    check("worker.queue.added", S::Queue, V::Raised);
    check("loop.terminate", S::Run, V::Finished);
}

#[test]
fn the_verb_is_the_last_after_the_subject_else_the_last_before_it() {
    check("step.started.failed", S::Step, V::Failed);
    check("failed.step.started", S::Step, V::Started);
    check("started.failed.step", S::Step, V::Failed);
    check("started_then_failed", None, V::Failed);
    check("task_failure", S::Step, V::Failed);
    check("run.cancelled", S::Run, V::Cancelled);
}

#[test]
fn the_subjects_own_word_is_never_the_verb() {
    check("error", S::Error, None);
    check("failure", S::Error, None);
    check("cancel", S::Cancel, None);
    check("cancel_requested", S::Cancel, V::Raised);
    check("run.cancel", S::Cancel, None);
    check("failure_error", S::Error, V::Failed);
}

#[test]
fn unblocked_and_unstuck_are_stuck_cleared() {
    check("unblocked", S::Stuck, V::Cleared);
    check("build.unstuck", S::Stuck, V::Cleared);
    check("task.unblocked.started", S::Stuck, V::Cleared);
    check("blocked.cleared", S::Stuck, V::Cleared);
    check("blocker_opened", S::Stuck, V::Raised);
}

#[test]
fn needs_human_words_are_a_handoff_in_any_spelling_anywhere() {
    let phrases = [
        "take_the_wheel",
        "TakeTheWheel",
        "takeTheWheel",
        "take-the.wheel",
        "takethewheel",
        "needs_human",
        "NeedsHuman",
        "NEEDS-HUMAN",
        "needshuman",
        "human_needed",
        "humanNeeded",
        "human/needed",
    ];
    for phrase in phrases {
        for name in [phrase.to_owned(), format!("run.{phrase}"), format!("step.failed.{phrase}"), format!("{phrase}.x")]
        {
            assert!(meaning(&name).needs_human, "{name}");
            check(&name, S::Handoff, V::Raised);
        }
        for (word, verb) in [
            ("granted", V::Granted),
            ("denied", V::Denied),
            ("expired", V::Expired),
            ("resolved", V::Cleared),
            ("done", V::Finished),
            ("passed", V::Passed),
            ("failed", V::Failed),
            ("cancelled", V::Cancelled),
            ("timed_out", V::TimedOut),
            ("skipped", V::Skipped),
            ("requested", V::Raised),
            ("started", V::Raised),
            ("retried", V::Raised),
            ("recorded", V::Raised),
            ("cleared.started", V::Cleared),
        ] {
            check(&format!("approval.{phrase}_{word}"), S::Handoff, verb);
        }
    }
    for name in ["human", "needed_human", "take_wheel", "needs.a.human", "the_wheel_taken", "human.message"] {
        assert!(!meaning(name).needs_human, "{name}");
    }
}

#[test]
fn a_bare_handoff_has_no_verb() {
    check("handoff", S::Handoff, None);
    check("handoff.requested", S::Handoff, V::Raised);
    check("session_handoff", S::Handoff, None);
    check("wheel.released", S::Handoff, V::Cleared);
}

#[test]
fn what_the_rules_ask_of_the_spelling() {
    let one_word = |name: &str| meaning(name).one_word;
    assert!(one_word("question") && one_word("Approval") && one_word("_approval_"));
    assert!(!one_word("question.text") && !one_word("ApprovalGate"));
    let says_status = |name: &str| meaning(name).says_status;
    assert!(says_status("status") && says_status("run_state_changed") && says_status("ResultReady"));
    assert!(!says_status("run.finished") && !says_status("stateful"));
}

#[test]
fn names_of_real_harnesses() {
    check("workflow_end", S::Run, V::Finished);
    check("SupervisorStarted", None, V::Started);
    check("ClarificationRequired", S::Question, V::Raised);
    check("ApprovalGranted", S::Approval, V::Granted);
    check("RunCompleted", S::Run, V::Finished);
    check("TokenUsageReported", S::Usage, V::Recorded);
    check("LOOP_COMPLETE", S::Run, V::Finished);
    check("session_death", S::Session, V::Finished);
    check("escalation_acked", None, V::Cleared);
    check("approval_decided", S::Approval, None);
    check("phase.implement.complete.ABC-12", S::Phase, V::Finished);
    check("pipeline_started", S::Run, V::Started);
    check("assistant", None, None);
}
