use proptest::prelude::*;

use super::*;
use crate::reducer::dialect::Reading;
use crate::reducer::reduce::Reducer;

/// `n` letters and digits in no order; made here so that no credential stands in this file.
fn noise(n: usize) -> String {
    (0..n).map(|i| char::from(b"b7Qx2ZkT9mWc4Rv1"[(i * 7 + i / 5) % 16])).collect()
}

/// One credential of each kind: its name, what stands before it, it, what stands after it.
fn credentials() -> Vec<(&'static str, &'static str, String, &'static str)> {
    let hex = |n: usize| "0123456789abcdef".chars().cycle().take(n).collect::<String>();
    let upper = |n: usize| "ABCDEFGHJKMNPQ27".chars().cycle().take(n).collect::<String>();
    vec![
        ("AWS key", "id=", format!("AKIA{}", upper(16)), " x"),
        ("AWS key", r#"{"SecretAccessKey": ""#, noise(40), r#""}"#),
        ("AWS key", "aws_secret_access_key=", noise(40), ""),
        ("Google key", "key ", format!("AIza{}", noise(35)), ""),
        ("Google key", "", format!("ya29.{}", noise(60)), ","),
        ("Azure key", "AccountName=a;AccountKey=", format!("{}==", noise(86)), ";x"),
        ("DigitalOcean key", "", format!("dop_v1_{}", hex(64)), ""),
        ("Anthropic key", "x-api-key: ", format!("sk-ant-api03-{}", noise(80)), ""),
        ("OpenAI key", "", format!("sk-proj-{}", noise(48)), ""),
        ("OpenAI key", "", format!("sk-{}T3BlbkFJ{}", noise(20), noise(20)), ""),
        ("model key", "", format!("hf_{}", noise(34)), ""),
        ("model key", "", format!("sk-or-v1-{}", hex(64)), ""),
        ("GitHub token", "https://", format!("ghp_{}", noise(36)), "@github.com/a"),
        ("GitHub token", "", format!("github_pat_{}", noise(82)), ""),
        ("GitLab token", "", format!("glpat-{}", noise(20)), ""),
        ("payment key", "", format!("sk_live_{}", noise(24)), ""),
        ("payment key", "", format!("whsec_{}", noise(32)), ""),
        ("Slack token", "", format!("xoxb-{}", noise(40)), ""),
        ("package token", "//registry.npmjs.org/:_authToken=", format!("npm_{}", noise(36)), ""),
        ("JWT", "", format!("eyJ{}.eyJ{}.{}", noise(20), noise(40), noise(43)), ""),
        ("bearer token", "Authorization: Bearer ", noise(24), "\r"),
        ("bearer token", "-H 'authorization: bearer ", noise(40), "'"),
        (
            "private key",
            "-----BEGIN RSA PRIVATE KEY-----",
            format!("\n{}\n{}\n", noise(64), noise(30)),
            "-----END RSA PRIVATE KEY-----",
        ),
        (
            "private key",
            "-----BEGIN PRIVATE KEY-----",
            format!(r"\n{}\\n{}\/x\n", noise(64), noise(30)),
            "-----END PRIVATE KEY-----\", \"b\": 1",
        ),
        ("password", "postgres://me:", String::from("correct horse").replace(' ', "-"), "@db:5432/x"),
        ("password", r"https:\/\/me:", String::from("p@ss:w"), r"@host\/x"),
    ]
}

fn masked(text: &str) -> String {
    let out = mask(text.as_bytes()).map_or_else(|| text.to_owned(), |out| String::from_utf8(out).expect("still text"));
    assert_eq!(out.len(), text.len(), "{text}");
    out
}

#[test]
fn each_kind_is_masked_and_named_and_what_stands_around_it_stays() {
    for (name, before, secret, after) in credentials() {
        let out = masked(&format!("{before}{secret}{after}"));
        let shown = &out[before.len()..before.len() + secret.len()];
        assert!(out.starts_with(before) && out.ends_with(after), "{name}: {out}");
        assert!(shown.contains(&name[..4.min(name.len())]) || shown.chars().all(|c| c == '*'), "{name}: {out}");
        for piece in secret.split(|c: char| !c.is_ascii_alphanumeric()).filter(|piece| piece.len() > 4) {
            assert!(!shown.contains(piece), "{name}: {piece} is in {out}");
        }
    }
}

#[test]
fn every_pattern_and_every_marker_is_needed() {
    let all = credentials();
    for kind in KINDS {
        let of_kind: Vec<_> = all.iter().filter(|(name, ..)| *name == kind.name).collect();
        assert!(!of_kind.is_empty(), "{}", kind.name);
        for marker in kind.markers {
            assert!(unsuspicious(marker.as_bytes()) == 0 && kind.pattern.len() > marker.len(), "{marker}");
        }
    }
}

fn markers() -> impl Iterator<Item = &'static str> {
    all_markers().map(|(_, marker)| marker)
}

