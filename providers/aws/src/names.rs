//! Names and tags of what we make. A name derives from what it names, so that a creation which is
//! repeated meets what it made before; whose something is, its tags alone decide.

use landfall_provider_api::{ClusterId, LoadBalancerId, ServiceName, tags};
use ring::digest::{SHA256, digest};

use crate::calls::{Tagged, Tags};

/// Tag: which part of a load balancer it is; one of [`Part`].
pub(crate) const PART: &str = "landfall.dev/part";

/// Tag of a target group that another controller has made: the port of the Service whose it is. Of ours, it
/// is the group's own.
pub(crate) const PORT: &str = "landfall.dev/port";

/// What we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// A load balancer.
    Balancer,
    /// A target group.
    Group,
    /// A listener.
    Listener,
    /// The security group that lets clients in.
    Front,
    /// The security group that all load balancers of the cluster have in common.
    Shared,
    /// A rule in a security group of nodes, for load balancers that have none.
    Way,
}

impl Part {
    /// As the tag says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Balancer => "load-balancer",
            Self::Group => "target-group",
            Self::Listener => "listener",
            Self::Front => "frontend-security-group",
            Self::Shared => "shared-security-group",
            Self::Way => "way-to-targets",
        }
    }
}

/// How the names of everything begin that a cluster of this name has made, whatever its UID.
pub(crate) fn prefix(cluster_name: &str) -> String {
    format!("lf-{}-", hash(&[cluster_name], 6))
}

/// The name of a part: at most 32 letters, digits and hyphens. `of` is what would have to change
/// for it to be another.
pub(crate) fn name(id: &LoadBalancerId, part: Part, of: &[&str]) -> String {
    let service = hash(&[&id.cluster.name, &id.cluster.uid, &id.service_uid], 10);
    let mut what = vec![part.as_str()];
    what.extend(of);
    format!("{}{service}-{}", prefix(&id.cluster.name), hash(&what, 8))
}

/// The name of the security group that all load balancers of the cluster have in common.
pub(crate) fn shared(cluster: &ClusterId) -> String {
    let cluster_hash = hash(&[&cluster.name, &cluster.uid], 10);
    format!("{}{cluster_hash}-shared", prefix(&cluster.name))
}

/// So many hexadecimal digits that stand for these texts, in this order.
fn hash(texts: &[&str], digits: usize) -> String {
    let mut bytes = Vec::new();
    for text in texts {
        // The length first: what is divided otherwise is another thing.
        bytes.extend(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    let hash = digest(&SHA256, &bytes);
    let hex = hash.as_ref().iter().map(|it| format!("{it:02x}"));
    let mut hex: String = hex.collect();
    hex.truncate(digits);
    hex
}

/// Tags of a part of a load balancer, without those that the Service gives.
pub(crate) fn tags_of(id: &LoadBalancerId, service: &ServiceName, part: Part) -> Tags {
    let ours = tags::of_load_balancer(id, service);
    let ours = ours.into_iter().map(|(key, value)| (key.to_owned(), value));
    let part = (PART.to_owned(), part.as_str().to_owned());
    ours.chain([part]).collect()
}

/// Tags of what the whole cluster shares.
pub(crate) fn tags_of_cluster(cluster: &ClusterId, part: Part) -> Tags {
    let ours = tags::of_cluster(cluster).into_iter();
    let ours = ours.map(|(key, value)| (key.to_owned(), value));
    let part = (PART.to_owned(), part.as_str().to_owned());
    ours.chain([part]).collect()
}

/// The load balancer that tags name, if it is one of this cluster.
pub(crate) fn id_of(cluster: &ClusterId, of: &Tags) -> Option<LoadBalancerId> {
    tags::load_balancer(cluster, |key| of.get(key).map(String::as_str))
}

/// The Service that tags name.
pub(crate) fn service_of(of: &Tags) -> Option<ServiceName> {
    tags::service(|key| of.get(key).map(String::as_str))
}

/// UID of another cluster of our name whose it is by its tags.
pub(crate) fn foreign<'a>(cluster: &ClusterId, of: &'a Tags) -> Option<&'a str> {
    let is_of_name = of.get(tags::CLUSTER_NAME) == Some(&cluster.name);
    let uid = of.get(tags::CLUSTER_UID).filter(|_| is_of_name)?;
    (*uid != cluster.uid).then_some(uid)
}

/// Whether it is what the tag [`PART`] says.
pub(crate) fn is(of: &Tags, part: Part) -> bool {
    of.get(PART).is_some_and(|it| it == part.as_str())
}

/// By ARN.
pub(crate) fn by_arn(tagged: Vec<Tagged>) -> std::collections::HashMap<crate::calls::Arn, Tags> {
    tagged.into_iter().map(|it| (it.arn, it.tags)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str, uid: &str) -> LoadBalancerId {
        LoadBalancerId {
            cluster: ClusterId {
                name: name.into(),
                uid: uid.into(),
            },
            service_uid: "5f0c7a52-1111-2222-3333-444455556666".into(),
        }
    }

    #[test]
    fn names_are_such_as_aws_takes_and_differ_with_what_they_name() {
        let (one, other) = (id("demo", "c1"), id("demo", "c2"));
        let names = [
            name(&one, Part::Balancer, &["internal"]),
            name(&one, Part::Balancer, &["internet-facing"]),
            name(&one, Part::Group, &["internal"]),
            name(&one, Part::Group, &["in", "ternal"]),
            name(&other, Part::Balancer, &["internal"]),
            shared(&one.cluster),
            shared(&other.cluster),
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 32, "{name}");
            assert!(name.starts_with(&prefix("demo")), "{name}");
            assert!(
                name.bytes()
                    .all(|it| it.is_ascii_alphanumeric() || it == b'-')
            );
            assert!(!names[..index].contains(name), "{name} stands for two");
        }
        assert_eq!(names[0], name(&one, Part::Balancer, &["internal"]));
        assert_ne!(prefix("demo"), prefix("other"));
    }
}
