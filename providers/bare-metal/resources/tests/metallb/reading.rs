//! From JSON to MetalLB's objects.

use landfall_bare_metal_resources::metallb::Object;
use serde_json::json;

#[test]
fn what_is_none_of_metallbs_settings_is_not_read() {
    for value in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}}),
        json!({"apiVersion": "landfall.dev/v1alpha1", "kind": "L2Advertisement", "metadata": {}}),
        json!({"apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status", "metadata": {}}),
        json!({"kind": "IPAddressPool"}),
        json!(null),
        json!(7),
    ] {
        assert_eq!(Object::read(&value), Ok(None), "{value}");
    }
}

#[test]
fn a_wrong_type_is_told_with_its_path() {
    let rows = [
        (json!({"addresses": "192.0.2.0/24"}), "spec.addresses"),
        (json!({"addresses": ["a", 7]}), "spec.addresses[1]"),
        (json!({"autoAssign": "yes"}), "spec.autoAssign"),
        (
            json!({"serviceAllocation": {"namespaceSelectors": [{"matchLabels": {"a": 1}}]}}),
            "spec.serviceAllocation.namespaceSelectors[0].matchLabels.a",
        ),
    ];
    for (spec, field) in rows {
        let value = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": "a"}, "spec": spec});
        assert_eq!(Object::read(&value).unwrap_err().field, field, "{spec}");
    }
}
