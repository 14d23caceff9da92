//! A controller that takes the place of another.

use serde_json::Value;

use crate::world::World;

/// Services of the story.
const SERVICES: usize = 4;

fn name(index: usize) -> String {
    format!("web-{index}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_writes_to_no_service_that_is_served_and_traffic_follows_its_nodes_all_the_same()
{
    let world = World::quick().await;
    let controller = world.controller();
    let mut before: Vec<Value> = Vec::new();
    for index in 0..SERVICES {
        world.create(&name(index), &[80, 443], &[]).await;
    }
    for index in 0..SERVICES {
        before.push(world.until_serving(&name(index)).await);
    }
    controller.kill();

    let _controller = world.controller();
    // So it must look at each of them, and knows of no target how it is.
    world.delete_node(0).await;
    world
        .until_at_aws("the node is no target any more", |aws| {
            let groups = aws.target_groups();
            let targets = groups.iter().map(|it| &it.targets);
            groups.len() == 2 * SERVICES && targets.clone().all(|it| it.len() == 2)
        })
        .await;
    // By now who was looked at first would have been written to.
    world.create("another", &[80], &[]).await;
    world.until_serving("another").await;
    for (index, before) in before.iter().enumerate() {
        assert_eq!(&world.get(&name(index)).await, before);
    }
}
