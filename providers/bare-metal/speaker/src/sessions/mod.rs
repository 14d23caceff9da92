//! The sessions of this node with routers: which there are, what they are told, and how they end. A task
//! for each session, all on a thread of their own, and this one, which knows the routes.

mod bfd;
mod discovery;
mod leaving;
mod link;
mod listeners;
mod options;
mod plan;
mod refused;
mod report;
mod session;
mod settling;
mod socket;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use ipnet::IpNet;
use landfall_bare_metal_bgp::Attributes;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::cluster::{RouteChange, Router};
use crate::marker::Marker;
use crate::network::Interface;
use crate::offers::{Offer, told};
#[cfg(test)]
pub(crate) use bfd::BfdReport;
pub(crate) use bfd::DroppedPackets;
use discovery::Discovery;
use listeners::Listeners;
use refused::Refused;
#[cfg(test)]
pub(crate) use report::{Agreed, Trouble};
pub(crate) use report::{AskRoutes, ListedRoutes, SessionId, SessionReport, SessionReports};

/// How long routers are given to move traffic away, before the routes of a node that drains are withdrawn.
const MARKED: Duration = Duration::from_secs(1);
/// The same where the process ends: others announce already.
const MARKED_AT_END: Duration = Duration::from_millis(300);
/// From the withdrawal of all routes to the end of the session.
const WITHDRAWN: Duration = Duration::from_millis(200);
/// From one try to listen on a port to the next, and from one look at interfaces that failed.
const RETRY: Duration = Duration::from_secs(5);
/// From one report to the next at least.
const REPORTS: Duration = Duration::from_millis(100);
/// Connections that wait to be looked at, at most.
const WAITING: usize = 64;
/// Sessions with routers of one network at most.
const MOST_WITHIN: usize = 256;

/// What is told of the cluster.
#[derive(Debug)]
pub(crate) enum Command {
    /// The routers that this node has sessions with.
    Routers(BTreeMap<Arc<str>, Router>),
    /// What is offered of prefixes; None: nothing.
    Routes(Vec<RouteChange>),
    /// Whether traffic is to move away from this node.
    Draining(bool),
    /// All is to end.
    End,
}

/// Who is told of it.
#[derive(Debug)]
pub(crate) struct Teller {
    /// How it is with each session.
    pub(crate) reports: watch::Sender<Arc<SessionReports>>,
    /// BFD packets that came from no router that is watched.
    pub(crate) strangers: watch::Sender<DroppedPackets>,
}

/// What is known at the beginning.
#[derive(Debug)]
pub(crate) struct Begin {
    /// The addresses of the node, at most one of each family.
    pub(crate) node: Vec<IpAddr>,
    /// Our BGP identifier, where a router's object says none.
    pub(crate) router_id: Ipv4Addr,
    pub(crate) routers: BTreeMap<Arc<str>, Router>,
    pub(crate) routes: Vec<RouteChange>,
    pub(crate) is_draining: bool,
    /// Whether a speaker before us has announced since the node was started.
    pub(crate) has_restarted: bool,
}

/// A session that runs.
#[derive(Debug)]
struct Handle {
    /// Where its router is; None: it was let in as one of a network.
    to: Option<SocketAddr>,
    commands: mpsc::UnboundedSender<session::Command>,
    task: JoinHandle<()>,
}

/// How far a node has come that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// It is not.
    Here,
    /// Routes are marked, so that traffic moves away (RFC 8326).
    Marked,
    /// Routes are withdrawn.
    Withdrawn,
    /// Sessions are closed.
    Closed,
}

/// What sessions have to do with the rest of the node.
struct Outside {
    listeners: Listeners,
    interfaces: watch::Receiver<Arc<BTreeMap<u32, Interface>>>,
    tell: mpsc::UnboundedSender<(SessionId, Option<SessionReport>)>,
    teller: watch::Sender<Arc<SessionReports>>,
    watching: mpsc::UnboundedSender<bfd::Command>,
    discovery: Discovery,
    marker: Marker,
}

struct Sessions {
    node: Vec<IpAddr>,
    router_id: Ipv4Addr,
    routers: BTreeMap<Arc<str>, Router>,
    routes: BTreeMap<IpNet, Arc<[Arc<Offer>]>>,
    running: BTreeMap<SessionId, Handle>,
    /// Sessions that were told to end; one that is to be in the same place waits for it.
    ending: BTreeMap<SessionId, JoinHandle<()>>,
    outside: Outside,
    phase: Phase,
    /// When the next phase begins.
    phase_due: Option<Instant>,
    is_draining: bool,
    has_restarted: bool,
    ends: bool,
    /// Routers that were found, by the names of their interfaces, which have these numbers.
    found: BTreeMap<String, (u32, Ipv6Addr)>,
    /// Why routers cannot be waited for that are.
    untold: BTreeMap<Arc<str>, String>,
    refused: Refused,
    /// When what failed is tried again.
    retry_due: Option<Instant>,
    reports: SessionReports,
    report_due: Option<Instant>,
}

