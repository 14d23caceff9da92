//! Makes what one Service has at AWS what it asks for: plans a step, takes it, plans again, until nothing is
//! left to do now.

use std::collections::BTreeSet;
use std::time::Instant;

use landfall_provider_api::{Error, LoadBalancer, Outcome, Serving};

use crate::account::Account;
use crate::act;
use crate::answer::{self, Notes};
use crate::asked::{self, Asked, PREFIX};
use crate::awaited;
use crate::build::Builder;
use crate::calls::{Priority, Refusal, RefusalKind, Scheme};
use crate::plan::{Step, current, group_of, plan, settle};
use crate::predecessor;
use crate::read::{self, Names};
use crate::seen::{Group, Seen};
use crate::view::Work;
use crate::wanted::Wanted;

/// Steps that one Service may take at a time: each of its parts needs three or four.
const MOST_STEPS: usize = 400;
/// How often what is there is read again since AWS said that it is not as was thought.
const MOST_READINGS: usize = 2;

impl Account {
    /// Makes a load balancer what is wanted.
    pub(crate) async fn ensure(&self, wanted: &LoadBalancer) -> Result<Outcome, Error> {
        let asked = Asked::parse(wanted).map_err(asked::invalid)?;
        let uid = &wanted.id.service_uid;
        let mut work = self.view.work(uid);
        let done = self.make(wanted, asked, &mut work).await;
        match &done {
            Ok((outcome, pends)) => {
                let is_right = matches!(outcome, Outcome::Provisioned(_));
                self.waiting.forget(&wanted.id);
                work.finish(is_right);
                self.pending.note(uid, *pends);
            }
            Err(Failed { error, is_certain }) => {
                if matches!(error, Error::Exhausted(_)) {
                    self.waiting.add(wanted.id.clone());
                }
                if *is_certain {
                    work.finish(false);
                }
            }
        }
        done.map(|(outcome, _)| outcome).map_err(|it| it.error)
    }

    async fn make(
        &self,
        wanted: &LoadBalancer,
        asked: Asked,
        work: &mut Work<'_>,
    ) -> Result<(Outcome, Pends), Failed> {
        self.inherit(&wanted.id, work).await?;
        let priority = if work.is_altered {
            Priority::Repair
        } else {
            Priority::Change
        };
        let builder = Builder {
            account: self,
            calls: &self.calls,
            priority,
        };
        if work.is_unsure {
            // The scheme of what is there decides where another may stand, so it is read first.
            self.read(work, priority, Names::default()).await?;
        }
        let built = builder.build(wanted, asked, &work.seen).await?;
        let mut notes = Notes {
            left_out: built.left_out,
            ignored: built.ignored,
            bindings: self.bindings_of(wanted),
            ..Notes::default()
        };
        // First the way to the targets, then who takes it.
        let opened = self
            .gates
            .open(&self.calls, priority, &built.openings)
            .await;
        let field = format!("{PREFIX}manage-backend-security-group-rules");
        opened.map_err(|refusal| Failed::certain(refusal.into_error(&field)))?;
        let uid = &wanted.id.service_uid;
        let ways = (uid.as_str(), &built.ways);
        let opened = self.ways.open(&self.calls, priority, &self.cluster, ways);
        let opened = opened.await;
        opened.map_err(|refusal| Failed::certain(refusal.into_error(&field)))?;
        let (taken, wait) = self.go(&built.wanted, work, priority).await?;
        notes.is_repaired = work.is_altered && taken > 0;
        awaited::note(&built.wanted, &mut work.seen);
        let mut pends = Pends::of(&built.wanted, &work.seen);
        if let Some((until, message)) = wait {
            notes.waits = Some(message);
            pends.until = until;
        } else {
            self.ways.settle(uid, built.ways).await;
            self.close_ways().await;
        }
        let outcome = answer::outcome(&built.wanted, &work.seen, &notes);
        Ok((outcome, pends))
    }

    /// How what is left in the cluster of who had it before goes, if something is.
    fn bindings_of(&self, wanted: &LoadBalancer) -> Option<String> {
        let service = &wanted.service;
        let predecessor = self.predecessor.as_ref()?;
        let is_bound = predecessor.has_bound(service);
        is_bound.then(|| predecessor::removal(service))
    }

