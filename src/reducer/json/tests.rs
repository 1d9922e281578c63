use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Whether the scanner takes a text as one value, white space around it allowed.
fn accepts(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    cursor.space();
    cursor.value(1).is_ok() && {
        cursor.space();
        cursor.peek().is_none()
    }
}

/// What `serde_json` says; `None` where it is known to differ (lone surrogates, its depth limit of 127).
fn oracle(text: &str) -> Option<bool> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Some(true),
        Err(error) => {
            let reason = error.to_string();
            let differs = ["surrogate", "unexpected end of hex escape", "recursion limit"];
            (!differs.iter().any(|known| reason.contains(known))).then_some(false)
        }
    }
}

const ACCEPTED: &[&str] = &[
    "{}",
    "[]",
    " [ ] ",
    "\t\r\n {} \r\n\t",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-0.0",
    "0.5",
    "1e5",
    "1E+5",
    "1e-5",
    "-1.25e-3",
    "1e308",
    "1.7976931348623157e308",
    "1e-400",
    "123456789012345678901234567890",
    r#""""#,
    r#""\"\\\/\b\f\n\r\t\u00e9""#,
    r#""\ud83d\ude00""#,
    r#""\ud800""#,
    r#""\udc00 \ud800\ud800 \ud800x""#,
    r#""\uDEAD""#,
    "\"\u{7f}\u{80}\u{2028}\u{10ffff}\u{feff}\"",
    r#"{"a":{"b":[1,2,{"c":null}]},"d":""}"#,
    r#"{"":0}"#,
    r#"{"a":1,"a":2}"#,
    r#"[[],[[]],{},[{}]]"#,
    "[1 , 2 ,3]",
    r#"{ "a" : 1 , "b" : [ ] }"#,
    r#""0123456789012345678901234567890123456789\n0123456789""#,
];

const REFUSED: &[&str] = &[
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1,,2]",
    "[1 2]",
    "[1}",
    "{]",
    r#"{"a":1]"#,
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a" 1}"#,
    r#"{"a":}"#,
    r#"{"a"}"#,
    r#"{"a":1 "b":2}"#,
    r#"{"a":1,,"b":2}"#,
    r#"{a:1}"#,
    r#"{'a':1}"#,
    r#"{1:1}"#,
    r#"{null:1}"#,
    r#"{"a":1}}"#,
    r#"{"a":1}x"#,
    r#"{"a":1}//"#,
    r#"{"a":/*x*/1}"#,
    "{\"a\":1}\u{0}",
    "nul",
    "nulll",
    "True",
    "tru",
    "NaN",
    "Infinity",
    "-Infinity",
    "inf",
    "+1",
    "-",
    "--1",
    "01",
    "-01",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "1e5.5",
    "0x10",
    "1_000",
    "1e309",
    "-1e400",
    "1e99999999999999999999",
    r#"""#,
    r#""a"#,
    r#""\"#,
    r#""\x""#,
    r#""\u12""#,
    r#""\u12g4""#,
    r#""\u""#,
    "\"\t\"",
    "\"a\u{0}b\"",
    "\"0123456789012345678901234567890123456789\u{1f}\"",
    "\"\n\"",
    "\"\\\u{e9}\"",
    "\u{a0}{}",
    "\u{feff}{}",
    "{}\u{c}",
    "'a'",
];

#[test]
fn what_rfc_8259_accepts_is_accepted_and_nothing_else() {
    for text in ACCEPTED {
        assert!(accepts(text), "{text:?} is JSON");
        assert_ne!(oracle(text), Some(false), "{text:?} by serde_json");
    }
    for text in REFUSED {
        assert!(!accepts(text), "{text:?} is not JSON");
        assert_ne!(oracle(text), Some(true), "{text:?} by serde_json");
    }
}

#[test]
fn every_control_in_a_string_is_refused_wherever_it_stands() {
    for control in 0..0x20_u8 {
        for before in [0, 3, 7, 8, 31, 32, 33, 70] {
            let text = format!("\"{}{}\"", "x".repeat(before), char::from(control));
            assert!(!accepts(&text), "{text:?}");
        }
    }
}

#[test]
fn quotes_and_backslashes_are_found_at_every_distance() {
    for before in 0..100 {
        let filler = "\u{80}".repeat(before / 2) + &"x".repeat(before % 2 + before / 3);
        assert!(accepts(&format!("\"{filler}\"")), "{before}");
        assert!(accepts(&format!("\"{filler}\\\"{filler}\\\\\"")), "{before}");
        assert!(!accepts(&format!("\"{filler}\\\"")), "{before}");
        assert!(!accepts(&format!("\"{filler}\"\"")), "{before}");
    }
}

