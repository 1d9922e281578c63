//! Masks credentials that look like such, with the kind named (spec 5.3 rule 8).
//!
//! One function for both seams: a line before it is decoded, so that nothing reduced from it holds one, and the bytes of a
//! log before they are shown. A mask is as long as what it hides and holds no quote, backslash or line end: offsets stay
//! right, and JSON stays JSON. Only patterns that hardly anything else has: the canonical dump is masked, too.
//!
//! Nearly every line has none, so that it costs one search for rare words; what has one is searched for the kinds that have
//! such a word, each by an automaton of its own. That takes linear time whatever the line (spec 5.4.5 T126): none goes on
//! reading long behind what it finds. One for all kinds would, for a kind that begins before what another finds, and again
//! behind each that it finds. It must never know where the bytes come from.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, Input, packed};
use memchr::memmem;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

/// A credential is looked for so many bytes around what is shown, so that a piece of a log hides no part of one.
const AROUND: usize = 8 * 1024;

/// One kind of credential.
struct Kind {
    name: &'static str,
    /// One of these stands in every credential of the kind, and hardly anywhere else.
    markers: &'static [&'static str],
    pattern: &'static str,
    /// How much of what the pattern finds is the secret.
    secret: Secret,
}

#[derive(Clone, Copy)]
enum Secret {
    Whole,
    /// So many bytes at the end.
    Last(usize),
    /// What follows the last white space, if it looks like a token and not like a word.
    Token,
    /// What follows the dashes, if it looks like base64 and not like prose.
    Block,
}

const KINDS: &[Kind] = &[
    Kind { name: "AWS key", markers: &["AKIA", "ASIA"], pattern: "(?:AKIA|ASIA)[A-Z2-7]{16}", secret: Secret::Whole },
    Kind {
        name: "AWS key",
        markers: &["ecret_access_key", "ecretAccessKey", "SECRET_ACCESS_KEY"],
        pattern: r#"(?:ecret_access_key|ecretAccessKey|SECRET_ACCESS_KEY)[\\"']{0,4}\s?[:=]\s?[\\"']{0,4}[A-Za-z0-9/+]{40}"#,
        secret: Secret::Last(40),
    },
    Kind {
        name: "Google key",
        markers: &["AIza", "GOCSPX-", "ya29."],
        pattern: "AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29[.][A-Za-z0-9_-]{20,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "Azure key",
        markers: &["AccountKey="],
        pattern: "AccountKey=[A-Za-z0-9/+]{86}==",
        secret: Secret::Last(88),
    },
    Kind { name: "DigitalOcean key", markers: &["dop_v1_"], pattern: "dop_v1_[a-f0-9]{64}", secret: Secret::Whole },
    Kind { name: "Anthropic key", markers: &["sk-ant-"], pattern: "sk-ant-[A-Za-z0-9_-]{20,}", secret: Secret::Whole },
    Kind {
        name: "OpenAI key",
        markers: &["sk-proj-", "sk-svcacct-", "sk-admin-", "T3BlbkFJ"],
        pattern: "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{16,}T3BlbkFJ[A-Za-z0-9]{16,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "model key",
        markers: &["sk-or-v1-", "hf_", "gsk_", "xai-", "pplx-"],
        pattern: "sk-or-v1-[a-f0-9]{64}|hf_[A-Za-z0-9]{34,}|gsk_[A-Za-z0-9]{48,}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "GitHub token",
        markers: &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        pattern: "gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "GitLab token",
        markers: &["glpat-", "gldt-", "glrt-"],
        pattern: "gl(?:pat|dt|rt)-[A-Za-z0-9_.-]{20,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "payment key",
        markers: &["k_live_", "k_test_", "whsec_", "sq0"],
        pattern: "[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}|sq0(?:csp|atp)-[A-Za-z0-9_-]{22,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "Slack token",
        markers: &["xox", "xapp-"],
        pattern: "(?:xox[abprs]|xapp)-[A-Za-z0-9-]{20,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "package token",
        markers: &["npm_", "pypi-AgEI"],
        pattern: "npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,}",
        secret: Secret::Whole,
    },
    Kind {
        name: "JWT",
        markers: &[".eyJ"],
        pattern: "eyJ[A-Za-z0-9_-]{8,}[.]eyJ[A-Za-z0-9_-]{8,}(?:[.][A-Za-z0-9_-]+)?",
        secret: Secret::Whole,
    },
    Kind {
        name: "bearer token",
        markers: &["earer ", "EARER "],
        pattern: r"(?:[Bb]earer|BEARER) +[A-Za-z0-9._~+/-]{16,}={0,2}",
        secret: Secret::Token,
    },
    Kind {
        name: "private key",
        markers: &["PRIVATE KEY"],
        pattern: r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:-?(?:[A-Za-z0-9+/=\s:,.]|\\+[nrt/]))*",
        secret: Secret::Block,
    },
];

