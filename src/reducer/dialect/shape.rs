//! The shapes of the objects that were read: a harness writes few of them, again and again.
//!
//! A shape is an object without its values: the bytes that stand between them, and what each value is from outside. An
//! object of a known shape needs no parsing: the bytes between its values are compared, and the values alone are looked
//! at. All shapes are one tree over their steps. It must never know what a key means; that an object is told by its
//! shape what reading it would tell is tested against reading it.

use wide::u8x32;

use crate::reducer::json::{
    Cursor, Kind, Torn, WIDE, number_end, plain_content, quoted_end, short_content, short_number,
};

/// The most values of a shape.
pub(super) const MOST_VALUES: usize = 64;
/// The most steps that are remembered: a log that invents keys is only slower.
const MOST_STEPS: usize = 2048;
/// The deepest objects whose keys belong to a shape; deeper ones are values.
const DEEPEST: usize = 4;
/// The longest bytes between two values.
const LONGEST: usize = 256;
/// The longest object that is learned from.
const MOST_BYTES: usize = 64 * 1024;

/// How many bytes are looked at at once: those before a value, and the value.
const WINDOW: usize = 2 * WIDE;
const NONE: u32 = u32::MAX;
/// No value is as long.
const VARIES: u32 = u32::MAX;
/// How many wrong guesses are counted together.
const MOST_MISSES: u8 = 64;

/// What a value of a shape is. A container that belongs to no shape is read anew each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    String,
    /// A number, `true`, `false` or `null`.
    Scalar,
    Array,
    /// One that is too deep for its keys to belong to a shape.
    Object,
    /// No value: the object ends.
    End,
}

/// The bytes before a value, the opening quote of a string included, and what kind of value it is.
#[derive(Debug)]
#[repr(align(64))]
struct Step {
    /// The first of the bytes, zeros behind them.
    bytes: [u8; WIDE],
    /// A bit for each of those.
    mask: u32,
    /// How many bytes there are, and how many of them are no part of the value.
    length: u16,
    before: u16,
    /// How long the value was last time, without quotes, or [`VARIES`], and how far behind the first of the bytes it then
    /// ends.
    usual: u32,
    reach: u32,
    /// How often that was wrong, and since which object this is counted.
    misses: u8,
    since: u16,
    sort: Sort,
    /// The first step that may follow, and the next one that may stand instead of this.
    first: u32,
    next: u32,
    /// The number of the shape that ends here.
    shape: u32,
}

impl Step {
    fn new(all: &[u8], sort: Sort) -> Self {
        let mut bytes = [0; WIDE];
        let mut mask = 0;
        for (bit, (to, from)) in bytes.iter_mut().zip(all).enumerate() {
            *to = *from;
            mask |= 1 << bit;
        }
        // There are at most LONGEST.
        let length = all.len() as u16;
        // The opening quote is part of a string.
        let before = length - u16::from(sort == Sort::String);
        // Nothing between two quotes.
        let (usual, reach, misses, since) = (0, u32::from(length) + 1, 0, 0);
        Self { bytes, mask, length, before, reach, usual, misses, since, sort, first: NONE, next: NONE, shape: NONE }
    }

    /// The value is of another length than it usually is, and reaches elsewhere. What is wrong for every fourth object is
    /// worse than no guess.
    #[inline(always)]
    fn miss(&mut self, long: usize, reach: usize, object: u16) {
        if self.usual == VARIES {
            return;
        }
        self.misses += 1;
        // Lines of 4 GiB do not come here.
        (self.usual, self.reach) = (long as u32, reach as u32);
        if self.misses == MOST_MISSES {
            if object.wrapping_sub(self.since) < 4 * u16::from(MOST_MISSES) {
                self.usual = VARIES;
            }
            (self.misses, self.since) = (0, object);
        }
    }

    /// Whether its first bytes stand at the beginning of a window.
    #[inline(always)]
    fn stands(&self, window: &[u8; WINDOW]) -> bool {
        let Some(first) = window.first_chunk() else { return false };
        let equal = u8x32::new(*first).simd_eq(u8x32::new(self.bytes)).to_bitmask();
        equal & self.mask == self.mask
    }
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
}

