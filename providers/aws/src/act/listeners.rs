//! Steps on listeners.

use std::collections::BTreeSet;

use super::{Act, know};
use crate::calls::{Attributes, Result};
use crate::plan::Step;
use crate::seen::{Believed, Heard, Seen};

impl Act<'_> {
    pub(super) async fn on_listener(&self, step: Step, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match step {
            Step::MakeListener(new) => {
                let made = calls.create_listener(priority, &new).await?;
                let mut listener = Heard::new(made, new.tags.clone());
                listener.attributes = Believed::Known(Attributes::new());
                listener.certificates = Believed::Known(BTreeSet::new());
                uses(&listener, seen);
                if let Some(balancer) = seen.balancer(&new.load_balancer) {
                    balancer.listeners.push(listener);
                }
            }
            Step::ChangeListener { listener, change } => {
                calls.modify_listener(priority, &listener, &change).await?;
                if let Some(there) = seen.listener(&listener) {
                    let it = &mut there.it;
                    it.protocol = change.protocol.unwrap_or(it.protocol.clone());
                    it.action = change.action.unwrap_or(it.action.clone());
                    it.certificate = change.certificate.or(it.certificate.take());
                    it.ssl_policy = change.ssl_policy.or(it.ssl_policy.take());
                    it.alpn = change.alpn.or(it.alpn.take());
                    let there = there.clone();
                    uses(&there, seen);
                }
            }
            Step::SetListenerAttributes {
                listener,
                attributes,
            } => {
                let set = calls.modify_listener_attributes(priority, &listener, &attributes);
                set.await?;
                if let Some(listener) = seen.listener(&listener) {
                    know(&mut listener.attributes, attributes);
                }
            }
            Step::AddCertificates {
                listener,
                certificates,
            } => {
                let add = calls.add_listener_certificates(priority, &listener, &certificates);
                add.await?;
                if let Some(Believed::Known(known)) =
                    seen.listener(&listener).map(|it| &mut it.certificates)
                {
                    known.extend(certificates);
                }
            }
            Step::RemoveCertificates {
                listener,
                certificates,
            } => {
                let remove = calls.remove_listener_certificates(priority, &listener, &certificates);
                remove.await?;
                if let Some(Believed::Known(known)) =
                    seen.listener(&listener).map(|it| &mut it.certificates)
                {
                    known.retain(|it| !certificates.contains(it));
                }
            }
            Step::RemoveListener(arn) => {
                calls.delete_listener(priority, &arn).await?;
                for balancer in &mut seen.balancers {
                    balancer.listeners.retain(|it| it.it.arn != arn);
                }
            }
            _ => unreachable!("`take` gives it steps of listeners only"),
        }
        Ok(())
    }
}

/// A target group belongs to the load balancer whose listener sends to it.
fn uses(listener: &Heard, seen: &mut Seen) {
    for (arn, _) in &listener.it.action.groups {
        if let Some(group) = seen.group(arn) {
            group.it.load_balancers = vec![listener.it.load_balancer.clone()];
        }
    }
}