/// What stands before a password in an address; the second as JSON may write it.
const ADDRESSES: [&str; 2] = ["://", r":\/\/"];

/// The kind of a password in an address.
const PASSWORD: &str = "password";

/// Three bytes of every marker that hardly anything else has. The markers themselves are too many for one fast search, and
/// two for them cost three times as much. Every eighth shares a bucket of this one, and in this order they suspect nearly
/// nothing else together (tried on logs; in any other order they find the same, and suspect up to thirty times as much).
const SIGNS: [&str; 37] = [
    "pm_", "glp", "GOC", r":\/", "SIA", "k_l", "Iza", "rer", "xap", "glr", "ec_", "://", "sk-", "k_t", "sq0", "KEY",
    "hf_", "gsk", "ho_", "KIA", "xox", "hu_", "_ac", "ya2", "hp_", "gld", "ub_", ".ey", "plx", "kFJ", "xai", "AgE",
    "hr_", "hs_", "v1_", "RER", "Key",
];

/// What has a marker: the number of a kind, or this one of an address.
const ADDRESS: usize = KINDS.len();

/// A marker around a sign.
#[derive(Debug)]
struct Signed {
    marker: &'static str,
    /// How many of its bytes stand before the sign.
    before: usize,
    /// What it is a marker of.
    of: usize,
}

static SEARCH: LazyLock<Search> = LazyLock::new(Search::new);

/// The automata of the kinds, each made when it is first needed.
static PATTERNS: [OnceLock<Regex>; KINDS.len()] = [const { OnceLock::new() }; KINDS.len()];

fn pattern(number: usize) -> &'static Regex {
    PATTERNS[number].get_or_init(|| {
        let bytes = syntax::Config::new().unicode(false).utf8(false);
        let built =
            Regex::builder().configure(Regex::config().utf8_empty(false)).syntax(bytes).build(KINDS[number].pattern);
        built.expect("these patterns are tested")
    })
}

/// Every marker, and what it is one of.
fn all_markers() -> impl Iterator<Item = (usize, &'static str)> + Clone {
    let of_kinds = KINDS.iter().map(|kind| kind.markers).chain([&ADDRESSES[..]]).enumerate();
    of_kinds.flat_map(|(of, markers)| markers.iter().map(move |marker| (of, *marker)))
}

/// The search for markers by their signs.
#[derive(Debug)]
struct Search {
    signs: Signs,
    /// By the number of a sign.
    markers: Vec<Vec<Signed>>,
}

/// A search for many words at once: with vector instructions, ten times as fast, where there are any.
#[derive(Debug)]
enum Signs {
    Packed(packed::Searcher),
    Plain(AhoCorasick),
}

impl Search {
    fn new() -> Self {
        // More than 32 would get sixteen buckets, which take twice as long for the same bytes. (The crate hides this option in
        // its documentation.)
        let signs = match packed::Config::new().only_teddy_fat(Some(false)).builder().extend(SIGNS).build() {
            Some(searcher) => Signs::Packed(searcher),
            None => Signs::Plain(AhoCorasick::new(SIGNS).expect("a few short words")),
        };
        let signed = |sign| {
            let around = |(of, marker): (usize, &'static str)| Some(Signed { marker, before: marker.find(sign)?, of });
            all_markers().filter_map(around).collect()
        };
        Self { signs, markers: SIGNS.into_iter().map(signed).collect() }
    }

    /// The first sign from a place on, by its number, and where it stands.
    fn sign(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let rest = from..bytes.len();
        let found = match &self.signs {
            Signs::Packed(searcher) => searcher.find_in(bytes, rest.into()),
            Signs::Plain(searcher) => searcher.find(Input::new(bytes).range(rest)),
        };
        found.map(|found| (found.pattern().as_usize(), found.start()))
    }

    /// The markers around a sign: where each begins, and what it is one of.
    fn around(&self, bytes: &[u8], (sign, at): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
        self.markers.get(sign).into_iter().flatten().filter_map(move |signed| {
            let begin = at.checked_sub(signed.before)?;
            bytes.get(begin..)?.starts_with(signed.marker.as_bytes()).then_some((begin, signed.of))
        })
    }

    /// All signs, also those that begin in another one.
    #[inline]
    fn each_sign<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = (usize, usize)> + 'b {
        let mut from = 0;
        std::iter::from_fn(move || {
            let sign = self.sign(bytes, from)?;
            from = sign.1 + 1;
            Some(sign)
        })
    }

    /// What has a marker anywhere, by the bit of its number.
    fn suspects(&self, bytes: &[u8]) -> u32 {
        let markers = self.each_sign(bytes).flat_map(|sign| self.around(bytes, sign));
        markers.fold(0, |suspects, (_, of)| suspects | 1 << of)
    }
}