/// The values of one object, in their order.
#[derive(Debug)]
pub(super) struct Values {
    places: [Place; MOST_VALUES],
    count: usize,
}

impl Default for Values {
    fn default() -> Self {
        Self { places: [Place::default(); MOST_VALUES], count: 0 }
    }
}

impl Values {
    pub(super) fn get(&self) -> &[Place] {
        self.places.get(..self.count).unwrap_or_default()
    }

    /// Moves the values from one on by so many bytes.
    fn move_from(&mut self, first: usize, bytes: usize) {
        for place in self.places.iter_mut().take(self.count).skip(first) {
            // Lines of 4 GiB do not come here.
            place.start += bytes as u32;
            place.end += bytes as u32;
        }
    }

    fn push(&mut self, start: usize, end: usize, kind: Kind) -> Option<()> {
        // Lines of 4 GiB do not come here.
        *self.places.get_mut(self.count)? = Place { start: start as u32, end: end as u32, kind };
        self.count += 1;
        Some(())
    }
}

/// All shapes that are known.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    steps: Vec<Step>,
    /// The bytes of each step.
    bytes: Vec<Box<[u8]>>,
    shapes: u32,
    /// The number of the object that is to be recognised.
    object: u16,
}

/// How far an object was followed.
#[derive(Clone, Copy, Debug)]
struct Followed {
    /// Where the bytes of the next step begin.
    at: usize,
    next: u32,
}

/// Why an object is not followed any further.
enum Stop {
    /// The next step stands there, as far as it was compared; its value is to be looked at.
    Step,
    /// There is no window there.
    Bytes,
    Unknown,
}

impl Shapes {
    /// The number of the shape of the object at the cursor, which then stands behind it; its values are in `values`.
    /// `ahead` are the cursor's bytes and any that may be looked at behind them. `None` for an unknown shape; then the
    /// cursor stands anywhere.
    pub(super) fn recognise(&mut self, cursor: &mut Cursor<'_>, ahead: &[u8], values: &mut Values) -> Option<u32> {
        let next = if self.steps.is_empty() { NONE } else { 0 };
        let mut followed = Followed { at: cursor.at(), next };
        values.count = 0;
        self.object = self.object.wrapping_add(1);
        let shape = match self.through(ahead, 0, &mut followed, cursor, values) {
            Ok(shape) => shape,
            Err(Stop::Bytes) => self.last(ahead, followed, cursor, values)?,
            Err(Stop::Step | Stop::Unknown) => return None,
        };
        // What goes on behind the cursor's bytes is no object of theirs.
        (cursor.at() <= cursor.bytes().len()).then_some(shape)
    }

    /// The same where no window is left: the last bytes once more with zeros behind them, which no step has, so that windows
    /// reach the end.
    #[inline(never)]
    fn last(
        &mut self,
        ahead: &[u8],
        mut followed: Followed,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
    ) -> Option<u32> {
        let mut margin = [0; 2 * WINDOW];
        match ahead.last_chunk::<WINDOW>() {
            Some(last) => margin[..WINDOW].copy_from_slice(last),
            None => margin[..ahead.len()].copy_from_slice(ahead),
        }
        let base = ahead.len().saturating_sub(WINDOW);
        let moved = values.count;
        followed.at -= base;
        let shape = self.through(&margin, base, &mut followed, cursor, values).ok()?;
        values.move_from(moved, base);
        Some(shape)
    }

    /// Goes on through bytes, which begin at a place of the cursor's; gives the shape when its object ends.
    #[inline]
    fn through(
        &mut self,
        bytes: &[u8],
        base: usize,
        followed: &mut Followed,
        cursor: &mut Cursor<'_>,
        values: &mut Values,
    ) -> Result<u32, Stop> {
        loop {
            match self.follow(bytes, followed, values) {
                Stop::Step => {}
                stop @ (Stop::Unknown | Stop::Bytes) => return Err(stop),
            }
            let step = self.steps.get(followed.next as usize).ok_or(Stop::Unknown)?;
            let is_whole =
                usize::from(step.length) <= WIDE || self.stands_whole(followed.next, cursor, followed.at + base);
            if is_whole && step.sort == Sort::End {
                cursor.set_at(followed.at + base + usize::from(step.length));
                return Ok(step.shape);
            }
            let start = followed.at + usize::from(step.before);
            let found = if is_whole { value(cursor, step.sort, start + base) } else { None };
            *followed = match found {
                Some((end, kind)) => {
                    values.push(start, end - base, kind).ok_or(Stop::Unknown)?;
                    Followed { at: end - base, next: step.first }
                }
                None => Followed { next: step.next, ..*followed },
            };
        }
    }

