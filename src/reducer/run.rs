//! [`RunState`]: what a run is after a line of its log (spec 2.1). The rules that change it are in `fold`.
//!
//! It must never know a clock: what depends on the present moment is derived in `verdict`.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::event::{ErrorText, Level, words};
use super::marker::Marker;
use super::span::{Artifact, Span, SpanKind};
use super::time::Micros;

/// A reduced value and the line where it last changed. A fact without a line does not exist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// The physical line, from 1, where the value last changed.
    pub line: u64,
}

/// A value that the log may not have said yet.
pub type Known<T> = Option<Fact<T>>;

/// The value of a known fact, as a reference.
pub fn value<T>(known: &Known<T>) -> Option<&T> {
    known.as_ref().map(|fact| &fact.value)
}

/// Sets a fact. The line moves only when the value changes; says whether it did.
pub fn set<T: PartialEq>(known: &mut Known<T>, value: T, line: u64) -> bool {
    if known.as_ref().is_some_and(|fact| fact.value == value) {
        return false;
    }
    *known = Some(Fact { value, line });
    true
}

/// The same for a text, which is copied only when it changes.
pub fn set_text(known: &mut Known<String>, text: &str, line: u64) -> bool {
    if known.as_ref().is_some_and(|fact| fact.value == text) {
        return false;
    }
    *known = Some(Fact { value: text.to_owned(), line });
    true
}

/// The status of a run: three open ones, four ends, no others (spec 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Status {
    Queued,
    Running,
    NeedsHuman,
    Completed,
    Failed,
    Cancelled,
    TimedOut,
}

words!(Status {
    Queued = "queued", Running = "running", NeedsHuman = "needs_human", Completed = "completed",
    Failed = "failed", Cancelled = "cancelled", TimedOut = "timed_out",
});

/// A word in the form that word lists are written in: lower-case, `-` and space as `_` (rule 10). Nothing is trimmed,
/// which that rule does not say and rule 4 says of phases.
#[must_use]
pub fn normal_word(text: &str) -> Cow<'_, str> {
    // Most logs write them that way already.
    if text.bytes().all(|byte| byte == b'_' || is_plain(byte) && byte != b'-') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase().replace(['-', ' '], "_"))
}

/// Whether a byte is visible ASCII and no capital: nothing that trimming or lower-casing would change.
pub(super) const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !byte.is_ascii_uppercase()
}

/// What a status word of a log means (spec 2.2 rule 10); words that are not listed mean nothing.
#[must_use]
pub fn status_word(text: &str) -> Option<Status> {
    let word = normal_word(text);
    Some(match &*word {
        "completed" | "passed" | "pass" | "success" | "succeeded" | "ok" | "done" | "shipped" | "complete"
        | "finished" => Status::Completed,
        "failed" | "error" | "errored" | "crashed" | "failure" | "fail" => Status::Failed,
        "cancelled" | "aborted" | "abort" | "stopped" | "killed" | "canceled" | "cancel" => Status::Cancelled,
        "timed_out" | "timeout" | "timedout" | "deadline_exceeded" => Status::TimedOut,
        "needs_human"
        | "blocked"
        | "paused"
        | "waiting"
        | "waiting_for_human"
        | "waiting_for_confirmation"
        | "waiting_input"
        | "needs_review"
        | "needs_input" => Status::NeedsHuman,
        "running" | "active" | "in_progress" | "started" => Status::Running,
        "queued" | "pending" | "scheduled" | "created" => Status::Queued,
        _ => return None,
    })
}

impl Status {
    /// Whether a run with this status has ended.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(self, Status::Completed | Status::Failed | Status::Cancelled | Status::TimedOut)
    }
}

/// Who has the wheel (spec 2.2 rule 7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// The agent works by itself.
    Agent,
    /// Somebody was handed the wheel: `human`, or the name that the log gave.
    Other(String),
}

impl Holder {
    /// `agent`, or the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Holder::Agent => "agent",
            Holder::Other(name) => name,
        }
    }
}

/// How many lines of each class were read; blank ones are no event (spec 1.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LineCounts {
    pub event: u64,
    pub text: u64,
    pub malformed: u64,
    pub oversized: u64,
    pub blank: u64,
}

impl LineCounts {
    /// All physical lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.event + self.text + self.malformed + self.oversized + self.blank
    }
}

