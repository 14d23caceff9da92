//! Who announces an address, and how soon another does.

use std::net::IpAddr;
use std::time::Duration;

use super::cluster::Cluster;
use crate::peers::{NodeId, Timing};

const COUNTS: [usize; 4] = [2, 3, 5, 10];

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn timings() -> [(Timing, u64); 2] {
    // With how long it takes until a node that is cut off is dead to all.
    [(Timing::default(), 100), (Timing::of_heartbeat(ms(10)), 45)]
}

fn address(number: usize) -> IpAddr {
    format!("192.0.2.{}", 200 + number).parse().unwrap()
}

/// A cluster in which each node is the first candidate of one address.
fn owning(count: usize, timing: Timing) -> (Cluster, Vec<NodeId>) {
    let mut cluster = Cluster::new(count, timing);
    let ids = cluster.ids();
    for number in 0..count {
        let mut candidates = ids.clone();
        candidates.rotate_left(number);
        cluster.want(address(number), &candidates);
    }
    cluster.run(ms(50));
    (cluster, ids)
}

fn owners(cluster: &Cluster, count: usize) -> Vec<Vec<NodeId>> {
    (0..count)
        .map(|it| cluster.announcers(address(it)))
        .collect()
}

#[test]
fn the_best_candidate_of_an_address_announces_it_and_nobody_else() {
    for count in COUNTS {
        let (cluster, ids) = owning(count, Timing::default());
        let expected: Vec<_> = ids.into_iter().map(|it| vec![it]).collect();
        assert_eq!(owners(&cluster, count), expected, "{count}");
    }
}

#[test]
fn what_the_dead_had_others_have_as_soon_as_it_is_known() {
    for count in COUNTS {
        for (timing, most) in timings() {
            for turn in 0..count.min(4) {
                let (mut cluster, ids) = owning(count, timing);
                cluster.run(ms(7 * turn as u64));
                let dead = ids[turn];
                cluster.cut(dead);
                let next = ids[(turn + 1) % count];
                let took = cluster.until(ms(most + 1), |it| {
                    it.announcers(address(turn)).contains(&next)
                });
                assert!(took > ms(20), "{took:?}");
                cluster.run(ms(1000));
                for (number, id) in ids.iter().enumerate().filter(|it| it.0 != turn) {
                    assert_eq!(
                        cluster.announcers(address(number)),
                        [*id],
                        "nothing else moves"
                    );
                }
            }
        }
    }
}

#[test]
fn who_returns_moves_nothing() {
    for count in COUNTS {
        let (mut cluster, ids) = owning(count, Timing::default());
        cluster.stop(ids[0]);
        cluster.run(ms(1000));
        let before = owners(&cluster, count);
        cluster.restart(ids[0]);
        cluster.run(ms(2000));
        assert_eq!(owners(&cluster, count), before, "{count}");
        assert_eq!(cluster.reasserted, [], "{count}");
    }
}

#[test]
fn who_returns_does_not_take_what_the_dead_had_and_others_have_taken() {
    for (timing, _) in timings() {
        for (count, turn) in [3, 4, 5, 6, 10]
            .into_iter()
            .flat_map(|it| (0..20).map(move |at| (it, at)))
        {
            let mut cluster = Cluster::new(count, timing);
            let ids = cluster.ids();
            let candidates = [&[ids[1], ids[0]], &ids[2..]].concat();
            cluster.want(address(0), &candidates);
            cluster.run(ms(50));
            assert_eq!(cluster.announcers(address(0)), [ids[1]]);
            cluster.cut(ids[0]);
            cluster.run(ms(500));
            cluster.cut(ids[1]);
            cluster.run(ms(500 + 7 * turn));
            let taken = cluster.owner_by(ids[2], address(0));
            assert_eq!(taken, Some(ids[2]));
            cluster.join(ids[0]);
            cluster.run(ms(500));
            assert_eq!(cluster.reasserted, [], "{count}, {turn}: two had it");
            for id in &ids[2..] {
                assert_eq!(cluster.owner_by(*id, address(0)), taken, "{count}, {turn}");
            }
        }
    }
}

