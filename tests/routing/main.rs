//! Stories of speakers that announce to real routers: FRR, BIRD and GoBGP, in namespaces of a network.
#![expect(
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "tests, which share a world with others"
)]

mod attributes;
mod balancing;
mod colliding;
mod fake;
mod leaving;
mod metallb;
mod misbehaving;
mod objects;
mod over_ipv6;
mod pods;
mod reaching;
mod restarting;
mod routers;
mod serving;
mod unnumbered;
mod watched;
mod ways;
#[path = "../speaker/world.rs"]
mod world;
