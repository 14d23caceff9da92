//! The trivial client: makes for one Service the calls that the controller makes, itself and one
//! after the other, so that what is left of the difference is the controller's.

use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Node, Service};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{World, address_in, answer, pause, service};

pub struct TrivialClient {
    services: Api<Service>,
    nodes: Vec<String>,
    http: reqwest::Client,
    cloud: String,
    token: String,
}

impl TrivialClient {
    pub async fn of(world: &World) -> Self {
        let nodes = Api::<Node>::all(world.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.unwrap().items;
        let address = |node: Node| {
            node.status
                .unwrap()
                .addresses
                .unwrap()
                .swap_remove(0)
                .address
        };
        let token = world.kubeconfig.with_file_name("mock-cloud.token");
        Self {
            services: world.services(),
            nodes: nodes.into_iter().map(address).collect(),
            http: reqwest::Client::new(),
            cloud: world.cloud.url.clone(),
            token: std::fs::read_to_string(token).unwrap(),
        }
    }

    /// Waits until the pods answer.
    pub async fn settle(&self) {
        let made = self.create("settle", None).await;
        let address = self.provided_by_controller(&made).await;
        answer(&address, 8080).await;
    }

    async fn create(&self, name: &str, class: Option<&str>) -> Service {
        let mut object = service(name);
        object["spec"]["selector"] = json!({"app": "hello"});
        object["spec"]["loadBalancerClass"] = json!(class);
        let object = serde_json::from_value(object).unwrap();
        self.services
            .create(&PostParams::default(), &object)
            .await
            .unwrap()
    }

    /// From the answer to a create to the first byte through the load balancer that the
    /// controller made.
    pub async fn watch_controller(&self, _: &World, turn: usize) -> Duration {
        let made = self.create(&format!("ours-{turn}"), None).await;
        let start = Instant::now();
        let address = self.provided_by_controller(&made).await;
        first_byte(&address).await;
        start.elapsed()
    }

    async fn provided_by_controller(&self, made: &Service) -> String {
        let name = made.metadata.name.as_deref().unwrap();
        let version = made.metadata.resource_version.as_deref().unwrap();
        let parameters = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = self
            .services
            .watch(&parameters, version)
            .await
            .unwrap()
            .boxed();
        while let Some(event) = events.next().await {
            if let WatchEvent::Modified(service) = event.unwrap()
                && let Some(address) = address_in(&serde_json::to_value(service).unwrap())
            {
                return address.to_owned();
            }
        }
        panic!("the watch ended before {name} had its address");
    }

    /// The same by our own calls, for a Service that no controller claims.
    pub async fn provide(&self, turn: usize) -> Duration {
        let made = self
            .create(&format!("trivial-{turn}"), Some("example.com/trivial"))
            .await;
        let start = Instant::now();
        let address = self.calls(&made).await;
        first_byte(&address).await;
        start.elapsed()
    }

    /// Create and calls, without traffic.
    pub async fn provide_only(&self, turn: usize) {
        let made = self
            .create(&format!("trivial-{turn}"), Some("example.com/trivial"))
            .await;
        self.calls(&made).await;
    }

    /// Finalizer, load balancer, status.
    async fn calls(&self, service: &Service) -> String {
        let name = service.metadata.name.as_deref().unwrap();
        let finalizer = json!({"metadata": {"finalizers": ["example.com/trivial"]}});
        self.patch(name, finalizer).await;
        let address = self.put(service).await;
        let ingress = json!([{"ip": address, "ipMode": "Proxy"}]);
        self.patch(
            name,
            json!({"status": {"loadBalancer": {"ingress": ingress}}}),
        )
        .await;
        address
    }

    async fn patch(&self, name: &str, patch: Value) {
        let patch = Patch::Strategic(patch);
        self.services
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    async fn put(&self, service: &Service) -> String {
        let port = &service.spec.as_ref().unwrap().ports.as_ref().unwrap()[0];
        let target = |node: &String| json!({"name": node, "address": node, "port": port.node_port});
        let targets: Vec<_> = self.nodes.iter().map(target).collect();
        let listeners = json!([{"protocol": "TCP", "port": port.port, "targets": targets}]);
        let uid = service.metadata.uid.as_deref().unwrap();
        let answer = self
            .http
            .put(format!("{}/v1/load-balancers/trivial.{uid}", self.cloud))
            .bearer_auth(&self.token)
            .json(&json!({"tags": {}, "listeners": listeners}))
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        body["addresses"][0]
            .as_str()
            .unwrap_or_else(|| panic!("{text}"))
            .to_owned()
    }
}

/// Asks until a first byte comes back.
async fn first_byte(address: &str) {
    loop {
        if let Ok(mut stream) = TcpStream::connect((address, 8080)).await {
            stream.write_all(b"x\n").await.unwrap();
            let mut byte = [0];
            if stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
                return;
            }
        }
        pause().await;
    }
}