/// The values of a run, each with its line. Spans, markers and artifacts are beside it in [`RunState`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Run {
    pub title: Known<String>,
    pub workflow: Known<String>,
    pub status: Known<Status>,
    pub status_reason: Known<String>,
    pub error: Known<ErrorText>,
    pub phase: Known<String>,
    pub candidate: Known<String>,
    pub attempt: Known<u64>,
    pub max_attempts: Known<u64>,
    pub score: Known<f64>,
    pub pass_threshold: Known<f64>,
    /// Raw JSON as written.
    pub inputs: Known<String>,
    pub steps_total: Known<u64>,
    pub retry_of: Known<String>,
    pub claimed_by: Known<String>,
    pub cancel_requested_at: Known<Micros>,
    pub deadline: Known<Micros>,
    pub expected_ms: Known<i64>,
    pub queued_at: Known<Micros>,
    pub started_at: Known<Micros>,
    pub ended_at: Known<Micros>,
    pub first_event_at: Known<Micros>,
    pub last_life_at: Known<Micros>,
    pub last_progress_at: Known<Micros>,
    pub last_heartbeat_at: Known<Micros>,
    /// How many heartbeats; `None` is 0.
    pub heartbeats: Known<u64>,
    /// Lower middle of the last 64 positive intervals, in milliseconds.
    pub heartbeat_interval_ms: Known<i64>,
    pub tokens_in: Known<u64>,
    pub tokens_out: Known<u64>,
    pub cost_usd: Known<f64>,
    /// `None` is nobody.
    pub holder: Known<Holder>,
}

impl Run {
    /// Whether the run ended. A run without an event has no status and is not ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        value(&self.status).is_some_and(|status| status.is_ended())
    }

    /// The title, else the workflow, else the key (spec 2.1).
    #[must_use]
    pub fn title_or<'a>(&'a self, key: &'a str) -> &'a str {
        value(&self.title).or(value(&self.workflow)).map_or(key, String::as_str)
    }
}

/// How many distinct event names are counted by name; the rest are `other` (spec 2.1).
pub const MAX_NAMES: usize = 256;
/// What further names are counted as.
pub(super) const OTHER_NAMES: &str = "other";

/// Counters of a run: never counted again by a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counters {
    pub lines: LineCounts,
    pub events: u64,
    /// By the place of the level in [`Level::ALL`].
    pub levels: [u64; Level::ALL.len()],
    /// As written; at most [`MAX_NAMES`], then `other`.
    pub names: Counts,
    /// Distinct step ids whose newest span is completed or skipped (spec 2.1).
    pub steps_done: u64,
    /// The newest line that opened or closed a step; 0 without one.
    pub steps_line: u64,
    /// Phase, candidate, attempt and step spans so far (spec 2.6, *no progress* needs one).
    pub work_spans: u64,
}

/// What the reading itself noticed about a log, each with its count and the first line of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Health {
    /// Events without a time.
    pub untimed: Tally,
    /// Values that are no time where a time was looked for.
    pub bad_times: Tally,
    /// Values of the wrong type, passed over.
    pub wrong_types: Tally,
    /// Equal keys in one object; the last wins.
    pub duplicate_keys: Tally,
    /// Elements of arrays that were too many on one line to be events each.
    pub unread_elements: Tally,
    /// Names without a subject.
    pub unknown_names: Tally,
    /// Malformed lines.
    pub malformed: Tally,
    /// Oversized lines.
    pub oversized: Tally,
    /// Whether the last line that is not blank had a time (spec 2.6: which clock is *life*).
    pub last_line_timed: bool,
    /// Last line that is not blank; 0 without one.
    pub last_line: u64,
    /// What the log calls its run, as it said first. The run's key is that of its directory all the same.
    pub run_id: Known<String>,
    /// The dialects that recognised lines, with how many.
    pub dialects: Counts,
}

/// A count and the line where it was first seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The first line; 0 while the count is 0.
    pub first_line: u64,
}

impl Tally {
    /// Counts one more, seen at a line.
    pub fn add(&mut self, line: u64) {
        if self.count == 0 {
            self.first_line = line;
        }
        self.count += 1;
    }

    /// Counts so many more, seen at a line.
    pub fn add_many(&mut self, many: u64, line: u64) {
        if many > 0 {
            self.add(line);
            self.count += many - 1;
        }
    }
}

/// Everything known of a run after some line: a pure function of the bytes up to there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RunState {
    pub run: Run,
    pub counters: Counters,
    pub health: Health,
    /// In the order in which they opened; the index is the span's number for good.
    #[serde(skip)]
    pub spans: Vec<Span>,
    /// In the order in which they opened; the index is the marker's number for good.
    #[serde(skip)]
    pub markers: Vec<Marker>,
    /// In the order of first mention; `line` is the newest. Dumped by line.
    #[serde(skip)]
    pub artifacts: Vec<Artifact>,
    /// What the fold itself needs beyond what is shown (seen start, recent heartbeats, …).
    pub scratch: super::fold::Scratch,
    /// Look-ups over `spans`, rebuilt by [`RunState::restore`].
    #[serde(skip)]
    pub(crate) index: super::fold::Index,
    /// What changed since [`RunState::take_changes`].
    #[serde(skip)]
    pub(crate) changes: Changes,
}

