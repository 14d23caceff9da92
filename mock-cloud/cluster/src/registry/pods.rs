//! Pods and pod templates: defaults and the few rules that matter to those who schedule and
//! serve them. Volumes, security contexts and resources are taken as they are.

use serde_json::{Value, json};

use super::{Intent, Target, WriteOptions, Written, now, update};
use crate::answer::{ApiError, FieldError};
use crate::names;
use crate::resource::Subresource;
use crate::store::Store;

const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

/// Defaults of a Pod.
pub(super) fn default(pod: &mut Value) {
    default_spec(&mut pod["spec"]);
}

/// Defaults of the spec of a Pod or a template.
pub(super) fn default_spec(spec: &mut Value) {
    if !spec.is_object() {
        *spec = json!({});
    }
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("securityContext", json!({})),
    ] {
        set(spec, field, value);
    }
    for list in CONTAINERS {
        let Some(containers) = spec.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        for container in containers {
            default_container(container);
        }
    }
}

fn default_container(container: &mut Value) {
    let latest = container["image"].as_str().is_some_and(|image| {
        !image
            .rsplit('/')
            .next()
            .unwrap_or(image)
            .contains([':', '@'])
            || image.ends_with(":latest")
    });
    let policy = if latest { "Always" } else { "IfNotPresent" };
    for (field, value) in [
        ("imagePullPolicy", json!(policy)),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("resources", json!({})),
    ] {
        set(container, field, value);
    }
    if let Some(ports) = container.get_mut("ports").and_then(Value::as_array_mut) {
        for port in ports {
            set(port, "protocol", json!("TCP"));
        }
    }
}

fn set(object: &mut Value, field: &str, value: Value) {
    let present = &mut object[field];
    if present.is_null() || *present == "" {
        *present = value;
    }
}

/// Puts a Pod on a node, and says so in its conditions.
pub(crate) fn bind(
    store: &Store,
    target: &Target,
    node: &str,
    options: &WriteOptions,
) -> Result<Written, ApiError> {
    let change = |pod: &mut Value| {
        pod["spec"]["nodeName"] = json!(node);
        set_condition(pod, "PodScheduled", "True", None);
    };
    let target = target.clone().through(Subresource::Binding);
    update(store, &target, Intent::Change(&change), options)
}

/// Sets a condition of an object; its transition time moves only when its status does.
pub(crate) fn set_condition(
    object: &mut Value,
    kind: &str,
    status: &str,
    why: Option<(&str, &str)>,
) {
    let conditions = &mut object["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else {
        return;
    };
    let before = list
        .iter()
        .find(|one| one["type"] == kind && one["status"] == status);
    let since = before.map_or_else(|| json!(now()), |one| one["lastTransitionTime"].clone());
    let mut condition = json!({ "type": kind, "status": status, "lastTransitionTime": since });
    if let Some((reason, message)) = why {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    list.retain(|one| one["type"] != kind);
    list.push(condition);
}

/// Every fault of a Pod.
pub(super) fn validate(pod: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = validate_spec(&pod["spec"], "spec");
    if let Some(old) = old
        && mutable_removed(&pod["spec"]) != mutable_removed(&old["spec"])
    {
        faults.push(FieldError::forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        ));
    }
    faults
}

/// Every fault of the spec of a Pod or a template.
pub(super) fn validate_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if spec["containers"].as_array().is_none_or(Vec::is_empty) {
        faults.push(FieldError::required(format!("{path}.containers"), ""));
    }
    let mut seen = Vec::new();
    for list in CONTAINERS {
        for (index, container) in spec[list].as_array().into_iter().flatten().enumerate() {
            let at = format!("{path}.{list}[{index}]");
            let name = container["name"].as_str().unwrap_or_default();
            if name.is_empty() {
                faults.push(FieldError::required(format!("{at}.name"), ""));
            } else if let Some(fault) = names::label_fault(name) {
                faults.push(FieldError::invalid(format!("{at}.name"), name, fault));
            } else if seen.contains(&name) {
                faults.push(FieldError::duplicate(format!("{at}.name"), name));
            }
            seen.push(name);
            if container["image"].as_str().unwrap_or_default().is_empty() {
                faults.push(FieldError::required(format!("{at}.image"), ""));
            }
            container_ports(container, &at, &mut faults);
        }
    }
    let policy = spec["restartPolicy"].as_str().unwrap_or_default();
    let policies = ["Always", "Never", "OnFailure"];
    if !policies.contains(&policy) {
        let field = format!("{path}.restartPolicy");
        faults.push(FieldError::not_supported(field, policy, &policies));
    }
    faults
}

fn container_ports(container: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let ports = container["ports"].as_array();
    for (index, port) in ports.into_iter().flatten().enumerate() {
        let number = port["containerPort"].as_i64().unwrap_or_default();
        if !(1..=65535).contains(&number) {
            faults.push(FieldError::invalid(
                format!("{path}.ports[{index}].containerPort"),
                number,
                "must be between 1 and 65535, inclusive",
            ));
        }
        if let Some(name) = port["name"].as_str()
            && let Some(fault) = names::port_name_fault(name)
        {
            faults.push(FieldError::invalid(
                format!("{path}.ports[{index}].name"),
                name,
                fault,
            ));
        }
    }
}

/// A spec without the fields that may change.
fn mutable_removed(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        for field in [
            "activeDeadlineSeconds",
            "tolerations",
            "terminationGracePeriodSeconds",
        ] {
            fields.remove(field);
        }
        for list in CONTAINERS {
            let containers = fields.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    container.remove("image");
                }
            }
        }
    }
    spec
}
