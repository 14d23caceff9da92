//! A provider for tests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use landfall_provider_api::{
    Assigned, Capabilities, ClusterId, Error, Family, Finding, Ingress, Inputs, IpMode, Lack,
    LoadBalancer, LoadBalancerId, Outcome, Owned, Protocol, Provider, ProviderCondition, Serving,
    Snapshot,
};
use tokio::sync::{broadcast, watch};

/// Remembers every call, gives each load balancer an address, and fails when told to. Clones are
/// the same provider, so it outlives a controller as a cloud would.
#[derive(Clone)]
pub struct Scripted {
    state: Arc<Mutex<State>>,
    changes: broadcast::Sender<LoadBalancerId>,
    gate: watch::Sender<bool>,
}

/// A call, by what people would look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Begin,
    Ensure(String, Vec<u16>),
    Release(String),
    Owned,
}

type Hook = Arc<dyn Fn(&LoadBalancer) -> BoxFuture<'static, ()> + Send + Sync>;

struct State {
    capabilities: Capabilities,
    /// What it answers instead of an address of its own.
    answer: Option<Vec<Ingress>>,
    serving: Serving,
    conditions: Vec<ProviderCondition>,
    /// How it finds those who wait for it.
    finding: Option<Finding>,
    /// The Services that it was begun with last, and whether they bore its marks.
    taken_over: BTreeMap<String, bool>,
    /// What all wait for; what they hold meanwhile is theirs only if this says so.
    lack: Option<(Lack, bool)>,
    calls: Vec<Call>,
    held: BTreeMap<String, (LoadBalancer, IpAddr)>,
    given: u8,
    /// UIDs for which it has ever made something.
    made: BTreeSet<String>,
    begin_failures: VecDeque<Error>,
    ensure_failures: VecDeque<Error>,
    release_failures: VecDeque<Error>,
    on_ensure: Option<Hook>,
    hangs_for: Option<String>,
    drift_interval: Option<Duration>,
    sweep_after: Option<Duration>,
    owned_failures: VecDeque<Error>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            capabilities: Capabilities {
                protocols: vec![Protocol::Tcp],
                families: vec![Family::IPv4],
                node_ports: true,
                source_ranges: false,
                client_affinity: false,
                outside_effects: true,
                inputs: Inputs {
                    nodes: true,
                    ..Inputs::default()
                },
            },
            answer: None,
            serving: Serving::Yes,
            conditions: Vec::new(),
            finding: None,
            taken_over: BTreeMap::new(),
            lack: None,
            calls: Vec::new(),
            held: BTreeMap::new(),
            given: 0,
            made: BTreeSet::new(),
            begin_failures: VecDeque::new(),
            ensure_failures: VecDeque::new(),
            release_failures: VecDeque::new(),
            owned_failures: VecDeque::new(),
            on_ensure: None,
            hangs_for: None,
            drift_interval: None,
            sweep_after: None,
        }
    }
}

impl State {
    fn owned(&self) -> Vec<Owned> {
        let owned = |(wanted, address): &(LoadBalancer, IpAddr)| Owned {
            id: Some(wanted.id.clone()),
            service: Some(wanted.service.clone()),
            description: format!("load balancer {address}"),
        };
        self.held.values().map(owned).collect()
    }
}

