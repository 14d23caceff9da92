//! TargetGroupBindings (elbv2.k8s.aws/v1beta1): by them the AWS Load Balancer Controller registers targets. What
//! it leaves of them does nothing while it does not run, and would register targets again if it did.

use std::collections::BTreeSet;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};
use landfall_provider_api::ServiceName;
use landfall_watch::{Foreign, Health};
use tokio::sync::watch;

/// Labels that name the Service that one was made for.
const NAMESPACE: &str = "service.k8s.aws/stack-namespace";
const NAME: &str = "service.k8s.aws/stack-name";

/// The Services that have some.
pub(crate) type Bound = BTreeSet<ServiceName>;

/// The Services that these were made for.
fn bound<'a>(bindings: impl IntoIterator<Item = &'a DynamicObject>) -> Bound {
    let of = |binding: &DynamicObject| {
        let label = |name: &str| binding.labels().get(name).cloned();
        Some(ServiceName {
            namespace: label(NAMESPACE)?,
            name: label(NAME)?,
        })
    };
    bindings.into_iter().filter_map(of).collect()
}

/// Keeps up with them, for ever.
pub(super) async fn follow(client: Client, health: Health, has_some: &watch::Sender<Bound>) {
    let kind = GroupVersionKind::gvk("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding");
    let resource = ApiResource::from_gvk_with_plural(&kind, "targetgroupbindings");
    let all = Foreign::new(client, None, resource, "TargetGroupBindings", health);
    all.show(|objects| {
        let now = bound(objects.iter().map(AsRef::as_ref));
        has_some.send_if_modified(|it| {
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
            bound(&[
                bound_to("k8s-1", Some("web")),
                bound_to("k8s-2", Some(second)),
                bound_to("own", None),
            ])
        };
        assert_eq!(of("web"), [service("web")].into());
        assert_eq!(of("api"), [service("api"), service("web")].into());
    }
}
