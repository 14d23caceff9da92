//! The writing of statuses: what has changed within a round is one write for each object.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource};
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressReservation, BGPAdvertisement, L2Advertisement,
};
use landfall_watch::explain;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::keeper::{Dirty, Keeper, locked};
use crate::state::{Protocol, Read};
use crate::status;
use landfall_bare_metal_allocator::ReservationName;

/// From one round to the next.
const ROUND: Duration = Duration::from_secs(1);
/// The same while statuses cannot be written.
const LONGEST_ROUND: Duration = Duration::from_secs(30);

impl Keeper {
    /// Writes statuses that are not as they should be, a round at a time.
    pub(crate) async fn write(self: Arc<Self>, client: Client) {
        let mut round = ROUND;
        loop {
            self.to_write.notified().await;
            let dirty = std::mem::take(&mut *locked(&self.dirty));
            let pools = dirty
                .pools
                .iter()
                .map(|name| self.write_pool(&client, name));
            let reservations = dirty
                .reservations
                .iter()
                .map(|name| self.write_reservation(&client, name));
            let advertisements = dirty
                .advertisements
                .iter()
                .map(|(protocol, name)| self.write_advertisement(&client, *protocol, name));
            let (pools, reservations, advertisements) = tokio::join!(
                join_all(pools),
                join_all(reservations),
                join_all(advertisements)
            );
            let failed = Dirty {
                pools: kept(dirty.pools.iter(), pools),
                reservations: kept(dirty.reservations.iter(), reservations),
                advertisements: kept(dirty.advertisements.iter(), advertisements),
            };
            if failed.is_empty() {
                round = ROUND;
            } else {
                round = (round * 2).min(LONGEST_ROUND);
                let mut dirty = locked(&self.dirty);
                dirty.pools.extend(failed.pools);
                dirty.reservations.extend(failed.reservations);
                dirty.advertisements.extend(failed.advertisements);
                self.to_write.notify_one();
            }
            tokio::time::sleep(round).await;
        }
    }

    /// Writes a pool's status if it is another than the one that stands there. False to try again.
    async fn write_pool(&self, client: &Client, name: &str) -> bool {
        let wanted = {
            let state = locked(&self.state);
            let (pool, read) = (state.allocator.pool(name), state.pools.get(name));
            let Some((pool, read)) = pool.zip(read) else {
                return true;
            };
            let wanted = status::of_pool(pool, read, Timestamp::now());
            if read.object.status.as_ref() == Some(&wanted) {
                return true;
            }
            (patch(&read.object, &wanted), wanted)
        };
        let (patch, wanted) = wanted;
        let api = Api::<AddressPool>::all(client.clone());
        let written = write(&api, name, &patch).await;
        if written {
            let mut state = locked(&self.state);
            if let Some(read) = state.pools.get_mut(name) {
                read.object.status = Some(wanted);
            }
        }
        written
    }

    /// The same for a reservation.
    async fn write_reservation(&self, client: &Client, name: &ReservationName) -> bool {
        let wanted = {
            let state = locked(&self.state);
            let Some(read) = state.reservations.get(name) else {
                return true;
            };
            let now = Timestamp::now();
            let wanted = status::of_reservation(&state.allocator, name, read, now);
            if read.object.status.as_ref() == Some(&wanted) {
                return true;
            }
            (patch(&read.object, &wanted), wanted)
        };
        let (patch, wanted) = wanted;
        let api = Api::<AddressReservation>::namespaced(client.clone(), &name.namespace);
        let written = write(&api, &name.name, &patch).await;
        if written {
            let mut state = locked(&self.state);
            if let Some(read) = state.reservations.get_mut(name) {
                read.object.status = Some(wanted);
            }
        }
        written
    }

    /// The same for an advertisement.
    async fn write_advertisement(&self, client: &Client, protocol: Protocol, name: &str) -> bool {
        let is_l2 = protocol == Protocol::L2;
        let patch = {
            let state = locked(&self.state);
            if is_l2 {
                state.l2.get(name).and_then(|read| {
                    let status = read.object.status.as_ref();
                    wanted(read, status.map(|it| &*it.conditions))
                })
            } else {
                state.bgp.get(name).and_then(|read| {
                    let status = read.object.status.as_ref();
                    wanted(read, status.map(|it| &*it.conditions))
                })
            }
        };
        let Some(patch) = patch else {
            return true;
        };
        if is_l2 {
            write(&Api::<L2Advertisement>::all(client.clone()), name, &patch).await
        } else {
            write(&Api::<BGPAdvertisement>::all(client.clone()), name, &patch).await
        }
    }
}

/// The patch that makes an advertisement's conditions what they are to be, if they are not.
fn wanted<K: Resource>(read: &Read<K>, present: Option<&[Condition]>) -> Option<Value> {
    let meta = read.object.meta();
    let present = present.unwrap_or_default();
    let now = Timestamp::now();
    let wanted = status::of_advertisement(&read.faults, present, meta.generation, now);
    let patch = json!({"metadata": {"uid": meta.uid}, "status": {"conditions": wanted}});
    (wanted != present).then_some(patch)
}

fn kept<'a, T: Ord + Clone + 'a>(
    names: impl Iterator<Item = &'a T>,
    written: Vec<bool>,
) -> BTreeSet<T> {
    let failed = names.zip(written).filter(|(_, written)| !written);
    failed.map(|(name, _)| name.clone()).collect()
}

/// A patch that makes an object's status exactly this one.
fn patch<K: Resource>(object: &K, status: &impl Serialize) -> Value {
    let mut wanted = json!(status);
    // What is absent must be taken away.
    let fields = [
        "ipv4",
        "ipv6",
        "addresses",
        "retained",
        "address",
        "pool",
        "service",
    ];
    if let Some(map) = wanted.as_object_mut() {
        for field in fields {
            map.entry(field).or_insert(Value::Null);
        }
    }
    json!({"metadata": {"uid": object.meta().uid}, "status": wanted})
}

/// Writes a status. An object that is gone, or another by now, is no failure.
async fn write<K>(api: &Api<K>, name: &str, patch: &Value) -> bool
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let parameters = PatchParams {
        field_manager: Some("landfall".to_owned()),
        ..PatchParams::default()
    };
    let patched = api
        .patch_status(name, &parameters, &Patch::Merge(patch))
        .await;
    match patched {
        Ok(_) => true,
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => true,
        Err(error) => {
            let kind = K::kind(&());
            tracing::warn!(%kind, name, error = explain(&error), "a status could not be written");
            false
        }
    }
}
