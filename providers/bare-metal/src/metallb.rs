//! MetalLB's objects as they are read, and what they mean here. Nothing of them is written.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use landfall_bare_metal_allocator::PoolInput;
use landfall_bare_metal_resources::Pool;
use landfall_bare_metal_resources::kinds::Allocation;
use landfall_bare_metal_resources::metallb::{
    Converted, Equal, KINDS, Kind, Note, Objects, Scope, Source,
};
use serde_json::Value;

use crate::advertising::{Advertisement, Protocol};
use crate::state::{Labels, State, created, spec};

/// What of an object of MetalLB's is to be told: the object, and the text.
pub(crate) type Told = (Source, String);

/// What is known of a pool of MetalLB's.
#[derive(Debug, PartialEq, Eq)]
struct TheirPool {
    labels: Labels,
    /// What of it could not be carried over.
    notes: Vec<String>,
}

/// All that is known of MetalLB.
#[derive(Debug, Default)]
pub(crate) struct MetalLb {
    objects: Objects,
    /// Its pools, which are known by the same names as ours.
    pools: BTreeMap<String, TheirPool>,
    /// What could not be carried over of its objects; each is told once.
    known_notes: BTreeSet<Told>,
    /// What is yet to be told.
    pub(crate) untold: Vec<Told>,
    /// Whether anybody asks by now what they mean.
    pub(crate) is_asked: bool,
    /// Names of the pods that are its controller.
    controllers: BTreeSet<String>,
}

impl MetalLb {
    /// The labels of a pool.
    pub(crate) fn pool(&self, name: &str) -> Option<&Labels> {
        Some(&self.pools.get(name)?.labels)
    }

    /// Its pools, with their labels.
    pub(crate) fn pools(&self) -> impl Iterator<Item = (&String, &Labels)> {
        self.pools.iter().map(|(name, pool)| (name, &pool.labels))
    }

    /// What of a pool could not be carried over.
    pub(crate) fn notes_of_pool(&self, name: &str) -> &[String] {
        self.pools.get(name).map_or(&[], |it| &it.notes)
    }

    /// What could not be carried over of the objects that are meant.
    fn notes(&self, is_meant: impl Fn(&Source) -> bool) -> Vec<String> {
        let notes = self.known_notes.iter();
        let notes = notes.filter(|(source, _)| is_meant(source));
        notes
            .map(|(source, text)| format!("{source}: {text}"))
            .collect()
    }

    /// Whether it has a `BGPPeer` of this name.
    pub(crate) fn has_peer(&self, name: &str) -> bool {
        let mut kinds = KINDS.iter();
        let kind = kinds.find(|it| it.singular == "BGPPeer");
        kind.is_some_and(|it| self.names_of(*it).contains(name))
    }

    /// Whether its controller runs.
    pub(crate) fn is_running(&self) -> bool {
        !self.controllers.is_empty()
    }

    /// The names of the objects of a kind that are known.
    pub(crate) fn names_of(&self, kind: Kind) -> BTreeSet<String> {
        self.objects.names_of(kind)
    }

    /// The names of the pods that are its controller.
    pub(crate) fn names_of_controllers(&self) -> BTreeSet<String> {
        self.controllers.clone()
    }

    /// Takes in a pod. Says whether MetalLB's controller runs now and did not before, or the other
    /// way round.
    fn put_pod(&mut self, pod: &Pod) -> bool {
        let is = |label: &str, value: &str| pod.labels().get(label).is_some_and(|it| it == value);
        let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
        let is_over = matches!(phase, Some("Succeeded" | "Failed"));
        let was_running = self.is_running();
        if is("app", "metallb") && is("component", "controller") && !is_over {
            self.controllers.insert(pod.name_any());
        } else {
            self.controllers.remove(&pod.name_any());
        }
        was_running != self.is_running()
    }

    /// What is to be told of what could not be carried over, each once.
    fn tell(&mut self, converted: &Converted) {
        let notes = converted
            .notes
            .iter()
            .filter(|it| it.scope == Scope::Meaning);
        let notes = notes.map(|it: &Note| {
            let text = format!("{}: {}; {}", it.field, it.message, it.instead);
            (it.source.clone(), text)
        });
        let mut told: BTreeSet<Told> = notes.collect();
        told.extend(faults(&converted.pools));
        told.extend(faults(&converted.l2_advertisements));
        told.extend(faults(&converted.bgp_advertisements));
        told.extend(faults(&converted.peers));
        told.extend(self.objects.unreadable().map(|(kind, name, fault)| {
            let source = Source {
                kind: kind.singular,
                namespace: String::new(),
                name: name.to_owned(),
            };
            (source, fault.to_string())
        }));
        self.untold
            .extend(told.difference(&self.known_notes).cloned());
        self.known_notes = told;
    }
}

/// Whether both name one object. All are of one namespace, which one that cannot be read may not say.
fn is_same(one: &Source, other: &Source) -> bool {
    (one.kind, &one.name) == (other.kind, &other.name)
}

/// The version by which an object of this kind is read.
pub(crate) fn version_of(kind: &str) -> Option<&'static str> {
    let mut kinds = KINDS.iter();
    Some(kinds.find(|it| it.singular == kind)?.version)
}

