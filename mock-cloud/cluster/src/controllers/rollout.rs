//! What a Deployment needs next, as a pure function of it and its Pods: Pods to make, Pods to
//! remove, and its status. New Pods are all made first; an old one goes when a new one is ready.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::registry::now;
use crate::store::Object;

/// The label by which Pods of one template are told from those of another.
pub(super) const HASH_LABEL: &str = "pod-template-hash";

/// What to do for one Deployment.
pub(super) struct Rollout {
    /// How many Pods to make.
    pub(super) create: usize,
    /// Which Pods to remove.
    pub(super) delete: Vec<Arc<Object>>,
    /// Its status.
    pub(super) status: Value,
}

impl Rollout {
    /// Decides it.
    pub(super) fn plan(deployment: &Value, pods: &[Arc<Object>]) -> Self {
        let spec = &deployment["spec"];
        let desired = count(&spec["replicas"]);
        let hash = template_hash(&spec["template"]);
        let active: Vec<&Arc<Object>> = pods.iter().filter(|pod| is_active(pod)).collect();
        let (mut current, mut old): (Vec<_>, Vec<_>) = active
            .iter()
            .copied()
            .partition(|pod| pod.value["metadata"]["labels"][HASH_LABEL] == hash.as_str());
        for list in [&mut current, &mut old] {
            // Those that are worth least go first.
            list.sort_by_key(|pod| (is_ready(&pod.value), std::cmp::Reverse(pod.revision)));
        }
        let ready = current.iter().filter(|pod| is_ready(&pod.value)).count();
        let excess = current.len().saturating_sub(desired);
        let recreate = spec["strategy"]["type"] == "Recreate";
        let old_to_keep = if recreate {
            0
        } else {
            desired.saturating_sub(ready)
        };
        let old_to_drop = old.len().saturating_sub(old_to_keep);
        let delete = current
            .iter()
            .take(excess)
            .chain(old.iter().take(old_to_drop))
            .map(|pod| Arc::clone(pod))
            .collect();
        let old_still_there = pods
            .iter()
            .any(|pod| pod.value["metadata"]["labels"][HASH_LABEL] != hash.as_str());
        let create = if recreate && old_still_there {
            0
        } else {
            desired.saturating_sub(current.len())
        };
        Self {
            create,
            delete,
            status: status(deployment, desired, &active, current.len()),
        }
    }
}

fn count(value: &Value) -> usize {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or_default()
}

fn is_active(pod: &Object) -> bool {
    !pod.terminating()
        && !matches!(
            pod.value["status"]["phase"].as_str(),
            Some("Succeeded" | "Failed")
        )
}

/// Whether a Pod's Ready condition is true.
pub(super) fn is_ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// FNV-1a of the template, in letters that spell no word.
pub(super) fn template_hash(template: &Value) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in template.to_string().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let mut text = String::new();
    for _ in 0..10 {
        let index = usize::try_from(hash % 27).expect("less than 27");
        text.push(char::from(ALPHABET[index]));
        hash /= 27;
    }
    text
}

fn status(deployment: &Value, desired: usize, active: &[&Arc<Object>], updated: usize) -> Value {
    let ready = active.iter().filter(|pod| is_ready(&pod.value)).count();
    let unavailable = desired.saturating_sub(ready);
    let mut status = json!({ "observedGeneration": deployment["metadata"]["generation"] });
    for (field, number) in [
        ("replicas", active.len()),
        ("updatedReplicas", updated),
        ("readyReplicas", ready),
        ("availableReplicas", ready),
        ("unavailableReplicas", unavailable),
    ] {
        // Go's omitempty.
        if number > 0 {
            status[field] = json!(number);
        }
    }
    let tolerated = max_unavailable(deployment, desired);
    let available = if ready + tolerated >= desired {
        (
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        )
    } else {
        (
            "False",
            "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.",
        )
    };
    let complete = updated == desired && active.len() == desired && ready >= desired;
    let progressing = if complete {
        (
            "True",
            "NewReplicaSetAvailable",
            "All pods run the present template.",
        )
    } else {
        (
            "True",
            "ReplicaSetUpdated",
            "Pods are being replaced or are not ready yet.",
        )
    };
    status["conditions"] = json!([
        condition(deployment, "Available", available),
        condition(deployment, "Progressing", progressing),
    ]);
    status
}

/// A condition that keeps its times while it says the same.
fn condition(
    deployment: &Value,
    kind: &str,
    (status, reason, message): (&str, &str, &str),
) -> Value {
    let before = deployment["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == kind);
    let same_status = before.filter(|before| before["status"] == status);
    if let Some(before) = same_status.filter(|before| before["reason"] == reason) {
        return before.clone();
    }
    let now = now();
    let since = same_status.map_or(json!(now), |before| before["lastTransitionTime"].clone());
    json!({
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
    })
}

/// `maxUnavailable`, a number or a percentage rounded down; never all of one.
fn max_unavailable(deployment: &Value, desired: usize) -> usize {
    match &deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::String(text) => {
            let percent: usize = text.trim_end_matches('%').parse().unwrap_or(25);
            desired * percent / 100
        }
        number => count(number),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{HASH_LABEL, Rollout, template_hash};
    use crate::store::Object;

    fn deployment(replicas: u32, strategy: &str) -> Value {
        json!({
            "metadata": { "generation": 1 },
            "spec": { "replicas": replicas, "template": { "spec": {} }, "strategy": { "type": strategy } },
        })
    }

    fn pod(hash: &str, ready: bool) -> Arc<Object> {
        let status = if ready { "True" } else { "False" };
        Arc::new(Object::new(
            json!({
                "metadata": { "labels": { HASH_LABEL: hash } },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": status }] },
            }),
            1,
            Arc::default(),
        ))
    }

    fn step(strategy: &str, current: &[bool], old: &[bool]) -> (usize, usize) {
        let deployment = deployment(3, strategy);
        let hash = template_hash(&deployment["spec"]["template"]);
        let pods: Vec<_> = current
            .iter()
            .map(|ready| pod(&hash, *ready))
            .chain(old.iter().map(|ready| pod("old", *ready)))
            .collect();
        let rollout = Rollout::plan(&deployment, &pods);
        (rollout.create, rollout.delete.len())
    }

    #[test]
    fn new_ones_first_then_the_old_ones_go() {
        let rolling = "RollingUpdate";
        for (current, old, expected) in [
            (&[][..], &[][..], (3, 0)),
            (&[true, true, true], &[], (0, 0)),
            (&[true, true, true, false], &[], (0, 1)),
            (&[], &[true, true, true], (3, 0)),
            (&[false, false, false], &[true, true, true], (0, 0)),
            (&[true, false, false], &[true, true, true], (0, 1)),
            (&[true, true, true], &[true, true], (0, 2)),
        ] {
            assert_eq!(step(rolling, current, old), expected, "{current:?} {old:?}");
        }
        assert_eq!(step("Recreate", &[], &[true, true, true]), (0, 3));
    }
}
