//! [`Cursor`]: walks over JSON text and says where it stops being JSON. No recursion, no allocation.

use std::borrow::Cow;

use wide::{u8x16, u8x32};

use super::number::number_end;
use super::unescape::unescape;
use super::{Kind, MAX_DEPTH};

/// The text is not JSON from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torn;

/// Where a key stands, between its quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) escaped: bool,
}

/// A place in JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Some byte of the text is below 0x20, so that strings must be searched for them. Most lines have none.
    controls: bool,
}

/// How many bytes are searched for quotes at once.
const BLOCK: usize = 16;
/// The longest values that are read in one look.
pub(crate) const WIDE: usize = 32;

/// The first quote or backslash from a place on; `None` when there is none.
#[inline(always)]
fn special(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        let found = match rest.first_chunk() {
            Some(block) => specials(*block),
            None => return near_end(bytes, at),
        };
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
}

/// A bit for each quote and each backslash of a block.
#[inline(always)]
fn specials(block: [u8; BLOCK]) -> u32 {
    let block = u8x16::new(block);
    (block.simd_eq(u8x16::splat(b'"')) | block.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}

/// The same when there is less than a block left: in the last block of all, if there is one.
#[inline(never)]
fn near_end(bytes: &[u8], at: usize) -> Option<usize> {
    let Some(last) = bytes.last_chunk() else {
        let rest = bytes.get(at..)?;
        return rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|found| at + found);
    };
    let start = bytes.len() - BLOCK;
    let found = specials(*last) >> at.checked_sub(start)?;
    (found != 0).then_some(at + found.trailing_zeros() as usize)
}

/// The end of the string whose content begins at `at`, behind its closing quote, and whether it has escapes. Bytes below
/// 0x20 are not looked for.
#[inline(always)]
fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at = special(bytes, at)? + 1;
        if bytes.get(at - 1) == Some(&b'"') {
            return Some((at, escaped));
        }
        escaped = true;
        at = escape_end(bytes, at)?;
    }
}

/// The same of the string whose opening quote stands at `start`; `None` when there is none.
#[inline(never)]
pub(crate) fn quoted_end(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    if bytes.get(start) == Some(&b'"') { string_end(bytes, start + 1) } else { None }
}

/// Where the closing quote stands of a string without escapes whose content a block begins with; `None` says nothing.
#[inline(always)]
pub(crate) fn short_content(block: &[u8; WIDE]) -> Option<usize> {
    let bytes = u8x32::new(*block);
    let specials = (bytes.simd_eq(u8x32::splat(b'"')) | bytes.simd_eq(u8x32::splat(b'\\'))).to_bitmask();
    let closing = specials.trailing_zeros() as usize;
    (block.get(closing) == Some(&b'"')).then_some(closing)
}

/// The same of longer content, which begins at `start`.
#[inline(always)]
pub(crate) fn plain_content(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let found = specials(*bytes.get(at..)?.first_chunk()?);
        if found != 0 {
            let closing = at + found.trailing_zeros() as usize;
            return (bytes.get(closing) == Some(&b'"')).then_some(closing - start);
        }
        at += BLOCK;
    }
}

/// The end of the escape whose backslash stands before `at`. Surrogates may stand alone (spec 1.2).
#[cold]
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => bytes.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

/// The cursor behind the array or object that it stands before.
#[inline(never)]
fn behind_container<'a>(cursor: &Cursor<'a>, depth: usize) -> Result<Cursor<'a>, Torn> {
    let mut here = cursor.clone();
    here.container(depth)?;
    Ok(here)
}

