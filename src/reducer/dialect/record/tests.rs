use std::borrow::Cow;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Everything that a record can be asked for, in words.
fn told(layout: &Layout, text: &str) -> Vec<String> {
    let record = Record::new(layout, text);
    let mut told = vec![format!("{:?} {}", layout.concepts, layout.duplicate_keys)];
    for concept in layout.concepts {
        let first = record.first(concept);
        if let Some((found, written)) = record.visible(concept) {
            let (_, found_first, place, _) = first.expect("it stands there");
            let value = record.at(place).filter(|value| value.is_text()).expect("a text");
            assert_eq!((found, Some(Cow::Borrowed(written))), (found_first, value.string()), "{concept:?} of {text}");
        }
        if let Some((rank, .., alone)) = first {
            let other = record.find_from(Some(rank), concept, |_, value| Some(value));
            assert!(!alone || other.is_none(), "{concept:?} of {text}");
        }
        told.push(format!("{concept:?} {:?}", first.map(|(rank, found, place, _)| (rank, found, place))));
    }
    for layer in 0..LAYERS {
        let is_used = layout.layers() >> layer & 1 == 1;
        let held = (0..KEYS).filter_map(|key| Some((key, layout.place(layer, Key::numbered(key)?)?)));
        told.extend(held.map(|(key, place)| format!("{layer} {is_used} {key} {:?}", record.at(place))));
    }
    told
}

/// Reads the object that a text begins with; gives what it tells and where it ends.
fn read(layout: &mut Layout, text: &str) -> Option<(Vec<String>, usize)> {
    read_with(layout, text, "")
}

/// The same with other bytes behind the text.
fn read_with(layout: &mut Layout, text: &str, behind: &str) -> Option<(Vec<String>, usize)> {
    let mut cursor = Cursor::new(text);
    layout.read(&mut cursor, [text, behind].concat().as_bytes()).ok()?;
    Some((told(layout, text), cursor.at()))
}

/// A value, and another one that may stand in its place.
fn leaf() -> impl Strategy<Value = String> {
    let words = [
        "\"\"",
        "\"x\"",
        "\"a \\\"quoted\\\" one\"",
        "\"\\\\\"",
        "\"ü\\u00e9 and something longer than a block\"",
        "1",
        "-0.5e3",
        "12345678901234567890",
        "null",
        "true",
        "false",
        "[]",
        "[1,\"]\",{\"a\":[]}]",
        "{}",
        "nul",
        "01",
        "\"torn",
        "[1,]",
        "1e999",
        "\"\\x\"",
    ];
    select(words.to_vec()).prop_map(str::to_owned)
}

