//! The tags by which what a cluster owns in a provider is found again. Every part of a load
//! balancer carries them all; the words are the same in every provider.

use crate::{ClusterId, LoadBalancerId, ServiceName};

/// [`ClusterId::name`].
pub const CLUSTER_NAME: &str = "landfall.dev/cluster-name";
/// [`ClusterId::uid`].
pub const CLUSTER_UID: &str = "landfall.dev/cluster-uid";
/// UID of the Service.
pub const SERVICE_UID: &str = "landfall.dev/service-uid";
/// Namespace of the Service.
pub const SERVICE_NAMESPACE: &str = "landfall.dev/service-namespace";
/// Name of the Service.
pub const SERVICE_NAME: &str = "landfall.dev/service-name";

/// The tags of everything that belongs to this cluster.
pub fn of_cluster(cluster: &ClusterId) -> [(&'static str, String); 2] {
    [
        (CLUSTER_NAME, cluster.name.clone()),
        (CLUSTER_UID, cluster.uid.clone()),
    ]
}

/// The tags of everything that belongs to this load balancer.
pub fn of_load_balancer(id: &LoadBalancerId, service: &ServiceName) -> [(&'static str, String); 5] {
    let [name, uid] = of_cluster(&id.cluster);
    [
        name,
        uid,
        (SERVICE_UID, id.service_uid.clone()),
        (SERVICE_NAMESPACE, service.namespace.clone()),
        (SERVICE_NAME, service.name.clone()),
    ]
}

/// The load balancer that tags name, if they name one of this cluster. Both the cluster's name
/// and its UID must match.
pub fn load_balancer<'a>(
    cluster: &ClusterId,
    tag: impl Fn(&str) -> Option<&'a str>,
) -> Option<LoadBalancerId> {
    let ours = tag(CLUSTER_NAME) == Some(&cluster.name) && tag(CLUSTER_UID) == Some(&cluster.uid);
    let service_uid = tag(SERVICE_UID).filter(|_| ours)?;
    Some(LoadBalancerId {
        cluster: cluster.clone(),
        service_uid: service_uid.to_owned(),
    })
}

/// The Service that tags name.
pub fn service<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<ServiceName> {
    Some(ServiceName {
        namespace: tag(SERVICE_NAMESPACE)?.to_owned(),
        name: tag(SERVICE_NAME)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_both_name_and_uid_make_a_thing_ours() {
        let cluster = ClusterId {
            name: "demo".into(),
            uid: "c1".into(),
        };
        let found = |name, uid| {
            load_balancer(&cluster, |key| match key {
                CLUSTER_NAME => Some(name),
                CLUSTER_UID => Some(uid),
                SERVICE_UID => Some("s1"),
                _ => None,
            })
        };
        assert_eq!(found("demo", "c1").unwrap().service_uid, "s1");
        assert_eq!(found("demo", "c2"), None);
        assert_eq!(found("other", "c1"), None);
    }
}
