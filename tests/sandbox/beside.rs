//! Sandboxes beside each other.

use crate::world::{World, answer, service};

#[tokio::test]
async fn two_sandboxes_do_not_meet() {
    let (one, two) = tokio::join!(World::start(), World::start());
    for world in [&one, &two] {
        world.deploy("hello", 1).await;
        world.create(&service("hello")).await;
    }
    let (here, there) = (one.address("hello").await, two.address("hello").await);
    assert_ne!(here, there);
    assert_ne!(
        answer(&here, 8080).await.pod,
        answer(&there, 8080).await.pod
    );
}