/// Numbers of the entries that changed, for a writer that stores only those. Unordered, may repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Changes {
    pub spans: Vec<u32>,
    pub markers: Vec<u32>,
    pub artifacts: Vec<u32>,
}

/// Lists that were emptied, to be filled again: growing anew they would be copied again and again.
#[derive(Debug, Default)]
pub struct Spare {
    spans: Vec<Span>,
    markers: Vec<Marker>,
    artifacts: Vec<Artifact>,
    index: super::fold::Index,
}

#[cfg(test)]
impl Spare {
    /// For how many spans there is room.
    pub(crate) fn room(&self) -> usize {
        self.spans.capacity()
    }
}

/// Lists with room for more entries are not kept for others.
const MOST_SPARE: usize = 2048;

impl RunState {
    /// The state before the first line, in the room of one that is gone.
    #[must_use]
    pub fn in_room_of(spare: Spare) -> Self {
        let Spare { spans, markers, artifacts, index } = spare;
        Self { spans, markers, artifacts, index, ..Self::default() }
    }

    /// Forgets the entries of its lists but the phases, for who wants nothing but the run: nothing can be applied to it
    /// any more. Gives the room of the others.
    pub fn keep_phases(&mut self) -> Spare {
        let mut spans = std::mem::take(&mut self.spans);
        spans.retain(|span| span.kind == SpanKind::Phase);
        self.spans.reserve_exact(spans.len());
        self.spans.append(&mut spans);
        let mut spare = Spare {
            spans,
            markers: std::mem::take(&mut self.markers),
            artifacts: std::mem::take(&mut self.artifacts),
            index: std::mem::take(&mut self.index),
        };
        self.changes = Changes::default();
        let lengths = [spare.spans.capacity(), spare.markers.capacity(), spare.artifacts.capacity()];
        if lengths.into_iter().any(|entries| entries > MOST_SPARE) {
            return Spare::default();
        }
        spare.markers.clear();
        spare.artifacts.clear();
        spare.index.clear();
        spare
    }

    /// Gives back the room that it has and does not fill.
    pub fn shrink_to_fit(&mut self) {
        self.spans.shrink_to_fit();
        self.markers.shrink_to_fit();
        self.artifacts.shrink_to_fit();
        self.index.shrink_to_fit();
    }

    /// Whether its lists have no other entries than those that [`RunState::keep_phases`] leaves.
    #[must_use]
    pub fn has_phases_only(&self) -> bool {
        self.spans.iter().all(|span| span.kind == SpanKind::Phase)
            && self.markers.is_empty()
            && self.artifacts.is_empty()
    }

    /// Puts a stored state together again: the part that serialises, and the three lists from their tables.
    #[must_use]
    pub fn restore(mut core: RunState, spans: Vec<Span>, markers: Vec<Marker>, artifacts: Vec<Artifact>) -> RunState {
        core.spans = spans;
        core.markers = markers;
        core.artifacts = artifacts;
        core.index = super::fold::Index::of(&core.spans, &core.markers, &core.artifacts, &core.scratch);
        core
    }

    /// Says that it was restored with few of its spans and markers, beside absent ones: it can be gone on from as long as
    /// [`Absent::asked`](super::fold::Absent::asked) stays empty.
    pub fn set_beside(&mut self, absent: Arc<super::fold::Absent>) {
        self.index.set_beside(absent);
    }

    /// What changed since the last call, sorted and without repeats; the list is empty afterwards.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = std::mem::take(&mut self.changes);
        sort(&mut changes.spans, self.spans.len());
        sort(&mut changes.markers, self.markers.len());
        sort(&mut changes.artifacts, self.artifacts.len());
        changes
    }
}

/// Sorts numbers of a list's entries and takes repeats away.
fn sort(numbers: &mut Vec<u32>, entries: usize) {
    if numbers.len() < entries / 8 {
        numbers.sort_unstable();
        numbers.dedup();
        return;
    }
    // They are so many that the entries are asked instead.
    let mut is_there = vec![false; entries];
    for number in numbers.iter() {
        if let Some(there) = is_there.get_mut(*number as usize) {
            *there = true;
        }
    }
    numbers.clear();
    numbers.extend((0..).zip(is_there).filter(|(_, there)| *there).map(|(number, _)| number));
}
