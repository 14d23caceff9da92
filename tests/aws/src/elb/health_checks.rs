//! How targets are probed: AWS's defaults and limits. Nothing is ever probed here.

use std::time::Duration;

use super::protocols::one_of;
use super::target_groups::shown_one;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

/// A health check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct HealthCheck {
    /// `TCP`, `HTTP` or `HTTPS`.
    pub protocol: String,
    /// `traffic-port`, or a number.
    pub port: String,
    /// The path, of HTTP and HTTPS.
    pub path: Option<String>,
    /// Seconds between two probes, 5 to 300.
    pub interval: u32,
    /// Seconds until a probe has failed, 2 to 120.
    pub timeout: u32,
    /// Successes until a target is healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// Failures until a target is unhealthy, 2 to 10.
    pub unhealthy_threshold: u32,
    /// Status codes of success, of HTTP and HTTPS.
    pub matcher: Option<String>,
}

impl HealthCheck {
    /// That of a new group.
    pub(super) fn of_new(parameters: &Parameters) -> Result<Self, Refusal> {
        let start = Self {
            protocol: "TCP".to_owned(),
            port: "traffic-port".to_owned(),
            path: None,
            interval: 30,
            timeout: 10,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: None,
        };
        start.changed(parameters)
    }

    /// What it is after a request.
    fn changed(mut self, parameters: &Parameters) -> Result<Self, Refusal> {
        if parameters.get("HealthCheckEnabled") == Some("false") {
            let text = "Health check enabled must be true for target groups with target type 'instance' or 'ip'";
            return Err(Refusal::configuration(text));
        }
        let before = self.protocol.clone();
        let words = ["TCP", "HTTP", "HTTPS"];
        self.protocol = one_of(parameters, "HealthCheckProtocol", &words, &before)?;
        let with_paths = self.protocol != "TCP";
        if before != self.protocol {
            self.path = with_paths.then(|| "/".to_owned());
            self.matcher = with_paths.then(|| "200-399".to_owned());
            if self.protocol == "HTTP" {
                self.timeout = 6;
            }
        }
        if let Some(port) = parameters.get("HealthCheckPort") {
            let is_number = port.parse::<u16>().is_ok_and(|it| it > 0);
            if port != "traffic-port" && !is_number {
                let text = format!("Health check port '{port}' must be 'traffic-port' or 1-65535");
                return Err(Refusal::validation(text));
            }
            port.clone_into(&mut self.port);
        }
        for (given, held) in [
            (parameters.get("HealthCheckPath"), &mut self.path),
            (parameters.get("Matcher.HttpCode"), &mut self.matcher),
        ] {
            let Some(given) = given else { continue };
            if !with_paths {
                let text = "Health checks of protocol TCP have no path and no matcher";
                return Err(Refusal::configuration(text));
            }
            *held = Some(given.to_owned());
        }
        self.numbers(parameters)?;
        Ok(self)
    }

    fn numbers(&mut self, parameters: &Parameters) -> Result<(), Refusal> {
        for (name, held, least, most) in [
            ("HealthCheckIntervalSeconds", &mut self.interval, 5, 300),
            ("HealthCheckTimeoutSeconds", &mut self.timeout, 2, 120),
            ("HealthyThresholdCount", &mut self.healthy_threshold, 2, 10),
            (
                "UnhealthyThresholdCount",
                &mut self.unhealthy_threshold,
                2,
                10,
            ),
        ] {
            *held = parameters.number(name)?.unwrap_or(*held);
            if !(least..=most).contains(held) {
                let text = format!("{name} must be between {least} and {most}, not {held}");
                return Err(Refusal::validation(text));
            }
        }
        if self.timeout > self.interval {
            let (timeout, interval) = (self.timeout, self.interval);
            let text = format!(
                "Health check timeout '{timeout}' must be smaller than or equal to the interval '{interval}'"
            );
            return Err(Refusal::validation(text));
        }
        if let Some(path) = self
            .path
            .as_ref()
            .filter(|it| !it.starts_with('/') || it.len() > 1024)
        {
            let text = format!(
                "Health check path '{path}' must begin with a '/' character and have 1024 at most"
            );
            return Err(Refusal::validation(text));
        }
        if let Some(matcher) = &self.matcher
            && !is_matcher(matcher)
        {
            let text = format!(
                "Health check matcher '{matcher}' must be codes or ranges between 200 and 599"
            );
            return Err(Refusal::validation(text));
        }
        Ok(())
    }
}

/// Codes and ranges of codes, with commas between them.
fn is_matcher(text: &str) -> bool {
    let code = |text: &str| text.parse().is_ok_and(|it: u16| (200..=599).contains(&it));
    let mut parts = text.split(',');
    parts.all(|part| match part.split_once('-') {
        Some((first, last)) => code(first) && code(last) && first <= last,
        None => code(part),
    })
}

/// `ModifyTargetGroup`, which changes health checks and nothing else.
pub(super) fn modify(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("TargetGroupArn")?;
    let group = state.elb.target_group(arn)?;
    group.health_check = group.health_check.clone().changed(parameters)?;
    Ok(shown_one(&state.elb, arn))
}
