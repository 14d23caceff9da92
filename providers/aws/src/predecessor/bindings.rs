//! TargetGroupBindings (elbv2.k8s.aws/v1beta1): by them the AWS Load Balancer Controller registers targets. What
//! it leaves of them does nothing while it does not run, and would register targets again if it did.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};
use landfall_provider_api::ServiceName;
use landfall_watch::{Foreign, Health};
use tokio::sync::watch;

/// Labels that name the Service that one was made for.
const NAMESPACE: &str = "service.k8s.aws/stack-namespace";
const NAME: &str = "service.k8s.aws/stack-name";

/// Those that were made for Services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bindings {
    /// `namespace/name` of each, and its Service.
    services: BTreeMap<String, ServiceName>,
}

impl Bindings {
    /// Names of those of a Service, which are in its namespace.
    pub(crate) fn of(&self, service: &ServiceName) -> Vec<String> {
        let of = self.services.iter().filter(|(_, it)| *it == service);
        let names = of.filter_map(|(key, _)| key.split_once('/'));
        names.map(|(_, name)| name.to_owned()).collect()
    }

    /// Services that have others than before.
    pub(crate) fn differing(&self, before: &Self) -> BTreeSet<ServiceName> {
        let lacks = |one: &Self, other: &Self| {
            let lacking = one.services.iter();
            let lacking = lacking.filter(|(key, it)| other.services.get(*key) != Some(*it));
            lacking.map(|(_, it)| it.clone()).collect::<Vec<_>>()
        };
        let both = [lacks(self, before), lacks(before, self)];
        both.into_iter().flatten().collect()
    }

    /// Of these objects.
    fn of_objects<'a>(objects: impl IntoIterator<Item = &'a DynamicObject>) -> Self {
        let of = |object: &DynamicObject| {
            let label = |name: &str| object.labels().get(name).cloned();
            let service = ServiceName {
                namespace: label(NAMESPACE)?,
                name: label(NAME)?,
            };
            let key = format!("{}/{}", object.namespace()?, object.name_any());
            Some((key, service))
        };
        Self {
            services: objects.into_iter().filter_map(of).collect(),
        }
    }
}

/// Keeps up with them, for ever.
pub(super) async fn follow(client: Client, health: Health, bindings: &watch::Sender<Bindings>) {
    let kind = GroupVersionKind::gvk("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding");
    let resource = ApiResource::from_gvk_with_plural(&kind, "targetgroupbindings");
    let all = Foreign::new(client, None, resource, "TargetGroupBindings", health);
    all.show(|objects| {
        let now = Bindings::of_objects(objects.iter().map(AsRef::as_ref));
        bindings.send_if_modified(|it| {
            let is_news = *it != now;
            *it = now;
            is_news
        });
    })
    .await;
}

/// The commands by which those of a Service go and what they have registered stays: without their finalizer nobody
/// deregisters it.
pub(crate) fn removal(service: &ServiceName) -> String {
    let ServiceName { namespace, name } = service;
    let those = format!("targetgroupbinding -l {NAMESPACE}={namespace},{NAME}={name}");
    format!(
        "kubectl -n {namespace} get {those} -o name | xargs kubectl -n {namespace} patch --type merge \
         -p '{{\"metadata\":{{\"finalizers\":null}}}}' && kubectl -n {namespace} delete {those}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(name: &str) -> ServiceName {
        ServiceName {
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn bound_to(binding: &str, service: Option<&str>) -> DynamicObject {
        let labels = service.map(|it| json!({NAMESPACE: "shop", NAME: it}));
        let object = json!({"metadata": {"namespace": "shop", "name": binding, "labels": labels}});
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn bindings_are_known_by_the_service_that_their_labels_name() {
        let of = |second| {
            let objects = [
                bound_to("k8s-1", Some("web")),
                bound_to("k8s-2", Some(second)),
                bound_to("own", None),
            ];
            Bindings::of_objects(&objects)
        };
        let (before, after) = (of("web"), of("api"));
        assert_eq!(before.of(&service("web")), ["k8s-1", "k8s-2"]);
        assert!(before.of(&service("api")).is_empty());
        let concerned = after.differing(&before);
        assert_eq!(concerned, [service("api"), service("web")].into());
        assert!(after.differing(&after).is_empty());
    }
}