#[test]
fn every_marker_is_found_by_a_sign_and_every_sign_is_needed() {
    for marker in markers() {
        assert!(SIGNS.iter().any(|sign| marker.contains(sign)), "{marker}");
    }
    for sign in SIGNS {
        let others = || SIGNS.iter().filter(|other| **other != sign);
        assert!(
            markers().any(|marker| marker.contains(sign) && !others().any(|other| marker.contains(other))),
            "{sign}"
        );
        // Alone it says nothing, and hides none behind it.
        assert_eq!(unsuspicious(sign.as_bytes()) == sign.len(), !markers().any(|marker| marker == sign), "{sign}");
        for marker in markers() {
            let bytes = [b"{\"", sign.as_bytes(), b"\" ", marker.as_bytes(), sign.as_bytes()].concat();
            assert!(unsuspicious(&bytes) <= 7, "{sign} before {marker}");
        }
    }
}

#[test]
fn a_sign_that_begins_in_another_one_is_seen() {
    for (text, at) in [("gsk-ant-", 1), ("xaiAKIA", 3), ("hs_sk-ant-", 3), ("_acc sk-proj-", 5)] {
        assert_eq!(unsuspicious(text.as_bytes()), at, "{text}");
    }
}

/// The first place where a marker begins.
fn first_marker(bytes: &[u8]) -> usize {
    let begin = |marker: &str| memmem::find(bytes, marker.as_bytes());
    markers().filter_map(begin).min().unwrap_or(bytes.len())
}