#[test]
fn numbers_end_where_serde_json_says() {
    // Every text of up to six of these, with something behind it, so that whole blocks are looked at, or with nothing.
    let alphabet = b"0179.eE-+";
    for length in 1..=6_u32 {
        for number in 0..alphabet.len().pow(length) {
            let digit = |place: u32| alphabet[number / alphabet.len().pow(place) % alphabet.len()] as char;
            let text: String = (0..length).map(digit).collect();
            let is_number = serde_json::from_str::<f64>(&text).is_ok();
            for behind in ["", ",\"key\":\"value\"}"] {
                let end = number_end(format!("{text}{behind}").as_bytes(), 0);
                assert_eq!(end == Some(text.len()), is_number, "{text} before {behind:?}: {end:?}");
            }
        }
    }
    // The point and the end at each place of a block.
    for (whole, fraction) in (1..18).flat_map(|whole| (0..18).map(move |fraction| (whole, fraction))) {
        let text = format!("{}.{}", "1".repeat(whole), "2".repeat(fraction));
        for behind in ["", "e", "]", "}}}}}}}}}}}}}}}}}}}}"] {
            let expected = (fraction > 0 && behind != "e").then_some(text.len());
            assert_eq!(number_end(format!("{text}{behind}").as_bytes(), 0), expected, "{text} before {behind:?}");
        }
    }
}

#[test]
fn a_number_beyond_f64_is_refused_however_it_is_written() {
    let digits = |count: usize| "9".repeat(count);
    assert!(accepts(&digits(308)));
    assert!(!accepts(&digits(400)));
    assert!(accepts(&format!("{}.5", digits(308))));
    assert!(accepts(&format!("0.{}", digits(400))));
    assert!(accepts(&format!("{}e-300", digits(400))));
}

#[test]
fn the_128th_level_is_the_last() {
    let nested = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    for (open, close) in [("[", "]"), ("{\"a\":[", "]}")] {
        let per_level = open.matches(['[', '{']).count();
        for depth in [2, 62, 64, 65, 127, 128, 129, 130, 10_000] {
            let text = nested(open, close, depth / per_level);
            let deep = depth / per_level * per_level;
            assert_eq!(accepts(&text), deep <= MAX_DEPTH, "{open} {depth}");
        }
    }
    let objects = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    assert!(accepts(&objects(127)));
    assert!(accepts(&objects(128)));
    assert!(!accepts(&objects(129)));
    assert!(!accepts(&"[".repeat(1_000_000)));
    let siblings = format!("[{}]", vec!["[[]]"; 1000].join(","));
    assert!(accepts(&siblings), "closed levels do not add up");
}

