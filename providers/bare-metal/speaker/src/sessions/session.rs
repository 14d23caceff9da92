//! A session with one router: the machine, its connections, and who is told of it. A task of its own.

mod acting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use ipnet::IpNet;
use landfall_bare_metal_bgp::{Attributes, ConnectionId, Leave, Peer, Settings, State};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::bfd::News;
use super::link::{Buffer, Link};
use super::options::set_md5;
use super::report::{SessionId, SessionReport};
use super::socket::{Manner, host, next_hops};
use crate::cluster::Key;
use crate::network::Interface;

/// From one report to the next at least.
const REPORTS: Duration = Duration::from_millis(100);
/// How long a session with a router of a network is kept that has no connection.
const IDLE: Duration = Duration::from_mins(2);

/// What a session is told.
#[derive(Debug)]
pub(super) enum Command {
    /// What is to be announced of prefixes; None: nothing.
    Routes(Vec<(IpNet, Option<Arc<Attributes>>)>),
    /// What was told is all that there is.
    Complete,
    /// The password is another, or is known now.
    Key(Key),
    /// Whether traffic is to move away.
    Leaving(bool),
    /// The router has opened a connection.
    Accepted(TcpStream),
    /// Something keeps the router from opening connections; None: not any more.
    Trouble(Option<String>),
    /// BFD has something to say of the router.
    Bfd(News),
    /// Somebody asks what the router was told.
    List(oneshot::Sender<Vec<(IpNet, Attributes)>>),
    /// There is to be no session any more.
    Stop(Leave),
}

/// What a session is made of.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) id: SessionId,
    /// Where the router is; None: it is only waited for.
    pub(super) to: Option<SocketAddr>,
    pub(super) manner: Manner,
    pub(super) settings: Settings,
    pub(super) key: Key,
    /// The addresses of the node.
    pub(super) node: Vec<IpAddr>,
    pub(super) interfaces: watch::Receiver<Arc<BTreeMap<u32, Interface>>>,
}

/// A session.
pub(super) struct Session {
    plan: Plan,
    peer: Peer,
    links: BTreeMap<ConnectionId, Link>,
    /// As they were when they were looked at last.
    interfaces: Arc<BTreeMap<u32, Interface>>,
    dialling: Option<(ConnectionId, BoxFuture<'static, io::Result<TcpStream>>)>,
    closing: JoinSet<()>,
    commands: mpsc::UnboundedReceiver<Command>,
    tell: mpsc::UnboundedSender<(SessionId, Option<SessionReport>)>,
    report: SessionReport,
    report_due: Option<Instant>,
    /// Since when a router that is only waited for has no connection.
    idle_since: Option<Instant>,
    is_stopped: bool,
}

/// Runs a session until it is told to stop, once what was there before it has ended.
pub(super) async fn run(
    plan: Plan,
    commands: mpsc::UnboundedReceiver<Command>,
    tell: mpsc::UnboundedSender<(SessionId, Option<SessionReport>)>,
    before: Option<JoinHandle<()>>,
) {
    if let Some(before) = before {
        // Why it has ended is nothing to us.
        let _ = before.await;
    }
    let mut session = Session::new(plan, commands, tell);
    let mut buffer = Buffer::default();
    session.begin();
    loop {
        session.act();
        session.tell();
        if session.is_stopped {
            break;
        }
        session.wait().await;
        while let Ok(command) = session.commands.try_recv() {
            session.obey(command);
        }
        session.read(&mut buffer);
        session.peer.tick(Instant::now());
        session.end_if_idle(Instant::now());
    }
    while session.closing.join_next().await.is_some() {}
}

impl Session {
    fn new(
        plan: Plan,
        commands: mpsc::UnboundedReceiver<Command>,
        tell: mpsc::UnboundedSender<(SessionId, Option<SessionReport>)>,
    ) -> Self {
        let peer = Peer::new(plan.settings.clone(), fastrand::u64(..));
        let mut plan = plan;
        let interfaces = plan.interfaces.borrow_and_update().clone();
        let report = SessionReport::new(None);
        Self {
            plan,
            peer,
            links: BTreeMap::new(),
            interfaces,
            dialling: None,
            closing: JoinSet::new(),
            commands,
            tell,
            report,
            report_due: Some(Instant::now()),
            idle_since: None,
            is_stopped: false,
        }
    }

