//! The custom resources of the bare-metal provider.
//!
//! [`kinds`] is what the API server stores: schema, defaults and rules. Everything here is a pure
//! function of its arguments: no I/O, no clock.

pub mod kinds;

pub use kinds::crds;
