//! What happens to speakers, and how soon the others know.

use std::collections::BTreeSet;
use std::time::Duration;

use super::cluster::Cluster;
use crate::peers::{NodeId, Timing};

/// Numbers of speakers that are tried.
const COUNTS: [usize; 5] = [2, 3, 5, 10, 50];

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn tuned() -> Timing {
    Timing::of_heartbeat(ms(10))
}

/// Whether these hold each other for alive, and nobody else.
fn know(cluster: &Cluster, living: &BTreeSet<NodeId>) -> bool {
    living.iter().all(|id| {
        let others = living.iter().copied().filter(|it| it != id);
        cluster.living(*id) == others.collect()
    })
}

/// All but these.
fn without(cluster: &Cluster, gone: &[NodeId]) -> BTreeSet<NodeId> {
    let ids = cluster.ids().into_iter();
    ids.filter(|it| !gone.contains(it)).collect()
}

/// Something happens to each node of a cluster in turn, at another time between two heartbeats.
/// Returns the shortest and longest time until all others, and nobody else, are known to live.
fn happens(
    count: usize,
    timing: Timing,
    most: Duration,
    what: impl Fn(&mut Cluster, NodeId),
) -> (Duration, Duration) {
    let took = (0..count.min(6)).map(|turn| {
        let mut cluster = Cluster::new(count, timing);
        cluster.run(ms(7 * turn as u64));
        let node = cluster.ids()[turn];
        let living = without(&cluster, &[node]);
        what(&mut cluster, node);
        cluster.until(most, |it| know(it, &living))
    });
    let took: Vec<_> = took.collect();
    (*took.iter().min().unwrap(), *took.iter().max().unwrap())
}

#[test]
fn all_find_each_other() {
    for count in COUNTS {
        let cluster = Cluster::new(count, Timing::default());
        assert!(know(&cluster, &without(&cluster, &[])), "{count}");
        assert_eq!(cluster.errors, []);
    }
}

#[test]
fn a_node_that_is_cut_off_is_dead_within_a_hundred_milliseconds() {
    for count in COUNTS {
        let (shortest, _) = happens(count, Timing::default(), ms(100), Cluster::cut);
        assert!(shortest >= ms(50), "{count}: {shortest:?}");
        happens(count, tuned(), ms(45), Cluster::cut);
    }
}

#[test]
fn a_process_that_is_dead_under_a_kernel_that_lives_is_so_within_two_hundred() {
    for count in COUNTS {
        let (shortest, _) = happens(count, Timing::default(), ms(180), Cluster::stop);
        assert!(shortest >= ms(120), "{count}: {shortest:?}");
        happens(count, tuned(), ms(75), Cluster::stop);
    }
}

#[test]
fn a_process_that_is_gone_is_so_as_soon_as_a_node() {
    for count in COUNTS {
        let (shortest, _) = happens(count, Timing::default(), ms(100), Cluster::end);
        assert!(shortest >= ms(50), "{count}: {shortest:?}");
        happens(count, tuned(), ms(50), Cluster::end);
    }
}

#[test]
fn who_leaves_is_gone_at_once() {
    for count in COUNTS {
        happens(count, Timing::default(), ms(2), Cluster::leave);
    }
}

#[test]
fn a_process_that_is_stopped_for_a_hundred_milliseconds_is_not_taken_for_dead() {
    for count in COUNTS {
        let mut cluster = Cluster::new(count, Timing::default());
        for turn in 0..20 {
            let node = cluster.ids()[turn % count];
            cluster.stop(node);
            cluster.run(ms(100));
            cluster.go_on(node);
            cluster.run(ms(203));
        }
        assert_eq!(cluster.errors, [], "{count}");
        assert!(know(&cluster, &without(&cluster, &[])), "{count}");
    }
}

#[test]
fn a_process_that_is_stopped_for_long_takes_nobody_for_dead_when_it_goes_on() {
    for count in COUNTS {
        let mut cluster = Cluster::new(count, Timing::default());
        let node = cluster.ids()[0];
        let others = without(&cluster, &[node]);
        cluster.stop(node);
        cluster.run(Duration::from_secs(3));
        assert!(know(&cluster, &others), "{count}");
        cluster.go_on(node);
        let all = without(&cluster, &[]);
        cluster.until(ms(200), |it| know(it, &all));
        assert_eq!(cluster.errors, [], "{count}");
    }
}

#[test]
fn with_five_percent_of_all_frames_lost_for_ten_minutes_nobody_is_taken_for_dead() {
    for count in [3, 5, 10] {
        let mut cluster = Cluster::new(count, Timing::default());
        cluster.loss = 50;
        cluster.run(Duration::from_mins(10));
        assert_eq!(cluster.errors, [], "{count}");
    }
}

#[test]
fn in_spite_of_loss_the_dead_are_found_by_all() {
    for count in [3, 5, 10] {
        for turn in 0..count {
            let mut cluster = Cluster::new(count, Timing::default());
            cluster.loss = 100;
            cluster.run(ms(1000));
            let node = cluster.ids()[turn];
            let living = without(&cluster, &[node]);
            cluster.cut(node);
            cluster.until(ms(400), |it| know(it, &living));
        }
    }
}

