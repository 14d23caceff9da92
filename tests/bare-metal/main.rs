//! Stories of the bare-metal provider: pools, reservations and Services as people apply them, and
//! what becomes of them. They play on a mock cluster, or on a real control plane (see `place`).
#![expect(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod cli;
mod clients;
mod giving;
mod judging;
mod keeping_key;
mod metallb;
mod objects;
mod page;
#[path = "../controller/place.rs"]
mod place;
mod pools;
mod reaching;
mod reserving;
mod restarting;
mod routing;
mod speaking;
mod walk;
mod world;

use landfall_test_process as process;
