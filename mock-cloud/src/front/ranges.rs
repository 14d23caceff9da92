//! Which clients a load balancer serves.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::watch;

/// Nets whose clients are served. Pure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<IpNet>);

impl Ranges {
    pub(crate) fn new(nets: &[IpNet]) -> Self {
        Self(nets.to_vec())
    }

    /// Everybody, if there are no ranges; else only whom one of them names: a family that none
    /// names is shut.
    pub(crate) fn admit(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        self.0.is_empty() || self.0.iter().any(|net| net.contains(&client))
    }
}

/// The ranges in force, as connections and flows see them. Clones see the same.
#[derive(Debug, Clone)]
pub(super) struct Gate(watch::Receiver<Arc<Ranges>>);

impl Gate {
    pub(super) fn new(ranges: watch::Receiver<Arc<Ranges>>) -> Self {
        Self(ranges)
    }

    pub(super) fn admits(&self, client: IpAddr) -> bool {
        self.0.borrow().admit(client)
    }

    /// Ends when the client is no longer admitted.
    pub(super) async fn shut(mut self, client: IpAddr) {
        if self
            .0
            .wait_for(|ranges| !ranges.admit(client))
            .await
            .is_err()
        {
            // The load balancer is gone; its connections end in their own time.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_not_empty_admits_only_whom_it_names() {
        for (nets, client, admitted) in [
            (&[][..], "127.0.0.1", true),
            (&[], "fd00::1", true),
            (&["127.0.0.0/24"], "127.0.0.9", true),
            (&["127.0.0.0/24"], "::ffff:127.0.0.9", true),
            (&["127.0.0.0/24"], "127.0.1.1", false),
            (&["127.0.0.0/24"], "fd00::1", false),
            (&["127.0.0.7/24"], "127.0.0.9", true),
            (&["127.0.0.0/24", "fd00::/64"], "fd00::1", true),
            (&["127.0.0.0/24", "fd00::/64"], "fd01::1", false),
            (&["fd00::/64"], "127.0.0.1", false),
            (&["0.0.0.0/0"], "192.0.2.1", true),
        ] {
            let ranges = Ranges(nets.iter().map(|net| net.parse().unwrap()).collect());
            assert_eq!(
                ranges.admit(client.parse().unwrap()),
                admitted,
                "{nets:?} {client}"
            );
        }
    }
}
