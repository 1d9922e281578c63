//! Times of a dialect that says their unit or zone itself; what it does not say is as in spec 1.4.

use super::super::types;
use super::language::{TimeForm, Unit, Zone};
use crate::reducer::json::Value;
use crate::reducer::time::{LastMinute, Micros, NaiveTime, parse_text};

impl TimeForm {
    /// The time that a value says; `naive` is the user's choice, which the dialect's zone goes before.
    pub(in super::super) fn read(self, value: Value<'_>, naive: NaiveTime, minute: &mut LastMinute) -> Option<Micros> {
        if let Some(scale) = self.unit.micros()
            && let Some(number) = number(value)
        {
            let micros = Micros((number * scale).round() as i64);
            return micros.is_plausible().then_some(micros);
        }
        match self.zone {
            None => types::time(value, naive, minute),
            Some(Zone::Utc) => types::time(value, NaiveTime::Utc, minute),
            Some(Zone::Local) => types::time(value, NaiveTime::Local, minute),
            Some(Zone::Ahead(minutes)) => ahead(value, minutes, minute),
        }
    }
}

impl Unit {
    /// How many microseconds one of it is; none when the size decides.
    fn micros(self) -> Option<f64> {
        match self {
            Unit::Auto => None,
            Unit::S => Some(1e6),
            Unit::Ms => Some(1e3),
            Unit::Us => Some(1.0),
            Unit::Ns => Some(1e-3),
        }
    }
}

/// A number, or a string of one.
fn number(value: Value<'_>) -> Option<f64> {
    let number = match value.string() {
        Some(text) => text.trim().parse().ok()?,
        None => types::number(value)?,
    };
    Some(number).filter(|number: &f64| number.is_finite())
}

/// A time that is so many minutes ahead of UTC where it has no offset of its own.
fn ahead(value: Value<'_>, minutes: i32, minute: &mut LastMinute) -> Option<Micros> {
    let utc = types::time(value, NaiveTime::Utc, minute)?;
    let Some(text) = value.string() else { return Some(utc) };
    // A time that can take an offset has none.
    let has_none = parse_text(&format!("{text}Z"), NaiveTime::Utc).is_some();
    let is_compact = text.len() == 15 && matches!(text.as_bytes().get(8), Some(b'T' | b'-'));
    if !has_none && !is_compact {
        return Some(utc);
    }
    let time = Micros(utc.0 - i64::from(minutes) * 60_000_000);
    time.is_plausible().then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reducer::json::Kind;

    #[test]
    fn a_unit_and_a_zone_are_the_dialects_own() {
        let cases = [
            (Unit::Ms, None, "1700000000000", "2023-11-14T22:13:20.000000Z"),
            (Unit::S, None, "\"1700000000.5\"", "2023-11-14T22:13:20.500000Z"),
            (Unit::Ns, None, "1700000000000001000", "2023-11-14T22:13:20.000001Z"),
            (Unit::Auto, Some(Zone::Ahead(120)), "\"2026-01-01T12:00:00\"", "2026-01-01T10:00:00.000000Z"),
            (Unit::Auto, Some(Zone::Ahead(-90)), "\"2026-01-01T12:00:00.5\"", "2026-01-01T13:30:00.500000Z"),
            (Unit::Auto, Some(Zone::Ahead(120)), "\"2026-01-01T12:00:00Z\"", "2026-01-01T12:00:00.000000Z"),
            (Unit::Auto, Some(Zone::Ahead(60)), "\"20260101T120000\"", "2026-01-01T11:00:00.000000Z"),
            (Unit::Auto, Some(Zone::Ahead(60)), "1700000000", "2023-11-14T22:13:20.000000Z"),
        ];
        for (unit, zone, raw, expected) in cases {
            let kind = if raw.starts_with('"') { Kind::Plain } else { Kind::Number };
            let minute = &mut LastMinute::default();
            let time = TimeForm { unit, zone }.read(Value { kind, raw }, NaiveTime::Utc, minute);
            assert_eq!(time.map(Micros::to_rfc3339).as_deref(), Some(expected), "{raw}");
        }
        let (form, twelve) = (TimeForm { unit: Unit::S, zone: None }, Value { kind: Kind::Number, raw: "12" });
        let early = form.read(twelve, NaiveTime::Utc, &mut LastMinute::default());
        assert_eq!(early, None, "a time before 1990 is none");
    }
}