#[test]
fn who_may_not_any_more_goes_on_until_another_has_taken_it() {
    for count in COUNTS {
        let (mut cluster, ids) = owning(count, Timing::default());
        let others = &ids[1..];
        // The owner hears of it last.
        for id in others {
            cluster.tell(*id, address(0), others);
        }
        cluster.run(ms(300));
        assert_eq!(
            cluster.announcers(address(0)),
            [ids[0]],
            "it has not offered it"
        );
        cluster.want(address(0), others);
        for _ in 0..1000 {
            assert!(!cluster.announcers(address(0)).is_empty(), "never silent");
            if cluster.announcers(address(0)) == [ids[1]] {
                break;
            }
            cluster.run(Duration::from_micros(100));
        }
        assert_eq!(cluster.announcers(address(0)), [ids[1]], "{count}");
    }
}

#[test]
fn what_nobody_may_announce_is_silent_at_once() {
    let (mut cluster, _) = owning(3, Timing::default());
    cluster.want(address(0), &[]);
    assert!(cluster.announcers(address(0)).is_empty());
    cluster.run(ms(500));
    assert!(cluster.announcers(address(0)).is_empty());
}

#[test]
fn what_may_be_again_is_announced_by_whoever_had_it_last() {
    let (mut cluster, ids) = owning(3, Timing::default());
    cluster.want(address(1), &[]);
    cluster.run(ms(500));
    cluster.want(address(1), &ids);
    cluster.run(ms(100));
    assert_eq!(cluster.announcers(address(1)), [ids[1]]);
}

#[test]
fn who_does_not_see_that_it_is_its_turn_is_not_waited_for_for_ever() {
    let (mut cluster, ids) = owning(3, Timing::default());
    let new = address(9);
    cluster.tell(ids[1], new, &ids);
    cluster.tell(ids[2], new, &ids);
    cluster.run(ms(20));
    assert!(cluster.announcers(new).is_empty(), "the first has its time");
    cluster.until(ms(60), |it| it.announcers(new) == [ids[1]]);
    // It comes to see it, and leaves it where it is.
    cluster.tell(ids[0], new, &ids);
    cluster.run(ms(500));
    assert_eq!(cluster.announcers(new), [ids[1]]);
}

#[test]
fn a_partition_leaves_one_owner_on_each_side_and_one_in_all_when_it_heals() {
    for count in COUNTS {
        for (timing, most) in [(Timing::default(), 60), (Timing::of_heartbeat(ms(10)), 25)] {
            let (mut cluster, ids) = owning(count, timing);
            let side = ids[..count / 2].iter().copied().collect();
            cluster.parted = Some(side);
            cluster.run(Duration::from_secs(5));
            if count > 2 {
                let two = (0..count).filter(|it| cluster.announcers(address(*it)).len() == 2);
                assert_eq!(two.count(), count, "each side has all of them");
            }
            cluster.reasserted.clear();
            cluster.parted = None;
            cluster.until(ms(most), |it| {
                owners(it, count).iter().all(|it| it.len() == 1)
            });
            let told = &cluster.reasserted;
            for number in 0..count.min(if count > 2 { count } else { 0 }) {
                let owner = cluster.announcers(address(number))[0];
                assert!(
                    told.contains(&(owner, address(number))),
                    "neighbours are told"
                );
            }
            // A second failure after that is like the first.
            cluster.run(Duration::from_secs(15));
            let before = owners(&cluster, count);
            let dead = before[0][0];
            cluster.cut(dead);
            let covered = |it: &Cluster| {
                let mut all = owners(it, count).into_iter();
                all.all(|it| it.iter().any(|it| *it != dead))
            };
            cluster.until(ms(101), covered);
        }
    }
}