    /// Takes steps until nothing is left to do now. Tells how many, and what is waited for.
    async fn go(
        &self,
        wanted: &Wanted,
        work: &mut Work<'_>,
        priority: Priority,
    ) -> Result<(usize, Option<(Option<Instant>, String)>), Failed> {
        let mut readings = 0;
        let mut made = BTreeSet::new();
        if work.is_inherited && !self.is_whole(wanted, &work.seen) {
            // What is half made, who made it has not finished.
            work.seen.doubt();
        }
        for taken in 0..MOST_STEPS {
            settle(wanted, &mut work.seen);
            let step = plan(wanted, &work.seen, Instant::now(), self.farewell);
            match step {
                Step::Done => return Ok((taken, None)),
                Step::Wait { until, message } => return Ok((taken, Some((until, message)))),
                Step::Refuse(error) => return Err(Failed::certain(error)),
                step => {
                    let field = step.field();
                    let makes = step.makes().map(str::to_owned);
                    if let Some(name) = makes.as_ref().filter(|it| made.contains(*it)) {
                        return Err(Failed::not_taken(name));
                    }
                    work.tried.extend(makes.clone());
                    let is_removal = step.is_of_leftovers();
                    let Err(refusal) = act::take(&self.calls, priority, step, &mut work.seen).await
                    else {
                        made.extend(makes);
                        continue;
                    };
                    match refusal.kind {
                        // Whoever uses it still, will have let go when somebody looks again.
                        RefusalKind::InUse if is_removal => {
                            return Ok((taken, Some((None, refusal.to_string()))));
                        }
                        RefusalKind::NotFound | RefusalKind::Exists | RefusalKind::InUse
                            if readings < MOST_READINGS =>
                        {
                            readings += 1;
                            let names = names(wanted, &work.seen);
                            let before = work.seen.clone();
                            self.read(work, priority, names).await?;
                            if before == work.seen {
                                // It is as was thought, and AWS does not take it.
                                return Err(Failed::of(refusal, &field));
                            }
                        }
                        _ => return Err(Failed::of(refusal, &field)),
                    }
                }
            }
        }
        Err(Failed::certain(Error::unavailable(
            "somebody else alters what is being made at AWS over and over",
        )))
    }

    /// Whether there is nothing left to do, if what has to be asked for by itself is as it should be.
    fn is_whole(&self, wanted: &Wanted, seen: &Seen) -> bool {
        let mut seen = seen.clone();
        settle(wanted, &mut seen);
        matches!(
            plan(wanted, &seen, Instant::now(), self.farewell),
            Step::Done
        )
    }

    /// Reads what there is of a Service.
    async fn read(
        &self,
        work: &mut Work<'_>,
        priority: Priority,
        names: Names,
    ) -> Result<(), Failed> {
        let Self { calls, cluster, .. } = self;
        let uid = work.service_uid().to_owned();
        let names = names.and(&work.tried);
        let read = read::of_service(calls, priority, cluster, &uid, &work.seen, names).await;
        work.seen = read.map_err(|refusal| Failed::of(refusal, "metadata.uid"))?;
        work.is_unsure = false;
        Ok(())
    }
}

/// Names that calls of ours may have given.
fn names(wanted: &Wanted, seen: &Seen) -> Names {
    let mut names = Names::default();
    let schemes = [Scheme::Internal, Scheme::InternetFacing];
    names.balancers = schemes.iter().map(|it| wanted.balancer_name(*it)).collect();
    names.balancers.extend(wanted.name.clone());
    names
        .balancers
        .extend(seen.balancers.iter().map(|it| it.it.name.clone()));
    for balancer in &names.balancers {
        let ports = wanted.ports.iter();
        names
            .groups
            .extend(ports.map(|it| wanted.new_group(it, balancer).name));
    }
    names
}

/// What has to be looked at again by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pends {
    /// Whether AWS is to be asked how far it is.
    pub(crate) is_unfinished: bool,
    /// Whether pods wait for the answer.
    pub(crate) is_awaited: bool,
    /// When to look again at the latest.
    pub(crate) until: Option<Instant>,
}

