//! `/v1/capabilities`.

use axum::extract::State;
use axum::{Extension, Json};
use landfall_mock_cloud_wire::{CloudCapabilities, Protocol};

use super::Api;
use super::attend::Outcome;
use super::problem::{Problems, Refused};

/// Tells what this cloud can do; it stays so while it runs.
#[utoipa::path(
    get, path = "/v1/capabilities", operation_id = "GetCapabilities",
    responses((status = 200, body = CloudCapabilities, description = "What it can do."), Problems),
)]
pub(super) async fn read(
    State(api): State<Api>,
) -> Result<(Extension<Outcome>, Json<CloudCapabilities>), Refused> {
    let capabilities = CloudCapabilities {
        protocols: vec![Protocol::Tcp, Protocol::Udp],
        families: api.cloud.families().await?,
    };
    Ok((Extension(Outcome("Read".to_owned())), Json(capabilities)))
}
