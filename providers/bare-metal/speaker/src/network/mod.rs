//! The node's local networks: all sockets for ARP and NDP, and what netlink says of interfaces.
//!
//! [`Network`] is a shell: it reads, writes and keeps time. What is announced when, and what is
//! answered, is decided in `announcer`; who is asked whether it is there, in `asking`; what an interface
//! is, in `interfaces`.

mod announcer;
mod asking;
mod groups;
mod holding;
mod interfaces;
mod links;
mod packet;
mod port;

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use landfall_bare_metal_l2::Mac;
use tokio::task::coop;

use announcer::{Announcer, Output};
use asking::Asking;
use groups::Groups;
use port::Port;

pub use announcer::{Contested, Counters};
pub use holding::Start;
pub use interfaces::Interface;
pub(crate) use links::Links;
pub use links::LinksError;

/// What failed is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the speaker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Interfaces, their addresses or carriers have changed.
    Interfaces,
    /// An address is announced from now on.
    Announced(IpAddr),
    /// Somebody outside of the cluster has an address.
    Contested(Contested),
    /// A neighbour that was asked is there.
    Answered(IpAddr),
}

/// The local networks of this node.
#[derive(Debug)]
pub struct Network {
    links: Links,
    interfaces: BTreeMap<u32, Interface>,
    ports: BTreeMap<u32, Port>,
    groups: Groups,
    announcer: Announcer,
    asking: Asking,
    happened: VecDeque<Happened>,
    /// When what failed is tried again.
    again: Option<Instant>,
}

impl Network {
    /// Learns what interfaces there are. Needs a runtime of tokio, and `CAP_NET_RAW` for all that
    /// follows.
    pub async fn open() -> Result<Self, LinksError> {
        let mut network = Self {
            links: Links::open().await?,
            interfaces: BTreeMap::new(),
            ports: BTreeMap::new(),
            groups: Groups::default(),
            announcer: Announcer::new(fastrand::Rng::new()),
            asking: Asking::default(),
            happened: VecDeque::new(),
            again: None,
        };
        network.look_at_links(Instant::now());
        Ok(network)
    }

    /// The interfaces on which addresses can be announced, by index.
    pub fn interfaces(&self) -> &BTreeMap<u32, Interface> {
        &self.interfaces
    }

    /// What has happened so often.
    pub fn counters(&self) -> &Counters {
        &self.announcer.counters
    }

    /// When a frame of another host came in at an interface last: while they do, its link works.
    pub fn last_heard(&self, interface: u32) -> Option<Instant> {
        self.ports.get(&interface)?.last_heard
    }

    /// The hardware addresses of the cluster's other speakers: what these say of an address contests
    /// nothing.
    pub fn set_others(&mut self, others: HashSet<Mac>) {
        self.announcer.others(others);
    }

    /// Begins to announce an address on these interfaces, by index, and on no other. One that is
    /// announced already stays so. Where an interface is away or down nothing is sent; it is taken up
    /// when it is back. What is to be sent goes out with the next call of [`Self::next`].
    pub fn announce(&mut self, address: IpAddr, on: &BTreeSet<u32>, start: Start) {
        let old = self.announcer.interfaces_of(address);
        self.announcer.announce(address, on, start, Instant::now());
        if let IpAddr::V6(address) = address {
            for interface in old.difference(on) {
                self.groups.leave(*interface, address);
            }
            for interface in on.difference(&old) {
                let joined = self.groups.join(*interface, address);
                self.check_join(*interface, joined);
            }
        }
        for interface in on.difference(&old) {
            self.open_port(*interface);
        }
    }

    /// Is silent about an address from now on.
    pub fn withdraw(&mut self, address: IpAddr) {
        if let IpAddr::V6(address) = address {
            for interface in self.announcer.interfaces_of(address.into()) {
                self.groups.leave(interface, address);
            }
        }
        self.announcer.withdraw(address);
    }

    /// Tells everybody anew of an address that is announced.
    pub fn reassert(&mut self, address: IpAddr) {
        self.announcer.reassert(address, Instant::now());
    }

    /// Asks a neighbour, three times within this time, whether it is there. Its kernel answers, which
    /// is told as [`Happened::Answered`]. False if it is in no subnet of an interface that is up: it
    /// cannot be asked.
    pub fn ask(&mut self, address: IpAddr, within: Duration) -> bool {
        let up = self.interfaces.values().filter(|it| it.is_up);
        let place = up.filter_map(|it| {
            let own = it.own_address_towards(address)?;
            Some((it.index, it.mac, own))
        });
        let Some(place) = place.min_by_key(|(index, ..)| *index) else {
            return false;
        };
        self.asking.ask(address, place, within, Instant::now());
        true
    }

    /// Waits until something happens that the speaker must know of, and does all that is due
    /// meanwhile. Dropping it loses nothing. What has come in is looked at before what is due by
    /// time, so that who was held up does not take its own absence for that of others.
    pub async fn next(&mut self) -> Happened {
        loop {
            if let Some(happened) = self.happened.pop_front() {
                return happened;
            }
            let due = [self.announcer.next(), self.asking.next(), self.again];
            // All that is there is read in one go, and other tasks have their turn in between.
            coop::consume_budget().await;
            let read = coop::unconstrained(poll_fn(|context| self.poll(context)));
            match due.into_iter().flatten().min() {
                // When it is over, all has been read that was there.
                Some(due) => drop(tokio::time::timeout_at(due.into(), read).await),
                None => read.await,
            }
            self.tick(Instant::now()).await;
        }
    }

