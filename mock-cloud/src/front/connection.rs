//! One client's connection: finding a target that accepts it, and carrying bytes both ways.

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::TcpStream;

use super::group::Member;
use super::route::{Route, Table};
use crate::timing::Timing;

use std::sync::Arc;

/// Bytes on their way in one direction. Twice this is what an open connection costs.
const BUFFER: usize = 16 * 1024;

/// Serves a client until it or its target is done. A client that nobody accepts is closed.
pub(super) async fn serve(mut client: TcpStream, table: Table, timing: Timing) {
    let found = tokio::time::timeout(timing.dispatch_timeout, dispatch(&table)).await;
    let Ok(Some((mut server, route, _member))) = found else {
        return;
    };
    // A socket that is gone already shows so when it is read.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let copy = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER);
    // How a connection ended is its two ends' business.
    drop(route.connections.until_cut(copy).await);
}

/// The first target, in turn, that accepts.
async fn dispatch(table: &Table) -> Option<(TcpStream, Arc<Route>, Member)> {
    for route in table.next() {
        let Some(member) = route.enter() else {
            continue;
        };
        match route.backend.connect().await {
            Ok(server) => return Some((server, route, member)),
            Err(error) => {
                tracing::debug!(target_address = %route.address(), %error, "target refused");
            }
        }
    }
    None
}
