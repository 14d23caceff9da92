//! From a listener to its targets: which ones there are, and which one is next.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use landfall_mock_cloud_wire::TargetHealth;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::backend::{self, Backend};
use super::group::{Group, Member};
use crate::recent::Recent;
use crate::timing::Timing;

/// Clients that a listener remembers the targets of. One more, and the one that was silent longest
/// is forgotten.
const MOST_CLIENTS: usize = 16_384;

/// A target of one listener and the connections through it.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) address: SocketAddr,
    pub(super) backend: Arc<Backend>,
    pub(super) connections: Group,
    timing: Timing,
    /// It refused traffic, whatever its checks say: until then others are better.
    suspect_until: Mutex<Option<Instant>>,
}

/// The targets of a listener, as its connections and flows see them. Clones see the same.
#[derive(Debug, Clone)]
pub(super) struct Table {
    routes: watch::Receiver<Arc<[Arc<Route>]>>,
    turn: Arc<AtomicUsize>,
    /// Whom each client went to; nothing without affinity. Connections of all tasks ask, and none
    /// holds it while it waits for anything.
    clients: Arc<Mutex<Option<Recent<IpAddr, SocketAddr>>>>,
}

impl Table {
    pub(super) fn new(routes: watch::Receiver<Arc<[Arc<Route>]>>) -> Self {
        Self {
            routes,
            turn: Arc::default(),
            clients: Arc::default(),
        }
    }

    /// Keeps clients with their targets for so long from now on, or not at all.
    pub(super) fn set_affinity(&self, timeout: Option<Duration>) {
        let mut clients = lock(&self.clients);
        match (timeout, clients.as_mut()) {
            (None, _) => *clients = None,
            (Some(timeout), Some(clients)) => clients.set_idle(timeout),
            (Some(timeout), None) => {
                *clients = Some(Recent::new(MOST_CLIENTS, timeout, Instant::now()));
            }
        }
    }

    /// Where the next connection or flow of a client should try to go, best first: each target
    /// once. The target that it went to before comes first while it is as good as any.
    pub(super) fn next(&self, client: IpAddr) -> impl Iterator<Item = Arc<Route>> + use<> {
        let routes = self.routes.borrow().clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let healthy: Vec<bool> = routes.iter().map(|route| route.is_good(now)).collect();
        let before = lock(&self.clients)
            .as_mut()
            .and_then(|clients| clients.get(client.to_canonical(), now).copied());
        let before = routes
            .iter()
            .position(|route| before == Some(route.address));
        order(turn, &healthy, before)
            .into_iter()
            .map(move |index| routes[index].clone())
    }

    /// A client went there, or is still there.
    pub(super) fn went(&self, client: IpAddr, target: SocketAddr) {
        if let Some(clients) = lock(&self.clients).as_mut() {
            clients.insert(client.to_canonical(), Instant::now(), |_| target);
        }
    }
}

impl Route {
    pub(super) fn new(
        address: SocketAddr,
        backend: Arc<Backend>,
        connections: Group,
        timing: Timing,
    ) -> Self {
        Self {
            address,
            backend,
            connections,
            timing,
            suspect_until: Mutex::default(),
        }
    }

    /// Goes through here, unless it was taken away meanwhile.
    pub(super) fn enter(&self) -> Option<Member> {
        let member = self.connections.enter();
        (!self.connections.is_cut()).then_some(member)
    }

    /// Connects to the target, and takes note of what that shows.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let connect = TcpStream::connect(self.address);
        let result = match tokio::time::timeout(self.timing.connect_timeout, connect).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        self.backend
            .note_connection(self.address, result.as_ref().map(drop));
        if result
            .as_ref()
            .is_err_and(|error| !backend::is_our_own(error))
        {
            self.refused();
        }
        result
    }

    /// It refused traffic: for a while others are better, whatever its checks say.
    pub(super) fn refused(&self) {
        *lock(&self.suspect_until) = Some(Instant::now() + self.timing.retry_interval);
    }

    pub(super) fn describe(&self) -> TargetHealth {
        match self.backend.describe() {
            TargetHealth::Healthy if self.is_suspect(Instant::now()) => TargetHealth::Unhealthy {
                reason: "it refused traffic".to_owned(),
            },
            health => health,
        }
    }

    fn is_good(&self, now: Instant) -> bool {
        self.backend.is_healthy() && !self.is_suspect(now)
    }

    fn is_suspect(&self, now: Instant) -> bool {
        lock(&self.suspect_until).is_some_and(|until| now < until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one leaves a half-made change behind.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The healthy ones in turn, then the others in turn: if none is healthy, all get traffic
/// (fail open), for then the checks are more likely wrong than every target. The one that the
/// client went to `before` is first among its like.
fn order(turn: usize, healthy: &[bool], before: Option<usize>) -> Vec<usize> {
    let of = |wanted: bool| {
        let mut chosen: Vec<usize> = (0..healthy.len())
            .filter(|&index| healthy[index] == wanted)
            .collect();
        let before = chosen.iter().position(|index| before == Some(*index));
        let by = before.unwrap_or(turn % chosen.len().max(1));
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
            assert_eq!(order(turn, healthy, None), expected, "{turn} {healthy:?}");
        }
    }

    #[test]
    fn a_client_stays_with_its_target_while_that_is_as_good_as_any() {
        let (up, down) = (true, false);
        for (healthy, before, first) in [
            (&[up, up, up][..], 1, 1),
            (&[up, down, up], 1, 0),
            (&[down, down, down], 1, 1),
            (&[up, up], 9, 0),
        ] {
            assert_eq!(order(0, healthy, Some(before))[0], first, "{healthy:?}");
        }
    }
}
