//! Stories of speakers on nodes of a local network: real processes, real frames, a real kernel.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod advertised;
mod announcing;
mod doubting;
mod failing;
mod families;
mod metallb;
mod moving;
mod several;
mod telling;
mod traffic;
mod vanishing;
mod witness;
mod witnessed;
mod world;
