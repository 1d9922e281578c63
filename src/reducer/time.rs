//! Points in time as harnesses write them (spec 1.4), and [`Micros`], the one form kept.
//!
//! Reads no clock: "now" is always an argument of whoever needs it.

use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Micros(pub i64);

/// What a time without an offset means (`--naive-time`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NaiveTime {
    /// UTC, the default.
    #[default]
    Utc,
    /// The local zone of this machine.
    Local,
}

impl Micros {
    /// 1990-01-01T00:00:00Z: anything before is no time (spec 1.4).
    pub const MIN: Micros = Micros(631_152_000_000_000);
    /// 2100-01-01T00:00:00Z: from here on it is no time (spec 1.4).
    pub const END: Micros = Micros(4_102_444_800_000_000);

    /// Whether this is inside the bounds of spec 1.4.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        Self::MIN <= self && self < Self::END
    }

    /// Whole milliseconds from `earlier` to `self`, rounded, halves up; `None` when negative.
    #[must_use]
    pub fn millis_since(self, earlier: Micros) -> Option<i64> {
        let micros = self.0.checked_sub(earlier.0).filter(|d| *d >= 0)?;
        Some((micros + 500).div_euclid(1000))
    }

    /// This time moved by so many milliseconds, clamped at the ends of `i64`.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Micros {
        Micros(self.0.saturating_add(millis.saturating_mul(1000)))
    }

    /// RFC 3339 in UTC with six digits and `Z` (spec 4.2).
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => format!("{t:.6}"),
            Err(_) => String::from("0000-00-00T00:00:00.000000Z"),
        }
    }
}

/// A time written as text (RFC 3339, compact, digits, `epoch:`), none when it is none of these or implausible.
#[must_use]
pub fn parse_text(_text: &str, _naive: NaiveTime) -> Option<Micros> {
    todo!()
}

/// A time written as a JSON number, given as its literal text (so that no digit is lost).
#[must_use]
pub fn parse_number(_literal: &str) -> Option<Micros> {
    todo!()
}
