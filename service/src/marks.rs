//! The marks by which a Service is known to be ours, and the few facts of its metadata that
//! decisions need.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use landfall_provider_api::{ClusterId, LoadBalancerId, ServiceName};

/// Keeps a Service until its load balancer is released (KEP-980). Other implementations use the
/// same name, so alone it proves nothing.
pub const FINALIZER: &str = "service.kubernetes.io/load-balancer-cleanup";

/// How the types of all our conditions begin, those of providers included.
pub(crate) const CONDITIONS: &str = "landfall.dev/";

/// Our condition; whoever has it is ours. Written in one patch with the finalizer.
pub const PROVISIONED: &str = "landfall.dev/Provisioned";

/// Whether traffic gets through: our second condition, beside [`PROVISIONED`].
pub const SERVING: &str = "landfall.dev/Serving";

/// Annotation: the class of the provider that the finalizer and the condition stand for. Written
/// with them, so that two Landfalls with different classes in one cluster leave each other's
/// Services alone.
pub const CLASS: &str = "landfall.dev/load-balancer-class";

/// Reason of [`PROVISIONED`] on a Service that we released while another implementation claims it.
pub(crate) const HANDED_OVER: &str = "HandedOver";

/// Whose marks a Service bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// Nobody's.
    None,
    /// A Landfall's that has a provider of this class.
    Class(&'a str),
    /// A Landfall's; which, somebody has removed.
    Unnamed,
}

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

/// `metadata.creationTimestamp`; the beginning of time on an object that no API server has stored.
pub fn created(service: &Service) -> SystemTime {
    let created = service.metadata.creation_timestamp.as_ref();
    let seconds = created.and_then(|time| u64::try_from(time.0.as_second()).ok());
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unwrap_or_default())
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
    has_finalizer_named(service, FINALIZER)
}

pub(crate) fn has_finalizer_named(service: &Service, name: &str) -> bool {
    let mut finalizers = service.metadata.finalizers.iter().flatten();
    finalizers.any(|it| it == name)
}

pub(crate) fn mark_of(service: &Service) -> Mark<'_> {
    if our_condition(service).is_none() {
        return Mark::None;
    }
    annotation(service, CLASS).map_or(Mark::Unnamed, Mark::Class)
}

/// Whether finalizer, annotation and condition say that it is held for this class.
pub(crate) fn is_marked_for(service: &Service, class: &str) -> bool {
    has_finalizer(service) && mark_of(service) == Mark::Class(class) && !is_handed_over(service)
}

pub(crate) fn annotation<'a>(service: &'a Service, name: &str) -> Option<&'a str> {
    let annotations = service.metadata.annotations.as_ref()?;
    annotations.get(name).map(String::as_str)
}

pub(crate) fn our_condition(service: &Service) -> Option<&v1::Condition> {
    condition_of(service, PROVISIONED)
}

pub(crate) fn condition_of<'a>(service: &'a Service, type_: &str) -> Option<&'a v1::Condition> {
    let status = service.status.as_ref()?;
    let mut conditions = status.conditions.iter().flatten();
    conditions.find(|condition| condition.type_ == type_)
}

/// The types of our conditions that it bears, those of providers included.
pub(crate) fn our_conditions(service: &Service) -> impl Iterator<Item = &str> {
    let conditions = service.status.iter().flat_map(|it| it.conditions.iter());
    let types = conditions.flatten().map(|it| it.type_.as_str());
    types.filter(|type_| type_.starts_with(CONDITIONS))
}

/// Whether it says that its load balancer is as it should be.
pub fn is_provisioned(service: &Service) -> bool {
    our_condition(service).is_some_and(|condition| condition.status == "True")
}

pub(crate) fn is_handed_over(service: &Service) -> bool {
    our_condition(service).is_some_and(|condition| condition.reason == HANDED_OVER)
}
