//! BFD beside the sessions with routers: one task that has all of it, and tells each session what it must
//! know.

mod shared;
mod sockets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::IpAddr;
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

use landfall_bare_metal_bfd::{Action, DownReason, Dropped, HopKind, Path, Sessions, State};
use landfall_bare_metal_resources::BfdSession;
use tokio::sync::{mpsc, watch};

use super::RETRY;
use super::report::SessionId;
use shared::{User, config, joined};
use sockets::{Listener, Sender, port, room};

/// Packets that are read in one go from one socket at most.
const AT_ONCE: usize = 256;
/// From one report of what was counted to the next.
const REPORTS: Duration = Duration::from_secs(1);

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watched {
    /// The router; of a link-local address, with the number of the interface.
    pub(super) to: IpAddr,
    pub(super) interface: Option<u32>,
    /// Our own address, if only one is to be used.
    pub(super) source: Option<IpAddr>,
    pub(super) session: BfdSession,
}

/// How it is with a session of BFD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BfdReport {
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: SystemTime,
    /// Why it cannot even begin.
    pub(crate) trouble: Option<String>,
    /// After how long the router counts as gone.
    pub(crate) detection_time: Option<Duration>,
    /// How often it was up and is no more.
    pub(crate) downs: u64,
    /// Packets of the router that were dropped, by why.
    pub(crate) dropped: DroppedPackets,
}

/// Packets that were dropped, by why.
pub(crate) type DroppedPackets = BTreeMap<Dropped, u64>;

/// What a session with a router is told.
#[derive(Debug)]
pub(super) enum News {
    /// The router is gone.
    Failed,
    /// It is there.
    Up,
    /// This is how it is.
    Report(BfdReport),
}

/// What is told to this task.
#[derive(Debug)]
pub(super) enum Command {
    /// A router is to be watched for a session, which is told of it.
    Watch(
        SessionId,
        Watched,
        mpsc::UnboundedSender<super::session::Command>,
    ),
    /// It is not any more.
    Forget(SessionId),
}

/// A session of BFD, of which several sessions with routers may want to know: there is one between two
/// addresses (RFC 5881 §3).
#[derive(Debug)]
struct Entry {
    sender: Sender,
    users: BTreeMap<SessionId, User>,
    since: SystemTime,
    state: State,
    reported: Option<BfdReport>,
}

struct Watching {
    sessions: Sessions,
    entries: BTreeMap<Path, Entry>,
    paths: BTreeMap<SessionId, Path>,
    /// Told which packets came from no router that is watched.
    strangers: watch::Sender<DroppedPackets>,
    listeners: BTreeMap<(HopKind, bool), Listener>,
    /// Why a port cannot be listened on, and when it is tried again.
    troubles: BTreeMap<(HopKind, bool), String>,
    retry: Option<Instant>,
    report: Instant,
}

/// Watches routers until nobody commands any more, and those that were watched have been told.
pub(super) async fn run(
    mut commands: mpsc::UnboundedReceiver<Command>,
    strangers: watch::Sender<DroppedPackets>,
) {
    let mut watching = Watching::new(strangers);
    loop {
        let due = watching.next();
        let listeners = &watching.listeners;
        let ready = poll_fn(|context| {
            let mut all = listeners.values();
            if all.any(|it| it.poll(context).is_ready()) {
                return Poll::Ready(());
            }
            Poll::Pending
        });
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => watching.obey(command),
                None => return,
            },
            () = ready => {}
            () = tokio::time::sleep_until(due.into()) => {}
        }
        // Nobody is taken for silent whom nobody has listened to.
        watching.hear();
        watching.tick(Instant::now());
    }
}

impl Watching {
    fn new(strangers: watch::Sender<DroppedPackets>) -> Self {
        Self {
            sessions: Sessions::new(fastrand::u64(..)),
            entries: BTreeMap::new(),
            paths: BTreeMap::new(),
            strangers,
            listeners: BTreeMap::new(),
            troubles: BTreeMap::new(),
            retry: None,
            report: Instant::now(),
        }
    }

