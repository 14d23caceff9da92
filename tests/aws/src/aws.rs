//! The stand-in as a test holds it: started, looked at, and let go.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::calls::Call;
use crate::door;
use crate::ec2::{Address, Instance, Interface, Rule, SecurityGroup, Subnet};
use crate::elb::{Listener, LoadBalancer, TargetGroup};
use crate::faults::Fault;
use crate::gate::When;
use crate::options::{Options, Quotas};
use crate::server::Shared;
use crate::throttle::Throttles;
use crate::world::{Ids, World};

/// Why the stand-in does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or none is free.
    #[error("port {port} of 127.0.0.1 cannot be bound; choose another, or 0")]
    Bind {
        /// The port that was asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no thread or runtime for it.
    #[error("the stand-in's own thread does not start; free some of the system's resources")]
    Thread(#[source] std::io::Error),
}

/// A pretended AWS. Copies of this are hands on the same one; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Aws(Arc<Running>);

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// All that exists, for asserts and for `GET /state`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Everything {
    /// Load balancers, in the order of their ARNs.
    pub load_balancers: Vec<LoadBalancer>,
    /// Target groups, in the order of their ARNs.
    pub target_groups: Vec<TargetGroup>,
    /// Listeners, in the order of their ARNs.
    pub listeners: Vec<Listener>,
    /// Security groups, those of the world included.
    pub security_groups: Vec<SecurityGroup>,
    /// Elastic IP addresses.
    pub addresses: Vec<Address>,
    /// Network interfaces, those of nodes included.
    pub interfaces: Vec<Interface>,
}

impl Aws {
    /// Starts a stand-in on 127.0.0.1, on a thread of its own. It panics where [`Aws::try_start`]
    /// fails.
    pub fn start(options: Options) -> Self {
        Self::try_start(options).expect("a test machine has a free port and a thread to spare")
    }

