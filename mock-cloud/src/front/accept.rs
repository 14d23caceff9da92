//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::connection;
use super::port::Port;

/// Least time from one warning of a listener to the next.
const QUIET: Duration = Duration::from_mins(1);

/// Accepts until `stop`; when this returns, the socket is closed.
pub(super) async fn accept(socket: TcpListener, port: Arc<Port>, stop: CancellationToken) {
    let mut pause = Pause::default();
    while let Some(accepted) = stop.run_until_cancelled(socket.accept()).await {
        match accepted {
            Ok((client, from)) => {
                pause.reset();
                if port.gate.admits(from.ip()) {
                    let members = (port.all.enter(), port.connections.enter());
                    let serving = connection::serve(client, from.ip(), port.clone());
                    let connections = port.connections.clone();
                    tokio::spawn(async move {
                        connections.until_cut(serving).await;
                        drop(members);
                    });
                } else {
                    turn_away(&client);
                }
            }
            Err(error) => {
                stop.run_until_cancelled(pause.after(&error)).await;
            }
        }
    }
}

/// Closes a connection with a reset; where that fails it is closed all the same.
fn turn_away(client: &TcpStream) {
    let _ = client.set_zero_linger();
}

/// Waiting after an accept that failed, so that a lack of file descriptors does not spin.
#[derive(Default)]
struct Pause {
    failures: u32,
    warned: Option<Instant>,
}

impl Pause {
    fn reset(&mut self) {
        self.failures = 0;
    }

    async fn after(&mut self, error: &io::Error) {
        // The client went away before we came: nothing is wrong here.
        if error.kind() == io::ErrorKind::ConnectionAborted {
            return;
        }
        // With all descriptors in use, accepting works and fails by turns.
        if self.warned.is_none_or(|then| then.elapsed() > QUIET) {
            tracing::warn!(%error, "cannot accept connections; trying again");
            self.warned = Some(Instant::now());
        }
        self.failures = (self.failures + 1).min(6);
        tokio::time::sleep(Duration::from_millis(10) * (1 << self.failures)).await;
    }
}
