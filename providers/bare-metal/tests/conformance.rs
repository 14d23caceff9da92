//! The suite that every provider passes, on a mock cluster with a pool.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::{AddressPool, AddressPoolSpec};
use landfall_mock_cluster::Cluster;
use landfall_provider_api::conformance::{self, Subject, Trouble};
use landfall_provider_api::{ClusterId, Node, Provider};
use landfall_provider_bare_metal::BareMetal;
use landfall_watch::Health;
use serde_json::json;

const POOL: &str = "pool";

struct World {
    client: Client,
}

impl World {
    async fn start() -> Self {
        let client = Cluster::new().client();
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        for crd in crds() {
            definitions
                .create(&PostParams::default(), &crd)
                .await
                .unwrap();
        }
        let spec = AddressPoolSpec {
            addresses: vec!["192.0.2.0/28".into()],
            reuse_after: "0s".into(),
            ..AddressPoolSpec::default()
        };
        let pool = AddressPool::new(POOL, spec);
        let pools = Api::<AddressPool>::all(client.clone());
        pools.create(&PostParams::default(), &pool).await.unwrap();
        Self { client }
    }

    /// Makes the pool as small as what is assigned of it, and waits until that is known.
    async fn fill(&self) {
        let pools = Api::<AddressPool>::all(self.client.clone());
        let patch = Patch::Merge(json!({"spec": {"addresses": ["192.0.2.0"]}}));
        pools
            .patch(POOL, &PatchParams::default(), &patch)
            .await
            .unwrap();
        loop {
            let status = pools.get(POOL).await.unwrap().status;
            if status.is_some_and(|it| it.ipv4.is_some_and(|it| it.total == 1)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Subject for World {
    fn provider(&self, cluster: &ClusterId) -> Box<dyn Provider> {
        let (client, cluster) = (self.client.clone(), cluster.clone());
        Box::new(BareMetal::new(client, cluster, Health::default()))
    }

    fn nodes(&self) -> Vec<Node> {
        Vec::new()
    }

    fn provoke(&self, trouble: Trouble) -> BoxFuture<'_, bool> {
        async move {
            let can = trouble == Trouble::Full;
            if can {
                self.fill().await;
            }
            can
        }
        .boxed()
    }
}

#[tokio::test]
async fn the_bare_metal_provider_does_what_every_provider_must() {
    conformance::inside(World::start).await;
}
