//! A state of the past with few of its spans and markers is the whole one as far as anybody can see.

use std::sync::Arc;

use super::{Bench, SCALE, bench, first_lines};
use crate::reducer::dialect::Reading;
use crate::reducer::digest::STRETCH;
use crate::reducer::excerpt::{Asked, Window};
use crate::reducer::fold::Wanted;
use crate::reducer::marker::Marker;
use crate::reducer::reduce::Reducer;
use crate::reducer::run::RunState;
use crate::reducer::span::Span;
use crate::reducer::time::Micros;
use crate::store::Part;
use crate::store::reader::{Cut, Cuts, Entries, Lists, Shown};

/// Lines of a log with so many spans that most of them are not read.
const LINES: u64 = 12_000;
const BEGIN: i64 = 1_780_000_000;

/// Numbers that only look as if nobody had chosen them.
struct Dice(u64);

impl Dice {
    fn below(&mut self, many: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % many
    }
}

/// Spans that open and close, some of them long after many others, by ids and names that come again or never do; those
/// that are closed are told of again and get other names. Every third line is of a marker.
fn log() -> Vec<u8> {
    let (mut dice, mut tools, mut matters) = (Dice(7), vec![0], Matters::default());
    let line = |n: u64| {
        if n % 3 == 1 {
            return format!("{{\"ts\":{},\"event\":{}}}\n", BEGIN + (n * 7) as i64, matters.next(n, &mut dice));
        }
        let one = dice.below(n / 3 + 1);
        let what = match dice.below(20) {
            0..=3 => format!(r#""step.started","step_id":"s{n}""#),
            4..=6 => format!(r#""step.finished","step_id":"s{}""#, n - dice.below(n.min(40))),
            7 => format!(r#""step.failed","step_id":"s{one}","error":"no {n}""#),
            8 | 9 => format!(r#""step.started","step_id":"often-{}""#, dice.below(5)),
            10..=12 => {
                tools.push(n);
                format!(r#""tool.started","span_id":"t{n}","tool_name":"name-{}""#, dice.below(30))
            }
            13 | 14 => format!(r#""tool.finished","span_id":"t{}""#, n - dice.below(n.min(60))),
            15 => {
                let old = tools[dice.below(tools.len() as u64 / 2 + 1) as usize];
                format!(r#""tool.finished","span_id":"t{old}","tool_name":"rare-{}""#, dice.below(90))
            }
            // By a name alone: what is closed is told of an error.
            16 => format!(r#""tool.failed","tool_name":"rare-{}","error":"no {n}""#, dice.below(90)),
            17 => format!(
                r#""session.started","session_id":"a{n}","agent":"agent-{}","repo":"r{}""#,
                dice.below(900),
                n % 9
            ),
            18 => format!(r#""session.ended","agent":"agent-{}""#, dice.below(900)),
            _ => format!(r#""usage","step_id":"s{one}","input_tokens":3"#),
        };
        format!("{{\"ts\":{},\"event\":{what}}}\n", BEGIN + (n * 7) as i64)
    };
    (0..LINES).map(line).collect::<String>().into_bytes()
}

/// The markers of the log.
#[derive(Default)]
struct Matters {
    questions: Vec<u64>,
    is_asked: bool,
    /// Approvals and handoffs that are open.
    open: [Vec<u64>; 2],
}

impl Matters {
    /// Approvals and handoffs of which many are open, some of them while very many others come and go; and one question after
    /// the other, while those of long ago are answered again.
    fn next(&mut self, n: u64, dice: &mut Dice) -> String {
        match dice.below(60) {
            0..=9 => self.open_or_close(0, n, dice),
            10..=29 => self.open_or_close(1, n, dice),
            _ if !self.is_asked => {
                self.is_asked = true;
                self.questions.push(n);
                format!(r#""question.raised","id":"q{n}""#)
            }
            30..=32 => {
                let old = dice.below(self.questions.len() as u64 / 4 + 1) as usize;
                format!(r#""question.answered","id":"q{}""#, self.questions[old])
            }
            _ => {
                self.is_asked = false;
                format!(r#""question.answered","id":"q{}""#, self.questions[self.questions.len() - 1])
            }
        }
    }

    fn open_or_close(&mut self, which: usize, n: u64, dice: &mut Dice) -> String {
        let ([name, opened], most) = [(["approval", "requested"], 60), (["handoff", "raised"], 200)][which];
        let open = &mut self.open[which];
        let many = open.len() as u64;
        if dice.below(2 * most) < many {
            let old = open.swap_remove(dice.below(many) as usize);
            return format!(r#""{name}.cleared","id":"m{old}""#);
        }
        open.push(n);
        format!(r#""{name}.{opened}","id":"m{n}","expires_at":{BEGIN}"#)
    }
}

impl Bench {
    /// The state after a line with few of its spans and markers, but with those that are wanted; which; and what was asked for
    /// each time that it was not enough.
    fn part_at(&self, log: &[u8], line: u64, mut wanted: Wanted) -> (RunState, Part, Vec<Wanted>) {
        let mut tries = Vec::new();
        loop {
            let found =
                self.store.reader.glimpse("run", line, &wanted).expect("the cache answers").expect("a snapshot");
            let from = usize::try_from(found.snapshot.offset / SCALE).expect("a small log");
            let missing = line - found.snapshot.state.counters.lines.total();
            let mut reducer = Reducer::resume(Reading::default(), found.snapshot.state, from as u64);
            reducer.push(first_lines(&log[from..], missing), &mut |_| {});
            let asked = found.part.asked();
            if asked.is_empty() {
                let changes = reducer.state_mut().take_changes();
                return (reducer.into_state(), found.part.after(&changes), tries);
            }
            assert!(asked.spans.is_disjoint(&wanted.spans), "{asked:?} of {wanted:?} again");
            assert!(!(asked.all_markers && wanted.all_markers), "all markers again");
            wanted.extend(asked.clone());
            tries.push(asked);
        }
    }

    #[track_caller]
    fn check_part(&self, part: &RunState, which: &Part, whole: &RunState) {
        let open = |state: &RunState| state.spans.iter().filter(|span| span.is_open()).cloned().collect::<Vec<Span>>();
        assert_eq!(open(part), open(whole));
        let open =
            |state: &RunState| state.markers.iter().filter(|one| one.is_open()).cloned().collect::<Vec<Marker>>();
        assert_eq!(open(part), open(whole));
        // What tells their indexes and their changes apart is not seen.
        let bare = |state: &RunState| {
            let mut bare = RunState::restore(state.clone(), Vec::new(), Vec::new(), state.artifacts.clone());
            bare.take_changes();
            bare
        };
        assert_eq!(bare(part), bare(whole));
        let mut record = self.store.reader.run("run", Lists::None).expect("the cache answers").expect("a run");
        record.state = Arc::new(part.clone());
        let now = Micros((BEGIN + (LINES * 7) as i64) * 1_000_000);
        for window in [None, Some(Window { from: 9_000_000, to: 20_000_000 }), Some(Window { from: 0, to: 70_000 })] {
            let asked = Asked { window, now, lines: whole.counters.lines.total() };
            let shown = self.store.reader.shown_then(&record, which, &asked).expect("the cache answers");
            let expected = Shown::of(whole, &asked);
            assert!(shown.as_ref() == Some(&expected), "{window:?}: {shown:#?} is not {expected:#?}");
        }
        if which.absent_markers() > 0 {
            return;
        }
        assert_eq!(part.markers, whole.markers);
        // From the beginning, over the place from which all spans are at hand, and behind the end.
        let (total, all_from) = (whole.spans.len() as u64, u64::from(which.all_from()));
        for (after, limit) in [(0, 100), (all_from.saturating_sub(30), 100), (all_from, 200), (total, 1)] {
            let cuts = Cuts { spans: Cut { after, limit }, ..Cuts::default() };
            let entries = self.store.reader.entries_then("run", part, Some(which), &cuts).expect("the cache answers");
            assert_eq!(entries, Entries::of(whole, &cuts), "{cuts:?}");
        }
    }
}

#[test]
fn few_spans_are_enough_for_the_state_at_a_line_and_what_is_shown_of_it() {
    let (bench, log) = (bench(), log());
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &log).map(|end| end + 1).collect();
    // Every other batch ends before a line end, so that a tail is shown. What is behind the last one is not in the cache.
    let cuts = ends.iter().skip(99).step_by(170).enumerate().map(|(n, end)| end - n % 2);
    let cuts: Vec<usize> = std::iter::once(0).chain(cuts).collect();
    let cuts = &cuts[..cuts.len() - 4];
    let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &log[ends[0]..ends[1]]).collect();
    bench.write(1, &pieces);

    let (mut whole, mut at) = (Reducer::new(Reading::default()), 0);
    let (mut again, mut fewest) = ([0; 2], [usize::MAX; 2]);
    for line in (2_011..LINES).step_by(233) {
        let end = ends[line as usize - 1];
        whole.push(&log[at..end], &mut |_| {});
        at = end;
        let whole = whole.state();
        let (part, which, _) = bench.part_at(&log, line, Wanted::all_markers());
        assert_eq!(which.absent_markers(), 0);
        bench.check_part(&part, &which, whole);
        let (part, which, tries) = bench.part_at(&log, line, Wanted::default());
        bench.check_part(&part, &which, whole);
        again[0] += tries.iter().filter(|asked| !asked.spans.is_empty()).count();
        again[1] += tries.iter().filter(|asked| asked.all_markers).count();
        fewest[0] = fewest[0].min(part.spans.len() * 100 / whole.spans.len());
        fewest[1] = fewest[1].min(part.markers.len() * 100 / whole.markers.len());
    }
    assert!(whole.state().spans.len() > 4 * STRETCH as usize, "{} spans", whole.state().spans.len());
    assert!(again.iter().all(|times| *times > 10), "spans and markers were missing {again:?} times only");
    assert!(fewest[0] < 60 && fewest[1] < 80, "{fewest:?} % of the spans and markers were at hand");
}
