//! Certificates of a listener besides its default one.

use std::time::Duration;

use serde_json::{Value, json};

use super::listing::answer;
use super::tls::check_certificate;
use crate::answer::{Answer, Refusal};
use crate::parameters::Parameters;
use crate::state::State;

fn shown(arn: &str, default: bool) -> Value {
    json!({"CertificateArn": arn, "IsDefault": default})
}

fn asked(parameters: &Parameters) -> Result<Vec<String>, Refusal> {
    let given = parameters.structures("Certificates").into_iter();
    let given = given.map(|it| it.need("CertificateArn").map(str::to_owned));
    let given: Vec<_> = given.collect::<Result<_, _>>()?;
    if given.is_empty() {
        return Err(Refusal::validation("A certificate must be specified"));
    }
    Ok(given)
}

pub(super) fn add(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    let mut it = state.elb.listener(arn)?.clone();
    if it.protocol != "TLS" {
        let text = format!("Certificates are not for the protocol {}", it.protocol);
        return Err(Refusal::configuration(text));
    }
    let asked = asked(parameters)?;
    for certificate in &asked {
        check_certificate(certificate, &state.elb.certificates)?;
        if it.certificate.as_ref() != Some(certificate) {
            it.certificates.insert(certificate.clone());
        }
    }
    let listeners = state.elb.listeners_of(&it.load_balancer);
    let others = listeners.filter(|other| other.arn != it.arn);
    let others: usize = others.map(|it| it.certificates.len()).sum();
    if others + it.certificates.len() > state.options.quotas.certificates {
        let text = "The maximum number of certificates per load balancer has been reached";
        return Err(Refusal::new("TooManyCertificates", text));
    }
    let listener = state.elb.listener(arn)?;
    listener.certificates = it.certificates;
    let shown: Vec<_> = asked.iter().map(|it| shown(it, false)).collect();
    Ok(json!({"Certificates": shown}))
}

pub(super) fn remove(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    let it = state.elb.listener(arn)?;
    let asked = asked(parameters)?;
    if it.certificate.as_ref().is_some_and(|it| asked.contains(it)) {
        let text = "Default certificate cannot be removed";
        return Err(Refusal::new("OperationNotPermitted", text));
    }
    it.certificates.retain(|it| !asked.contains(it));
    Ok(json!({}))
}

pub(super) fn describe(state: &mut State, parameters: &Parameters, _: Duration) -> Answer {
    let arn = parameters.need("ListenerArn")?;
    let it = state.elb.listener(arn)?;
    let default = it.certificate.iter().map(|arn| (arn, true));
    let all = default.chain(it.certificates.iter().map(|arn| (arn, false)));
    let mut all: Vec<_> = all.map(|(arn, is)| (arn.clone(), (arn, is))).collect();
    all.sort();
    answer(parameters, "Certificates", all, |(arn, is)| shown(arn, is))
}
