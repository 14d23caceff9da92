//! Errors for people: what lies beneath, in one line, and what to do about it.

use std::error::Error;
use std::io;

use kube::core::Status;
use kube::runtime::watcher;

/// An error with its causes, each said once, and with advice where there is any.
pub fn explain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut advice = None;
    let mut next = Some(error);
    while let Some(error) = next {
        let said = say(error);
        if !text.contains(&said) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&said);
        }
        advice = advice.or_else(|| advise(error));
        next = error.source();
    }
    match advice {
        Some(advice) => format!("{text}; {advice}"),
        None => text,
    }
}

/// One error without its causes. Those of kube repeat them, answers as the program sees them even.
fn say(error: &(dyn Error + 'static)) -> String {
    if let Some(status) = answer(error) {
        return told(status);
    }
    match error.downcast_ref::<watcher::Error>() {
        Some(watcher::Error::InitialListFailed(_)) => return "cannot list".to_owned(),
        Some(watcher::Error::WatchStartFailed(_)) => return "cannot watch".to_owned(),
        Some(watcher::Error::WatchFailed(_)) => return "the watch broke".to_owned(),
        _ => {}
    }
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Service(_)) => "the API server was not reached".to_owned(),
        _ => error.to_string(),
    }
}

/// What the API server answered, if this is that.
fn answer<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Status> {
    let watched = || match error.downcast_ref()? {
        watcher::Error::WatchError(status) => Some(&**status),
        _ => None,
    };
    let asked = || match error.downcast_ref()? {
        kube::Error::Api(status) => Some(&**status),
        _ => None,
    };
    let boxed = || error.downcast_ref::<Box<Status>>().map(|status| &**status);
    watched().or_else(asked).or_else(boxed)
}

fn told(status: &Status) -> String {
    match status.message.as_str() {
        "" => format!("the API server answers {} {}", status.code, status.reason),
        message => message.to_owned(),
    }
}

/// What somebody who runs the program can do.
fn advise(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(status) = answer(error) {
        return match status.code {
            401 => Some(
                "the API server does not accept these credentials: the token or certificate may \
                 have expired; renew the kubeconfig",
            ),
            403 => Some("give the account that permission; the roles in deploy/ have all of them"),
            404 if status
                .message
                .contains("could not find the requested resource") =>
            {
                Some(
                    "are the custom resource definitions installed? `landfall crds | kubectl apply -f -` \
                 installs them",
                )
            }
            _ => None,
        };
    }
    advise_io(error.downcast_ref()?)
}

fn advise_io(error: &io::Error) -> Option<&'static str> {
    // Layers of a connection wrap each other's errors.
    if let Some(within) = error.get_ref() {
        if let Some(rustls::Error::InvalidCertificate(_)) = within.downcast_ref() {
            return Some(
                "the API server shows a certificate that the kubeconfig's certificate-authority \
                 does not vouch for; if it has a new one, renew the kubeconfig and start again",
            );
        }
        if let Some(within) = within.downcast_ref() {
            return advise_io(within);
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            Some("is the API server running, and is the kubeconfig's server its address?")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some("is there a route to the kubeconfig's server?")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Nested {
        #[error("refused")]
        Inner,
        #[error("cannot connect")]
        Middle(#[source] Box<Nested>),
        #[error("cannot list: cannot connect")]
        Outer(#[source] Box<Nested>),
    }

    #[test]
    fn every_cause_is_said_once() {
        let error = Nested::Outer(Box::new(Nested::Middle(Box::new(Nested::Inner))));
        assert_eq!(explain(&error), "cannot list: cannot connect: refused");
    }

    #[test]
    fn what_the_api_server_answers_is_told_in_its_words_with_advice() {
        let status = Status::failure("nodes is forbidden", "Forbidden").with_code(403);
        let error = kube::Error::Api(Box::new(status));
        let error = watcher::Error::InitialListFailed(error);
        assert_eq!(
            explain(&error),
            "cannot list: nodes is forbidden; give the account that permission; the roles in \
             deploy/ have all of them"
        );
    }
}
