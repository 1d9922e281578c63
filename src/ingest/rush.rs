//! Lets hints gather while very many come, so that not each of them wakes the thread that hears it.
//!
//! With two hundred logs written all the time the wakes would cost more than the reading. It must never keep a hint
//! back while others wait behind it.

use std::time::{Duration, Instant};

/// From so many hints in so much time on it is a rush.
const MANY: u32 = 32;
const SOON: Duration = Duration::from_millis(16);

/// A hint that comes so long after the one before woke the thread.
const WAKE: Duration = Duration::from_micros(30);

/// How long hints gather then. The system keeps more than ten thousand of them.
const REST: Duration = Duration::from_millis(5);

/// How fast hints come.
#[derive(Debug)]
pub(super) struct Rush {
    /// When the last hint was heard.
    last: Instant,
    /// When the hints that are counted began, and how many there are.
    since: Instant,
    heard: u32,
    is_on: bool,
    /// It rested before the last hint: the next one need not have woken anybody.
    has_rested: bool,
}

impl Rush {
    pub(super) fn new(now: Instant) -> Self {
        Self { last: now, since: now, heard: 0, is_on: false, has_rested: false }
    }

    /// Notes a hint; says how long to rest before the next one is taken.
    pub(super) fn hear(&mut self, now: Instant) -> Option<Duration> {
        let pause = now.saturating_duration_since(self.last);
        self.last = now;
        self.heard += 1;
        if self.heard >= MANY {
            self.is_on = now.saturating_duration_since(self.since) < SOON;
            (self.since, self.heard) = (now, 0);
        }
        if pause > SOON {
            self.is_on = false;
            (self.since, self.heard) = (now, 0);
        }
        // A rest is longer than was asked for, so that the pause after it says nothing.
        self.has_rested = self.is_on && pause > WAKE && !self.has_rested;
        self.has_rested.then_some(REST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it rested while hints came, so many of them with such a pause before each.
    fn rests(rush: &mut Rush, now: &mut Instant, hints: u32, pause: Duration) -> usize {
        let mut rests = 0;
        for _ in 0..hints {
            *now += pause;
            if let Some(rest) = rush.hear(*now) {
                *now += rest + Duration::from_micros(80);
                rests += 1;
            }
        }
        rests
    }

    #[test]
    fn it_rests_only_in_a_rush_and_only_when_nothing_waits() {
        let mut now = Instant::now();
        let mut rush = Rush::new(now);
        assert_eq!(rests(&mut rush, &mut now, 1000, Duration::from_millis(1)), 0, "a thousand in a second are no rush");
        assert_eq!(rests(&mut rush, &mut now, 20, Duration::from_micros(50)), 0, "few are none either");
        let rested = rests(&mut rush, &mut now, 100, Duration::from_micros(50));
        assert!((30..=50).contains(&rested), "every second wake in a rush rests: {rested}");
        assert_eq!(rests(&mut rush, &mut now, 10_000, Duration::from_micros(1)), 0, "those that wait are taken first");
        assert_eq!(rests(&mut rush, &mut now, 1, Duration::from_micros(50)), 1, "and the next wake rests again");
        assert_eq!(rests(&mut rush, &mut now, 20, Duration::from_millis(20)), 0, "a rush is over when it is quiet");
    }
}
