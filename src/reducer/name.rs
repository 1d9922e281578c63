//! What an event name means: words, subject and verb (spec 1.3, "Event names").
//!
//! It must never know where in a line the name stood, nor what a run makes of it.

use super::event::{Meaning, Subject, Verb};

/// The meaning of a name by the generic tables.
#[must_use]
pub fn meaning(name: &str) -> Meaning {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let says_status = words.iter().any(|word| listed(&["status", "state", "result"], word));
    let one_word = words.len() == 1;
    if let Some(end) = needs_human_end(&words) {
        let closing = words_after(&words, end, Subject::Handoff).filter(|verb| closes(*verb)).last();
        let verb = Some(closing.unwrap_or(Verb::Raised));
        return Meaning { subject: Some(Subject::Handoff), verb, needs_human: true, one_word, says_status };
    }
    let (subject, verb) = match subject_at(&words) {
        Some((at, subject)) => (Some(subject), verb_beside(&words, at, subject)),
        None => (None, verbs(&words, None).map(|(_, verb)| verb).last()),
    };
    Meaning { subject, verb, needs_human: false, one_word, says_status }
}

/// Cuts a name into lower-case words.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = name.chars().collect();
    for (at, &character) in characters.iter().enumerate() {
        if matches!(character, '_' | '.' | ':' | '/' | '-' | ' ') {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).and_then(|before| characters.get(before));
        let after = characters.get(at + 1);
        let rises = before.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let last_of_run = before.is_some_and(char::is_ascii_uppercase) && after.is_some_and(char::is_ascii_lowercase);
        if character.is_ascii_uppercase() && (rises || last_of_run) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word, or what is left of it without a plural `s`, is one of a list.
fn listed(list: &[&str], word: &str) -> bool {
    list.contains(&word) || word.strip_suffix('s').is_some_and(|singular| list.contains(&singular))
}

/// The subject and its place: the first rank with a word decides, and within it the last such word.
fn subject_at(words: &[&str]) -> Option<(usize, Subject)> {
    RANKS.iter().find_map(|rank| {
        words.iter().enumerate().rev().find_map(|(at, word)| {
            let (subject, _) = rank.iter().find(|(_, list)| listed(list, word))?;
            Some((at, *subject))
        })
    })
}

type Subjects = [(Subject, &'static [&'static str])];

const RANKS: [&Subjects; 4] = [
    &[
        (Subject::Heartbeat, &["heartbeat"]),
        (Subject::Usage, &["usage"]),
        (Subject::Approval, &["approval", "gate"]),
        (Subject::Question, &["question", "clarification"]),
        (Subject::Handoff, &["handoff", "wheel"]),
        (Subject::Stuck, &["stuck", "blocked", "blocker", UNBLOCKED, UNSTUCK]),
        (Subject::Queue, &["queue"]),
    ],
    &[
        (Subject::Phase, &["phase", "stage"]),
        (Subject::Candidate, &["candidate", "feature"]),
        (Subject::Attempt, &["attempt", "iteration", "round", "cycle"]),
        (Subject::Step, &["step", "task"]),
        (Subject::Session, &["session", "agent", "worker", "subagent"]),
        (Subject::Tool, &["tool"]),
        (Subject::Span, &["span"]),
        (Subject::Artifact, &["artifact", "report"]),
        (Subject::Score, &["score", "evaluation", "eval"]),
    ],
    &[(Subject::Run, &["run", "workflow", "pipeline", "loop"]), (Subject::Cancel, &["cancel"])],
    &[(Subject::Error, &["error", "failure"]), (Subject::Log, &["log"])],
];

/// Stuck with the verb cleared, whatever other verb there is.
const UNBLOCKED: &str = "unblocked";
const UNSTUCK: &str = "unstuck";

/// The last verb after the subject, else the last before it; the subject's own word is none.
fn verb_beside(words: &[&str], at: usize, subject: Subject) -> Option<Verb> {
    if words.get(at).is_some_and(|word| listed(&[UNBLOCKED, UNSTUCK], word)) {
        return Some(Verb::Cleared);
    }
    let after = words_after(words, at + 1, subject).last();
    after.or_else(|| verbs(words.get(..at)?, Some(subject)).map(|(_, verb)| verb).last())
}

