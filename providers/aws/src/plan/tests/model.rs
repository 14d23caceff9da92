//! What AWS makes of a step, without AWS.

use super::*;
use crate::calls::{Listener, LoadBalancer, LoadBalancerState, TargetGroup, Zone};
use crate::seen::{Front, Health, Heard};

/// AWS, and what it was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) seen: Seen,
    /// The names of the steps that were taken.
    pub(super) taken: Vec<&'static str>,
    made: u32,
}

impl Model {
    /// One that has what is wanted, and serves.
    pub(super) fn with(wanted: &Wanted) -> Self {
        let mut model = Self::default();
        model.run(wanted);
        model.works();
        model.run(wanted);
        model.taken.clear();
        model
    }

    /// All load balancers are active and all targets well.
    pub(super) fn works(&mut self) {
        for balancer in &mut self.seen.balancers {
            balancer.it.state = LoadBalancerState::Active;
        }
        for group in &mut self.seen.groups {
            let targets = group.targets.known();
            let healthy = targets.map_or(0, BTreeSet::len);
            let is_used = !group.it.load_balancers.is_empty();
            group.health = is_used.then(|| Health {
                healthy,
                ..Health::default()
            });
        }
    }

    /// Takes steps until nothing is left to do. Tells what that is.
    pub(super) fn run(&mut self, wanted: &Wanted) -> Step {
        self.run_at(wanted, Instant::now())
    }

    pub(super) fn run_at(&mut self, wanted: &Wanted, now: Instant) -> Step {
        for _ in 0..200 {
            settle(wanted, &mut self.seen);
            let step = plan(wanted, &self.seen, now, FAREWELL);
            match step {
                Step::Done | Step::Wait { .. } | Step::Refuse(_) => return step,
                step => self.take(step, now),
            }
        }
        panic!("it does not end: {:?}", self.taken);
    }

    /// Removes all. Tells the steps.
    pub(super) fn release(&mut self) {
        for _ in 0..200 {
            match release(&self.seen) {
                Step::Done => return,
                step => self.take(step, Instant::now()),
            }
        }
        panic!("it does not end: {:?}", self.taken);
    }

    fn arn(&mut self, kind: &str) -> Arn {
        self.made += 1;
        let arn = format!("arn:aws:elasticloadbalancing:r:1:{kind}/{:04}", self.made);
        arn.parse().unwrap()
    }

    pub(super) fn take(&mut self, step: Step, now: Instant) {
        self.taken.push(name(&step));
        match step {
            Step::MakeFront { name, tags } => {
                self.made += 1;
                let rules = Believed::Known(BTreeSet::new());
                let id = format!("sg-{:04}", self.made);
                self.seen.fronts.push(Front {
                    id,
                    name,
                    tags,
                    rules,
                });
            }
            Step::Admit { front, rules, .. } => {
                let front = self
                    .seen
                    .front(&front)
                    .expect("rules go into a group that is there");
                if let Believed::Known(known) = &mut front.rules {
                    known.extend(rules);
                }
            }
            Step::Expel { front, rules } => {
                if let Some(Believed::Known(known)) =
                    self.seen.front(&front).map(|it| &mut it.rules)
                {
                    known.retain(|it| !rules.contains(it));
                }
            }
            Step::MakeGroup(new) => {
                assert!(
                    self.seen.groups.iter().all(|it| it.it.name != new.name),
                    "twice by one name"
                );
                let it = TargetGroup {
                    arn: self.arn("targetgroup"),
                    name: new.name,
                    protocol: new.protocol,
                    port: Some(new.port),
                    vpc: Some(new.vpc),
                    target_type: new.target_type,
                    family: new.family,
                    health_check: new.health_check,
                    load_balancers: Vec::new(),
                };
                let mut group = Group::new(it, new.tags);
                group.targets = Believed::Known(BTreeSet::new());
                group.attributes = Believed::Known(Attributes::new());
                self.seen.groups.push(group);
            }
            Step::Probe { group, health } => {
                self.seen.group(&group).unwrap().it.health_check = *health;
            }
            Step::Register { group, targets } => {
                let group = self.seen.group(&group).unwrap();
                if let Believed::Known(known) = &mut group.targets {
                    known.extend(targets);
                }
            }
            Step::Deregister { group, targets } => {
                let group = self.seen.group(&group).unwrap();
                if let Believed::Known(known) = &mut group.targets {
                    known.retain(|it| !targets.contains(it));
                }
            }
            Step::SetGroupAttributes { group, attributes } => {
                set(&mut self.seen.group(&group).unwrap().attributes, attributes);
            }
            Step::RemoveGroup(arn) => {
                let group = self.seen.group(&arn).unwrap();
                assert!(
                    group.it.load_balancers.is_empty() || !is_sent_to(&self.seen, &arn),
                    "it is in use"
                );
                self.seen.groups.retain(|it| it.it.arn != arn);
            }
            step => self.take_of_balancer(step, now),
        }
    }

