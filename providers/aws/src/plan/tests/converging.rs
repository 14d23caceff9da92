use proptest::prelude::*;

use super::*;

/// Something that somebody else does, or a process that ends leaves undone.
#[derive(Debug, Clone)]
enum Harm {
    Balancer,
    Listener(usize),
    Group(usize),
    Front,
    Rule,
    Target(usize),
    Tag,
    Health,
    Attributes,
    Zone,
    Groups,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::Balancer),
        (0..3usize).prop_map(Harm::Listener),
        (0..3usize).prop_map(Harm::Group),
        Just(Harm::Front),
        Just(Harm::Rule),
        (0..3usize).prop_map(Harm::Target),
        Just(Harm::Tag),
        Just(Harm::Health),
        Just(Harm::Attributes),
        Just(Harm::Zone),
        Just(Harm::Groups),
    ]
}

fn harmed(model: &mut Model, harm: &Harm) {
    let seen = &mut model.seen;
    match harm {
        Harm::Balancer => {
            if let Some(arn) = seen.balancers.first().map(|it| it.it.arn.clone()) {
                seen.forget_balancer(&arn);
            }
        }
        Harm::Listener(index) => {
            if let Some(balancer) = seen.balancers.first_mut()
                && *index < balancer.listeners.len()
            {
                let gone = balancer.listeners.remove(*index);
                for (arn, _) in gone.it.action.groups {
                    if let Some(group) = seen.group(&arn) {
                        group.it.load_balancers.clear();
                    }
                }
            }
        }
        // AWS lets nobody remove one that is used.
        Harm::Group(index) => {
            if seen
                .groups
                .get(*index)
                .is_some_and(|it| it.it.load_balancers.is_empty())
            {
                seen.groups.remove(*index);
            }
        }
        Harm::Front => {
            if seen.balancers.is_empty() {
                seen.fronts.clear();
            }
        }
        Harm::Rule => {
            if let Some(Believed::Known(rules)) = seen.fronts.first_mut().map(|it| &mut it.rules) {
                rules.pop_first();
            }
        }
        Harm::Target(index) => {
            if let Some(Believed::Known(targets)) =
                seen.groups.get_mut(*index).map(|it| &mut it.targets)
            {
                targets.pop_first();
                targets.insert(target("i-foreign"));
            }
        }
        Harm::Tag => {
            if let Some(balancer) = seen.balancers.first_mut() {
                balancer.tags.remove("team");
                balancer.tags.insert("theirs".into(), "1".into());
            }
        }
        Harm::Health => {
            if let Some(group) = seen.groups.first_mut() {
                group.it.health_check.port = Some("1".into());
            }
        }
        Harm::Attributes => {
            if let Some(balancer) = seen.balancers.first_mut() {
                balancer.attributes = Believed::Known(Attributes::new());
            }
        }
        Harm::Zone => {
            if let Some(balancer) = seen.balancers.first_mut() {
                balancer.it.zones.pop();
            }
        }
        Harm::Groups => {
            // AWS lets nobody take away the last one.
            if let Some(balancer) = seen.balancers.first_mut()
                && balancer.it.security_groups.len() > 1
            {
                balancer.it.security_groups.pop();
            }
        }
    }
}

/// What is wanted in one of several ways.
fn some_wanted() -> impl Strategy<Value = Wanted> {
    let ports = proptest::sample::subsequence(vec![80u16, 443, 8080], 1..=3);
    let others = proptest::sample::subsequence(vec!["b", "c"], 0..=2);
    (ports, any::<bool>(), any::<bool>(), any::<bool>(), others).prop_map(
        |(ports, public, pods, attribute, others)| {
            let mut wanted = wanted(&ports);
            let given = ["team"].into_iter().chain(others.iter().copied());
            wanted
                .tags
                .insert(given::NOTE.to_owned(), given::note(given));
            let others = others.iter().map(|it| ((*it).to_owned(), String::new()));
            wanted.tags.extend(others);
            wanted.scheme = Some(if public {
                Scheme::InternetFacing
            } else {
                Scheme::Internal
            });
            if pods {
                for port in &mut wanted.ports {
                    port.target_type = TargetType::Ip;
                    port.targets = [target("10.0.0.1")].into();
                }
            }
            if attribute {
                wanted.attributes.insert("a".into(), "1".into());
            }
            wanted
        },
    )
}

