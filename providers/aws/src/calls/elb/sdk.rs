//! Between the SDK and us: what its errors mean, and values that both sides have. Knows the SDK's
//! types, not what is asked with them.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticloadbalancingv2::types::Tag;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_types::request_id::RequestId;

use crate::calls::actions::Action;
use crate::calls::reach::{chain, never_connected};
use crate::calls::refusal::{Failure, Refusal};
use crate::calls::{Arn, Tags};

/// How a request of the SDK failed.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn failure<E>(error: SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let request_id = error.request_id().map(str::to_owned);
    let status = error.raw_response().map(|it| it.status().as_u16());
    if let SdkError::ServiceError(answered) = &error {
        let said = answered.err().meta();
        return Failure::Answered {
            status: status.unwrap_or_default(),
            code: said.code().unwrap_or_default().to_owned(),
            message: said.message().unwrap_or_default().to_owned(),
            request_id,
        };
    }
    let message = DisplayErrorContext(&error).to_string();
    match (&error, status) {
        _ if chain(&error).any(<dyn Error>::is::<CredentialsError>) => {
            Failure::Credentials(message)
        }
        (SdkError::ConstructionFailure(_), _) => Failure::Unasked(message),
        // An answer of a proxy or of a broken server.
        (SdkError::ResponseError(_), Some(status)) if status >= 400 => Failure::Answered {
            status,
            code: String::new(),
            message,
            request_id,
        },
        _ => Failure::Lost {
            sent: !never_connected(&error),
            message,
        },
    }
}

/// An answer that lacks what it must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lacking(pub(super) String);

impl Lacking {
    pub(super) fn refusal(self, action: &'static Action, on: &str) -> Refusal {
        let Self(what) = self;
        let message = format!("the answer makes no sense: {what}");
        Refusal::of(
            action,
            on,
            Failure::Lost {
                sent: true,
                message,
            },
        )
    }
}

/// What an answer must have.
pub(super) fn present<T>(value: Option<T>, name: &str) -> Result<T, Lacking> {
    value.ok_or_else(|| Lacking(format!("it has no {name}")))
}

pub(super) fn arn(text: Option<&str>, name: &str) -> Result<Arn, Lacking> {
    let text = present(text, name)?;
    text.parse()
        .map_err(|error| Lacking(format!("{name}: {error}")))
}

pub(super) fn port(number: i32) -> Result<u16, Lacking> {
    u16::try_from(number).map_err(|_| Lacking(format!("{number} is no port")))
}

pub(super) fn number(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// As the SDK writes a number that AWS keeps small.
pub(super) fn signed(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

pub(super) fn strings(arns: &[Arn]) -> Vec<String> {
    arns.iter().map(|it| it.as_str().to_owned()).collect()
}

/// `None` for none: an empty list is refused.
pub(super) fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    (!tags.is_empty()).then(|| tags.iter().map(tag).collect())
}
