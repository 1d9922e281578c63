//! Points in time as harnesses write them (spec 1.4), and [`Micros`], the one form kept.
//!
//! Reads no clock: "now" is always an argument of whoever needs it.

use serde::{Deserialize, Serialize};

use super::json::is_number;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
pub fn parse_text(text: &str, naive: NaiveTime) -> Option<Micros> {
    let bytes = text.as_bytes();
    let time = match bytes.get(4) {
        Some(b'-') => date_time(bytes, naive)?,
        _ if matches!(bytes.get(8), Some(b'T' | b'-')) => compact(bytes, naive)?,
        _ => match text.strip_prefix("epoch:") {
            Some(number) if is_number(number) => decimal(number)?,
            Some(_) => return None,
            None if is_digits(bytes) => decimal(text)?,
            None => return None,
        },
    };
    time.is_plausible().then_some(time)
}

/// The last minute in which a time was: that of the next line is nearly always in it, too. It only saves work.
#[derive(Debug, Default)]
pub(crate) struct LastMinute {
    /// As `2026-06-02T23:19:`, of a time in UTC.
    written: [u8; 17],
    start: Micros,
}

impl LastMinute {
    /// The same as [`parse_text`] of a time that is written like nearly all, `2026-06-02T23:19:37.123456Z`, and in the same
    /// minute as the last one. None says nothing.
    #[inline]
    pub(crate) fn same(&self, text: &str) -> Option<Micros> {
        let (minute, rest) = text.as_bytes().split_first_chunk()?;
        let [s1, s2, b'.', f1, f2, f3, f4, f5, f6, b'Z'] = *rest.first_chunk::<10>().filter(|_| rest.len() == 10)?
        else {
            return None;
        };
        let seconds = number([s1, s2]).filter(|seconds| *seconds < 60 && self.written == *minute)?;
        let micros = number([f1, f2, f3, f4, f5, f6])?;
        Some(Micros(self.start.0 + i64::from(seconds) * 1_000_000 + i64::from(micros)))
            .filter(|time| time.is_plausible())
    }

    /// The same as [`parse_text`].
    pub(crate) fn parse_text(&mut self, text: &str, naive: NaiveTime) -> Option<Micros> {
        let Some((minute, rest)) = text.as_bytes().split_first_chunk() else { return parse_text(text, naive) };
        let micros = seconds_in_utc(rest);
        if let Some(micros) = micros.filter(|_| self.written == *minute) {
            return Some(Micros(self.start.0 + micros)).filter(|time| time.is_plausible());
        }
        let time = parse_text(text, naive)?;
        if let Some(micros) = micros {
            // Of all forms only that of a date and a time of day goes on like that.
            *self = Self { written: *minute, start: Micros(time.0 - micros) };
        }
        Some(time)
    }
}

/// The microseconds that `37.123456Z` says, where a minute stands before it.
fn seconds_in_utc(bytes: &[u8]) -> Option<i64> {
    let (seconds, rest) = bytes.split_first_chunk::<2>()?;
    let seconds = number(*seconds).filter(|seconds| *seconds <= 60)?.min(59);
    let (micros, rest) = fraction(rest)?;
    matches!(rest, [b'Z' | b'z']).then_some(i64::from(seconds) * 1_000_000 + i64::from(micros))
}

/// A time written as a JSON number, given as its literal text (so that no digit is lost).
#[must_use]
pub fn parse_number(literal: &str) -> Option<Micros> {
    decimal(literal).filter(|time| time.is_plausible())
}

/// A date and time of day, not yet on any clock.
#[derive(Clone, Copy, Debug)]
struct Civil {
    year: u32,
    month: u32,
    day: u32,
    /// Seconds of the day; `:60` is `:59`.
    seconds: u32,
    /// Microseconds of the second.
    micros: u32,
}

/// RFC 3339, more or less: `T`, `t` or a space; a fraction after `.` or `,`; an offset with or without colon, or none.
fn date_time(bytes: &[u8], naive: NaiveTime) -> Option<Micros> {
    let head: &[u8; 19] = bytes.first_chunk()?;
    let separators = (head[4], head[7], head[10], head[13], head[16]);
    let (b'-', b'-', b'T' | b't' | b' ', b':', b':') = separators else { return None };
    let two = |at: usize| number([head[at], head[at + 1]]);
    let date = (number([head[0], head[1], head[2], head[3]])?, two(5)?, two(8)?);
    let clock = (two(11)?, two(14)?, two(17)?);
    let (micros, rest) = fraction(&bytes[19..])?;
    let civil = Civil::new(date, clock, micros)?;
    match rest {
        [] => civil.naive(naive),
        [b'Z' | b'z'] => Some(civil.at_offset(0)),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (number([*h1, *h2])?, number([*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours * 3600 + minutes * 60);
            Some(civil.at_offset(if *sign == b'-' { -seconds } else { seconds }))
        }
        _ => None,
    }
}

/// `20260602T231937` and `20260603-020406`.
fn compact(bytes: &[u8], naive: NaiveTime) -> Option<Micros> {
    let all: &[u8; 15] = bytes.try_into().ok()?;
    let two = |at: usize| number([all[at], all[at + 1]]);
    let date = (number([all[0], all[1], all[2], all[3]])?, two(4)?, two(6)?);
    let clock = (two(9)?, two(11)?, two(13)?);
    Civil::new(date, clock, 0)?.naive(naive)
}

/// The number that a few ASCII digits say.
#[inline]
fn number<const N: usize>(digits: [u8; N]) -> Option<u32> {
    let (mut sum, mut all_digits) = (0, true);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        all_digits &= digit < 10;
        sum = sum * 10 + u32::from(digit);
    }
    all_digits.then_some(sum)
}

