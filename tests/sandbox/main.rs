//! Stories of the programs as a user starts them: real processes, real sockets, real kubectl.
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod alone;
mod contract;
mod datagrams;
mod families;
mod kubectl;
mod refusing;
mod scaling;
mod serving;
mod walk;
mod world;

use landfall_test_process as process;
