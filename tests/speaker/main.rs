//! Stories of speakers on nodes of a local network: real processes, real frames, a real kernel.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod announcing;
mod doubting;
mod failing;
mod metallb;
mod moving;
mod telling;
mod traffic;
mod world;
