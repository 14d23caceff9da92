//! The scheduler: a Pod without a node gets the Ready, schedulable node with the fewest Pods.
//! It knows taints and node selectors, and nothing of resources or affinity.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Controller, Scope, recorder};
use crate::registry::{self, Intent, Target, WriteOptions};
use crate::resource::{Kind, Subresource};
use crate::selector::map_matches;
use crate::store::{Change, Event, Key, Object, Store};

const NAME: &str = "default-scheduler";

pub(super) struct Scheduler {
    store: Arc<Store>,
    /// Pods to place.
    pending: BTreeSet<Key>,
    /// Pods that no node can take at present, and what was said about that.
    waiting: BTreeMap<Key, String>,
    pods_by_node: HashMap<String, usize>,
    /// Pods that were counted when they were bound, before their event came.
    counted: BTreeSet<Key>,
}

impl Controller for Scheduler {
    const SCOPE: Scope = Scope::Only(&[Kind::Node, Kind::Pod]);
    const SETTLE: Duration = Duration::ZERO;

    fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            pending: BTreeSet::new(),
            waiting: BTreeMap::new(),
            pods_by_node: HashMap::new(),
            counted: BTreeSet::new(),
        }
    }

    fn observe(&mut self, event: &Event) {
        if event.object.value["kind"] == "Node" {
            if event
                .previous
                .as_ref()
                .is_none_or(|before| offer(&before.value) != offer(&event.object.value))
            {
                self.pending.extend(self.waiting.keys().cloned());
            }
            return;
        }
        let key = event.object.key();
        if let Some(node) = event.previous.as_deref().and_then(node_of)
            && let Some(count) = self.pods_by_node.get_mut(node)
        {
            *count = count.saturating_sub(1);
        }
        if event.change == Change::Deleted {
            self.pending.remove(&key);
            self.waiting.remove(&key);
        } else if let Some(node) = node_of(&event.object) {
            if !self.counted.remove(&key) {
                *self.pods_by_node.entry(node.to_owned()).or_default() += 1;
            }
            self.pending.remove(&key);
            self.waiting.remove(&key);
        } else if !self.waiting.contains_key(&key) {
            self.pending.insert(key);
        }
    }

    fn act(&mut self) -> bool {
        let Some(key) = self.pending.pop_first() else {
            return false;
        };
        self.place(&key);
        true
    }
}

fn node_of(pod: &Object) -> Option<&str> {
    pod.value["spec"]["nodeName"]
        .as_str()
        .filter(|node| !node.is_empty())
}

/// What about a node decides whether it can take a Pod.
fn offer(node: &Value) -> (bool, &Value, &Value, &Value) {
    (
        is_ready(node),
        &node["spec"]["unschedulable"],
        &node["spec"]["taints"],
        &node["metadata"]["labels"],
    )
}

fn is_ready(node: &Value) -> bool {
    node["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

impl Scheduler {
    fn place(&mut self, key: &Key) {
        let (pod, nodes) = {
            let state = self.store.lock();
            let Some(pod) = state.get(Kind::Pod, key).cloned() else {
                return;
            };
            let nodes: Vec<Arc<Object>> = state.list(Kind::Node, None).cloned().collect();
            (pod, nodes)
        };
        let ours = pod.value["spec"]["schedulerName"] == NAME;
        if node_of(&pod).is_some() || pod.terminating() || !ours {
            return;
        }
        let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
        let mut best: Option<(usize, &str)> = None;
        for node in &nodes {
            if let Some(why) = refusal(&pod.value, &node.value) {
                *refusals.entry(why).or_default() += 1;
                continue;
            }
            let load = self.pods_by_node.get(node.name()).copied().unwrap_or(0);
            if best.is_none_or(|(least, _)| load < least) {
                best = Some((load, node.name()));
            }
        }
        match best {
            Some((_, node)) => self.bind(&pod, node),
            None => self.leave_waiting(&pod, nodes.len(), &refusals),
        }
    }

    fn bind(&mut self, pod: &Object, node: &str) {
        let target = Target::new(Kind::Pod.resource(), pod.key());
        let options = WriteOptions::internal(NAME);
        match registry::bind(&self.store, &target, node, &options) {
            Ok(_) => {
                // Counted now: the next Pod of this round is placed before the event comes.
                *self.pods_by_node.entry(node.to_owned()).or_default() += 1;
                self.counted.insert(pod.key());
                self.waiting.remove(&pod.key());
                let message = format!(
                    "Successfully assigned {}/{} to {node}",
                    pod.namespace(),
                    pod.name()
                );
                recorder::record(&self.store, NAME, pod, "Normal", "Scheduled", &message);
            }
            Err(error) => tracing::debug!(pod = pod.name(), %error, "not bound"),
        }
    }

    fn leave_waiting(&mut self, pod: &Object, nodes: usize, refusals: &BTreeMap<&str, usize>) {
        let message = if nodes == 0 {
            "no nodes available to schedule pods".to_owned()
        } else {
            let reasons: Vec<String> = refusals
                .iter()
                .map(|(why, count)| format!("{count} node(s) {why}"))
                .collect();
            format!("0/{nodes} nodes are available: {}.", reasons.join(", "))
        };
        let said = self.waiting.insert(pod.key(), message.clone());
        if said.as_ref() == Some(&message) {
            return;
        }
        let change = |object: &mut Value| {
            registry::set_condition(
                object,
                "PodScheduled",
                "False",
                Some(("Unschedulable", &message)),
            );
        };
        let target = Target::new(Kind::Pod.resource(), pod.key()).through(Subresource::Status);
        let options = WriteOptions::internal(NAME);
        if let Err(error) =
            registry::update(&self.store, &target, Intent::Change(&change), &options)
        {
            tracing::debug!(pod = pod.name(), %error, "its condition was not written");
        }
        recorder::record(
            &self.store,
            NAME,
            pod,
            "Warning",
            "FailedScheduling",
            &message,
        );
    }
}

/// Why a node cannot take a Pod.
fn refusal(pod: &Value, node: &Value) -> Option<&'static str> {
    if node["spec"]["unschedulable"] == true {
        return Some("were unschedulable");
    }
    if !is_ready(node) {
        return Some("were not ready");
    }
    let taints = node["spec"]["taints"].as_array();
    if taints
        .into_iter()
        .flatten()
        .any(|taint| taint["effect"] != "PreferNoSchedule" && !tolerated(pod, taint))
    {
        return Some("had untolerated taint(s)");
    }
    let selector: BTreeMap<String, String> = pod["spec"]["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    (!map_matches(&selector, &node["metadata"]["labels"]))
        .then_some("didn't match Pod's node affinity/selector")
}

fn tolerated(pod: &Value, taint: &Value) -> bool {
    let tolerations = pod["spec"]["tolerations"].as_array();
    tolerations.into_iter().flatten().any(|toleration| {
        let any_key = toleration["key"].as_str().unwrap_or_default().is_empty();
        let any_effect = toleration["effect"].as_str().unwrap_or_default().is_empty();
        let exists = toleration["operator"] == "Exists";
        (any_key && exists || toleration["key"] == taint["key"])
            && (any_effect || toleration["effect"] == taint["effect"])
            && (exists
                || toleration["value"].as_str().unwrap_or_default()
                    == taint["value"].as_str().unwrap_or_default())
    })
}
