//! Cables between two hosts, past the switch.

use crate::Lan;
use crate::run::batch;

impl Lan {
    /// Ties two hosts together by a cable, each by a new interface of this name, which is up and has no
    /// address but a link-local one of IPv6. Where an end is set down, the other loses its carrier.
    pub fn lay_cable(&self, one: (&str, &str), other: (&str, &str)) {
        let (here, there) = (self.namespace(one.0), self.namespace(other.0));
        batch(
            Some(&here),
            &format!(
                "link add name {} type veth peer name {} netns {there}\n",
                one.1, other.1
            ),
        );
        for (host, interface) in [one, other] {
            self.join_cable(host, interface);
        }
    }

    /// Sets a host's end of a cable down; the carrier is lost at the other end.
    pub fn cut_cable(&self, host: &str, interface: &str) {
        self.ip(host, &format!("link set dev {interface} down"));
    }

    /// Undoes [`Self::cut_cable`].
    pub fn join_cable(&self, host: &str, interface: &str) {
        self.ip(host, &format!("link set dev {interface} up"));
    }
}
