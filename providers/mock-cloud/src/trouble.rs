//! What is wrong with a mock cloud that does not answer as one, in words that say what to do.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;

pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A call, for messages.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The URL of the mock cloud, as configured.
    pub(crate) cloud: String,
    /// What was tried, on what: `PUT /v1/load-balancers/a`.
    pub(crate) call: String,
}

/// Why there was no answer to a call.
pub(crate) fn explain(cloud: &str, call: &str, error: &reqwest::Error) -> String {
    let cause = cause(error);
    if let Some(error) = find::<rustls::Error>(error) {
        return format!(
            "the mock cloud at {cloud} cannot be reached over TLS: {error}; it speaks plain HTTP \
             itself, so `url` begins with http:// unless something before it speaks TLS, and that \
             needs a certificate which this machine trusts"
        );
    }
    if error.is_connect() {
        let cause = if error.is_timeout() {
            format!("no answer within {CONNECT_TIMEOUT:?}")
        } else {
            cause
        };
        return format!(
            "the mock cloud at {cloud} cannot be reached: {cause}; is it running, and is `url` \
             right?"
        );
    }
    if error.is_timeout() {
        return format!(
            "the mock cloud at {cloud} did not answer {call} within {CALL_TIMEOUT:?}; is it \
             stopped or overloaded?"
        );
    }
    format!(
        "the connection to the mock cloud at {cloud} broke during {call}: {cause}; if it stays so, \
         is a mock cloud what listens there, and is `url` right?"
    )
}

/// An answer that a mock cloud does not give.
pub(crate) fn senseless(cloud: &str, what: &str) -> String {
    format!(
        "the mock cloud at {cloud} makes no sense: {what}; is `url` that of a mock cloud, and of \
         this version?"
    )
}

/// A call that was refused with `detail`, which the mock cloud itself did or did not write.
pub(crate) fn refused(
    Asked { cloud, call }: &Asked,
    status: StatusCode,
    detail: &str,
    is_its_own: bool,
) -> String {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return format!(
            "the mock cloud at {cloud} rejects the token ({status}: {detail}); `tokenFile`, which \
             is read at the start, must hold the token that the mock cloud was given as \
             --token-file"
        );
    }
    let answered = format!("the mock cloud at {cloud} answered {status} to {call}: {detail}");
    if is_its_own || status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        answered
    } else {
        format!("{answered}; is `url` that of a mock cloud?")
    }
}

/// What lies at the bottom of an error.
fn cause(error: &(dyn Error + 'static)) -> String {
    let lowest = chain(error).last().unwrap_or(error);
    match lowest.downcast_ref::<io::Error>() {
        // Without the number, which says the same.
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => lowest.to_string(),
    }
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The error and what lies beneath it, down to the bottom.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        // The source of an I/O error is the source of what it was made of.
        match error.downcast_ref().and_then(io::Error::get_ref) {
            Some(within) => Some(within as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