#[test]
fn when_all_are_started_anew_each_has_what_it_had() {
    let (mut cluster, ids) = owning(3, Timing::default());
    let moved = [ids[2], ids[0], ids[1]];
    for id in &ids {
        cluster.stop(*id);
    }
    cluster.run(ms(1000));
    for id in &ids {
        cluster.restart(*id);
        for (number, owner) in moved.iter().enumerate() {
            cluster.remember(*id, address(number), *owner);
        }
    }
    cluster.run(ms(1000));
    let expected: Vec<_> = moved.iter().map(|it| vec![*it]).collect();
    assert_eq!(owners(&cluster, 3), expected);
}

#[test]
fn a_thousand_addresses_change_hands_together() {
    let mut cluster = Cluster::new(3, Timing::default());
    let ids = cluster.ids();
    let all: Vec<IpAddr> = (0..1000_u128)
        .map(|it| IpAddr::from((0xfd00_u128 << 112 | it).to_be_bytes()))
        .collect();
    for it in &all {
        cluster.want(*it, &ids);
    }
    cluster.run(ms(200));
    let owned = |cluster: &Cluster, id| {
        all.iter()
            .filter(|it| cluster.announcers(**it) == [id])
            .count()
    };
    assert_eq!(owned(&cluster, ids[0]), 1000);
    cluster.stop(ids[0]);
    cluster.until(ms(200), |it| owned(it, ids[1]) == 1000);
    // Who comes back is told of all, and takes none.
    cluster.restart(ids[0]);
    cluster.run(ms(1000));
    assert_eq!(owned(&cluster, ids[1]), 1000);
    assert_eq!(cluster.owner_by(ids[0], all[999]), Some(ids[1]));
}

/// In how many of thirty clusters of ten, with one frame of five lost, something comes about in time.
fn in_time(most: Duration, comes_about: impl Fn(&mut Cluster, usize) -> Duration) -> usize {
    let times = (0..30).map(|turn| {
        let mut cluster = Cluster::new(10, Timing::default());
        cluster.run(ms(13 * turn as u64));
        cluster.loss = 200;
        comes_about(&mut cluster, turn)
    });
    times.filter(|it| *it <= most).count()
}

#[test]
fn in_spite_of_loss_all_soon_know_who_has_an_address() {
    let known = in_time(ms(90), |cluster, turn| {
        let ids = cluster.ids();
        let candidates = [ids[turn % 10]];
        cluster.want(address(0), &candidates);
        cluster.until(ms(3000), |it| {
            let knows = |id: &NodeId| it.owner_by(*id, address(0)) == Some(candidates[0]);
            ids.iter().all(knows)
        })
    });
    assert!(known >= 25, "{known}");
}

#[test]
fn in_spite_of_loss_who_begins_soon_knows_who_has_what() {
    let known = in_time(ms(250), |cluster, turn| {
        let ids = cluster.ids();
        for number in 0..10 {
            cluster.want(address(number), &ids[number..=number]);
        }
        cluster.run(ms(1000));
        let node = ids[turn % 10];
        cluster.stop(node);
        cluster.run(ms(1000));
        cluster.restart(node);
        cluster.until(ms(5000), |it| {
            let knows = |number: &usize| it.owner_by(node, address(*number)) == Some(ids[*number]);
            (0..10).filter(|it| *it != turn % 10).all(|it| knows(&it))
        })
    });
    assert!(known >= 25, "{known}");
}

#[test]
fn in_spite_of_loss_who_was_cut_off_soon_knows_who_lives() {
    let known = in_time(ms(200), |cluster, turn| {
        let node = cluster.ids()[turn % 10];
        cluster.parted = Some([node].into());
        cluster.run(Duration::from_secs(2));
        cluster.parted = None;
        cluster.until(ms(5000), |it| it.living(node).len() == 9)
    });
    assert!(known >= 25, "{known}");
}