/// How many of the bytes nobody need look at again: no marker stands in them.
#[must_use]
pub fn unsuspicious(bytes: &[u8]) -> usize {
    let first = SEARCH.each_sign(bytes).find_map(|sign| SEARCH.around(bytes, sign).min());
    first.map_or(bytes.len(), |(marker, _)| marker)
}

/// The bytes with every credential masked; `None` when there is none, which is nearly always. As long as before.
#[must_use]
pub fn mask(bytes: &[u8]) -> Option<Vec<u8>> {
    let suspects = SEARCH.suspects(bytes);
    let is_suspect = |of: usize| suspects >> of & 1 == 1;
    let mut found = Vec::new();
    for (number, kind) in KINDS.iter().enumerate().filter(|(number, _)| is_suspect(*number)) {
        let all = pattern(number).find_iter(bytes).map(|found| found.range());
        let secrets = all.filter_map(|range| Some((range.start, number, kind.secret.within(bytes, range)?)));
        found.extend(secrets);
    }
    // Where several kinds see one, the first that begins has the last word.
    found.sort_unstable_by_key(|(start, number, _)| Reverse((*start, *number)));
    let mut masked = Masked { bytes, out: None };
    for (_, number, secret) in found {
        masked.hide(secret, KINDS[number].name);
    }
    for address in ADDRESSES.iter().filter(|_| is_suspect(ADDRESS)) {
        for at in memmem::find_iter(bytes, address) {
            if let Some(password) = password(bytes, at + address.len()) {
                masked.hide(password, PASSWORD);
            }
        }
    }
    masked.out
}

/// Reads a piece of something longer and masks it as if the whole had been read. `read` gives up to so many bytes at an
/// offset.
///
/// # Errors
/// Those of `read`.
pub fn piece<E>(offset: u64, length: usize, read: impl FnOnce(u64, usize) -> Result<Vec<u8>, E>) -> Result<Vec<u8>, E> {
    let before = usize::try_from(offset).unwrap_or(usize::MAX).min(AROUND);
    let mut bytes = read(offset - before as u64, length.saturating_add(before + AROUND))?;
    bytes = mask(&bytes).unwrap_or(bytes);
    bytes.drain(..before.min(bytes.len()));
    bytes.truncate(length);
    Ok(bytes)
}

/// The copy that is made when there is something to hide.
struct Masked<'a> {
    bytes: &'a [u8],
    out: Option<Vec<u8>>,
}

impl Masked<'_> {
    /// Writes a mask with the kind over a range, as much of it as there is room for; line ends stay.
    fn hide(&mut self, range: Range<usize>, kind: &str) {
        let out = self.out.get_or_insert_with(|| self.bytes.to_vec());
        let (before, name, after) = match range.len() {
            length if length >= kind.len() + 10 => ("[masked: ", kind, "]"),
            length if length >= kind.len() + 2 => ("[", kind, "]"),
            _ => ("", "", ""),
        };
        let mut label = before.bytes().chain(name.bytes()).chain(after.bytes());
        for byte in &mut out[range] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = label.next().unwrap_or(b'*');
            }
        }
    }
}

impl Secret {
    /// Where the secret lies in what was found.
    fn within(self, bytes: &[u8], found: Range<usize>) -> Option<Range<usize>> {
        let Range { start, end } = found;
        let text = &bytes[start..end];
        match self {
            Secret::Whole => Some(start + usize::from(is_escaped(bytes, start))..end),
            Secret::Last(length) => Some(end - length..end),
            Secret::Token => {
                let token = &text[text.iter().rposition(|byte| *byte == b' ')? + 1..];
                let is_token = token.len() >= 32 || token.iter().any(u8::is_ascii_digit);
                is_token.then_some(end - token.len()..end)
            }
            Secret::Block => {
                let head = memmem::find(text, b"KEY").map(|at| at + 3)?;
                let head = head + memmem::find(&text[head..], b"-----")? + 5;
                let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
                let is_block = text[head..].split(|byte| !base64(byte)).any(|run| run.len() >= 16);
                is_block.then_some(start + head..end)
            }
        }
    }
}

/// Whether a byte belongs to a JSON escape, as the `n` of `\npm_`: a mask over it would break the escape.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let backslashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}

/// The password of the address whose authority begins at `start`: between the first colon and the last `@` of it.
fn password(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 512;
    let rest = &bytes[start..];
    let ends = |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/?#\"'<>\\`".contains(byte);
    let end = rest.iter().take(LONGEST).position(ends).unwrap_or(rest.len().min(LONGEST));
    let at = memchr::memrchr(b'@', &rest[..end])?;
    let colon = memchr::memchr(b':', &rest[..at])?;
    (colon + 1 < at).then_some(start + colon + 1..start + at)
}

#[cfg(test)]
mod tests;
