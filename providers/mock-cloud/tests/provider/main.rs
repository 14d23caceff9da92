//! The provider against a real mock cloud, over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

mod adopting;
mod failures;
mod families;
mod listening;
mod repairing;
mod serving;
mod stories;
mod world;

use landfall_provider_api::conformance;
use world::World;

#[tokio::test]
async fn it_does_what_every_provider_must() {
    conformance::all(World::start).await;
}
