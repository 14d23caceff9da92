//! The kinds of `landfall.dev/v1alpha1` as the API server stores them.
//!
//! Fields that a person writes are plain strings and numbers, so that one bad object can never keep
//! the others from being read. Schema and CEL rules refuse what they can when an object is applied;
//! parsing judges the rest.

#![expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type_ and a json_path of its own"
)]
#![expect(
    clippy::doc_markdown,
    reason = "the documentation is what kubectl explain shows, and that knows no Markdown"
)]

mod bgp_advertisement;
mod bgp_peer;
mod bgp_session;
mod l2_advertisement;
mod pool;
mod reservation;
mod schema;
mod speaker_status;

pub use bgp_advertisement::{
    BGPAdvertisement, BGPAdvertisementSpec, BGPAdvertisementStatus, NextHop, ServiceAttribute,
};
pub use bgp_peer::{
    BGPPeer, BGPPeerSpec, BGPPeerStatus, Bfd, GracefulRestart, PasswordSecretRef, PeerAsn, PeerKind,
};
pub use bgp_session::{BfdState, BgpSession, BgpState, LONGEST_ERROR, MOST_SESSIONS};
pub use l2_advertisement::{
    L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, OffSubnet, PreferredNodes, Probe,
};
pub use pool::{AddressPool, AddressPoolSpec, AddressPoolStatus, Allocation, FamilyCount, Sharing};
pub use reservation::{
    AddressReservation, AddressReservationSpec, AddressReservationStatus, IpFamily,
};
pub use speaker_status::{
    AddressState, AnnouncedAddress, MOST_ADDRESSES, MOST_INTERFACES, MOST_PEERS, SpeakerInterface,
    SpeakerPeer, SpeakerReport, SpeakerStatus, SpeakerStatusSpec,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::CustomResourceExt as _;

/// The API group of all kinds here.
pub const GROUP: &str = "landfall.dev";

/// The version of all kinds here.
pub const VERSION: &str = "v1alpha1";

/// The definitions of all kinds, in the order of their names.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        AddressPool::crd(),
        AddressReservation::crd(),
        BGPAdvertisement::crd(),
        BGPPeer::crd(),
        L2Advertisement::crd(),
        SpeakerStatus::crd(),
    ]
}