/// Runs until nothing is left to do, AWS being well.
fn converge(model: &mut Model, wanted: &Wanted) -> Result<(), TestCaseError> {
    let mut now = Instant::now();
    for _ in 0..12 {
        let step = model.run_at(wanted, now);
        if matches!(step, Step::Done) {
            return Ok(());
        }
        prop_assert!(matches!(step, Step::Wait { .. }), "{step:?}");
        model.works();
        now += FAREWELL;
    }
    Err(TestCaseError::fail(format!(
        "it does not converge: {:?}",
        model.taken
    )))
}

/// Exactly what is wanted is there, and nothing besides.
fn check(model: &Model, wanted: &Wanted) -> Result<(), TestCaseError> {
    let seen = &model.seen;
    prop_assert_eq!(seen.balancers.len(), 1);
    prop_assert_eq!(seen.groups.len(), wanted.ports.len());
    prop_assert_eq!(seen.fronts.len(), 1);
    let balancer = &seen.balancers[0];
    prop_assert_eq!(balancer.it.scheme, wanted.scheme);
    prop_assert_eq!(balancer.it.zones.len(), 2);
    let there = balancer.tags.keys().filter(|it| *it != "theirs");
    let to_be = wanted.tags_of(crate::names::Part::Balancer);
    prop_assert!(there.eq(to_be.keys()), "{:?}", balancer.tags);
    prop_assert_eq!(balancer.tags.get("team").map(String::as_str), Some("a"));
    let parts = seen.groups.iter().map(|it| &it.tags);
    let listeners = balancer.listeners.iter().map(|it| &it.tags);
    let mut parts = parts.chain(listeners).chain([&seen.fronts[0].tags]);
    prop_assert!(parts.all(|it| it.len() == to_be.len()));
    prop_assert_eq!(
        &balancer.it.security_groups,
        &vec![seen.fronts[0].id.clone(), "sg-shared".to_owned()]
    );
    prop_assert_eq!(balancer.listeners.len(), wanted.ports.len());
    let rules = seen.fronts[0].rules.known().unwrap();
    let rules: BTreeSet<_> = rules.iter().map(|it| it.from).collect();
    prop_assert_eq!(
        rules,
        wanted.ports.iter().map(|it| it.port.into()).collect()
    );
    for port in &wanted.ports {
        let listener = balancer
            .listeners
            .iter()
            .find(|it| it.it.port == port.port)
            .unwrap();
        let [(arn, _)] = listener.it.action.groups.as_slice() else {
            return Err(TestCaseError::fail("a listener sends to several"));
        };
        let group = seen.groups.iter().find(|it| it.it.arn == *arn).unwrap();
        prop_assert_eq!(group.targets.known(), Some(&port.targets));
        prop_assert_eq!(&group.it.target_type, port.target_type.as_str());
        prop_assert_eq!(&group.it.health_check, &port.health);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn from_anything_it_becomes_what_is_wanted(
        first in some_wanted(),
        second in some_wanted(),
        cut in 0..12usize,
        harms in proptest::collection::vec(harm(), 0..5),
    ) {
        let mut model = Model::default();
        // A process that ends after some steps.
        let now = Instant::now();
        for _ in 0..cut {
            settle(&first, &mut model.seen);
            match plan(&first, &model.seen, now, FAREWELL) {
                Step::Done | Step::Wait { .. } => break,
                step => model.take(step, now),
            }
        }
        model.works();
        for harm in &harms {
            harmed(&mut model, harm);
        }
        converge(&mut model, &second)?;
        check(&model, &second)?;
        model.taken.clear();
        model.run(&second);
        prop_assert!(model.taken.is_empty(), "it does not rest: {:?}", model.taken);
        model.release();
        prop_assert!(model.seen.is_empty());
    }
}