impl Pends {
    fn of(wanted: &Wanted, seen: &Seen) -> Self {
        let Some(current) = current(wanted, seen) else {
            return Self::default();
        };
        let serves = answer::serving(wanted, seen, current) == Serving::Yes;
        let has_targets = wanted.ports.iter().any(|it| !it.targets.is_empty());
        let is_assumed = wanted.ports.iter().all(|port| {
            let group = group_of(wanted, seen, Some(current), port);
            group.is_some_and(|it| it.is_assumed)
        });
        let is_replacing = seen.balancers.len() > 1;
        let has_leftovers = seen.groups.len() > wanted.ports.len() || seen.fronts.len() > 1;
        let is_unserved = !serves && has_targets && !is_assumed;
        let is_awaited = seen.groups.iter().any(Group::is_awaited);
        let is_unmade = !current.is_active() || is_replacing || has_leftovers;
        Self {
            is_unfinished: is_unmade || is_unserved || is_awaited,
            is_awaited,
            until: None,
        }
    }
}

/// Why it could not be done, and what that says of what is seen.
#[derive(Debug)]
struct Failed {
    error: Error,
    /// Whether what is seen is what is there all the same.
    is_certain: bool,
}

impl Failed {
    fn certain(error: Error) -> Self {
        Self {
            error,
            is_certain: true,
        }
    }

    /// It was made, and what AWS says of it is not what was asked for.
    fn not_taken(name: &str) -> Self {
        let message = format!(
            "AWS has made {name}, and says that it is otherwise than it was asked to be: look at it there"
        );
        Self {
            error: Error::unavailable(message),
            is_certain: false,
        }
    }

    fn of(refusal: Refusal, field: &str) -> Self {
        let is_certain = !matches!(
            refusal.kind,
            RefusalKind::Unsure | RefusalKind::NotFound | RefusalKind::Exists | RefusalKind::InUse
        );
        Self {
            error: refusal.into_error(field),
            is_certain,
        }
    }
}

impl From<Error> for Failed {
    /// Of what was only looked up.
    fn from(error: Error) -> Self {
        Self::certain(error)
    }
}

impl Step {
    /// What of the Service it carries out, for an error.
    fn field(&self) -> String {
        let suffix = match self {
            Self::Admit { .. } | Self::Expel { .. } => {
                return "spec.loadBalancerSourceRanges".to_owned();
            }
            Self::MakeGroup(_) | Self::MakeListener(_) | Self::RemoveListener(_) => {
                return "spec.ports".to_owned();
            }
            Self::Register { .. } | Self::Deregister { .. } => "nlb-target-type",
            Self::Probe { .. } => "healthcheck-protocol",
            Self::SetGroupAttributes { .. } => "target-group-attributes",
            Self::MakeBalancer(_) | Self::SetSubnets { .. } => "subnets",
            Self::SetAddressType { .. } => "ip-address-type",
            Self::SetGroups { .. } | Self::MakeFront { .. } => "security-groups",
            Self::SetAttributes { .. } => "attributes",
            Self::SetCapacity { .. } => "minimum-load-balancer-capacity",
            Self::ChangeListener { change, .. } => {
                let is_tls = change.certificate.is_some() || change.ssl_policy.is_some();
                if !is_tls && change.alpn.is_none() {
                    return "spec.ports".to_owned();
                }
                "ssl-ports"
            }
            Self::AddCertificates { .. } | Self::RemoveCertificates { .. } => "ssl-cert",
            Self::SetListenerAttributes { .. } => "listener-attributes",
            Self::Tag { .. }
            | Self::TagFront { .. }
            | Self::Untag { .. }
            | Self::UntagFront { .. } => "additional-resource-tags",
            _ => return "metadata.uid".to_owned(),
        };
        format!("{PREFIX}{suffix}")
    }

    /// The name of what it makes.
    fn makes(&self) -> Option<&str> {
        match self {
            Self::MakeBalancer(new) => Some(&new.name),
            Self::MakeGroup(new) => Some(&new.name),
            _ => None,
        }
    }

    /// Whether it removes what is only in the way of nothing.
    fn is_of_leftovers(&self) -> bool {
        matches!(
            self,
            Self::RemoveBalancer(_) | Self::RemoveGroup(_) | Self::RemoveFront(_)
        )
    }
}