    /// Reads and sends. Ready when something was read, or is to be told.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut result = Poll::Pending;
        match self.links.poll_changed(context) {
            Poll::Ready(()) => {
                self.look_at_links(Instant::now());
                result = Poll::Ready(());
            }
            Poll::Pending => {}
        }
        let (announcer, asking, happened) =
            (&mut self.announcer, &mut self.asking, &mut self.happened);
        for port in self.ports.values_mut() {
            let read = port.poll_read(context, |interface, frame| {
                happened.extend(asking.hear(interface, frame).map(Happened::Answered));
                announcer.hear(interface, frame, Instant::now());
            });
            if read.is_ready() {
                result = Poll::Ready(());
            }
        }
        self.take_outputs();
        for port in self.ports.values_mut() {
            self.announcer.counters.unsent += port.poll_send(context);
        }
        // What is to be told was sent before.
        if self.happened.is_empty() {
            result
        } else {
            Poll::Ready(())
        }
    }

    /// Does what is due by time. What is to be sent is sent with the next poll.
    async fn tick(&mut self, now: Instant) {
        self.announcer.tick(now);
        for (interface, frame) in self.asking.tick(now) {
            let output = Output::Send { interface, frame };
            self.announcer.outputs.push_back(output);
        }
        if self.again.is_some_and(|it| it > now) {
            return;
        }
        let has_failed = self.again.take().is_some();
        if self.links.is_behind() {
            match self.links.catch_up().await {
                Ok(()) => self.look_at_links(now),
                Err(error) => {
                    tracing::warn!(%error, "cannot see changes of interfaces");
                    self.again = Some(now + TRY_AGAIN);
                }
            }
        }
        if has_failed {
            for interface in self.interfaces.keys().copied().collect::<Vec<_>>() {
                self.open_needed_port(interface);
            }
        }
    }

    fn take_outputs(&mut self) {
        for output in self.announcer.outputs.drain(..) {
            match output {
                Output::Send { interface, frame } => {
                    let port = self.ports.get_mut(&interface);
                    if !port.is_some_and(|it| it.put(frame)) {
                        self.announcer.counters.unsent += 1;
                    }
                }
                Output::Announced(address) => {
                    self.happened.push_back(Happened::Announced(address));
                }
                Output::Contested(contested) => {
                    self.happened.push_back(Happened::Contested(contested));
                }
            }
        }
    }

    /// Compares the interfaces with those of before, and acts on each that has changed.
    fn look_at_links(&mut self, now: Instant) {
        let new = self.links.interfaces();
        let old = std::mem::take(&mut self.interfaces);
        if new == old {
            self.interfaces = old;
            return;
        }
        for index in old.keys().filter(|it| !new.contains_key(it)) {
            self.ports.remove(index);
            self.groups.lost(*index);
            self.announcer.interface_gone(*index, now);
        }
        self.interfaces = new;
        for interface in self.interfaces.values().cloned().collect::<Vec<_>>() {
            let index = interface.index;
            let before = old.get(&index);
            if before == Some(&interface) {
                continue;
            }
            let (mac, is_up) = (interface.mac, interface.is_up);
            self.announcer.interface(index, mac, is_up, now);
            self.open_needed_port(index);
            if let Some(port) = self.ports.get_mut(&index) {
                port.set_mac(mac);
                if !is_up {
                    port.clear();
                }
            }
            let is_back = before.is_none_or(|it| {
                is_up && !it.is_up
                    || interface.link_local.is_some() && it.link_local.is_none()
                    || mac != it.mac
            });
            if is_back {
                let joined = self.groups.join_again(index);
                self.check_join(index, joined);
            }
        }
        self.happened.push_back(Happened::Interfaces);
    }

    /// Nodes have hundreds of interfaces of pods, which need no sockets.
    fn open_needed_port(&mut self, interface: u32) {
        let has_subnet = |it: &Interface| !it.subnets.is_empty();
        if self.interfaces.get(&interface).is_some_and(has_subnet)
            || self.announcer.is_used(interface)
        {
            self.open_port(interface);
        }
    }

    fn open_port(&mut self, index: u32) {
        let Some(interface) = self.interfaces.get(&index) else {
            return;
        };
        if self.ports.contains_key(&index) {
            return;
        }
        match Port::open(index, interface.mac) {
            Ok(port) => {
                self.ports.insert(index, port);
            }
            // The kernel will say so in a moment.
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                let name = &interface.name;
                tracing::warn!(interface = name, %error, "cannot open sockets for ARP and NDP");
                self.again = Some(Instant::now() + TRY_AGAIN);
            }
        }
    }

    fn check_join(&self, interface: u32, joined: io::Result<()>) {
        match joined {
            Err(error) if !is_gone(&error) => {
                let name = self.interfaces.get(&interface).map(|it| &it.name);
                tracing::warn!(interface = name, %error, "cannot join a group of IPv6 neighbours");
            }
            _ => {}
        }
    }
}

/// Whether an interface is not there, or has no IPv6.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
}

#[cfg(test)]
mod tests;
