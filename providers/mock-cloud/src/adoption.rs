//! Which load balancers of another cluster become this one's. Pure.

use std::collections::{HashMap, HashSet};

use landfall_mock_cloud_wire::{LoadBalancer, LoadBalancerSpec};
use landfall_provider_api::{ClusterId, Error, ServiceName, Snapshot, tags};

use crate::cluster::tag_of;

/// A load balancer that is to be tagged anew, and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Adoption<'a> {
    pub(crate) item: &'a LoadBalancer,
    pub(crate) spec: LoadBalancerSpec,
}

/// What of all that bears the cluster's name is to be adopted. An error if something bears another
/// UID than the cluster's own and the one that it adopts.
///
/// A Service gets the one that was made for its namespace and name, unless it has one; what is
/// left over keeps the UID of its Service, which is gone, and the sweep sees to it. So this may be
/// cut off and done again.
pub(crate) fn plan<'a>(
    cluster: &ClusterId,
    items: &'a [LoadBalancer],
    snapshot: &Snapshot,
) -> Result<Vec<Adoption<'a>>, Error> {
    let uid = |item: &'a LoadBalancer| tag_of(item)(tags::CLUSTER_UID);
    let is_foreign = |item: &&LoadBalancer| uid_of(item).is_some_and(|uid| uid != cluster.uid);
    let foreign: Vec<_> = items.iter().filter(is_foreign).collect();
    let adopts = snapshot.adopts.as_deref();
    if let Some(uid) = foreign
        .iter()
        .find_map(|item| uid(item).filter(|it| Some(*it) != adopts))
    {
        return Err(Error::NameTaken {
            name: cluster.name.clone(),
            uid: uid.to_owned(),
        });
    }
    let held = snapshot.services.iter();
    let held: HashMap<&ServiceName, &str> = held
        .map(|it| (&it.service, it.id.service_uid.as_str()))
        .collect();
    let ours = items.iter().filter_map(|item| {
        let id = tags::load_balancer(cluster, tag_of(item))?;
        Some(id.service_uid)
    });
    let mut served: HashSet<String> = ours.collect();
    let adopt = |item: &'a LoadBalancer| {
        let mut spec = LoadBalancerSpec::from(item.clone());
        let mut tag = |key: &str, value: &str| spec.tags.insert(key.to_owned(), value.to_owned());
        tag(tags::CLUSTER_UID, &cluster.uid);
        let service = tags::service(tag_of(item));
        let service_uid = service.and_then(|service| held.get(&service).copied());
        if let Some(service_uid) = service_uid
            && served.insert(service_uid.to_owned())
        {
            tag(tags::SERVICE_UID, service_uid);
        }
        Adoption { item, spec }
    };
    Ok(foreign.into_iter().map(adopt).collect())
}

fn uid_of(item: &LoadBalancer) -> Option<&str> {
    tag_of(item)(tags::CLUSTER_UID)
}

#[cfg(test)]
mod tests {
    use landfall_provider_api::{Held, LoadBalancerId};
    use serde_json::json;

    use super::*;
    use std::time::SystemTime;

    fn cluster() -> ClusterId {
        ClusterId {
            name: "demo".into(),
            uid: "new".into(),
        }
    }

    /// A load balancer of a cluster with this UID, for a Service with this UID and name.
    fn item(id: &str, cluster: &str, uid: &str, name: &str) -> LoadBalancer {
        let item = json!({
            "id": id, "etag": "e", "requestedAddresses": [], "addresses": ["127.200.0.1"],
            "tags": {
                "landfall.dev/cluster-name": "demo", "landfall.dev/cluster-uid": cluster,
                "landfall.dev/service-uid": uid, "landfall.dev/service-namespace": "default",
                "landfall.dev/service-name": name,
            },
            "listeners": [{
                "protocol": "TCP", "port": 80, "status": {"state": "Listening"}, "targets": [],
            }],
        });
        serde_json::from_value(item).unwrap()
    }

    fn snapshot(adopts: Option<&str>, services: &[(&str, &str)]) -> Snapshot {
        let held = |(name, uid): &(&str, &str)| Held {
            id: LoadBalancerId {
                cluster: cluster(),
                service_uid: (*uid).to_owned(),
            },
            service: ServiceName {
                namespace: "default".into(),
                name: (*name).to_owned(),
            },
            created: SystemTime::UNIX_EPOCH,
            ours: true,
            ingress: Vec::new(),
            wanted: None,
        };
        Snapshot {
            services: services.iter().map(held).collect(),
            adopts: adopts.map(str::to_owned),
        }
    }

    /// Who gets what: id and UID of the Service.
    fn planned(items: &[LoadBalancer], snapshot: &Snapshot) -> Result<Vec<String>, String> {
        let adoptions = plan(&cluster(), items, snapshot).map_err(|error| match error {
            Error::NameTaken { uid, .. } => uid,
            other => panic!("{other}"),
        })?;
        let told = |Adoption { item, spec }: Adoption<'_>| {
            assert_eq!(spec.tags[tags::CLUSTER_UID], "new");
            let asked = LoadBalancerSpec::from(item.clone());
            assert_eq!(spec.listeners, asked.listeners, "only tags are others");
            format!("{} {}", item.id, spec.tags[tags::SERVICE_UID])
        };
        Ok(adoptions.into_iter().map(told).collect())
    }

    #[test]
    fn only_what_may_be_adopted_is_and_anything_else_is_refused() {
        let ours = item("a", "new", "s1", "web");
        let old = item("b", "old", "s2", "db");
        let third = item("c", "third", "s3", "mail");
        let refused = |uid: &str| Err(uid.to_owned());
        for (items, adopts, expected) in [
            (vec![], None, Ok(vec![])),
            (vec![ours.clone()], Some("old"), Ok(vec![])),
            (vec![ours.clone(), old.clone()], None, refused("old")),
            (vec![ours.clone(), old.clone()], Some("new"), refused("old")),
            (
                vec![ours, old.clone()],
                Some("old"),
                Ok(vec!["b s2".to_owned()]),
            ),
            (
                vec![old.clone(), third.clone()],
                Some("old"),
                refused("third"),
            ),
            (vec![old, third], Some("third"), refused("old")),
        ] {
            assert_eq!(planned(&items, &snapshot(adopts, &[])), expected);
        }
    }

    #[test]
    fn a_service_gets_the_one_of_its_name_unless_it_has_one() {
        let old = |id: &str, uid: &str, name: &str| item(id, "old", uid, name);
        let services = [("web", "n1"), ("db", "s2"), ("mail", "n3")];
        let items = [
            old("a", "s1", "web"),
            old("b", "s2", "db"),
            old("c", "s3", "mail"),
            old("d", "s4", "web"),
            old("e", "s5", "unheard-of"),
            item("f", "new", "n3", "mail"),
        ];
        let expected = ["a n1", "b s2", "c s3", "d s4", "e s5"].map(str::to_owned);
        let planned = planned(&items, &snapshot(Some("old"), &services));
        assert_eq!(planned, Ok(expected.to_vec()));
    }
}
