//! The official SDK for load balancers talks to the stand-in, and decodes what it says.
#![expect(
    clippy::unwrap_used,
    reason = "tests end where something is not as it should be"
)]

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum, ProtocolEnum, SubnetMapping, Tag, TargetDescription,
    TargetGroupAttribute, TargetHealthStateEnum, TargetTypeEnum,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use landfall_test_aws::{Aws, Fault, Ids, Options, Times, World};

struct Stand {
    aws: Aws,
    ids: Ids,
    client: Client,
}

fn stand() -> Stand {
    let aws = Aws::start(Options {
        frozen: true,
        ..Options::default()
    });
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let key = Credentials::new("AKIASTRICTSTANDIN000", "secret", None, None, "test");
    let config = aws_sdk_elasticloadbalancingv2::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(aws.url())
        .region(Region::new(aws.region()))
        .credentials_provider(key)
        .http_client(http)
        .build();
    Stand {
        ids: aws.world(&World::default()),
        client: Client::from_conf(config),
        aws,
    }
}

fn forward(group: &str) -> Action {
    let action = Action::builder().r#type(ActionTypeEnum::Forward);
    action.target_group_arn(group).build()
}

impl Stand {
    async fn load_balancer(&self, name: &str) -> String {
        let mapping = SubnetMapping::builder()
            .subnet_id(&self.ids.public_subnets[0])
            .allocation_id(&self.ids.elastic_ips[0])
            .build();
        let create = self.client.create_load_balancer().name(name);
        let answer = create
            .r#type(LoadBalancerTypeEnum::Network)
            .scheme(LoadBalancerSchemeEnum::InternetFacing)
            .subnet_mappings(mapping)
            .tags(Tag::builder().key("owner").value("us").build())
            .send()
            .await
            .unwrap();
        answer.load_balancers()[0]
            .load_balancer_arn()
            .unwrap()
            .to_owned()
    }

    async fn target_group(&self, name: &str) -> String {
        let create = self.client.create_target_group().name(name);
        let answer = create
            .protocol(ProtocolEnum::Tcp)
            .port(30080)
            .vpc_id(&self.ids.vpc)
            .target_type(TargetTypeEnum::Instance)
            .send()
            .await
            .unwrap();
        answer.target_groups()[0]
            .target_group_arn()
            .unwrap()
            .to_owned()
    }
}

#[tokio::test]
async fn the_sdk_decodes_a_load_balancer_with_all_that_belongs_to_it() {
    let stand = stand();
    let client = &stand.client;
    let owner = stand.load_balancer("web").await;
    let group = stand.target_group("web").await;
    let certificate = Certificate::builder()
        .certificate_arn(&stand.ids.certificates[0])
        .build();
    let listener = client.create_listener().load_balancer_arn(&owner);
    let listener = listener
        .protocol(ProtocolEnum::Tls)
        .port(443)
        .certificates(certificate)
        .default_actions(forward(&group))
        .send()
        .await
        .unwrap();
    let listener = &listener.listeners()[0];
    assert_eq!(listener.protocol(), Some(&ProtocolEnum::Tls));
    let shown = listener.default_actions()[0]
        .forward_config()
        .unwrap()
        .target_groups();
    assert_eq!(shown[0].target_group_arn(), Some(group.as_str()));

    stand.aws.advance(Duration::from_mins(3));
    let shown = client
        .describe_load_balancers()
        .load_balancer_arns(&owner)
        .send()
        .await
        .unwrap();
    let shown = &shown.load_balancers()[0];
    assert_eq!(
        shown.state().unwrap().code(),
        Some(&LoadBalancerStateEnum::Active)
    );
    assert!(shown.created_time().is_some());
    let address = &shown.availability_zones()[0].load_balancer_addresses()[0];
    assert_eq!(
        address.allocation_id(),
        Some(stand.ids.elastic_ips[0].as_str())
    );
}

