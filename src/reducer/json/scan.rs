//! [`Cursor`]: walks over JSON text and says where it stops being JSON. No recursion, no allocation.

use std::borrow::Cow;

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
    /// The block that was looked at last, and its quotes and backslashes.
    block: usize,
    specials: u64,
}

/// How many bytes are searched for quotes at once.
const BLOCK: usize = 64;

/// A bit for each quote and each backslash of a block of the text, zeros behind its end; `None` beyond it.
#[inline]
fn specials(bytes: &[u8], block: usize) -> Option<u64> {
    let rest = bytes.get(block * BLOCK..).filter(|rest| !rest.is_empty())?;
    Some(match rest.first_chunk() {
        Some(whole) => specials_of(whole),
        None => {
            let mut padded = [0; BLOCK];
            padded[..rest.len()].copy_from_slice(rest);
            specials_of(&padded)
        }
    })
}

#[inline]
fn specials_of(block: &[u8; BLOCK]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    words.iter().rev().fold(0, |bits, word| {
        let word = u64::from_le_bytes(*word);
        (bits << 8) | gathered(equal(word, b'"') | equal(word, b'\\'))
    })
}

const LOW: u64 = 0x0101_0101_0101_0101;

/// The high bit of each byte of `word` that equals `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let seven_bits = LOW * 0x7f;
    let zeroed = word ^ (LOW * byte as u64);
    !(((zeroed & seven_bits) + seven_bits) | zeroed | seven_bits)
}

/// The high bits of the eight bytes as the eight bits of one.
#[inline]
const fn gathered(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
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
        Self { text, bytes, at: 0, controls, block: usize::MAX, specials: 0 }
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
        let mut escaped = false;
        loop {
            let at = self.special().ok_or(Torn)?;
            self.at = at + 1;
            if self.bytes.get(at) == Some(&b'"') {
                break;
            }
            escaped = true;
            self.at = escape_end(self.bytes, at + 1).ok_or(Torn)?;
        }
        if self.controls {
            let content = self.bytes.get(start..self.at).ok_or(Torn)?;
            if content.iter().any(|&byte| byte < 0x20) {
                return Err(Torn);
            }
        }
        Ok(escaped)
    }

    /// Where the next quote or backslash is.
    #[inline(always)]
    fn special(&mut self) -> Option<usize> {
        let mut block = self.at / BLOCK;
        if block != self.block {
            self.specials = specials(self.bytes, block)?;
            self.block = block;
        }
        let bits = self.specials >> (self.at % BLOCK);
        if bits != 0 {
            return Some(self.at + bits.trailing_zeros() as usize);
        }
        loop {
            block += 1;
            self.specials = specials(self.bytes, block)?;
            self.block = block;
            if self.specials != 0 {
                return Some(block * BLOCK + self.specials.trailing_zeros() as usize);
            }
        }
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
