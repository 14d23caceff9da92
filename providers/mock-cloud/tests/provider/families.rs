//! Load balancers of two families, where there is not always an address of each.

use std::net::{IpAddr, Ipv6Addr};

use futures::stream::BoxStream;
use landfall_provider_api::{
    Assigned, Error, Family, FamilyPolicy, Ingress, LoadBalancer, LoadBalancerId, Provider,
};

use crate::world::{World, assigned, next, wanted};

const V4: Family = Family::IPv4;
const V6: Family = Family::IPv6;

/// The one IPv6 address of the pool.
const SIXTH: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A cloud whose only IPv6 address is taken by a load balancer of the Service `holder`.
async fn world() -> (World, Box<dyn Provider>, BoxStream<'static, LoadBalancerId>) {
    let world = World::with(Some("::1/128".parse().unwrap())).await;
    let (provider, changes) = world.listening().await;
    let held = of("holder", &[V6], FamilyPolicy::SingleStack);
    assert_eq!(
        addresses(&assigned(provider.ensure(&held).await.unwrap())),
        [SIXTH]
    );
    (world, provider, changes)
}

/// One without ports: whether somebody has a port of `::1` is of no interest here.
fn of(service_uid: &str, families: &[Family], family_policy: FamilyPolicy) -> LoadBalancer {
    LoadBalancer {
        families: families.to_vec(),
        family_policy,
        ports: Vec::new(),
        ..wanted(service_uid)
    }
}

fn addresses(assigned: &Assigned) -> Vec<IpAddr> {
    let address = |ingress: &Ingress| match ingress {
        Ingress::Ip { address, .. } => *address,
        Ingress::Hostname(name) => panic!("an address, and not {name}"),
    };
    assigned.ingress.iter().map(address).collect()
}

#[tokio::test]
async fn a_preferred_family_that_is_lacking_is_given_later_and_the_address_is_kept() {
    for families in [[V4, V6], [V6, V4]] {
        let (world, provider, mut changes) = world().await;
        let wanted = of("s1", &families, FamilyPolicy::PreferDualStack);
        let half = addresses(&assigned(provider.ensure(&wanted).await.unwrap()));
        let fourth = IpAddr::V4(world.address(1));
        assert_eq!(half, [fourth]);

        world.delete("holder").await;
        // That the other is gone is news, too.
        while next(&mut changes).await != "s1" {}
        let whole = addresses(&assigned(provider.ensure(&wanted).await.unwrap()));
        let expected = families.map(|family| if family == V4 { fourth } else { SIXTH });
        assert_eq!(whole, expected);
        world.forget_calls().await;
        provider.ensure(&wanted).await.unwrap();
        assert_eq!(world.calls().await, [""; 0], "it is complete");
    }
}

#[tokio::test]
async fn what_another_gives_back_while_it_goes_on_is_given_to_who_lacks_it() {
    let (world, provider, mut changes) = world().await;
    let wanted = of("s1", &[V4, V6], FamilyPolicy::PreferDualStack);
    provider.ensure(&wanted).await.unwrap();
    let holder = |families| of("holder", families, FamilyPolicy::PreferDualStack);
    provider.ensure(&holder(&[V4, V6])).await.unwrap();
    provider.ensure(&holder(&[V4])).await.unwrap();
    while next(&mut changes).await != "s1" {}
    let whole = addresses(&assigned(provider.ensure(&wanted).await.unwrap()));
    assert_eq!(whole, [IpAddr::V4(world.address(1)), SIXTH]);
}

#[tokio::test]
async fn a_preferred_family_that_the_pool_has_not_at_all_is_gone_without() {
    let world = World::start().await;
    let provider = world.begun().await;
    let wanted = of("s1", &[V6, V4], FamilyPolicy::PreferDualStack);
    let half = addresses(&assigned(provider.ensure(&wanted).await.unwrap()));
    assert_eq!(half, [IpAddr::V4(world.address(1))]);
}

#[tokio::test]
async fn required_families_are_both_or_neither() {
    let (world, provider, _) = world().await;
    let wanted = of("s1", &[V4, V6], FamilyPolicy::RequireDualStack);
    let error = provider.ensure(&wanted).await.unwrap_err();
    assert!(matches!(error, Error::Exhausted(_)), "{error}");
    assert_eq!(world.items().await.len(), 1, "only the holder is there");
    world.delete("holder").await;
    let whole = addresses(&assigned(provider.ensure(&wanted).await.unwrap()));
    assert_eq!(whole, [IpAddr::V4(world.address(1)), SIXTH]);
}
