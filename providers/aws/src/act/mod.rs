//! Carries one step out: one call to AWS, and then what is seen is as that call has left it. Where a call
//! fails, what is seen stays as it was; whoever asked decides what that is still worth.

mod balancers;
mod fronts;
mod groups;
mod listeners;
mod reading;
mod tagging;

use crate::calls::{Attributes, Calls, Priority, Result};
use crate::plan::Step;
use crate::seen::{Believed, Seen};

/// Takes a step. Those that only say something are taken in `ensuring`.
pub(crate) async fn take(
    calls: &Calls,
    priority: Priority,
    step: Step,
    seen: &mut Seen,
) -> Result<()> {
    let act = Act { calls, priority };
    match step {
        Step::MakeFront { name, tags } => act.make_front(name, tags, seen).await,
        Step::Admit {
            front,
            rules,
            surplus,
        } => act.admit(&front, &rules, &surplus, seen).await,
        Step::Expel { front, rules } => act.expel(&front, &rules, seen).await,
        Step::RemoveFront(id) => {
            calls.delete_security_group(priority, &id).await?;
            seen.fronts.retain(|it| it.id != id);
            Ok(())
        }
        Step::Read(unread) => act.read(unread, seen).await,
        step @ (Step::MakeGroup(_)
        | Step::Probe { .. }
        | Step::SetGroupAttributes { .. }
        | Step::Register { .. }
        | Step::Deregister { .. }
        | Step::RemoveGroup(_)) => act.on_group(step, seen).await,
        step @ (Step::MakeListener(_)
        | Step::ChangeListener { .. }
        | Step::SetListenerAttributes { .. }
        | Step::AddCertificates { .. }
        | Step::RemoveCertificates { .. }
        | Step::RemoveListener(_)) => act.on_listener(step, seen).await,
        step @ (Step::Tag { .. }
        | Step::TagFront { .. }
        | Step::Untag { .. }
        | Step::UntagFront { .. }) => act.on_tags(step, seen).await,
        step => act.on_balancer(step, seen).await,
    }
}

struct Act<'a> {
    calls: &'a Calls,
    priority: Priority,
}

/// What was set is known, beside what was known before.
fn know(believed: &mut Believed<Attributes>, set: Attributes) {
    match believed {
        Believed::Known(known) => known.extend(set),
        _ => *believed = Believed::Known(set),
    }
}
