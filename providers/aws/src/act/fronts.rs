//! Steps on the security group that lets clients in.

use std::collections::BTreeSet;

use super::Act;
use crate::calls::{RefusalKind, Result, Revoked, Rule, SecurityGroups, Tags};
use crate::given;
use crate::seen::{Believed, Front, Seen};

/// What security groups are for, as people read it who look at them.
const DESCRIPTION: &str = "Lets clients of a Service of Kubernetes reach its load balancer";

impl Act<'_> {
    pub(super) async fn make_front(&self, name: String, tags: Tags, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        let vpc = calls.vpc();
        let made = calls.create_security_group(priority, &name, DESCRIPTION, vpc, &tags);
        let (id, tags, rules) = match made.await {
            // A new one lets nobody in.
            Ok(id) => (id, tags, Believed::Known(BTreeSet::new())),
            Err(refusal) if refusal.kind == RefusalKind::Exists => {
                let named = SecurityGroups::GroupName { vpc, name: &name };
                let found = calls.security_groups(priority, named).await?;
                // Its name derives from what it is, and its tags say the same: made without an answer.
                let ours = found.into_iter().find(|it| {
                    let mut ours = tags.iter().filter(|(key, _)| is_whose(key));
                    ours.all(|(key, value)| it.tags.get(key) == Some(value))
                });
                let ours = ours.ok_or(refusal)?;
                // What the Service gave then may be other tags than now.
                (ours.id, ours.tags, Believed::Unknown)
            }
            Err(refusal) => return Err(refusal),
        };
        seen.fronts.push(Front {
            id,
            name,
            tags,
            rules,
        });
        Ok(())
    }

    pub(super) async fn admit(
        &self,
        front: &str,
        rules: &[Rule],
        surplus: &[Rule],
        seen: &mut Seen,
    ) -> Result<()> {
        let mut done = self.calls.authorize(self.priority, front, rules).await;
        if let Err(refusal) = &done
            && refusal.kind == RefusalKind::Quota
            && !surplus.is_empty()
        {
            self.expel(front, surplus, seen).await?;
            done = self.calls.authorize(self.priority, front, rules).await;
        }
        done?;
        if let Some(Believed::Known(known)) = seen.front(front).map(|it| &mut it.rules) {
            known.extend(rules.iter().cloned());
        }
        Ok(())
    }

    pub(super) async fn expel(&self, front: &str, rules: &[Rule], seen: &mut Seen) -> Result<()> {
        let expelled = Revoked::Rules(rules);
        self.calls.revoke(self.priority, front, expelled).await?;
        if let Some(Believed::Known(known)) = seen.front(front).map(|it| &mut it.rules) {
            known.retain(|it| !rules.contains(it));
        }
        Ok(())
    }
}

/// Whether a tag says whose something is, and what.
fn is_whose(key: &str) -> bool {
    key.starts_with("landfall.dev/") && key != given::NOTE
}
