//! The words by which a dialect names what an event can say: the concepts of spec 1.3, one word each.
//!
//! It must never know where a value comes from.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::super::concept::{Concept as C, Key};

/// A word of the vocabulary of dialects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field(usize);

/// What a word leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// A concept, as if it had been found under this generic name (which says its unit).
    Concept(C, Key),
    /// What the amounts of usage on the event belong to: said again for the same id they replace.
    UsageId,
}

const fn under(concept: C, name: &str) -> Means {
    Means::Concept(concept, Key::named(name))
}

static FIELDS: [(&str, Means); 66] = [
    ("time", under(C::Time, "ts")),
    ("name", under(C::EventName, "event")),
    ("message", under(C::Message, "message")),
    ("level", under(C::Level, "level")),
    ("workflow", under(C::Workflow, "workflow")),
    ("title", under(C::Title, "title")),
    ("phase", under(C::Phase, "phase")),
    ("candidate", under(C::Candidate, "candidate")),
    ("attempt", under(C::Attempt, "attempt")),
    ("max_attempts", under(C::MaxAttempts, "max_attempts")),
    ("score", under(C::Score, "score")),
    ("pass_threshold", under(C::PassThreshold, "pass_threshold")),
    ("step", under(C::Step, "step")),
    ("skill", under(C::Skill, "skill")),
    ("step_name", under(C::StepName, "step_name")),
    ("span", under(C::Span, "span_id")),
    ("parent", under(C::Parent, "parent")),
    ("tool_name", under(C::ToolName, "tool_name")),
    ("session", under(C::Session, "session")),
    ("parent_session", under(C::ParentSession, "parent_session")),
    ("agent", under(C::Agent, "agent")),
    ("model", under(C::Model, "model")),
    ("repo", under(C::Repo, "repo")),
    ("holder", under(C::Holder, "holder")),
    ("status", under(C::Status, "status")),
    ("exit_code", under(C::ExitCode, "exit_code")),
    ("success", under(C::Success, "success")),
    ("is_error", under(C::IsError, "is_error")),
    ("outcome", under(C::OutcomeWord, "outcome")),
    ("reason", under(C::Reason, "reason")),
    ("error", under(C::Error, "error")),
    ("stack", under(C::Stack, "stack")),
    ("duration_ms", under(C::Duration, "duration_ms")),
    ("duration_s", under(C::Duration, "duration_s")),
    ("cache", under(C::Cache, "cache")),
    ("cache_hit", under(C::Cache, "cache_hit")),
    ("input", under(C::Input, "input")),
    ("output", under(C::Output, "output")),
    ("artifact", under(C::Artifact, "artifact")),
    ("artifacts", under(C::ArtifactList, "artifacts")),
    ("media_type", under(C::MediaType, "media_type")),
    ("marker", under(C::MarkerId, "item")),
    ("id", under(C::Id, "id")),
    ("integration", under(C::Integration, "integration")),
    ("action", under(C::Action, "tool")),
    ("risk", under(C::Risk, "risk")),
    ("params", under(C::Params, "params")),
    ("expires_at", under(C::ExpiresAt, "expires_at")),
    ("tokens_in", under(C::TokensIn, "input_tokens")),
    ("tokens_out", under(C::TokensOut, "output_tokens")),
    ("cost_usd", under(C::Cost, "cost_usd")),
    ("total_tokens_in", under(C::TotalIn, "total_input_tokens")),
    ("total_tokens_out", under(C::TotalOut, "total_output_tokens")),
    ("total_cost_usd", under(C::TotalCost, "total_cost_usd")),
    ("usage_id", Means::UsageId),
    ("claimed_by", under(C::ClaimedBy, "claimed_by")),
    ("host", under(C::Host, "host")),
    ("pid", under(C::Pid, "pid")),
    ("steps_total", under(C::StepsTotal, "steps_total")),
    ("steps", under(C::StepsTotal, "steps")),
    ("deadline", under(C::Deadline, "deadline")),
    ("expected_ms", under(C::Expected, "expected_ms")),
    ("expected_s", under(C::Expected, "expected_s")),
    ("retry_of", under(C::RetryOf, "retry_of")),
    ("cancel_requested_at", under(C::CancelRequestedAt, "cancel_requested_at")),
    ("ledger", under(C::Ledger, "id")),
];

impl Field {
    pub(super) fn of(word: &str) -> Option<Self> {
        FIELDS.iter().position(|(known, _)| *known == word).map(Self)
    }

    pub(super) fn word(self) -> &'static str {
        FIELDS[self.0 % FIELDS.len()].0
    }

    pub(super) fn means(self) -> Means {
        FIELDS[self.0 % FIELDS.len()].1
    }

    /// The concept, none for what the generic dialect does not know.
    pub(super) fn concept(self) -> Option<C> {
        match self.means() {
            Means::Concept(concept, _) => Some(concept),
            Means::UsageId => None,
        }
    }

    /// Why a word is none, with what there is.
    pub(super) fn unknown(word: &str) -> String {
        let words: Vec<&str> = FIELDS.iter().map(|(word, _)| *word).collect();
        format!("{word:?} is nothing that an event can say; there are {}", words.join(", "))
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Field::of(&word).ok_or_else(|| D::Error::custom(Field::unknown(&word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_is_there_once() {
        for (number, (word, _)) in FIELDS.iter().enumerate() {
            assert_eq!(Field::of(word), Some(Field(number)), "{word}");
        }
        assert_eq!(Field::of("event.name"), None);
    }
}
