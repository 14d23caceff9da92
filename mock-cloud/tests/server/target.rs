//! Targets: small servers that say who they are, and then echo.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A server that greets each connection with its name and a line feed and echoes what comes, until
/// the client has said all. Dropped, it accepts no more.
pub(crate) struct Target {
    name: String,
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: AbortOnDropHandle<()>,
}

impl Target {
    pub(crate) async fn start(name: &str) -> Self {
        Self::at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn at(name: &str, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (greeting, accepted) = (format!("{name}\n"), Arc::new(AtomicUsize::new(0)));
        let count = accepted.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(echo(connection, greeting.clone()));
            }
        });
        Self {
            name: name.to_owned(),
            address,
            accepted,
            accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// Accepts no more connections; those that it has go on.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.accepting.abort();
        let _ = self.accepting.await;
        self.address
    }

    /// Connections so far, health checks included.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How a PUT names it.
    pub(crate) fn spec(&self) -> Value {
        json!({"name": self.name, "address": self.address.ip(), "port": self.address.port()})
    }
}

async fn echo(mut connection: TcpStream, greeting: String) {
    let (mut from, mut to) = connection.split();
    // A health check is gone before it is greeted.
    if to.write_all(greeting.as_bytes()).await.is_ok() {
        let _ = tokio::io::copy(&mut from, &mut to).await;
        let _ = to.shutdown().await;
    }
}

/// A client's connection through a load balancer.
pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
    /// The target that it reached.
    pub(crate) reached: String,
}

impl Client {
    /// Connects and reads the greeting; `None` if it is refused or closed instead.
    pub(crate) async fn connect(address: SocketAddr) -> Option<Self> {
        let mut stream = BufReader::new(TcpStream::connect(address).await.ok()?);
        let mut reached = String::new();
        stream.read_line(&mut reached).await.ok()?;
        let reached = reached.strip_suffix('\n')?.to_owned();
        Some(Self { stream, reached })
    }

    /// Whether what is said comes back.
    pub(crate) async fn echoes(&mut self) -> bool {
        let mut back = [0; 5];
        self.stream.write_all(b"hello").await.is_ok()
            && self.stream.read_exact(&mut back).await.is_ok()
            && back == *b"hello"
    }
}

/// The names of the targets that so many connections reached, sorted, without repetition.
pub(crate) async fn reached(address: SocketAddr, connections: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..connections {
        names.push(Client::connect(address).await.unwrap().reached);
    }
    names.sort();
    names.dedup();
    names
}
