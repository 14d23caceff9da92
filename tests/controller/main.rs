//! Stories of the service controller, on a mock cluster and with a provider that does as it is
//! told and remembers what it was asked.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod changing;
mod claiming;
mod drifting;
mod failing;
mod provider;
mod providing;
mod releasing;
mod restarting;
mod world;
