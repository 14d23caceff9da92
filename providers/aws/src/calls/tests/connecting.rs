//! The way to AWS: where the region, the VPC and the credentials come from.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use super::super::connect::{Error, instance_metadata};
use super::super::imds;
use super::super::reach::Reach;
use super::server::Reply;
use super::*;

fn given() -> SharedCredentialsProvider {
    let credentials = Credentials::new("AKID", "secret", None, None, "test");
    SharedCredentialsProvider::new(credentials)
}

fn settings(imds: &Server) -> Settings {
    Settings {
        region: Some("eu-west-1".into()),
        vpc: None,
        endpoint: Some("http://127.0.0.1:1".into()),
        imds: Some(imds.url.clone()),
    }
}

#[tokio::test]
async fn what_is_set_is_not_asked_for() {
    let imds = Server::start([]).await;
    let settings = Settings {
        vpc: Some("vpc-9".into()),
        ..settings(&imds)
    };
    let calls = connect(
        settings,
        Pace::unlimited(),
        Some(given()),
        Counters::default(),
    )
    .await
    .unwrap();
    assert_eq!(calls.vpc(), "vpc-9");
    assert_eq!(imds.asked().len(), 0);
}

#[tokio::test]
async fn the_vpc_is_that_of_the_instance() {
    let token = Reply::Answer(200, "TOKEN".into());
    let imds = Server::start([
        token,
        Reply::Answer(200, "0a:1b".into()),
        Reply::Answer(200, "vpc-7".into()),
    ])
    .await;
    let calls = connect(
        settings(&imds),
        Pace::unlimited(),
        Some(given()),
        Counters::default(),
    )
    .await;
    assert_eq!(calls.unwrap().vpc(), "vpc-7");
    let asked = imds.asked();
    let lines: Vec<&str> = asked.iter().map(|it| &*it.line).collect();
    assert_eq!(
        lines,
        [
            "PUT /latest/api/token HTTP/1.1",
            "GET /latest/meta-data/mac HTTP/1.1",
            "GET /latest/meta-data/network/interfaces/macs/0a:1b/vpc-id HTTP/1.1",
        ]
    );
    assert_eq!(asked[1].header("x-aws-ec2-metadata-token"), Some("TOKEN"));
}

#[tokio::test]
async fn the_region_is_that_of_the_instance() {
    let server = Server::start([
        Reply::Answer(200, "TOKEN".into()),
        Reply::Answer(200, "eu-south-2\n".into()),
        Reply::Answer(404, String::new()),
    ])
    .await;
    let client = instance_metadata(&settings(&server), &Reach::new()).unwrap();
    assert_eq!(imds::region(&client).await.unwrap(), "eu-south-2");
    let path = "/latest/meta-data/placement/region";
    assert_eq!(server.asked()[1].line, format!("GET {path} HTTP/1.1"));
    let message = Error::Region(imds::region(&client).await.unwrap_err()).to_string();
    assert!(message.contains("set `region`"), "{message}");
    assert!(message.contains(path), "{message}");
}

#[tokio::test]
async fn a_vpc_that_nobody_knows_is_to_be_set() {
    let imds = Server::start([]).await;
    let refused = connect(
        settings(&imds),
        Pace::unlimited(),
        Some(given()),
        Counters::default(),
    )
    .await;
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("set `vpc`"), "{message}");
}

#[tokio::test]
async fn an_endpoint_must_be_a_url() {
    for url in ["localhost:4566", "ftp://a", "", "http://"] {
        let settings = Settings {
            endpoint: Some(url.into()),
            ..Settings::default()
        };
        let refused = connect(
            settings,
            Pace::unlimited(),
            Some(given()),
            Counters::default(),
        )
        .await;
        let message = refused.unwrap_err().to_string();
        assert!(message.starts_with("endpoint "), "{message}");
    }
}

#[derive(Debug)]
struct Nobody;

impl ProvideCredentials for Nobody {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nobody has any")))
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Server::start([]).await;
    let settings = Settings {
        vpc: Some("vpc-1".into()),
        endpoint: Some(server.url.clone()),
        ..settings(&server)
    };
    let nobody = Some(SharedCredentialsProvider::new(Nobody));
    let calls = connect(settings, Pace::unlimited(), nobody, Counters::default())
        .await
        .unwrap();
    let by_elb = calls.load_balancers(Priority::Change, Which::All).await;
    let by_ec2 = calls.route_tables(Priority::Change, "vpc-1").await;
    for refusal in [by_elb.unwrap_err(), by_ec2.unwrap_err()] {
        assert_eq!(refusal.kind, RefusalKind::Credentials, "{refusal:?}");
        assert!(refusal.message.contains("nobody has any"), "{refusal:?}");
    }
    assert_eq!(server.asked().len(), 0);
}

/// Gives other credentials each time.
#[derive(Debug, Default)]
struct Rotating(std::sync::atomic::AtomicU64);

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let made = Credentials::new(format!("AKID{number}"), "secret", None, None, "test");
        future::ProvideCredentials::ready(Ok(made))
    }
}

#[tokio::test]
async fn credentials_that_aws_calls_expired_are_looked_up_once_more() {
    let expired = Reply::Answer(
        400,
        "<Response><Errors><Error><Code>ExpiredToken</Code><Message>Old</Message></Error>\
         </Errors></Response>"
            .into(),
    );
    let server = Server::start([
        expired.clone(),
        Reply::Answer(200, "<r/>".into()),
        expired.clone(),
        expired,
    ])
    .await;
    let settings = Settings {
        vpc: Some("vpc-1".into()),
        endpoint: Some(server.url.clone()),
        ..settings(&server)
    };
    let rotating = Some(SharedCredentialsProvider::new(Rotating::default()));
    let calls = connect(settings, Pace::unlimited(), rotating, Counters::default())
        .await
        .unwrap();
    calls
        .delete_security_group(Priority::Change, "sg-1")
        .await
        .unwrap();
    let refused = calls.delete_security_group(Priority::Change, "sg-1").await;
    assert_eq!(refused.unwrap_err().kind, RefusalKind::Credentials);
    let asked = server.asked();
    let signed_by = |place: usize, key: &str| {
        asked[place]
            .header("authorization")
            .is_some_and(|it| it.contains(key))
    };
    assert_eq!(asked.len(), 4);
    assert!(signed_by(0, "AKID0/") && signed_by(1, "AKID1/"));
    assert!(signed_by(2, "AKID1/") && signed_by(3, "AKID2/"));
}
