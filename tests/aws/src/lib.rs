//! A strict stand-in for AWS, for tests and benchmarks of a provider of load balancers.
//!
//! It speaks the AWS Query protocol (Elastic Load Balancing v2, EC2, STS) and JSON 1.1 (Resource
//! Groups Tagging) on one port of 127.0.0.1, and keeps to what AWS documents where emulators are
//! lax: idempotent creation, quotas, states that take time, dependencies, pages. It never checks
//! a signature, and it carries no traffic.
//!
//! ```
//! use std::time::Duration;
//! use landfall_test_aws::{Aws, Fault, Options, Times, World};
//!
//! let aws = Aws::start(Options { frozen: true, ..Options::default() });
//! let ids = aws.world(&World { nodes: 2, ..World::default() });
//! aws.fault(Fault::refuse("CreateLoadBalancer", "Throttling", "Rate exceeded", 400).times(Times::Once));
//! // … a provider is let loose on `aws.url()` with the subnets and nodes of `ids` …
//! aws.advance(Duration::from_mins(5));
//! assert_eq!(ids.nodes.len(), 2);
//! assert_eq!(aws.count("DescribeLoadBalancers"), 0);
//! assert!(aws.load_balancers().is_empty());
//! ```

mod answer;
mod aws;
mod calls;
mod clock;
mod control;
mod door;
mod ec2;
mod elb;
mod faults;
mod gate;
mod hands;
mod identifiers;
mod keys;
mod options;
mod pages;
mod parameters;
mod predecessor;
mod request;
mod server;
mod state;
mod sts;
mod tagging;
mod throttle;
mod world;

pub use aws::{Aws, Error, Everything};
pub use calls::{Call, Outcome};
pub use control::serve_control;
pub use ec2::{
    Address, Instance, Interface, PrefixList, RouteTable, Rule, SecurityGroup, Source, Subnet, Vpc,
};
pub use elb::{Forward, HealthCheck, Listener, LoadBalancer, Target, TargetGroup, Weighted, Zone};
pub use faults::{Effect, Fault, Times};
pub use gate::When;
pub use options::{Options, Quotas};
pub use predecessor::Predecessor;
pub use request::Service;
pub use world::{Ids, Node, World};

/// Tags of one resource, or its attributes: key and value.
pub type Map = std::collections::BTreeMap<String, String>;
