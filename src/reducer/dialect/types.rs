//! The types of spec 1.3: what of a JSON value counts as a text, an id, a count, a flag, and so on.
//!
//! Each function gives `None` for what is not of its type; that value is then passed over.

use std::borrow::Cow;

use crate::reducer::event::{Level, Outcome};
use crate::reducer::json::{Kind, Value};
use crate::reducer::run::{Status, status_word};
use crate::reducer::time::{LastMinute, Micros, NaiveTime, parse_number};

/// Durations from here on are none (spec 1.3), in milliseconds.
const NO_DURATION: f64 = 1e15;

/// A string that is not blank.
pub(super) fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    if value.is_text() { value.string() } else { None }
}

/// A string that is not blank, or an integer of 64 bits as text. `2.0` is whole, but it is not written as an integer.
pub(super) fn id(value: Value<'_>) -> Option<Cow<'_, str>> {
    if value.kind != Kind::Number {
        return text(value);
    }
    if value.raw == "-0" {
        return Some(Cow::Borrowed("0"));
    }
    let fits = value.raw.parse::<i64>().is_ok() || value.raw.parse::<u64>().is_ok();
    fits.then_some(Cow::Borrowed(value.raw))
}

/// A string, or an object's `name`, else its `id`.
pub(super) fn who(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind {
        Kind::Object => value.member("name").and_then(text).or_else(|| value.member("id").and_then(id)),
        _ => text(value),
    }
}

/// A finite number; the scanner accepts no other.
pub(super) fn number(value: Value<'_>) -> Option<f64> {
    if value.kind != Kind::Number {
        return None;
    }
    if let Some(whole) = short_whole(value.raw) {
        return Some(whole as f64);
    }
    value.raw.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number of so few digits and nothing else that an f64 holds it, as most are.
fn short_whole(raw: &str) -> Option<u64> {
    if raw.is_empty() || raw.len() > 15 {
        return None;
    }
    raw.bytes().try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// A whole number from 0 to 2^63-1; `2.0` is whole.
pub(super) fn count(value: Value<'_>) -> Option<u64> {
    if value.kind != Kind::Number {
        return None;
    }
    if let Some(whole) = short_whole(value.raw) {
        return Some(whole);
    }
    if let Ok(whole) = value.raw.parse::<i64>() {
        return u64::try_from(whole).ok();
    }
    let number = number(value)?;
    // 2^63 is the first f64 above the greatest count; an integer that does not parse is beyond it.
    let fits = number.fract() == 0.0 && (0.0..9_223_372_036_854_775_808.0).contains(&number);
    fits.then_some(number as u64)
}

/// A count, or the digits that a string ends in: `"3"`, `"attempt-002"`.
pub(super) fn attempt(value: Value<'_>) -> Option<u64> {
    let Some(text) = value.string() else { return count(value) };
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let whole: i64 = text.get(text.len() - digits..)?.parse().ok()?;
    u64::try_from(whole).ok()
}

pub(super) fn flag(value: Value<'_>) -> Option<bool> {
    match value.kind {
        Kind::True => Some(true),
        Kind::False => Some(false),
        Kind::Null | Kind::Number | Kind::Plain | Kind::Escaped | Kind::Array | Kind::Object => None,
    }
}

/// Whether an exit code, a whole number of any sign, says failed.
pub(super) fn is_failure_code(value: Value<'_>) -> Option<bool> {
    number(value).filter(|number| number.fract() == 0.0).map(|number| number != 0.0)
}

/// `hit` or `miss`, or a flag that says hit.
pub(super) fn cache_hit(value: Value<'_>, by_word: bool) -> Option<bool> {
    if !by_word {
        return flag(value);
    }
    match &*value.string()? {
        "hit" => Some(true),
        "miss" => Some(false),
        _ => None,
    }
}

/// A level word as most write it.
#[inline]
pub(super) fn plain_level(word: &str) -> Option<Level> {
    Some(match word {
        "info" => Level::Info,
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => return None,
    })
}

/// A level word in any case, or a number as bunyan and pino write it.
pub(super) fn level(value: Value<'_>) -> Option<Level> {
    if let Some(number) = number(value) {
        return Some(match number {
            ..20.0 => Level::Trace,
            20.0..30.0 => Level::Debug,
            30.0..40.0 => Level::Info,
            40.0..50.0 => Level::Warn,
            _ => Level::Error,
        });
    }
    let word = value.string()?;
    LEVELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word)).map(|(_, level)| *level)
}

const LEVELS: [(&str, Level); 11] = [
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("warn", Level::Warn),
    ("error", Level::Error),
    ("trace", Level::Trace),
    ("warning", Level::Warn),
    ("notice", Level::Info),
    ("err", Level::Error),
    ("fatal", Level::Error),
    ("critical", Level::Error),
    ("panic", Level::Error),
];

pub(super) fn time(value: Value<'_>, naive: NaiveTime, minute: &mut LastMinute) -> Option<Micros> {
    match value.kind {
        Kind::Number => parse_number(value.raw),
        _ => minute.parse_text(&value.string()?, naive),
    }
}

/// A duration in milliseconds, rounded, halves up; `scale` is how many milliseconds one of its unit is.
pub(super) fn duration_ms(value: Value<'_>, scale: f64) -> Option<i64> {
    let millis = number(value)? * scale;
    (0.0..NO_DURATION).contains(&millis).then(|| millis.round() as i64)
}

/// What an outcome word says about an end (the end words of spec 2.2 rule 10).
pub(super) fn end_word(value: Value<'_>) -> Option<Outcome> {
    match status_word(&value.string()?)? {
        Status::Completed => Some(Outcome::Completed),
        Status::Failed => Some(Outcome::Failed),
        Status::Cancelled => Some(Outcome::Cancelled),
        Status::TimedOut => Some(Outcome::TimedOut),
        Status::Queued | Status::Running | Status::NeedsHuman => None,
    }
}

#[cfg(test)]
mod tests;
