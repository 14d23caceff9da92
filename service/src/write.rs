//! What is written to a Service, as one strategic merge patch of its status sub-resource.
//!
//! Strategic, because it merges conditions by type and finalizers by name: what others wrote is
//! not even mentioned. The status sub-resource lets metadata through, so no right to change
//! Services is needed. UID and resourceVersion pin the object that the decision was made on; if
//! it has changed the API server answers 409.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::claim::Class;
use crate::marks::{
    CLASS, FINALIZER, HANDED_OVER, PROVISIONED, SERVING, annotation, condition_of, has_finalizer,
    is_handed_over, our_condition, our_conditions,
};
use crate::status::{Condition, Status, condition, present_ingress};

/// What to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Finalizer, annotation and condition: from here on it is ours, held by this class.
    Claim(Class),
    /// What the provider of this class answered, and what is missing of its marks.
    Publish(Class, Box<Status>),
    /// Everything of ours is released and another implementation claims it: the condition says
    /// so, and the finalizer is theirs.
    HandOver,
    /// Everything of ours is released: finalizer, annotation and conditions go, and the finalizer that a
    /// predecessor has left, whose load balancer was among it.
    LetGo(Option<&'static str>),
    /// What the Service was given by a predecessor is ours, so its finalizer goes.
    Succeed(&'static str),
}

/// The patch that does this write, at this time.
pub fn patch(service: &Service, write: &Write, now: Timestamp) -> Value {
    let mut patch = json!({
        "metadata": {
            "uid": service.metadata.uid,
            "resourceVersion": service.metadata.resource_version,
        },
    });
    let written = |type_, condition| written(service, type_, condition, now);
    match write {
        Write::Claim(class) => {
            mark(&mut patch, service, class);
            if our_condition(service).is_none() || is_handed_over(service) {
                let pending = "the load balancer is being made".to_owned();
                let pending = condition(service, "False", "Pending", pending);
                patch["status"]["conditions"] = json!([written(PROVISIONED, &pending)]);
            }
        }
        Write::Publish(class, status) => {
            mark(&mut patch, service, class);
            let mut conditions = vec![written(PROVISIONED, &status.provisioned)];
            conditions.extend(status.serving.as_ref().map(|it| written(SERVING, it)));
            let own = status.own.iter().flatten();
            conditions.extend(own.map(|it| written(it.type_, &it.condition)));
            conditions.extend(status.outlived(service).map(removed));
            patch["status"]["conditions"] = json!(conditions);
            if let Some(ingress) = &status.ingress {
                patch["status"]["loadBalancer"] = json!({ "ingress": ingress });
            }
        }
        Write::HandOver => {
            let message = "another implementation claims this Service; ours is released".to_owned();
            let over = condition(service, "False", HANDED_OVER, message);
            let mut conditions = vec![written(PROVISIONED, &over)];
            let others = our_conditions(service).filter(|type_| *type_ != PROVISIONED);
            conditions.extend(others.map(removed));
            patch["status"]["conditions"] = json!(conditions);
        }
        Write::Succeed(left) => {
            patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = json!([left]);
        }
        Write::LetGo(left) => {
            let ours = [FINALIZER].into_iter().chain(*left);
            patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = ours.collect();
            if annotation(service, CLASS).is_some() {
                patch["metadata"]["annotations"] = json!({ CLASS: null });
            }
            let conditions: Vec<_> = our_conditions(service).map(removed).collect();
            if !conditions.is_empty() {
                patch["status"]["conditions"] = json!(conditions);
            }
            // Somebody's finalizer may keep the Service, and the address may be another's by then.
            if !present_ingress(service).is_empty() {
                patch["status"]["loadBalancer"] = json!({ "ingress": null });
            }
        }
    }
    patch
}

/// Adds what is missing of the marks.
fn mark(patch: &mut Value, service: &Service, class: &Class) {
    if !has_finalizer(service) {
        patch["metadata"]["finalizers"] = json!([FINALIZER]);
    }
    if annotation(service, CLASS) != Some(class.as_str()) {
        patch["metadata"]["annotations"] = json!({ CLASS: class.as_str() });
    }
}

fn removed(type_: &str) -> Value {
    json!({"$patch": "delete", "type": type_})
}

/// `lastTransitionTime` moves only with `status`.
fn written(service: &Service, type_: &str, condition: &Condition, now: Timestamp) -> Value {
    let since = condition_of(service, type_)
        .filter(|present| present.status == condition.status)
        .map_or(now, |present| present.last_transition_time.0);
    let mut written = json!({
        "type": type_,
        "status": condition.status,
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

    fn class() -> Class {
        Class::new("example.com/a")
    }

    fn publish(status: &'static str) -> Write {
        let provisioned = Condition {
            status,
            reason: "Because",
            message: "so".into(),
            generation: None,
        };
        let status = Status {
            ingress: None,
            serving: Some(provisioned.clone()),
            own: None,
            provisioned,
        };
        Write::Publish(class(), Box::new(status))
    }

    fn ours() -> crate::testing::ServiceBuilder {
        service().marked(class().as_str())
    }

    #[test]
    fn every_write_is_pinned_to_the_object_it_was_decided_on() {
        let object: Service = ours().into();
        for write in [
            Write::Claim(class()),
            publish("True"),
            Write::HandOver,
            Write::LetGo(None),
            Write::Succeed("example.com/old"),
        ] {
            let patch = patch(&object, &write, at("2026-01-01T00:00:00Z"));
            assert_eq!(patch["metadata"]["uid"], "uid-1", "{write:?}");
            assert_eq!(patch["metadata"]["resourceVersion"], "7", "{write:?}");
            assert!(patch.get("spec").is_none(), "{write:?}");
        }
    }

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let object: Service = ours().into();
        let time = |write| {
            let patch = patch(&object, &write, at("2026-02-02T00:00:00Z"));
            patch["status"]["conditions"][0]["lastTransitionTime"].clone()
        };
        assert_eq!(time(publish("False")), "2026-01-01T00:00:00Z");
        assert_eq!(time(publish("True")), "2026-02-02T00:00:00Z");
    }

    #[test]
    fn a_stripped_finalizer_is_put_back_and_the_condition_left_alone() {
        let object: Service = ours().without_finalizer().into();
        let patch = patch(&object, &Write::Claim(class()), at("2026-02-02T00:00:00Z"));
        assert_eq!(patch["metadata"]["finalizers"], json!([FINALIZER]));
        assert!(patch.get("status").is_none());
    }

    #[test]
    fn letting_go_takes_the_address_back() {
        let object: Service = ours().ingress(&json!([{"ip": "192.0.2.1"}])).into();
        let patch = patch(&object, &Write::LetGo(None), at("2026-02-02T00:00:00Z"));
        assert_eq!(patch["status"]["loadBalancer"], json!({"ingress": null}));
    }

    #[test]
    fn of_the_finalizers_of_others_only_a_predecessors_goes() {
        let object: Service = ours().into();
        let removed = |write| {
            let patch = patch(&object, &write, at("2026-02-02T00:00:00Z"));
            patch["metadata"]["$deleteFromPrimitiveList/finalizers"].clone()
        };
        let left = "example.com/old";
        assert_eq!(removed(Write::Succeed(left)), json!([left]));
        assert_eq!(removed(Write::LetGo(Some(left))), json!([FINALIZER, left]));
        assert_eq!(removed(publish("True")), json!(null));
    }

    #[test]
    fn letting_go_removes_finalizer_and_condition_and_nothing_else() {
        let object: Service = ours().serving("True", "Serving", "").into();
        insta::assert_json_snapshot!(
            patch(&object, &Write::LetGo(None), at("2026-02-02T00:00:00Z")),
            @r#"
        {
          "metadata": {
            "$deleteFromPrimitiveList/finalizers": [
              "service.kubernetes.io/load-balancer-cleanup"
            ],
            "annotations": {
              "landfall.dev/load-balancer-class": null
            },
            "resourceVersion": "7",
            "uid": "uid-1"
          },
          "status": {
            "conditions": [
              {
                "$patch": "delete",
                "type": "landfall.dev/Provisioned"
              },
              {
                "$patch": "delete",
                "type": "landfall.dev/Serving"
              }
            ]
          }
        }
        "#
        );
    }
}
