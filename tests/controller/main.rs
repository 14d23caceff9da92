//! Stories of the service controller, with a provider that does as it is told and remembers what
//! it was asked. They play on a mock cluster, or on a real control plane (see `place`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod answers;
mod beside;
mod changing;
mod claiming;
mod doubting;
mod drifting;
mod failing;
mod gating;
mod inputs;
mod nodes;
mod place;
mod provider;
mod providing;
mod releasing;
mod restarting;
mod succeeding;
mod targets;
mod world;