/// Why objects mean nothing here.
fn faults<O, P>(objects: &[Equal<O, P>]) -> impl Iterator<Item = Told> {
    let told = |it: &Equal<O, P>| {
        let (source, faults) = (it.source.clone(), it.meaning.as_ref().err());
        let texts = faults.into_iter().flatten().map(ToString::to_string);
        let texts: Vec<_> = texts.collect();
        texts.into_iter().map(move |text| (source.clone(), text))
    };
    objects.iter().flat_map(told)
}

impl State {
    /// Takes in an object of MetalLB's.
    pub(crate) fn put_metallb(&mut self, kind: Kind, name: String, value: &Value, now: Instant) {
        if self.metallb.objects.put(kind, name, value) {
            self.convert(now);
        }
    }

    /// Forgets an object of MetalLB's.
    pub(crate) fn remove_metallb(&mut self, kind: Kind, name: &str, now: Instant) {
        if self.metallb.objects.remove(kind, name) {
            self.convert(now);
        }
    }

    /// Takes in a pod of MetalLB's namespace.
    pub(crate) fn put_metallb_pod(&mut self, pod: &Pod, now: Instant) {
        if self.metallb.put_pod(pod) {
            self.convert(now);
        }
    }

    /// Forgets a pod of MetalLB's namespace.
    pub(crate) fn remove_metallb_pod(&mut self, name: &str, now: Instant) {
        let was_running = self.metallb.is_running();
        self.metallb.controllers.remove(name);
        if was_running != self.metallb.is_running() {
            self.convert(now);
        }
    }

    /// Finds out anew what MetalLB's objects mean. All at once: some name others. Until somebody asks
    /// it waits, for the first lists are still coming.
    pub(crate) fn convert(&mut self, now: Instant) {
        if !self.metallb.is_asked {
            return;
        }
        let converted = self.metallb.objects.converted();
        self.metallb.tell(&converted);
        let before = std::mem::take(&mut self.metallb.pools);
        for equal in &converted.pools {
            let name = equal.source.name.clone();
            let labels = equal.metadata.labels.clone().unwrap_or_default();
            let is_it = |it: &Source| it.kind == "IPAddressPool" && it.name == name;
            let notes = self.metallb.notes(is_it);
            self.metallb.pools.insert(name, TheirPool { labels, notes });
        }
        for input in self.metallb_pools(&converted) {
            let name = input.name.clone();
            self.allocator.put_pool(input, now);
            if before.get(&*name) != self.metallb.pools.get(&*name) {
                self.allocator.touch_services_of(&name);
            }
        }
        for name in before.keys() {
            if !self.metallb.pools.contains_key(name) && !self.pools.contains_key(name) {
                self.allocator.remove_pool(name, now);
            }
        }
        self.convert_advertisements(&converted);
    }

    /// What the allocator is to know of MetalLB's pools. One of ours that has the same name is known
    /// in its place. While MetalLB's own controller runs they give nothing new, for it would not
    /// know.
    fn metallb_pools(&self, converted: &Converted) -> Vec<PoolInput> {
        let pools = converted.pools.iter();
        let pools = pools.filter(|it| !self.pools.contains_key(&it.source.name));
        let input = |name: &str, meaning: Option<&Pool>, metadata| PoolInput {
            name: name.into(),
            created: created(metadata),
            spec: meaning.map(|pool| {
                let mut spec = spec(pool, metadata.annotations.as_ref());
                if self.metallb.is_running() {
                    spec.allocation = Allocation::Closed;
                }
                spec
            }),
            was_conflicting: false,
            former: Vec::new(),
        };
        pools
            .map(|it| input(&it.source.name, it.meaning.as_ref().ok(), &it.metadata))
            .collect()
    }

    fn convert_advertisements(&mut self, converted: &Converted) {
        // Ours may name its pools and its routers.
        self.touch_bgp();
        let l2 = converted.l2_advertisements.iter().map(|it| {
            let rule = it.meaning.as_ref().ok();
            let is_it = |other: &Source| is_same(other, &it.source);
            let notes = self.metallb.notes(is_it);
            let rule = rule.map(|it| Advertisement::of_metallb(&it.pools, &it.services, notes));
            (Protocol::MetalLbL2, it.source.name.clone(), rule)
        });
        let bgp = converted.bgp_advertisements.iter().map(|it| {
            let rule = it.meaning.as_ref().ok();
            // It may go to each of the peers.
            let is_part = |other: &Source| {
                matches!(other.kind, "BGPPeer" | "BFDProfile" | "Community")
                    || is_same(other, &it.source)
            };
            let notes = self.metallb.notes(is_part);
            let rule = rule.map(|it| Advertisement::of_metallb_bgp(it, notes));
            (Protocol::MetalLbBgp, it.source.name.clone(), rule)
        });
        let now: Vec<_> = l2.chain(bgp).collect();
        for protocol in [Protocol::MetalLbL2, Protocol::MetalLbBgp] {
            for name in self.names_of(protocol) {
                if !now
                    .iter()
                    .any(|(it, other, _)| *it == protocol && *other == name)
                {
                    self.put_advertisement((protocol, name), None);
                }
            }
        }
        for (protocol, name, rule) in now {
            self.put_advertisement((protocol, name), rule.as_ref());
        }
    }
}
