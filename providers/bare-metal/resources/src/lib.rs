//! The custom resources of the bare-metal provider.
//!
//! [`kinds`] is what the API server stores: schema, defaults and rules. The other types are what such
//! objects mean once they have been judged: [`Pool::parse`] and its like give either the meaning, or
//! every [`Fault`] with its field. Everything here is a pure function of its arguments: no I/O, no
//! clock, and nothing that lists the addresses of a range.

mod advertisement;
mod community;
mod fault;
pub mod kinds;
pub mod metallb;
mod names;
mod peer;
mod pool;
mod range;
mod read;
mod request;
mod reservation;
mod route_request;
mod selector;
mod set;
pub mod speaker;
mod time;
mod usable;

pub use advertisement::{BgpRule, InterfacePattern, L2Rule, Pools};
pub use community::{Community, CommunityError};
pub use fault::Fault;
pub use kinds::crds;
pub use peer::{BfdSession, Distance, Password, Peer, Place, RemoteAsn};
pub use pool::Pool;
pub use range::{AddressRange, Entry, EntryError, bits};
pub use read::{Read, read};
pub use request::{
    ADDRESS_POOL, LOAD_BALANCER_IPS, RESERVATION, Requested, SHARING_KEY, requested,
};
pub use reservation::Reservation;
pub use route_request::{
    BGP_AS_PATH_PREPEND, BGP_COMMUNITIES, BGP_LOCAL_PREF, BGP_MED, RouteRequest,
};
pub use selector::Selectors;
pub use set::AddressSet;
pub use usable::Usable;
