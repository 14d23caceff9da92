//! Calls against a server in this process that answers what a test tells it.

mod connecting;
mod ec2;
mod elb;
mod groups;
mod pacing;
mod refusing;
mod server;
mod target_groups;
mod targets;

use super::*;
use server::Server;

const LB: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/web/1";
const TG: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/2";
const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/net/web/1/3";

fn arn(text: &str) -> Arn {
    text.parse().unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|it| (*it).to_owned()).collect()
}
