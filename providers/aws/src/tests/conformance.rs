//! What every provider must do.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use landfall_provider_api::conformance::{self, Subject, Trouble};
use landfall_provider_api::{ClusterId, Node, Provider};
use landfall_test_aws::{Fault, Quotas, Times};

use super::world::World;

impl Subject for World {
    fn provider(&self, cluster: &ClusterId) -> Box<dyn Provider> {
        Box::new(World::provider(self, cluster))
    }

    fn nodes(&self) -> Vec<Node> {
        World::nodes(self)
    }

    fn provoke(&self, trouble: Trouble) -> BoxFuture<'_, bool> {
        let made = self.aws.load_balancers().len();
        match trouble {
            Trouble::AnswerLost => {
                self.aws
                    .fault(Fault::lose_answer("CreateLoadBalancer").times(Times::Once));
            }
            Trouble::HalfWay => {
                // Of what is to be made the last part, of what is to be removed the second.
                let action = if made == 0 {
                    "CreateListener"
                } else {
                    "DeleteTargetGroup"
                };
                let fault = Fault::refuse(action, "InternalFailure", "Something broke.", 500);
                self.aws.fault(fault.times(Times::Once));
            }
            Trouble::Full => self.aws.set_quotas(Quotas {
                load_balancers: made,
                ..Quotas::default()
            }),
            Trouble::Throttled => {
                self.aws
                    .fault(Fault::refuse_any("Throttling", "Rate exceeded", 400));
            }
            Trouble::Unauthorized => self.aws.deny("CreateLoadBalancer"),
            Trouble::Away => {
                self.aws
                    .fault(Fault::refuse_any("ServiceUnavailable", "Not now.", 503));
            }
        }
        ready(true).boxed()
    }

    fn mend(&self) -> BoxFuture<'_, ()> {
        self.aws.mend();
        ready(()).boxed()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_what_every_provider_must() {
    conformance::all(async || World::start()).await;
}
