//! Routers of others as peers of BGP and BFD: FRR, BIRD and GoBGP, each in the namespace of a host
//! of a [`Lan`](landfall_test_network::Lan).
//!
//! One typed [`RouterConfig`] is written in each router's own words, and each router's answers are
//! read back into the same types. What is not understood ends the test. FRR and BIRD put routes
//! into the kernel of their host, spread over all equal next hops; GoBGP does not.
//!
//! ```no_run
//! use landfall_test_network::Lan;
//! use landfall_test_routers::{Bfd, Frr, Neighbour, RemoteAs, Router, RouterConfig, until};
//!
//! if !Frr::is_possible_or_skip("speakers beside FRR") {
//!     return;
//! }
//! let lan = Lan::new(3);
//! let config = RouterConfig::new(64500, lan.addresses("router").0).with(Neighbour {
//!     password: Some("secret".into()),
//!     bfd: Some(Bfd { interval: std::time::Duration::from_millis(100), multiplier: 3 }),
//!     ..Neighbour::in_range("192.0.2.0/24".parse().unwrap(), RemoteAs::Asn(64512))
//! });
//! let router = Frr::start(&lan, "router", &config);
//! // Start speakers here.
//! let node = lan.addresses("node1").0.to_string();
//! assert_eq!(router.until_established(&node).hold_time.unwrap().as_secs(), 9);
//! let prefix = "203.0.113.10/32".parse().unwrap();
//! until("three ways", || router.kernel_routes(prefix).len() == 3);
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "tests end where something is not as it should be"
)]

mod answers;
mod bird;
mod config;
mod daemons;
mod frr;
mod gobgp;
mod kernel;

use std::collections::BTreeMap;

use ipnet::IpNet;

pub use answers::{
    BfdDetails, BfdSession, BfdState, BfdTimers, Capabilities, Community, Family,
    GracefulRestartSeen, LargeCommunity, LastError, Origin, Path, Session, SessionState,
};
pub use bird::Bird;
pub use config::{
    BGP_PORT, Bfd, GracefulRestart, Neighbour, Originated, Peer, RemoteAs, RouterConfig,
};
pub use daemons::{eventually, until};
pub use frr::Frr;
pub use gobgp::GoBgp;
pub use kernel::{KernelNextHop, kernel_routes};

/// What each router can be asked and told. A neighbour is named by its address, or by the interface
/// that it is at, as in [`Session::neighbour`].
pub trait Router: Send {
    /// All sessions, with those that are not established.
    fn sessions(&self) -> Vec<Session>;

    /// All paths that the router has, before it chooses.
    fn routes(&self) -> BTreeMap<IpNet, Vec<Path>>;

    /// Ends a session once; both ends try again.
    fn clear(&self, neighbour: &str);

    /// Shuts a session down, until [`Self::enable`].
    fn disable(&self, neighbour: &str);

    /// Undoes [`Self::disable`].
    fn enable(&self, neighbour: &str);

    /// Ends all programs of the router as a crash would.
    fn kill(&mut self);

    /// Ends all programs of the router in order.
    fn stop(&mut self);

    /// Starts the router again as it was at first, after [`Self::kill`] or [`Self::stop`].
    fn restart(&mut self);

    /// The name of the namespace that it runs in.
    fn namespace(&self) -> &str;

    /// What the router's programs have logged since the first start.
    fn log(&self) -> String;

    /// The paths of exactly this prefix.
    fn route(&self, prefix: IpNet) -> Vec<Path> {
        self.routes().remove(&prefix).unwrap_or_default()
    }

    /// The session with this neighbour, if there is one.
    fn session(&self, neighbour: &str) -> Option<Session> {
        let mut sessions = self.sessions().into_iter();
        sessions.find(|it| it.neighbour == neighbour)
    }

    /// Waits until a session is established.
    fn until_established(&self, neighbour: &str) -> Session {
        eventually(&format!("a session with {neighbour}"), || {
            let session = self.session(neighbour)?;
            (session.state == SessionState::Established).then_some(session)
        })
    }

    /// The next hops of exactly this prefix in the kernel of the router's host.
    fn kernel_routes(&self, prefix: IpNet) -> Vec<KernelNextHop> {
        kernel::in_namespace(self.namespace(), prefix)
    }
}
