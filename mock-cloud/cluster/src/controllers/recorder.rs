//! Events that this crate's controllers write about objects.

use serde_json::json;

use crate::names;
use crate::patch::Operation;
use crate::registry::{self, Target, WriteOptions};
use crate::resource::Kind;
use crate::store::{Key, Object, Store};

/// Writes one Event. Nobody waits for it, so a refusal is only logged.
pub(super) fn record(
    store: &Store,
    component: &str,
    about: &Object,
    kind: &str,
    reason: &str,
    message: &str,
) {
    let now = registry::now();
    let namespace = match about.namespace() {
        "" => "default",
        namespace => namespace,
    };
    let name = format!("{}.{}", about.name(), names::random_suffix(14));
    let event = json!({
        "metadata": { "name": name },
        "involvedObject": {
            "kind": about.value["kind"],
            "apiVersion": about.value["apiVersion"],
            "namespace": about.namespace(),
            "name": about.name(),
            "uid": about.uid(),
            "resourceVersion": about.revision.to_string(),
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": { "component": component },
        "reportingComponent": component,
        "reportingInstance": "",
    });
    let target = Target::new(Kind::Event.resource(), Key::new(namespace, ""));
    let options = WriteOptions::internal(component);
    if let Err(error) = registry::create(store, &target, event, Operation::Update, &options) {
        tracing::debug!(%error, reason, "an event was not written");
    }
}
