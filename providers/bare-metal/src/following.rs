//! The watches of the provider's own objects, and of what they turn on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressReservation, BGPAdvertisement, BGPPeer, L2Advertisement, SpeakerStatus,
};
use landfall_provider_api::Error;
use landfall_watch::{Health, Kind, explain, watched};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::advertising::Protocol;
use crate::keeper::Keeper;
use crate::state::{State, reservation_name};
use landfall_bare_metal_allocator::ReservationName;

/// Starts the watches; `read` counts the kinds that were read whole.
pub(crate) fn start(
    tasks: &mut JoinSet<()>,
    keeper: &Arc<Keeper>,
    client: &Client,
    health: &Health,
    read: watch::Sender<usize>,
) {
    let follower = Follower {
        keeper: keeper.clone(),
        client: client.clone(),
        health: health.clone(),
        read,
    };
    tasks.spawn(
        follower
            .clone()
            .follow::<Namespace>("Namespaces of reservations"),
    );
    tasks.spawn(follower.clone().follow::<AddressPool>("AddressPools"));
    tasks.spawn(
        follower
            .clone()
            .follow::<AddressReservation>("AddressReservations"),
    );
    tasks.spawn(
        follower
            .clone()
            .follow::<L2Advertisement>("L2Advertisements"),
    );
    tasks.spawn(
        follower
            .clone()
            .follow::<BGPAdvertisement>("BGPAdvertisements"),
    );
    tasks.spawn(follower.clone().follow::<BGPPeer>("BGPPeers"));
    tasks.spawn(follower.clone().follow::<SpeakerStatus>("SpeakerStatuses"));
    tasks.spawn(follower.follow::<Node>("Nodes of speakers"));
}

/// Whether the API server lets us read each kind. Asked before the watches are started, which would
/// try again later and later.
pub(crate) async fn check(client: &Client) -> Result<(), Error> {
    let all = [
        readable::<AddressPool>(client).boxed(),
        readable::<AddressReservation>(client).boxed(),
        readable::<L2Advertisement>(client).boxed(),
        readable::<BGPAdvertisement>(client).boxed(),
        readable::<BGPPeer>(client).boxed(),
        readable::<SpeakerStatus>(client).boxed(),
        readable::<Node>(client).boxed(),
        readable::<Namespace>(client).boxed(),
    ];
    try_join_all(all).await.map(drop)
}

async fn readable<K: Followed + Sync + 'static>(client: &Client) -> Result<(), Error> {
    let one = ListParams::default().limit(1);
    let listed = Api::<K>::all(client.clone()).list_metadata(&one).await;
    listed.map(drop).map_err(|error| {
        let message = format!("{} cannot be read: {}", K::plural(&()), explain(&error));
        Error::unavailable(message)
    })
}

/// How many kinds are followed.
pub(crate) const COUNT: usize = 8;

/// What a task that follows a kind needs.
#[derive(Clone)]
struct Follower {
    keeper: Arc<Keeper>,
    client: Client,
    health: Health,
    read: watch::Sender<usize>,
}

/// A kind whose objects are taken in.
pub(crate) trait Followed:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send
{
    /// What tells its objects apart.
    type Key: Ord + Clone + Send + Sync;
    fn key(&self) -> Self::Key;
    fn put(self, state: &mut State, now: Instant);
    fn remove(key: &Self::Key, state: &mut State, now: Instant);
    /// Those that are known.
    fn known(state: &State) -> BTreeSet<Self::Key>;
    /// Where one of them is.
    fn api(client: Client, key: &Self::Key) -> (Api<Self>, String);
}

impl Follower {
    async fn follow<K: Followed + 'static>(self, what: &'static str) {
        let thin = |object: &mut K| object.meta_mut().managed_fields = None;
        let api = Api::all(self.client.clone());
        let events = watched::<K>(api, what, self.health.clone(), Arc::default(), thin);
        let kind = Kind {
            key: K::key,
            put: |object: K| self.keeper.with(|state, now| object.put(state, now)),
            remove: |key: &K::Key| self.keeper.with(|state, now| K::remove(key, state, now)),
            known: || self.keeper.with(|state, _| K::known(state)),
            at: |key: &K::Key| K::api(self.client.clone(), key),
        };
        kind.follow(events, &self.read).await;
    }
}

impl Followed for AddressPool {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, now: Instant) {
        state.put_pool(self, now);
    }

    fn remove(key: &String, state: &mut State, now: Instant) {
        state.remove_pool(key, now);
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.pools.keys().cloned().collect()
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for AddressReservation {
    type Key = ReservationName;

    fn key(&self) -> ReservationName {
        reservation_name(self)
    }

    fn put(self, state: &mut State, now: Instant) {
        state.put_reservation(self, now);
    }

    fn remove(key: &ReservationName, state: &mut State, now: Instant) {
        state.remove_reservation(key, now);
    }

    fn known(state: &State) -> BTreeSet<ReservationName> {
        state.reservations.keys().cloned().collect()
    }

    fn api(client: Client, key: &ReservationName) -> (Api<Self>, String) {
        (Api::namespaced(client, &key.namespace), key.name.clone())
    }
}

impl Followed for L2Advertisement {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, _now: Instant) {
        state.put_l2(self);
    }

    fn remove(key: &String, state: &mut State, _now: Instant) {
        state.remove_advertisement(Protocol::L2, key);
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.names_of_ours(Protocol::L2)
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for BGPAdvertisement {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, _now: Instant) {
        state.put_bgp(self);
    }

    fn remove(key: &String, state: &mut State, _now: Instant) {
        state.remove_advertisement(Protocol::Bgp, key);
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.names_of_ours(Protocol::Bgp)
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for BGPPeer {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, _now: Instant) {
        state.put_peer(self);
    }

    fn remove(key: &String, state: &mut State, _now: Instant) {
        state.remove_peer(key);
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.peers.keys().cloned().collect()
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for Namespace {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, now: Instant) {
        state.put_namespace(&self.name_any(), self.labels().clone(), now);
    }

    fn remove(key: &String, state: &mut State, _now: Instant) {
        state.remove_namespace(key);
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.names_of_namespaces()
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for SpeakerStatus {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, now: Instant) {
        state.with_speakers(now, |speakers| speakers.put(&self, now));
    }

    fn remove(key: &String, state: &mut State, now: Instant) {
        state.with_speakers(now, |speakers| speakers.remove(key, now));
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.speakers.names()
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}

impl Followed for Node {
    type Key = String;

    fn key(&self) -> String {
        self.name_any()
    }

    fn put(self, state: &mut State, now: Instant) {
        let name = self.name_any();
        state.put_labels(&name, Some(self.labels()));
        state.with_speakers(now, |speakers| speakers.put_node(&name, now));
    }

    fn remove(key: &String, state: &mut State, now: Instant) {
        state.put_labels(key, None);
        state.with_speakers(now, |speakers| speakers.remove_node(key, now));
    }

    fn known(state: &State) -> BTreeSet<String> {
        state.speakers.nodes()
    }

    fn api(client: Client, key: &String) -> (Api<Self>, String) {
        (Api::all(client), key.clone())
    }
}
