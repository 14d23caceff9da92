//! Who may call: keys that are missing, unknown, expired, and what is denied.

use std::time::Duration;

use serde_json::json;

use crate::client::{KEY, Stand};

/// What each service says: ELBv2, EC2, tagging.
fn refusals(stand: &Stand) -> [String; 3] {
    let tagging = stand.resources(&json!({}));
    [
        stand.elb_refuses("DescribeLoadBalancers", &[]),
        stand.ec2_refuses("DescribeVpcs", &[]),
        tagging["__type"].as_str().unwrap_or_default().to_owned(),
    ]
}

#[test]
fn keys_that_are_missing_unknown_or_expired_are_refused_in_the_words_of_each_service() {
    let mut stand = Stand::new();
    stand.key = String::new();
    let wanted = [
        "MissingAuthenticationToken",
        "AuthFailure",
        "MissingAuthenticationTokenException",
    ];
    assert_eq!(refusals(&stand), wanted);
    stand.key = "AKIAUNKNOWN".to_owned();
    let wanted = [
        "InvalidClientTokenId",
        "AuthFailure",
        "UnrecognizedClientException",
    ];
    assert_eq!(refusals(&stand), wanted);
    stand.key = KEY.to_owned();
    stand.region = "us-east-1".to_owned();
    let wanted = [
        "SignatureDoesNotMatch",
        "AuthFailure",
        "InvalidSignatureException",
    ];
    assert_eq!(refusals(&stand), wanted);
    stand.region = stand.aws.region();
    stand.aws.expire_key(KEY);
    let wanted = ["ExpiredToken", "RequestExpired", "ExpiredTokenException"];
    assert_eq!(refusals(&stand), wanted);
}

#[test]
fn a_web_identity_gets_a_key_that_needs_its_token_and_expires() {
    let mut stand = Stand::new();
    stand.key = String::new();
    let parameters = [
        ("RoleArn", "arn:aws:iam::123456789012:role/landfall"),
        ("RoleSessionName", "test"),
        ("WebIdentityToken", "a.b.c"),
        ("DurationSeconds", "900"),
    ];
    let answer = stand
        .send("sts", "AssumeRoleWithWebIdentity", &parameters)
        .unwrap();
    stand.key = answer.text("AccessKeyId");
    assert_eq!(refusals(&stand)[0], "InvalidClientTokenId");
    stand.token = Some(answer.text("SessionToken"));
    stand.elb("DescribeLoadBalancers", &[]);
    let who = stand.send("sts", "GetCallerIdentity", &[]).unwrap();
    assert_eq!(who.text("Account"), "123456789012");
    stand.aws.advance(Duration::from_mins(15));
    assert_eq!(refusals(&stand)[0], "ExpiredToken");
}

#[test]
fn a_denial_names_the_action() {
    let stand = Stand::new();
    stand.aws.deny("elasticloadbalancing:DescribeLoadBalancers");
    stand.aws.deny("DescribeVpcs");
    let answer = stand
        .send("elasticloadbalancing", "DescribeLoadBalancers", &[])
        .unwrap();
    assert_eq!(
        (answer.status, answer.text("Code").as_str()),
        (403, "AccessDenied")
    );
    let action = "elasticloadbalancing:DescribeLoadBalancers";
    assert!(answer.text("Message").contains(action));
    let answer = stand.send("ec2", "DescribeVpcs", &[]).unwrap();
    assert_eq!(answer.text("Code"), "UnauthorizedOperation");
    assert!(answer.text("Message").contains("ec2:DescribeVpcs"));
    stand.aws.mend();
    stand.ec2("DescribeVpcs", &[]);
}
