//! Stories of the programs as a user starts them: real processes, real sockets, real kubectl. Those of
//! live traffic play in a sandbox or on a real control plane (see `cluster`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod alone;
mod beside;
mod cluster;
mod contract;
mod datagrams;
mod families;
mod kubectl;
mod moving;
mod refusing;
mod scaling;
mod serving;
mod walk;
mod world;

use landfall_test_process as process;
