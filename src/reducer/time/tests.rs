use super::*;

const UTC: NaiveTime = NaiveTime::Utc;

/// 2026-06-02T23:19:37Z.
const T: i64 = 1_780_442_377;

/// Microseconds of a time; the expectation is written in microseconds after [`T`].
fn check(text: &str, after: i64) {
    assert_eq!(parse_text(text, UTC), Some(Micros(T * 1_000_000 + after)), "{text}");
}

#[test]
fn rfc_3339_with_its_separators_fractions_and_offsets() {
    check("2026-06-02T23:19:37Z", 0);
    check("2026-06-02t23:19:37z", 0);
    check("2026-06-02 23:19:37Z", 0);
    check("2026-06-02T23:19:37", 0);
    check("2026-06-02 23:19:37", 0);
    check("2026-06-02T23:19:37+00:00", 0);
    check("2026-06-02T23:19:37-00:00", 0);
    check("2026-06-03T01:19:37+02:00", 0);
    check("2026-06-03T01:19:37+0200", 0);
    check("2026-06-02T16:49:37-0630", 0);
    check("2026-06-02T16:49:37.5-06:30", 500_000);
    check("2026-06-02T23:19:37.1Z", 100_000);
    check("2026-06-02T23:19:37,25", 250_000);
    check("2026-06-02 23:19:37,411", 411_000);
    check("2026-06-02T23:19:37.123456Z", 123_456);
    check("2026-06-02T23:19:37.123456999Z", 123_456);
    check("2026-06-02T23:19:37.000000999999999999999999Z", 0);
    check("2026-06-02T23:19:60Z", 22_000_000);
    check("2026-06-02T23:19:60.5Z", 22_500_000);
}

#[test]
fn sixty_seconds_are_fifty_nine() {
    let leap = parse_text("2016-12-31T23:59:60.25Z", UTC);
    assert_eq!(leap, parse_text("2016-12-31T23:59:59.25Z", UTC));
    assert!(leap.is_some());
    assert_eq!(parse_text("20161231T235960", UTC), parse_text("20161231T235959", UTC));
}

#[test]
fn compact_times() {
    check("20260602T231937", 0);
    check("20260602-231937", 0);
}

#[test]
fn numbers_are_seconds_milliseconds_microseconds_or_nanoseconds_by_size() {
    for number in ["1780442377", "1780442377000", "1780442377000000", "1780442377000000000"] {
        check(number, 0);
        check(&format!("epoch:{number}"), 0);
        assert_eq!(parse_number(number), Some(Micros(T * 1_000_000)), "{number}");
    }
    check("1780442377.5", 500_000);
    check("1780442377.123456", 123_456);
    check("epoch:1780442377.25", 250_000);
    check("epoch:1.780442377e9", 0);
    assert_eq!(parse_number("1.780442377e9"), Some(Micros(T * 1_000_000)));
    assert_eq!(parse_number("1780442377e0"), Some(Micros(T * 1_000_000)));
    assert_eq!(parse_number("17804423770E-1"), Some(Micros(T * 1_000_000)));
    assert_eq!(parse_number("0.00001780442377e14"), Some(Micros(T * 1_000_000)));
    assert_eq!(parse_number("1780442377.0000000000000000000000000000000000001"), Some(Micros(T * 1_000_000)));
}

#[test]
fn numbers_are_rounded_to_the_microsecond() {
    check("1780442377.1234564", 123_456);
    check("1780442377.1234565", 123_457);
    check("1780442377.1234566", 123_457);
    check("1780442377.1234565000000000000000000000001", 123_457);
    check("1780442377123.4565", 123_457);
    check("1780442377123456.4", 123_456);
    check("1780442377123456499", 123_456);
    check("1780442377123456500", 123_457);
}