    /// Starts, unless a password is missing.
    fn begin(&mut self) {
        match &self.plan.key {
            Key::Missing(why) => self.failed(why.clone()),
            Key::Unread(why) => self.wrong(why.clone()),
            Key::None | Key::Known(_) => self.peer.start(Instant::now()),
        }
    }

    /// A router that was let in as one of a network, and has gone, needs no session.
    fn end_if_idle(&mut self, now: Instant) {
        if self.plan.to.is_some() || !self.links.is_empty() {
            self.idle_since = None;
            return;
        }
        let since = *self.idle_since.get_or_insert(now);
        if now >= since + IDLE {
            // Whoever looks sees that it listens no more.
            self.commands.close();
            self.peer.stop(&Leave::Deconfigured);
            self.is_stopped = true;
        }
    }

    /// Something went wrong; if it is what went wrong before, that was said.
    fn failed(&mut self, why: String) {
        let before = self.report.error.as_ref();
        let (peer, to) = (&self.plan.id.0, self.plan.id.1);
        if before.is_some_and(|it| it.why == why) {
            tracing::debug!(%peer, ?to, error = why, "BGP session, again");
        } else {
            tracing::warn!(%peer, ?to, error = why, "BGP session");
        }
        self.wrong(why);
    }

    /// Reports what is wrong.
    fn wrong(&mut self, why: String) {
        self.report.error = Some(why.into());
        self.report_due.get_or_insert_with(Instant::now);
    }

