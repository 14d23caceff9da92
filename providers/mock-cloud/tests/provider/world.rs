//! A mock cloud with a pool of its own, and clients of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::time::SystemTime;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::BoxStream;
use ipnet::{IpNet, Ipv4Net};
use landfall_mock_cloud::{CallList, MockCloud as Server, Options};
use landfall_provider_api::conformance::{Subject, Trouble};
use landfall_provider_api::{
    Affinity, Assigned, ClusterId, Family, FamilyPolicy, Ingress, LoadBalancer, LoadBalancerId,
    Node, Outcome, Port, Protocol, Provider, ServiceName, Snapshot, TrafficPolicy,
};
use landfall_provider_mock_cloud::MockCloud;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct World {
    server: Server,
    pool: Ipv4Net,
    second: Option<IpNet>,
    http: reqwest::Client,
    stop: DropGuard,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(None).await
    }

    /// With a second net in the pool.
    pub(crate) async fn with(second: Option<IpNet>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pool = pool();
        let (server, stop) = serve(pool, second, "127.0.0.1:0".parse().unwrap()).await;
        Self {
            server,
            pool,
            second,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop,
        }
    }

    /// The cloud ends, and another one, which has nothing, takes its place.
    pub(crate) async fn replace(self) -> Self {
        let address = self.server.address();
        drop(self.stop);
        self.server.stopped().await;
        let (server, stop) = serve(self.pool, self.second, address).await;
        Self {
            server,
            stop,
            pool: self.pool,
            second: self.second,
            http: self.http,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// A usable address of the pool: 1 to 2.
    pub(crate) fn address(&self, host: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.pool.network().to_bits() + host)
    }

    /// A provider that has begun, for the cluster of [`wanted`].
    pub(crate) async fn begun(&self) -> Box<dyn Provider> {
        let provider = self.provider(&cluster());
        provider.begin(Snapshot::default().known()).await.unwrap();
        provider
    }

    /// The same, and what it tells; it listens already.
    pub(crate) async fn listening(
        &self,
    ) -> (Box<dyn Provider>, BoxStream<'static, LoadBalancerId>) {
        let provider = self.provider(&cluster());
        let changes = provider.changes();
        provider.begin(Snapshot::default().known()).await.unwrap();
        (provider, changes)
    }

    /// What happened since the last reset, in order: `PutLoadBalancer Made`.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let url = format!("{}/admin/calls", self.url());
        let answer = self
            .http
            .get(url)
            .bearer_auth("admin")
            .send()
            .await
            .unwrap();
        let list: CallList = answer.json().await.unwrap();
        let call = |call: &landfall_mock_cloud::Call| format!("{} {}", call.operation, call.result);
        list.calls.iter().map(call).collect()
    }

    pub(crate) async fn forget_calls(&self) {
        let url = format!("{}/admin/calls", self.url());
        let answer = self.http.delete(url).bearer_auth("admin").send().await;
        assert_eq!(answer.unwrap().status(), 204);
    }

    /// Lets the next calls of an operation go wrong.
    pub(crate) async fn fault(&self, operation: &str, times: u32, fault: Value) {
        let rule = json!({"operation": operation, "times": times, "fault": fault});
        let url = format!("{}/admin/faults", self.url());
        let request = self.http.post(url).bearer_auth("admin").json(&rule);
        assert_eq!(request.send().await.unwrap().status(), 201);
    }

    /// An admin call that must succeed.
    pub(crate) async fn admin(&self, method: Method, path: &str, body: Value) {
        let url = format!("{}/admin/{path}", self.url());
        let request = self.http.request(method, url).bearer_auth("admin");
        let answer = request.json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Alters a load balancer of [`wanted`] behind everybody's back.
    pub(crate) async fn alter(&self, uid: &str, query: &str, patch: Value) {
        let path = format!("load-balancers/k8s.demo.c1.{uid}{query}");
        self.admin(Method::PATCH, &path, patch).await;
    }

    /// What the cloud holds, by somebody else's eyes.
    pub(crate) async fn items(&self) -> Vec<Value> {
        let url = format!("{}/v1/load-balancers", self.url());
        let answer = self
            .http
            .get(url)
            .bearer_auth("token")
            .send()
            .await
            .unwrap();
        let mut list: Value = answer.json().await.unwrap();
        list["items"].as_array_mut().unwrap().drain(..).collect()
    }

    /// Deletes what the cloud holds for a Service, behind everybody's back.
    pub(crate) async fn delete(&self, uid: &str) {
        let url = format!("{}/v1/load-balancers/k8s.demo.c1.{uid}", self.url());
        let answer = self.http.delete(url).bearer_auth("token").send().await;
        assert_eq!(answer.unwrap().status(), 204);
    }

    /// Deletes all that the cloud holds, behind everybody's back.
    pub(crate) async fn wipe(&self) {
        for item in self.items().await {
            let id = item["id"].as_str().unwrap();
            let url = format!("{}/v1/load-balancers/{id}", self.url());
            let answer = self.http.delete(url).bearer_auth("token").send().await;
            assert_eq!(answer.unwrap().status(), 204);
        }
    }
}

