//! Landfall, as a library: the service controller, and what starts it.

pub mod admin;
pub mod args;
pub mod config;
pub mod controller;
mod crds;
mod kubernetes;
pub mod lease;
mod manifests;
mod migrate;
pub mod providers;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod speaker;
mod start;
mod status;
mod sweep;
mod validate;

pub use start::{speak, start};
