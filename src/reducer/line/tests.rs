use proptest::prelude::*;

use super::*;

/// A line with its own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    number: u64,
    offset: u64,
    length: u64,
    bytes: Vec<u8>,
    oversized: bool,
}

impl From<Line<'_>> for Owned {
    fn from(line: Line<'_>) -> Self {
        let Line { number, offset, length, bytes, oversized, clean } = line;
        if let Some(Clean { text, ahead }) = clean {
            assert!(text.as_bytes() == bytes && bytes.iter().all(|byte| *byte >= 0x20));
            assert!(ahead.starts_with(bytes));
        }
        Self { number, offset, length, bytes: bytes.to_vec(), oversized }
    }
}

/// The lines of some pieces, the tail, and where the cursor then stands.
fn split(max_line: usize, pieces: &[&[u8]]) -> (Vec<Owned>, Option<Owned>, u64) {
    let mut splitter = Splitter::new(max_line, 0, 0);
    let mut lines = Vec::new();
    for piece in pieces {
        splitter.push(piece, &mut |line| lines.push(line.into()));
    }
    assert_eq!(splitter.lines(), lines.len() as u64);
    let whole: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert_eq!(splitter.line_start() + splitter.tail_length(), whole as u64, "no byte is lost");
    (lines, splitter.tail().map(Owned::from), splitter.line_start())
}

/// Cuts a text at every byte and in single bytes, and checks the lines each time as (offset, bytes).
fn check(text: &[u8], lines: &[(u64, &[u8])], tail: Option<(u64, &[u8])>) {
    let singles: Vec<&[u8]> = text.chunks(1).collect();
    let cuts = (0..=text.len()).map(|cut| vec![&text[..cut], &text[cut..]]);
    for pieces in cuts.chain([singles]) {
        let (found, rest, _) = split(MAX_LINE, &pieces);
        let found: Vec<(u64, &[u8])> = found.iter().map(|line| (line.offset, line.bytes.as_slice())).collect();
        assert_eq!(found, lines, "{:?}", String::from_utf8_lossy(text));
        assert_eq!(rest.as_ref().map(|line| (line.offset, line.bytes.as_slice())), tail, "{text:?}");
    }
}

#[test]
fn a_line_ends_at_a_line_feed_and_one_carriage_return_before_it_is_dropped() {
    check(b"", &[], None);
    check(b"\n", &[(0, b"")], None);
    check(b"a\nbc\n", &[(0, b"a"), (2, b"bc")], None);
    check(b"a\r\nb\r\r\nc\rd\n", &[(0, b"a"), (3, b"b\r"), (7, b"c\rd")], None);
    check(b"\r\n\n", &[(0, b""), (2, b"")], None);
}

