//! Who a load balancer belongs to. Never a name alone: names come back, UIDs do not.

use std::fmt;

/// A cluster: its configured name and the UID of its namespace `kube-system`.
///
/// Two clusters that were given one name differ in the UID, so neither touches what the other owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterId {
    /// `clusterName` of the configuration.
    pub name: String,
    /// `metadata.uid` of the namespace `kube-system`.
    pub uid: String,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.uid)
    }
}

/// What one Service is given, identified by cluster and Service UID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoadBalancerId {
    /// The cluster that the Service lives in.
    pub cluster: ClusterId,
    /// `metadata.uid` of the Service.
    pub service_uid: String,
}

impl fmt::Display for LoadBalancerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.service_uid)
    }
}

/// `metadata.namespace` and `metadata.name` of a Service: how people call it, and how the queue
/// keys it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceName {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
