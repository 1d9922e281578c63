//! How long something took, in words that a person reads at a glance: `14 min 5 s`, `2 h 3 min`, `3 d 4 h`.
//!
//! The one formatter of sentences and pages. It must never know a clock.

use std::fmt::Write as _;

/// The units from the largest down, each in milliseconds.
const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];

/// A duration of so many milliseconds in its two largest units, rounded down; a second unit of 0 is left out.
///
/// Below a second it is `850 ms`. A negative duration does not exist and reads as `0 s`.
#[must_use]
pub fn duration(millis: i64) -> String {
    if millis <= 0 {
        return String::from("0 s");
    }
    let Some(largest) = UNITS.iter().position(|(size, _)| millis >= *size) else {
        return format!("{millis} ms");
    };
    let (size, unit) = UNITS[largest];
    let mut words = String::with_capacity(24);
    let _ = write!(words, "{} {unit}", millis / size);
    if let Some((next, unit)) = UNITS.get(largest + 1).filter(|(next, _)| millis % size >= *next) {
        let _ = write!(words, " {} {unit}", millis % size / next);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn a_duration_has_its_two_largest_units() {
        let cases = [
            (i64::MIN, "0 s"),
            (-1, "0 s"),
            (0, "0 s"),
            (1, "1 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (4_999, "4 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (845_000, "14 min 5 s"),
            (3_599_999, "59 min 59 s"),
            (3_600_000, "1 h"),
            (3_659_000, "1 h"),
            (7_380_000, "2 h 3 min"),
            (86_400_000, "1 d"),
            (273_600_000, "3 d 4 h"),
            (i64::MAX, "106751991167 d 7 h"),
        ];
        for (millis, words) in cases {
            assert_eq!(duration(millis), words, "{millis} ms");
        }
    }
}