    /// Goes on through bytes, as far as there are windows of them and values are short. The places of values are places in
    /// these bytes. Where a value ends is guessed before it is known, so that a processor need not wait for one value
    /// before it looks at the next.
    #[inline(never)]
    fn follow(&mut self, bytes: &[u8], followed: &mut Followed, values: &mut Values) -> Stop {
        let Followed { mut at, mut next } = *followed;
        let Values { places, count } = values;
        let mut free = *count;
        let stop = 'followed: loop {
            let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<WINDOW>) else { break Stop::Bytes };
            let step = loop {
                let Some(step) = self.steps.get(next as usize) else { break 'followed Stop::Unknown };
                if step.stands(window) {
                    break step;
                }
                next = step.next;
            };
            let length = usize::from(step.length);
            let Some(block) = window.get(length..).and_then(<[u8]>::first_chunk) else { break Stop::Step };
            let (long, reach, kind) = if step.sort == Sort::String {
                let content = match short_content(block) {
                    Some(content) => content,
                    None => match plain_content(bytes, at + length) {
                        Some(content) => content,
                        None => break Stop::Step,
                    },
                };
                (content, length + content + 1, Kind::Plain)
            } else if step.sort == Sort::Scalar {
                let Some(number) = short_number(block) else { break Stop::Step };
                (number, length + number, Kind::Number)
            } else if step.sort == Sort::Array {
                let Some(end) = short_array(bytes, at + length) else { break Stop::Step };
                (end - at - length, end - at, Kind::Array)
            } else {
                break Stop::Step;
            };
            let Some(place) = places.get_mut(free) else { break Stop::Unknown };
            let (start, number) = (at + usize::from(step.before), next as usize);
            next = step.first;
            // The same number, but not one that has to be waited for.
            if long == step.usual as usize {
                at += step.reach as usize;
            } else {
                at += reach;
                if let Some(step) = self.steps.get_mut(number) {
                    step.miss(long, reach, self.object);
                }
            }
            // Lines of 4 GiB do not come here.
            *place = Place { start: start as u32, end: at as u32, kind };
            free += 1;
        };
        *followed = Followed { at, next };
        *count = free;
        stop
    }

    /// Whether all bytes of a long step stand here.
    #[cold]
    fn stands_whole(&self, number: u32, cursor: &Cursor<'_>, at: usize) -> bool {
        let rest = cursor.bytes().get(at..).unwrap_or_default();
        self.bytes.get(number as usize).is_some_and(|own| rest.starts_with(own))
    }

    /// Learns the shape of an object that was accepted and ends there, and gives its number; its values are in `values`.
    /// `None` for one that is not learned.
    pub(super) fn learn(&mut self, mut cursor: Cursor<'_>, end: usize, values: &mut Values) -> Option<u32> {
        let begin = cursor.at();
        if end - begin > MOST_BYTES {
            return None;
        }
        values.count = 0;
        object(&mut cursor, values, 1).ok()?;
        if self.steps.len() + values.count >= MOST_STEPS {
            return None;
        }
        let bytes = cursor.bytes();
        let mut between = Vec::with_capacity(values.count + 1);
        let mut at = begin;
        for place in values.get() {
            let sort = sort(place.kind);
            let quote = usize::from(sort == Sort::String);
            between.push((bytes.get(at..place.start as usize + quote)?, sort));
            at = place.end as usize;
        }
        between.push((bytes.get(at..end)?, Sort::End));
        if between.iter().any(|(bytes, _)| bytes.len() > LONGEST) {
            return None;
        }
        let mut parent = None;
        for (bytes, sort) in between {
            parent = Some(self.step(parent, bytes, sort));
        }
        let last = self.steps.get_mut(parent?)?;
        if last.shape == NONE {
            last.shape = self.shapes;
            self.shapes += 1;
        }
        Some(last.shape)
    }

    /// The step behind another one, a new one if there is none such.
    fn step(&mut self, parent: Option<usize>, bytes: &[u8], sort: Sort) -> usize {
        let mut last = None;
        let mut next = match parent {
            Some(parent) => self.steps[parent].first,
            None if self.steps.is_empty() => NONE,
            None => 0,
        };
        while let Some(step) = self.steps.get(next as usize) {
            if step.sort == sort && self.bytes.get(next as usize).is_some_and(|own| **own == *bytes) {
                return next as usize;
            }
            last = Some(next as usize);
            next = step.next;
        }
        // There are at most MOST_STEPS.
        let new = self.steps.len() as u32;
        match (last, parent) {
            (Some(last), _) => self.steps[last].next = new,
            (None, Some(parent)) => self.steps[parent].first = new,
            (None, None) => {}
        }
        self.steps.push(Step::new(bytes, sort));
        self.bytes.push(bytes.into());
        new as usize
    }
}

