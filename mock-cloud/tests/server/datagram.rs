//! Targets and clients that speak in datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio_util::task::AbortOnDropHandle;

/// How long a client waits before it asks again.
const AGAIN: Duration = Duration::from_millis(200);

/// Times that a client asks before it gives up.
const TIMES: usize = 50;

/// A socket that answers each datagram with its name and what came. Dropped, nobody is there.
pub(crate) struct Echo {
    name: String,
    pub(crate) address: SocketAddr,
    answering: AbortOnDropHandle<()>,
}

impl Echo {
    pub(crate) async fn start(name: &str) -> Self {
        Self::at(name, "127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn at(name: &str, address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).await.unwrap();
        let (address, greeting) = (socket.local_addr().unwrap(), format!("{name} "));
        let answering = tokio::spawn(async move {
            let mut buffer = vec![0; 65_535];
            loop {
                // What a client that is gone was sent comes back as an error.
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
                    continue;
                };
                let answer = [greeting.as_bytes(), &buffer[..length]].concat();
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self {
            name: name.to_owned(),
            address,
            answering: AbortOnDropHandle::new(answering),
        }
    }

    /// Answers no more; who sends there learns that nobody listens.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.answering.abort();
        let _ = self.answering.await;
        self.address
    }

    pub(crate) fn spec(&self) -> Value {
        json!({"name": self.name, "address": self.address.ip(), "port": self.address.port()})
    }
}

/// What a PUT of one UDP listener says.
pub(crate) fn body(targets: &[&Echo]) -> Value {
    let targets: Vec<_> = targets.iter().map(|target| target.spec()).collect();
    json!({"listeners": [{"protocol": "UDP", "port": 8080, "targets": targets}]})
}

/// A client's socket, connected, so that it hears only whom it asked.
pub(crate) struct Asker(UdpSocket);

impl Asker {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self::between("127.0.0.1:0", address).await
    }

    pub(crate) async fn between(from: &str, address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(from).await.unwrap();
        socket.connect(address).await.unwrap();
        Self(socket)
    }

    /// Asks once, and says who answers before long, with the same words.
    pub(crate) async fn once(&self, words: &str) -> Option<String> {
        self.0.send(words.as_bytes()).await.ok()?;
        let mut buffer = vec![0; 65_535];
        let received = tokio::time::timeout(AGAIN, self.0.recv(&mut buffer)).await;
        let length = received.ok()?.ok()?;
        let answer = std::str::from_utf8(&buffer[..length]).ok()?;
        let (name, back) = answer.split_once(' ')?;
        (back == words).then(|| name.to_owned())
    }

    /// Asks until somebody answers.
    pub(crate) async fn ask(&self) -> String {
        for _ in 0..TIMES {
            if let Some(name) = self.once("hello").await {
                return name;
            }
        }
        panic!("nobody answered");
    }
}

/// The names of those whom so many new clients reach, sorted, without repetition.
pub(crate) async fn reached(address: SocketAddr, clients: usize) -> Vec<String> {
    let mut names = Vec::new();
    for _ in 0..clients {
        names.push(Asker::to(address).await.ask().await);
    }
    names.sort();
    names.dedup();
    names
}
