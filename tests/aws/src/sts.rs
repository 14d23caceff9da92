//! Security Token Service: who one is, and keys for web identities.

use std::time::Duration;

use serde_json::json;

use crate::answer::{Answer, Refusal};
use crate::clock::written;
use crate::request::Request;
use crate::state::State;

pub(crate) fn handle(state: &mut State, request: &Request, now: Duration) -> Answer {
    let account = state.options.account.clone();
    match request.action.as_str() {
        "GetCallerIdentity" => Ok(json!({
            "Account": account,
            "Arn": format!("arn:aws:sts::{account}:assumed-role/landfall/strict"),
            "UserId": "AROASTRICTSTANDIN000:strict",
        })),
        "AssumeRoleWithWebIdentity" => assume(state, request, now),
        other => Err(Refusal::new(
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

fn assume(state: &mut State, request: &Request, now: Duration) -> Answer {
    let parameters = &request.parameters;
    let role = parameters.need("RoleArn")?;
    let session = parameters.need("RoleSessionName")?;
    let token = parameters.need("WebIdentityToken")?;
    if token.split('.').count() != 3 {
        let text = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
        return Err(Refusal::new("InvalidIdentityToken", text));
    }
    let lasting = parameters.number("DurationSeconds")?.unwrap_or(3600);
    if !(900..=43_200).contains(&lasting) {
        let text = format!("{lasting} is no DurationSeconds: it is between 900 and 43200");
        return Err(Refusal::validation(text));
    }
    let Some((prefix, name)) = role.split_once(":role/") else {
        return Err(Refusal::validation(format!("{role} is invalid")));
    };
    let key = format!("ASIA{}", state.identifiers.hex16().to_uppercase());
    let until = now + Duration::from_secs(lasting);
    state.keys.add_temporary(&key, until);
    let account = prefix.rsplit(':').next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    Ok(json!({
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": state.identifiers.hex16(),
            "SessionToken": state.identifiers.hex16(),
            "Expiration": written(state.epoch + until),
        },
        "AssumedRoleUser": {
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
            "AssumedRoleId": format!("AROASTRICTSTANDIN000:{session}"),
        },
        "Provider": "strict",
        "Audience": "sts.amazonaws.com",
        "SubjectFromWebIdentityToken": session,
    }))
}
