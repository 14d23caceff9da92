//! What a pod says of the readiness gate by which it waits for the load balancer of one Service, and the
//! patch that answers it. Pure.

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use landfall_provider_api::Finding;
use serde_json::{Value, json};

/// How the types of our readiness gates begin; the name of the Service follows.
const GATE: &str = "target-health.landfall.dev/";

/// The `conditionType` of the gate by which a pod waits for the load balancer of a Service.
pub(super) fn gate(service: &str) -> String {
    format!("{GATE}{service}")
}

/// A pod, as far as one gate is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// There is no such pod, or it is about to end.
    Gone,
    /// It does not have the gate. Gates never change.
    Plain,
    /// It has.
    Gated(Gated),
}

/// A pod that has the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gated {
    /// `metadata.resourceVersion`, by which versions are comparable (KEP-5504); else 0.
    pub(super) version: u128,
    /// Whether its condition `ContainersReady` is True.
    pub(super) containers_ready: bool,
    /// What the gate's condition says now.
    pub(super) present: Option<Condition>,
}

/// A condition but for its type and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// `status`.
    pub(super) status: String,
    /// `reason`.
    pub(super) reason: String,
    /// `message`.
    pub(super) message: String,
}

impl Seen {
    /// What this pod says, if it is the one with this UID.
    pub(super) fn of(pod: &Pod, uid: &str, gate: &str) -> Self {
        let metadata = &pod.metadata;
        if metadata.uid.as_deref() != Some(uid) || metadata.deletion_timestamp.is_some() {
            return Self::Gone;
        }
        let spec = pod.spec.as_ref();
        let mut gates = spec.into_iter().flat_map(|it| it.readiness_gates.iter());
        if !gates.any(|it| it.iter().any(|it| it.condition_type == gate)) {
            return Self::Plain;
        }
        let condition = |type_: &str| {
            let conditions = pod.status.as_ref()?.conditions.as_ref()?;
            conditions.iter().find(|it| it.type_ == type_)
        };
        let version = metadata.resource_version.as_deref();
        Self::Gated(Gated {
            version: version.and_then(|it| it.parse().ok()).unwrap_or_default(),
            containers_ready: condition("ContainersReady").is_some_and(|it| it.status == "True"),
            present: condition(gate).map(Condition::of),
        })
    }
}

impl Condition {
    fn of(condition: &PodCondition) -> Self {
        Self {
            status: condition.status.clone(),
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
        }
    }

