use std::collections::BTreeMap;

use super::*;
use crate::calls::Route;

fn subnet(id: &str, zone: &str, tags: &[(&str, &str)]) -> Subnet {
    let last = id.bytes().last().unwrap_or_default();
    Subnet {
        id: id.into(),
        vpc: "vpc-1".into(),
        zone: zone.into(),
        zone_id: format!("id-{zone}"),
        ipv4: Some(format!("10.0.{last}.0/24").parse().unwrap()),
        ipv6: vec![format!("2001:db8:0:{last}::/64").parse().unwrap()],
        free_addresses: 200,
        tags: tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

const PUBLIC: (&str, &str) = ("kubernetes.io/role/elb", "1");
const PRIVATE: (&str, &str) = ("kubernetes.io/role/internal-elb", "");
const OURS: (&str, &str) = ("kubernetes.io/cluster/demo", "shared");
const THEIRS: (&str, &str) = ("kubernetes.io/cluster/other", "owned");

fn asked(annotations: &[(&str, &str)]) -> Asked {
    crate::tests::asked(annotations)
}

fn discover(
    all: &[Subnet],
    routes: Option<&[RouteTable]>,
    scheme: Scheme,
    asked: &Asked,
) -> Result<Vec<String>, String> {
    let discovery = Discovery {
        all,
        routes,
        cluster_name: "demo",
        scheme,
    };
    let chosen = discovery.choose(asked).map_err(|error| error.to_string())?;
    assert!(!chosen.are_named);
    Ok(chosen
        .places
        .into_iter()
        .map(|it| it.mapping.subnet)
        .collect())
}

#[test]
fn tags_say_which_subnets_are_for_load_balancers() {
    let all = [
        subnet("subnet-1", "a", &[PUBLIC]),
        subnet("subnet-2", "b", &[PUBLIC]),
        subnet("subnet-3", "a", &[PRIVATE]),
        subnet("subnet-4", "b", &[("kubernetes.io/role/internal-elb", "0")]),
        subnet("subnet-5", "c", &[]),
    ];
    let asked = asked(&[]);
    let public = discover(&all, None, Scheme::InternetFacing, &asked);
    assert_eq!(public.unwrap(), ["subnet-1", "subnet-2"]);
    let private = discover(&all, None, Scheme::Internal, &asked);
    assert_eq!(private.unwrap(), ["subnet-3"]);
}

#[test]
fn of_several_in_a_zone_ours_goes_first_and_then_the_lowest_id() {
    let all = [
        subnet("subnet-3", "a", &[PUBLIC]),
        subnet("subnet-1", "a", &[PUBLIC, THEIRS]),
        subnet("subnet-2", "a", &[PUBLIC]),
        subnet("subnet-9", "b", &[PUBLIC, OURS]),
        subnet("subnet-8", "b", &[PUBLIC]),
    ];
    let chosen = discover(&all, None, Scheme::InternetFacing, &asked(&[]));
    assert_eq!(chosen.unwrap(), ["subnet-2", "subnet-9"]);
}

#[test]
fn without_tags_the_routes_say_it() {
    let all = [
        subnet("subnet-1", "a", &[]),
        subnet("subnet-2", "b", &[]),
        subnet("subnet-3", "c", &[]),
    ];
    let table = |subnets: &[&str], through: &str, main| RouteTable {
        id: "rtb".into(),
        main,
        subnets: subnets.iter().map(|it| (*it).to_owned()).collect(),
        routes: vec![Route {
            destination: "0.0.0.0/0".into(),
            through: through.into(),
            active: true,
        }],
    };
    let routes = [
        table(&["subnet-1"], "nat-1", false),
        table(&[], "igw-1", true),
    ];
    let asked = asked(&[]);
    let public = discover(&all, Some(&routes), Scheme::InternetFacing, &asked);
    assert_eq!(public.unwrap(), ["subnet-2", "subnet-3"]);
    let private = discover(&all, Some(&routes), Scheme::Internal, &asked);
    assert_eq!(private.unwrap(), ["subnet-1"]);
    // A way that leads nowhere is none.
    let mut black = routes.clone();
    black[1].routes[0].active = false;
    let none = discover(&all, Some(&black), Scheme::InternetFacing, &asked).unwrap_err();
    assert!(none.contains("kubernetes.io/role/elb"), "{none}");
}

#[test]
fn where_none_fits_it_says_why() {
    let mut full = subnet("subnet-1", "a", &[PUBLIC]);
    full.free_addresses = 7;
    let why = discover(&[full.clone()], None, Scheme::InternetFacing, &asked(&[])).unwrap_err();
    assert!(why.contains("subnet-1 has 7 free addresses"), "{why}");
    let mut old = subnet("subnet-1", "a", &[PUBLIC]);
    old.ipv6.clear();
    let dual = asked(&[("ip-address-type", "dualstack")]);
    let why = discover(&[old.clone()], None, Scheme::InternetFacing, &dual).unwrap_err();
    assert!(why.contains("no IPv6 range"), "{why}");
    // Those that fit are enough.
    let good = subnet("subnet-2", "b", &[PUBLIC]);
    let chosen = discover(&[full, old, good], None, Scheme::InternetFacing, &dual);
    assert_eq!(chosen.unwrap(), ["subnet-2"]);
}

#[test]
fn named_ones_are_found_by_id_or_name_and_each_in_its_zone() {
    let all = [
        subnet("subnet-1", "a", &[("Name", "front-a")]),
        subnet("subnet-2", "b", &[("Name", "front-b")]),
        subnet("subnet-3", "b", &[("Name", "twice")]),
        subnet("subnet-4", "c", &[("Name", "twice")]),
    ];
    let find = |names: &[&str], annotations: &[(&str, &str)]| {
        let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
        named(&asked(annotations), &names, &all)
    };
    let both = find(&["front-b", "subnet-1"], &[]).unwrap();
    let ids: Vec<_> = both
        .places
        .iter()
        .map(|it| it.mapping.subnet.as_str())
        .collect();
    assert_eq!(
        (ids.as_slice(), both.are_named),
        (&["subnet-2", "subnet-1"][..], true)
    );
    for (names, says) in [
        (&["subnet-9"][..], "there is no subnet subnet-9"),
        (&["twice"], "tag Name of subnet-3 and subnet-4"),
        (&["subnet-2", "subnet-3"], "both in the zone b"),
    ] {
        let error = find(names, &[]).unwrap_err().to_string();
        assert!(
            error.contains(says) && error.contains("aws-load-balancer-subnets"),
            "{error}"
        );
    }
}

#[test]
fn addresses_go_to_the_subnets_that_they_are_in() {
    // The last byte of an id is a digit, and makes the range: 49 for 1.
    let all = [subnet("subnet-1", "a", &[]), subnet("subnet-2", "b", &[])];
    let names = ["subnet-1".to_owned(), "subnet-2".to_owned()];
    let with = |addresses: &str| {
        let annotations = [("private-ipv4-addresses", addresses)];
        named(&asked(&annotations), &names, &all)
    };
    let found = with("10.0.50.9,10.0.49.9").unwrap();
    let addresses: BTreeMap<_, _> = found
        .places
        .into_iter()
        .map(|it| (it.mapping.subnet, it.mapping.private_ipv4.unwrap()))
        .collect();
    let expected = [("subnet-1", "10.0.49.9"), ("subnet-2", "10.0.50.9")];
    assert_eq!(
        addresses,
        expected
            .map(|(id, it)| (id.to_owned(), it.to_owned()))
            .into()
    );
    let error = with("10.0.50.9,10.0.50.10").unwrap_err().to_string();
    assert!(
        error.contains("none of them is in the subnet subnet-1"),
        "{error}"
    );
    let error = with("10.0.50.9").unwrap_err().to_string();
    assert!(error.contains("one for each"), "{error}");
}

#[test]
fn where_all_are_other_clusters_it_says_so() {
    let all = [subnet("subnet-1", "a", &[PUBLIC, THEIRS])];
    let why = discover(&all, None, Scheme::InternetFacing, &asked(&[])).unwrap_err();
    assert!(why.contains("none of kubernetes.io/cluster/demo"), "{why}");
}
