//! The speaker at work: what comes in goes to the machines, and what they decide goes out.

mod acting;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use landfall_bare_metal_l2::peers::{
    Agreement, Boot, Interface, Keys, MOST_INTERFACES, MOST_SUBNETS, NodeId, Stale, Timing,
};
use tokio::sync::mpsc;

use crate::election::Wanted;
use crate::network::{Contested, Happened, Network};
use crate::report::{self, Counts, Dropped, Peer, State, Teller};
use crate::transport::{Buffer, Transport};

/// How often a report is made at most.
const REPORTS: Duration = Duration::from_millis(100);
/// From one telling of what has happened to the next.
const COUNTS: Duration = Duration::from_secs(1);
/// How long a speaker that ends waits for others to take its addresses.
const HAND_OVER: Duration = Duration::from_millis(1500);
/// Datagrams that are read in one go at most.
const AT_ONCE: usize = 1024;

/// What the speaker is told of the cluster.
#[derive(Debug)]
pub(crate) enum Command {
    /// Which nodes there are, and where they are reached.
    Members(BTreeMap<Arc<str>, Vec<IpAddr>>),
    /// What is wanted of addresses; `None`: nothing, any more.
    Want(Vec<(IpAddr, Option<Arc<Wanted>>)>),
    /// The keys are others now.
    Keys(Arc<Keys>),
    /// Whether the node's addresses are to move away.
    Draining(bool),
    /// Hand everything over, and end.
    End,
}

/// What a speaker begins with.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) name: Arc<str>,
    pub(crate) timing: Timing,
    pub(crate) port: u16,
    pub(crate) keys: Arc<Keys>,
    pub(crate) members: BTreeMap<Arc<str>, Vec<IpAddr>>,
    /// Who had which address, as far as status objects tell.
    pub(crate) remembered: Vec<(IpAddr, NodeId)>,
}

/// Why a speaker cannot work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// The port is taken, or may not be listened on.
    #[error("cannot listen on UDP port {port}: {error}{}", if .error.kind() == std::io::ErrorKind::AddrInUse { "; does another speaker run on this node?" } else { "" })]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        error: std::io::Error,
    },
    /// It runs elsewhere than on its node.
    #[error("none of the addresses of Node {0} is on this machine; is --node-name right?")]
    Elsewhere(Arc<str>),
    /// The kernel does not tell of interfaces.
    #[error("cannot read the interfaces of this node: {0}")]
    Links(#[from] crate::network::LinksError),
}

/// A speaker.
struct Speaking {
    own: NodeId,
    timing: Timing,
    agreement: Agreement,
    network: Network,
    transport: Transport,
    keys: Arc<Keys>,
    members: BTreeMap<NodeId, (Arc<str>, Vec<IpAddr>)>,
    wanted: BTreeMap<IpAddr, Arc<Wanted>>,
    /// Whose kernel is asked at an address.
    asked: HashMap<IpAddr, NodeId>,
    /// Since when our own link is being tested.
    testing: Option<Instant>,
    /// Whether the node drains, and whether the process ends.
    is_draining: bool,
    ends: Option<Instant>,
    held: BTreeMap<IpAddr, report::Address>,
    peers: BTreeMap<Arc<str>, Peer>,
    counts: Counts,
    report_due: Option<Instant>,
    counts_due: Instant,
    teller: Teller,
}

/// Runs a speaker until it is told to end and has handed over what it had.
pub(crate) async fn speak(
    begin: Begin,
    mut commands: mpsc::UnboundedReceiver<Command>,
    teller: Teller,
) -> Result<(), Failed> {
    let mut speaking = Speaking::new(begin, teller).await?;
    let mut buffer = Buffer::default();
    loop {
        speaking.act();
        if speaking.is_over() {
            speaking.leave();
            return Ok(());
        }
        let due = speaking.next();
        let Speaking {
            transport, network, ..
        } = &mut speaking;
        tokio::select! {
            received = poll_fn(|context| transport.poll_receive(context, &mut buffer)) => {
                if let Ok((length, from)) = received {
                    speaking.hear(&buffer.0[..length], from);
                }
            }
            happened = network.next() => speaking.happened(happened),
            // Who gives commands has gone: the process ends.
            command = commands.recv() => speaking.obey(command.unwrap_or(Command::End)),
            () = tokio::time::sleep_until(due.into()) => {}
        }
        speaking.drain(&mut buffer).await;
        speaking.tick(Instant::now());
    }
}