    fn take_of_balancer(&mut self, step: Step, now: Instant) {
        match step {
            Step::MakeBalancer(new) => {
                assert!(
                    self.seen.balancers.iter().all(|it| it.it.name != new.name),
                    "twice by one name"
                );
                let it = LoadBalancer {
                    arn: self.arn("loadbalancer/net"),
                    dns_name: format!("{}.elb", new.name),
                    name: new.name,
                    hosted_zone: None,
                    network: true,
                    scheme: Some(new.scheme),
                    vpc: VPC.into(),
                    state: LoadBalancerState::Provisioning,
                    reason: None,
                    address_type: new.address_type,
                    zones: zones(&new.subnets),
                    security_groups: new.security_groups,
                    enforce_private_link: None,
                    prefix_for_ipv6_source_nat: new.prefix_for_ipv6_source_nat,
                };
                let mut balancer = Balancer::new(it, new.tags);
                balancer.attributes = Believed::Known(Attributes::new());
                self.seen.switched = None;
                self.seen.balancers.push(balancer);
            }
            Step::SetAddressType { balancer, to } => {
                self.seen.balancer(&balancer).unwrap().it.address_type = to;
            }
            Step::SetSubnets {
                balancer,
                mappings,
                address_type,
                source_nat,
            } => {
                let it = &mut self.seen.balancer(&balancer).unwrap().it;
                it.zones = zones(&mappings);
                it.address_type = address_type;
                it.prefix_for_ipv6_source_nat = source_nat;
            }
            Step::SetGroups {
                balancer, groups, ..
            } => {
                self.seen.balancer(&balancer).unwrap().it.security_groups = groups;
            }
            Step::SetAttributes {
                balancer,
                attributes,
            } => set(
                &mut self.seen.balancer(&balancer).unwrap().attributes,
                attributes,
            ),
            Step::Tag { arns, tags } => self.retag(&arns, |it| it.extend(tags.clone())),
            Step::Untag { arns, keys } => {
                self.retag(&arns, |it| it.retain(|key, _| !keys.contains(key)));
            }
            Step::UntagFront { front, keys } => {
                let front = self.seen.front(&front).unwrap();
                front.tags.retain(|key, _| !keys.contains(key));
            }
            Step::TagFront { front, tags } => self.seen.front(&front).unwrap().tags.extend(tags),
            Step::Switch => self.seen.switched = Some(now),
            Step::RemoveBalancer(arn) => {
                self.seen.forget_balancer(&arn);
                self.use_groups();
            }
            Step::RemoveFront(id) => {
                let mut balancers = self.seen.balancers.iter();
                assert!(
                    !balancers.any(|it| it.it.security_groups.contains(&id)),
                    "it is in use"
                );
                self.seen.fronts.retain(|it| it.id != id);
            }
            step => self.take_of_listener(step),
        }
    }

    fn retag(&mut self, arns: &[Arn], change: impl Fn(&mut Tags)) {
        let groups = self.seen.groups.iter_mut();
        let groups = groups.filter(|it| arns.contains(&it.it.arn));
        groups.for_each(|it| change(&mut it.tags));
        for balancer in &mut self.seen.balancers {
            if arns.contains(&balancer.it.arn) {
                change(&mut balancer.tags);
            }
            let listeners = balancer.listeners.iter_mut();
            let listeners = listeners.filter(|it| arns.contains(&it.it.arn));
            listeners.for_each(|it| change(&mut it.tags));
        }
    }

