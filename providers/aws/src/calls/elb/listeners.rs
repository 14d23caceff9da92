//! Listeners and their certificates.

use aws_sdk_elasticloadbalancingv2::operation::describe_listeners::builders::DescribeListenersFluentBuilder;
use aws_sdk_elasticloadbalancingv2::types::{
    self as sdk, Action, ActionTypeEnum, Certificate, ForwardActionConfig, ProtocolEnum,
    TargetGroupTuple,
};
use futures::TryFutureExt;

use super::existing::Existing;
use super::sdk::{Lacking, arn, failure, number, port, present, signed, strings, tags};
use crate::calls::actions::{
    ADD_LISTENER_CERTIFICATES, CREATE_LISTENER, DELETE_LISTENER, DESCRIBE_LISTENER_CERTIFICATES,
    DESCRIBE_LISTENERS, MODIFY_LISTENER, REMOVE_LISTENER_CERTIFICATES,
};
use crate::calls::or_gone;
use crate::calls::{Arn, Calls, Priority, Result, Tags};

/// Which listeners are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Listeners<'a> {
    /// All of this load balancer.
    OfLoadBalancer(&'a Arn),
    /// These. One that does not exist is left out of the answer.
    Arns(&'a [Arn]),
}

/// To which target groups a listener sends, and how much to each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Forward {
    /// Target group and weight; the weight counts only beside others.
    pub(crate) groups: Vec<(Arn, u32)>,
}

/// A listener (`Listener`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// `ListenerArn`
    pub(crate) arn: Arn,
    /// `LoadBalancerArn`
    pub(crate) load_balancer: Arn,
    /// `Port`
    pub(crate) port: u16,
    /// `Protocol`, as AWS writes it: `TCP`, `UDP`, `TCP_UDP`, `TLS`, `QUIC`, `TCP_QUIC`.
    pub(crate) protocol: String,
    /// `DefaultActions`: of type `forward`; without groups if it does something else.
    pub(crate) action: Forward,
    /// `Certificates`: the default one.
    pub(crate) certificate: Option<String>,
    /// `SslPolicy`
    pub(crate) ssl_policy: Option<String>,
    /// `AlpnPolicy`: `HTTP2Preferred`.
    pub(crate) alpn: Option<String>,
}

/// A listener to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewListener {
    pub(crate) load_balancer: Arn,
    pub(crate) port: u16,
    /// As AWS writes it: `TCP`, `UDP`, `TCP_UDP`, `TLS`.
    pub(crate) protocol: String,
    pub(crate) action: Forward,
    /// ARN of the default certificate, of TLS.
    pub(crate) certificate: Option<String>,
    pub(crate) ssl_policy: Option<String>,
    pub(crate) alpn: Option<String>,
    pub(crate) tags: Tags,
}

/// What changes in a listener; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ListenerChange {
    pub(crate) protocol: Option<String>,
    pub(crate) action: Option<Forward>,
    pub(crate) certificate: Option<String>,
    pub(crate) ssl_policy: Option<String>,
    /// `None` as a word of AWS (`Some("None")`) takes a policy away.
    pub(crate) alpn: Option<String>,
}

