//! Reports as tables, with columns as kubectl has them. Pure.

use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use landfall_bare_metal_resources::kinds::{
    AddressState, AnnouncedAddress, BgpSession, IpFamily, SpeakerReport, SpeakerStatus,
};

/// What stands where there is nothing, as kubectl has it.
const NONE: &str = "<none>";
/// Between columns.
const GAP: usize = 3;

/// One line for each speaker, in the order of their nodes.
pub(super) fn speakers(objects: &[SpeakerStatus]) -> String {
    let mut rows = vec![
        [
            "NODE",
            "ADDRESSES",
            "PEERS",
            "DRAINING",
            "INTERFACES",
            "STARTED",
        ]
        .map(str::to_owned),
    ];
    for (node, report) in reports(objects) {
        let interfaces = report.interfaces.iter();
        let interfaces = interfaces.map(|it| it.name.clone() + if it.up { "" } else { "(down)" });
        let interfaces: Vec<_> = interfaces.collect();
        rows.push([
            node,
            report.address_count.to_string(),
            report.peers_alive.to_string(),
            report.draining.to_string(),
            joined(&interfaces),
            at(report.started_at.as_ref()),
        ]);
    }
    lines(&rows)
}

/// One line for each address and node that reports it, in the order of the addresses; and how many
/// there was no room for.
pub(super) fn addresses(objects: &[SpeakerStatus]) -> String {
    let mut rows = vec![
        [
            "ADDRESS",
            "NODE",
            "INTERFACES",
            "STATE",
            "SINCE",
            "CONTESTED-BY",
        ]
        .map(str::to_owned),
    ];
    let reports = reports(objects);
    let listed = |(node, report): &(String, SpeakerReport)| {
        let addresses = report.addresses.clone().into_iter();
        let node = node.clone();
        addresses
            .map(move |it| (node.clone(), it))
            .collect::<Vec<_>>()
    };
    let mut listed: Vec<_> = reports.iter().flat_map(listed).collect();
    listed.sort_by_key(|(node, it)| (place(it), node.clone()));
    for (node, it) in listed {
        rows.push([
            it.address,
            node,
            joined(&it.interfaces),
            format!("{:?}", it.state),
            at(it.since.as_ref()),
            it.contested_by.unwrap_or_else(|| NONE.to_owned()),
        ]);
    }
    let mut text = vec![lines(&rows)];
    for (node, report) in &reports {
        let announced = report.addresses.iter();
        let announced = announced.filter(|it| it.state == AddressState::Announced);
        let listed = u32::try_from(announced.count()).unwrap_or(u32::MAX);
        if let Some(more @ 1..) = report.address_count.checked_sub(listed) {
            text.push(format!(
                "… and {more} more by {node}, whose report has no room for them"
            ));
        }
    }
    text.join("\n")
}

/// One line for each session with a router, by peers and nodes; and what is wrong with those that are not
/// established, or lack something.
pub(super) fn sessions(objects: &[SpeakerStatus]) -> String {
    let mut rows = vec![
        [
            "PEER", "NODE", "ADDRESS", "ASN", "STATE", "SINCE", "PREFIXES", "BFD",
        ]
        .map(str::to_owned),
    ];
    let reports = reports(objects);
    let mut listed: Vec<_> = reports
        .iter()
        .flat_map(|(node, report)| report.bgp_sessions.iter().map(move |it| (node, it)))
        .collect();
    listed.sort_by_key(|(node, it)| (&it.peer, *node));
    if listed.is_empty() {
        return "no speaker reports a session with a router".to_owned();
    }
    let none = || NONE.to_owned();
    let mut notes = Vec::new();
    for (node, it) in listed {
        rows.push([
            it.peer.clone(),
            node.clone(),
            it.address.clone().unwrap_or_else(none),
            it.peer_asn.map_or_else(none, |it| it.to_string()),
            format!("{:?}", it.state),
            at(it.since.as_ref()),
            it.prefixes.to_string(),
            it.bfd_state.map_or_else(none, |it| format!("{it:?}")),
        ]);
        notes.extend(session_notes(it).map(|note| format!("{} on {node}: {note}", it.peer)));
    }
    let mut text = vec![lines(&rows)];
    text.extend(notes);
    text.join("\n")
}

fn session_notes(it: &BgpSession) -> impl Iterator<Item = String> {
    let error = it.last_error.as_ref().map(|error| match &it.last_error_at {
        Some(when) => format!("{error} (at {})", when.0),
        None => error.clone(),
    });
    let missing = it.missing_families.iter().map(|it| match it {
        IpFamily::Ipv4 => "the router takes no IPv4 routes".to_owned(),
        IpFamily::Ipv6 => "the router takes no IPv6 routes".to_owned(),
    });
    let without = (it.without_next_hop > 0).then(|| {
        let count = it.without_next_hop;
        format!("{count} prefixes have no next hop: the node has no address of their family")
    });
    error.into_iter().chain(missing).chain(without)
}

