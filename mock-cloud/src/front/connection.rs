//! One client's connection: finding a target that accepts it, and carrying bytes both ways.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;

use super::group::Member;
use super::port::Port;
use super::route::{Route, Table};

/// Bytes on their way in one direction. Twice this is what an open connection costs.
const BUFFER: usize = 16 * 1024;

/// Serves a client until it or its target is done, or until it is no longer welcome. A client that
/// nobody accepts is closed, and one that is not welcome is cut.
pub(super) async fn serve(mut client: TcpStream, from: IpAddr, port: Arc<Port>) {
    tokio::select! {
        biased;
        () = port.gate.clone().shut(from) => {
            // With a reset, so that it learns at once that nothing more comes. Where that fails
            // it learns by the end of the stream.
            let _ = client.set_zero_linger();
        }
        () = forward(&mut client, from, &port) => {}
    }
}

async fn forward(client: &mut TcpStream, from: IpAddr, port: &Port) {
    let dispatch = dispatch(&port.table, from);
    let found = tokio::time::timeout(port.timing.dispatch_timeout, dispatch).await;
    let Ok(Some((mut server, route, _member))) = found else {
        return;
    };
    port.table.went(from, route.address);
    // A socket that is gone already shows so when it is read.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let copy = copy_bidirectional_with_sizes(client, &mut server, BUFFER, BUFFER);
    // How a connection ended is its two ends' business.
    if route.connections.until_cut(copy).await.is_some() {
        port.table.went(from, route.address);
    }
}

/// The first target, in turn, that accepts.
async fn dispatch(table: &Table, client: IpAddr) -> Option<(TcpStream, Arc<Route>, Member)> {
    for route in table.next(client) {
        let Some(member) = route.enter() else {
            continue;
        };
        match route.connect().await {
            Ok(server) => return Some((server, route, member)),
            Err(error) => {
                tracing::debug!(target_address = %route.address, %error, "target refused");
            }
        }
    }
    None
}
