//! A pod of the sandbox: an echo server on each of its container ports, for TCP and UDP. Whatever
//! the image, HTTP is answered with who answered, and anything else comes back as it came; before a
//! datagram that comes back stands who answered.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use landfall_process::BindError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

use super::datagrams;

/// What HTTP requests begin with (RFC 9110 §9.3).
const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
];
/// Pause after an accept that failed, so that a lack of file descriptors is no busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A client that pauses this long within what could be a method means something else by it.
const METHOD_PAUSE: Duration = Duration::from_millis(300);

/// Most that a datagram of IPv4 holds: 65,535 bytes without the headers (RFC 791, RFC 768).
const LARGEST_ANSWER: usize = 65_507;

/// Who answers.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) pod: String,
    pub(super) node: String,
}

impl Identity {
    /// What a client is told.
    fn introduce(&self, client: SocketAddr) -> String {
        let Self { pod, node } = self;
        format!("pod: {pod}\nnode: {node}\nclient: {client}\n")
    }
}

/// The servers of one pod; they end when this is dropped.
#[derive(Debug)]
pub(super) struct EchoServers(#[expect(dead_code, reason = "held to be dropped")] DropGuard);

type DropGuard = tokio_util::sync::DropGuard;

impl EchoServers {
    /// Listens on each of these ports of `address`.
    pub(super) async fn start(
        identity: Identity,
        address: IpAddr,
        ports: &BTreeSet<u16>,
    ) -> Result<Self, BindError> {
        let stop = CancellationToken::new();
        let servers = Self(stop.clone().drop_guard());
        let identity = Arc::new(identity);
        for port in ports {
            let address = SocketAddr::new(address, *port);
            let failed = |source| BindError { address, source };
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let socket = UdpSocket::bind(address).await.map_err(failed)?;
            let accept = accept(listener, identity.clone());
            tokio::spawn(stop.clone().run_until_cancelled_owned(accept));
            let echo = echo(socket, identity.clone());
            tokio::spawn(stop.clone().run_until_cancelled_owned(echo));
        }
        Ok(servers)
    }
}

async fn accept(listener: TcpListener, identity: Arc<Identity>) {
    loop {
        match listener.accept().await {
            // What was accepted is served to its end, as a pod that shuts down well would.
            Ok((stream, client)) => {
                tokio::spawn(serve(stream, client, identity.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, pod = identity.pod, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers each datagram with who answers, and what came.
async fn echo(socket: UdpSocket, identity: Arc<Identity>) {
    loop {
        datagrams::take(&socket, |datagram, client| {
            let mut answer = identity.introduce(client).into_bytes();
            answer.extend_from_slice(datagram);
            answer.truncate(LARGEST_ANSWER);
            // One that cannot be sent is dropped, as everywhere.
            let _ = socket.try_send_to(&answer, client);
        })
        .await;
    }
}

/// A client that goes away in the middle is no matter.
async fn serve(mut stream: TcpStream, client: SocketAddr, identity: Arc<Identity>) {
    let mut start = Vec::new();
    while may_be_http(&start) && !is_http(&start) {
        let wait = if start.is_empty() {
            Duration::MAX
        } else {
            METHOD_PAUSE
        };
        match tokio::time::timeout(wait, stream.read_buf(&mut start)).await {
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) | Err(_) => break,
        }
    }
    if is_http(&start) {
        serve_http(stream, start, client, identity).await;
    } else {
        let (mut reader, mut writer) = stream.split();
        if writer.write_all(&start).await.is_ok()
            && tokio::io::copy(&mut reader, &mut writer).await.is_ok()
        {
            // The client has closed its half; nobody is left to tell of a failure here.
            let _ = writer.shutdown().await;
        }
    }
}

fn is_http(start: &[u8]) -> bool {
    METHODS.iter().any(|method| start.starts_with(method))
}

fn may_be_http(start: &[u8]) -> bool {
    METHODS
        .iter()
        .any(|method| method.starts_with(start) || start.starts_with(method))
}

async fn serve_http(
    stream: TcpStream,
    start: Vec<u8>,
    client: SocketAddr,
    identity: Arc<Identity>,
) {
    let (reader, writer) = stream.into_split();
    let stream = tokio::io::join(std::io::Cursor::new(start).chain(reader), writer);
    let answer = service_fn(move |_: Request<Incoming>| {
        let body = Bytes::from(identity.introduce(client));
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(body))))
    });
    let served = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = served.await {
        tracing::debug!(%error, %client, "an HTTP connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn talk(say: &[u8]) -> String {
        let identity = Identity {
            pod: "hello-1".into(),
            node: "node-1".into(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(accept(listener, Arc::new(identity)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(say).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn http_is_answered_with_who_answers() {
        let answer = talk(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("pod: hello-1\nnode: node-1\nclient: 127.0.0.1:"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn anything_else_comes_back() {
        assert_eq!(talk(b"GEnuine bytes\n").await, "GEnuine bytes\n");
        assert_eq!(talk(b"GE").await, "GE");
        assert_eq!(talk(b"").await, "");
    }
}
