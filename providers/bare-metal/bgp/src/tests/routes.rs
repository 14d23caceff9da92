//! What the router knows after whatever has happened (Adj-RIB-Out).

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use proptest::prelude::*;
use rustbgpd_wire::{
    Afi, Capability, ExtendedNextHopFamily, Message, OpenMessage, RouteRefreshMessage, Safi,
};

use super::bench::*;
use super::hand::*;
use crate::*;

/// What happens.
#[derive(Debug, Clone)]
enum Step {
    Want(usize, Option<usize>),
    Complete,
    Leaving(bool),
    Refresh(Family),
    /// The session is lost and comes again, of another kind.
    Again(usize),
    /// It is lost, and comes not before another [`Step::Again`].
    Lost,
    /// The router takes so many messages.
    Take(usize),
}

const PREFIXES: usize = 10;

fn prefix(number: usize) -> IpNet {
    let last = u8::try_from(number / 2).unwrap();
    if number.is_multiple_of(2) {
        IpNet::new(Ipv4Addr::new(203, 0, last, 0).into(), 24 + last % 9).unwrap()
    } else {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, last.into(), 0, 0, 0, 0);
        IpNet::new(address.into(), 64 + last * 4).unwrap()
    }
}

/// Attributes that differ, of which some bring a next hop.
fn attributes() -> [Arc<Attributes>; 5] {
    [
        Attributes::default(),
        Attributes {
            local_pref: Some(200),
            med: Some(5),
            ..Attributes::default()
        },
        Attributes {
            next_hop_v4: Some(Ipv4Addr::new(192, 0, 2, 99)),
            next_hop_v6: Some("2001:db8::99".parse().unwrap()),
            ..Attributes::default()
        },
        Attributes {
            prepend: 3,
            communities: vec![0xfc00_0001, 0xffff_ff01],
            large_communities: vec![[64512, 1, 2]],
            ..Attributes::default()
        },
        Attributes {
            communities: (0..300).collect(),
            large_communities: (0..100).map(|it| [it; 3]).collect(),
            ..Attributes::default()
        },
    ]
    .map(Arc::new)
}

/// A kind of session: what the router says, our addresses, and families that have no next hop of ours.
struct Kind {
    open: OpenMessage,
    hops: NextHops,
    families: BTreeSet<Family>,
    lacking: BTreeSet<Family>,
}

const KINDS: usize = 6;

fn kind(number: usize) -> Kind {
    use Family::{Ipv4, Ipv6};
    let extended = Capability::ExtendedNextHop(vec![ExtendedNextHopFamily {
        nlri_afi: Afi::Ipv4,
        nlri_safi: Safi::Unicast,
        next_hop_afi: Afi::Ipv6,
    }]);
    let of = |capabilities: Vec<Capability>| OpenMessage {
        capabilities,
        ..open()
    };
    let four = Capability::FourOctetAs { asn: THEIRS };
    let (v4, v6) = (family(Afi::Ipv4), family(Afi::Ipv6));
    let v6_only = NextHops {
        v4: None,
        is_over_v6: true,
        ..next_hops()
    };
    let (capabilities, hops, families, lacking): (_, _, &[_], &[_]) = match number {
        0 => (vec![v4, v6, four], next_hops(), &[Ipv4, Ipv6], &[]),
        1 => (vec![v4], next_hops(), &[Ipv4], &[]),
        2 => (vec![v6, four], next_hops(), &[Ipv6], &[]),
        3 => (vec![v4, v6, four], v6_only, &[Ipv4, Ipv6], &[Ipv4]),
        4 => (vec![v4, v6, four, extended], v6_only, &[Ipv4, Ipv6], &[]),
        _ => (
            vec![v4, v6],
            NextHops::default(),
            &[Ipv4, Ipv6],
            &[Ipv4, Ipv6],
        ),
    };
    Kind {
        open: of(capabilities),
        hops,
        families: families.iter().copied().collect(),
        lacking: lacking.iter().copied().collect(),
    }
}