impl Subject for World {
    fn provider(&self, cluster: &ClusterId) -> Box<dyn Provider> {
        Box::new(MockCloud::new(&self.url(), "token", cluster.clone()).unwrap())
    }

    fn nodes(&self) -> Vec<Node> {
        nodes().to_vec()
    }

    fn provoke(&self, trouble: Trouble) -> BoxFuture<'_, bool> {
        let fault = match trouble {
            Trouble::AnswerLost => json!({"kind": "lostAfterChange"}),
            Trouble::HalfWay => json!({"kind": "halfWay", "listeners": 0}),
            Trouble::Throttled => json!({"kind": "throttle", "calls": 0, "per": "1m"}),
            Trouble::Away => json!({"kind": "outage"}),
            Trouble::Full | Trouble::Unauthorized => Value::Null,
        };
        async move {
            match trouble {
                Trouble::Full => {
                    let quota = json!({"loadBalancers": self.items().await.len()});
                    self.admin(Method::PUT, "quota", quota).await;
                }
                Trouble::Unauthorized => self.admin(Method::DELETE, "token", Value::Null).await,
                Trouble::AnswerLost | Trouble::HalfWay => {
                    let rule = json!({"fault": fault, "times": 1});
                    self.admin(Method::POST, "faults", rule).await;
                }
                Trouble::Throttled | Trouble::Away => {
                    self.admin(Method::POST, "faults", json!({"fault": fault}))
                        .await;
                }
            }
            true
        }
        .boxed()
    }

    fn mend(&self) -> BoxFuture<'_, ()> {
        async {
            self.admin(Method::DELETE, "faults", Value::Null).await;
            let token = json!({"token": "token"});
            self.admin(Method::PUT, "token", token).await;
        }
        .boxed()
    }
}

async fn serve(pool: Ipv4Net, second: Option<IpNet>, address: SocketAddr) -> (Server, DropGuard) {
    let stop = CancellationToken::new();
    let listener = TcpListener::bind(address).await.unwrap();
    let pool = std::iter::once(IpNet::V4(pool)).chain(second).collect();
    let options = Options::new(pool, "token", "admin");
    let server = Server::start(options, listener, stop.clone()).unwrap();
    (server, stop.drop_guard())
}

/// Eight addresses that no other test uses, here or in a process at its side.
fn pool() -> Ipv4Net {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let place = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
    // 127.150.0.0 to 127.199.255.255, in pieces of eight.
    let base = Ipv4Addr::new(127, 150, 0, 0).to_bits() + place % (50 << 13) * 8;
    Ipv4Net::new(Ipv4Addr::from_bits(base), 29).unwrap()
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId {
        name: "demo".into(),
        uid: "c1".into(),
    }
}

fn nodes() -> Arc<[Node]> {
    let node = |last: u8| Node {
        name: format!("node-{last}"),
        addresses: vec![IpAddr::from([127, 0, 0, last])],
        provider_id: None,
        zone: None,
        labels: BTreeMap::new(),
    };
    Arc::from([node(2), node(3)])
}

/// A load balancer of the Service with this UID, on TCP 8080.
pub(crate) fn wanted(service_uid: &str) -> LoadBalancer {
    LoadBalancer {
        id: LoadBalancerId {
            cluster: cluster(),
            service_uid: service_uid.into(),
        },
        service: ServiceName {
            namespace: "default".into(),
            name: format!("web-{service_uid}"),
        },
        created: SystemTime::UNIX_EPOCH,
        ports: vec![Port {
            name: String::new(),
            protocol: Protocol::Tcp,
            port: 8080,
            node_port: Some(30080),
        }],
        families: vec![Family::IPv4],
        family_policy: FamilyPolicy::SingleStack,
        requested_addresses: Vec::new(),
        source_ranges: Vec::new(),
        traffic_policy: TrafficPolicy::Cluster,
        affinity: Affinity::None,
        nodes: nodes(),
        endpoint_nodes: BTreeSet::new(),
        endpoints: Vec::new(),
        labels: BTreeMap::new(),
        awaited: BTreeSet::new(),
        namespace_labels: Arc::default(),
        annotations: BTreeMap::new(),
    }
}

/// Who deserves another look next.
pub(crate) async fn next(changes: &mut BoxStream<'static, LoadBalancerId>) -> String {
    let next = tokio::time::timeout(Duration::from_secs(20), changes.next()).await;
    next.unwrap().unwrap().service_uid
}

pub(crate) fn assigned(outcome: Outcome) -> Assigned {
    match outcome {
        Outcome::Provisioned(assigned) => assigned,
        other => panic!("the mock cloud is never slow and lacks nothing: {other:?}"),
    }
}

pub(crate) fn address(assigned: &Assigned) -> IpAddr {
    match &assigned.ingress[..] {
        [Ingress::Ip { address, .. }] => *address,
        other => panic!("one address, and not {other:?}"),
    }
}