#[test]
fn escapes_become_their_characters_and_lone_surrogates_a_mark() {
    let check = |written: &str, text: &str| assert_eq!(unescape(written), text, "{written}");
    check("plain", "plain");
    check(r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t");
    check(r"a\u0041\u00e9\u20acz", "aAé€z");
    check(r"\ud83d\ude00!", "😀!");
    check(r"\uD83D\uDE00", "😀");
    check(r"\ud83d", "\u{fffd}");
    check(r"\ude00", "\u{fffd}");
    check(r"\ude00\ud83d", "\u{fffd}\u{fffd}");
    check(r"\ud83d\ud83d\ude00", "\u{fffd}😀");
    check(r"\ud83d\n", "\u{fffd}\n");
    check(r"\ud83dx\u0041", "\u{fffd}xA");
    check(r"\u0000", "\0");
    check(r"\\u0041", r"\u0041");
}

#[test]
fn a_kept_value_reads_as_it_was_written() {
    let check = |raw: &str, value: serde_json::Value| assert_eq!(to_value(raw), value, "{raw}");
    check("null", json!(null));
    check("[true,false]", json!([true, false]));
    check(r#"{"b":1,"a":{"c":[ ]}}"#, json!({"a": {"c": []}, "b": 1}));
    check(r#"{"a":1,"a":2}"#, json!({"a": 2}));
    check(r#""x\ud800y""#, json!("x\u{fffd}y"));
    check("18446744073709551615", json!(u64::MAX));
    check("-9223372036854775808", json!(i64::MIN));
    check("1.5", json!(1.5));
    check("2.0", json!(2.0));
    check("0.1234567890123456789", json!(0.123_456_789_012_345_68));
    check("not json", json!(null));
    check("1 2", json!(null));
    let deep = "[".repeat(127) + &"]".repeat(127);
    assert_eq!(to_value(&deep).to_string(), deep);
}

#[test]
fn the_last_of_equal_members_is_the_member() {
    let object = Value { kind: Kind::Object, raw: r#"{"a":1,"b":{"a":2},"\u0061":"three"}"# };
    assert_eq!(object.member("a").and_then(Value::string).as_deref(), Some("three"));
    assert!(object.member("c").is_none());
    assert!(Value { kind: Kind::Array, raw: "[1]" }.member("a").is_none());
}

/// JSON texts with all kinds of values, keys, escapes and white space.
fn json_text() -> impl Strategy<Value = String> {
    let space = prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\r\n\t")];
    let string = prop_oneof![
        "[ -~]{0,40}".prop_map(|text| serde_json::Value::String(text).to_string()),
        "\\PC{0,20}".prop_map(|text| serde_json::Value::String(text).to_string()),
        Just(r#""\u00e9\ud83d\ude00\b\/""#.to_owned()),
    ];
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| format!("{number:e}")),
        Just("-0.50e+01".to_owned()),
    ];
    let leaf = prop_oneof![string, number, Just("null".to_owned()), Just("true".to_owned()), Just("false".to_owned())];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let spaced = (space.clone(), inner, space.clone()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        prop_oneof![
            prop::collection::vec(spaced.clone(), 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((space.clone(), "[a-z_\"\\\\]{0,12}", spaced), 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(gap, key, value)| format!("{gap}{}{gap}:{value}", serde_json::Value::String(key)))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn serde_json_and_the_scanner_agree_on_whole_texts(text in json_text()) {
        prop_assert_eq!(oracle(&text), Some(true));
        prop_assert!(accepts(&text));
    }

    #[test]
    fn serde_json_and_the_scanner_agree_on_damaged_texts(
        text in json_text(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), "[ -~\t\0é{}\\[\\]\",:\\\\]{0,2}"), 1..4),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, remove, insert) in damage {
            let at = at.index(characters.len() + 1);
            let end = (at + usize::from(remove)).min(characters.len());
            characters.splice(at..end, insert.chars());
        }
        let text: String = characters.into_iter().collect();
        if let Some(expected) = oracle(&text) {
            prop_assert_eq!(accepts(&text), expected, "{:?}", text);
        }
    }

    #[test]
    fn a_kept_value_equals_what_serde_json_reads(text in json_text()) {
        let ours = to_value(&text).to_string();
        // Through text, since serde_json reads long fractions less exactly than the nearest f64, and -0 as a float.
        let theirs = serde_json::from_str::<serde_json::Value>(&text).map(|value| to_value(&value.to_string()));
        let (ours, theirs) = (to_value(&ours), theirs.unwrap_or_default());
        prop_assert!(near(&ours, &theirs), "{} and {}", ours, theirs);
    }
}

/// Strings that end, or hide their end, in every place of a block and of the next one.
#[test]
fn a_quoted_string_ends_where_it_does_byte_by_byte() {
    let slowly = |bytes: &[u8], start: usize| {
        let mut at = bytes.get(start).filter(|byte| **byte == b'"').map(|_| start + 1)?;
        let mut escaped = false;
        loop {
            match bytes.get(at)? {
                b'"' => return Some((at + 1, escaped)),
                b'\\' => (at, escaped) = (at + 2, true),
                _ => at += 1,
            }
        }
    };
    let cases = (0..40).flat_map(|length| (0..40).map(move |escape| (length, escape)));
    let cases = cases
        .flat_map(|(length, escape)| [(length, escape, 0, b'"'), (length, escape, 3, b'"'), (length, escape, 3, b'1')]);
    for (length, escape, start, opening) in cases {
        let mut text = vec![b'a'; start];
        text.push(opening);
        text.extend(vec![b'b'; length]);
        text.extend(b"\",\"c\":\"d\"}");
        if let Some(place) = text.get_mut(start + 1 + escape..start + 3 + escape).filter(|_| escape + 2 <= length) {
            place.copy_from_slice(b"\\\"");
        }
        let end = slowly(&text, start);
        assert_eq!(quoted_end(&text, start), end, "{}", String::from_utf8_lossy(&text));
        if opening == b'"' {
            let mut block = text[start + 1..].to_vec();
            block.resize(WIDE, 0);
            let plain = end.filter(|(_, escaped)| !escaped).map(|(end, _)| end - start - 2);
            let said = short_content(block.first_chunk().expect("as many bytes"));
            assert_eq!(said, plain.filter(|closing| *closing < WIDE), "{}", String::from_utf8_lossy(&text));
        }
        text.truncate(start + 1 + length);
        assert_eq!(quoted_end(&text, start), None, "no end: {}", String::from_utf8_lossy(&text));
    }
}

/// Equal but for the last digits of a float.
fn near(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value as V;
    match (one, other) {
        (V::Number(a), V::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= a.abs() * 1e-14
        }
        (V::Array(a), V::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        (V::Object(a), V::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && near(a, b))
        }
        _ => one == other,
    }
}