/// A machine, and all that is known of it from outside.
struct World {
    hand: Hand,
    wanted: BTreeMap<IpNet, Arc<Attributes>>,
    is_complete: bool,
    is_leaving: bool,
    kind: Kind,
    is_up: bool,
    learnt: Learnt,
    /// What the router knows and is to hear once more.
    again: BTreeSet<IpNet>,
}

impl World {
    fn new() -> Self {
        Self {
            hand: Hand::new(settings()),
            wanted: BTreeMap::new(),
            is_complete: false,
            is_leaving: false,
            kind: kind(0),
            is_up: false,
            learnt: Learnt::default(),
            again: BTreeSet::new(),
        }
    }

    fn happens(&mut self, step: &Step) {
        match step {
            Step::Want(number, which) => {
                let which = which.map(|it| attributes()[it].clone());
                let prefix = prefix(*number);
                self.hand.peer.want(prefix, which.clone());
                match which {
                    Some(it) => drop(self.wanted.insert(prefix, it)),
                    None => drop(self.wanted.remove(&prefix)),
                }
            }
            Step::Complete => {
                self.hand.peer.complete();
                self.is_complete = true;
            }
            Step::Leaving(is_leaving) => {
                if std::mem::replace(&mut self.is_leaving, *is_leaving) != *is_leaving {
                    self.again = self.learnt.prefixes();
                }
                self.hand.peer.leaving(*is_leaving);
            }
            Step::Refresh(family) => {
                if self.is_up {
                    let afi = if *family == Family::Ipv4 {
                        Afi::Ipv4
                    } else {
                        Afi::Ipv6
                    };
                    let refresh = RouteRefreshMessage::new(afi, Safi::Unicast);
                    self.hand.now += Duration::from_secs(1);
                    self.hand.hear(&Message::RouteRefresh(refresh));
                    let known = self.learnt.prefixes().into_iter();
                    self.again
                        .extend(known.filter(|it| Family::of(*it) == *family));
                }
            }
            Step::Lost => self.lose(),
            Step::Again(number) => {
                self.lose();
                self.kind = kind(*number);
                self.begin();
            }
            Step::Take(most) => {
                for _ in 0..*most {
                    self.take_one();
                }
            }
        }
        let peer = &self.hand.peer;
        let [wanted, announced, _] = peer.counts();
        assert_eq!(
            (wanted, announced),
            (self.wanted.len(), self.learnt.routes.len())
        );
        assert!(peer.routes().map(|it| it.0).eq(self.learnt.prefixes()));
    }

    fn lose(&mut self) {
        self.learnt = Learnt::default();
        self.again.clear();
        if std::mem::take(&mut self.is_up) {
            self.hand.lose();
            assert_eq!(self.hand.peer.next_update(), None);
            assert!(self.hand.peer.is_quiet());
        }
    }

    fn begin(&mut self) {
        let hand = &mut self.hand;
        hand.start();
        while hand.peer.state() != State::Connect {
            hand.pass(Duration::from_secs(1));
        }
        hand.id = *hand.dialled.last().unwrap();
        hand.peer.connected(hand.id, self.kind.hops, hand.now);
        hand.take();
        hand.hear(&Message::Open(self.kind.open.clone()));
        hand.hear(&KEEPALIVE);
        assert_eq!(hand.peer.state(), State::Established);
        self.is_up = true;
    }

    /// What the router is to know of a prefix.
    fn is_to_be_known(&self, prefix: IpNet) -> bool {
        let family = Family::of(prefix);
        let given = |it: &Arc<Attributes>| match family {
            Family::Ipv4 => it.next_hop_v4.is_some(),
            Family::Ipv6 => it.next_hop_v6.is_some(),
        };
        let wanted = self.wanted.get(&prefix);
        self.kind.families.contains(&family)
            && wanted.is_some_and(|it| given(it) || !self.kind.lacking.contains(&family))
    }

