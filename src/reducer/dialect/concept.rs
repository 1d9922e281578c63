//! The vocabulary of the generic dialect: every concept of spec 1.3 with the names it is looked for by, in order, and
//! a table that finds the concepts of a key in a few instructions.
//!
//! It must never know a value.

/// What a log line can say (the rows of spec 1.3). The order here means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concept {
    Time,
    EventName,
    /// `attributes["event.name"]`.
    AttributeName,
    Message,
    Level,
    Workflow,
    Title,
    Phase,
    Candidate,
    Attempt,
    MaxAttempts,
    Score,
    PassThreshold,
    Step,
    Skill,
    StepName,
    Span,
    Parent,
    ToolName,
    Session,
    ParentSession,
    Agent,
    Model,
    Repo,
    Holder,
    Status,
    ExitCode,
    Success,
    IsError,
    OutcomeWord,
    Reason,
    Error,
    Stack,
    Duration,
    Cache,
    Input,
    Output,
    Artifact,
    /// Like [`Concept::Artifact`], on artifact events.
    ArtifactPath,
    ArtifactList,
    MediaType,
    MarkerId,
    Id,
    Integration,
    Action,
    Risk,
    Params,
    ExpiresAt,
    TokensIn,
    TokensOut,
    Cost,
    TotalIn,
    TotalOut,
    TotalCost,
    ClaimedBy,
    Host,
    Pid,
    StepsTotal,
    Deadline,
    Expected,
    RetryOf,
    CancelRequestedAt,
    /// Ids of an object of its own (spec 2.7).
    Ledger,
    /// What the log calls its run.
    RunId,
}

/// Where concepts are looked for, and `usage`: keys of the vocabulary too.
pub(crate) const CONTAINERS: [&str; 10] =
    ["data", "payload", "attrs", "attributes", "metadata", "details", "detail", "fields", "body", "usage"];

/// The keys of [`CONTAINERS`].
pub(crate) const CONTAINER_KEYS: [Key; CONTAINERS.len()] = {
    let mut keys = [Key(EMPTY); CONTAINERS.len()];
    let mut at = 0;
    while at < CONTAINERS.len() {
        keys[at] = Key::named(CONTAINERS[at]);
        at += 1;
    }
    keys
};

use Concept as C;