impl Speaking {
    async fn new(begin: Begin, teller: Teller) -> Result<Self, Failed> {
        let Begin {
            name, timing, port, ..
        } = begin;
        let own = begin.members.get(&name).cloned().unwrap_or_default();
        let transport =
            Transport::open(port, own).map_err(|error| Failed::Listen { port, error })?;
        if !transport.is_here() {
            return Err(Failed::Elsewhere(name));
        }
        let network = Network::open().await?;
        let boot = Boot(fastrand::u64(1..));
        let mut agreement = Agreement::new(&name, boot, timing, Instant::now());
        for (address, node) in begin.remembered {
            agreement.remember(address, node);
        }
        let mut speaking = Self {
            own: NodeId::of(&name),
            timing,
            agreement,
            network,
            transport,
            keys: begin.keys,
            members: BTreeMap::new(),
            wanted: BTreeMap::new(),
            asked: HashMap::new(),
            testing: None,
            is_draining: false,
            ends: None,
            held: BTreeMap::new(),
            peers: BTreeMap::new(),
            counts: Counts::default(),
            report_due: Some(Instant::now()),
            counts_due: Instant::now(),
            teller,
        };
        speaking.interfaces_changed();
        speaking.obey(Command::Members(begin.members));
        Ok(speaking)
    }

    fn next(&self) -> Instant {
        let next = self.agreement.next_tick();
        let others = [self.report_due, self.ends, Some(self.counts_due)];
        others.into_iter().flatten().fold(next, Instant::min)
    }

