//! The mock cloud as its clients see it: real calls and real connections, over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

mod addresses;
mod admin;
mod api;
mod checks;
mod clients;
mod datagram;
mod draining;
mod faults;
mod flows;
mod ipv6;
mod serving;
mod stream;
mod target;
mod traffic;
mod world;
