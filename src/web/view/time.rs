//! The one time component: relative text, exact in `title` and `datetime`; and durations, which are never negative.
//!
//! The script ticks what is marked with `data-t` and rewrites clock times to the zone that the person chose, so the
//! texts here and in `assets/app.js` follow the same rules.

use std::fmt::Write as _;
use std::ops::Range;

use maud::{Markup, PreEscaped, Render, html};

use crate::reducer::time::Micros;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A coarse age in one unit: `4 s`, `12 min`, `3 h`, `5 d`. Negative is 0.
#[must_use]
pub fn age(millis: i64) -> String {
    match millis.max(0) {
        ms if ms < MINUTE => format!("{}\u{a0}s", ms / SECOND),
        ms if ms < HOUR => format!("{}\u{a0}min", ms / MINUTE),
        ms if ms < 2 * DAY => format!("{}\u{a0}h", ms / HOUR),
        ms => format!("{}\u{a0}d", ms / DAY),
    }
}

/// A duration in at most two units: `340 ms`, `4.2 s`, `12 min 5 s`, `3 h 10 min`, `2 d 4 h`. Negative is 0.
#[must_use]
pub fn duration(millis: i64) -> String {
    let two = |big: i64, unit: &str, small: i64, smaller: &str| {
        let mut words = String::with_capacity(24);
        let _ = write!(words, "{big}\u{a0}{unit}");
        if small != 0 {
            let _ = write!(words, " {small}\u{a0}{smaller}");
        }
        words
    };
    match millis.max(0) {
        ms if ms < SECOND => format!("{ms}\u{a0}ms"),
        ms if ms < 10 * SECOND => format!("{}.{}\u{a0}s", ms / SECOND, ms % SECOND / 100),
        ms if ms < MINUTE => format!("{}\u{a0}s", ms / SECOND),
        ms if ms < HOUR => two(ms / MINUTE, "min", ms % MINUTE / SECOND, "s"),
        ms if ms < DAY => two(ms / HOUR, "h", ms % HOUR / MINUTE, "min"),
        ms => two(ms / DAY, "d", ms % DAY / HOUR, "h"),
    }
}

/// A point in time as RFC 3339 writes it in UTC: every other form is made of parts of that.
struct Written(String);

impl Written {
    fn of(at: Micros) -> Self {
        Self(at.to_rfc3339())
    }

    fn part(&self, range: Range<usize>) -> &str {
        self.0.get(range).unwrap_or_default()
    }

    /// `2026-06-02`
    fn day(&self) -> &str {
        self.part(0..10)
    }

    /// `12:03`
    fn minute(&self) -> &str {
        self.part(11..16)
    }

    /// `12:03:11`
    fn second(&self) -> &str {
        self.part(11..19)
    }

    /// `12:03:11.123`
    fn milli(&self) -> &str {
        self.part(11..23)
    }

    /// `2`
    fn day_of_month(&self) -> &str {
        self.part(8..10).trim_start_matches('0')
    }

    /// `Jun`
    fn month(&self) -> &'static str {
        const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month: Option<usize> = self.part(5..7).parse().ok();
        month.and_then(|month| NAMES.get(month.wrapping_sub(1))).copied().unwrap_or("?")
    }
}

fn millis_between(earlier: Micros, later: Micros) -> i64 {
    later.0.saturating_sub(earlier.0) / 1000
}

fn element(at: &Written, kind: &str, shown: impl Render) -> Markup {
    // RFC 3339 has nothing to escape.
    let (all, day, milli) = (PreEscaped(&at.0), PreEscaped(at.day()), PreEscaped(at.milli()));
    html! { time datetime=(all) title={ (day) " " (milli) " UTC" } data-t=(kind) { (shown) } }
}

/// How long ago: `4 s ago`. A time in the future (a skewed clock) is shown as its date.
#[must_use]
pub fn ago(at: Micros, now: Micros) -> Markup {
    let (past, at) = (millis_between(at, now), Written::of(at));
    match past {
        ..-5_000 => element(&at, "ago", format_args!("{} {}", at.day(), at.minute())),
        -5_000..1_000 => element(&at, "ago", "now"),
        _ => element(&at, "ago", format_args!("{} ago", age(past))),
    }
}