    /// Starts a stand-in on 127.0.0.1, on a thread of its own.
    pub fn try_start(options: Options) -> Result<Self, Error> {
        let port = options.port;
        let bind = |source| Error::Bind { port, source };
        let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        socket.set_nonblocking(true).map_err(bind)?;
        let shared = Arc::new(Shared::new(options));
        let (end, ended) = oneshot::channel();
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Error::Thread)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(socket).map_err(bind)?
        };
        let served = shared.clone();
        let thread = std::thread::Builder::new().name("strict-aws".to_owned());
        let thread = thread
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        never = door::serve(listener, served) => match never {},
                        _ = ended => {}
                    }
                });
            })
            .map_err(Error::Thread)?;
        Ok(Self(Arc::new(Running {
            address,
            shared,
            end: Some(end),
            thread: Some(thread),
        })))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// The endpoint of every service.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.address)
    }

    /// The only region.
    pub fn region(&self) -> String {
        self.shared().core().state.options.region.clone()
    }

    /// The number of the account.
    pub fn account(&self) -> String {
        self.shared().core().state.options.account.clone()
    }

    /// Builds a world beside those that are there.
    pub fn world(&self, world: &World) -> Ids {
        let mut core = self.shared().core();
        let now = core.clock.now();
        core.state.build(world, now)
    }

    /// What has passed since the start, on the stand-in's clock.
    pub fn now(&self) -> Duration {
        self.shared().core().clock.now()
    }

    /// Moves the clock ahead.
    pub fn advance(&self, by: Duration) {
        self.shared().core().clock.advance(by);
    }

    /// Stops the clock. It still can be moved ahead.
    pub fn freeze(&self) {
        self.shared().core().clock.freeze();
    }

    /// Lets the clock run with real time.
    pub fn thaw(&self) {
        self.shared().core().clock.thaw();
    }

    /// All calls, in the order in which they were carried out.
    pub fn calls(&self) -> Vec<Call> {
        self.shared().core().calls.clone()
    }

    /// The calls of actions that may change anything.
    pub fn changes(&self) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|it| it.mutating);
        calls
    }

    /// How many calls of an action there were.
    pub fn count(&self, action: &str) -> usize {
        let core = self.shared().core();
        core.calls.iter().filter(|it| it.action == action).count()
    }

    /// How many calls of each action there were.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in &self.shared().core().calls {
            *counts.entry(call.action.clone()).or_default() += 1;
        }
        counts
    }

    /// Forgets all calls.
    pub fn clear_calls(&self) {
        self.shared().core().calls.clear();
    }

    /// All that exists.
    pub fn everything(&self) -> Everything {
        Everything {
            load_balancers: self.load_balancers(),
            target_groups: self.target_groups(),
            listeners: self.listeners(),
            security_groups: self.security_groups(),
            addresses: self.addresses(),
            interfaces: self.interfaces(),
        }
    }

    /// Load balancers, in the order of their ARNs.
    pub fn load_balancers(&self) -> Vec<LoadBalancer> {
        let core = self.shared().core();
        core.state.elb.load_balancers.values().cloned().collect()
    }

    /// Target groups, in the order of their ARNs, with their targets.
    pub fn target_groups(&self) -> Vec<TargetGroup> {
        let mut core = self.shared().core();
        let (now, most) = (core.clock.now(), core.state.options.draining);
        core.state.elb.settle_all_targets(most, now);
        core.state.elb.target_groups.values().cloned().collect()
    }

    /// Listeners, in the order of their ARNs.
    pub fn listeners(&self) -> Vec<Listener> {
        let core = self.shared().core();
        core.state.elb.listeners.values().cloned().collect()
    }

    /// Security groups, those of worlds included.
    pub fn security_groups(&self) -> Vec<SecurityGroup> {
        let core = self.shared().core();
        core.state.ec2.security_groups.values().cloned().collect()
    }

    /// The ingress rules of a security group; none if it is not there.
    pub fn rules(&self, group: &str) -> Vec<Rule> {
        let core = self.shared().core();
        let group = core.state.ec2.security_groups.get(group);
        let rules = group.into_iter().flat_map(|it| &it.rules);
        rules.filter(|it| !it.egress).cloned().collect()
    }

    /// Elastic IP addresses.
    pub fn addresses(&self) -> Vec<Address> {
        let core = self.shared().core();
        core.state.ec2.addresses.values().cloned().collect()
    }

    /// Network interfaces, those of nodes included.
    pub fn interfaces(&self) -> Vec<Interface> {
        let mut core = self.shared().core();
        let now = core.clock.now();
        core.state.settle(now);
        core.state.ec2.interfaces.values().cloned().collect()
    }

    /// Instances.
    pub fn instances(&self) -> Vec<Instance> {
        let core = self.shared().core();
        core.state.ec2.instances.values().cloned().collect()
    }

    /// Subnets.
    pub fn subnets(&self) -> Vec<Subnet> {
        let core = self.shared().core();
        core.state.ec2.subnets.values().cloned().collect()
    }

    /// Lets calls go wrong. Faults that were ordered earlier come first.
    pub fn fault(&self, fault: Fault) {
        self.shared().core().faults.add(fault);
    }

    /// Denies an action: `CreateTags`, or `ec2:CreateTags`.
    pub fn deny(&self, action: &str) {
        self.shared().core().faults.deny(action);
    }

    /// Throttles actions: all that start with the prefix share a bucket of `burst` calls, which
    /// refills at this rate on the stand-in's clock.
    pub fn throttle(&self, prefix: &str, per_second: f64, burst: u32) {
        let mut core = self.shared().core();
        let now = core.clock.now();
        core.throttles.add(prefix, per_second, burst, now);
    }

    /// Ends all faults, denials and throttling. Keys stay expired.
    pub fn mend(&self) {
        let mut core = self.shared().core();
        core.faults.mend();
        core.throttles = Throttles::default();
    }

    /// How long each call takes from now on, in real time.
    pub fn latency(&self, each: Duration) {
        self.shared().core().latency = each;
    }

    /// How much of each thing there may be from now on.
    pub fn set_quotas(&self, quotas: Quotas) {
        self.shared().core().state.options.quotas = quotas;
    }

    /// Makes an access key id known, that does not expire and needs no session token.
    pub fn add_key(&self, id: &str) {
        self.shared().core().state.keys.add(id);
    }

    /// Lets an access key id expire.
    pub fn expire_key(&self, id: &str) {
        self.shared().core().state.keys.expire(id);
    }

    /// At the n-th call from now, the first being 1, the world stops: this call and all later ones
    /// hang without an answer. Only this one may still be carried out.
    pub fn stop_at(&self, n: usize, when: When) {
        self.shared().core().gate.stop_at(n, when);
    }

    /// Whether the world has stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared().core().gate.is_stopped()
    }

    /// Waits until the world has stopped.
    pub async fn stopped(&self) {
        let mut stopped = self.shared().stopped.subscribe();
        // The sender lives as long as `self`.
        drop(stopped.wait_for(|it| *it).await);
    }

    /// Closes the connections of held calls. The world stays stopped.
    pub fn drop_held(&self) {
        self.shared().drop_held();
    }

    /// Lets the world go on. Calls that were held are not carried out any more: their connections
    /// are closed.
    pub fn go_on(&self) {
        self.shared().go_on();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("the stand-in's thread ended in a panic");
        }
    }
}