fn reports(objects: &[SpeakerStatus]) -> Vec<(String, SpeakerReport)> {
    let report = |it: &SpeakerStatus| (it.name_any(), it.status.clone().unwrap_or_default());
    let mut reports: Vec<_> = objects.iter().map(report).collect();
    reports.sort_by(|(a, _), (b, _)| a.cmp(b));
    reports
}

/// Addresses by their numbers, IPv4 first; what is none after them.
fn place(it: &AnnouncedAddress) -> (bool, Option<IpAddr>, String) {
    let address = it.address.parse().ok();
    (address.is_none(), address, it.address.clone())
}

fn joined(names: &[String]) -> String {
    if names.is_empty() {
        return NONE.to_owned();
    }
    names.join(",")
}

fn at(time: Option<&Time>) -> String {
    time.map_or_else(|| NONE.to_owned(), |it| it.0.to_string())
}

/// Columns as wide as their widest cell.
fn lines<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..COLUMNS)
        .map(|it| width(it).unwrap_or_default() + GAP)
        .collect();
    let line = |row: &[String; COLUMNS]| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<String>().trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn speaker(name: &str, status: &Value) -> SpeakerStatus {
        let object = json!({
            "apiVersion": "landfall.dev/v1alpha1", "kind": "SpeakerStatus",
            "metadata": {"name": name}, "spec": {}, "status": status,
        });
        serde_json::from_value(object).unwrap()
    }

    fn two() -> [SpeakerStatus; 2] {
        let b = json!({
            "addressCount": 3, "peersAlive": 1, "startedAt": "2026-01-02T03:04:05Z",
            "interfaces": [{"name": "eth0", "up": true}, {"name": "bond0.10", "up": false}],
            "addresses": [
                {
                    "address": "192.0.2.10", "state": "Announced", "interfaces": ["eth0"],
                    "since": "2026-01-02T03:04:06Z",
                },
                {
                    "address": "192.0.2.9", "state": "Contested",
                    "contestedBy": "02:00:00:00:00:01",
                },
            ],
        });
        [speaker("b", &b), speaker("a", &Value::Null)]
    }

    #[test]
    fn speakers_are_in_order() {
        insta::assert_snapshot!(speakers(&two()), @r"
        NODE   ADDRESSES   PEERS   DRAINING   INTERFACES            STARTED
        a      0           0       false      <none>                <none>
        b      3           1       false      eth0,bond0.10(down)   2026-01-02T03:04:05Z
        ");
    }

    #[test]
    fn addresses_are_in_order_and_those_that_are_not_listed_are_counted() {
        insta::assert_snapshot!(addresses(&two()), @r"
        ADDRESS      NODE   INTERFACES   STATE       SINCE                  CONTESTED-BY
        192.0.2.9    b      <none>       Contested   <none>                 02:00:00:00:00:01
        192.0.2.10   b      eth0         Announced   2026-01-02T03:04:06Z   <none>
        … and 2 more by b, whose report has no room for them
        ");
    }

    #[test]
    fn sessions_are_by_peer_and_node_with_what_is_wrong_below() {
        let a = json!({"bgpSessions": [
            {
                "peer": "tor-1", "address": "192.0.2.1", "state": "Established", "peerASN": 64500,
                "since": "2026-01-02T03:04:05Z", "prefixes": 12, "bfdState": "Up",
                "missingFamilies": ["IPv6"], "withoutNextHop": 2,
            },
            {"peer": "tor-2", "state": "Idle", "lastError": "no answer from the router",
             "lastErrorAt": "2026-01-02T03:04:07Z"},
        ]});
        let b =
            json!({"bgpSessions": [{"peer": "tor-1", "address": "fe80::1", "state": "Active"}]});
        let both = [speaker("b", &b), speaker("a", &a)];
        insta::assert_snapshot!(sessions(&both), @r"
        PEER    NODE   ADDRESS     ASN      STATE         SINCE                  PREFIXES   BFD
        tor-1   a      192.0.2.1   64500    Established   2026-01-02T03:04:05Z   12         Up
        tor-1   b      fe80::1     <none>   Active        <none>                 0          <none>
        tor-2   a      <none>      <none>   Idle          <none>                 0          <none>
        tor-1 on a: the router takes no IPv6 routes
        tor-1 on a: 2 prefixes have no next hop: the node has no address of their family
        tor-2 on a: no answer from the router (at 2026-01-02T03:04:07Z)
        ");
        assert_eq!(sessions(&[]), "no speaker reports a session with a router");
    }
}