    fn take_of_listener(&mut self, step: Step) {
        match step {
            Step::MakeListener(new) => {
                let it = Listener {
                    arn: self.arn("listener/net"),
                    load_balancer: new.load_balancer.clone(),
                    port: new.port,
                    protocol: new.protocol,
                    action: new.action,
                    certificate: new.certificate,
                    ssl_policy: new.ssl_policy,
                    alpn: new.alpn,
                };
                let balancer = self.seen.balancer(&new.load_balancer).unwrap();
                assert!(
                    balancer.listeners.iter().all(|it| it.it.port != new.port),
                    "twice on one port"
                );
                let mut listener = Heard::new(it, new.tags);
                listener.attributes = Believed::Known(Attributes::new());
                listener.certificates = Believed::Known(BTreeSet::new());
                balancer.listeners.push(listener);
                self.use_groups();
            }
            Step::ChangeListener { listener, change } => {
                let it = &mut self.seen.listener(&listener).unwrap().it;
                it.protocol = change.protocol.unwrap_or(it.protocol.clone());
                it.action = change.action.unwrap_or(it.action.clone());
                it.certificate = change.certificate.or(it.certificate.clone());
                it.ssl_policy = change.ssl_policy.or(it.ssl_policy.clone());
                self.use_groups();
            }
            Step::RemoveListener(arn) => {
                for balancer in &mut self.seen.balancers {
                    balancer.listeners.retain(|it| it.it.arn != arn);
                }
                self.use_groups();
            }
            step => panic!("the model has nothing to say of {step:?}"),
        }
    }

    /// A target group belongs to one load balancer at most.
    fn use_groups(&mut self) {
        let mut used: Vec<(Arn, Arn)> = Vec::new();
        for listener in self.seen.balancers.iter().flat_map(|it| &it.listeners) {
            let groups = listener.it.action.groups.iter();
            used.extend(groups.map(|(arn, _)| (arn.clone(), listener.it.load_balancer.clone())));
        }
        for group in &mut self.seen.groups {
            let by = used.iter().filter(|(arn, _)| *arn == group.it.arn);
            let by: BTreeSet<_> = by.map(|(_, by)| by.clone()).collect();
            assert!(by.len() <= 1, "a target group is behind two load balancers");
            group.it.load_balancers = by.into_iter().collect();
        }
    }
}

fn is_sent_to(seen: &Seen, arn: &Arn) -> bool {
    let listeners = seen.balancers.iter().flat_map(|it| &it.listeners);
    let mut groups = listeners.flat_map(|it| &it.it.action.groups);
    groups.any(|(it, _)| it == arn)
}

fn set(believed: &mut Believed<Attributes>, attributes: Attributes) {
    match believed {
        Believed::Known(known) => known.extend(attributes),
        _ => *believed = Believed::Known(attributes),
    }
}

fn zones(mappings: &[SubnetMapping]) -> Vec<Zone> {
    let zone = |mapping: &SubnetMapping| Zone {
        name: mapping.subnet.trim_start_matches("subnet-")[..1].to_owned(),
        subnet: mapping.subnet.clone(),
        addresses: Vec::new(),
        source_nat_ipv6_prefixes: Vec::new(),
    };
    mappings.iter().map(zone).collect()
}

fn name(step: &Step) -> &'static str {
    match step {
        Step::MakeFront { .. } => "make front",
        Step::Admit { .. } => "admit",
        Step::Expel { .. } => "expel",
        Step::MakeGroup(_) => "make group",
        Step::Probe { .. } => "probe",
        Step::SetGroupAttributes { .. } => "set group attributes",
        Step::MakeBalancer(_) => "make balancer",
        Step::SetAddressType { .. } => "set address type",
        Step::SetSubnets { .. } => "set subnets",
        Step::SetGroups { .. } => "set groups",
        Step::SetAttributes { .. } => "set attributes",
        Step::SetCapacity { .. } => "set capacity",
        Step::Register { .. } => "register",
        Step::Deregister { .. } => "deregister",
        Step::MakeListener(_) => "make listener",
        Step::ChangeListener { .. } => "change listener",
        Step::SetListenerAttributes { .. } => "set listener attributes",
        Step::AddCertificates { .. } => "add certificates",
        Step::RemoveCertificates { .. } => "remove certificates",
        Step::RemoveListener(_) => "remove listener",
        Step::Tag { .. } | Step::TagFront { .. } => "tag",
        Step::Untag { .. } | Step::UntagFront { .. } => "untag",
        Step::Read(_) => "read",
        Step::Switch => "switch",
        Step::RemoveBalancer(_) => "remove balancer",
        Step::RemoveGroup(_) => "remove group",
        Step::RemoveFront(_) => "remove front",
        Step::Refuse(_) => "refuse",
        Step::Wait { .. } => "wait",
        Step::Done => "done",
    }
}
