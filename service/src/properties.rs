//! What holds for every Service that an API server may hand us, however odd.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::plan::{Step, World, plan};
use crate::record::Record;
use crate::testing::{around, capabilities, claims, service};
use crate::write::Write;
use crate::{Surroundings, parse, patch};

/// Texts that somebody may write where an address, a range or a word is expected.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "[0-9a-f:./, ]{0,60}",
        select(vec![
            "",
            " ",
            ",",
            "192.0.2.1",
            "192.0.2.1,2001:db8::1",
            "::ffff:192.0.2.1",
            "0.0.0.0/0",
            "10.0.0.1/8",
            "010.0.0.1",
            "Local",
            "ClientIP",
            "RequireDualStack",
            "PreferDualStack",
            "IPv4",
            "IPv6",
            "SCTP",
            "UDP",
        ])
        .prop_map(str::to_owned),
        // As long as an annotation may be.
        (1usize..260_000).prop_map(|length| "1,".repeat(length / 2)),
    ]
}

fn number() -> impl Strategy<Value = i32> {
    prop_oneof![any::<i32>(), select(vec![-1, 0, 1, 80, 65_535, 65_536])]
}

fn port() -> impl Strategy<Value = Value> {
    (text(), text(), number(), proptest::option::of(number())).prop_map(
        |(name, protocol, port, node_port)| {
            json!({"name": name, "protocol": protocol, "port": port, "nodePort": node_port})
        },
    )
}

/// One field of a Service, and what somebody writes there.
fn oddity() -> impl Strategy<Value = (&'static str, Value)> {
    let texts = || proptest::collection::vec(text(), 0..4).prop_map(|texts| json!(texts));
    prop_oneof![
        (
            select(vec![
                "/spec/loadBalancerIP",
                "/spec/externalTrafficPolicy",
                "/spec/sessionAffinity",
                "/spec/ipFamilyPolicy",
                "/metadata/annotations/landfall.dev~1load-balancer-ips",
                "/metadata/annotations/service.beta.kubernetes.io~1load-balancer-source-ranges",
                "/metadata/annotations/landfall.dev~1load-balancer-class",
            ]),
            text().prop_map(Value::from)
        ),
        (
            select(vec!["/spec/ipFamilies", "/spec/loadBalancerSourceRanges"]),
            texts()
        ),
        (
            select(vec![
                "/spec/healthCheckNodePort",
                "/spec/sessionAffinityConfig/clientIP/timeoutSeconds",
            ]),
            number().prop_map(Value::from)
        ),
        (
            Just("/spec/ports"),
            proptest::collection::vec(port(), 0..5).prop_map(|it| json!(it))
        ),
    ]
}

fn odd(oddities: &[(&str, Value)]) -> Service {
    let mut object = serde_json::to_value(Service::from(service())).unwrap();
    for (pointer, value) in oddities {
        let mut place = &mut object;
        for part in pointer.split('/').skip(1) {
            place = &mut place[part.replace("~1", "/")];
        }
        *place = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

proptest! {
    #[test]
    fn an_odd_service_is_refused_with_short_words_or_provided(
        oddities in proptest::collection::vec(oddity(), 0..6),
        able in any::<[bool; 3]>(),
    ) {
        let object = odd(&oddities);
        let mut capabilities = capabilities();
        [capabilities.node_ports, capabilities.source_ranges, capabilities.client_affinity] = able;
        let around: Surroundings = around();
        let parsed = parse(&object, &capabilities, &around);
        prop_assert_eq!(&parsed, &parse(&object, &capabilities, &around), "the same every time");
        if let Ok(parsed) = &parsed {
            prop_assert!(!parsed.wanted.ports.is_empty() && !parsed.wanted.families.is_empty());
            prop_assert!(Arc::ptr_eq(&parsed.wanted.nodes, &around.nodes), "nodes are shared");
        }

        let world = World {
            claims: &claims(&[("example.com/a", true)]),
            around: &around,
            now: "2026-03-01T12:00:00Z".parse().unwrap(),
        };
        match plan(Some(&object), &Record::default(), &world) {
            Step::Write(write @ Write::Publish(..)) => {
                let patch = patch(&object, &write, world.now);
                let conditions = patch["status"]["conditions"].as_array().unwrap();
                for condition in conditions {
                    let message = condition["message"].as_str().unwrap();
                    prop_assert!((1..=1024).contains(&message.len()), "{} bytes", message.len());
                }
                prop_assert_eq!(&conditions[0]["reason"], "Invalid");
            }
            step => prop_assert!(matches!(step, Step::Write(Write::Claim(_))), "{:?}", step),
        }
    }
}