#[tokio::test]
async fn the_sdk_decodes_target_groups_tags_and_the_health_of_targets() {
    let stand = stand();
    let client = &stand.client;
    let owner = stand.load_balancer("web").await;
    let group = stand.target_group("web").await;
    let create = client.create_listener().load_balancer_arn(&owner).port(80);
    let create = create
        .protocol(ProtocolEnum::Tcp)
        .default_actions(forward(&group));
    create.send().await.unwrap();
    let target = TargetDescription::builder()
        .id(&stand.ids.nodes[0].id)
        .port(31000)
        .build();
    client
        .register_targets()
        .target_group_arn(&group)
        .targets(target)
        .send()
        .await
        .unwrap();
    stand.aws.advance(Duration::from_mins(3));
    let health = client
        .describe_target_health()
        .target_group_arn(&group)
        .send()
        .await
        .unwrap();
    let health = &health.target_health_descriptions()[0];
    assert_eq!(health.target().unwrap().port(), Some(31000));
    let state = health.target_health().unwrap().state();
    assert_eq!(state, Some(&TargetHealthStateEnum::Healthy));
    let groups = client
        .describe_target_groups()
        .load_balancer_arn(&owner)
        .send()
        .await
        .unwrap();
    assert_eq!(
        groups.target_groups()[0].load_balancer_arns(),
        [owner.as_str()]
    );
    assert_eq!(
        groups.target_groups()[0].health_check_interval_seconds(),
        Some(30)
    );
    let tags = client
        .describe_tags()
        .resource_arns(&owner)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tag_descriptions()[0].tags()[0].value(), Some("us"));
}

#[tokio::test]
async fn the_sdk_reads_and_sets_attributes_and_limits() {
    let stand = stand();
    let client = &stand.client;
    let group = stand.target_group("web").await;
    let set = TargetGroupAttribute::builder()
        .key("deregistration_delay.timeout_seconds")
        .value("10")
        .build();
    let modify = client
        .modify_target_group_attributes()
        .target_group_arn(&group);
    let answer = modify.attributes(set).send().await.unwrap();
    let value = answer
        .attributes()
        .iter()
        .find(|it| it.value() == Some("10"));
    assert_eq!(
        value.unwrap().key(),
        Some("deregistration_delay.timeout_seconds")
    );
    let limits = client.describe_account_limits().send().await.unwrap();
    let limit = limits
        .limits()
        .iter()
        .find(|it| it.name() == Some("network-load-balancers"));
    assert_eq!(limit.unwrap().max(), Some("50"));
}

#[tokio::test]
async fn the_sdk_knows_the_errors_by_their_types() {
    let stand = stand();
    let client = &stand.client;
    let owner = stand.load_balancer("web").await;
    let group = stand.target_group("web").await;
    let create = client.create_listener().load_balancer_arn(&owner).port(80);
    let create = create
        .protocol(ProtocolEnum::Tcp)
        .default_actions(forward(&group));
    create.send().await.unwrap();
    let error = client
        .delete_target_group()
        .target_group_arn(&group)
        .send()
        .await
        .unwrap_err();
    assert!(
        error
            .as_service_error()
            .unwrap()
            .is_resource_in_use_exception()
    );
    let missing = format!("{owner}0");
    let error = client
        .describe_load_balancers()
        .load_balancer_arns(missing)
        .send()
        .await;
    let error = error.unwrap_err();
    assert!(
        error
            .as_service_error()
            .unwrap()
            .is_load_balancer_not_found_exception()
    );
    let error = client
        .describe_load_balancers()
        .page_size(500)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("ValidationError"));
}

#[tokio::test]
async fn the_sdk_walks_pages_and_tries_again_when_throttled() {
    let stand = stand();
    for index in 0..5 {
        stand.target_group(&format!("g{index}")).await;
    }
    let throttling = Fault::refuse("DescribeTargetGroups", "Throttling", "Rate exceeded", 400);
    stand.aws.fault(throttling.times(Times::Once));
    let pages = stand
        .client
        .describe_target_groups()
        .page_size(2)
        .into_paginator();
    let mut pages = pages.items().send();
    let mut seen = 0;
    while let Some(group) = pages.next().await {
        group.unwrap();
        seen += 1;
    }
    assert_eq!(seen, 5);
    assert_eq!(stand.aws.count("DescribeTargetGroups"), 4);
}
