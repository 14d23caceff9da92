use super::*;

#[test]
fn what_is_used_is_made_before_who_uses_it() {
    let mut model = Model::default();
    assert!(matches!(model.run(&wanted(&[80])), Step::Done));
    assert_eq!(
        model.taken,
        [
            "make front",
            "admit",
            "make group",
            "make balancer",
            "register",
            "make listener"
        ]
    );
}

#[test]
fn a_further_port_is_three_calls() {
    let mut model = Model::default();
    model.run(&wanted(&[80]));
    let one = model.taken.len();
    let mut model = Model::default();
    model.run(&wanted(&[80, 443]));
    assert_eq!(model.taken.len(), one + 3);
}

#[test]
fn what_is_there_is_left_alone() {
    let wanted = wanted(&[80, 443]);
    let mut model = Model::with(&wanted);
    assert!(matches!(model.run(&wanted), Step::Done));
    assert!(model.taken.is_empty(), "{:?}", model.taken);
}

#[test]
fn a_port_s_number_changes_without_a_gap_for_others() {
    let mut model = Model::with(&wanted(&[80, 443]));
    model.run(&wanted(&[81, 443]));
    assert_eq!(
        model.taken,
        ["admit", "expel", "make listener", "remove listener"],
        "targets stay where they are"
    );
}

#[test]
fn narrower_ranges_shut_out_nobody_who_may_still_come() {
    let mut wanted = wanted(&[80]);
    let narrow = |range: &str| Rule {
        source: RuleSource::Cidr(range.parse().unwrap()),
        ..rule(80)
    };
    let of = |ranges: &[&str]| Groups::Managed {
        rules: ranges.iter().map(|it| narrow(it)).collect(),
        beside: vec!["sg-shared".into()],
    };
    wanted.groups = of(&["10.1.0.0/16", "10.2.0.0/16"]);
    let mut model = Model::with(&wanted);
    wanted.groups = of(&["10.1.0.0/16"]);
    model.run(&wanted);
    assert_eq!(model.taken, ["expel"]);
    let rules = model.seen.fronts[0].rules.known().unwrap();
    assert_eq!(*rules, [narrow("10.1.0.0/16")].into());
}

#[test]
fn targets_come_before_others_go() {
    let mut wanted = wanted(&[80]);
    let mut model = Model::with(&wanted);
    wanted.ports[0].targets = [target("i-2"), target("i-3")].into();
    model.run(&wanted);
    assert_eq!(model.taken, ["register", "deregister"]);
}

#[test]
fn a_target_that_aws_refused_is_left_out() {
    let mut wanted = wanted(&[80]);
    let mut model = Model::with(&wanted);
    wanted.ports[0].targets.insert(target("i-3"));
    let refused = ("i-3".to_owned(), "of that type".to_owned());
    model.seen.groups[0].refused.extend([refused]);
    model.run(&wanted);
    assert!(model.taken.is_empty(), "{:?}", model.taken);
}

#[test]
fn a_scheme_that_changes_keeps_the_old_one_until_the_new_one_serves() {
    let internal = wanted(&[80]);
    let mut model = Model::with(&internal);
    let public = Wanted {
        scheme: Some(Scheme::InternetFacing),
        ..internal
    };
    let now = Instant::now();
    let Step::Wait { until: None, .. } = model.run_at(&public, now) else {
        panic!("it does not wait until the new one serves")
    };
    assert_eq!(
        model.taken,
        ["make group", "make balancer", "register", "make listener"]
    );
    assert_eq!(model.seen.balancers.len(), 2);
    model.taken.clear();
    model.works();
    let Step::Wait {
        until: Some(until), ..
    } = model.run_at(&public, now)
    else {
        panic!("it does not wait until nobody uses the old name")
    };
    assert_eq!(
        (model.taken.as_slice(), until),
        (&["switch"][..], now + FAREWELL)
    );
    model.taken.clear();
    assert!(matches!(model.run_at(&public, until), Step::Done));
    assert_eq!(model.taken, ["remove balancer", "remove group"]);
    assert_eq!(
        model.seen.balancers[0].it.scheme,
        Some(Scheme::InternetFacing)
    );
}

#[test]
fn without_a_word_the_scheme_stays_what_it_is() {
    let public = Wanted {
        scheme: Some(Scheme::InternetFacing),
        ..wanted(&[80])
    };
    let mut model = Model::with(&public);
    assert!(matches!(model.run(&wanted(&[80])), Step::Done));
    assert!(model.taken.is_empty(), "{:?}", model.taken);
}

