//! A client by hand, which signs with nonsense and reads XML by its tags; and an account to try
//! things in.

use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use landfall_test_aws::{Aws, Ids, Options, World};

pub(crate) const KEY: &str = "AKIASTRICTSTANDIN000";

/// A stand-in with a frozen clock, a world, and a client.
pub(crate) struct Stand {
    pub(crate) aws: Aws,
    pub(crate) ids: Ids,
    pub(crate) key: String,
    pub(crate) region: String,
    pub(crate) token: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The text of each element with this name.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.body.split(&open).skip(1);
        parts
            .filter_map(|it| Some(it.split_once(&close)?.0.to_owned()))
            .collect()
    }

    /// The text of the first element with this name.
    pub(crate) fn text(&self, name: &str) -> String {
        let found = self.texts(name).into_iter().next();
        found.unwrap_or_else(|| panic!("no {name} in {}", self.body))
    }
}

impl Stand {
    pub(crate) fn new() -> Self {
        Self::with(Options::default(), &World::default())
    }

    pub(crate) fn with(options: Options, world: &World) -> Self {
        let aws = Aws::start(Options {
            frozen: true,
            ..options
        });
        Self {
            ids: aws.world(world),
            key: KEY.to_owned(),
            region: aws.region(),
            token: None,
            aws,
        }
    }

    /// A call that may get no answer at all.
    pub(crate) fn send(
        &self,
        service: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let version = match service {
            "ec2" => "2016-11-15",
            "sts" => "2011-06-15",
            _ => "2015-12-01",
        };
        let mut form = vec![format!("Action={action}&Version={version}")];
        for (name, value) in parameters {
            form.push(format!("{name}={}", encoded(value)));
        }
        self.post(
            service,
            "application/x-www-form-urlencoded",
            "",
            &form.join("&"),
        )
    }

    /// `GetResources`, in JSON.
    pub(crate) fn resources(&self, json: &serde_json::Value) -> serde_json::Value {
        let target = "x-amz-target: ResourceGroupsTaggingAPI_20170126.GetResources\r\n";
        let kind = "application/x-amz-json-1.1";
        let answer = self
            .post("tagging", kind, target, &json.to_string())
            .unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }

    fn post(&self, scope: &str, kind: &str, more: &str, body: &str) -> Result<Answer> {
        let url = self.aws.url();
        let host = url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let (key, region) = (&self.key, &self.region);
        let token = self
            .token
            .as_ref()
            .map(|it| format!("x-amz-security-token: {it}\r\n"));
        let authorization = if key.is_empty() {
            String::new()
        } else {
            format!(
                "authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{scope}/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={}\r\n",
                "0".repeat(64)
            )
        };
        let request = format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: {kind}\r\n\
             {authorization}{}{more}content-length: {}\r\n\r\n{body}",
            token.unwrap_or_default(),
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let cut = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        Ok(Answer {
            status: status.ok_or_else(cut)?,
            body: body.to_owned(),
        })
    }

    pub(crate) fn elb(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let answer = self
            .send("elasticloadbalancing", action, parameters)
            .unwrap();
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer
    }

    pub(crate) fn ec2(&self, action: &str, parameters: &[(&str, &str)]) -> Answer {
        let answer = self.send("ec2", action, parameters).unwrap();
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer
    }

    /// The code that a call is refused with.
    pub(crate) fn elb_refuses(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self
            .send("elasticloadbalancing", action, parameters)
            .unwrap();
        assert_ne!(
            answer.status, 200,
            "{action} was not refused: {}",
            answer.body
        );
        answer.text("Code")
    }

    /// The code that a call is refused with.
    pub(crate) fn ec2_refuses(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let answer = self.send("ec2", action, parameters).unwrap();
        assert_ne!(
            answer.status, 200,
            "{action} was not refused: {}",
            answer.body
        );
        answer.text("Code")
    }

    /// An internal load balancer in the first zone.
    pub(crate) fn load_balancer(&self, name: &str) -> String {
        let subnet = self.ids.private_subnets[0].clone();
        let parameters = internal(name, &subnet);
        self.elb("CreateLoadBalancer", &parameters)
            .text("LoadBalancerArn")
    }

    /// A target group of instances.
    pub(crate) fn target_group(&self, name: &str, protocol: &str) -> String {
        let parameters = group(name, protocol, &self.ids.vpc);
        self.elb("CreateTargetGroup", &parameters)
            .text("TargetGroupArn")
    }

    /// A listener.
    pub(crate) fn listener(&self, owner: &str, protocol: &str, port: &str, group: &str) -> String {
        let parameters = listener(owner, protocol, port, group);
        self.elb("CreateListener", &parameters).text("ListenerArn")
    }
}

pub(crate) fn internal<'a>(name: &'a str, subnet: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Name", name),
        ("Type", "network"),
        ("Scheme", "internal"),
        ("Subnets.member.1", subnet),
    ]
}

pub(crate) fn group<'a>(name: &'a str, protocol: &'a str, vpc: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("Name", name),
        ("Protocol", protocol),
        ("Port", "30080"),
        ("VpcId", vpc),
    ]
}

pub(crate) fn listener<'a>(
    owner: &'a str,
    protocol: &'a str,
    port: &'a str,
    group: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("LoadBalancerArn", owner),
        ("Protocol", protocol),
        ("Port", port),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group),
    ]
}

/// Parameters that own their text, lent.
pub(crate) fn lent(all: &[(String, String)]) -> Vec<(&str, &str)> {
    let all = all.iter();
    all.map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Parameters with more after them.
pub(crate) fn and<'a>(
    mut parameters: Vec<(&'a str, &'a str)>,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    parameters.extend(more);
    parameters
}

fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    bytes.collect()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is() {
        assert!(Instant::now() < end, "in vain waited until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
