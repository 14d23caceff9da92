//! Landfall, as a library: the service controller, and what starts it.

pub mod admin;
pub mod args;
pub mod config;
pub mod controller;
mod crds;
mod explain;
pub mod health;
mod kubernetes;
pub mod lease;
pub mod providers;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod start;
mod sweep;
mod wait;

pub use start::start;