#[test]
fn what_is_protected_is_not_replaced() {
    let mut wanted = wanted(&[80]);
    let protection = ("deletion_protection.enabled".to_owned(), "true".to_owned());
    wanted.attributes.extend([protection]);
    let mut model = Model::with(&wanted);
    wanted.scheme = Some(Scheme::InternetFacing);
    wanted.ports[0].targets = [target("i-9")].into();
    let Step::Refuse(error) = model.run(&wanted) else {
        panic!("it was replaced")
    };
    assert!(
        error.to_string().contains("end the protection first"),
        "{error}"
    );
    assert_eq!(model.seen.balancers.len(), 1);
}

#[test]
fn pods_take_over_from_nodes_when_one_of_them_is_well() {
    let mut wanted = wanted(&[80]);
    let mut model = Model::with(&wanted);
    let before = model.seen.groups[0].it.arn.clone();
    wanted.ports[0].target_type = TargetType::Ip;
    wanted.ports[0].targets = [target("10.0.0.1")].into();
    let Step::Wait { until: None, .. } = model.run(&wanted) else {
        panic!("it does not wait until one of the new ones is well")
    };
    assert_eq!(model.taken, ["make group", "register", "change listener"]);
    let weights = |model: &Model| {
        let groups = &model.seen.balancers[0].listeners[0].it.action.groups;
        groups
            .iter()
            .map(|(arn, weight)| (*arn == before, *weight))
            .collect::<Vec<_>>()
    };
    assert_eq!(weights(&model), [(true, 1), (false, 0)]);
    model.taken.clear();
    model.works();
    assert!(matches!(model.run(&wanted), Step::Done));
    assert_eq!(model.taken, ["change listener", "remove group"]);
    assert_eq!(weights(&model), [(false, 1)]);
}

#[test]
fn what_nobody_declared_is_neither_read_nor_written() {
    let mut wanted = wanted(&[80]);
    let mut model = Model::with(&wanted);
    model.seen.balancers[0].attributes = Believed::Unknown;
    model.seen.groups[0].attributes = Believed::Unknown;
    assert!(matches!(model.run(&wanted), Step::Done));
    let zonal = (
        "load_balancing.cross_zone.enabled".to_owned(),
        "true".to_owned(),
    );
    wanted.attributes.extend([zonal]);
    let now = Instant::now();
    let Step::Read(Unread::BalancerAttributes(_)) = plan(&wanted, &model.seen, now, FAREWELL)
    else {
        panic!("what is not known was not read")
    };
    model.seen.balancers[0].attributes = Believed::Known(wanted.attributes.clone());
    assert!(matches!(model.run(&wanted), Step::Done));
    assert!(model.taken.is_empty(), "{:?}", model.taken);
}

#[test]
fn what_a_process_before_has_left_is_taken_for_right() {
    let mut wanted = wanted(&[80]);
    wanted.attributes.insert("a".into(), "1".into());
    let mut model = Model::with(&wanted);
    let group = &mut model.seen.groups[0];
    (group.targets, group.attributes) = (Believed::Assumed, Believed::Assumed);
    model.seen.balancers[0].attributes = Believed::Assumed;
    assert!(matches!(model.run(&wanted), Step::Done));
    assert!(model.taken.is_empty(), "{:?}", model.taken);
    // And what changes since then is compared with it.
    wanted.ports[0].targets.insert(target("i-3"));
    wanted.attributes.insert("a".into(), "2".into());
    model.run(&wanted);
    assert_eq!(model.taken, ["set attributes", "register"]);
}

#[test]
fn a_zone_is_added_in_place_and_none_is_left_unless_all_are_named() {
    let two = wanted(&[80]);
    let mut model = Model::with(&two);
    let mut three = two.clone();
    three.subnets.places = vec![place("b"), place("c")];
    model.run(&three);
    assert_eq!(model.taken, ["set subnets"]);
    let zones = |model: &Model| {
        let zones = &model.seen.balancers[0].it.zones;
        zones.iter().map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(zones(&model), ["a", "b", "c"]);
    three.subnets.are_named = true;
    model.taken.clear();
    model.run(&three);
    assert_eq!(model.taken, ["set subnets"]);
    assert_eq!(zones(&model), ["b", "c"]);
}

#[test]
fn a_subnet_cannot_change_within_its_zone() {
    let named = |subnet: &str| {
        let mut wanted = wanted(&[80]);
        wanted.subnets.are_named = true;
        wanted.subnets.places[0].mapping.subnet = subnet.to_owned();
        wanted
    };
    let mut model = Model::with(&named("subnet-a"));
    model.run(&named("subnet-a2"));
    assert!(model.taken.contains(&"make balancer"), "{:?}", model.taken);
}

#[test]
fn removal_begins_with_who_uses_the_others() {
    let mut model = Model::with(&wanted(&[80, 443]));
    model.release();
    assert_eq!(
        model.taken,
        [
            "remove balancer",
            "remove group",
            "remove group",
            "remove front"
        ]
    );
    assert!(model.seen.is_empty());
}
