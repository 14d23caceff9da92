//! Attributes of load balancers, target groups and listeners: keys and values that AWS adds to
//! over time, so no list of them is kept.

use aws_sdk_elasticloadbalancingv2::types::{
    ListenerAttribute, LoadBalancerAttribute, TargetGroupAttribute,
};
use futures::TryFutureExt;

use super::sdk::failure;
use crate::calls::actions::{
    DESCRIBE_LISTENER_ATTRIBUTES, DESCRIBE_LOAD_BALANCER_ATTRIBUTES,
    DESCRIBE_TARGET_GROUP_ATTRIBUTES, MODIFY_LISTENER_ATTRIBUTES, MODIFY_LOAD_BALANCER_ATTRIBUTES,
    MODIFY_TARGET_GROUP_ATTRIBUTES,
};
use crate::calls::{Arn, Attributes, Calls, Priority, Result};

/// The two calls of one kind of resource, whose types in the SDK differ only by name.
macro_rules! attributes {
    (
        $(#[$read_doc:meta])* $read:ident: $describe:ident, $describe_action:ident;
        $(#[$write_doc:meta])* $write:ident: $modify:ident, $modify_action:ident;
        $arn:ident, $attribute:ident
    ) => {
        impl Calls {
            $(#[$read_doc])*
            pub(crate) async fn $read(&self, priority: Priority, arn: &Arn) -> Result<Attributes> {
                let request = self.0.elb.$describe().$arn(arn.as_str());
                let answer = self
                    .call(&$describe_action, priority, arn.as_str(), || {
                        request.clone().send().map_err(failure)
                    })
                    .await?;
                let pair = |it: &$attribute| {
                    Some((it.key()?.to_owned(), it.value().unwrap_or_default().to_owned()))
                };
                Ok(answer.attributes().iter().filter_map(pair).collect())
            }

            $(#[$write_doc])*
            pub(crate) async fn $write(
                &self,
                priority: Priority,
                arn: &Arn,
                attributes: &Attributes,
            ) -> Result<()> {
                let attributes = attributes
                    .iter()
                    .map(|(key, value)| $attribute::builder().key(key).value(value).build());
                let request = self.0.elb.$modify().$arn(arn.as_str());
                let request = request.set_attributes(Some(attributes.collect()));
                self.call(&$modify_action, priority, arn.as_str(), || {
                    request.clone().send().map_err(failure)
                })
                .await
                .map(drop)
            }
        }
    };
}

attributes! {
    /// All attributes of a load balancer.
    load_balancer_attributes: describe_load_balancer_attributes, DESCRIBE_LOAD_BALANCER_ATTRIBUTES;
    /// Sets these attributes of a load balancer, no others.
    modify_load_balancer_attributes: modify_load_balancer_attributes, MODIFY_LOAD_BALANCER_ATTRIBUTES;
    load_balancer_arn, LoadBalancerAttribute
}

attributes! {
    /// All attributes of a target group.
    target_group_attributes: describe_target_group_attributes, DESCRIBE_TARGET_GROUP_ATTRIBUTES;
    /// Sets these attributes of a target group, no others.
    modify_target_group_attributes: modify_target_group_attributes, MODIFY_TARGET_GROUP_ATTRIBUTES;
    target_group_arn, TargetGroupAttribute
}

attributes! {
    /// All attributes of a listener.
    listener_attributes: describe_listener_attributes, DESCRIBE_LISTENER_ATTRIBUTES;
    /// Sets these attributes of a listener, no others.
    modify_listener_attributes: modify_listener_attributes, MODIFY_LISTENER_ATTRIBUTES;
    listener_arn, ListenerAttribute
}