    /// Waits until something happens.
    async fn wait(&mut self) {
        let now = Instant::now();
        let reads = self.links.values().filter_map(Link::may_read_at);
        let all = reads.chain(self.peer.next_tick()).chain(self.report_due);
        let all = all.chain(self.idle_since.map(|it| it + IDLE));
        let due = all.min().unwrap_or(now + Duration::from_hours(1));
        let Self {
            links,
            dialling,
            commands,
            closing,
            plan,
            ..
        } = self;
        let ready = poll_fn(|context| {
            let mut links = links.values();
            if links.any(|it| it.poll(context, now).is_ready()) {
                return Poll::Ready(());
            }
            Poll::Pending
        });
        let dialled = async {
            match dialling {
                Some((id, stream)) => (*id, stream.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            command = commands.recv() => {
                self.obey(command.unwrap_or(Command::Stop(Leave::Deconfigured)));
            }
            (id, stream) = dialled => {
                self.dialling = None;
                self.dialled(id, stream);
            }
            Some(_) = closing.join_next() => {}
            Ok(()) = plan.interfaces.changed() => self.interfaces_changed(),
            () = ready => {}
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }

    /// A router on a link that is down is gone. One that is farther away may be reached by another way. And
    /// one to which there is a way again need not be waited for.
    fn interfaces_changed(&mut self) {
        let interfaces = self.plan.interfaces.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.interfaces, interfaces.clone());
        let now = Instant::now();
        let gone = self.links.iter().filter(|(_, link)| {
            let local = link.stream().local_addr();
            local.is_ok_and(|it| self.plan.manner.is_cut_off(it, &interfaces))
        });
        for id in gone.map(|(id, _)| *id).collect::<Vec<_>>() {
            let why = "the interface is down".to_owned();
            self.peer.lost(id, Some(why), now);
        }
        let manner = &self.plan.manner;
        if self
            .plan
            .to
            .is_some_and(|it| manner.is_led_to_anew(it, &before, &interfaces))
        {
            self.peer.hurry(now);
        }
    }

    fn dialled(&mut self, id: ConnectionId, stream: io::Result<TcpStream>) {
        let now = Instant::now();
        match stream.and_then(|it| Ok((self.next_hops(&it)?, it))) {
            Ok((hops, stream)) => {
                self.links.insert(id, Link::new(stream, now));
                self.peer.connected(id, hops, now);
            }
            Err(error) => self.peer.lost(id, Some(error.to_string()), now),
        }
    }

    fn next_hops(&self, stream: &TcpStream) -> io::Result<landfall_bare_metal_bgp::NextHops> {
        next_hops(stream, &self.plan.interfaces.borrow(), &self.plan.node)
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Routes(routes) => {
                for (prefix, attributes) in routes {
                    self.peer.want(prefix, attributes);
                }
                self.changed();
            }
            Command::Complete => self.peer.complete(),
            Command::Key(key) => self.set_key(key),
            Command::Leaving(is_leaving) => self.peer.leaving(is_leaving),
            Command::Accepted(stream) => self.accepted(stream),
            Command::Trouble(Some(why)) => self.failed(why),
            Command::Trouble(None) => {
                self.report.error = None;
                self.changed();
            }
            Command::Bfd(News::Up) => self.peer.hurry(Instant::now()),
            Command::Bfd(News::Failed) => self.peer.bfd_down(Instant::now()),
            Command::Bfd(News::Report(report)) => {
                self.report.bfd = Some(report);
                self.report_due.get_or_insert_with(Instant::now);
            }
            Command::List(tell) => {
                let routes = self.peer.routes().map(|(net, it)| (net, it.clone()));
                // Who asked may have gone.
                let _ = tell.send(routes.collect());
            }
            Command::Stop(leave) => {
                self.peer.stop(&leave);
                self.is_stopped = true;
            }
        }
    }

    /// What is on the way with the old key is signed with the new one when it is sent again: a router that
    /// changes its key at the same time does not lose the session.
    fn set_key(&mut self, key: Key) {
        match (&self.plan.key, &key) {
            // What works goes on working.
            (Key::None | Key::Known(_), Key::Missing(why)) => return self.failed(why.clone()),
            (Key::None | Key::Known(_), Key::Unread(_)) => return,
            _ => {}
        }
        let had_none = self.plan.key.missing().is_some();
        self.plan.key = key;
        let key = self.plan.key.known().cloned();
        for link in self.links.values() {
            let set = link.stream().peer_addr();
            let set = set.and_then(|it| {
                set_md5(link.stream(), host(it.ip().to_canonical()), key.as_deref())
            });
            if let Err(error) = set {
                tracing::warn!(peer = %self.plan.id.0, %error, "the password could not be changed");
            }
        }
        if self.plan.key.known().is_some() {
            tracing::info!(peer = %self.plan.id.0, "the password was read, and is used from now on");
        }
        if self.peer.state() == State::Established {
            // Of a password that was missing, if of anything.
            self.report.error = None;
            self.changed();
        }
        if had_none {
            self.begin();
        } else {
            // What was asked with the old one is not answered.
            self.peer.hurry(Instant::now());
        }
    }

    fn accepted(&mut self, stream: TcpStream) {
        let now = Instant::now();
        let ready = self.plan.manner.apply_accepted(&stream);
        match ready.and_then(|()| self.next_hops(&stream)) {
            Ok(hops) => {
                if let Some(id) = self.peer.accepted(hops, now) {
                    self.links.insert(id, Link::new(stream, now));
                }
            }
            Err(error) => self.failed(format!("a connection could not be accepted: {error}")),
        }
    }

    fn changed(&mut self) {
        self.report_due
            .get_or_insert_with(|| Instant::now() + REPORTS);
    }

    /// Reports how it is, if that has changed.
    fn tell(&mut self) {
        let state = self.peer.state();
        let has_changed = state != self.report.state;
        let is_due = self.report_due.is_some_and(|it| Instant::now() >= it);
        if !has_changed && !is_due && !self.is_stopped {
            return;
        }
        self.report_due = None;
        if has_changed {
            self.report.state = state;
            self.report.since = SystemTime::now();
        }
        self.report.take(&self.peer);
        let report = (!self.is_stopped).then(|| self.report.clone());
        // Who gathers reports has ended before us only if all ends.
        let _ = self.tell.send((self.plan.id.clone(), report));
    }
}
