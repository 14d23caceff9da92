//! What a test chooses about the stand-in before it starts.

use std::time::Duration;

/// How the stand-in behaves. Times are those of its own clock.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// The only region that signatures may name.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// Access key ids that are known from the start, and do not expire.
    pub keys: Vec<String>,
    /// How long a new load balancer is `provisioning`.
    pub provisioning: Duration,
    /// How long a target is `initial`, from its registration or the first use of its group.
    pub initial: Duration,
    /// Longest time that a target is `draining`; the attribute of its group may say less.
    pub draining: Duration,
    /// How long network interfaces outlive their load balancer.
    pub interface_lag: Duration,
    /// How long after a change Resource Groups Tagging shows it.
    pub tagging_delay: Duration,
    /// How long each call takes, in real time. Calls do not wait for each other.
    pub latency: Duration,
    /// Whether the clock stands still until moved.
    pub frozen: bool,
    /// Most of each thing.
    pub quotas: Quotas,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            region: "eu-central-1".to_owned(),
            account: "123456789012".to_owned(),
            keys: vec!["AKIASTRICTSTANDIN000".to_owned()],
            provisioning: Duration::from_mins(2),
            initial: Duration::from_secs(90),
            draining: Duration::from_mins(5),
            interface_lag: Duration::from_mins(1),
            tagging_delay: Duration::from_mins(1),
            latency: Duration::ZERO,
            frozen: false,
            quotas: Quotas::default(),
        }
    }
}

/// Most of each thing; AWS's own defaults.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Network Load Balancers per region.
    pub load_balancers: usize,
    /// Target groups per region.
    pub target_groups: usize,
    /// Listeners per Network Load Balancer.
    pub listeners: usize,
    /// Targets per target group.
    pub targets: usize,
    /// Targets per Network Load Balancer.
    pub targets_of_load_balancer: usize,
    /// Certificates per Network Load Balancer, default certificates not counted.
    pub certificates: usize,
    /// Security groups per VPC.
    pub security_groups: usize,
    /// Rules per security group and direction, and family of addresses.
    pub rules: usize,
    /// Elastic IP addresses per region.
    pub elastic_ips: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            load_balancers: 50,
            target_groups: 3000,
            listeners: 50,
            targets: 1000,
            targets_of_load_balancer: 3000,
            certificates: 25,
            security_groups: 2500,
            rules: 60,
            elastic_ips: 5,
        }
    }
}
