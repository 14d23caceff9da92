//! Stories of the controller as an operator runs it: processes that are killed, stopped and cut off,
//! with a stand-alone mock cloud, on a mock cluster or on a real control plane (see `world`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod adopting;
mod cloud;
mod cutting_off;
mod killing;
mod refusing;
mod repairing;
mod replicas;
mod world;