#[test]
fn before_1990_and_from_2100_on_is_no_time() {
    assert_eq!(parse_text("1990-01-01T00:00:00Z", UTC), Some(Micros::MIN));
    assert_eq!(parse_text("1989-12-31T23:59:59.999999Z", UTC), None);
    assert_eq!(parse_text("1990-01-01T00:30:00+01:00", UTC), None);
    assert_eq!(parse_text("2099-12-31T23:59:59.999999Z", UTC), Some(Micros(Micros::END.0 - 1)));
    assert_eq!(parse_text("2100-01-01T00:00:00Z", UTC), None);
    assert_eq!(parse_text("2099-12-31T23:30:00-01:00", UTC), None);
    assert_eq!(parse_number("631152000"), Some(Micros::MIN));
    for number in
        ["631151999.999", "4102444800", "99999999999", "0", "-0", "-1780442377", "1000", "1e300", "1e-300", "5"]
    {
        assert_eq!(parse_number(number), None, "{number}");
    }
}

#[test]
fn what_is_no_time_is_none() {
    let texts = [
        "",
        " ",
        "probe",
        "now",
        "2026",
        "2026-06-02",
        "2026-06-02T23:19",
        "2026-06-02T23:19Z",
        "2026-06-02T23:19:37.",
        "2026-06-02T23:19:37.Z",
        "2026-06-02T23:19:37+02",
        "2026-06-02T23:19:37+2:00",
        "2026-06-02T23:19:37 +02:00",
        "2026-06-02T23:19:37+24:00",
        "2026-06-02T23:19:37+02:60",
        "2026-06-02T23:19:37ZZ",
        "2026-06-02T23:19:61Z",
        "2026-06-02T24:00:00Z",
        "2026-06-02T23:60:00Z",
        "2026-00-02T23:19:37Z",
        "2026-13-02T23:19:37Z",
        "2026-06-00T23:19:37Z",
        "2026-06-31T23:19:37Z",
        "2026-02-29T23:19:37Z",
        "2100-02-29T23:19:37Z",
        "2026_06-02T23:19:37Z",
        "2026-06-02_23:19:37Z",
        "2026-06-02T23.19.37Z",
        " 2026-06-02T23:19:37Z",
        "2026-06-02T23:19:37Z ",
        "2026-6-2T23:19:37Z",
        "+2026-06-02T23:19:37Z",
        "20260602T2319",
        "20260602T231937Z",
        "20260602 231937",
        "20260602231937",
        "20261302T231937",
        "epoch:",
        "epoch:x",
        "epoch: 1780442377",
        "EPOCH:1780442377",
        "epoch:-1780442377",
        "-1780442377",
        "+1780442377",
        "1780442377.",
        ".1780442377",
        "1780442377.5.5",
        "1780442377s",
        "1.780442377e9",
        "1_780_442_377",
        "1780442377 ",
        "2026-06-02T23:19:3é",
        "９２６-06-02T23:19:37Z",
        "epoch:1e99999999999999999999",
    ];
    for text in texts {
        assert_eq!(parse_text(text, UTC), None, "{text:?}");
    }
}

#[test]
fn leap_days_exist_in_leap_years_only() {
    assert!(parse_text("2024-02-29T00:00:00Z", UTC).is_some());
    assert!(parse_text("2000-02-29T00:00:00Z", UTC).is_some());
    assert!(parse_text("2023-02-29T00:00:00Z", UTC).is_none());
}

#[test]
fn every_day_is_the_day_that_jiff_says() {
    let mut day = jiff::civil::date(1990, 1, 1);
    while day < jiff::civil::date(2100, 1, 1) {
        let midnight =
            day.at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map(|time| time.timestamp().as_microsecond());
        assert_eq!(parse_text(&format!("{day}T00:00:00Z"), UTC).map(|time| time.0), midnight.ok(), "{day}");
        day = day.tomorrow().unwrap_or(jiff::civil::date(2100, 1, 1));
    }
}

