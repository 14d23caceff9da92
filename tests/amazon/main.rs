//! Stories of Network Load Balancers as an operator runs them: a controller as a process of its own, with a
//! strict stand-in for AWS, or an emulator by others, on a mock cluster or on a real control plane (see `cluster`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod cluster;
mod crashing;
mod emulated;
mod failing;
mod gating;
mod pods;
mod restarting;
mod succeeding;
mod walking;
mod world;
