//! What is to be done next: which log has its turn, which walk, and what waits for its time.
//!
//! Every queue is round-robin, so that a hot log starves nobody (spec 5.1). It must never know what a turn is.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait before something that failed is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// From one moment to the next at which logs that are written all the time are due. It is doubled as long as it is no more
/// than a third of their wait: with each doubling the moments are every second one of those before.
const TOGETHER: Duration = Duration::from_millis(25);
const TOGETHER_SHARE: u32 = 3;

/// The next thing to do with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A turn of a log that changed now.
    Urgent(Arc<str>),
    /// A turn of a log with much to read.
    Cold(Arc<str>),
}

/// The queues.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    urgent: VecDeque<Arc<str>>,
    cold: VecDeque<Arc<str>>,
    waits: Waits,
    /// The full scan to walk, and directories to walk before it comes.
    pub(super) scan: Option<u32>,
    pub(super) walks: BTreeSet<(u16, PathBuf)>,
    turn: u32,
}

impl Agenda {
    /// A turn as soon as possible.
    pub(super) fn push_urgent(&mut self, key: Arc<str>) {
        self.urgent.push_back(key);
    }

    /// A turn after the others.
    pub(super) fn push_cold(&mut self, key: Arc<str>) {
        self.cold.push_back(key);
    }

    /// A turn before the others, but behind those of the first few that go before it.
    pub(super) fn push_soon(&mut self, key: Arc<str>, few: usize, goes_before: impl Fn(&str) -> bool) {
        let place = self.cold.iter().take(few).take_while(|key| goes_before(key)).count();
        self.cold.insert(place, key);
    }

    /// Whether a log that changed now waits for its turn.
    pub(super) fn has_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Whether many logs wait for their first turn.
    pub(super) fn has_cold(&self) -> bool {
        !self.cold.is_empty()
    }

    /// Takes what is next. Urgent turns go first, but each fourth time the others do.
    pub(super) fn next(&mut self) -> Option<Next> {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(4) {
            return self.next_cold().or_else(|| self.next_urgent());
        }
        self.next_urgent().or_else(|| self.next_cold())
    }

    /// Takes the next turn of the cold queue, to go with others.
    pub(super) fn next_cold(&mut self) -> Option<Next> {
        self.cold.pop_front().map(Next::Cold)
    }

    /// Takes further urgent turns, to go with the first: an equal part of those that wait for each of so many threads.
    pub(super) fn next_urgents(&mut self, threads: usize, most: usize) -> impl Iterator<Item = Arc<str>> {
        let count = (self.urgent.len() / threads).min(most);
        self.urgent.drain(..count)
    }

    /// Takes the next urgent turn when no more than so many wait.
    pub(super) fn next_of_few(&mut self, few: usize) -> Option<Arc<str>> {
        if self.urgent.len() <= few { self.urgent.pop_front() } else { None }
    }

    /// Puts a turn back where it was taken from.
    pub(super) fn put_back_urgent(&mut self, key: Arc<str>) {
        self.urgent.push_front(key);
    }

    /// Puts a turn back where it was taken from.
    pub(super) fn put_back_cold(&mut self, key: Arc<str>) {
        self.cold.push_front(key);
    }

    fn next_urgent(&mut self) -> Option<Next> {
        self.urgent.pop_front().map(Next::Urgent)
    }

    /// What waits for its time.
    pub(super) fn waits(&mut self) -> &mut Waits {
        &mut self.waits
    }

    /// Whether nothing is queued. What waits for its time is not.
    pub(super) fn is_empty(&self) -> bool {
        let turns = self.urgent.is_empty() && self.cold.is_empty();
        turns && self.scan.is_none() && self.walks.is_empty()
    }
}

/// Logs that are left alone until a moment.
#[derive(Debug, Default)]
pub(super) struct Waits {
    until: HashMap<Arc<str>, (Instant, Duration)>,
    order: BTreeSet<(Instant, Arc<str>)>,
    /// From when on moments are counted at which several are due together.
    begin: Option<Instant>,
}

impl Waits {
    /// Something failed: the first wait is a second, each further one twice as long, at most eight seconds.
    pub(super) fn back_off(&mut self, key: &Arc<str>, now: Instant) {
        let last = self.until.get(key).map(|(_, wait)| *wait);
        let wait = last.map_or(Duration::from_secs(1), |last| (last * 2).clamp(Duration::from_secs(1), LONGEST_WAIT));
        self.set(key, now, wait);
    }

    /// Leaves a log alone for a while.
    pub(super) fn set(&mut self, key: &Arc<str>, now: Instant, wait: Duration) {
        self.clear(key);
        self.until.insert(Arc::clone(key), (now + wait, wait));
        self.order.insert((now + wait, Arc::clone(key)));
    }

    /// The same, and for a moment longer if others are due then: they wake the engine together.
    pub(super) fn set_together(&mut self, key: &Arc<str>, now: Instant, wait: Duration) {
        let begin = *self.begin.get_or_insert(now);
        let apart = apart(wait);
        let past = (now + wait).saturating_duration_since(begin).as_nanos() % apart.as_nanos();
        let rest = apart.saturating_sub(Duration::from_nanos(u64::try_from(past).unwrap_or(0)));
        self.set(key, now, wait + rest);
    }

