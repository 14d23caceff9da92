//! What the mock cloud costs, as a table: `cargo bench -p landfall-mock-cloud`.
//!
//! The program runs as a process of its own; this one is its clients and its targets. Needs Linux,
//! for what it reads of the other process.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot go on ends, and its numbers are small"
)]

use std::fmt::Display;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LOAD_BALANCERS: usize = 1000;
const IDLE_LOAD_BALANCERS: usize = 100;
const SETTLE: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 1000;
const TRANSFER: usize = 1 << 30;

/// The mock cloud under measurement; it ends with this.
struct Cloud {
    child: Child,
    url: String,
    http: Client,
    _tokens: tempfile::TempDir,
}

impl Cloud {
    fn start() -> Self {
        let tokens = tempfile::tempdir().unwrap();
        let token = tokens.path().join("token");
        fs::write(&token, "token").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mock-cloud"))
            .args(["--listen", "127.0.0.1:0", "--pool", "127.210.0.0/16"])
            .args(["--log-level", "warn", "--token-file"])
            .arg(&token)
            .arg("--admin-token-file")
            .arg(&token)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening api ").unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            url: format!("http://{address}/v1/load-balancers"),
            child,
            http: Client::builder().no_proxy().build().unwrap(),
            _tokens: tokens,
        }
    }

    async fn put(&self, number: usize, targets: &Value) -> Ipv4Addr {
        let url = format!("{}/lb-{number}", self.url);
        let listener = json!({"protocol": "TCP", "port": 8080, "targets": targets});
        let body = json!({"listeners": [listener]});
        let request = self.http.put(url).bearer_auth("token").json(&body);
        let answer = request.send().await.unwrap();
        let made: Value = answer.error_for_status().unwrap().json().await.unwrap();
        assert_eq!(
            made["listeners"][0]["status"]["state"], "Listening",
            "{made}"
        );
        made["addresses"][0].as_str().unwrap().parse().unwrap()
    }

    async fn delete(&self, number: usize) {
        let url = format!("{}/lb-{number}", self.url);
        let answer = self.http.delete(url).bearer_auth("token").send().await;
        answer.unwrap().error_for_status().unwrap();
    }

    /// Time for all of these PUTs, so many at once.
    async fn burst(&self, targets: &Value, at_once: usize) -> Duration {
        let began = Instant::now();
        stream::iter(0..LOAD_BALANCERS)
            .for_each_concurrent(at_once, async |number| {
                self.put(number, targets).await;
            })
            .await;
        began.elapsed()
    }

    async fn clear(&self, from: usize) {
        stream::iter(from..LOAD_BALANCERS)
            .for_each_concurrent(32, |number| self.delete(number))
            .await;
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib: f64 = line
            .unwrap()
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        kib / 1024.0
    }

    /// Time on a processor so far.
    fn processor(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        // USER_HZ is 100 wherever Linux runs today.
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three places that greet with a byte and then read or write, as the client says.
async fn targets() -> Value {
    let mut targets = Vec::new();
    for last in 2..=4 {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        targets.push(
            json!({"name": format!("node-{last}"), "address": address.ip(),
                            "port": address.port()}),
        );
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                tokio::spawn(swallow(connection));
            }
        });
    }
    Value::Array(targets)
}

/// Greets, reads all there is, and says when it was all.
async fn swallow(mut connection: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    let _ = connection.set_nodelay(true);
    let _ = connection.write_all(b"!").await;
    while connection
        .read(&mut buffer)
        .await
        .is_ok_and(|read| read > 0)
    {}
    let _ = connection.write_all(b".").await;
}

/// Median time from connecting to the first byte.
async fn first_byte(address: SocketAddr) -> Duration {
    let mut times = Vec::new();
    for _ in 0..CONNECTIONS {
        let began = Instant::now();
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.read_exact(&mut [0; 1]).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

/// MiB per second through one connection.
async fn throughput(address: SocketAddr) -> f64 {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let chunk = vec![7; 64 << 10];
    let began = Instant::now();
    for _ in 0..TRANSFER / chunk.len() {
        connection.write_all(&chunk).await.unwrap();
    }
    connection.shutdown().await.unwrap();
    connection.read_exact(&mut [0; 2]).await.unwrap();
    (TRANSFER >> 20) as f64 / began.elapsed().as_secs_f64()
}

fn row(what: &str, value: impl Display) {
    println!("{what:<62} {value:>12}");
}

/// What a load balancer adds to a connection.
async fn forwarding(cloud: &Cloud, targets: &Value) {
    let through = SocketAddr::from((cloud.put(0, targets).await, 8080));
    let text = |field: &str| targets[0][field].to_string().trim_matches('"').to_owned();
    let direct = SocketAddr::new(
        text("address").parse().unwrap(),
        text("port").parse().unwrap(),
    );
    for (how, address) in [("directly", direct), ("through", through)] {
        let first = first_byte(address).await;
        row(
            &format!("connect to first byte {how}, median of {CONNECTIONS}"),
            format!("{} µs", first.as_micros()),
        );
        let rate = throughput(address).await;
        row(&format!("one connection {how}"), format!("{rate:.0} MiB/s"));
    }
}

#[tokio::main]
async fn main() {
    let cloud = Cloud::start();
    let targets = targets().await;
    row(
        "resident, nothing in it",
        format!("{:.1} MiB", cloud.memory()),
    );
    for at_once in [32, LOAD_BALANCERS] {
        let took = cloud.burst(&targets, at_once).await;
        row(
            &format!("{LOAD_BALANCERS} PUTs of 1 port and 3 targets, {at_once} at once"),
            format!("{:.0} ms", took.as_secs_f64() * 1000.0),
        );
        if at_once == 32 {
            row(
                &format!("resident with {LOAD_BALANCERS} load balancers"),
                format!("{:.1} MiB", cloud.memory()),
            );
            cloud.clear(0).await;
        }
    }
    cloud.clear(IDLE_LOAD_BALANCERS).await;

    tokio::time::sleep(SETTLE).await;
    let (before, began) = (cloud.processor(), Instant::now());
    tokio::time::sleep(IDLE).await;
    let used = cloud.processor().saturating_sub(before);
    let busy = used.as_secs_f64() / began.elapsed().as_secs_f64();
    row(
        &format!("idle with {IDLE_LOAD_BALANCERS} load balancers of 3 healthy targets"),
        format!("{:.2} %", busy * 100.0),
    );

    forwarding(&cloud, &targets).await;
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    row(
        "load average of the machine",
        load.split(' ').next().unwrap(),
    );
}
