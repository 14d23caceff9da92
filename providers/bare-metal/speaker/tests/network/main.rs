//! The speaker's network on the real kernel: `examples/announce.rs` on nodes in namespaces, and what
//! other hosts see of it.
#![expect(
    clippy::unwrap_used,
    reason = "tests end where something is not as it should be"
)]

mod answering;
mod changing;
mod contesting;
mod node;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use landfall_test_network::{Lan, is_possible_or_skip};
use landfall_test_process::PATIENCE;

const EVERY: Duration = Duration::from_millis(10);
/// Long enough for an answer that must not come.
const A_WHILE: Duration = Duration::from_millis(300);

/// Addresses to announce, one of each family.
fn addresses() -> [IpAddr; 2] {
    ["192.0.2.200", "fd00:192:0:2::200"].map(|it| it.parse().unwrap())
}

/// A network, if one can be made here.
fn lan(nodes: u8) -> Option<Lan> {
    is_possible_or_skip("the speaker's network on the real kernel").then(|| Lan::new(nodes))
}

/// Waits until something holds.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a host knows of where an address is: `lladdr MAC STATE`.
fn neighbour(lan: &Lan, host: &str, address: IpAddr) -> String {
    lan.ip(host, &format!("neighbour show {address} dev eth0"))
}