/// The verbs from a word on.
fn words_after<'w>(words: &'w [&'w str], from: usize, subject: Subject) -> impl Iterator<Item = Verb> + 'w {
    verbs(words.get(from..).unwrap_or_default(), Some(subject)).map(|(_, verb)| verb)
}

/// Every verb with the place of its (last) word.
fn verbs<'w>(words: &'w [&'w str], subject: Option<Subject>) -> impl Iterator<Item = (usize, Verb)> + 'w {
    words.iter().enumerate().filter_map(move |(at, word)| {
        let before = at.checked_sub(1).and_then(|before| words.get(before));
        if *word == "out" && before.is_some_and(|before| *before == "timed") {
            return Some((at, Verb::TimedOut));
        }
        verb_of(word, subject).map(|verb| (at, verb))
    })
}

fn verb_of(word: &str, subject: Option<Subject>) -> Option<Verb> {
    let special = SPECIAL.iter().find(|(of, list, _)| subject == Some(*of) && listed(list, word));
    if let Some((_, _, verb)) = special {
        return Some(*verb);
    }
    VERBS.iter().find(|(_, list)| listed(list, word)).map(|(verb, _)| *verb)
}

/// Words that are a verb, or another verb, beside one subject only.
const SPECIAL: [(Subject, &[&str], Verb); 3] = [
    (Subject::Tool, &["call", "use"], Verb::Started),
    (Subject::Tool, &["output"], Verb::Finished),
    (Subject::Run, &["stop", "stopped"], Verb::Cancelled),
];

const VERBS: [(Verb, &[&str]); 15] = [
    (Verb::Queued, &["queued", "pending", "created", "scheduled", "enqueued"]),
    (
        Verb::Started,
        &[
            "start", "started", "begin", "began", "enter", "entered", "launch", "launched", "spawn", "spawned", "init",
            "selected", "resumed",
        ],
    ),
    (
        Verb::Finished,
        &[
            "finish",
            "finished",
            "complete",
            "completed",
            "end",
            "ended",
            "stop",
            "stopped",
            "done",
            "exit",
            "exited",
            "closed",
            "terminate",
            "terminated",
            "death",
            "died",
            "result",
        ],
    ),
    (Verb::Passed, &["pass", "passed", "succeed", "succeeded", "success", "verified"]),
    (Verb::Failed, &["fail", "failed", "failure", "error", "errored", "crash", "crashed"]),
    (Verb::Cancelled, &["cancel", "cancelled", "canceled", "abort", "aborted", "kill", "killed"]),
    (Verb::Skipped, &["skip", "skipped"]),
    (Verb::Retried, &["retry", "retried"]),
    (Verb::TimedOut, &["timeout", "timedout"]),
    (
        Verb::Raised,
        &[
            "request",
            "requested",
            "require",
            "required",
            "raise",
            "raised",
            "open",
            "opened",
            "add",
            "added",
            "needed",
            "ask",
            "asked",
        ],
    ),
    (Verb::Granted, &["grant", "granted", "approve", "approved", "accept", "accepted", "answered", "received"]),
    (Verb::Denied, &["deny", "denied", "reject", "rejected"]),
    (Verb::Expired, &["expire", "expired"]),
    (Verb::Cleared, &["clear", "cleared", "resolve", "resolved", "release", "released", "remove", "removed", "acked"]),
    (Verb::Recorded, &["record", "recorded", "write", "written", "reported"]),
];

/// Phrases that raise a handoff wherever they stand in a name.
const NEEDS_HUMAN: [&[&str]; 6] = [
    &["take", "the", "wheel"],
    &["needs", "human"],
    &["human", "needed"],
    &["takethewheel"],
    &["needshuman"],
    &["humanneeded"],
];

/// The place after the last phrase that says that a person is needed.
fn needs_human_end(words: &[&str]) -> Option<usize> {
    (1..=words.len()).rev().find(|&end| {
        NEEDS_HUMAN.iter().any(|phrase| {
            let found = end.checked_sub(phrase.len()).and_then(|start| words.get(start..end));
            found.is_some_and(|found| found.iter().zip(*phrase).all(|(word, wanted)| listed(&[wanted], word)))
        })
    })
}

/// The closing verbs of spec 2.2 rule 7.
fn closes(verb: Verb) -> bool {
    match verb {
        Verb::Granted
        | Verb::Denied
        | Verb::Expired
        | Verb::Cleared
        | Verb::Finished
        | Verb::Passed
        | Verb::Failed
        | Verb::Cancelled
        | Verb::TimedOut
        | Verb::Skipped => true,
        Verb::Queued | Verb::Started | Verb::Retried | Verb::Raised | Verb::Recorded => false,
    }
}

#[cfg(test)]
mod tests;