#[test]
fn a_partition_leaves_two_clusters_that_find_each_other_again() {
    let turns = (0..8).flat_map(|turn| COUNTS[..4].iter().map(move |it| (*it, turn)));
    for (count, turn) in turns.chain([(50, 0)]) {
        let mut cluster = Cluster::new(count, Timing::default());
        let all = without(&cluster, &[]);
        let side: BTreeSet<_> = all.iter().copied().take(count / 2).collect();
        let other = all.difference(&side).copied().collect();
        cluster.parted = Some(side.clone());
        // Some are watched by none but those beyond, and come to be watched as these are buried. The
        // two halves of the circle are the worst that can be.
        cluster.until(ms(5000), |it| know(it, &side) && know(it, &other));
        cluster.run(ms(1000 + 13 * turn));
        cluster.parted = None;
        cluster.until(ms(50), |it| know(it, &all));
    }
}

#[test]
fn one_watchers_suspicion_alone_moves_nothing() {
    for count in [3, 5, 10] {
        for watcher in 1..3 {
            let mut cluster = Cluster::new(count, Timing::default());
            let ids = cluster.ids();
            // The next two in the circle watch it; one of them hears it no more.
            let watcher = ids[watcher % count];
            cluster.deaf = [(ids[0], watcher)].into();
            cluster.run(Duration::from_secs(5));
            assert_eq!(cluster.errors, [], "{count}");
        }
    }
}

#[test]
fn who_was_held_up_and_has_lost_what_came_in_takes_nobody_for_dead() {
    for count in COUNTS {
        let mut cluster = Cluster::new(count, Timing::default());
        let node = cluster.ids()[0];
        for turn in 0..12 {
            cluster.stop(node);
            cluster.run(ms(100 + 7 * turn));
            cluster.go_on_without_what_came_in(node);
            cluster.run(Duration::from_secs(1));
            // The others may have found it silent for too long, and rightly.
            let mut errors = cluster.errors.iter();
            assert!(errors.all(|(by, ..)| *by != node), "{count}");
        }
    }
}

#[test]
fn many_that_die_at_once_are_found_by_the_last() {
    for count in [3, 5, 10] {
        let mut cluster = Cluster::new(count, Timing::default());
        let last = cluster.ids()[count / 2];
        for node in cluster.ids().into_iter().filter(|it| *it != last) {
            cluster.cut(node);
        }
        let alone = [last].into();
        cluster.until(ms(2000), |it| know(it, &alone));
    }
}

#[test]
fn one_that_is_started_again_is_known_again_and_nobody_else_is_disturbed() {
    for count in COUNTS {
        let mut cluster = Cluster::new(count, Timing::default());
        let (node, all) = (cluster.ids()[0], without(&cluster, &[]));
        cluster.stop(node);
        cluster.run(ms(500));
        cluster.restart(node);
        cluster.until(ms(200), |it| know(it, &all));
        cluster.run(ms(1000));
        assert_eq!(cluster.errors, [], "{count}");
    }
}

#[test]
fn who_is_alone_on_a_broken_link_takes_nobody_for_dead() {
    let mut cluster = Cluster::new(2, Timing::default());
    let [one, other] = cluster.ids()[..] else {
        panic!("two");
    };
    cluster.cut(one);
    cluster.run(Duration::from_secs(2));
    assert_eq!(cluster.living(other), BTreeSet::new());
    assert_eq!(cluster.living(one), [other].into(), "it cannot know");
}

#[test]
fn who_was_alone_on_a_broken_link_takes_nobody_for_dead_when_it_works_again() {
    for count in COUNTS {
        for turn in 0..20 {
            let mut cluster = Cluster::new(count, Timing::default());
            let (node, all) = (cluster.ids()[0], without(&cluster, &[]));
            cluster.cut(node);
            cluster.run(ms(1000 + 7 * turn));
            cluster.join(node);
            cluster.until(ms(200), |it| know(it, &all));
            cluster.run(ms(1000));
            assert_eq!(cluster.errors, [], "{count}, {turn}");
        }
    }
}

#[test]
fn what_each_sends_does_not_grow_with_the_cluster() {
    for count in [3, 10, 50] {
        let mut cluster = Cluster::new(count, Timing::default());
        let before = cluster.sent();
        cluster.run(Duration::from_secs(10));
        let each = (cluster.sent() - before) / count / 10;
        // Two watchers, forty heartbeats; one word in turn, ten times.
        assert!(each <= 95, "{count}: {each} in a second");
    }
}

#[test]
fn a_watcher_that_has_just_begun_holds_up_no_verdict() {
    for count in [3, 5] {
        for turn in 1..count {
            let mut cluster = Cluster::new(count, Timing::default());
            let (dead, begins) = (cluster.ids()[0], cluster.ids()[turn]);
            cluster.stop(begins);
            cluster.stop(dead);
            cluster.restart(begins);
            cluster.cut(dead);
            let living = without(&cluster, &[dead]);
            cluster.until(ms(500), |it| know(it, &living));
        }
    }
}

#[test]
fn who_found_a_node_dead_before_says_so_when_it_is_asked() {
    let mut cluster = Cluster::new(3, Timing::default());
    let ids = cluster.ids();
    // The first two lose the third, and then each other.
    cluster.parted = Some([ids[2]].into());
    cluster.run(ms(175));
    cluster.parted = Some([ids[0]].into());
    cluster.until(ms(500), |it| {
        let alone = |one: usize, other: usize| it.living(ids[one]) == [ids[other]].into();
        alone(1, 2) && alone(2, 1)
    });
}