    /// What the condition is to say, given what the provider has found of the pod. As long as it has
    /// found nothing, True stays: a controller that starts anew takes nothing back.
    pub(super) fn wanted(gated: &Gated, found: Option<&Finding>) -> Self {
        let (holds, reason, message) = match found {
            _ if !gated.containers_ready => {
                let why =
                    "its containers are not ready, so the load balancer is not asked about it yet";
                (false, "NotRegistered", why)
            }
            None => {
                let present = gated.present.as_ref();
                if let Some(present) = present.filter(|it| it.status == "True") {
                    return present.clone();
                }
                let why = "it is about to be registered at the load balancer";
                (false, "Registering", why)
            }
            Some(found) => (found.holds, found.reason, found.message.as_str()),
        };
        Self {
            status: if holds { "True" } else { "False" }.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    /// The strategic merge patch of `pods/status` that has it say this, of the pod with this UID and no
    /// other. `lastTransitionTime` moves only with `status`; left out, it stays.
    pub(super) fn patch(
        &self,
        uid: &str,
        gate: &str,
        before: Option<&Self>,
        at: Timestamp,
    ) -> Value {
        let mut condition = json!({
            "type": gate,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
        });
        if before.is_none_or(|it| it.status != self.status) {
            condition["lastTransitionTime"] = json!(Time(at));
        }
        json!({"metadata": {"uid": uid}, "status": {"conditions": [condition]}})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(gates: &[&str], conditions: &Value) -> Pod {
        let gates: Vec<_> = gates
            .iter()
            .map(|it| json!({"conditionType": it}))
            .collect();
        let pod = json!({
            "metadata": {"name": "web-1", "uid": "u1", "resourceVersion": "7"},
            "spec": {"containers": [], "readinessGates": gates},
            "status": {"conditions": conditions},
        });
        serde_json::from_value(pod).unwrap()
    }

    const WEB: &str = "target-health.landfall.dev/web";

    #[test]
    fn a_pod_waits_by_the_gate_that_names_the_service_and_by_no_other() {
        let of = |pod: &Pod| Seen::of(pod, "u1", &gate("web"));
        let others = ["target-health.landfall.dev/api", "example.com/web"];
        assert_eq!(of(&pod(&[], &json!([]))), Seen::Plain);
        assert_eq!(of(&pod(&others, &json!([]))), Seen::Plain);
        let conditions = json!([
            {"type": "ContainersReady", "status": "True"},
            {"type": WEB, "status": "False", "reason": "Registering", "message": "soon"},
        ]);
        let gated = pod(&[others[0], WEB], &conditions);
        let expected = Gated {
            version: 7,
            containers_ready: true,
            present: Some(Condition {
                status: "False".into(),
                reason: "Registering".into(),
                message: "soon".into(),
            }),
        };
        assert_eq!(of(&gated), Seen::Gated(expected));
        assert_eq!(Seen::of(&gated, "u2", WEB), Seen::Gone, "it is another pod");
        let mut ending = gated;
        ending.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(of(&ending), Seen::Gone);
        let starting = pod(
            &[WEB],
            &json!([{"type": "ContainersReady", "status": "False"}]),
        );
        let Seen::Gated(starting) = of(&starting) else {
            panic!("it has the gate")
        };
        assert!(!starting.containers_ready && starting.present.is_none());
    }

    #[test]
    fn the_condition_says_what_was_found_of_a_pod_whose_containers_are_ready() {
        let found = Finding {
            holds: true,
            reason: "TargetHealthy",
            message: "it is well".into(),
        };
        let mut gated = Gated {
            version: 1,
            containers_ready: true,
            present: None,
        };
        let says = |gated: &Gated, found| {
            let Condition { status, reason, .. } = Condition::wanted(gated, found);
            format!("{status} {reason}")
        };
        assert_eq!(says(&gated, Some(&found)), "True TargetHealthy");
        assert_eq!(says(&gated, None), "False Registering");
        gated.present = Some(Condition::wanted(&gated, None));
        assert_eq!(says(&gated, None), "False Registering");
        // It was True when the controller started.
        gated.present = Some(Condition::wanted(&gated, Some(&found)));
        assert_eq!(says(&gated, None), "True TargetHealthy");
        gated.containers_ready = false;
        assert_eq!(says(&gated, None), "False NotRegistered");
        assert_eq!(says(&gated, Some(&found)), "False NotRegistered");
    }

    #[test]
    fn the_time_of_a_condition_moves_only_with_its_status() {
        let say = |status: &str, reason: &str| Condition {
            status: status.into(),
            reason: reason.into(),
            message: "so".into(),
        };
        let patch =
            |wanted: &Condition, before| wanted.patch("u1", WEB, before, Timestamp::UNIX_EPOCH);
        let first = patch(&say("False", "Registering"), None);
        assert_eq!(
            first,
            json!({
                "metadata": {"uid": "u1"},
                "status": {"conditions": [{
                    "type": WEB, "status": "False", "reason": "Registering", "message": "so",
                    "lastTransitionTime": "1970-01-01T00:00:00Z",
                }]},
            })
        );
        let timed =
            |patch: &Value| patch["status"]["conditions"][0]["lastTransitionTime"].is_string();
        let before = say("False", "Registering");
        assert!(!timed(&patch(
            &say("False", "TargetUnhealthy"),
            Some(&before)
        )));
        assert!(timed(&patch(&say("True", "TargetHealthy"), Some(&before))));
    }
}
