//! Whether an address is free, asked before it is announced and soon after.

use std::time::{Duration, Instant};

/// How long an address is probed before it is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// One probe, 20 ms of waiting, and two more probes while it is announced already: a host that
    /// has the address is found, if not before the first packet.
    Fast,
    /// As RFC 5227, section 2.1.1, has it: three probes within 1 to 7 seconds, then 2 of waiting.
    Strict,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask whether somebody has it.
    Probe,
    /// Nobody has answered: it may be announced from now on.
    Announce,
}

/// A step, and the shortest and longest time from the one before.
type Due = (Step, Duration, Duration);

const fn after(step: Step, milliseconds: u64) -> Due {
    let time = Duration::from_millis(milliseconds);
    (step, time, time)
}

const fn between(step: Step, from: u64, to: u64) -> Due {
    (step, Duration::from_secs(from), Duration::from_secs(to))
}

const FAST: &[Due] = &[
    after(Step::Probe, 0),
    after(Step::Announce, 20),
    after(Step::Probe, 600),
    after(Step::Probe, 1200),
];

/// `PROBE_WAIT`, `PROBE_MIN` to `PROBE_MAX` twice, `ANNOUNCE_WAIT`.
const STRICT: &[Due] = &[
    between(Step::Probe, 0, 1),
    between(Step::Probe, 1, 2),
    between(Step::Probe, 1, 2),
    after(Step::Announce, 2000),
];

/// An address that is being taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acquiring {
    due: Instant,
    left: &'static [Due],
}

impl Acquiring {
    /// Begins. `jitter` is a number from 0 to 1, drawn by chance, here and below.
    pub fn new(pace: Pace, now: Instant, jitter: f64) -> Self {
        let left = match pace {
            Pace::Fast => FAST,
            Pace::Strict => STRICT,
        };
        Self { due: now, left }.waiting_from(now, jitter)
    }

    fn waiting_from(self, now: Instant, jitter: f64) -> Self {
        let Some((_, shortest, longest)) = self.left.first() else {
            return self;
        };
        let spread = longest.saturating_sub(*shortest);
        let wait = *shortest + spread.mul_f64(jitter.clamp(0.0, 1.0));
        Self {
            due: now + wait,
            ..self
        }
    }

    /// When something is due; `None` if nothing is any more.
    pub fn next(&self) -> Option<Instant> {
        (!self.left.is_empty()).then_some(self.due)
    }

    /// What is due now, if something is. Ask until nothing is.
    pub fn step(&mut self, now: Instant, jitter: f64) -> Option<Step> {
        if now < self.due {
            return None;
        }
        let ((step, ..), left) = self.left.split_first()?;
        // A process that was held up waits as long after a late step as after one in time: nobody
        // could have answered sooner.
        *self = Self {
            due: self.due,
            left,
        }
        .waiting_from(now, jitter);
        Some(*step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps with their times in milliseconds.
    fn steps(pace: Pace, jitter: f64) -> Vec<(Step, u128)> {
        let start = Instant::now();
        let mut acquiring = Acquiring::new(pace, start, jitter);
        let mut steps = Vec::new();
        while let Some(now) = acquiring.next() {
            let before = now.checked_sub(Duration::from_nanos(1)).unwrap();
            assert_eq!(acquiring.step(before, jitter), None, "not before its time");
            let step = acquiring.step(now, jitter).unwrap();
            steps.push((step, (now - start).as_millis()));
        }
        steps
    }

    #[test]
    fn fast_is_one_probe_twenty_milliseconds_and_two_probes_within_two_seconds() {
        use Step::{Announce, Probe};
        let expected = [(Probe, 0), (Announce, 20), (Probe, 620), (Probe, 1820)];
        assert_eq!(steps(Pace::Fast, 0.3), expected);
    }

    #[test]
    fn strict_keeps_to_the_times_of_rfc_5227() {
        use Step::{Announce, Probe};
        let shortest = [(Probe, 0), (Probe, 1000), (Probe, 2000), (Announce, 4000)];
        assert_eq!(steps(Pace::Strict, 0.0), shortest);
        let longest = [
            (Probe, 1000),
            (Probe, 3000),
            (Probe, 5000),
            (Announce, 7000),
        ];
        assert_eq!(steps(Pace::Strict, 1.0), longest);
    }

    #[test]
    fn who_was_held_up_waits_for_answers_all_the_same() {
        let start = Instant::now();
        let mut acquiring = Acquiring::new(Pace::Fast, start, 0.0);
        let late = start + Duration::from_secs(9);
        assert_eq!(acquiring.step(late, 0.0), Some(Step::Probe));
        assert_eq!(acquiring.step(late, 0.0), None);
        assert_eq!(acquiring.next(), Some(late + Duration::from_millis(20)));
    }
}