/// An object of a few keys of the vocabulary and others, again and again the same ones.
fn object() -> impl Strategy<Value = String> {
    let keys = [
        "ts",
        "event",
        "phase",
        "attrs",
        "data",
        "usage",
        "input_tokens",
        "body",
        "payload",
        "x",
        "a longer key of no use",
        "step",
        "ph\\u0061se",
        "attempt",
    ];
    let key = select(keys.to_vec());
    let value = leaf().prop_recursive(6, 24, 4, move |inner| {
        let gap = select(vec!["", " ", "\t"]);
        let members = prop::collection::vec((select(keys.to_vec()), inner), 0..4);
        (members, gap).prop_map(|(members, gap)| {
            let members: Vec<_> = members.iter().map(|(key, value)| format!("{gap}\"{key}\":{gap}{value}")).collect();
            format!("{{{}}}", members.join(","))
        })
    });
    prop::collection::vec((key, value), 0..7).prop_map(|members| {
        let members: Vec<_> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    /// What a known shape tells is what reading tells, whatever was learned before.
    #[test]
    fn an_object_of_a_known_shape_tells_what_reading_it_tells(objects in prop::collection::vec(object(), 1..12)) {
        let mut learned = Layout::default();
        for text in objects.iter().chain(&objects) {
            prop_assert_eq!(read(&mut learned, text), read(&mut Layout::default(), text), "{}", text);
        }
        // Nor does it matter what stands behind it.
        for (text, behind) in objects.iter().zip(objects.iter().cycle().skip(1)) {
            for behind in [format!("\n{behind}\n"), behind.repeat(9)] {
                prop_assert_eq!(read_with(&mut learned, text, &behind), read(&mut Layout::default(), text), "{}", text);
            }
        }
    }

    /// A line of a log that ends anywhere in an object is not taken for the whole of it, whose rest stands behind it.
    #[test]
    fn an_object_ends_where_its_line_does(object in object(), cut in any::<prop::sample::Index>()) {
        let mut learned = Layout::default();
        read(&mut learned, &object);
        let cuts: Vec<usize> = (0..=object.len()).filter(|cut| object.is_char_boundary(*cut)).collect();
        let (line, rest) = object.split_at(cuts[cut.index(cuts.len())]);
        for behind in [rest.to_owned(), format!("\n{rest}"), format!("{rest}{rest}")] {
            prop_assert_eq!(read_with(&mut learned, line, &behind), read(&mut Layout::default(), line), "{}", line);
        }
    }
}

#[test]
fn an_object_with_other_values_has_the_same_shape() {
    let mut layout = Layout::default();
    let first = r#"{"ts":1,"event":"a","attrs":{"step":"s","usage":{"input_tokens":3}},"tags":["x"]}"#;
    let other = r#"{"ts":22,"event":"a\nb","attrs":{"step":"","usage":{"input_tokens":null}},"tags":[]}x"#;
    assert!(read(&mut layout, first).is_some());
    let mut cursor = Cursor::new(other);
    let shape = layout.shapes.recognise(&mut cursor, other.as_bytes(), &mut layout.values);
    assert_eq!((shape, cursor.at()), (Some(0), other.len() - 1));
    assert_eq!(read(&mut layout, other), read(&mut Layout::default(), other));
}

#[test]
fn a_value_of_another_sort_makes_another_shape() {
    let mut layout = Layout::default();
    for text in [r#"{"a":1}"#, r#"{"a":"1"}"#, r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#] {
        assert!(read(&mut layout, text).is_some());
        let mut cursor = Cursor::new(text);
        assert!(layout.shapes.recognise(&mut cursor, text.as_bytes(), &mut layout.values).is_some(), "{text}");
    }
    assert_eq!(layout.known.len(), 6);
}

#[test]
fn steps_of_many_bytes_are_told_apart_by_their_last_ones() {
    let mut layout = Layout::default();
    let with = |end: &str| format!("{{\"a key that is longer than what is looked at once, {end}\":1,\"phase\":\"p\"}}");
    for end in ["one", "two"] {
        assert!(read(&mut layout, &with(end)).is_some());
    }
    assert_eq!(layout.known.len(), 2);
    for (text, shape) in [(with("one"), Some(0)), (with("two"), Some(1)), (with("six"), None)] {
        let found = layout.shapes.recognise(&mut Cursor::new(&text), text.as_bytes(), &mut layout.values);
        assert_eq!(found, shape, "{text}");
    }
}

#[test]
fn a_container_is_looked_into_after_an_array_stood_in_its_place() {
    let mut layout = Layout::default();
    for text in [r#"{"attrs":[{"step":"s"}]}"#, r#"{"attrs":{"step":"s"}}"#, r#"{"attrs":[{"step":"s"}]}"#] {
        assert_eq!(read(&mut layout, text), read(&mut Layout::default(), text), "{text}");
    }
}

#[test]
fn torn_objects_of_a_known_shape_are_torn() {
    let mut layout = Layout::default();
    assert!(read(&mut layout, r#"{"a":"x","b":1}"#).is_some());
    for text in
        [r#"{"a":"x","b":1"#, r#"{"a":"x","b":01}"#, r#"{"a":"\x","b":1}"#, "{\"a\":\"\u{1}\",\"b\":1}", r#"{"a":"x""#]
    {
        for behind in ["", "\n", "}", "\"}\n{\"a\":1}"] {
            let behind = format!("{behind}{}", " ".repeat(100));
            assert_eq!(read_with(&mut layout, text, &behind), None, "{text}");
        }
        assert_eq!(read(&mut layout, text), None, "{text}");
    }
}

#[test]
fn values_are_told_right_when_their_length_changes_all_the_time_and_when_it_stays() {
    for turns in [[5, 9], [3, 5], [5, 3]] {
        let mut layout = Layout::default();
        let lengths = (0..300).map(|n| turns[n % 2]).chain(0..40).chain([3; 20]).chain(0..40);
        for length in lengths {
            let (string, number) = ("x".repeat(length), "1".repeat(length.clamp(1, 15)));
            let text = format!("{{\"phase\":\"{string}\",\"attempt\":{number},\"tags\":[{number}],\"step\":\"s\"}}");
            let known = read_with(&mut layout, &text, &" ".repeat(100));
            assert_eq!(known, read(&mut Layout::default(), &text), "{text}");
        }
        assert_eq!(layout.known.len(), 1);
    }
}

#[test]
fn strings_of_any_length_are_told_as_by_reading() {
    let mut layout = Layout::default();
    for length in 0..200 {
        for end in ["", "\\n", "\\\"", "é"] {
            let text = format!("{{\"phase\":\"{}{end}\",\"step\":\"s\"}}", "x".repeat(length));
            for behind in ["".to_owned(), " ".repeat(100)] {
                let known = read_with(&mut layout, &text, &behind);
                assert_eq!(known, read(&mut Layout::default(), &text), "{text}");
            }
        }
    }
    assert_eq!(layout.known.len(), 1);
}

#[test]
fn an_array_in_a_known_shape_is_told_or_torn_as_by_reading() {
    let mut layout = Layout::default();
    assert!(read(&mut layout, r#"{"tags":["x"],"n":1}"#).is_some());
    for array in [
        "[]",
        "[ ]",
        r#"["a","b"]"#,
        r#"["a", 1, "c"]"#,
        r#"["", 0.5]"#,
        r#"["one that is longer than all that is looked at at once", 1]"#,
        "[12345678901234567890]",
        "[1e5]",
        "[1]",
        "[1, 2]",
        "[1,  2]",
        "[1 ,2]",
        "[1,2 ]",
        r#"["a\"b", -1.5e3]"#,
        "[[1],{}]",
        "[null,true]",
        "[1,]",
        "[1, ]",
        "[,1]",
        "[1 2]",
        r#"["\x"]"#,
        "[01]",
        "[1",
        "[",
        r#"["a]"#,
        r#"["a""b"]"#,
        r#"["a",x"b"]"#,
        r#""","]"#,
        "[1}",
    ] {
        let text = format!("{{\"tags\":{array},\"n\":1}}");
        for behind in ["".to_owned(), " ".repeat(100)] {
            let known = read_with(&mut layout, &text, &behind);
            assert_eq!(known, read(&mut Layout::default(), &text), "{text}");
        }
    }
}

#[test]
fn so_many_shapes_are_remembered_and_no_more() {
    let mut layout = Layout::default();
    for number in 0..5000 {
        assert!(read(&mut layout, &format!("{{\"key {number}\":1}}")).is_some());
    }
    assert!(layout.known.len() > 500 && layout.known.len() < 1100, "{}", layout.known.len());
}
