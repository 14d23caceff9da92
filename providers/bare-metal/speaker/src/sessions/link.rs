//! One TCP connection with a router: what waits to be sent on it, and how much is read from it.

use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No more routes are made into messages while so much waits to be sent.
const ENOUGH: usize = 64 * 1024;
/// How much is read in one go at most, so that one router does not hold up the others.
const AT_ONCE: usize = 16 * 1024;
/// How much a router may send us in a second: its routes are not kept, and their reading is to cost
/// little. Beyond, it has to wait.
const PER_SECOND: usize = 4 * 1024 * 1024;
/// How long a connection that is closed waits for the router to take what was said last.
const LAST_WORD: Duration = Duration::from_secs(1);

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    output: BytesMut,
    /// Since when the router takes nothing of it.
    pub(super) blocked: Option<Instant>,
    /// What may still be read in the second that began then.
    allowance: (Instant, usize),
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// Nothing more for now.
    Nothing,
    /// The router has closed the connection.
    End,
    /// The connection is broken.
    Broken(io::Error),
}

impl Link {
    pub(super) fn new(stream: TcpStream, now: Instant) -> Self {
        Self {
            stream,
            output: BytesMut::new(),
            blocked: None,
            allowance: (now, PER_SECOND),
        }
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Puts bytes behind those that wait.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// Whether more routes may be made into messages.
    pub(super) fn has_room(&self) -> bool {
        self.output.len() < ENOUGH
    }

    /// Whether all that was put has gone to the kernel.
    pub(super) fn is_empty(&self) -> bool {
        self.output.is_empty()
    }

    /// Sends as much as goes without waiting.
    pub(super) fn flush(&mut self, now: Instant) -> io::Result<()> {
        while !self.output.is_empty() {
            match self.stream.try_write(&self.output) {
                Ok(count) => {
                    self.output.advance(count);
                    self.blocked = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked.get_or_insert(now);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        // A burst needs more room than a session that is quiet.
        self.output = BytesMut::new();
        Ok(())
    }

    /// Ready when there is something to be read that may be, or room for what waits.
    pub(super) fn poll(&self, context: &mut Context<'_>, now: Instant) -> Poll<()> {
        let may_read = self.may_read_at().is_none_or(|it| now >= it);
        if may_read && self.stream.poll_read_ready(context).is_ready() {
            return Poll::Ready(());
        }
        if !self.output.is_empty() && self.stream.poll_write_ready(context).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// When it may be read again, if it may not now.
    pub(super) fn may_read_at(&self) -> Option<Instant> {
        let (since, left) = self.allowance;
        (left == 0).then(|| since + Duration::from_secs(1))
    }

    /// Reads what there is, as far as it may be.
    pub(super) fn read(&mut self, buffer: &mut [u8; AT_ONCE], now: Instant) -> Read {
        if now >= self.allowance.0 + Duration::from_secs(1) {
            self.allowance = (now, PER_SECOND);
        }
        let room = self.allowance.1.min(buffer.len());
        if room == 0 {
            return Read::Nothing;
        }
        match self.stream.try_read(&mut buffer[..room]) {
            Ok(0) => Read::End,
            Ok(count) => {
                self.allowance.1 -= count;
                Read::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Read::Nothing,
            Err(error) => Read::Broken(error),
        }
    }

    /// Closes it so that what was said last arrives: a connection that is closed with something unread
    /// takes back what was sent on it.
    pub(super) async fn close(mut self) {
        let closing = async {
            self.stream.write_all(&self.output).await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whoever does not answer is left; what else could go wrong is the end of it, too.
        let _ = tokio::time::timeout(LAST_WORD, closing).await;
    }
}

/// Room for what is read in one go.
#[derive(Debug)]
pub(super) struct Buffer(pub(super) Box<[u8; AT_ONCE]>);

impl Default for Buffer {
    fn default() -> Self {
        Self(Box::new([0; AT_ONCE]))
    }
}
