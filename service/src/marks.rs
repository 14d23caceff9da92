//! The marks by which a Service is known to be ours, and the few facts of its metadata that
//! decisions need.

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use landfall_provider_api::{ClusterId, LoadBalancerId, ServiceName};

/// Keeps a Service until its load balancer is released (KEP-980). Other implementations use the
/// same name, so alone it proves nothing.
pub const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// Our condition; whoever has it is ours. Written in one patch with the finalizer.
pub const PROVISIONED: &str = "landfall.dev/Provisioned";

/// Reason of [`PROVISIONED`] on a Service that we released while another implementation claims it.
pub(crate) const HANDED_OVER: &str = "HandedOver";

/// `metadata.uid`; empty on an object that no API server has stored.
pub fn uid_of(service: &Service) -> &str {
    service.metadata.uid.as_deref().unwrap_or_default()
}

/// `metadata.namespace` and `metadata.name`.
pub fn name_of(service: &Service) -> ServiceName {
    ServiceName {
        namespace: service.metadata.namespace.clone().unwrap_or_default(),
        name: service.metadata.name.clone().unwrap_or_default(),
    }
}

/// The load balancer of a Service.
pub fn load_balancer_id(service: &Service, cluster: &ClusterId) -> LoadBalancerId {
    LoadBalancerId {
        cluster: cluster.clone(),
        service_uid: uid_of(service).to_owned(),
    }
}

pub(crate) fn is_load_balancer(service: &Service) -> bool {
    service.spec.as_ref().and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

pub(crate) fn has_finalizer(service: &Service) -> bool {
    service
        .metadata
        .finalizers
        .iter()
        .flatten()
        .any(|name| name == FINALIZER)
}

pub(crate) fn our_condition(service: &Service) -> Option<&v1::Condition> {
    let status = service.status.as_ref()?;
    status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == PROVISIONED)
}

pub(crate) fn is_handed_over(service: &Service) -> bool {
    our_condition(service).is_some_and(|condition| condition.reason == HANDED_OVER)
}