    fn all_to_be_known(&self) -> BTreeSet<IpNet> {
        let all = self.wanted.keys().copied();
        all.filter(|it| self.is_to_be_known(*it)).collect()
    }

    /// Takes a message; whether there was one.
    fn take_one(&mut self) -> bool {
        let Some((id, bytes)) = self.hand.peer.next_update() else {
            return false;
        };
        assert!(self.is_up && id == self.hand.id);
        assert!(bytes.len() <= 4096, "{}", bytes.len());
        let messages = messages(&bytes);
        let [message] = messages.as_slice() else {
            panic!("{messages:?}");
        };
        let before = self.learnt.clone();
        let is_four_octet = self.hand.peer.negotiated().unwrap().is_four_octet;
        self.learnt.hear(message, is_four_octet);
        if let Some(ended) = self.learnt.ended.get(before.ended.len()) {
            assert!(self.is_complete);
            let of = |all: BTreeSet<IpNet>| -> BTreeSet<IpNet> {
                all.into_iter()
                    .filter(|it| Family::of(*it) == *ended)
                    .collect()
            };
            assert_eq!(of(self.learnt.prefixes()), of(self.all_to_be_known()));
            assert!(!before.ended.contains(ended), "the end is told once");
        }
        let known = self.learnt.prefixes();
        self.again.retain(|it| known.contains(it));
        for prefix in &self.learnt.said {
            let is_new = before.routes.get(prefix) != self.learnt.routes.get(prefix);
            let is_again = self.again.remove(prefix);
            assert!(is_new || is_again, "{prefix} is known");
        }
        true
    }

    /// All is taken, and then the router knows what it is to know.
    fn ends_well(&mut self) {
        if !self.is_up {
            self.begin();
        }
        let most = self.learnt.routes.len() + self.wanted.len() + 2;
        let mut count = 0;
        while self.take_one() {
            count += 1;
            assert!(count <= most, "no more is waiting than there is");
        }
        assert!(self.hand.peer.is_quiet());
        assert_eq!(self.learnt.prefixes(), self.all_to_be_known());
        let again = self.again.iter().filter(|it| self.wanted.contains_key(it));
        assert_eq!(
            again.count(),
            0,
            "all that was asked for again was said again"
        );
        let ended: BTreeSet<_> = self.learnt.ended.iter().copied().collect();
        let families = self.kind.families.iter().filter(|_| self.is_complete);
        assert_eq!(ended, families.copied().collect());
        let all = self
            .wanted
            .keys()
            .filter(|it| self.kind.families.contains(&Family::of(**it)));
        let unreachable = all.count() - self.learnt.routes.len();
        let counts = [self.wanted.len(), self.learnt.routes.len(), unreachable];
        assert_eq!(self.hand.peer.counts(), counts);
        // Who has heard all in one piece knows the same.
        let heard = std::mem::take(&mut self.learnt);
        self.lose();
        self.begin();
        while self.take_one() {}
        assert_eq!(self.learnt.routes, heard.routes);
        // And those that share attributes share a message.
        let known = self.learnt.prefixes().into_iter();
        let groups: BTreeSet<_> = known
            .map(|it| (Family::of(it), &self.wanted[&it]))
            .collect();
        assert_eq!(self.learnt.updates, groups.len() + self.learnt.ended.len());
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..PREFIXES, prop::option::of(0_usize..5)).prop_map(|(a, b)| Step::Want(a, b)),
        4 => (0_usize..4).prop_map(Step::Take),
        1 => Just(Step::Complete),
        1 => any::<bool>().prop_map(Step::Leaving),
        1 => prop_oneof![Just(Family::Ipv4), Just(Family::Ipv6)].prop_map(Step::Refresh),
        1 => (0..KINDS).prop_map(Step::Again),
        1 => Just(Step::Lost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_router_knows_what_is_wanted_whatever_happened(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.happens(step);
        }
        world.ends_well();
    }
}
