//! Stories of Network Load Balancers as an operator runs them: a controller as a process of its own, with a
//! strict stand-in for AWS, on a mock cluster or on a real control plane (see `world`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod crashing;
mod failing;
mod restarting;
mod succeeding;
mod walking;
mod world;
