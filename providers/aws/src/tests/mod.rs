//! The provider on a strict stand-in for AWS: what every provider must do, what it costs, and what is there
//! after any call was the last. And on moto, a stand-in by others.

mod actions;
mod awaiting;
mod conformance;
mod costs;
mod crashes;
mod disputes;
mod drift;
mod moto;
mod replacing;
mod saying;
mod succession;
mod tags;
mod ways;
mod world;

pub(crate) use world::{asked, service};