    fn next(&self) -> Instant {
        let report = (!self.entries.is_empty()).then_some(self.report);
        let all = [self.sessions.next_tick(), self.retry, report];
        let hour = Instant::now() + Duration::from_hours(1);
        all.into_iter().flatten().min().unwrap_or(hour)
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Forget(id) => self.forget(&id, now),
            Command::Watch(id, watched, tell) => self.watch(id, &watched, tell, now),
        }
        self.listen();
    }

    fn watch(
        &mut self,
        id: SessionId,
        watched: &Watched,
        tell: mpsc::UnboundedSender<super::session::Command>,
        now: Instant,
    ) {
        let Some(config) = config(&watched.session) else {
            return;
        };
        let path = self.path(watched, config.hops.into());
        let entry = self.entries.entry(path).or_insert_with(|| Entry {
            sender: Sender::new(watched.at(path.hops), watched.source),
            users: BTreeMap::new(),
            since: SystemTime::now(),
            state: State::Down,
            reported: None,
        });
        entry.users.insert(id.clone(), User { config, tell });
        entry.reported = None;
        self.paths.insert(id, path);
        self.configure(&path, now);
        self.report = now;
    }

    fn forget(&mut self, id: &SessionId, now: Instant) {
        let Some(path) = self.paths.remove(id) else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(&path) {
            entry.users.remove(id);
            if !entry.users.is_empty() {
                return self.configure(&path, now);
            }
        }
        if let Some(entry) = self.entries.remove(&path) {
            self.sessions.remove(&path, now);
            self.last_word(&path, entry);
        }
    }

    /// Has a session be as its users want it.
    fn configure(&mut self, path: &Path, now: Instant) {
        let users = self.entries.get(path).into_iter();
        let configs = users.flat_map(|it| it.users.values().map(|it| it.config));
        if let Some(config) = configs.reduce(joined) {
            self.sessions.set(path.peer, path.local, config, now);
        }
    }

    /// The router is told at once; that it may be said more often is not waited for.
    fn last_word(&mut self, own: &Path, mut entry: Entry) {
        let now = Instant::now();
        for (path, action) in self.sessions.take_actions() {
            match action {
                Action::Send(packet) if path == *own => entry.sender.send(&packet, now),
                other => self.act(path, other, now),
            }
        }
    }

    /// Listens where something may come in, and nowhere else.
    fn listen(&mut self) {
        self.retry = None;
        let paths = self.entries.keys();
        let needed: BTreeSet<_> = paths.map(|it| (it.hops, it.peer.is_ipv4())).collect();
        self.listeners.retain(|it, _| needed.contains(it));
        self.troubles.retain(|it, _| needed.contains(it));
        for key in needed {
            if self.listeners.contains_key(&key) {
                continue;
            }
            let (hops, is_ipv4) = key;
            match Listener::open(hops, is_ipv4) {
                Ok(listener) => {
                    self.listeners.insert(key, listener);
                    self.troubles.remove(&key);
                }
                Err(error) => {
                    let port = port(hops);
                    let why = format!("cannot listen on UDP port {port}: {error}");
                    self.troubles.insert(key, why);
                    self.retry = Some(Instant::now() + RETRY);
                }
            }
        }
    }

    /// Hears all that has come in.
    fn hear(&mut self) {
        let mut buffer = room();
        let now = Instant::now();
        for listener in self.listeners.values() {
            for _ in 0..AT_ONCE {
                let Some((packet, arrival)) = listener.next(&mut buffer) else {
                    break;
                };
                // What is dropped is counted by its session, or by all of them.
                let _ = self.sessions.receive(packet, &arrival, now);
            }
        }
        self.act_all(now);
    }

    fn tick(&mut self, now: Instant) {
        self.sessions.tick(now);
        self.act_all(now);
        if self.retry.is_some_and(|it| now >= it) {
            self.listen();
        }
        if now >= self.report {
            self.report = now + REPORTS;
            self.tell();
        }
    }

    fn act_all(&mut self, now: Instant) {
        for (path, action) in self.sessions.take_actions() {
            self.act(path, action, now);
        }
    }

    fn act(&mut self, path: Path, action: Action, now: Instant) {
        // Of one that is forgotten no more is said.
        let Some(entry) = self.entries.get_mut(&path) else {
            return;
        };
        match action {
            Action::Send(packet) => entry.sender.send(&packet, now),
            Action::Up => {
                self.report = now;
                entry.tell(|| News::Up);
            }
            Action::Down { reason } => {
                self.report = now;
                tracing::warn!(router = %path.peer, reason = reason_of(reason), "BFD session down");
                if reason.is_failure() {
                    entry.tell(|| News::Failed);
                }
            }
        }
    }

    /// Tells each session how it is, if that has changed.
    fn tell(&mut self) {
        for (path, entry) in &mut self.entries {
            let Some(session) = self.sessions.get(path) else {
                continue;
            };
            if session.state() != entry.state {
                entry.state = session.state();
                entry.since = SystemTime::now();
            }
            let key = (path.hops, path.peer.is_ipv4());
            let counts = session.counts();
            let report = BfdReport {
                state: entry.state,
                since: entry.since,
                trouble: self.troubles.get(&key).cloned(),
                detection_time: session.detection_time(),
                downs: counts.down,
                dropped: counts.dropped.clone(),
            };
            if entry.reported.as_ref() != Some(&report) {
                entry.tell(|| News::Report(report.clone()));
                entry.reported = Some(report);
            }
        }
        let strangers = self.sessions.dropped();
        self.strangers.send_if_modified(|it| {
            let is_new = it != strangers;
            if is_new {
                it.clone_from(strangers);
            }
            is_new
        });
    }
}

impl Entry {
    fn tell(&self, news: impl Fn() -> News) {
        for user in self.users.values() {
            // A session that has ended needs nothing.
            let _ = user.tell.send(super::session::Command::Bfd(news()));
        }
    }
}

fn reason_of(reason: DownReason) -> &'static str {
    match reason {
        DownReason::ControlDetectionTimeExpired => "nothing heard for the detection time",
        DownReason::NeighborSignaledDown => "the router says so",
        DownReason::NeighborAdministrativelyDown => "the router's administrator",
        DownReason::OwnAdministrativeDown => "not watched any more",
    }
}
