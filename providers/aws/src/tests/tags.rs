//! Tags that a Service gives: they come and go with the annotation, and nobody else's do.

use std::collections::BTreeSet;

use landfall_provider_api::{Error, LoadBalancer, Provider};
use landfall_test_aws::{Map, When};

use super::world::{World, annotated, parts, served};
use crate::given::NOTE;

/// A Service that gives these tags.
fn giving(world: &World, tags: &str) -> LoadBalancer {
    let service = world.service("s1", &[80, 443]);
    annotated(service, &[("additional-resource-tags", tags)])
}

/// Load balancer, target groups, listeners and security group of the Service, and the tags of each.
fn tagged(world: &World) -> Vec<(String, Map)> {
    let everything = world.aws.everything();
    let balancers = everything.load_balancers.into_iter();
    let groups = everything.target_groups.into_iter();
    let listeners = everything.listeners.into_iter();
    let fronts = everything.security_groups.into_iter();
    let all = balancers.map(|it| (it.arn, it.tags));
    let all = all.chain(groups.map(|it| (it.arn, it.tags)));
    let all = all.chain(listeners.map(|it| (it.arn, it.tags)));
    let all = all.chain(fronts.map(|it| (it.id, it.tags)));
    let is_its = |tags: &Map| tags.contains_key("landfall.dev/service-uid");
    all.filter(|(_, tags)| is_its(tags)).collect()
}

/// Somebody else tags each part.
fn tagged_by_others(world: &World) {
    for (part, _) in tagged(world) {
        assert!(world.aws.tag(&part, "theirs", "1"), "{part}");
    }
}

/// Each part has these tags besides those that say whose it is, in any order.
fn has(world: &World, keys: &[&str]) -> Result<(), String> {
    let parts = tagged(world);
    assert_eq!(parts.len(), 6, "{parts:?}");
    let keys: BTreeSet<_> = keys.iter().copied().collect();
    for (part, tags) in &parts {
        let ours = |key: &&str| key.starts_with("landfall.dev/") && *key != NOTE;
        let there = tags.keys().map(String::as_str).filter(|it| !ours(it));
        let there: BTreeSet<_> = there.collect();
        if there != keys {
            return Err(format!("{part} has {there:?}"));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_is_taken_out_of_the_annotation_goes_and_what_others_gave_stays() {
    let world = World::start();
    let provider = world.begun().await;
    served(&provider, &giving(&world, "team=a,stage=b")).await;
    has(&world, &["team", "stage", NOTE]).unwrap();
    tagged_by_others(&world);
    world.aws.clear_calls();
    served(&provider, &giving(&world, "team=c,owner=d")).await;
    has(&world, &["team", "owner", "theirs", NOTE]).unwrap();
    let of_each_kind = (world.aws.count("RemoveTags"), world.aws.count("AddTags"));
    assert_eq!(of_each_kind, (3, 3), "{}", world.called());
    assert!(tagged(&world).iter().all(|(_, it)| it["team"] == "c"));

    // Another process knows it too, and knows of none when there is none.
    drop(provider);
    world.aws.advance(std::time::Duration::from_mins(2));
    let provider = world.begun().await;
    served(&provider, &world.service("s1", &[80, 443])).await;
    has(&world, &["theirs"]).unwrap();
    world.aws.clear_calls();
    provider
        .ensure(&world.service("s1", &[80, 443]))
        .await
        .expect("it is there");
    assert_eq!(world.count(), 0, "{}", world.called());
}

/// Ends a process at its n-th call of such a change, and starts another. `false` if it has fewer.
async fn cut(n: usize, when: When) -> bool {
    let world = World::start();
    let wanted = giving(&world, "team=a,owner=d");
    {
        let provider = world.begun().await;
        served(&provider, &giving(&world, "team=a,stage=b")).await;
        tagged_by_others(&world);
        world.aws.advance(std::time::Duration::from_mins(2));
        let work = async { drop(served(&provider, &wanted).await) };
        if !world.is_cut(n, when, work).await {
            return false;
        }
    }
    world.go_on();
    let provider = world.begun().await;
    served(&provider, &wanted).await;
    // The tag query tells late of what the process before has done.
    world.aws.advance(std::time::Duration::from_mins(2));
    provider.owned().await.expect("all is read");
    served(&provider, &wanted).await;
    let found = has(&world, &["team", "owner", "theirs", NOTE]);
    found.unwrap_or_else(|error| panic!("call {n}, {when:?}: {error}"));
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_last_call_was_the_next_process_takes_the_tag_away() {
    let mut n = 0;
    loop {
        n += 1;
        let before = cut(n, When::Before).await;
        let after = cut(n, When::After).await;
        if !before && !after {
            break;
        }
    }
    assert!(n > 8, "there was hardly a call to end at");
}

/// What was given before the tags were noted, the note tells from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_without_a_note_is_noted_while_it_is_given() {
    let world = World::start();
    let provider = world.begun().await;
    let wanted = giving(&world, "team=a");
    served(&provider, &wanted).await;
    drop(provider);
    for (part, _) in tagged(&world) {
        assert!(world.aws.untag(&part, NOTE), "{part}");
    }
    world.aws.advance(std::time::Duration::from_mins(2));
    let provider = world.begun().await;
    served(&provider, &wanted).await;
    has(&world, &["team", NOTE]).unwrap();
    served(&provider, &world.service("s1", &[80, 443])).await;
    has(&world, &[]).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_take_tags_away_all_else_is_done_and_the_right_is_named() {
    for action in ["RemoveTags", "DeleteTags"] {
        let world = World::start();
        let provider = world.begun().await;
        served(&provider, &giving(&world, "team=a")).await;
        world.aws.deny(action);
        let wanted = world.service("s1", &[80, 444]);
        let error = provider.ensure(&wanted).await.expect_err("it may not");
        assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
        assert!(error.to_string().contains(action), "{error}");
        assert!(parts(&world, "s1").contains(&"listener TCP 444".to_owned()));
    }
}

/// It began before the other made anything, so it makes all anew, and meets it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_meets_what_another_process_has_made_with_other_tags_puts_them_right() {
    let world = World::start();
    let (provider, before) = (world.begun().await, world.begun().await);
    served(&before, &giving(&world, "team=a,stage=b")).await;
    drop(before);
    let wanted = giving(&world, "team=a,owner=d");
    served(&provider, &wanted).await;
    let groups = world.aws.security_groups();
    let mut fronts = groups
        .iter()
        .filter(|it| it.tags.contains_key("landfall.dev/service-uid"));
    let front = fronts.next().expect("there is one");
    assert_eq!(front.tags.get("stage"), None, "it is met by its name");
    // Of the rest, the bulk reading tells.
    world.aws.advance(std::time::Duration::from_mins(2));
    provider.owned().await.expect("all is read");
    served(&provider, &wanted).await;
    has(&world, &["team", "owner", NOTE]).unwrap();
}
