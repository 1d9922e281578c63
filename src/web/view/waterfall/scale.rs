//! From a time, or a line, to a place across the waterfall: a whole run or a window of it, with long idle gaps compressed.

use super::super::time;
pub(super) use crate::reducer::digest::Unit;
pub use crate::reducer::excerpt::Window;

/// The share of the width that a compressed gap gets: its label fits.
const GAP_WIDTH: f64 = 0.05;
/// A gap is compressed when it is longer than this share of the whole, and than this many units.
const GAP_SHARE: f64 = 0.12;

/// Between two labels of the axis lies at least so much of the width.
const APART: f64 = 0.14;
/// Nearer to an edge than this a label does not stand in the middle of its mark: half of it would be outside.
const EDGE: f64 = 0.12;

/// A piece of the scale: a stretch with work, or a compressed gap.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub(super) struct Piece {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) gap: bool,
}

/// A mark of the axis with its label.
#[derive(Debug)]
#[allow(missing_docs)]
pub(super) struct Tick {
    /// Between 0 and 1.
    pub(super) place: f64,
    pub(super) label: String,
    /// `text-anchor` of the label.
    pub(super) anchor: &'static str,
}

/// From a time (or line) to a place between 0 and 1.
#[derive(Debug)]
pub(super) struct Scale {
    /// What it is a scale of.
    pub(super) unit: Unit,
    /// Ascending, without holes.
    pub(super) pieces: Vec<Piece>,
    /// Where the run begins, from which distances count.
    zero: i64,
}

impl Scale {
    /// A scale over stretches with work, of a whole run or of a window of it. Nothing when there is no stretch.
    #[must_use]
    pub(super) fn new(unit: Unit, busy: &[(i64, i64)], window: Option<Window>) -> Option<Self> {
        let zero = busy.iter().map(|span| span.0).min()?;
        let all = busy.iter().map(|span| span.1).max()?.max(zero.saturating_add(1));
        let (start, end) = window.map_or((zero, all), |window| window.on(unit, zero, all));
        let inside = |&(from, to): &(i64, i64)| (from <= end && to >= start).then_some((from.max(start), to.min(end)));
        let mut busy: Vec<(i64, i64)> = busy.iter().filter_map(inside).collect();
        // The edges of the scale are its own, also where nothing is.
        busy.extend([(start, start), (end, end)]);
        busy.sort_unstable();
        let whole = (end - start) as f64;
        let least = if unit == Unit::Time { 30_000_000.0 } else { f64::INFINITY };
        let mut pieces = Vec::new();
        let (mut from, mut reached) = (start, start);
        for (begin, until) in busy {
            let gap = begin.saturating_sub(reached) as f64;
            if gap > least && gap > whole * GAP_SHARE {
                pieces.push(Piece { from, to: reached, left: 0.0, right: 0.0, gap: false });
                pieces.push(Piece { from: reached, to: begin, left: 0.0, right: 0.0, gap: true });
                from = begin;
            }
            reached = reached.max(until);
        }
        pieces.push(Piece { from, to: end, left: 0.0, right: 0.0, gap: false });
        let gaps = pieces.iter().filter(|piece| piece.gap).count() as f64;
        let work: f64 = pieces.iter().filter(|piece| !piece.gap).map(|piece| (piece.to - piece.from) as f64).sum();
        // Between mere moments there is nothing to make room for.
        let of_gap = if work > 0.0 { GAP_WIDTH } else { 1.0 / gaps.max(1.0) };
        let width = 1.0 - gaps * of_gap;
        let mut at = 0.0;
        for piece in &mut pieces {
            piece.left = at;
            at += match piece.gap {
                true => of_gap,
                false => width * (piece.to - piece.from) as f64 / work.max(1.0),
            };
            piece.right = at;
        }
        Some(Self { unit, pieces, zero })
    }

    /// Where a time (or line) stands.
    #[must_use]
    pub(super) fn place(&self, at: i64) -> f64 {
        let Some(piece) = self.pieces.iter().find(|piece| at <= piece.to).or(self.pieces.last()) else { return 0.0 };
        let length = (piece.to - piece.from).max(1) as f64;
        let within = (at.saturating_sub(piece.from) as f64 / length).clamp(0.0, 1.0);
        piece.left + within * (piece.right - piece.left)
    }

    /// At most about six marks at round distances from the start of the run, none inside a gap.
    #[must_use]
    pub(super) fn ticks(&self) -> Vec<Tick> {
        const S: i64 = 1_000_000;
        const STEPS: [i64; 21] = [
            S / 1000,
            S / 100,
            S / 10,
            S,
            2 * S,
            5 * S,
            10 * S,
            15 * S,
            30 * S,
            60 * S,
            120 * S,
            300 * S,
            600 * S,
            900 * S,
            1800 * S,
            3600 * S,
            7200 * S,
            10_800 * S,
            21_600 * S,
            43_200 * S,
            86_400 * S,
        ];
        let work: i64 = self.pieces.iter().filter(|piece| !piece.gap).map(|piece| piece.to - piece.from).sum();
        let step = match self.unit {
            Unit::Time => STEPS.into_iter().find(|step| work / step <= 5).unwrap_or(work / 5).max(1),
            Unit::Line => (work / 5).max(1),
        };
        let mut ticks: Vec<Tick> = Vec::new();
        for piece in self.pieces.iter().filter(|piece| !piece.gap) {
            let passed = piece.from.saturating_sub(self.zero);
            let begun = passed.div_euclid(step) + i64::from(passed % step != 0);
            for number in (begun..).take(12) {
                let after = number * step;
                let at = self.zero.saturating_add(after);
                if at > piece.to {
                    break;
                }
                let place = self.place(at);
                // A label needs room: none on top of the one before.
                if ticks.last().is_none_or(|before| place - before.place > APART) {
                    ticks.push(Tick { place, label: self.label(after, at), anchor: self.anchor(place) });
                }
            }
        }
        ticks
    }