/// Each concept with its names, in the order in which they are looked for.
static NAMES: [(Concept, &[&str]); CONCEPTS] = [
    (
        C::Time,
        &[
            "ts",
            "timestamp",
            "time",
            "at",
            "ts_ms",
            "created_at",
            "createdAt",
            "Time",
            "finished_at",
            "ended_at",
            "started_at",
        ],
    ),
    (C::EventName, &["event", "event_type", "eventType", "type", "kind", "topic", "action", "Action", "name", "state"]),
    (C::AttributeName, &["event.name"]),
    (C::Message, &["message", "msg", "summary", "text", "description", "detail"]),
    (C::Level, &["level", "severity", "severityText", "severity_text"]),
    (C::Workflow, &["workflow", "workflow_name", "workflowName", "pipeline"]),
    (C::Title, &["title", "campaign", "campaign_name"]),
    (C::Phase, &["phase", "stage"]),
    (C::Candidate, &["candidate", "candidate_id", "candidateId", "feature_id", "featureId"]),
    (C::Attempt, &["attempt", "iteration", "round", "cycle"]),
    (C::MaxAttempts, &["max_attempts", "maxAttempts", "max_iterations"]),
    (C::Score, &["score", "final_score", "finalScore"]),
    (C::PassThreshold, &["pass_threshold", "passThreshold"]),
    (C::Step, &["step", "step_id", "stepId"]),
    (C::Skill, &["skill", "skill_id", "skillId"]),
    (C::StepName, &["step_name", "stepName"]),
    (C::Span, &["span_id", "spanId", "tool_use_id", "tool_call_id"]),
    (C::Parent, &["parent_span_id", "parentSpanId", "parent_tool_use_id", "parent_id", "parent"]),
    (C::ToolName, &["tool_name", "toolName", "tool"]),
    (C::Session, &["session", "session_id", "sessionId", "thread_id", "worker_id", "workerId"]),
    (C::ParentSession, &["parent_session", "parent_session_id"]),
    (C::Agent, &["agent", "agent_name", "agentName", "role", "actor", "hat"]),
    (C::Model, &["model"]),
    (C::Repo, &["repo", "repository"]),
    (C::Holder, &["holder", "owner"]),
    (C::Status, &["status"]),
    (C::ExitCode, &["exit_code", "exitCode"]),
    (C::Success, &["success", "ok", "passed"]),
    (C::IsError, &["is_error", "isError"]),
    (C::OutcomeWord, &["outcome", "result"]),
    (C::Reason, &["reason", "status_reason", "cause"]),
    (C::Error, &["error", "error_message", "errorMessage", "exception"]),
    (C::Stack, &["stack", "stack_trace", "stacktrace", "traceback"]),
    (C::Duration, &["duration_ms", "durationMs", "elapsed_ms", "duration_s", "duration_sec"]),
    (C::Cache, &["cache", "cache_hit", "cacheHit"]),
    (C::Input, &["input", "inputs", "trigger_payload", "triggerPayload"]),
    (C::Output, &["output", "outputs"]),
    (C::Artifact, &["artifact", "artifact_path", "report_path"]),
    (C::ArtifactPath, &["artifact", "artifact_path", "report_path", "path"]),
    (C::ArtifactList, &["artifacts", "artifact_paths"]),
    (C::MediaType, &["media_type", "mime"]),
    (
        C::MarkerId,
        &["item", "item_id", "approval_id", "approvalId", "interaction_id", "invocation_id", "invocationId", "id"],
    ),
    (C::Id, &["id"]),
    (C::Integration, &["integration"]),
    (C::Action, &["action", "tool"]),
    (C::Risk, &["risk", "risk_level", "riskLevel"]),
    (C::Params, &["params"]),
    (C::ExpiresAt, &["expires_at", "expiresAt"]),
    (C::TokensIn, &["input_tokens"]),
    (C::TokensOut, &["output_tokens"]),
    (C::Cost, &["cost_usd"]),
    (C::TotalIn, &["total_input_tokens"]),
    (C::TotalOut, &["total_output_tokens"]),
    (C::TotalCost, &["total_cost_usd"]),
    (C::ClaimedBy, &["claimed_by", "claimedBy"]),
    (C::Host, &["host"]),
    (C::Pid, &["pid"]),
    (C::StepsTotal, &["steps_total", "stepsTotal", "steps"]),
    (C::Deadline, &["deadline"]),
    (C::Expected, &["expected_ms", "expected_s"]),
    (C::RetryOf, &["retry_of", "retryOf"]),
    (C::CancelRequestedAt, &["cancel_requested_at", "cancelRequestedAt"]),
    (C::Ledger, &["id", "run_id", "runId", "task", "task_id", "taskId", "item", "item_id"]),
    (C::RunId, &["run_id", "runId"]),
];

/// Those that are just a text, an id or a who.
pub(crate) const TEXTS: Concepts = Concepts::of(&[
    C::Workflow,
    C::Title,
    C::Phase,
    C::Candidate,
    C::Step,
    C::Skill,
    C::StepName,
    C::Span,
    C::Parent,
    C::ToolName,
    C::Session,
    C::ParentSession,
    C::Agent,
    C::Model,
    C::Repo,
    C::Holder,
    C::Status,
    C::Reason,
    C::Stack,
    C::MarkerId,
    C::Id,
    C::Integration,
    C::Risk,
    C::RetryOf,
    C::RunId,
]);

/// A set of concepts; each is one bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concepts(u64);

impl Concepts {
    pub(crate) const ALL: Concepts = Concepts(u64::MAX);

    pub(crate) const fn of(list: &[Concept]) -> Self {
        let mut all = 0;
        let mut at = 0;
        while at < list.len() {
            all |= 1 << list[at] as u32;
            at += 1;
        }
        Self(all)
    }

