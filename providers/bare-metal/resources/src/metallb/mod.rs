//! MetalLB's objects, and what they become here.
//!
//! Administrators move from MetalLB without an edit: [`Object::read`] understands its objects,
//! [`convert`] says what they mean in the terms of our own, and [`annotations`] reads what its users
//! wrote on their Services. Nothing is dropped in silence: what has no equal becomes a [`Note`].

mod advertisements;
mod annotations;
mod convert;
mod kinds;
mod notes;
mod objects;
mod peers;
mod pools;
mod selectors;

pub use annotations::{LOAD_BALANCER_IPS, annotations};
pub use convert::{Converted, Equal, Source, convert};
pub use kinds::{
    BFDProfileSpec, BGPAdvertisementSpec, BGPPeerSpec, CommunityAlias, CommunitySpec, GROUP,
    IPAddressPoolSpec, Item, L2AdvertisementSpec, Object, PreferredNodeSelector, SecretReference,
    ServiceAllocation,
};
pub use notes::{Note, Scope};
pub use objects::{KINDS, Kind, Objects};