impl Calls {
    /// Listeners (`DescribeListeners`).
    pub(crate) async fn listeners(
        &self,
        priority: Priority,
        which: Listeners<'_>,
    ) -> Result<Vec<Listener>> {
        let request = self.0.elb.describe_listeners();
        let mut existing = match which {
            Listeners::OfLoadBalancer(arn) => {
                let request = request.load_balancer_arn(arn.as_str());
                return self.listener_pages(priority, arn.as_str(), request).await;
            }
            Listeners::Arns(arns) => Existing::new(&strings(arns)),
        };
        let mut all = Vec::new();
        while let Some(asked) = existing.next() {
            let request = request.clone().set_listener_arns(Some(asked.clone()));
            match self.listener_pages(priority, "", request).await {
                Ok(found) => all.extend(found),
                Err(refusal) if refusal.is_not_found() => {
                    existing.refused(asked, &refusal.message);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(all)
    }

    /// Makes a listener. One of the same port and settings that is there already is the answer
    /// too; one of other settings is `Exists`.
    pub(crate) async fn create_listener(
        &self,
        priority: Priority,
        new: &NewListener,
    ) -> Result<Listener> {
        let request = self
            .0
            .elb
            .create_listener()
            .load_balancer_arn(new.load_balancer.as_str())
            .port(i32::from(new.port))
            .protocol(ProtocolEnum::from(&*new.protocol))
            .default_actions(forward(&new.action))
            .set_certificates(new.certificate.as_deref().map(only))
            .set_ssl_policy(new.ssl_policy.clone())
            .set_alpn_policy(new.alpn.clone().map(|it| vec![it]))
            .set_tags(tags(&new.tags));
        let (action, on) = (&CREATE_LISTENER, new.load_balancer.as_str());
        let answer = self
            .call(action, priority, on, || {
                request.clone().send().map_err(failure)
            })
            .await?;
        let made = present(answer.listeners().first(), "listener").and_then(listener);
        made.map_err(|lacking| lacking.refusal(action, on))
    }

    /// Changes a listener.
    pub(crate) async fn modify_listener(
        &self,
        priority: Priority,
        arn: &Arn,
        change: &ListenerChange,
    ) -> Result<()> {
        let request = self
            .0
            .elb
            .modify_listener()
            .listener_arn(arn.as_str())
            .set_protocol(change.protocol.as_deref().map(ProtocolEnum::from))
            .set_default_actions(change.action.as_ref().map(|it| vec![forward(it)]))
            .set_certificates(change.certificate.as_deref().map(only))
            .set_ssl_policy(change.ssl_policy.clone())
            .set_alpn_policy(change.alpn.clone().map(|it| vec![it]));
        self.call(&MODIFY_LISTENER, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Removes a listener. Gone already is success.
    pub(crate) async fn delete_listener(&self, priority: Priority, arn: &Arn) -> Result<()> {
        let request = self.0.elb.delete_listener().listener_arn(arn.as_str());
        let deleted = self.call(&DELETE_LISTENER, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        });
        or_gone(deleted.await)
    }

    /// ARNs of the certificates of a listener besides its default one.
    pub(crate) async fn listener_certificates(
        &self,
        priority: Priority,
        arn: &Arn,
    ) -> Result<Vec<String>> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let request = self.0.elb.describe_listener_certificates();
            let page = request
                .listener_arn(arn.as_str())
                .set_marker(marker.clone());
            let answer = self
                .call(
                    &DESCRIBE_LISTENER_CERTIFICATES,
                    priority,
                    arn.as_str(),
                    || page.clone().send().map_err(failure),
                )
                .await?;
            let others = answer.certificates().iter();
            let others = others.filter(|it| it.is_default() != Some(true));
            all.extend(others.filter_map(|it| it.certificate_arn().map(str::to_owned)));
            let next = answer.next_marker.filter(|it| !it.is_empty());
            // The same marker twice would go on for ever.
            if next.is_none() || next == marker {
                return Ok(all);
            }
            marker = next;
        }
    }

    /// Adds certificates by their ARNs.
    pub(crate) async fn add_listener_certificates(
        &self,
        priority: Priority,
        arn: &Arn,
        certificates: &[String],
    ) -> Result<()> {
        let certificates = certificates.iter().map(|it| certificate(it)).collect();
        let request = self
            .0
            .elb
            .add_listener_certificates()
            .listener_arn(arn.as_str())
            .set_certificates(Some(certificates));
        self.call(&ADD_LISTENER_CERTIFICATES, priority, arn.as_str(), || {
            request.clone().send().map_err(failure)
        })
        .await
        .map(drop)
    }

    /// Takes certificates away by their ARNs.
    pub(crate) async fn remove_listener_certificates(
        &self,
        priority: Priority,
        arn: &Arn,
        certificates: &[String],
    ) -> Result<()> {
        let certificates = certificates.iter().map(|it| certificate(it)).collect();
        let request = self
            .0
            .elb
            .remove_listener_certificates()
            .listener_arn(arn.as_str())
            .set_certificates(Some(certificates));
        self.call(
            &REMOVE_LISTENER_CERTIFICATES,
            priority,
            arn.as_str(),
            || request.clone().send().map_err(failure),
        )
        .await
        .map(drop)
    }
}

impl Calls {
    async fn listener_pages(
        &self,
        priority: Priority,
        on: &str,
        request: DescribeListenersFluentBuilder,
    ) -> Result<Vec<Listener>> {
        let (action, mut all, mut marker) = (&DESCRIBE_LISTENERS, Vec::new(), None);
        loop {
            let page = request.clone().set_marker(marker.clone());
            let answer = self
                .call(action, priority, on, || {
                    page.clone().send().map_err(failure)
                })
                .await?;
            for it in answer.listeners() {
                all.push(listener(it).map_err(|lacking| lacking.refusal(action, on))?);
            }
            let next = answer.next_marker.filter(|it| !it.is_empty());
            // The same marker twice would go on for ever.
            if next.is_none() || next == marker {
                return Ok(all);
            }
            marker = next;
        }
    }
}

fn certificate(arn: &str) -> Certificate {
    Certificate::builder().certificate_arn(arn).build()
}

fn only(arn: &str) -> Vec<Certificate> {
    vec![certificate(arn)]
}

/// One group is named as such: not every kind of listener takes weights.
fn forward(forward: &Forward) -> Action {
    let action = Action::builder().r#type(ActionTypeEnum::Forward);
    let action = match &*forward.groups {
        [(group, _)] => action.target_group_arn(group.as_str()),
        groups => {
            let weighed = groups.iter().map(|(group, weight)| {
                let tuple = TargetGroupTuple::builder().target_group_arn(group.as_str());
                tuple.weight(signed(*weight)).build()
            });
            let config = ForwardActionConfig::builder();
            let config = config.set_target_groups(Some(weighed.collect()));
            action.forward_config(config.build())
        }
    };
    action.build()
}

fn listener(it: &sdk::Listener) -> std::result::Result<Listener, Lacking> {
    let certificate = it.certificates().first();
    let certificate = certificate.and_then(|it| it.certificate_arn());
    Ok(Listener {
        arn: arn(it.listener_arn(), "ListenerArn")?,
        load_balancer: arn(it.load_balancer_arn(), "LoadBalancerArn")?,
        port: port(present(it.port(), "Port")?)?,
        protocol: it
            .protocol()
            .map(|it| it.as_str().to_owned())
            .unwrap_or_default(),
        action: forwarded(it.default_actions())?,
        certificate: certificate.map(str::to_owned),
        ssl_policy: it.ssl_policy().map(str::to_owned),
        alpn: it.alpn_policy().first().cloned(),
    })
}

fn forwarded(actions: &[Action]) -> std::result::Result<Forward, Lacking> {
    let is_forward = |it: &&Action| it.r#type() == Some(&ActionTypeEnum::Forward);
    let Some(action) = actions.iter().find(is_forward) else {
        return Ok(Forward::default());
    };
    let weighed = action
        .forward_config()
        .map(ForwardActionConfig::target_groups);
    let weighed = weighed.unwrap_or_default().iter().map(|it| {
        let group = arn(it.target_group_arn(), "TargetGroupArn")?;
        Ok((group, it.weight().map_or(1, number)))
    });
    let mut groups = weighed.collect::<std::result::Result<Vec<_>, Lacking>>()?;
    if groups.is_empty() {
        groups.push((arn(action.target_group_arn(), "TargetGroupArn")?, 1));
    }
    Ok(Forward { groups })
}
