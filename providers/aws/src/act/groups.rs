//! Steps on target groups and their targets.

use std::collections::BTreeSet;

use super::{Act, know};
use crate::calls::{Arn, Attributes, Refusal, Result, Target};
use crate::plan::Step;
use crate::seen::{Believed, Group, Seen};

impl Act<'_> {
    pub(super) async fn on_group(&self, step: Step, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match step {
            Step::MakeGroup(new) => {
                let made = calls.create_target_group(priority, &new).await?;
                let mut group = Group::new(made, new.tags.clone());
                if group.it.load_balancers.is_empty()
                    && seen.groups.iter().all(|it| it.it.arn != group.it.arn)
                {
                    group.attributes = Believed::Known(Attributes::new());
                    group.targets = Believed::Known(BTreeSet::new());
                    group.is_assumed = false;
                } else {
                    (group.attributes, group.targets) = (Believed::Unknown, Believed::Unknown);
                }
                seen.groups.retain(|it| it.it.arn != group.it.arn);
                seen.groups.push(group);
            }
            Step::Probe { group, health } => {
                calls.modify_target_group(priority, &group, &health).await?;
                if let Some(group) = seen.group(&group) {
                    group.it.health_check = *health;
                }
            }
            Step::SetGroupAttributes { group, attributes } => {
                let set = calls.modify_target_group_attributes(priority, &group, &attributes);
                set.await?;
                if let Some(group) = seen.group(&group) {
                    know(&mut group.attributes, attributes);
                }
            }
            Step::Register { group, targets } => self.register(&group, &targets, seen).await?,
            Step::Deregister { group, targets } => {
                calls.deregister_targets(priority, &group, &targets).await?;
                if let Some(Believed::Known(known)) = seen.group(&group).map(|it| &mut it.targets) {
                    known.retain(|it| !targets.contains(it));
                }
            }
            Step::RemoveGroup(arn) => {
                calls.delete_target_group(priority, &arn).await?;
                seen.groups.retain(|it| it.it.arn != arn);
            }
            _ => unreachable!("`take` gives it steps of target groups only"),
        }
        Ok(())
    }

    /// Registers all that AWS takes. What it names as bad is left out, and if it names nothing, what is
    /// bad is found by halves.
    async fn register(&self, arn: &Arn, targets: &[Target], seen: &mut Seen) -> Result<()> {
        let mut batches = vec![targets.to_vec()];
        while let Some(batch) = batches.pop() {
            let done = self
                .calls
                .register_targets(self.priority, arn, &batch)
                .await;
            let Some(group) = seen.group(arn) else {
                return done;
            };
            let refusal = match done {
                Ok(()) => {
                    if let Believed::Known(known) = &mut group.targets {
                        known.extend(batch);
                    }
                    continue;
                }
                Err(refusal) if is_about_targets(&refusal) => refusal,
                Err(refusal) => return Err(refusal),
            };
            let named = |it: &Target| refusal.names(&it.id);
            let (bad, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|it| named(it));
            if bad.is_empty() && rest.len() > 1 {
                let mut first = rest;
                let second = first.split_off(first.len() / 2);
                batches.extend([first, second]);
                continue;
            }
            let (bad, rest) = if bad.is_empty() {
                (rest, bad)
            } else {
                (bad, rest)
            };
            for target in bad {
                let why = refusal.message.to_string();
                group.refused.insert(target.id, why);
            }
            if !rest.is_empty() {
                batches.push(rest);
            }
        }
        Ok(())
    }
}

/// Whether AWS does not take some of the targets that a call names.
fn is_about_targets(refusal: &Refusal) -> bool {
    let code = refusal.code.trim_end_matches("Exception");
    matches!(
        code,
        "InvalidTarget" | "InvalidInstanceID.NotFound" | "InvalidInstance"
    )
}
