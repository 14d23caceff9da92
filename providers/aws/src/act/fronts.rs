//! Steps on the security group that lets clients in.

use super::Act;
use crate::calls::{RefusalKind, Result, Revoked, Rule, SecurityGroupRule, SecurityGroups, Tags};
use crate::seen::{Believed, Front, Seen};

/// What security groups are for, as people read it who look at them.
const DESCRIPTION: &str = "Lets clients of a Service of Kubernetes reach its load balancer";

impl Act<'_> {
    pub(super) async fn make_front(&self, name: String, tags: Tags, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        let vpc = calls.vpc();
        let made = calls.create_security_group(priority, &name, DESCRIPTION, vpc, &tags);
        let (id, rules) = match made.await {
            // A new one lets nobody in.
            Ok(id) => (id, Believed::Known(Vec::new())),
            Err(refusal) if refusal.kind == RefusalKind::Exists => {
                let named = SecurityGroups::GroupName { vpc, name: &name };
                let found = calls.security_groups(priority, named).await?;
                // Its name derives from what it is, and its tags say the same: made without an answer.
                let ours = found.into_iter().find(|it| {
                    tags.iter().all(|(key, value)| {
                        !key.starts_with("landfall.dev/") || it.tags.get(key) == Some(value)
                    })
                });
                (ours.ok_or(refusal)?.id, Believed::Unknown)
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
        match done {
            Ok(()) => {}
            // Somebody has added one of them meanwhile.
            Err(refusal) if refusal.kind == RefusalKind::Exists => {}
            Err(refusal) => return Err(refusal),
        }
        // Only a reading tells the ids of rules, by which they are taken away one day; and by then they
        // are read.
        if let Some(front) = seen.front(front) {
            front.rules = match &front.rules {
                Believed::Known(known) if known.is_empty() || surplus.is_empty() => {
                    let new = rules.iter().map(|rule| SecurityGroupRule {
                        id: String::new(),
                        group: front.id.clone(),
                        rule: rule.clone(),
                        tags: Tags::new(),
                    });
                    Believed::Known(known.iter().cloned().chain(new).collect())
                }
                _ => Believed::Unknown,
            };
        }
        Ok(())
    }

    pub(super) async fn expel(&self, front: &str, rules: &[Rule], seen: &mut Seen) -> Result<()> {
        // By what they say: rules that we have added have no id that we know.
        let expelled = Revoked::Rules(rules);
        self.calls.revoke(self.priority, front, expelled).await?;
        if let Some(there) = seen.front(front)
            && let Believed::Known(known) = &mut there.rules
        {
            known.retain(|it| !rules.contains(&it.rule));
        }
        Ok(())
    }
}
