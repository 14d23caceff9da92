//! What there is of one load balancer at AWS, as far as we know: plain values, from calls that read and
//! from what our own calls did. It calls nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use landfall_provider_api::{LoadBalancerId, ServiceName};

use crate::calls::{
    Arn, Attributes, HealthState, Listener, LoadBalancer, LoadBalancerState, Rule, Tags, Target,
    TargetGroup, TargetHealth,
};
use crate::names;

/// What we know of something that has to be asked for by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Believed<T> {
    /// Nothing: a call of ours may or may not have changed it.
    Unknown,
    /// That it is as it is wanted: it was made by a process before this one, and the rotation will
    /// tell whether somebody has altered it.
    #[default]
    Assumed,
    /// This.
    Known(T),
}

impl<T> Believed<T> {
    /// What is known.
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unknown | Self::Assumed => None,
        }
    }
}

/// All that there is of one Service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    /// Its load balancers; two while one takes the place of another.
    pub(crate) balancers: Vec<Balancer>,
    /// Its target groups.
    pub(crate) groups: Vec<Group>,
    /// Its own security groups.
    pub(crate) fronts: Vec<Front>,
    /// Since when the status may name another load balancer than the one that is to go.
    pub(crate) switched: Option<Instant>,
}

/// A load balancer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Balancer {
    pub(crate) it: LoadBalancer,
    pub(crate) tags: Tags,
    pub(crate) listeners: Vec<Heard>,
    /// Those that were ever declared.
    pub(crate) attributes: Believed<Attributes>,
    pub(crate) capacity: Believed<Option<u32>>,
}

/// A listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard {
    pub(crate) it: Listener,
    pub(crate) tags: Tags,
    /// Those that were ever declared.
    pub(crate) attributes: Believed<Attributes>,
    /// Its certificates besides the default one.
    pub(crate) certificates: Believed<BTreeSet<String>>,
}

/// A target group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) it: TargetGroup,
    pub(crate) tags: Tags,
    /// Those that were ever declared.
    pub(crate) attributes: Believed<Attributes>,
    pub(crate) targets: Believed<BTreeSet<Target>>,
    /// Ids of targets that AWS refused, and why.
    pub(crate) refused: BTreeMap<String, String>,
    /// How its targets were when they were last asked.
    pub(crate) health: Option<Health>,
    /// Those of its targets that pods wait for, and how each was when it was last asked; `None` as
    /// long as it was not, or is not there.
    pub(crate) awaited: BTreeMap<Place, Option<State>>,
    /// Whether its targets are only taken for what is wanted, until the rotation asks them.
    pub(crate) is_assumed: bool,
}

/// Id and port of a target, which tell it from others.
pub(crate) type Place = (String, Option<u16>);

/// How one target is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) health: HealthState,
    /// For people.
    pub(crate) why: Option<String>,
}

impl State {
    /// Whether nobody need wait for it any longer. What AWS does not check, it finds no worse later.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self.health, HealthState::Healthy | HealthState::Unavailable)
    }
}

/// How the targets of a group are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Health {
    pub(crate) healthy: usize,
    pub(crate) initial: usize,
    pub(crate) unhealthy: usize,
}

/// A security group that lets clients in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Front {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tags: Tags,
    pub(crate) rules: Believed<BTreeSet<Rule>>,
}

impl Seen {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.balancers.is_empty() && self.groups.is_empty() && self.fronts.is_empty()
    }

    /// The tags of each part.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &Tags> {
        let balancers = self.balancers.iter().map(|it| &it.tags);
        let groups = self.groups.iter().map(|it| &it.tags);
        let fronts = self.fronts.iter().map(|it| &it.tags);
        balancers.chain(groups).chain(fronts)
    }

    /// The Service that it was made for, as its tags say.
    pub(crate) fn service(&self) -> Option<ServiceName> {
        self.tags().find_map(names::service_of)
    }

    /// What it is, for people.
    pub(crate) fn description(&self, id: &LoadBalancerId) -> String {
        let of = |kind: &str, name: &str| format!("{kind} {name}");
        let balancer = self
            .balancers
            .first()
            .map(|it| of("load balancer", &it.it.name));
        let group = self
            .groups
            .first()
            .map(|it| of("target group", &it.it.name));
        let front = self.fronts.first().map(|it| of("security group", &it.id));
        let found = balancer.or(group).or(front);
        found.unwrap_or_else(|| format!("parts of the Service {}", id.service_uid))
    }

    pub(crate) fn balancer(&mut self, arn: &Arn) -> Option<&mut Balancer> {
        self.balancers.iter_mut().find(|it| it.it.arn == *arn)
    }

    pub(crate) fn listener(&mut self, arn: &Arn) -> Option<&mut Heard> {
        let listeners = self.balancers.iter_mut().flat_map(|it| &mut it.listeners);
        listeners.into_iter().find(|it| it.it.arn == *arn)
    }

    pub(crate) fn group(&mut self, arn: &Arn) -> Option<&mut Group> {
        self.groups.iter_mut().find(|it| it.it.arn == *arn)
    }

    pub(crate) fn front(&mut self, id: &str) -> Option<&mut Front> {
        self.fronts.iter_mut().find(|it| it.id == id)
    }

    /// The listeners of a load balancer are gone with it, and so is the use that they made of groups.
    pub(crate) fn forget_balancer(&mut self, arn: &Arn) {
        self.balancers.retain(|it| it.it.arn != *arn);
        for group in &mut self.groups {
            group.it.load_balancers.retain(|it| it != arn);
        }
    }
}

