//! `landfall sweep`: shows what of this cluster's things no Service wants, and with `--confirm`
//! releases it. For the case that the controller found so much that it asks a person.

use std::collections::HashSet;

use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, Client};
use landfall_process::{Failure, say};
use landfall_provider_api::{LoadBalancerId, Owned, Provider};
use landfall_service::uid_of;

use crate::controller::{self, Metrics};
use crate::providers::Prepared;
use landfall_watch::Health;

/// Lists what belongs to no Service, and releases it if that is confirmed.
pub(crate) async fn run(
    client: Client,
    cluster_name: &str,
    providers: &[Prepared],
    confirmed: bool,
) -> Result<(), Failure> {
    let health = Health::default();
    let cluster = controller::identify(&client, cluster_name, &health).await;
    let mut orphans = 0;
    for prepared in providers {
        let class = prepared.class();
        let provider = prepared
            .register(&cluster, &client, None, &health, &Metrics::default())?
            .provider;
        // What it holds are the Services' statuses, and goes with them.
        if !provider.capabilities().outside_effects {
            continue;
        }
        let owned = provider.owned().await.map_err(|error| {
            Failure::run(format!("{class}: cannot read what it holds: {error}"))
        })?;
        // Read after what is held: what was made in between is wanted.
        let wanted = wanted(&client).await?;
        for (id, orphan) in owned
            .iter()
            .filter_map(|owned| Some((owned.id.as_ref()?, owned)))
        {
            if !wanted.contains(&id.service_uid) {
                orphans += 1;
                settle(&*provider, id, orphan, confirmed).await?;
            }
        }
    }
    match (orphans, confirmed) {
        (0, _) => say(format_args!("nothing belongs to no Service")),
        (_, false) => say(format_args!(
            "nothing was released; add --confirm to release these"
        )),
        (_, true) => Ok(()),
    }
}

/// The UIDs of all Services, from the API server itself.
async fn wanted(client: &Client) -> Result<HashSet<String>, Failure> {
    let services = Api::<Service>::all(client.clone())
        .list(&ListParams::default())
        .await;
    let services =
        services.map_err(|error| Failure::run(format!("cannot list Services: {error}")))?;
    if services.items.is_empty() {
        return Err(Failure::run(
            "the API server lists no Service at all; on that word nothing is released. If the cluster \
             is really empty, make any Service and try again",
        ));
    }
    Ok(services
        .items
        .iter()
        .map(|service| uid_of(service).to_owned())
        .collect())
}

async fn settle(
    provider: &dyn Provider,
    id: &LoadBalancerId,
    orphan: &Owned,
    confirmed: bool,
) -> Result<(), Failure> {
    let service = orphan
        .service
        .as_ref()
        .map_or_else(|| "an unnamed Service".to_owned(), ToString::to_string);
    let (what, uid) = (&orphan.description, &id.service_uid);
    if !confirmed {
        return say(format_args!("{what} of {service} (UID {uid})"));
    }
    provider.release(id).await.map_err(|error| {
        Failure::run(format!("{what} of {service}: cannot be released: {error}"))
    })?;
    say(format_args!("released {what} of {service} (UID {uid})"))
}
