//! What a sandbox with the bare-metal provider begins with: the custom resources, and a pool. What
//! arrives for an address is taken in by the sandbox itself, as nodes would that announce it.

use ipnet::IpNet;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use landfall_bare_metal_resources::crds;
use landfall_bare_metal_resources::kinds::{
    AddressPool, AddressPoolSpec, L2Advertisement, L2AdvertisementSpec,
};
use landfall_process::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the pool and the advertisement are called.
pub(super) const NAME: &str = "sandbox";

/// Installs them.
pub(super) async fn install(client: &Client, pool: &[IpNet]) -> Result<(), Failure> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    for crd in crds() {
        create(&definitions, &crd).await?;
    }
    let spec = AddressPoolSpec {
        addresses: pool.iter().map(ToString::to_string).collect(),
        skip_network_and_broadcast: true,
        ..AddressPoolSpec::default()
    };
    let pools = Api::<AddressPool>::all(client.clone());
    create(&pools, &AddressPool::new(NAME, spec)).await?;
    let advertisements = Api::<L2Advertisement>::all(client.clone());
    let everything = L2AdvertisementSpec::default();
    create(&advertisements, &L2Advertisement::new(NAME, everything)).await
}

async fn create<K>(api: &Api<K>, object: &K) -> Result<(), Failure>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let created = api.create(&PostParams::default(), object).await;
    created.map(drop).map_err(|error| {
        let (kind, name) = (K::kind(&()), object.meta().name.as_deref());
        let name = name.unwrap_or_default();
        Failure::run(format!("cannot make the {kind} {name}: {error}"))
    })
}