#[test]
fn what_only_looks_a_little_like_one_stays() {
    let hash = "da39a3ee5e6b4b0d3255bfef95601890afd80709da39a3ee5e6b4b0d3255bfef";
    for text in [
        "task-1 ask-anthropic sk-ant-short risk-project-management-of-the-year",
        &format!("commit {hash}, sha256:{hash}"),
        "the Bearer of this message; bearer internationalisation",
        "GET https://example.com/a@b?c:d@e and ssh://git@host:22/x and mail me@host",
        "http://localhost:8080/@scope/package",
        "-----BEGIN PRIVATE KEY----- is what a key file begins with.",
        "-----BEGIN CERTIFICATE-----\\nMIIBszCCAVmgAwIBAgIUabcdefghijklmnop",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "550e8400-e29b-41d4-a716-446655440000 eyJhbGciOiJIUzI1NiJ9 alone",
        "secret_access_key: see the vault",
        "shelf_1 npm_config_cache=/x hf_home AKIA ASIA",
    ] {
        assert_eq!(mask(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn what_several_kinds_see_is_named_by_the_first_that_begins_and_hidden_as_a_whole() {
    let jwt = format!("eyJ{}.eyJ{}", noise(20), noise(40));
    let out = masked(&format!("Authorization: Bearer {jwt}, {jwt}"));
    assert!(out.starts_with("Authorization: Bearer [masked: bearer token]*"), "{out}");
    assert!(out.contains("*, [masked: JWT]*"), "{out}");
    // One in another, and one in what only begins as another does.
    let key = credentials().swap_remove(0).2;
    assert_eq!(masked(&format!("sk-proj-{key}{key}")), format!("[masked: OpenAI key]{}", "*".repeat(28)));
    assert_eq!(masked(&format!("eyJ{}{key}", noise(9))), format!("eyJ{}[masked: AWS key]***", noise(9)));
}

#[test]
fn an_escape_before_a_credential_stays_an_escape() {
    for start in ["\\n", "\\\\n", "\\\\\\n", "n", "\\t\\n"] {
        let json = format!("{{\"a\":\"x{start}pm_{}\"}}", noise(36));
        let out = masked(&json);
        assert_ne!(out, json, "{json}");
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    }
}

#[test]
fn a_mask_may_be_masked_again() {
    for (name, before, secret, after) in credentials() {
        let once = masked(&format!("{before}{secret}{after}"));
        assert_eq!(masked(&once), once, "{name}");
    }
}

#[test]
fn wherever_a_log_is_cut_none_is_left() {
    let mut seen = 0;
    for (kind, before, secret, after) in credentials() {
        let said = serde_json::to_string(&format!("{before}{secret}{after}")).expect("JSON");
        let line = format!("{{\"event\":\"error\",\"msg\":{said}}}\n");
        let before = "{\"event\":\"log\",\"msg\":\"x\"}\n";
        // What comes after it is longer than what stands before it, so that one cannot be taken for the other.
        let log = format!("{before}{line}{}", "{\"event\":\"log\"}\n".repeat(9));
        // What is escaped twice is another text.
        if mask(line.as_bytes()).is_none() {
            continue;
        }
        seen += 1;
        let whole = reduced(&[&log]);
        for cut in (1..before.len() + line.len()).filter(|cut| log.is_char_boundary(*cut)) {
            let (one, other) = log.split_at(cut);
            assert_eq!(reduced(&[one, other]), whole, "{kind} cut at {cut}");
        }
        assert!(!whole.contains(&secret), "{whole}");
    }
    assert!(seen > 20, "{seen}");
}

/// The error of a log that comes in pieces, by either way of taking them.
fn reduced(pieces: &[&str]) -> String {
    let (mut reducer, mut other) = (Reducer::new(Reading::default()), Reducer::new(Reading::default()));
    for piece in pieces {
        reducer.push(piece.as_bytes(), &mut |_| {});
        other.push_before(piece.as_bytes(), &mut |_, _| {});
    }
    let said = [reducer, other].map(|reducer| format!("{:?}", reducer.state().run.error));
    assert_eq!(said[0], said[1]);
    said[0].clone()
}

proptest! {
    #[test]
    fn no_marker_stands_in_what_is_not_suspicious(
        pieces in prop::collection::vec((prop::sample::select(markers().chain(SIGNS).collect::<Vec<_>>()), 0..4_usize), 0..12),
        around in "[a-z_:-]{0,40}",
    ) {
        let cut = |(word, less): &(&'static str, usize)| &word[..word.len() - less.min(&word.len())];
        let text: String = pieces.iter().map(cut).flat_map(|piece| [piece, around.as_str()]).collect();
        let bytes = text.as_bytes();
        let found = unsuspicious(bytes);
        prop_assert_eq!(first_marker(&bytes[..found]), found, "{}", text);
        prop_assert!(found == bytes.len() || markers().any(|marker| text[found..].starts_with(marker)), "{}", text);
    }

    #[test]
    fn json_stays_json_and_says_the_same_apart_from_its_strings(
        pieces in prop::collection::vec((0..26_usize, "[ -~\\n\\t\\\\\"é]{0,12}", any::<bool>()), 0..5),
    ) {
        let all = credentials();
        let mut text = String::new();
        for (kind, around, whole) in pieces {
            let (_, before, secret, after) = &all[kind % all.len()];
            let cut = if whole { secret.as_str() } else { &secret[..secret.len() / 2] };
            text.push_str(&format!("{around}{before}{cut}{after}"));
        }
        let json = serde_json::json!({ "msg": text, "n": 1, "again": serde_json::json!({ "in": text }).to_string() });
        let json = json.to_string();
        let out = masked(&json);
        let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(3));
        prop_assert_eq!(out.matches('"').count(), json.matches('"').count());
    }

    #[test]
    fn any_bytes_keep_their_length_and_their_line_ends(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..26_usize) {
        let all = credentials();
        let (_, before, secret, after) = &all[kind % all.len()];
        let text = [&bytes[..], before.as_bytes(), secret.as_bytes(), after.as_bytes(), &bytes[..]].concat();
        let out = mask(&text).unwrap_or_else(|| text.clone());
        prop_assert_eq!(out.len(), text.len());
        for (a, b) in text.iter().zip(&out) {
            prop_assert_eq!(*a == b'\n', *b == b'\n');
        }
    }
}
