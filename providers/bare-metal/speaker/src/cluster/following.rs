//! The watches of what the view is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client, Resource, ResourceExt};
use landfall_bare_metal_resources::kinds::{
    AddressPool, BGPAdvertisement, BGPPeer, L2Advertisement,
};
use landfall_bare_metal_resources::{BgpRule, L2Rule, Peer, Pool as Judged, metallb};
use landfall_watch::{Foreign, Health, Kind, watched};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::node::Node;
use super::service::{Key, Pods, Service, key_of, service_of};
use super::shared::Shared;
use super::view::{Pool, View};

/// What a task that follows a kind needs.
#[derive(Clone)]
pub(super) struct Follower {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) health: Health,
    /// Counts the kinds that were read whole.
    pub(super) read: watch::Sender<usize>,
    /// Where MetalLB's objects are, if they are read.
    pub(super) metallb: Option<String>,
}

impl Follower {
    /// What follows each kind, a task each.
    pub(super) fn tasks(&self) -> Vec<BoxFuture<'static, ()>> {
        let mut tasks = vec![
            self.clone().services().boxed(),
            self.clone().slices().boxed(),
            self.clone().nodes().boxed(),
            self.clone().pools().boxed(),
            self.clone().advertisements().boxed(),
            self.clone().bgp_advertisements().boxed(),
            self.clone().bgp_peers().boxed(),
        ];
        if let Some(namespace) = &self.metallb {
            let theirs = metallb::KINDS.into_iter();
            tasks.extend(theirs.map(|it| self.clone().theirs(it, namespace.clone()).boxed()));
        }
        tasks
    }

    async fn follow<K, I>(
        self,
        what: &'static str,
        key: impl Fn(&K) -> I,
        put: impl Fn(&mut View, K),
        remove: impl Fn(&mut View, &I),
        known: impl Fn(&View) -> BTreeSet<I>,
        at: impl Fn(&Client, &I) -> (Api<K>, String),
    ) where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
        I: Ord,
    {
        let thin = |object: &mut K| {
            object.meta_mut().managed_fields = None;
        };
        let api = Api::all(self.client.clone());
        let events = watched::<K>(api, what, self.health.clone(), Arc::default(), thin);
        let kind = Kind {
            key,
            put: |object: K| self.shared.change(|view| put(view, object)),
            remove: |key: &I| self.shared.change(|view| remove(view, key)),
            known: || self.shared.read(&known),
            at: |key: &I| at(&self.client, key),
        };
        kind.follow(events, &self.read).await;
    }

    async fn services(self) {
        self.follow(
            "Services",
            |it: &v1::Service| key_of(it.meta()),
            |view, it| view.service(&key_of(it.meta()), Service::read(&it)),
            |view, key: &Key| view.service(key, None),
            |view| view.known().services(),
            |client, (namespace, name)| (Api::namespaced(client.clone(), namespace), name.clone()),
        )
        .await;
    }

    async fn slices(self) {
        type Id = Option<(Key, String)>;
        let id = |it: &EndpointSlice| -> Id { Some((service_of(it)?, it.name_any())) };
        self.follow(
            "EndpointSlices",
            id,
            |view, it| {
                if let Some((service, name)) = id(&it) {
                    view.slice(&service, &name, Some(Pods::from(&it)));
                }
            },
            |view, key: &Id| {
                if let Some((service, name)) = key {
                    view.slice(service, name, None);
                }
            },
            |view| view.known().slices().into_iter().map(Some).collect(),
            |client, key| {
                let (namespace, name) = key
                    .as_ref()
                    .map(|((namespace, _), name)| (namespace.as_str(), name.clone()))
                    .unwrap_or_default();
                (Api::namespaced(client.clone(), namespace), name)
            },
        )
        .await;
    }

    async fn nodes(self) {
        self.follow(
            "Nodes",
            |it: &v1::Node| it.name_any(),
            |view, it| view.node(&it.name_any(), Some(Node::from(&it))),
            |view, name: &String| view.node(name, None),
            |view| view.known().nodes(),
            |client, name| (Api::all(client.clone()), name.clone()),
        )
        .await;
    }

    async fn pools(self) {
        self.follow(
            "AddressPools",
            |it: &AddressPool| it.name_any(),
            |view, it| {
                // What is wrong with it the controller tells; what it said before stays.
                if let Ok(judged) = Judged::parse(&it) {
                    let pool = Pool {
                        labels: it.labels().clone(),
                        addresses: judged.usable,
                    };
                    view.pool(&it.name_any(), Some(pool));
                }
            },
            |view, name: &String| view.pool(name, None),
            |view| view.known().pools(),
            |client, name| (Api::all(client.clone()), name.clone()),
        )
        .await;
    }

    async fn advertisements(self) {
        self.follow(
            "L2Advertisements",
            |it: &L2Advertisement| it.name_any(),
            |view, it| {
                if let Ok(rule) = L2Rule::parse(&it) {
                    view.advertisement(&it.name_any(), Some(rule));
                }
            },
            |view, name: &String| view.advertisement(name, None),
            |view| view.known().advertisements(),
            |client, name| (Api::all(client.clone()), name.clone()),
        )
        .await;
    }

    async fn bgp_advertisements(self) {
        self.follow(
            "BGPAdvertisements",
            |it: &BGPAdvertisement| it.name_any(),
            |view, it| {
                if let Ok(rule) = BgpRule::parse(&it) {
                    view.bgp_advertisement(&it.name_any(), Some(rule));
                }
            },
            |view, name: &String| view.bgp_advertisement(name, None),
            |view| view.known().bgp_advertisements(),
            |client, name| (Api::all(client.clone()), name.clone()),
        )
        .await;
    }

    async fn bgp_peers(self) {
        self.follow(
            "BGPPeers",
            |it: &BGPPeer| it.name_any(),
            // One that makes no sense is none: there is no session by half of what is said.
            |view, it| {
                view.routing.put_peer(&it.name_any(), Peer::parse(&it).ok());
            },
            |view, name: &String| view.routing.put_peer(name, None),
            |view| view.known().bgp_peers(),
            |client, name| (Api::all(client.clone()), name.clone()),
        )
        .await;
    }

    async fn theirs(self, kind: metallb::Kind, namespace: String) {
        let (client, health) = (self.client.clone(), self.health.clone());
        let all = Foreign::new(client, Some(&namespace), kind.resource(), kind.what, health);
        let shared = &self.shared;
        all.follow(
            &self.read,
            |name, value| shared.change(|view| view.put_metallb(kind, name, value)),
            |name| shared.change(|view| view.remove_metallb(kind, name)),
            || shared.read(|view| view.known().metallb(kind)),
        )
        .await;
    }
}
