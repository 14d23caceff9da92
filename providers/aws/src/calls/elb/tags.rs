//! Tags of load balancers, target groups and listeners.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::Tag;
use futures::TryFutureExt;

use super::MAX_ARNS;
use super::existing::Existing;
use super::sdk::{arn, failure, strings, tags as sdk_tags};
use crate::calls::actions::{ADD_TAGS, DESCRIBE_TAGS, REMOVE_TAGS};
use crate::calls::{Arn, Calls, Priority, Result, Tags};

impl Calls {
    /// The tags of those that exist.
    pub(crate) async fn tags_of(
        &self,
        priority: Priority,
        arns: &[Arn],
    ) -> Result<BTreeMap<Arn, Tags>> {
        let (action, mut all) = (&DESCRIBE_TAGS, BTreeMap::new());
        let mut existing = Existing::new(&strings(arns));
        while let Some(asked) = existing.next() {
            let request = self
                .0
                .elb
                .describe_tags()
                .set_resource_arns(Some(asked.clone()));
            let answer = self.call(action, priority, "", || {
                request.clone().send().map_err(failure)
            });
            let answer = match answer.await {
                Ok(answer) => answer,
                Err(refusal) if refusal.is_not_found() => {
                    existing.refused(asked, &refusal.message);
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            for it in answer.tag_descriptions() {
                let arn = arn(it.resource_arn(), "ResourceArn");
                let arn = arn.map_err(|lacking| lacking.refusal(action, ""))?;
                let pair = |it: &Tag| {
                    Some((
                        it.key()?.to_owned(),
                        it.value().unwrap_or_default().to_owned(),
                    ))
                };
                all.insert(arn, it.tags().iter().filter_map(pair).collect());
            }
        }
        Ok(all)
    }

    /// Adds these tags to all of these, as many at once as AWS takes; a value that is there is replaced.
    pub(crate) async fn add_tags(
        &self,
        priority: Priority,
        arns: &[Arn],
        tags: &Tags,
    ) -> Result<()> {
        for on in arns.chunks(MAX_ARNS).map(strings) {
            let request = self.0.elb.add_tags();
            let request = request
                .set_resource_arns(Some(on.clone()))
                .set_tags(sdk_tags(tags));
            self.call(&ADD_TAGS, priority, &on.join(", "), || {
                request.clone().send().map_err(failure)
            })
            .await?;
        }
        Ok(())
    }

    /// Takes the tags with these keys from all of these, as many at once as AWS takes. One that is not there is
    /// none to be taken.
    pub(crate) async fn remove_tags(
        &self,
        priority: Priority,
        arns: &[Arn],
        keys: &[&str],
    ) -> Result<()> {
        let keys: Vec<_> = keys.iter().map(|it| (*it).to_owned()).collect();
        for on in arns.chunks(MAX_ARNS).map(strings) {
            let request = self.0.elb.remove_tags();
            let request = request
                .set_resource_arns(Some(on.clone()))
                .set_tag_keys(Some(keys.clone()));
            self.call(&REMOVE_TAGS, priority, &on.join(", "), || {
                request.clone().send().map_err(failure)
            })
            .await?;
        }
        Ok(())
    }
}