// The small steps are inlined into the loops that take them, so that the cursor lives in registers there.
impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let controls = bytes.iter().fold(u8::MAX, |least, &byte| least.min(byte)) < 0x20;
        Self { text, bytes, at: 0, controls }
    }

    /// The same of a text that is known to have no byte below 0x20.
    pub(crate) fn of_clean(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, controls: false }
    }

    /// The whole text.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Whether any byte of the text is below 0x20.
    pub(crate) fn has_controls(&self) -> bool {
        self.controls
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn set_at(&mut self, at: usize) {
        self.at = at;
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over JSON white space.
    #[inline(always)]
    pub(crate) fn space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.at += 1;
        }
    }

    /// Steps over one byte if it is this one.
    #[inline(always)]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over a string from its opening quote to behind its closing one; says whether it has escapes.
    #[inline(always)]
    fn string(&mut self) -> Result<bool, Torn> {
        if !self.eat(b'"') {
            return Err(Torn);
        }
        let start = self.at;
        let (end, escaped) = string_end(self.bytes, start).ok_or(Torn)?;
        self.at = end;
        if self.controls {
            let content = self.bytes.get(start..self.at).ok_or(Torn)?;
            if content.iter().any(|&byte| byte < 0x20) {
                return Err(Torn);
            }
        }
        Ok(escaped)
    }

    /// Steps over a key, its colon and the space around it, to the first byte of its value.
    #[inline(always)]
    pub(crate) fn key(&mut self) -> Result<Key, Torn> {
        let start = self.at + 1;
        let escaped = self.string()?;
        let key = Key { start, end: self.at - 1, escaped };
        self.space();
        if !self.eat(b':') {
            return Err(Torn);
        }
        self.space();
        Ok(key)
    }

    /// The whole text, for looking at what stands around a key.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text of a key.
    pub(crate) fn name(&self, key: Key) -> Cow<'a, str> {
        let written = self.text.get(key.start..key.end).unwrap_or_default();
        if key.escaped { Cow::Owned(unescape(written)) } else { Cow::Borrowed(written) }
    }

    /// The text between two places.
    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Steps over a whole value, containers with everything in them. `depth` is what a container here would have.
    #[inline(always)]
    pub(crate) fn value(&mut self, depth: usize) -> Result<Kind, Torn> {
        match self.peek() {
            Some(b'"') => Ok(if self.string()? { Kind::Escaped } else { Kind::Plain }),
            Some(bracket @ (b'{' | b'[')) => {
                *self = behind_container(self, depth)?;
                Ok(if bracket == b'{' { Kind::Object } else { Kind::Array })
            }
            _ => self.scalar(),
        }
    }

    /// Steps over a number, `true`, `false` or `null`.
    #[inline(always)]
    fn scalar(&mut self) -> Result<Kind, Torn> {
        let (word, kind): (&[u8], Kind) = match self.peek() {
            Some(b'-' | b'0'..=b'9') => {
                self.at = number_end(self.bytes, self.at).ok_or(Torn)?;
                return Ok(Kind::Number);
            }
            Some(b't') => (b"true", Kind::True),
            Some(b'f') => (b"false", Kind::False),
            Some(b'n') => (b"null", Kind::Null),
            _ => return Err(Torn),
        };
        if self.bytes.get(self.at..self.at + word.len()) != Some(word) {
            return Err(Torn);
        }
        self.at += word.len();
        Ok(kind)
    }

    /// Steps over an array or object. The open containers are bits, so that no nesting can overflow a stack.
    #[inline(always)]
    fn container(&mut self, depth: usize) -> Result<(), Torn> {
        let mut objects: u128 = 0;
        let mut open = 0;
        loop {
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if depth + open > MAX_DEPTH {
                        return Err(Torn);
                    }
                    let object = bracket == b'{';
                    objects = objects << 1 | u128::from(object);
                    open += 1;
                    self.at += 1;
                    self.space();
                    if !self.eat(if object { b'}' } else { b']' }) {
                        if object {
                            self.key()?;
                        }
                        continue;
                    }
                    objects >>= 1;
                    open -= 1;
                }
                Some(b'"') => {
                    self.string()?;
                }
                _ => {
                    self.scalar()?;
                }
            }
            loop {
                if open == 0 {
                    return Ok(());
                }
                self.space();
                let object = objects & 1 == 1;
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(b'}') if object => {}
                    Some(b']') if !object => {}
                    _ => return Err(Torn),
                }
                self.at += 1;
                objects >>= 1;
                open -= 1;
            }
        }
    }

    /// Stands before each value of the container here, with its key if it is an object: `each` steps over the value.
    pub(crate) fn walk(
        &mut self,
        each: &mut impl FnMut(&mut Self, Option<Cow<'a, str>>) -> Result<(), Torn>,
    ) -> Result<(), Torn> {
        let object = self.eat(b'{');
        let end = if object { b'}' } else { b']' };
        if !object && !self.eat(b'[') {
            return Err(Torn);
        }
        self.space();
        if self.eat(end) {
            return Ok(());
        }
        loop {
            let key = if object {
                let key = self.key()?;
                Some(self.name(key))
            } else {
                None
            };
            each(self, key)?;
            self.space();
            if self.eat(end) {
                return Ok(());
            }
            if !self.eat(b',') {
                return Err(Torn);
            }
            self.space();
        }
    }
}
