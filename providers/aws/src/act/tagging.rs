//! Steps on tags.

use super::Act;
use crate::calls::{Arn, Result, Tags};
use crate::plan::Step;
use crate::seen::Seen;

impl Act<'_> {
    pub(super) async fn on_tags(&self, step: Step, seen: &mut Seen) -> Result<()> {
        let Self { calls, priority } = *self;
        match step {
            Step::Tag { arns, tags } => {
                calls.add_tags(priority, &arns, &tags).await?;
                for there in of(seen, &arns) {
                    there.extend(tags.clone());
                }
            }
            Step::TagFront { front, tags } => {
                let ids = [front.clone()];
                calls.create_tags(priority, &ids, &tags).await?;
                if let Some(front) = seen.front(&front) {
                    front.tags.extend(tags);
                }
            }
            Step::Untag { arns, keys } => {
                let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                calls.remove_tags(priority, &arns, &keys).await?;
                for there in of(seen, &arns) {
                    there.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
            Step::UntagFront { front, keys } => {
                let keys: Vec<_> = keys.iter().map(String::as_str).collect();
                let ids = [front.clone()];
                calls.delete_tags(priority, &ids, &keys).await?;
                if let Some(front) = seen.front(&front) {
                    front.tags.retain(|key, _| !keys.contains(&key.as_str()));
                }
            }
            _ => unreachable!("`take` gives it steps of tags only"),
        }
        Ok(())
    }
}

/// The tags of these, as far as they are seen.
fn of<'a>(seen: &'a mut Seen, arns: &'a [Arn]) -> impl Iterator<Item = &'a mut Tags> {
    let groups = seen.groups.iter_mut().map(|it| (&it.it.arn, &mut it.tags));
    let balancers = seen.balancers.iter_mut().flat_map(|it| {
        let listeners = it.listeners.iter_mut();
        let listeners = listeners.map(|it| (&it.it.arn, &mut it.tags));
        listeners.chain([(&it.it.arn, &mut it.tags)])
    });
    let all = groups.chain(balancers);
    all.filter_map(|(arn, tags)| arns.contains(arn).then_some(tags))
}