    /// Hears all that has come in meanwhile, before anybody's silence is judged.
    async fn drain(&mut self, buffer: &mut Buffer) {
        for _ in 0..AT_ONCE {
            let transport = &self.transport;
            let received = poll_fn(|context| {
                let polled = transport.poll_receive(context, buffer);
                std::task::Poll::Ready(polled)
            });
            match received.await {
                std::task::Poll::Ready(Ok((length, from))) => self.hear(&buffer.0[..length], from),
                _ => return,
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        if now >= self.agreement.next_tick() {
            self.agreement.tick(now);
        }
        if self.report_due.is_some_and(|at| now >= at) {
            self.report_due = None;
            self.report();
        }
        if now >= self.counts_due {
            self.counts_due = now + COUNTS;
            self.count();
        }
    }

    /// A datagram has come in.
    fn hear(&mut self, datagram: &[u8], from: IpAddr) {
        self.counts.received += 1;
        self.counts.received_bytes += datagram.len() as u64;
        let message = match self.keys.open(self.own, datagram) {
            Ok(message) => message,
            Err(refused) => return self.dropped(refused.into(), from),
        };
        if message.from != self.own && !self.transport.is_of(from, message.from) {
            return self.dropped(Dropped::Source, from);
        }
        if let Err(stale) = self.agreement.hear(&message, Instant::now()) {
            self.dropped(stale.into(), from);
        }
    }

    fn dropped(&mut self, why: Dropped, from: IpAddr) {
        let count = self.counts.dropped.entry(why).or_default();
        *count += 1;
        // Whoever begins a life is not known yet; so are those who greet it.
        let is_usual = why == Stale::ForAnotherLife.into();
        let from = from.to_canonical();
        // The first, and then fewer and fewer: who floods us does not flood the log.
        if count.is_power_of_two() && !is_usual {
            let (reason, count) = (why.reason(), *count);
            tracing::warn!(%from, reason, count, "datagrams on the speakers' port were dropped");
        }
    }

    fn happened(&mut self, happened: Happened) {
        match happened {
            Happened::Interfaces => self.interfaces_changed(),
            Happened::Announced(address) => {
                self.note(address, State::Announced, None);
                tracing::info!(%address, "announced");
            }
            Happened::Contested(contested) => self.contested(contested),
            Happened::Answered(address) => {
                if let Some(node) = self.asked.remove(&address) {
                    self.agreement.kernel_answered(node);
                }
            }
        }
    }

    fn contested(&mut self, contested: Contested) {
        let Contested { address, by, .. } = contested;
        let state = if contested.was_announced {
            tracing::warn!(%address, %by, "another host claims an address that is announced here; it is defended");
            State::Announced
        } else {
            tracing::warn!(%address, %by, "another host has an address; it is not announced, and tried again in ten seconds");
            State::Contested
        };
        self.note(address, state, Some(contested.by));
    }

    /// Notes how it is with an address.
    fn note(&mut self, address: IpAddr, state: State, by: Option<landfall_bare_metal_l2::Mac>) {
        let Some(held) = self.held.get_mut(&address) else {
            return;
        };
        if held.state != state {
            held.state = state;
            held.since = SystemTime::now();
        }
        held.contested_by = by;
        self.changed();
    }

    /// What is up, for the other speakers to know.
    fn interfaces_changed(&mut self) {
        let interfaces = self.network.interfaces().values();
        let up = interfaces.filter(|it| it.is_up && !it.subnets.is_empty());
        let told = up.take(MOST_INTERFACES).map(|it| {
            let subnets = it.subnets.iter().take(MOST_SUBNETS).copied().collect();
            let interface = Interface {
                mac: it.mac,
                subnets,
            };
            (it.name.clone(), interface)
        });
        let told = told.collect();
        self.agreement.interfaces(&told, Instant::now());
        self.wish_all();
        self.changed();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Members(members) => self.set_members(members),
            Command::Want(changes) => {
                for (address, wanted) in changes {
                    match wanted {
                        Some(wanted) => drop(self.wanted.insert(address, wanted)),
                        None => drop(self.wanted.remove(&address)),
                    }
                    self.wish(address);
                }
            }
            Command::Keys(keys) => {
                self.keys = keys;
                self.changed();
            }
            Command::Draining(is_draining) => {
                self.is_draining = is_draining;
                self.set_draining();
            }
            Command::End => {
                self.ends.get_or_insert_with(|| Instant::now() + HAND_OVER);
                self.set_draining();
            }
        }
    }

    fn set_draining(&mut self) {
        let is_draining = self.is_draining || self.ends.is_some();
        self.agreement.draining(is_draining, Instant::now());
        self.wish_all();
        self.changed();
    }

    fn set_members(&mut self, members: BTreeMap<Arc<str>, Vec<IpAddr>>) {
        let names: BTreeSet<Arc<str>> = members.keys().cloned().collect();
        let named = members.into_iter();
        let mut named: BTreeMap<_, _> = named
            .map(|(name, addresses)| (NodeId::of(&name), (name, addresses)))
            .collect();
        named.remove(&self.own);
        let places = named
            .iter()
            .map(|(node, (_, addresses))| (*node, addresses.clone()));
        self.transport.set_peers(places.collect());
        self.members = named;
        self.peers.retain(|name, _| names.contains(name));
        self.agreement.members(&names, Instant::now());
        self.wish_all();
        self.changed();
    }

    /// A report is due.
    fn changed(&mut self) {
        self.report_due
            .get_or_insert_with(|| Instant::now() + REPORTS);
    }

    fn is_over(&self) -> bool {
        let is_free = self.agreement.owned().next().is_none();
        self.ends
            .is_some_and(|until| is_free || Instant::now() >= until)
    }
}

#[cfg(test)]
mod tests;
