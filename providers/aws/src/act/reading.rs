//! Steps that only read.

use super::Act;
use crate::calls::Result;
use crate::plan::Unread;
use crate::seen::{Believed, Seen};

impl Act<'_> {
    pub(super) async fn read(&self, unread: Unread, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match unread {
            Unread::Rules(id) => {
                let rules = calls.rules(priority, std::slice::from_ref(&id)).await?;
                if let Some(front) = seen.front(&id) {
                    front.rules = Believed::Known(rules.into_iter().map(|it| it.rule).collect());
                }
            }
            Unread::Targets(arn) => {
                let health = calls.target_health(priority, &arn).await?;
                if let Some(group) = seen.group(&arn) {
                    group.asked(&health);
                }
            }
            Unread::GroupAttributes(arn) => {
                let read = calls.target_group_attributes(priority, &arn).await?;
                if let Some(group) = seen.group(&arn) {
                    group.attributes = Believed::Known(read);
                }
            }
            Unread::BalancerAttributes(arn) => {
                let read = calls.load_balancer_attributes(priority, &arn).await?;
                if let Some(balancer) = seen.balancer(&arn) {
                    balancer.attributes = Believed::Known(read);
                }
            }
            Unread::Capacity(arn) => {
                let read = calls.capacity(priority, &arn).await?;
                if let Some(balancer) = seen.balancer(&arn) {
                    balancer.capacity = Believed::Known(read.units);
                }
            }
            Unread::ListenerAttributes(arn) => {
                let read = calls.listener_attributes(priority, &arn).await?;
                if let Some(listener) = seen.listener(&arn) {
                    listener.attributes = Believed::Known(read);
                }
            }
            Unread::Certificates(arn) => {
                let read = calls.listener_certificates(priority, &arn).await?;
                if let Some(listener) = seen.listener(&arn) {
                    listener.certificates = Believed::Known(read.into_iter().collect());
                }
            }
        }
        Ok(())
    }
}