#[test]
fn a_time_without_offset_is_by_the_clock_of_the_zone() {
    let zone = jiff::tz::TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap_or(jiff::tz::TimeZone::UTC);
    let local = |hour| Civil::new((2026, 6, 3), (hour, 19, 37), 250_000).and_then(|civil| civil.in_zone(&zone));
    assert_eq!(local(1), Some(Micros(T * 1_000_000 + 250_000)));
    // The hour that the clocks go back is there twice: the first is meant. The one that they jump over is after it.
    let at = |month, day| Civil::new((2026, month, day), (2, 30, 0), 0).and_then(|civil| civil.in_zone(&zone));
    assert_eq!(at(10, 25), parse_text("2026-10-25T00:30:00Z", UTC));
    assert_eq!(at(3, 29), parse_text("2026-03-29T01:30:00Z", UTC));
}

#[test]
fn a_time_with_an_offset_does_not_ask_for_the_zone() {
    for text in ["2026-06-02T23:19:37Z", "2026-06-03T01:19:37+02:00", "1780442377", "epoch:1780442377"] {
        assert_eq!(parse_text(text, NaiveTime::Local), Some(Micros(T * 1_000_000)), "{text}");
    }
    let here = jiff::civil::date(2026, 6, 2).at(23, 19, 37, 0).to_zoned(jiff::tz::TimeZone::system());
    let here = here.ok().map(|time| Micros(time.timestamp().as_microsecond()));
    for text in ["2026-06-02T23:19:37", "20260602T231937"] {
        assert_eq!(parse_text(text, NaiveTime::Local), here, "{text}");
    }
}

#[test]
fn a_time_is_written_as_rfc_3339_and_read_back() {
    let time = Micros(T * 1_000_000 + 5);
    assert_eq!(time.to_rfc3339(), "2026-06-02T23:19:37.000005Z");
    assert_eq!(parse_text(&time.to_rfc3339(), UTC), Some(time));
}

#[test]
fn milliseconds_between_two_times_are_rounded_and_never_negative() {
    assert_eq!(Micros(1_499).millis_since(Micros(0)), Some(1));
    assert_eq!(Micros(1_500).millis_since(Micros(0)), Some(2));
    assert_eq!(Micros(0).millis_since(Micros(1)), None);
    assert_eq!(Micros(5).plus_millis(i64::MAX), Micros(i64::MAX));
}

#[test]
fn a_remembered_minute_changes_no_time() {
    let mut minute = LastMinute::default();
    let texts = [
        "2026-06-02T23:19:37.123456Z",
        "2026-06-02T23:19:38Z",
        "2026-06-02T23:19:60.5Z",
        "2026-06-02T23:19:61Z",
        "2026-06-02T23:19:38",
        "2026-06-02T23:19:38.25+02:00",
        "2026-06-02T23:19:38.1234567Z",
        "2026-06-02T23:19:38.12345 Z",
        "2026-06-02T23:19:38.123456z",
        "2026-06-02T23:19:59.999999Z",
        "2026-06-02T23:19:60.000000Z",
        "2026-06-02T23:19:3x.123456Z",
        "2026-06-02T23:19:38,123456Z",
        "2026-06-02T23:19:38.123456Z ",
        "2026-06-02T23:20:00z",
        "2026-06-02 23:20:01,5Z",
        "2026-06-02t23:20:01.75Z",
        "2099-12-31T23:59:59.999999Z",
        "1989-12-31T23:59:59Z",
        "1989-12-31T23:59:59Z",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0037Z",
        "20260602T231937",
        "epoch:1780442377.5",
        "2026-06-02T23:19:",
        "",
    ];
    for (n, text) in texts.iter().chain(texts.iter().rev()).enumerate() {
        let remembered = minute.parse_text(text, NaiveTime::Utc);
        assert_eq!(remembered, parse_text(text, NaiveTime::Utc), "{n}: {text}");
        assert_eq!(minute.parse_text(text, NaiveTime::Utc), remembered, "{n}, again: {text}");
        assert!(minute.same(text).is_none_or(|time| Some(time) == remembered), "{n}, the same: {text}");
    }
    let known = LastMinute { written: *b"2026-06-02T23:19:", start: Micros(1_780_442_340_000_000) };
    assert_eq!(known.same("2026-06-02T23:19:37.123456Z"), Some(Micros(1_780_442_377_123_456)));
    assert_eq!(known.same("2026-06-02T23:18:37.123456Z"), None);
}
