//! [`Tone`]: which of six hues something has. The colours behind the hues are tokens of `assets/style.css`.
//!
//! Healthy is quiet, what needs a person stands out, and a hue never stands without its icon and word (spec 3).

use super::icon::Icon;
use crate::reducer::attention::Reason;
use crate::reducer::event::Level;
use crate::reducer::marker::MarkerKind;
use crate::reducer::run::Status;
use crate::reducer::span::SpanStatus;
use crate::reducer::verdict::Word;

/// A hue with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to see.
    Quiet,
    /// Going on, on track.
    Live,
    /// Ended well.
    Good,
    /// Longer than expected.
    Warn,
    /// Wants a person.
    Human,
    /// Failed or stuck.
    Bad,
}

impl Tone {
    /// The class that carries the hue.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Quiet => "quiet",
            Tone::Live => "live",
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Human => "human",
            Tone::Bad => "bad",
        }
    }
}

/// Hue, icon and words of a run's status.
#[must_use]
pub const fn of_status(status: Status) -> (Tone, Icon, &'static str) {
    match status {
        Status::Queued => (Tone::Quiet, Icon::Queue, "queued"),
        Status::Running => (Tone::Live, Icon::Play, "running"),
        Status::NeedsHuman => (Tone::Human, Icon::Hand, "needs human"),
        Status::Completed => (Tone::Good, Icon::Check, "completed"),
        Status::Failed => (Tone::Bad, Icon::Cross, "failed"),
        Status::Cancelled => (Tone::Quiet, Icon::Stop, "cancelled"),
        Status::TimedOut => (Tone::Bad, Icon::Hourglass, "timed out"),
    }
}

/// Hue and icon of a verdict; its words are [`Word::label`].
#[must_use]
pub const fn of_word(word: Word) -> (Tone, Icon) {
    match word {
        Word::Ended => (Tone::Quiet, Icon::Stop),
        Word::Unknown => (Tone::Quiet, Icon::Question),
        Word::Stuck => (Tone::Bad, Icon::Alert),
        Word::Waiting => (Tone::Human, Icon::Hand),
        Word::Late => (Tone::Warn, Icon::Hourglass),
        Word::Healthy => (Tone::Live, Icon::Pulse),
    }
}

/// Hue, icon and words of a span's status.
#[must_use]
pub const fn of_span(status: SpanStatus) -> (Tone, Icon, &'static str) {
    match status {
        SpanStatus::Open => (Tone::Live, Icon::Play, "open"),
        SpanStatus::Completed => (Tone::Good, Icon::Check, "completed"),
        SpanStatus::Failed => (Tone::Bad, Icon::Cross, "failed"),
        SpanStatus::Skipped => (Tone::Quiet, Icon::Skip, "skipped"),
        SpanStatus::Cancelled => (Tone::Quiet, Icon::Stop, "cancelled"),
        SpanStatus::TimedOut => (Tone::Bad, Icon::Hourglass, "timed out"),
        SpanStatus::Superseded => (Tone::Quiet, Icon::Swap, "superseded"),
        SpanStatus::Unfinished => (Tone::Quiet, Icon::Question, "unfinished"),
    }
}

/// Hue, icon and what is said of a run that has this reason to be looked at (spec 3.2).
#[must_use]
pub const fn of_reason(reason: Reason) -> (Tone, Icon, &'static str) {
    match reason {
        Reason::Failed => (Tone::Bad, Icon::Cross, "failed"),
        Reason::TimedOut => (Tone::Bad, Icon::Hourglass, "timed out"),
        Reason::NeedsHuman => (Tone::Human, Icon::Hand, "needs you"),
        Reason::Handoff => (Tone::Human, Icon::Wheel, "asks to hand over"),
        Reason::Question => (Tone::Human, Icon::Question, "asks a question"),
        Reason::Stuck => (Tone::Bad, Icon::Alert, "likely stuck"),
        Reason::Late => (Tone::Warn, Icon::Hourglass, "past expectation"),
        Reason::Approval => (Tone::Human, Icon::Key, "wants approval"),
    }
}

/// Hue and icon of an open marker.
#[must_use]
pub const fn of_marker(kind: MarkerKind) -> (Tone, Icon) {
    match kind {
        MarkerKind::Handoff => (Tone::Human, Icon::Wheel),
        MarkerKind::Question => (Tone::Human, Icon::Question),
        MarkerKind::Approval => (Tone::Human, Icon::Key),
        MarkerKind::Stuck => (Tone::Bad, Icon::Alert),
        MarkerKind::Queue => (Tone::Warn, Icon::Queue),
    }
}

/// Hue of a level.
#[must_use]
pub const fn of_level(level: Level) -> Tone {
    match level {
        Level::Trace | Level::Debug | Level::Info => Tone::Quiet,
        Level::Warn => Tone::Warn,
        Level::Error => Tone::Bad,
    }
}
