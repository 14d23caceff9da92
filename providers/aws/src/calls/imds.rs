//! What the instance that this program runs on knows of itself, through the instance metadata
//! service (`IMDSv2`, with a token). Asked only for what nobody has set.

use aws_config::imds::client::Client;
use aws_smithy_types::error::display::DisplayErrorContext;

const MACS: &str = "/latest/meta-data/network/interfaces/macs/";
const REGION: &str = "/latest/meta-data/placement/region";

/// The region that the instance is in.
pub(super) async fn region(imds: &Client) -> Result<String, String> {
    get(imds, REGION).await
}

/// The VPC of the instance's primary interface.
pub(super) async fn vpc(imds: &Client) -> Result<String, String> {
    let mac = get(imds, "/latest/meta-data/mac").await?;
    get(imds, &format!("{MACS}{mac}/vpc-id")).await
}

async fn get(imds: &Client, path: &str) -> Result<String, String> {
    let answer = imds.get(path).await;
    let answer = answer.map_err(|error| format!("{path}: {}", DisplayErrorContext(error)))?;
    let answer = answer.as_ref().trim();
    if answer.is_empty() {
        Err(format!("{path}: an empty answer"))
    } else {
        Ok(answer.to_owned())
    }
}