#[test]
fn an_unterminated_rest_is_the_tail_and_keeps_its_carriage_return() {
    check(b"a\nb", &[(0, b"a")], Some((2, b"b")));
    check(b"a\r", &[], Some((0, b"a\r")));
    check(b"a\n\0\0", &[(0, b"a")], Some((4, b"")));
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_of_the_file_only() {
    check(b"\xEF\xBB\xBFa\n\xEF\xBB\xBFb\n", &[(3, b"a"), (5, b"\xEF\xBB\xBFb")], None);
    check(b"\xEF\xBB\xBF\n", &[(3, b"")], None);
    check(b"\xEF\xBB\n", &[(0, b"\xEF\xBB")], None);
    check(b"\xEF\xBBx\n", &[(0, b"\xEF\xBBx")], None);
    check(b"\xEF\xBB\xBF\xEF\xBB\xBFa\n", &[(3, b"\xEF\xBB\xBFa")], None);
    check(b"\0\xEF\xBB\xBFa\n", &[(1, b"\xEF\xBB\xBFa")], None);
    check(b"\xEF\xBB\xBF", &[], Some((3, b"")));
    check(b"\xEF\xBB", &[], Some((0, b"\xEF\xBB")));
}

#[test]
fn nuls_at_the_start_of_a_line_are_skipped_and_others_stay() {
    check(b"\0\0a\n\0b\0\n", &[(2, b"a"), (5, b"b\0")], None);
    check(b"\xEF\xBB\xBF\0\0a\n", &[(5, b"a")], None);
    check(b"\0\0\n\0\r\n", &[(2, b""), (4, b"")], None);
    check(b" \0a\n", &[(0, b" \0a")], None);
}

#[test]
fn a_splitter_that_starts_later_goes_on_counting_and_sees_no_mark() {
    let mut splitter = Splitter::new(MAX_LINE, 100, 7);
    let mut lines: Vec<Owned> = Vec::new();
    splitter.push(b"\xEF\xBB\xBFa\nb", &mut |line| lines.push(line.into()));
    assert_eq!((lines[0].number, lines[0].offset, lines[0].length), (8, 100, 4));
    assert_eq!(splitter.tail().map(|tail| (tail.number, tail.offset)), Some((9, 105)));
    assert_eq!((splitter.line_start(), splitter.lines(), splitter.tail_length()), (105, 8, 1));
}

#[test]
fn content_of_exactly_the_limit_is_a_line_and_one_byte_more_is_oversized() {
    for limit in [1, 5, 199, 200, 201, 1000] {
        for before in ["", "\0\0", "\u{feff}", "\u{feff}\0"] {
            for end in ["\n", "\r\n"] {
                for over in [-1_i64, 0, 1, 2] {
                    let length = (limit + over) as usize;
                    let text = format!("{before}{}{end}good\n", "x".repeat(length));
                    let pieces: Vec<Vec<&[u8]>> = vec![
                        vec![text.as_bytes()],
                        text.as_bytes().chunks(1).collect(),
                        text.as_bytes().chunks(7).collect(),
                    ];
                    for pieces in pieces {
                        let (lines, _, _) = split(limit as usize, &pieces);
                        let first = &lines[0];
                        assert_eq!(first.oversized, over > 0, "{limit} {over} {before:?} {end:?}");
                        assert_eq!((first.offset, first.length), (before.len() as u64, length as u64));
                        let held = if over > 0 { length.min(OVERSIZED_HEAD) } else { length };
                        assert_eq!(first.bytes, vec![b'x'; held]);
                        let good_at = (before.len() + length + end.len()) as u64;
                        assert_eq!(lines[1].offset, good_at);
                        assert_eq!(lines[1].bytes, b"good", "the next line is intact");
                    }
                }
            }
        }
    }
}

#[test]
fn a_line_beyond_the_limit_and_a_hole_of_nuls_are_counted_and_not_held() {
    let chunk = vec![b'a'; 1 << 20];
    let nuls = vec![0; 1 << 20];
    let mut splitter = Splitter::new(4 << 20, 0, 0);
    for _ in 0..64 {
        splitter.push(&chunk, &mut |_| panic!("no line ended"));
    }
    assert!(splitter.held.capacity() <= KEPT_BUFFER);
    let tail = splitter.tail().map(Owned::from);
    assert_eq!(tail.map(|tail| (tail.length, tail.bytes.len(), tail.oversized)), Some((64 << 20, 200, true)));
    let mut lines: Vec<Owned> = Vec::new();
    splitter.push(b"\r\n", &mut |line| lines.push(line.into()));
    for _ in 0..64 {
        splitter.push(&nuls, &mut |_| panic!("no line ended"));
    }
    assert_eq!(splitter.tail_length(), 64 << 20);
    assert!(splitter.held.capacity() <= KEPT_BUFFER);
    splitter.push(b"{}\n", &mut |line| lines.push(line.into()));
    assert_eq!((lines[0].length, lines[0].oversized), (64 << 20, true));
    assert_eq!((lines[1].offset, lines[1].bytes.as_slice()), ((128 << 20) + 2, b"{}".as_slice()));
}

proptest! {
    #[test]
    fn pieces_give_the_lines_that_the_whole_gives(
        text in prop::collection::vec(
            prop_oneof![
                4 => Just(b"ab".to_vec()), 2 => Just(b"\n".to_vec()), 1 => Just(b"\r\n".to_vec()), 1 => Just(b"\r".to_vec()),
                1 => Just(b"\0".to_vec()), 1 => Just(b"\xEF\xBB\xBF".to_vec()), 1 => Just(vec![b'z'; 230]), 1 => any::<u8>().prop_map(|byte| vec![byte]),
            ],
            0..60,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        limit in prop_oneof![Just(1_usize), Just(3), Just(200), Just(231), Just(10_000)],
    ) {
        let text = text.concat();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let whole = split(limit, &[&text]);
        prop_assert_eq!(split(limit, &pieces), whole.clone());

        // Every line can be read again where it says that it stands.
        for line in whole.0.iter().chain(&whole.1) {
            let start = line.offset as usize;
            let content = &text[start..start + line.length as usize];
            prop_assert!(content.starts_with(&line.bytes));
            prop_assert_eq!(line.oversized, content.len() > limit);
        }
        prop_assert_eq!(whole.0.len(), text.iter().filter(|byte| **byte == b'\n').count());
    }
}
