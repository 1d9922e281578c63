//! The shapes of the objects that were read: a harness writes few of them, again and again.
//!
//! A shape is an object without its values: the bytes that stand between them, and what each value is from outside. An
//! object of a known shape needs no parsing: the bytes between its values are compared, and the values alone are looked
//! at. All shapes are one tree over their steps. It must never know what a key means; that an object is told by its
//! shape what reading it would tell is tested against reading it.

use wide::u8x16;

use crate::reducer::json::{Cursor, Kind, Torn, number_end, quoted_end, string_end};

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

/// How many bytes are compared at once, and how often.
const BLOCK: usize = 16;
const BLOCKS: usize = 2;
const NONE: u32 = u32::MAX;

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

/// The bytes before a value, and what kind of value it is.
#[derive(Debug)]
struct Step {
    bytes: Box<[u8]>,
    /// The first bytes, zeros behind them, and a mask of where they are.
    blocks: [(u8x16, u8x16); BLOCKS],
    sort: Sort,
    /// The first step that may follow, and the next one that may stand instead of this.
    first: u32,
    next: u32,
    /// The number of the shape that ends here.
    shape: u32,
}

impl Step {
    fn new(bytes: &[u8], sort: Sort) -> Self {
        let blocks = std::array::from_fn(|number| {
            let here = bytes.get(number * BLOCK..).unwrap_or_default();
            let (mut block, mut mask) = ([0; BLOCK], [0; BLOCK]);
            for (at, byte) in here.iter().take(BLOCK).enumerate() {
                block[at] = *byte;
                mask[at] = u8::MAX;
            }
            (u8x16::new(block), u8x16::new(mask))
        });
        Self { bytes: bytes.into(), blocks, sort, first: NONE, next: NONE, shape: NONE }
    }

    /// Whether its bytes stand here.
    #[inline(always)]
    fn stands(&self, rest: &[u8]) -> bool {
        let length = self.bytes.len();
        if length <= BLOCK * BLOCKS
            && let Some(first) = rest.first_chunk::<BLOCK>()
        {
            let [(own, mask), (own_next, mask_next)] = self.blocks;
            let mut differ = (u8x16::new(*first) ^ own) & mask;
            if length > BLOCK {
                let Some(next) = rest.get(BLOCK..).and_then(|rest| rest.first_chunk::<BLOCK>()) else {
                    return rest.starts_with(&self.bytes);
                };
                differ |= (u8x16::new(*next) ^ own_next) & mask_next;
            }
            return differ.simd_eq(u8x16::ZERO).to_bitmask() == 0xFFFF;
        }
        rest.starts_with(&self.bytes)
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
    shapes: u32,
}

impl Shapes {
    /// The number of the shape of the object at the cursor, which then stands behind it; its values are in `values`.
    /// `None` for an unknown shape; then the cursor stands anywhere.
    #[inline]
    pub(super) fn recognise(&self, cursor: &mut Cursor<'_>, values: &mut Values) -> Option<u32> {
        let bytes = cursor.bytes();
        let mut at = cursor.at();
        let mut next = if self.steps.is_empty() { NONE } else { 0 };
        let mut count = 0;
        loop {
            let rest = bytes.get(at..)?;
            let (step, start, end, kind) = loop {
                let step = self.steps.get(next as usize)?;
                if step.stands(rest) {
                    let start = at + step.bytes.len();
                    if step.sort == Sort::End {
                        cursor.set_at(start);
                        values.count = count;
                        return Some(step.shape);
                    }
                    if let Some((end, kind)) = value(cursor, step.sort, start) {
                        break (step, start, end, kind);
                    }
                }
                next = step.next;
            };
            // Lines of 4 GiB do not come here.
            *values.places.get_mut(count)? = Place { start: start as u32, end: end as u32, kind };
            count += 1;
            at = end;
            next = step.first;
        }
    }

    /// Learns the shape of an object that was accepted and ends there, and gives its number; its values are in `values`. `None` for one
    /// that is not learned.
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
            between.push((bytes.get(at..place.start as usize)?, sort(place.kind)));
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
            if step.sort == sort && *step.bytes == *bytes {
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
#[inline(always)]
fn value(cursor: &mut Cursor<'_>, sort: Sort, start: usize) -> Option<(usize, Kind)> {
    let bytes = cursor.bytes();
    if sort == Sort::String {
        let (end, escaped) = quoted_end(bytes, start)?;
        return Some((end, if escaped { Kind::Escaped } else { Kind::Plain }));
    }
    let first = bytes.get(start)?;
    match sort {
        Sort::Scalar => match first {
            b'-' | b'0'..=b'9' => Some((number_end(bytes, start)?, Kind::Number)),
            b't' | b'f' | b'n' => whole(cursor, start),
            _ => None,
        },
        Sort::Array if *first == b'[' => match flat_array(bytes, start + 1) {
            Some(end) => Some((end, Kind::Array)),
            None => whole(cursor, start),
        },
        Sort::Object if *first == b'{' => whole(cursor, start),
        Sort::String | Sort::Array | Sort::Object | Sort::End => None,
    }
}

/// The end of the array whose first element begins here, if it has only strings and numbers, which most have.
fn flat_array(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        at = match bytes.get(at)? {
            b'"' => string_end(bytes, at + 1)?.0,
            b'-' | b'0'..=b'9' => number_end(bytes, at)?,
            _ => return None,
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