    pub(crate) const fn or(self, other: Concepts) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Concepts) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn only(self, other: Concepts) -> Self {
        Self(self.0 & other.0)
    }

    #[inline(always)]
    pub(crate) const fn add(&mut self, concept: Concept) {
        self.0 |= 1 << concept as u32;
    }

    /// The same by the concept's place.
    pub(crate) const fn has_number(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    #[inline(always)]
    pub(crate) const fn has(self, concept: Concept) -> bool {
        self.0 >> concept as u32 & 1 == 1
    }

    /// Whether any of some concepts is one of these.
    #[inline(always)]
    pub(crate) const fn has_any(self, of: Concepts) -> bool {
        self.0 & of.0 != 0
    }
}

impl Iterator for Concepts {
    type Item = Concept;

    /// Takes the next one out.
    #[inline(always)]
    fn next(&mut self) -> Option<Concept> {
        let (concept, _) = NAMES.get(self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(*concept)
    }
}

/// That a key is the `rank`-th name of a concept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    pub(crate) concept: Concept,
    pub(crate) rank: u8,
}

/// A key of the vocabulary, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u8);

/// As many keys as the tables have room for: as many as a byte can say, so that no access is out of bounds.
pub(crate) const KEYS: usize = 256;
/// As many concepts as the tables have room for: as many as a set has bits.
pub(crate) const CONCEPTS: usize = 64;
/// The most names that a concept has.
pub(crate) const MOST_NAMES: usize = 16;
/// The most concepts that a name belongs to.
const MOST_ROLES: usize = 3;
/// The roles of a key, those that it has before those that it has not.
pub(crate) type Roles = [Option<Role>; MOST_ROLES];
/// Slots of the hash table: mostly empty, so that an unknown key is turned away without a comparison.
const SLOTS: usize = 1024;
const EMPTY: u8 = u8::MAX;

struct Vocabulary {
    names: [&'static str; KEYS],
    /// The first eight bytes of each name, zeros behind a shorter one.
    first_words: [u64; KEYS],
    /// The last eight bytes of each longer name.
    last_words: [u64; KEYS],
    roles: [Roles; KEYS],
    count: usize,
    keys: [[Key; MOST_NAMES]; CONCEPTS],
    lengths: [u8; CONCEPTS],
    slots: [u8; SLOTS],
}

static VOCABULARY: Vocabulary = Vocabulary::build();

impl Vocabulary {
    const fn build() -> Self {
        let mut all = Self {
            names: [""; KEYS],
            first_words: [0; KEYS],
            last_words: [0; KEYS],
            roles: [[None; MOST_ROLES]; KEYS],
            count: 0,
            keys: [[Key(EMPTY); MOST_NAMES]; CONCEPTS],
            lengths: [0; CONCEPTS],
            slots: [EMPTY; SLOTS],
        };
        let mut row = 0;
        while row < NAMES.len() {
            let (concept, names) = NAMES[row];
            assert!(concept as usize == row, "the rows stand in the order of the concepts");
            let mut name = 0;
            while name < names.len() {
                let key = all.enter(names[name]);
                let mut role = 0;
                while all.roles[key][role].is_some() {
                    role += 1;
                }
                all.roles[key][role] = Some(Role { concept, rank: name as u8 });
                all.keys[row][name] = Key(key as u8);
                name += 1;
            }
            all.lengths[row] = names.len() as u8;
            row += 1;
        }
        let mut container = 0;
        while container < CONTAINERS.len() {
            all.enter(CONTAINERS[container]);
            container += 1;
        }
        all
    }

