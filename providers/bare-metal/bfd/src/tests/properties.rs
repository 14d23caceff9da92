//! What holds on any line, for any two sessions.

use std::time::Duration;

use proptest::prelude::*;

use super::pair::{Line, Pair};
use super::{intervals, milliseconds};
use crate::{Action, Config, DownReason, State};

fn any_config() -> impl Strategy<Value = Config> {
    (10_u64..500, 10_u64..500, 1_u8..8, any::<bool>()).prop_map(
        |(transmit, receive, multiplier, passive)| Config {
            passive,
            ..intervals(transmit, receive, multiplier)
        },
    )
}

/// Two of which one begins.
fn any_configs() -> impl Strategy<Value = [Config; 2]> {
    [any_config(), any_config()].prop_filter("both wait for the other", |configs| {
        configs.iter().any(|it| !it.passive)
    })
}

fn any_line() -> impl Strategy<Value = Line> {
    (0_u32..300, 0_u32..300, 0_u32..300, 0_u64..400).prop_map(|(lost, twice, held, longest)| Line {
        lost,
        twice,
        held: (held, milliseconds(longest)),
        is_open: [true; 2],
    })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2000, ..ProptestConfig::with_cases(256) })]

    /// Whatever a line has done to packets: when it is good both come up and stay so, and when it is cut
    /// both are down after the Detection Time and an interval.
    #[test]
    fn both_come_up_stay_so_and_go_down_in_time(
        configs in any_configs(),
        line in any_line(),
        seed in any::<u64>(),
        changed in any_config(),
    ) {
        let mut pair = Pair::new(configs, line, seed);
        pair.pass(Duration::from_secs(20));
        let now = pair.now;
        pair.sessions[0].reconfigure(Config { passive: configs[0].passive, ..changed }, now);
        pair.pass(Duration::from_secs(5));

        pair.line = Line::GOOD;
        pair.pass(Duration::from_secs(20));
        prop_assert_eq!(pair.states(), [State::Up; 2]);
        pair.changes = Default::default();
        pair.pass(Duration::from_mins(1));
        for of in 0..2 {
            prop_assert_eq!(&pair.changes[of], &[]);
            let one = &pair.sessions[of];
            let other = &pair.sessions[1 - of];
            prop_assert_eq!(one.detection_time(), Some(other.remote_detection_time()));
            let remote = one.remote().discriminator;
            prop_assert_eq!(remote, Some(other.discriminator()));
        }

        pair.line.is_open = [false; 2];
        let cut = pair.now;
        let limits = [0, 1].map(|of: usize| {
            let session = &pair.sessions[of];
            session.detection_time().unwrap() + pair.sessions[1 - of].transmit_interval()
        });
        pair.pass(Duration::from_secs(30));
        for (changes, limit) in pair.changes.iter().zip(limits) {
            let reason = DownReason::ControlDetectionTimeExpired;
            prop_assert_eq!(changes.len(), 1);
            prop_assert_eq!(changes[0].1, Action::Down { reason });
            let passed = changes[0].0 - cut;
            prop_assert!(passed <= limit, "{passed:?} > {limit:?}");
        }
    }

    /// Ups and Downs take turns, and are counted.
    #[test]
    fn ups_and_downs_take_turns(configs in any_configs(), line in any_line(), seed in any::<u64>()) {
        let mut pair = Pair::new(configs, line, seed);
        pair.pass(Duration::from_mins(1));
        for of in 0..2 {
            for (number, (_, change)) in pair.changes[of].iter().enumerate() {
                prop_assert_eq!(*change == Action::Up, number % 2 == 0);
            }
            let counts = pair.sessions[of].counts();
            let told = pair.changes[of].len() as u64;
            prop_assert_eq!(counts.up + counts.down, told);
            let is_up = pair.sessions[of].state() == State::Up;
            prop_assert_eq!(is_up, told % 2 == 1);
        }
    }
}
