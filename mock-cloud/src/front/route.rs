//! From a listener to its targets: which ones there are, and which one is next.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

use super::backend::Backend;
use super::group::{Group, Member};

/// A target of one listener and the connections through it.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) backend: Arc<Backend>,
    pub(super) connections: Group,
}

/// The targets of a listener, as its connections see them. Clones see the same.
#[derive(Debug, Clone)]
pub(super) struct Table {
    routes: watch::Receiver<Arc<[Arc<Route>]>>,
    turn: Arc<AtomicUsize>,
}

impl Table {
    pub(super) fn new(routes: watch::Receiver<Arc<[Arc<Route>]>>) -> Self {
        Self {
            routes,
            turn: Arc::default(),
        }
    }

    /// Where the next connection should try to go, best first: each target once.
    pub(super) fn next(&self) -> impl Iterator<Item = Arc<Route>> + use<> {
        let routes = self.routes.borrow().clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let healthy: Vec<bool> = routes
            .iter()
            .map(|route| route.backend.is_healthy())
            .collect();
        order(turn, &healthy)
            .into_iter()
            .map(move |index| routes[index].clone())
    }
}

impl Route {
    pub(super) fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    /// Goes through here, unless it was taken away meanwhile.
    pub(super) fn enter(&self) -> Option<Member> {
        let member = self.connections.enter();
        (!self.connections.is_cut()).then_some(member)
    }
}

/// The healthy ones in turn, then the others in turn: if none is healthy, all get traffic
/// (fail open), for then the checks are more likely wrong than every target.
fn order(turn: usize, healthy: &[bool]) -> Vec<usize> {
    let of = |wanted: bool| {
        let mut chosen: Vec<usize> = (0..healthy.len())
            .filter(|&index| healthy[index] == wanted)
            .collect();
        let by = turn % chosen.len().max(1);
        chosen.rotate_left(by);
        chosen
    };
    [of(true), of(false)].concat()
}

#[cfg(test)]
mod tests {
    use super::order;

    #[test]
    fn healthy_targets_take_turns_and_the_others_come_last() {
        let (up, down) = (true, false);
        for (turn, healthy, expected) in [
            (0, &[up, up, up][..], &[0, 1, 2][..]),
            (1, &[up, up, up], &[1, 2, 0]),
            (5, &[up, up, up], &[2, 0, 1]),
            (0, &[down, up, up], &[1, 2, 0]),
            (1, &[down, up, up], &[2, 1, 0]),
            (2, &[down, down], &[0, 1]),
            (3, &[down, down], &[1, 0]),
            (7, &[], &[]),
        ] {
            assert_eq!(order(turn, healthy), expected, "{turn} {healthy:?}");
        }
    }
}