    /// The number of a name, a new one if it has none.
    const fn enter(&mut self, name: &'static str) -> usize {
        let bytes = name.as_bytes();
        let mut slot = hash(first_word(bytes, 0, bytes.len()), last_word(bytes, 0, bytes.len()), bytes.len());
        while self.slots[slot] != EMPTY {
            let key = self.slots[slot] as usize;
            if same(self.names[key].as_bytes(), bytes) {
                return key;
            }
            slot = (slot + 1) % SLOTS;
        }
        let key = self.count;
        assert!(key < KEYS && key < EMPTY as usize, "the tables have room for every key");
        self.count += 1;
        self.slots[slot] = key as u8;
        self.names[key] = name;
        self.first_words[key] = first_word(bytes, 0, bytes.len());
        self.last_words[key] = last_word(bytes, 0, bytes.len());
        key
    }
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The first eight bytes as a number, zeros behind a shorter name.
#[inline(always)]
const fn first_word(text: &[u8], start: usize, end: usize) -> u64 {
    let length = end - start;
    if let Some((_, on)) = text.split_at_checked(start)
        && let Some(word) = on.first_chunk::<8>()
    {
        let word = u64::from_le_bytes(*word);
        return if length < 8 { word & !(u64::MAX << (8 * length)) } else { word };
    }
    near_end(text, start, end)
}

/// The same where less than eight bytes follow.
#[cold]
const fn near_end(text: &[u8], start: usize, end: usize) -> u64 {
    let mut word = 0;
    let mut at = end;
    while at > start {
        at -= 1;
        word = word << 8 | text[at] as u64;
    }
    word
}

/// The last eight bytes of a name longer than eight, else 0.
#[inline(always)]
const fn last_word(text: &[u8], start: usize, end: usize) -> u64 {
    if end - start > 8
        && let Some((name, _)) = text.split_at_checked(end)
        && let Some(word) = name.last_chunk::<8>()
    {
        return u64::from_le_bytes(*word);
    }
    0
}

#[inline]
const fn hash(first: u64, last: u64, length: usize) -> usize {
    let mixed = (first ^ last.rotate_left(29) ^ length as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 54) as usize
}

impl Key {
    /// The key whose name stands between two places of a text.
    #[inline(always)]
    pub(crate) fn at(text: &[u8], start: usize, end: usize) -> Option<Key> {
        let (first, last, length) = (first_word(text, start, end), last_word(text, start, end), end - start);
        let mut slot = hash(first, last, length);
        loop {
            let key = VOCABULARY.slots[slot % SLOTS];
            if key == EMPTY {
                return None;
            }
            let number = key as usize;
            if VOCABULARY.first_words[number] == first && VOCABULARY.last_words[number] == last {
                // The two words are all of a name of up to sixteen bytes, but for its length.
                let known = VOCABULARY.names[number].as_bytes();
                if known.len() == length && (length <= 16 || text.get(start..end) == Some(known)) {
                    return Some(Key(key));
                }
            }
            slot += 1;
        }
    }

    /// The key of a name of the vocabulary; for constants, since it looks at all of them.
    pub(crate) const fn named(name: &str) -> Key {
        let mut key = 0;
        while key < VOCABULARY.count {
            if same(VOCABULARY.names[key].as_bytes(), name.as_bytes()) {
                return Key(key as u8);
            }
            key += 1;
        }
        panic!("the name is in the vocabulary");
    }

    /// The key with a number.
    #[cfg(test)]
    pub(crate) fn numbered(number: usize) -> Option<Key> {
        (number < VOCABULARY.count).then_some(Key(number as u8))
    }

    #[inline]
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }

    /// The concepts that the key is a name of.
    #[inline(always)]
    pub(crate) fn roles(self) -> &'static Roles {
        &VOCABULARY.roles[self.number()]
    }
}

/// A set of keys; each is one bit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys([u64; KEYS / 64]);

impl Keys {
    /// Adds a key by its number.
    pub(crate) fn add(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    /// Whether any of some keys is one of these.
    #[inline(always)]
    pub(crate) fn has_any(&self, of: &Keys) -> bool {
        self.0.iter().zip(of.0).fold(0, |both, (own, other)| both | own & other) != 0
    }
}

impl Concept {
    /// The keys of the concept, in the order in which they are looked for.
    #[inline]
    pub(crate) fn keys(self) -> &'static [Key] {
        Self::keys_of(self as usize)
    }

    /// The same by the concept's number.
    pub(crate) fn keys_of(number: usize) -> &'static [Key] {
        &VOCABULARY.keys[number][..usize::from(VOCABULARY.lengths[number])]
    }
}

#[cfg(test)]
mod tests;
