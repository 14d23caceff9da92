//! What is written to a Service, as one strategic merge patch of its status sub-resource.
//!
//! Strategic, because it merges conditions by type and finalizers by name: what others wrote is
//! not even mentioned. The status sub-resource lets metadata through, so no right to change
//! Services is needed. UID and resourceVersion pin the object that the decision was made on; if
//! it has changed the API server answers 409.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::marks::{
    FINALIZER, HANDED_OVER, PROVISIONED, has_finalizer, is_handed_over, our_condition,
};
use crate::status::{Condition, Status, condition, present_ingress, truth};

/// What to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Finalizer and condition: from here on it is ours.
    Claim,
    /// What a provider answered.
    Publish(Status),
    /// Everything of ours is released and another implementation claims it: the condition says
    /// so, and the finalizer is theirs.
    HandOver,
    /// Everything of ours is released: finalizer and condition go.
    LetGo,
}

/// The patch that does this write, at this time.
pub fn patch(service: &Service, write: &Write, now: Timestamp) -> Value {
    let mut patch = json!({
        "metadata": {
            "uid": service.metadata.uid,
            "resourceVersion": service.metadata.resource_version,
        },
    });
    match write {
        Write::Claim => {
            if !has_finalizer(service) {
                patch["metadata"]["finalizers"] = json!([FINALIZER]);
            }
            if our_condition(service).is_none() || is_handed_over(service) {
                let pending = "the load balancer is being made".to_owned();
                let pending = condition(service, false, "Pending", pending);
                patch["status"]["conditions"] = json!([written(service, &pending, now)]);
            }
        }
        Write::Publish(status) => {
            patch["status"]["conditions"] = json!([written(service, &status.condition, now)]);
            if let Some(ingress) = &status.ingress {
                patch["status"]["loadBalancer"] = json!({ "ingress": ingress });
            }
        }
        Write::HandOver => {
            let message = "another implementation claims this Service; ours is released".to_owned();
            let over = condition(service, false, HANDED_OVER, message);
            patch["status"]["conditions"] = json!([written(service, &over, now)]);
        }
        Write::LetGo => {
            patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = json!([FINALIZER]);
            patch["status"]["conditions"] = json!([{"$patch": "delete", "type": PROVISIONED}]);
            // Somebody's finalizer may keep the Service, and the address may be another's by then.
            if !present_ingress(service).is_empty() {
                patch["status"]["loadBalancer"] = json!({ "ingress": null });
            }
        }
    }
    patch
}

/// `lastTransitionTime` moves only with `status`.
fn written(service: &Service, condition: &Condition, now: Timestamp) -> Value {
    let status = truth(condition.holds);
    let since = our_condition(service)
        .filter(|present| present.status == status)
        .map_or(now, |present| present.last_transition_time.0);
    let mut written = json!({
        "type": PROVISIONED,
        "status": status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(since),
    });
    if let Some(generation) = condition.generation {
        written["observedGeneration"] = json!(generation);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::service;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn publish(holds: bool) -> Write {
        Write::Publish(Status {
            ingress: None,
            condition: Condition {
                holds,
                reason: "Because".into(),
                message: "so".into(),
                generation: None,
            },
        })
    }

    #[test]
    fn every_write_is_pinned_to_the_object_it_was_decided_on() {
        let object: Service = service().ours().into();
        for write in [Write::Claim, publish(true), Write::HandOver, Write::LetGo] {
            let patch = patch(&object, &write, at("2026-01-01T00:00:00Z"));
            assert_eq!(patch["metadata"]["uid"], "uid-1", "{write:?}");
            assert_eq!(patch["metadata"]["resourceVersion"], "7", "{write:?}");
            assert!(patch.get("spec").is_none(), "{write:?}");
        }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let object: Service = service().ours().into();
        let time = |write| {
            let patch = patch(&object, &write, at("2026-02-02T00:00:00Z"));
            patch["status"]["conditions"][0]["lastTransitionTime"].clone()
        };
        assert_eq!(time(publish(false)), "2026-01-01T00:00:00Z");
        assert_eq!(time(publish(true)), "2026-02-02T00:00:00Z");
    }

    #[test]
    fn a_stripped_finalizer_is_put_back_and_the_condition_left_alone() {
        let object: Service = service().ours().without_finalizer().into();
        let patch = patch(&object, &Write::Claim, at("2026-02-02T00:00:00Z"));
        assert_eq!(patch["metadata"]["finalizers"], json!([FINALIZER]));
        assert!(patch.get("status").is_none());
    }

    #[test]
    fn letting_go_takes_the_address_back() {
        let object: Service = service()
            .ours()
            .ingress(&json!([{"ip": "192.0.2.1"}]))
            .into();
        let patch = patch(&object, &Write::LetGo, at("2026-02-02T00:00:00Z"));
        assert_eq!(patch["status"]["loadBalancer"], json!({"ingress": null}));
    }

    #[test]
    fn letting_go_removes_finalizer_and_condition_and_nothing_else() {
        let object: Service = service().ours().into();
        insta::assert_json_snapshot!(
            patch(&object, &Write::LetGo, at("2026-02-02T00:00:00Z")),
            @r#"
        {
          "metadata": {
            "$deleteFromPrimitiveList/finalizers": [
              "service.kubernetes.io/load-balancer-cleanup"
            ],
            "resourceVersion": "7",
            "uid": "uid-1"
          },
          "status": {
            "conditions": [
              {
                "$patch": "delete",
                "type": "landfall.dev/Provisioned"
              }
            ]
          }
        }
        "#
        );
    }
}
