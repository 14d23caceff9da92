//! Stories of the programs as a user starts them: real processes, real sockets, real kubectl.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod alone;
mod contract;
mod kubectl;
mod process;
mod refusing;
mod serving;
mod walk;
mod world;