    /// On which side of its mark a label stands: in the middle, unless an edge or the label of a gap is there.
    fn anchor(&self, place: f64) -> &'static str {
        let beside = |edge: fn(&Piece) -> f64| self.gaps().any(|gap| (edge(gap) - place).abs() < GAP_WIDTH);
        if place < EDGE || beside(|gap| gap.right) {
            "start"
        } else if place > 1.0 - EDGE || beside(|gap| gap.left) {
            "end"
        } else {
            "middle"
        }
    }

    /// The first and the last place, in the unit.
    #[must_use]
    pub(super) fn ends(&self) -> (i64, i64) {
        (self.pieces.first().map_or(0, |piece| piece.from), self.pieces.last().map_or(1, |piece| piece.to))
    }

    /// The stretches that are compressed.
    pub(super) fn gaps(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(|piece| piece.gap)
    }

    /// A stretch as a window, as [`Window`] counts.
    #[must_use]
    pub(super) fn window(&self, from: i64, to: i64) -> Window {
        match self.unit {
            Unit::Line => Window { from, to },
            Unit::Time => Window {
                from: from.saturating_sub(self.zero).div_euclid(1000),
                to: to.saturating_sub(self.zero).saturating_add(999).div_euclid(1000),
            },
        }
    }

    fn label(&self, after: i64, at: i64) -> String {
        match self.unit {
            Unit::Time if after == 0 => String::from("0"),
            Unit::Time => format!("+{}", time::duration(after / 1000)),
            Unit::Line => format!("L{at}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn the_scale_keeps_order_and_reaches_both_ends() {
        let scale = Scale::new(Unit::Time, &[(0, 10 * MINUTE), (5 * MINUTE, 20 * MINUTE)], None).expect("has spans");
        assert_eq!(scale.pieces.len(), 1);
        assert!(
            near(scale.place(0), 0.0) && near(scale.place(20 * MINUTE), 1.0) && near(scale.place(10 * MINUTE), 0.5)
        );
    }

    #[test]
    fn two_moments_far_apart_stand_at_the_ends() {
        let day = 86_400_000_000;
        let scale = Scale::new(Unit::Time, &[(0, 0), (day, day)], None).expect("a scale");
        assert_eq!((scale.place(0), scale.place(day)), (0.0, 1.0));
    }

    #[test]
    fn a_long_idle_gap_is_compressed() {
        let scale = Scale::new(Unit::Time, &[(0, MINUTE), (500 * MINUTE, 501 * MINUTE)], None).expect("has spans");
        let gap = scale.gaps().next().expect("the night is a gap");
        assert!(gap.right - gap.left < GAP_WIDTH + 0.001 && (gap.from, gap.to) == (MINUTE, 500 * MINUTE));
        assert!(near(scale.place(501 * MINUTE), 1.0));
        assert!(scale.place(MINUTE) < scale.place(500 * MINUTE));
    }

    #[test]
    fn a_window_has_its_own_edges_and_counts_from_the_beginning_of_the_run() {
        let busy = [(7 * MINUTE, 9 * MINUTE), (600 * MINUTE, 601 * MINUTE)];
        let window = Window::parse("60000-180000").expect("a window");
        let scale = Scale::new(Unit::Time, &busy, Some(window)).expect("has spans");
        assert_eq!(scale.ends(), (8 * MINUTE, 10 * MINUTE));
        assert_eq!(scale.window(8 * MINUTE, 10 * MINUTE), window);
        assert!(
            scale.ticks().iter().any(|tick| tick.label.replace('\u{a0}', " ") == "+1 min 30 s"),
            "{:?}",
            scale.ticks()
        );
        // Beyond the run: its last moment, never nothing.
        let beyond = Scale::new(Unit::Time, &busy, Window::parse("999999999-9999999999")).expect("has spans");
        assert_eq!(beyond.ends().1, 601 * MINUTE);
    }

    #[test]
    fn ticks_of_any_length_are_few_and_in_order() {
        for end in [1, 900, 4_000_000, 9 * 60 * MINUTE, 400 * 24 * 60 * MINUTE] {
            let scale = Scale::new(Unit::Time, &[(0, end)], None).expect("has a span");
            let ticks = scale.ticks();
            assert!((1..=7).contains(&ticks.len()), "{end}: {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[1].place - pair[0].place > APART), "{end}: {ticks:?}");
        }
    }

    #[test]
    fn labels_keep_within_the_edges_and_off_the_gaps() {
        let busy = [(0, 5 * MINUTE), (500 * MINUTE, 505 * MINUTE)];
        let ticks = Scale::new(Unit::Time, &busy, None).expect("has spans").ticks();
        let anchors: Vec<(String, &str)> =
            ticks.into_iter().map(|tick| (tick.label.replace('\u{a0}', " "), tick.anchor)).collect();
        let anchors: Vec<(&str, &str)> = anchors.iter().map(|(label, anchor)| (label.as_str(), *anchor)).collect();
        assert_eq!(
            anchors,
            [
                ("0", "start"),
                ("+2 min", "middle"),
                ("+4 min", "middle"),
                ("+8 h 20 min", "start"),
                ("+8 h 22 min", "middle"),
                ("+8 h 24 min", "end"),
            ]
        );
        let ends = Scale::new(Unit::Time, &[(0, 5 * MINUTE)], None).expect("has a span").ticks();
        assert_eq!(ends.last().map(|tick| (tick.place, tick.anchor)), Some((1.0, "end")));
    }
}
