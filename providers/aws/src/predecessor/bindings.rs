//! TargetGroupBindings (elbv2.k8s.aws/v1beta1): by them the AWS Load Balancer Controller registers targets. What
//! it leaves of them does nothing while it does not run, and would register targets again if it did.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use landfall_provider_api::ServiceName;
use landfall_watch::{Foreign, Health};
use serde_json::Value;
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

    /// One is there now. Tells whether that is news.
    fn put(&mut self, key: String, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |name: &str| labels[name].as_str().map(str::to_owned);
        let service = label(NAMESPACE).zip(label(NAME));
        let Some((namespace, name)) = service else {
            return self.services.remove(&key).is_some();
        };
        let service = ServiceName { namespace, name };
        self.services.insert(key, service.clone()) != Some(service)
    }
}

/// Keeps up with them, for ever.
pub(super) async fn follow(client: Client, health: Health, bindings: &watch::Sender<Bindings>) {
    let kind = GroupVersionKind::gvk("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding");
    let resource = ApiResource::from_gvk_with_plural(&kind, "targetgroupbindings");
    let all = Foreign::new(client, None, resource, "TargetGroupBindings", health);
    let read = watch::Sender::default();
    all.follow(
        &read,
        |key, object| {
            bindings.send_if_modified(|it| it.put(key, object));
        },
        |key| {
            bindings.send_if_modified(|it| it.services.remove(key).is_some());
        },
        || bindings.borrow().services.keys().cloned().collect(),
    )
    .await;
}

/// The commands by which those of a Service go and what they have registered stays.
pub(crate) fn removal(service: &ServiceName, names: &[String]) -> String {
    let namespace = &service.namespace;
    let each = names.iter().map(|it| format!("targetgroupbinding/{it}"));
    let each = each.collect::<Vec<_>>().join(" ");
    format!(
        "kubectl -n {namespace} patch {each} --type merge -p '{{\"metadata\":{{\"finalizers\":null}}}}' && \
         kubectl -n {namespace} delete {each}"
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

    fn bound_to(name: &str) -> Value {
        json!({"metadata": {"labels": {NAMESPACE: "shop", NAME: name}}})
    }

    #[test]
    fn bindings_are_known_by_the_service_that_their_labels_name() {
        let mut bindings = Bindings::default();
        assert!(bindings.put("shop/k8s-1".into(), &bound_to("web")));
        assert!(
            !bindings.put("shop/k8s-1".into(), &bound_to("web")),
            "no news"
        );
        assert!(bindings.put("shop/k8s-2".into(), &bound_to("web")));
        assert!(!bindings.put("shop/own".into(), &json!({"metadata": {}})));
        assert_eq!(bindings.of(&service("web")), ["k8s-1", "k8s-2"]);
        assert!(bindings.of(&service("api")).is_empty());
        let before = bindings.clone();
        bindings.put("shop/k8s-2".into(), &bound_to("api"));
        let concerned = bindings.differing(&before);
        assert_eq!(concerned, [service("api"), service("web")].into());
    }
}