impl Balancer {
    /// One that was just made, or read.
    pub(crate) fn new(it: LoadBalancer, tags: Tags) -> Self {
        Self {
            it,
            tags,
            listeners: Vec::new(),
            attributes: Believed::Assumed,
            capacity: Believed::Assumed,
        }
    }

    /// Whether it works.
    pub(crate) fn is_active(&self) -> bool {
        use LoadBalancerState::{Active, Impaired};
        matches!(self.it.state, Active | Impaired)
    }
}

impl Heard {
    pub(crate) fn new(it: Listener, tags: Tags) -> Self {
        Self {
            it,
            tags,
            attributes: Believed::Assumed,
            certificates: Believed::Assumed,
        }
    }
}

impl Group {
    pub(crate) fn new(it: TargetGroup, tags: Tags) -> Self {
        Self {
            it,
            tags,
            attributes: Believed::Assumed,
            targets: Believed::Assumed,
            refused: BTreeMap::new(),
            health: None,
            awaited: BTreeMap::new(),
            is_assumed: true,
        }
    }

    /// The port of the Service whose it is, or was made for.
    pub(crate) fn port(&self) -> Option<u16> {
        let told = self.tags.get(names::PORT).and_then(|it| it.parse().ok());
        told.or(self.it.port)
    }

    /// All targets were asked, those that drain left out. Tells whether that is news.
    pub(crate) fn asked(&mut self, all: &[TargetHealth]) -> bool {
        let mut health = Health::default();
        let mut targets = BTreeSet::new();
        for target in all {
            match target.state {
                HealthState::Draining => continue,
                HealthState::Healthy => health.healthy += 1,
                HealthState::Initial => health.initial += 1,
                _ => health.unhealthy += 1,
            }
            targets.insert(target.target.clone());
        }
        let known = Believed::Known(targets);
        let is_news = self.targets != known || self.health != Some(health);
        let is_news = self.tell_awaited(all) || is_news;
        (self.targets, self.health) = (known, Some(health));
        self.is_assumed = false;
        is_news
    }

    /// Those that pods wait for were asked. Tells whether one of them is otherwise.
    fn tell_awaited(&mut self, all: &[TargetHealth]) -> bool {
        let mut is_news = false;
        for (place, before) in &mut self.awaited {
            let is_it = |it: &&TargetHealth| (&it.target.id, it.target.port) == (&place.0, place.1);
            let found = all.iter().find(is_it);
            let found = found.filter(|it| it.state != HealthState::Draining);
            let now = found.map(|it| State {
                health: it.state.clone(),
                why: it.why.clone(),
            });
            is_news |= *before != now;
            *before = now;
        }
        is_news
    }

    /// Whether a pod waits for one of its targets.
    pub(crate) fn is_awaited(&self) -> bool {
        let mut states = self.awaited.values();
        states.any(|it| it.as_ref().is_none_or(|it| !it.is_well()))
    }
}

impl Seen {
    /// What is there was read in bulk, which leaves out what has to be asked for by itself: that stays as it
    /// is known. Tells whether it is another than was seen.
    pub(crate) fn take_over(&mut self, read: Self) -> bool {
        let mut read = read;
        for balancer in &mut read.balancers {
            let Some(before) = self.balancer(&balancer.it.arn) else {
                continue;
            };
            balancer.attributes = before.attributes.clone();
            balancer.capacity = before.capacity.clone();
            // How far it has come is news for who waits for it, and no alteration.
            before.it.state = balancer.it.state.clone();
            before.it.reason.clone_from(&balancer.it.reason);
            for listener in &mut balancer.listeners {
                let mut known = before.listeners.iter();
                if let Some(before) = known.find(|it| it.it.arn == listener.it.arn) {
                    listener.attributes = before.attributes.clone();
                    listener.certificates = before.certificates.clone();
                }
            }
        }
        for group in &mut read.groups {
            if let Some(before) = self.group(&group.it.arn) {
                group.attributes = before.attributes.clone();
                group.targets = before.targets.clone();
                group.refused = before.refused.clone();
                group.health = before.health;
                group.awaited = before.awaited.clone();
                group.is_assumed = before.is_assumed;
            }
        }
        for front in &read.fronts {
            // What was not known is not altered by being read.
            if let Some(before) = self.front(&front.id)
                && before.rules.known().is_none()
            {
                before.rules = front.rules.clone();
            }
        }
        read.switched = self.switched;
        self.sort();
        read.sort();
        let is_news = *self != read;
        *self = read;
        is_news
    }

    /// What has to be asked for by itself may be as calls of ours would have it, or not.
    pub(crate) fn doubt(&mut self) {
        for balancer in &mut self.balancers {
            balancer.attributes = Believed::Unknown;
            balancer.capacity = Believed::Unknown;
            for listener in &mut balancer.listeners {
                listener.attributes = Believed::Unknown;
                listener.certificates = Believed::Unknown;
            }
        }
        for group in &mut self.groups {
            group.attributes = Believed::Unknown;
            group.targets = Believed::Unknown;
            group.is_assumed = false;
        }
    }

    /// AWS answers in any order.
    fn sort(&mut self) {
        self.balancers
            .sort_by(|one, other| one.it.arn.cmp(&other.it.arn));
        self.groups
            .sort_by(|one, other| one.it.arn.cmp(&other.it.arn));
        self.fronts.sort_by(|one, other| one.id.cmp(&other.id));
        for balancer in &mut self.balancers {
            balancer
                .listeners
                .sort_by(|one, other| one.it.arn.cmp(&other.it.arn));
            balancer
                .it
                .zones
                .sort_by(|one, other| one.name.cmp(&other.name));
            balancer.it.security_groups.sort();
        }
    }
}
