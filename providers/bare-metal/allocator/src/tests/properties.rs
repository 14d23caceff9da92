//! What holds whatever happens, in whatever order.

use super::sketches::{Step, built_pool, built_service, four, step};
use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

/// The allocator, and what the API server would know.
struct Story {
    world: World,
    pools: BTreeMap<String, PoolBuilder>,
    services: BTreeMap<String, ServiceBuilder>,
    reservations: BTreeMap<String, Want>,
}

type Addresses = BTreeMap<String, [Option<IpAddr>; 2]>;

impl Story {
    fn new() -> Self {
        Self {
            world: World::with(&[]),
            pools: BTreeMap::new(),
            services: BTreeMap::new(),
            reservations: BTreeMap::new(),
        }
    }

    fn addresses(&self) -> Addresses {
        let tenants = self.world.allocator.tenants.iter();
        let addresses = tenants.map(|it| (it.uid.to_string(), it.addresses()));
        addresses.filter(|(_, it)| *it != [None, None]).collect()
    }

    /// UIDs of those that lack something.
    fn lacking(&self) -> BTreeSet<String> {
        let tenants = &self.world.allocator.tenants;
        let slots = self.world.allocator.waiting.slots();
        slots
            .map(|slot| tenants.get(slot).uid.to_string())
            .collect()
    }

    /// Lets it happen; says whose doing it is.
    fn take(&mut self, step: Step) -> Option<String> {
        match step {
            Step::Pool(name, sketch) => {
                let pool = built_pool(name, &sketch);
                self.world.pool(&pool);
                self.pools.insert(format!("p{name}"), pool);
                None
            }
            Step::RemovePool(name) => {
                self.world.remove_pool(&format!("p{name}"));
                self.pools.remove(&format!("p{name}"));
                None
            }
            Step::Service(name, sketch) => {
                let service = built_service(name, &sketch);
                self.world.ensure(&service);
                let uid = service.need.uid.to_string();
                self.services.insert(uid.clone(), service);
                Some(uid)
            }
            Step::Release(name) => {
                let uid = format!("s{name:02}");
                if let Some(service) = self.services.remove(&uid) {
                    self.world.release(&service);
                }
                Some(uid)
            }
            Step::Reserve(name, address) => {
                let want = match address {
                    Some(last) => Want::Address(ip(&four(last))),
                    None => Want::FromPool {
                        pool: "p1".into(),
                        family: Family::IPv4,
                    },
                };
                let name = format!("r{name}");
                // It cannot be changed, only made anew.
                if !self.reservations.contains_key(&name) {
                    self.world.reserve(&name, want.clone());
                    self.reservations.insert(name, want);
                }
                None
            }
            Step::Unreserve(name) => {
                self.world.unreserve(&format!("r{name}"));
                self.reservations.remove(&format!("r{name}"));
                None
            }
            Step::Later(seconds) => {
                self.world.later(seconds.into());
                None
            }
            Step::Restart => {
                self.world = self.restarted(false);
                None
            }
        }
    }

