//! `landfall status`: what the speakers of a cluster report, as tables for people.

mod table;

use std::path::Path;

use kube::Api;
use kube::api::ListParams;
use landfall_bare_metal_resources::kinds::SpeakerStatus;
use landfall_process::{Failure, say};
use landfall_watch::explain;

use crate::args::Shown;
use crate::kubernetes;

/// Prints the speakers and the addresses that they announce, or their sessions with routers.
pub(crate) async fn print(kubeconfig: Option<&Path>, what: Shown) -> Result<(), Failure> {
    let client = kubernetes::client(kubeconfig).await?;
    let speakers = Api::<SpeakerStatus>::all(client);
    let listed = speakers.list(&ListParams::default()).await;
    let listed = listed.map_err(|error| {
        let error = explain(&error);
        Failure::run(format!("SpeakerStatuses cannot be read: {error}"))
    })?;
    if listed.items.is_empty() {
        return say(format_args!("no speaker has reported"));
    }
    if what == Shown::Bgp {
        return say(format_args!("{}", table::sessions(&listed.items)));
    }
    say(format_args!("{}", table::speakers(&listed.items)))?;
    say(format_args!("\n{}", table::addresses(&listed.items)))
}
