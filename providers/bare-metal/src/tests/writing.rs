//! The patches that statuses are written by.

use landfall_bare_metal_resources::kinds::{AddressPool, AddressPoolStatus, FamilyCount};
use serde_json::{Value, json};

use crate::writing::patch;

fn counted(total: i64) -> FamilyCount {
    FamilyCount {
        total,
        assigned: 0,
        available: total,
    }
}

#[test]
fn a_status_that_stands_there_already_is_not_written() {
    let mut pool: AddressPool = serde_json::from_value(json!({
        "apiVersion": "landfall.dev/v1alpha1", "kind": "AddressPool",
        "metadata": {"name": "a", "uid": "u"}, "spec": {"addresses": ["192.0.2.0/28"]},
    }))
    .unwrap();
    let wanted = AddressPoolStatus {
        ipv4: Some(counted(16)),
        ..AddressPoolStatus::default()
    };
    let written = patch(&pool, &wanted).unwrap();
    assert_eq!(written["status"]["ipv4"]["total"], 16);
    assert_eq!(written["metadata"]["uid"], "u", "one made anew is another");
    pool.status = Some(wanted);
    assert_eq!(patch(&pool, pool.status.as_ref().unwrap()), None);

    let other = AddressPoolStatus {
        ipv6: Some(counted(4)),
        ..AddressPoolStatus::default()
    };
    let written = patch(&pool, &other).unwrap();
    assert_eq!(written["status"]["ipv6"]["total"], 4);
    assert_eq!(written["status"].get("ipv4"), Some(&Value::Null), "it goes");
}