/// Runs all sessions until it is told to end.
pub(crate) async fn run(
    begin: Begin,
    mut commands: mpsc::UnboundedReceiver<Command>,
    teller: Teller,
    marker: Marker,
    mut asked: mpsc::Receiver<AskRoutes>,
) {
    let (accept, mut accepted) = mpsc::channel(WAITING);
    let (tell, mut told) = mpsc::unbounded_channel();
    let (find, mut found) = mpsc::unbounded_channel();
    let (interfaces, following) = surroundings::follow();
    let following = tokio::spawn(following);
    let (watching, watched) = mpsc::unbounded_channel();
    let watched = tokio::spawn(bfd::run(watched, teller.strangers));
    let mut changed = interfaces.clone();
    let outside = Outside {
        listeners: Listeners::new(accept),
        interfaces,
        tell,
        teller: teller.reports,
        watching,
        discovery: Discovery::new(find),
        marker,
    };
    let mut sessions = Sessions::new(begin, outside);
    sessions.settle();
    while !sessions.is_over() {
        let due = sessions.next();
        tokio::select! {
            command = commands.recv() => sessions.obey(command.unwrap_or(Command::End)),
            Some((port, stream)) = accepted.recv() => {
                sessions.accepted(port, stream, Instant::now());
            }
            Some((id, report)) = told.recv() => sessions.note(id, report),
            Some((name, index, address)) = found.recv() => {
                sessions.found.insert(name, (index, address));
                sessions.settle();
            }
            Some(ask) = asked.recv() => sessions.list(ask),
            Ok(()) = changed.changed() => sessions.settle(),
            () = tokio::time::sleep_until(due.into()) => {}
        }
        sessions.tick(Instant::now());
    }
    sessions.end().await;
    following.abort();
    drop(sessions);
    // What panicked has said so.
    let _ = watched.await;
}

impl Sessions {
    fn new(begin: Begin, outside: Outside) -> Self {
        let routes = begin.routes.into_iter();
        Self {
            node: begin.node,
            router_id: begin.router_id,
            routers: begin.routers,
            routes: routes.filter_map(|(net, it)| Some((net, it?))).collect(),
            running: BTreeMap::new(),
            ending: BTreeMap::new(),
            outside,
            phase: if begin.is_draining {
                Phase::Closed
            } else {
                Phase::Here
            },
            phase_due: None,
            is_draining: begin.is_draining,
            has_restarted: begin.has_restarted,
            ends: false,
            found: BTreeMap::new(),
            untold: BTreeMap::new(),
            refused: Refused::default(),
            retry_due: None,
            reports: SessionReports::new(),
            report_due: None,
        }
    }

    fn next(&self) -> Instant {
        let all = [self.phase_due, self.retry_due, self.report_due];
        let hour = Instant::now() + Duration::from_hours(1);
        all.into_iter().flatten().min().unwrap_or(hour)
    }

    fn is_over(&self) -> bool {
        self.ends && self.phase == Phase::Closed
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Routers(routers) => {
                self.replace(routers);
                self.settle();
            }
            Command::Routes(changes) => self.change(changes),
            Command::Draining(is_draining) => {
                self.is_draining = is_draining;
                if is_draining {
                    self.leave(MARKED);
                } else if !self.ends {
                    self.come_back();
                }
            }
            Command::End => {
                self.ends = true;
                self.leave(MARKED_AT_END);
            }
        }
    }

    /// Takes in what is offered, and tells each session what it comes to.
    fn change(&mut self, changes: Vec<RouteChange>) {
        if self.phase < Phase::Withdrawn {
            for ((name, _), handle) in &self.running {
                let each = changes.iter().map(|(prefix, offers)| {
                    let offers = offers.as_deref().unwrap_or_default();
                    (*prefix, told(offers, name))
                });
                handle.send(session::Command::Routes(each.collect()));
            }
        }
        for (prefix, offers) in changes {
            match offers {
                Some(offers) => drop(self.routes.insert(prefix, offers)),
                None => drop(self.routes.remove(&prefix)),
            }
        }
    }

    fn all_routes(&self, name: &str) -> Vec<(IpNet, Option<Arc<Attributes>>)> {
        let routes = self.routes.iter();
        routes
            .map(|(net, offers)| (*net, told(offers, name)))
            .collect()
    }

    /// Tells somebody what routers were told, as soon as each session has said so.
    fn list(&self, ask: AskRoutes) {
        let answers: Vec<_> = self
            .running
            .iter()
            .map(|(id, handle)| {
                let (tell, told) = oneshot::channel();
                handle.send(session::Command::List(tell));
                let id = id.clone();
                // One that ends has told nobody anything.
                async move { Some((id, told.await.ok()?)) }
            })
            .collect();
        tokio::spawn(async move {
            let answers = join_all(answers).await;
            // Who asked may have gone.
            let _ = ask.send(answers.into_iter().flatten().collect());
        });
    }

    fn note(&mut self, id: SessionId, report: Option<SessionReport>) {
        match report {
            Some(report) => {
                if report.routes[1] > 0 {
                    self.outside.marker.set();
                }
                self.reports.insert(id, report);
            }
            // One that is there again has told of itself, or will.
            None if self.is_running(&id) => {}
            None => drop(self.reports.remove(&id)),
        }
        self.changed();
    }

    fn changed(&mut self) {
        self.report_due
            .get_or_insert_with(|| Instant::now() + REPORTS);
    }

    fn tick(&mut self, now: Instant) {
        self.ending.retain(|_, it| !it.is_finished());
        if self.phase_due.is_some_and(|it| now >= it) {
            self.phase_due = None;
            self.next_phase();
        }
        if self.retry_due.is_some_and(|it| now >= it) {
            self.settle();
        }
        if self.report_due.is_some_and(|it| now >= it) {
            self.report_due = None;
            self.outside
                .teller
                .send_replace(Arc::new(self.reports.clone()));
        }
    }
}
