//! Doing a health check.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::health::Probe;

/// Bytes of an answer in which its status must stand.
const STATUS_LINE: usize = 256;

/// Does it once. An error says what was found wrong with the target.
pub(super) async fn run(probe: &Probe) -> io::Result<()> {
    match probe {
        Probe::Assume => Ok(()),
        Probe::Connect(address) => TcpStream::connect(address).await.map(drop),
        Probe::Ask(address, path) => ask(*address, path).await,
    }
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: mock-cloud\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut stream = stream.take(STATUS_LINE as u64);
    while !answer.contains(&b'\n') && stream.read_buf(&mut answer).await? > 0 {}
    match status(&answer) {
        Some(status) if (200..=299).contains(&status) => Ok(()),
        Some(status) => Err(io::Error::other(format!("HTTP status {status} for {path}"))),
        None => Err(io::Error::other(format!("no HTTP answer for {path}"))),
    }
}

/// The status in the first line of an answer (RFC 9112 §4).
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    words
        .next()
        .filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next().filter(|status| status.len() == 3)?;
    status.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::status;

    #[test]
    fn a_status_stands_in_the_first_line() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n", Some(200)),
            ("HTTP/1.0 503 Service Unavailable\r\n", Some(503)),
            ("HTTP/1.1 204\r\n", Some(204)),
            ("HTTP/1.1 20\r\n", None),
            ("SSH-2.0-OpenSSH_9.9\r\n", None),
            ("", None),
        ] {
            assert_eq!(status(answer.as_bytes()), expected, "{answer:?}");
        }
        assert_eq!(status(&[0xff, 0xfe, b'\n']), None);
    }
}