impl Scripted {
    pub fn new() -> Self {
        Self {
            state: Arc::default(),
            changes: broadcast::channel(64).0,
            gate: watch::Sender::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Has a controller that starts later find it able to do something else.
    pub fn able(&self, change: impl FnOnce(&mut Capabilities)) {
        change(&mut self.state().capabilities);
    }

    /// Answers this from now on, or again an address of its own.
    pub fn answer(&self, ingress: Option<Vec<Ingress>>) {
        self.state().answer = ingress;
    }

    /// Tells this of whether traffic gets through.
    pub fn serve(&self, serving: Serving) {
        self.state().serving = serving;
    }

    /// The Services that it was begun with last, and whether they bore its marks.
    pub fn taken_over(&self) -> BTreeMap<String, bool> {
        self.state().taken_over.clone()
    }

    /// Says this besides.
    pub fn say(&self, conditions: Vec<ProviderCondition>) {
        self.state().conditions = conditions;
    }

    /// Finds this of the pods that wait for it.
    pub fn find(&self, finding: Finding) {
        self.state().finding = Some(finding);
    }

    /// Lets all wait for this, with what they have (`keeps`) or without; or for nothing any more.
    pub fn lack(&self, lack: Option<Lack>, keeps: bool) {
        self.state().lack = lack.map(|lack| (lack, keeps));
    }

    pub fn fail_begin(&self, error: Error) {
        self.state().begin_failures.push_back(error);
    }

    pub fn fail_ensure(&self, error: Error) {
        self.state().ensure_failures.push_back(error);
    }

    /// Fails no `ensure` any more.
    pub fn heal(&self) {
        self.state().ensure_failures.clear();
    }

    pub fn fail_release(&self, error: Error) {
        self.state().release_failures.push_back(error);
    }

    /// Runs before each `ensure` is carried out.
    pub fn on_ensure(
        &self,
        hook: impl Fn(&LoadBalancer) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        self.state().on_ensure = Some(Arc::new(hook));
    }

    /// `ensure` for the Service of this name does not return until `let_go`.
    pub fn hang_for(&self, name: &str) {
        self.state().hangs_for = Some(name.to_owned());
    }

    pub fn let_go(&self) {
        self.gate.send_replace(true);
    }

    /// Has a controller that starts later compare this often, and release what has belonged to
    /// nobody for this long.
    pub fn compare_every(&self, interval: Duration, sweep_after: Duration) {
        let mut state = self.state();
        state.drift_interval = Some(interval);
        state.sweep_after = Some(sweep_after);
    }

    pub fn drift_interval(&self) -> Duration {
        self.state()
            .drift_interval
            .unwrap_or(Duration::from_hours(1))
    }

    pub fn sweep_after(&self) -> Duration {
        self.state().sweep_after.unwrap_or(Duration::from_hours(1))
    }

    pub fn fail_owned(&self, error: Error) {
        self.state().owned_failures.push_back(error);
    }

    /// Loses what it holds for the Service of this name, and tells nobody.
    pub fn lose(&self, name: &str) {
        self.state()
            .held
            .retain(|_, (wanted, _)| wanted.service.name != name);
    }

    /// Holds something more, like what it holds for the Service of this name but for another UID.
    pub fn plant(&self, like: &str, uid: &str, name: &str) {
        let mut planted = self.held(like).remove(0);
        uid.clone_into(&mut planted.id.service_uid);
        name.clone_into(&mut planted.service.name);
        let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
        self.state().held.insert(uid.to_owned(), (planted, address));
    }

    /// How often all was read.
    pub fn comparisons(&self) -> usize {
        self.calls()
            .iter()
            .filter(|call| **call == Call::Owned)
            .count()
    }

    /// Tells the controller that the Service of this name deserves another look.
    pub fn change(&self, name: &str) {
        let id = {
            let state = self.state();
            let calls = state
                .held
                .values()
                .find(|(wanted, _)| wanted.service.name == name);
            calls.map(|(wanted, _)| wanted.id.clone())
        };
        self.changes.send(id.unwrap()).unwrap();
    }

    /// The same for one that it does not hold.
    pub fn change_id(&self, cluster: &ClusterId, uid: &str) {
        let id = LoadBalancerId {
            cluster: cluster.clone(),
            service_uid: uid.to_owned(),
        };
        self.changes.send(id).unwrap();
    }

    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many `ensure` and `release` calls there were for the Service of this name.
    pub fn count(&self, name: &str) -> (usize, usize) {
        let calls = self.calls();
        let ensures = calls
            .iter()
            .filter(|call| matches!(call, Call::Ensure(n, _) if n == name));
        let releases = calls
            .iter()
            .filter(|call| matches!(call, Call::Release(n) if n == name));
        (ensures.count(), releases.count())
    }

    /// What is held for the Service of this name.
    pub fn held(&self, name: &str) -> Vec<LoadBalancer> {
        let state = self.state();
        let held = state.held.values().map(|(wanted, _)| wanted);
        held.filter(|wanted| wanted.service.name == name)
            .cloned()
            .collect()
    }

    async fn wait_if_told(&self, wanted: &LoadBalancer) {
        let (hook, hangs) = {
            let state = self.state();
            let hangs = state.hangs_for.as_deref() == Some(wanted.service.name.as_str());
            (state.on_ensure.clone(), hangs)
        };
        if let Some(hook) = hook {
            hook(wanted).await;
        }
        if hangs {
            self.gate.subscribe().wait_for(|open| *open).await.unwrap();
        }
    }
}

#[async_trait]
impl Provider for Scripted {
    fn capabilities(&self) -> Capabilities {
        self.state().capabilities.clone()
    }

    async fn begin(&self, snapshot: BoxFuture<'_, Snapshot>) -> Result<Vec<Owned>, Error> {
        let snapshot = snapshot.await;
        let mut state = self.state();
        let held = snapshot.services.into_iter();
        state.taken_over = held.map(|it| (it.service.name, it.ours)).collect();
        state.calls.push(Call::Begin);
        match state.begin_failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(state.owned()),
        }
    }

    async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        let ports = wanted.ports.iter().map(|port| port.port).collect();
        self.state()
            .calls
            .push(Call::Ensure(wanted.service.name.clone(), ports));
        self.wait_if_told(wanted).await;
        let mut state = self.state();
        if let Some(error) = state.ensure_failures.pop_front() {
            return Err(error);
        }
        let uid = wanted.id.service_uid.clone();
        let held = state.held.get(&uid).map(|(_, address)| *address);
        let repaired = held.is_none() && !state.made.insert(uid.clone());
        let address = held.unwrap_or_else(|| {
            state.given += 1;
            IpAddr::V4(Ipv4Addr::new(192, 0, 2, state.given))
        });
        state.held.insert(uid, (wanted.clone(), address));
        let own = Ingress::Ip {
            address,
            mode: IpMode::Proxy,
        };
        let finding = |it: &IpAddr| Some((*it, state.finding.clone()?));
        let awaited = wanted.awaited.iter().filter_map(finding).collect();
        let assigned = Assigned {
            ingress: state.answer.clone().unwrap_or_else(|| vec![own]),
            failed_ports: Vec::new(),
            serving: state.serving.clone(),
            conditions: state.conditions.clone(),
            awaited,
            repaired,
        };
        Ok(match state.lack.clone() {
            None => Outcome::Provisioned(assigned),
            Some((lack, keeps)) => Outcome::Waiting {
                held: keeps.then_some(assigned),
                lack,
            },
        })
    }

    async fn release(&self, id: &LoadBalancerId) -> Result<(), Error> {
        let mut state = self.state();
        let held = state
            .held
            .get(&id.service_uid)
            .map(|(wanted, _)| wanted.service.name.clone());
        state.calls.push(Call::Release(
            held.unwrap_or_else(|| id.service_uid.clone()),
        ));
        if let Some(error) = state.release_failures.pop_front() {
            return Err(error);
        }
        state.held.remove(&id.service_uid);
        Ok(())
    }

    async fn owned(&self) -> Result<Vec<Owned>, Error> {
        let mut state = self.state();
        state.calls.push(Call::Owned);
        match state.owned_failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(state.owned()),
        }
    }

    fn changes(&self) -> BoxStream<'static, LoadBalancerId> {
        let receiver = self.changes.subscribe();
        futures::stream::unfold(receiver, |mut receiver| async {
            let id = receiver.recv().await.ok()?;
            Some((id, receiver))
        })
        .boxed()
    }
}