    /// It went well.
    pub(super) fn clear(&mut self, key: &str) {
        if let Some((key, (at, _))) = self.until.remove_entry(key) {
            self.order.remove(&(at, key));
        }
    }

    /// Whether a log must be left alone now.
    pub(super) fn holds(&self, key: &str, now: Instant) -> bool {
        self.until.get(key).is_some_and(|(at, _)| *at > now)
    }

    /// The next log whose time has come. Its wait is remembered, so that the next one can be longer.
    pub(super) fn due(&mut self, now: Instant) -> Option<Arc<str>> {
        let at = self.next()?;
        if at > now {
            return None;
        }
        self.order.pop_first().map(|(_, key)| key)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }
}

/// How far the moments are apart at which logs with that wait are due.
fn apart(wait: Duration) -> Duration {
    let most = wait / TOGETHER_SHARE;
    let doubled = std::iter::successors(Some(TOGETHER), |apart| apart.checked_mul(2));
    doubled.take_while(|apart| *apart <= most).last().unwrap_or(TOGETHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    #[test]
    fn urgent_turns_go_first_and_starve_nobody() {
        let mut agenda = Agenda::default();
        for i in 0..6 {
            agenda.push_urgent(key(&format!("u{i}")));
        }
        agenda.push_cold(key("c"));
        let order = std::iter::from_fn(|| agenda.next()).map(|next| match next {
            Next::Urgent(key) | Next::Cold(key) => key.to_string(),
        });
        assert_eq!(order.collect::<Vec<_>>().join(" "), "u0 u1 u2 c u3 u4 u5");
    }

    #[test]
    fn urgent_turns_that_wait_are_shared_by_the_threads() {
        let mut agenda = Agenda::default();
        (0..7).for_each(|i| agenda.push_urgent(key(&format!("u{i}"))));
        let mut taken = |most| agenda.next_urgents(2, most).collect::<Vec<_>>().join(" ");
        assert_eq!(
            (taken(16), taken(1), taken(16), taken(16)),
            ("u0 u1 u2".into(), "u3".into(), "u4".into(), "u5".into())
        );
        assert_eq!((taken(16), agenda.next()), (String::new(), Some(Next::Urgent(key("u6")))));
    }

    #[test]
    fn a_turn_that_comes_soon_waits_for_those_before_it_and_for_no_others() {
        let mut agenda = Agenda::default();
        ["a1", "a2", "b", "a3"].into_iter().for_each(|name| agenda.push_cold(key(name)));
        for (name, few) in [("a4", 9), ("a5", 9), ("a6", 1)] {
            agenda.push_soon(key(name), few, |key| key.starts_with('a'));
        }
        let order: Vec<_> = agenda.cold.iter().map(|key| &**key).collect();
        assert_eq!(order, ["a1", "a6", "a2", "a4", "a5", "b", "a3"]);
    }

    #[test]
    fn few_urgent_turns_are_taken_one_by_one_and_many_are_not() {
        let mut agenda = Agenda::default();
        (0..3).for_each(|i| agenda.push_urgent(key(&format!("u{i}"))));
        assert_eq!(agenda.next_of_few(2), None);
        assert_eq!(agenda.next_of_few(3), Some(key("u0")));
        agenda.put_back_urgent(key("u0"));
        let order: Vec<_> = std::iter::from_fn(|| agenda.next_of_few(3)).collect();
        assert_eq!(order, [key("u0"), key("u1"), key("u2")]);
    }

    #[test]
    fn logs_that_are_written_all_the_time_are_due_together() {
        let (mut waits, now) = (Waits::default(), Instant::now());
        let millis = |of: Instant| (of - now).as_millis();
        let some = [("a", 0, 100), ("b", 3, 100), ("c", 24, 100), ("d", 25, 101), ("e", 40, 81), ("f", 1, 400)];
        for (name, late, wait) in some {
            waits.set_together(&key(name), now + Duration::from_millis(late), Duration::from_millis(wait));
        }
        let due: Vec<_> = waits.order.iter().map(|(at, key)| (millis(*at), &**key)).collect();
        assert_eq!(due, [(125, "a"), (125, "b"), (125, "c"), (125, "e"), (150, "d"), (500, "f")]);
    }

    #[test]
    fn who_waits_longer_waits_for_more_others_but_never_a_third_longer() {
        let millis = Duration::from_millis;
        let apart = [0, 99, 100, 149, 150, 299, 300, 400, 600].map(|wait| apart(millis(wait)).as_millis());
        assert_eq!(apart, [25, 25, 25, 25, 50, 50, 100, 100, 200]);
    }

    #[test]
    fn what_fails_again_is_left_alone_longer_but_never_for_long() {
        let mut waits = Waits::default();
        let mut now = Instant::now();
        let log = key("a");
        let mut lengths = Vec::new();
        for _ in 0..6 {
            waits.back_off(&log, now);
            assert!(waits.holds("a", now));
            let next = waits.next().expect("a wait");
            lengths.push((next - now).as_secs());
            now = next;
            assert_eq!(waits.due(now), Some(Arc::clone(&log)));
            assert_eq!(waits.due(now), None);
            assert!(!waits.holds("a", now));
        }
        assert_eq!(lengths, [1, 2, 4, 8, 8, 8]);
        waits.clear("a");
        waits.back_off(&log, now);
        assert_eq!(waits.next(), Some(now + Duration::from_secs(1)));
    }
}
