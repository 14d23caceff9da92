//! What a Service asks for by its annotations.

use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServiceSpec};
use landfall_bare_metal_resources::kinds::IpFamily;
use landfall_bare_metal_resources::{Fault, Requested, metallb, requested};

use super::Report;
use super::asks::Ask;
use super::judge::typed;
use crate::manifests::Object;

/// Judges a Service, and returns what it asks for. Only one of type LoadBalancer asks for anything.
pub(super) fn judge<'a>(object: &'a Object<'a>, report: &mut Report) -> Vec<Ask<'a>> {
    let mut asks = Vec::new();
    let Some(service) = typed::<Service>(object, report) else {
        return asks;
    };
    let spec = service.spec.unwrap_or_default();
    if spec.type_.as_deref() != Some("LoadBalancer") {
        return asks;
    }
    let annotations = service.metadata.annotations.unwrap_or_default();
    for asked in [requested(&annotations), metallb::annotations(&annotations)] {
        let faults = match asked {
            Ok(asked) => {
                let faults = beside(&asked, &spec);
                asks.push(Ask { object, asked });
                faults
            }
            Err(faults) => faults,
        };
        for fault in faults {
            report.fault(object, &fault);
        }
    }
    asks
}

/// What annotations ask for beside the fields of the Service.
fn beside(asked: &Requested, spec: &ServiceSpec) -> Vec<Fault> {
    let mut faults = Vec::new();
    let field = spec.load_balancer_ip.as_deref().unwrap_or_default();
    if !field.is_empty() && !asked.addresses.is_empty() {
        let message = "an annotation asks for addresses, too; leave one of both out";
        faults.push(Fault::new("spec.loadBalancerIP", message));
    }
    let families = spec.ip_families.as_deref().unwrap_or_default();
    let named = |address: &IpAddr| families.contains(&IpFamily::of(*address).to_string());
    if !families.is_empty() {
        for address in asked.addresses.iter().filter(|it| !named(it)) {
            let message =
                format!("an annotation asks for {address}, whose family is not among these");
            faults.push(Fault::new("spec.ipFamilies", message));
        }
    }
    faults
}