    /// One that takes over from the present one, told of everything in one order or in another.
    fn restarted(&self, backwards: bool) -> World {
        let before = &self.world.allocator;
        let mut world = World::before_begin(&[]);
        world.now = self.world.now;
        let mut pools: Vec<_> = self.pools.clone().into_iter().collect();
        let mut reservations: Vec<_> = self.reservations.clone().into_iter().collect();
        let addresses = self.addresses();
        let held = |uid: &String| {
            let addresses = addresses.get(uid).into_iter().flatten();
            addresses
                .flatten()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let held: Vec<_> = self
            .services
            .iter()
            .map(|(uid, it)| (it, held(uid)))
            .collect();
        let held: Vec<(_, Vec<_>)> = held
            .iter()
            .map(|(it, held)| (*it, held.iter().map(String::as_str).collect()))
            .collect();
        let mut holdings: Vec<_> = held
            .iter()
            .map(|(it, held)| (*it, held.as_slice()))
            .collect();
        if backwards {
            pools.reverse();
            reservations.reverse();
            holdings.reverse();
        }
        for (name, mut pool) in pools {
            let status = before.pool(&name).unwrap();
            let lost = status.lost.iter().map(|address| *address..=*address);
            pool.input.former = status.ranges().chain(lost).collect();
            pool.input.was_conflicting = matches!(status.standing, Standing::Conflicting { .. });
            world.pool(&pool);
        }
        for (name, want) in reservations {
            let status = before.reservation(&in_default(&name)).unwrap();
            let address = status.address.map(|it| it.to_string());
            world.reserve_with(&name, want, address.as_deref());
        }
        world.begin(&holdings);
        world
    }

    /// Looks at those who ought to be looked at, as a controller would.
    fn look(&mut self) {
        loop {
            let changed = self.world.changed();
            if changed.is_empty() {
                return;
            }
            for uid in changed {
                if let Some(service) = self.services.get(&uid) {
                    self.world.ensure(service);
                }
            }
        }
    }

    /// Whether a Service asks for what this step makes: then it may be given that.
    fn asks_for(&self, uid: &str, step: &Step) -> bool {
        let ask = self.services.get(uid).map(|it| &it.need.ask);
        ask.is_some_and(|ask| match step {
            Step::Pool(name, _) => ask.pool.as_deref() == Some(&*format!("p{name}")),
            Step::Reserve(name, _) => ask.reservations.contains(&format!("r{name}")),
            _ => false,
        })
    }

    /// Whether one of these was taken back by a pool that lost it.
    fn is_reclaimed(&self, addresses: &[Option<IpAddr>; 2]) -> bool {
        let pools = &self.world.allocator.pools;
        let reclaims = pools.iter().any(|pool| pool.spec.reclaim);
        let mut held = addresses.iter().flatten();
        reclaims && held.any(|address| pools.of(*address).is_none())
    }

    /// Nobody has what is another's.
    fn check_owners(&self) {
        let allocator = &self.world.allocator;
        for address in allocator.holders.all() {
            let slots = allocator.holders.of(address);
            for slot in slots {
                let tenant = allocator.tenants.get(*slot);
                assert_eq!(tenant.address(Family::of(address)), Some(address));
            }
            let needs = slots.iter().map(|slot| {
                let tenant = allocator.tenants.get(*slot);
                &self.services[&tenant.uid.to_string()].need
            });
            let needs: Vec<_> = needs.collect();
            for (index, one) in needs.iter().enumerate() {
                for other in &needs[..index] {
                    let (one, other) = (one.sharing.as_ref(), other.sharing.as_ref());
                    let (one, other) = one.zip(other).expect("both share");
                    assert_eq!(one.key, other.key, "{address}");
                    assert_eq!(one.port_in_common(other), None, "{address}");
                }
            }
        }
        let held: usize = self
            .addresses()
            .values()
            .map(|it| it.iter().flatten().count())
            .sum();
        let holders = allocator
            .holders
            .all()
            .map(|it| allocator.holders.of(it).len());
        assert_eq!(held, holders.sum::<usize>());
    }

    /// What a pool says of itself is so.
    fn check_pools(&mut self) {
        let allocator = &mut self.world.allocator;
        let names: Vec<_> = allocator.pools.iter().map(|it| it.name.clone()).collect();
        for name in names {
            let pool = &allocator.pools.get(&name).unwrap();
            if pool.standing == Standing::Ready {
                let said = (
                    pool.assigned,
                    [Family::IPv4, Family::IPv6].map(|it| pool.available(it)),
                );
                allocator.rebuild(&name);
                let pool = &allocator.pools.get(&name).unwrap();
                let so = (
                    pool.assigned,
                    [Family::IPv4, Family::IPv6].map(|it| pool.available(it)),
                );
                assert_eq!(said, so, "{name}");
            }
            for address in &allocator.pools.get(&name).unwrap().lost {
                assert!(
                    !allocator.holders.of(*address).is_empty(),
                    "{address} is free"
                );
            }
        }
    }

    /// Nobody waits for what he could have.
    fn check_waiting(&self) {
        let allocator = &self.world.allocator;
        for slot in allocator.waiting.slots() {
            let waiter = allocator.waiting.get(slot);
            let tenant = allocator.tenants.get(slot);
            let anew = *tenant.asked.as_deref().unwrap_or(&Ask::default()) != waiter.need.ask;
            let lacks = waiter.need.families.iter().filter(|family| {
                let held = tenant.address(**family);
                held.is_none_or(|held| !allocator.may_keep(slot, &waiter.need, held, anew))
            });
            let could = lacks.map(|it| allocator.choose(slot, &waiter.need, *it).is_ok());
            let could: Vec<_> = could.collect();
            let helped = match waiter.need.policy {
                FamilyPolicy::RequireDualStack => could.iter().all(|it| *it),
                _ => could.iter().any(|it| *it),
            };
            assert!(!helped, "{tenant:?} waits in vain: {:?}", waiter.refusals);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_address_is_anothers_none_is_lost_and_nobody_waits_in_vain(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut story = Story::new();
        for step in steps {
            let made = step.clone();
            let (before, lacked) = (story.addresses(), story.lacking());
            let is_restart = matches!(step, Step::Restart);
            let subject = story.take(step);
            story.look();
            let after = story.addresses();
            for (uid, addresses) in &before {
                // Who lacks something may get it, and an end of his wait may be anybody's doing.
                let may_move = lacked.contains(uid)
                    || story.is_reclaimed(addresses)
                    || story.asks_for(uid, &made);
                if subject.as_ref() != Some(uid) && !may_move {
                    prop_assert_eq!(Some(addresses), after.get(uid), "{} after {:?}", uid, made);
                }
            }
            story.check_owners();
            story.check_pools();
            story.check_waiting();
            if is_restart {
                for (uid, addresses) in &before {
                    let kept = after.get(uid);
                    prop_assert!(kept.is_some(), "{} lost {:?}", uid, addresses);
                }
            }
        }
    }

    #[test]
    fn a_start_comes_out_the_same_whatever_is_told_first(
        steps in prop::collection::vec(step(), 1..60),
        forgotten in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let mut story = Story::new();
        for step in steps {
            story.take(step);
        }
        // Some whose statuses are empty.
        for index in forgotten {
            let mut uids = story.services.keys().cloned();
            if !story.services.is_empty() {
                let uid = uids.nth(index.index(story.services.len())).unwrap();
                let service = story.services[&uid].clone();
                story.world.release(&service);
            }
        }
        let outcome = |world: World| {
            let standings: Vec<_> = world
                .allocator
                .pools()
                .map(|it| (it.name.clone(), it.standing.clone(), it.assigned))
                .collect();
            let story = Story {
                world,
                ..Story::new()
            };
            (standings, story.addresses(), story.lacking())
        };
        prop_assert_eq!(outcome(story.restarted(false)), outcome(story.restarted(true)));
    }
}