/// The microseconds that `.123456789` or `,5` says, cut after six digits, and what follows it.
fn fraction(bytes: &[u8]) -> Option<(u32, &[u8])> {
    const POWERS: [u32; 7] = [1_000_000, 100_000, 10_000, 1000, 100, 10, 1];
    let Some((b'.' | b',', mut rest)) = bytes.split_first() else { return Some((0, bytes)) };
    if let Some((six, after)) = rest.split_first_chunk::<6>()
        && !after.first().is_some_and(u8::is_ascii_digit)
        && let Some(micros) = number(*six)
    {
        return Some((micros, after));
    }
    let (mut sum, mut digits) = (0, 0);
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        if digits < POWERS.len() - 1 {
            sum = sum * 10 + u32::from(digit - b'0');
            digits += 1;
        }
        rest = after;
    }
    (digits > 0).then(|| (sum * POWERS[digits], rest))
}

impl Civil {
    /// A day that exists and a time of day.
    fn new((year, month, day): (u32, u32, u32), (hour, minute, second): (u32, u32, u32), micros: u32) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let exists = (1..=days).contains(&day) && hour < 24 && minute < 60 && second <= 60;
        exists.then_some(Self { year, month, day, seconds: hour * 3600 + minute * 60 + second.min(59), micros })
    }

    /// The point in time where clocks are so many seconds ahead of UTC.
    fn at_offset(self, offset: i64) -> Micros {
        let seconds = self.days() * 86_400 + i64::from(self.seconds) - offset;
        Micros(seconds * 1_000_000 + i64::from(self.micros))
    }

    /// The point in time where no offset is written.
    fn naive(self, naive: NaiveTime) -> Option<Micros> {
        match naive {
            NaiveTime::Utc => Some(self.at_offset(0)),
            NaiveTime::Local => self.in_zone(&jiff::tz::TimeZone::system()),
        }
    }

    /// The point in time by the clocks of a zone. Of a time that an hour change repeats the first is meant.
    fn in_zone(self, zone: &jiff::tz::TimeZone) -> Option<Micros> {
        let part = |number: u32| i8::try_from(number).ok();
        let civil = jiff::civil::DateTime::new(
            i16::try_from(self.year).ok()?,
            part(self.month)?,
            part(self.day)?,
            part(self.seconds / 3600)?,
            part(self.seconds / 60 % 60)?,
            part(self.seconds % 60)?,
            i32::try_from(self.micros * 1000).ok()?,
        );
        let time = zone.to_timestamp(civil.ok()?).ok()?;
        Some(Micros(time.as_microsecond()))
    }

    /// Days since 1970-01-01 by the Gregorian calendar, counted in years that begin in March.
    fn days(self) -> i64 {
        let (year, month, day) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }
}

/// Digits, or digits with one point between them.
fn is_digits(bytes: &[u8]) -> bool {
    let whole = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match bytes[whole..].split_first() {
        None => whole > 0,
        Some((b'.', rest)) => whole > 0 && !rest.is_empty() && rest.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

/// More significant digits than any time has.
const DIGITS: usize = 30;

/// Seconds, milliseconds, microseconds or nanoseconds by size, exact in decimal, rounded to the microsecond, halves
/// up. Nothing below zero.
fn decimal(literal: &str) -> Option<Micros> {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (literal, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut value, mut digits, mut scale) = (0_u128, 0, exponent);
    for (digit, after_point) in whole.bytes().map(|d| (d, false)).chain(fraction.bytes().map(|d| (d, true))) {
        if !digit.is_ascii_digit() {
            return None;
        }
        if digits == DIGITS {
            scale = scale.checked_add(i32::from(!after_point))?;
            continue;
        }
        value = value * 10 + u128::from(digit - b'0');
        digits += usize::from(value > 0);
        scale = scale.checked_sub(i32::from(after_point))?;
    }
    let size = shifted(value, scale, false)?;
    let to_micros = if size < 100_000_000_000 {
        6
    } else if size < 100_000_000_000_000 {
        3
    } else if size < 100_000_000_000_000_000 {
        0
    } else {
        -3
    };
    let micros = shifted(value, scale.checked_add(to_micros)?, true)?;
    i64::try_from(micros).ok().map(Micros)
}

/// `value × 10^scale`, rounded or cut to a whole number; `None` beyond 128 bits.
fn shifted(value: u128, scale: i32, round: bool) -> Option<u128> {
    let power = 10_u128.checked_pow(scale.unsigned_abs());
    if scale >= 0 {
        return if value == 0 { Some(0) } else { value.checked_mul(power?) };
    }
    let Some(power) = power else { return Some(0) };
    let half = if round { power / 2 } else { 0 };
    Some((value + half) / power)
}

#[cfg(test)]
mod tests;