fn sort(kind: Kind) -> Sort {
    match kind {
        Kind::Plain | Kind::Escaped => Sort::String,
        Kind::Null | Kind::True | Kind::False | Kind::Number => Sort::Scalar,
        Kind::Array => Sort::Array,
        Kind::Object => Sort::Object,
    }
}

/// The end and the kind of the value of a sort that begins here.
#[inline(never)]
fn value(cursor: &mut Cursor<'_>, sort: Sort, start: usize) -> Option<(usize, Kind)> {
    let bytes = cursor.bytes();
    let first = bytes.get(start)?;
    match sort {
        Sort::String => {
            let (end, escaped) = quoted_end(bytes, start)?;
            Some((end, if escaped { Kind::Escaped } else { Kind::Plain }))
        }
        Sort::Scalar => match first {
            b'-' | b'0'..=b'9' => Some((number_end(bytes, start)?, Kind::Number)),
            b't' | b'f' | b'n' => whole(cursor, start),
            _ => None,
        },
        Sort::Array if *first == b'[' => whole(cursor, start),
        Sort::Object if *first == b'{' => whole(cursor, start),
        Sort::Array | Sort::Object | Sort::End => None,
    }
}

/// The end of the array that begins here, if it has only short strings without escapes and short numbers, as most have;
/// `None` says nothing.
#[inline(always)]
fn short_array(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    match bytes.get(start..at + 1)? {
        b"[]" => return Some(at + 1),
        [b'[', _] => {}
        _ => return None,
    }
    loop {
        at += match bytes.get(at..)?.first_chunk::<{ WIDE + 1 }>()? {
            [b'"', content @ ..] => short_content(content)? + 2,
            [number @ .., _] => short_number(number)?,
        };
        match bytes.get(at)? {
            b',' => at += 1 + usize::from(bytes.get(at + 1) == Some(&b' ')),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The same by parsing. A container that stands deeper than [`DEEPEST`] makes it shallower than it is allowed to be:
/// such an object is read anew.
fn whole(cursor: &mut Cursor<'_>, start: usize) -> Option<(usize, Kind)> {
    cursor.set_at(start);
    let kind = cursor.value(DEEPEST + 2).ok()?;
    Some((cursor.at(), kind))
}

/// The values of the object at the cursor: those of objects in it, down to a depth, stand for themselves.
fn object(cursor: &mut Cursor<'_>, values: &mut Values, depth: usize) -> Result<(), Torn> {
    cursor.walk(&mut |cursor, _| {
        let start = cursor.at();
        if cursor.peek() == Some(b'{') && depth < DEEPEST {
            return object(cursor, values, depth + 1);
        }
        let kind = cursor.value(depth + 1)?;
        values.push(start, cursor.at(), kind).ok_or(Torn)
    })
}
