//! A mock cloud with a pool of its own, and what a client says to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv4Net};
use landfall_mock_cloud::{MockCloud, Options, Timing};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::target::Target;

/// Far longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) http: reqwest::Client,
    server: Option<MockCloud>,
    url: String,
    pool: Ipv4Net,
    stop: Option<DropGuard>,
}

impl World {
    /// With a usable pool of six, and checks that come soon.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::on(pool(29), change).await
    }

    pub(crate) async fn on(pool: Ipv4Net, change: impl FnOnce(&mut Options)) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let stop = CancellationToken::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = Options::new(vec![IpNet::V4(pool)], "token", "admin");
        options.timing = Timing {
            check_interval: Duration::from_millis(200),
            retry_interval: Duration::from_millis(50),
            ..Timing::default()
        };
        change(&mut options);
        let server = MockCloud::start(options, listener, stop.clone()).unwrap();
        Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: server.url(),
            server: Some(server),
            pool,
            stop: Some(stop.drop_guard()),
        }
    }

    /// Stops it, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        self.server.take().unwrap().stopped().await;
    }

    /// The usable address of the pool with this place, from 1.
    pub(crate) fn address(&self, place: u32) -> String {
        Ipv4Addr::from_bits(self.pool.network().to_bits() + place).to_string()
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        let token = if path.starts_with("/admin") {
            "admin"
        } else {
            "token"
        };
        self.anonymous(method, path).bearer_auth(token)
    }

    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.call(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn try_put(&self, id: &str, body: &Value) -> Response {
        let path = format!("/v1/load-balancers/{id}");
        let request = self.call(Method::PUT, &path).json(body);
        request.send().await.unwrap()
    }

    pub(crate) async fn put(&self, id: &str, body: &Value) -> Value {
        let response = self.try_put(id, body).await;
        assert!(response.status().is_success(), "{response:?}");
        response.json().await.unwrap()
    }

    pub(crate) async fn read(&self, id: &str) -> Value {
        let response = self.get(&format!("/v1/load-balancers/{id}")).await;
        response.json().await.unwrap()
    }

    pub(crate) async fn delete(&self, id: &str) {
        let path = format!("/v1/load-balancers/{id}");
        let response = self.call(Method::DELETE, &path).send().await.unwrap();
        assert_eq!(response.status(), 204);
    }

    /// Makes a load balancer and tells where it answers; its only listener must.
    pub(crate) async fn serve(&self, id: &str, targets: &[&Target]) -> SocketAddr {
        let made = self.put(id, &body(8080, targets)).await;
        assert_eq!(
            made["listeners"][0]["status"]["state"], "Listening",
            "{made}"
        );
        let address = made["addresses"][0].as_str().unwrap();
        SocketAddr::new(address.parse().unwrap(), 8080)
    }

    /// Waits until the targets of a load balancer's first listener have these states.
    pub(crate) async fn until_health(&self, id: &str, expected: &[&str]) {
        until(async || {
            let now = self.read(id).await;
            let targets = now["listeners"][0]["targets"].as_array().unwrap();
            let states = targets.iter().map(|target| &target["health"]["state"]);
            states.eq(expected)
        })
        .await;
    }
}

/// What a PUT of one listener says.
pub(crate) fn body(port: u16, targets: &[&Target]) -> Value {
    let targets: Vec<_> = targets.iter().map(|target| target.spec()).collect();
    json!({"listeners": [{"protocol": "TCP", "port": port, "targets": targets}]})
}

/// Looks again and again, until it is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Addresses that no other test uses, here or in a process at its side.
pub(crate) fn pool(prefix: u8) -> Ipv4Net {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    assert!(prefix >= 28);
    let place = std::process::id() * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
    // 127.100.0.0 to 127.149.255.255, in pieces of sixteen.
    let base = Ipv4Addr::new(127, 100, 0, 0).to_bits() + place % (50 << 12) * 16;
    Ipv4Net::new(Ipv4Addr::from_bits(base), prefix).unwrap()
}
