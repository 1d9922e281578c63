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
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte of `word` that equals `byte`; exact up to and including the lowest.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let zeroed = word ^ (LOW * byte as u64);
    zeroed.wrapping_sub(LOW) & !zeroed & HIGH
}

/// How many bytes of a string are searched word by word before the vector search takes over.
const SHORT: usize = 32;

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let controls = bytes.iter().fold(u8::MAX, |least, &byte| least.min(byte)) < 0x20;
        Self { text, bytes, at: 0, controls }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn set_at(&mut self, at: usize) {
        self.at = at;
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over JSON white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Steps over one byte if it is this one.
    #[inline]
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over a string from its opening quote to behind its closing one; says whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<bool, Torn> {
        if !self.eat(b'"') {
            return Err(Torn);
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            let at = self.special().ok_or(Torn)?;
            if self.bytes.get(at) == Some(&b'"') {
                self.at = at + 1;
                break;
            }
            escaped = true;
            self.at = at + 1;
            self.escape()?;
        }
        let content = self.bytes.get(start..self.at).ok_or(Torn)?;
        if self.controls && content.iter().any(|&byte| byte < 0x20) {
            return Err(Torn);
        }
        Ok(escaped)
    }

    /// Where the next quote or backslash is.
    #[inline]
    fn special(&self) -> Option<usize> {
        let mut at = self.at;
        while let Some(chunk) = self.bytes.get(at..at + 8) {
            let word = u64::from_le_bytes(chunk.try_into().ok()?);
            let hits = equal(word, b'"') | equal(word, b'\\');
            if hits != 0 {
                return Some(at + hits.trailing_zeros() as usize / 8);
            }
            at += 8;
            if at - self.at >= SHORT {
                break;
            }
        }
        let rest = self.bytes.get(at..)?;
        memchr::memchr2(b'"', b'\\', rest).map(|found| at + found)
    }

    /// Steps over what follows a backslash. Surrogates may stand alone (spec 1.2).
    fn escape(&mut self) -> Result<(), Torn> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5).ok_or(Torn)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(Torn);
                }
                self.at += 5;
            }
            _ => return Err(Torn),
        }
        Ok(())
    }

    /// Steps over a key, its colon and the space around it, to the first byte of its value.
    #[inline]
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

    /// The bytes of a key as written.
    #[inline]
    pub(crate) fn written(&self, key: Key) -> &'a [u8] {
        self.bytes.get(key.start..key.end).unwrap_or_default()
    }

    /// The bytes from a key on to the end of the text.
    #[inline]
    pub(crate) fn from(&self, key: Key) -> &'a [u8] {
        self.bytes.get(key.start..).unwrap_or_default()
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
    #[inline]
    pub(crate) fn value(&mut self, depth: usize) -> Result<Kind, Torn> {
        match self.peek() {
            Some(b'"') => Ok(if self.string()? { Kind::Escaped } else { Kind::Plain }),
            Some(b'{') => self.container(depth).map(|()| Kind::Object),
            Some(b'[') => self.container(depth).map(|()| Kind::Array),
            _ => self.scalar(),
        }
    }

    /// Steps over a number, `true`, `false` or `null`.
    #[inline]
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

    /// Steps over an array or object. The open ones are bits, so that no nesting can overflow a stack.
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