/// How long since, without "ago": for the two clocks and ages. Ticks.
#[must_use]
pub fn since(at: Micros, now: Micros) -> Markup {
    element(&Written::of(at), "since", age(millis_between(at, now)))
}

/// How long something that goes on has taken. Ticks.
#[must_use]
pub fn elapsed(from: Micros, now: Micros) -> Markup {
    let millis = millis_between(from, now);
    element(&Written::of(from), "elapsed", if millis < MINUTE { age(millis) } else { duration(millis) })
}

/// How long until: `in 4 min`, or `expired`. Ticks.
#[must_use]
pub fn until(at: Micros, now: Micros) -> Markup {
    let left = millis_between(now, at);
    element(&Written::of(at), "until", if left > 0 { format!("in {}", age(left)) } else { String::from("expired") })
}

/// The time of day, for a timeline.
#[must_use]
pub fn clock(at: Micros) -> Markup {
    let at = Written::of(at);
    element(&at, "clock", at.second())
}

/// Day and time.
#[must_use]
pub fn stamp(at: Micros) -> Markup {
    let at = Written::of(at);
    element(&at, "stamp", format_args!("{} {}", at.day(), at.second()))
}

/// Day and time without seconds, for lists; of another year only the day, with its year.
#[must_use]
pub fn short(at: Micros, now: Micros) -> Markup {
    let year = |at: Micros| {
        jiff::Timestamp::from_microsecond(at.0).ok().map(|at| jiff::tz::Offset::UTC.to_datetime(at).year())
    };
    let (same_year, at) = (year(at) == year(now), Written::of(at));
    match same_year {
        true => element(&at, "short", format_args!("{} {} {}", at.month(), at.day_of_month(), at.minute())),
        false => element(&at, "short", at.day()),
    }
}

/// The day of the month in UTC, for days that are days of UTC.
#[must_use]
pub fn day_of_month(at: Micros) -> String {
    Written::of(at).day_of_month().to_owned()
}

/// Milliseconds as text in an element with the exact figure.
#[must_use]
pub fn took(millis: i64) -> Markup {
    html! { span.took title={ (millis.max(0)) " ms" } { (duration(millis)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_800_000_000_000_000);

    fn before(millis: i64) -> Micros {
        NOW.plus_millis(-millis)
    }

    #[test]
    fn durations_have_two_units_and_are_never_negative() {
        for (millis, shown) in [
            (-5, "0 ms"),
            (340, "340 ms"),
            (4_240, "4.2 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (725_000, "12 min 5 s"),
            (11_400_000, "3 h 10 min"),
            (187_200_000, "2 d 4 h"),
        ] {
            assert_eq!(duration(millis).replace('\u{a0}', " "), shown);
        }
    }

    #[test]
    fn ages_are_coarse() {
        for (millis, shown) in
            [(-1, "0 s"), (4_900, "4 s"), (719_000, "11 min"), (10_800_000, "3 h"), (432_000_000, "5 d")]
        {
            assert_eq!(age(millis).replace('\u{a0}', " "), shown);
        }
    }

    #[test]
    fn a_time_is_relative_and_exact_at_once() {
        let shown = ago(before(4_000), NOW).into_string().replace('\u{a0}', " ");
        assert!(shown.contains(">4 s ago<"), "{shown}");
        assert!(shown.contains("datetime=\"2027-01-15T07:59:56.000000Z\""), "{shown}");
        assert!(shown.contains("title=\"2027-01-15 07:59:56.000 UTC\""), "{shown}");
    }

    #[test]
    fn a_day_of_another_year_has_its_year() {
        assert!(short(before(86_400_000), NOW).into_string().contains(">Jan 14 08:00<"));
        assert!(short(before(30 * 86_400_000), NOW).into_string().contains(">2026-12-16<"));
    }

    #[test]
    fn a_time_to_come_is_a_date_and_no_negative_age() {
        let shown = ago(before(-86_400_000), NOW).into_string();
        assert!(shown.contains(">2027-01-16 08:00<"), "{shown}");
        assert!(until(before(1), NOW).into_string().contains(">expired<"));
    }
}
