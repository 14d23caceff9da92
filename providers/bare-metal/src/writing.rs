//! The writing of statuses: what has changed within a round is one write for each object.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::core::object::HasStatus;
use kube::{Api, Client, Resource};
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressPoolStatus, AddressReservation, AddressReservationStatus, BGPAdvertisement,
    BGPAdvertisementStatus, BGPPeer, BGPPeerStatus, L2Advertisement, L2AdvertisementStatus,
};
use landfall_watch::explain;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::advertising::Protocol;
use crate::following::Followed;
use crate::keeper::{Dirty, Keeper, locked};
use crate::state::{Read, State};
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
                .map(|name| self.write_status::<AddressPool>(&client, name));
            let reservations = dirty
                .reservations
                .iter()
                .map(|name| self.write_status::<AddressReservation>(&client, name));
            let advertisements =
                dirty
                    .advertisements
                    .iter()
                    .map(async |(protocol, name)| match protocol {
                        Protocol::L2 => self.write_status::<L2Advertisement>(&client, name).await,
                        Protocol::Bgp => self.write_status::<BGPAdvertisement>(&client, name).await,
                        // They are only read.
                        Protocol::MetalLbL2 | Protocol::MetalLbBgp => true,
                    });
            let peers = dirty
                .peers
                .iter()
                .map(|name| self.write_status::<BGPPeer>(&client, name));
            let (pools, reservations, advertisements, peers) = tokio::join!(
                join_all(pools),
                join_all(reservations),
                join_all(advertisements),
                join_all(peers)
            );
            let failed = Dirty {
                pools: kept(dirty.pools.iter(), pools),
                reservations: kept(dirty.reservations.iter(), reservations),
                advertisements: kept(dirty.advertisements.iter(), advertisements),
                peers: kept(dirty.peers.iter(), peers),
            };
            if failed.is_empty() {
                round = ROUND;
            } else {
                round = (round * 2).min(LONGEST_ROUND);
                let mut dirty = locked(&self.dirty);
                dirty.pools.extend(failed.pools);
                dirty.reservations.extend(failed.reservations);
                dirty.advertisements.extend(failed.advertisements);
                dirty.peers.extend(failed.peers);
                self.to_write.notify_one();
            }
            tokio::time::sleep(round).await;
        }
    }

    /// Writes an object's status if it is another than the one that stands there. False to try again.
    async fn write_status<K: Written>(&self, client: &Client, key: &K::Key) -> bool {
        let wanted = {
            let mut state = locked(&self.state);
            let wanted = K::wanted(&state, key, Timestamp::now());
            let read = K::read(&mut state, key);
            wanted.zip(read).and_then(|(wanted, read)| {
                let patch = patch(&read.object, &wanted)?;
                Some((patch, wanted))
            })
        };
        let Some((patch, wanted)) = wanted else {
            return true;
        };
        let (api, name) = K::api(client.clone(), key);
        let written = write(&api, &name, &patch).await;
        if written && let Some(read) = K::read(&mut locked(&self.state), key) {
            *read.object.status_mut() = Some(wanted);
        }
        written
    }
}

/// A kind whose statuses are written.
trait Written: Followed + HasStatus<Status: Serialize + Default + PartialEq> {
    /// An object as it was read.
    fn read<'a>(state: &'a mut State, key: &Self::Key) -> Option<&'a mut Read<Self>>;
    /// What its status is to say.
    fn wanted(state: &State, key: &Self::Key, now: Timestamp) -> Option<Self::Status>;
}

impl Written for AddressPool {
    fn read<'a>(state: &'a mut State, key: &String) -> Option<&'a mut Read<Self>> {
        state.pools.get_mut(key)
    }

    fn wanted(state: &State, key: &String, now: Timestamp) -> Option<AddressPoolStatus> {
        let (pool, read) = state.allocator.pool(key).zip(state.pools.get(key))?;
        Some(status::of_pool(pool, read, now))
    }
}

impl Written for AddressReservation {
    fn read<'a>(state: &'a mut State, key: &ReservationName) -> Option<&'a mut Read<Self>> {
        state.reservations.get_mut(key)
    }

    fn wanted(
        state: &State,
        key: &ReservationName,
        now: Timestamp,
    ) -> Option<AddressReservationStatus> {
        let read = state.reservations.get(key)?;
        Some(status::of_reservation(&state.allocator, key, read, now))
    }
}

impl Written for L2Advertisement {
    fn read<'a>(state: &'a mut State, key: &String) -> Option<&'a mut Read<Self>> {
        state.l2.get_mut(key)
    }

    fn wanted(state: &State, key: &String, now: Timestamp) -> Option<L2AdvertisementStatus> {
        let read = state.l2.get(key)?;
        let present = read.object.status.as_ref();
        let present = present.map_or(&[][..], |it| &it.conditions);
        let conditions = status::of_l2_advertisement(read, present, now);
        Some(L2AdvertisementStatus { conditions })
    }
}

impl Written for BGPAdvertisement {
    fn read<'a>(state: &'a mut State, key: &String) -> Option<&'a mut Read<Self>> {
        state.bgp.get_mut(key)
    }

    fn wanted(state: &State, key: &String, now: Timestamp) -> Option<BGPAdvertisementStatus> {
        let read = state.bgp.get(key)?;
        let present = read.object.status.as_ref();
        let present = present.map_or(&[][..], |it| &it.conditions);
        let conflicts = state.conflicts_of(key);
        let nobodys = state.nobodys(key);
        let conditions = status::of_bgp_advertisement(read, &conflicts, &nobodys, present, now);
        Some(BGPAdvertisementStatus { conditions })
    }
}

impl Written for BGPPeer {
    fn read<'a>(state: &'a mut State, key: &String) -> Option<&'a mut Read<Self>> {
        state.peers.get_mut(key)
    }

    fn wanted(state: &State, key: &String, now: Timestamp) -> Option<BGPPeerStatus> {
        let read = state.peers.get(key)?;
        let present = read.object.status.as_ref();
        let present = present.map_or(&[][..], |it| &it.conditions);
        let sessions = state.speakers.sessions_with(key);
        let double = state.double_of(key);
        let conditions = status::of_bgp_peer(read, &sessions, double, present, now);
        Some(BGPPeerStatus { conditions })
    }
}

fn kept<'a, T: Ord + Clone + 'a>(
    names: impl Iterator<Item = &'a T>,
    written: Vec<bool>,
) -> BTreeSet<T> {
    let failed = names.zip(written).filter(|(_, written)| !written);
    failed.map(|(name, _)| name.clone()).collect()
}

/// A patch that makes an object's status exactly this one; `None` if it is.
pub(crate) fn patch<K>(object: &K, wanted: &K::Status) -> Option<Value>
where
    K: Resource + HasStatus<Status: Serialize + Default + PartialEq>,
{
    let none = K::Status::default();
    let present = object.status().unwrap_or(&none);
    if present == wanted {
        return None;
    }
    let mut status = json!(wanted);
    // What is absent must be taken away.
    if let (Value::Object(status), Value::Object(present)) = (&mut status, json!(present)) {
        for (field, _) in present {
            status.entry(field).or_insert(Value::Null);
        }
    }
    Some(json!({"metadata": {"uid": object.meta().uid}, "status": status}))
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
