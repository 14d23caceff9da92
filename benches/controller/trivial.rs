//! The trivial client: makes the writes that the controller makes, with as many hands, and nothing
//! else. It decides nothing and remembers nothing.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource};
use serde_json::{Value, json};

use crate::cloud::{Cloud, TOKEN};
use crate::cluster::{Cluster, object};

/// As many as the controller's `--concurrency`.
const HANDS: usize = 32;
/// A class that no controller here has.
const CLASS: &str = "example.com/trivial";
const FINALIZER: &str = "example.com/trivial";

pub struct TrivialClient {
    services: Api<Service>,
    events: Api<Event>,
    http: reqwest::Client,
    cloud: String,
}

impl TrivialClient {
    pub fn new(cluster: &Cluster, cloud: &Cloud) -> Self {
        Self {
            cloud: cloud.url.clone(),
            ..Self::without_cloud(cluster)
        }
    }

    /// One that counts addresses up.
    pub fn without_cloud(cluster: &Cluster) -> Self {
        Self {
            services: cluster.services.clone(),
            events: Api::namespaced(cluster.client.clone(), "bench"),
            http: reqwest::Client::new(),
            cloud: String::new(),
        }
    }

    /// Reads all Services, and writes what each needs.
    pub async fn provide_all(&self) {
        let services = self.services.list(&ListParams::default()).await.unwrap();
        stream::iter(services.items)
            .for_each_concurrent(HANDS, async |service| {
                self.provide(&service).await;
                self.tell(&service).await;
            })
            .await;
    }

    /// The same without a cloud: one write for each, and one event.
    pub async fn assign_all(&self) {
        let services = self.services.list(&ListParams::default()).await.unwrap();
        let first = u32::from(Ipv4Addr::new(10, 64, 0, 0));
        stream::iter((first..).zip(services.items))
            .for_each_concurrent(HANDS, async |(address, service)| {
                self.assign(&service, Ipv4Addr::from(address)).await;
                self.tell(&service).await;
            })
            .await;
    }

    /// Finalizer, address and conditions at once.
    async fn assign(&self, service: &Service, address: Ipv4Addr) {
        let uid = service.metadata.uid.as_deref().unwrap();
        let ports = json!([{"port": 80, "protocol": "TCP"}]);
        let conditions = [
            ("Provisioned", true),
            ("Serving", false),
            ("Announced", false),
        ];
        let conditions = conditions.map(|(kind, holds)| condition(kind, holds));
        let patch = json!({
            "metadata": {"uid": uid, "finalizers": [FINALIZER]},
            "status": {
                "loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP", "ports": ports}]},
                "conditions": conditions,
            },
        });
        self.patch(service, patch).await;
    }

    /// From the answer to a create to the answer to the status.
    pub async fn provide_one(&self, cluster: &mut Cluster) -> Duration {
        let service = cluster.create_next_of(CLASS).await;
        let start = Instant::now();
        self.provide(&service).await;
        start.elapsed()
    }

    /// Finalizer and condition; the load balancer; address and conditions.
    async fn provide(&self, service: &Service) {
        let uid = service.metadata.uid.as_deref().unwrap();
        let claim = json!({
            "metadata": {"uid": uid, "finalizers": [FINALIZER]},
            "status": {"conditions": [condition("Provisioned", false)]},
        });
        self.patch(service, claim).await;
        let address = self.put(service, uid).await;
        let ports = json!([{"port": 80, "protocol": "TCP"}]);
        let ingress = json!([{"ip": address, "ipMode": "Proxy", "ports": ports}]);
        let publish = json!({
            "metadata": {"uid": uid},
            "status": {
                "loadBalancer": {"ingress": ingress},
                "conditions": [condition("Provisioned", true), condition("Serving", true)],
            },
        });
        self.patch(service, publish).await;
    }

    async fn tell(&self, service: &Service) {
        let event = json!({
            "metadata": {"generateName": "trivial-"},
            "eventTime": format!("{:.6}", Timestamp::now()),
            "reportingController": "trivial", "reportingInstance": "trivial",
            "action": "Sync", "reason": "EnsuredLoadBalancer", "type": "Normal",
            "note": "the load balancer is there",
            "regarding": service.object_ref(&()),
        });
        let parameters = PostParams::default();
        self.events
            .create(&parameters, &object(event))
            .await
            .unwrap();
    }

    async fn patch(&self, service: &Service, patch: Value) {
        let name = service.metadata.name.as_deref().unwrap();
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(patch));
        let patched = self.services.patch_status(name, &parameters, &patch);
        patched.await.unwrap();
    }

    async fn put(&self, service: &Service, uid: &str) -> String {
        let port = &service.spec.as_ref().unwrap().ports.as_ref().unwrap()[0];
        let target = |index: usize| {
            json!({"name": format!("node-{index}"), "address": format!("10.0.0.{}", index + 1),
                "port": port.node_port})
        };
        let targets: Vec<_> = (0..3).map(target).collect();
        let listeners = json!([{"protocol": "TCP", "port": port.port, "targets": targets}]);
        let tags = json!({"cluster": "bench", "service": uid, "name": service.metadata.name});
        let request = self
            .http
            .put(format!("{}/v1/load-balancers/trivial.{uid}", self.cloud))
            .bearer_auth(TOKEN)
            .json(&json!({"tags": tags, "listeners": listeners}));
        let text = request.send().await.unwrap().text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let address = body["addresses"][0].as_str();
        address.unwrap_or_else(|| panic!("{text}")).to_owned()
    }
}

fn condition(kind: &str, holds: bool) -> Value {
    json!({
        "type": format!("example.com/{kind}"), "status": if holds { "True" } else { "False" },
        "reason": "Trivial", "message": "written by the trivial client",
        "lastTransitionTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}
