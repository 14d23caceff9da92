//! Everything that exists in the pretended account, and what an action does to it. Pure: it takes
//! the time as an argument, and knows neither HTTP nor faults.

use std::time::Duration;

use crate::answer::Answer;
use crate::ec2::Ec2;
use crate::elb::Elb;
use crate::identifiers::Identifiers;
use crate::keys::Keys;
use crate::options::Options;
use crate::request::{Request, Service};
use crate::tagging::Tagging;
use crate::{Map, ec2, elb, sts, tagging};

/// An account of one region.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) options: Options,
    /// When the clock of the stand-in started, since 1970.
    pub(crate) epoch: Duration,
    pub(crate) identifiers: Identifiers,
    pub(crate) keys: Keys,
    pub(crate) ec2: Ec2,
    pub(crate) elb: Elb,
    pub(crate) tagging: Tagging,
}

impl State {
    pub(crate) fn new(options: Options, epoch: Duration) -> Self {
        let mut keys = Keys::default();
        options.keys.iter().for_each(|it| keys.add(it));
        Self {
            options,
            epoch,
            identifiers: Identifiers::default(),
            keys,
            ec2: Ec2::default(),
            elb: Elb::default(),
            tagging: Tagging::default(),
        }
    }

    /// Carries a request out.
    pub(crate) fn handle(&mut self, request: &Request, now: Duration) -> Answer {
        self.settle(now);
        self.keys.check(request, &self.options.region, now)?;
        match request.service {
            Service::Elb => elb::handle(self, request, now),
            Service::Ec2 => ec2::handle(self, request, now),
            Service::Sts => sts::handle(self, request, now),
            Service::Tagging => tagging::handle(&self.tagging, request),
        }
    }

    /// Lets happen what time alone brings.
    pub(crate) fn settle(&mut self, now: Duration) {
        self.tagging.settle(self.options.tagging_delay, now);
        self.ec2.remove_outlived_interfaces(now);
    }

    /// The ARN of a resource of EC2, as `security-group/sg-…`.
    pub(crate) fn ec2_arn(&self, resource: &str) -> String {
        let Options {
            region, account, ..
        } = &self.options;
        format!("arn:aws:ec2:{region}:{account}:{resource}")
    }

    /// The ARN of a resource of Elastic Load Balancing.
    pub(crate) fn elb_arn(&self, resource: &str) -> String {
        let Options {
            region, account, ..
        } = &self.options;
        format!("arn:aws:elasticloadbalancing:{region}:{account}:{resource}")
    }

    /// Tells the tagging index of the tags of a resource of EC2, or that it is gone.
    pub(crate) fn note_ec2(&mut self, resource: &str, tags: Option<Map>, now: Duration) {
        let arn = self.ec2_arn(resource);
        self.tagging.note(&arn, tags, now);
    }
}
