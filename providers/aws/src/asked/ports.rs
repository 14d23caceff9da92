//! What a load balancer listens on, and the target groups behind: one listener for each port number,
//! since AWS has no more.

use std::collections::{BTreeMap, BTreeSet};

use landfall_provider_api::{Affinity, LoadBalancer, Port, Protocol};

use super::front::check_flag;
use super::health;
use super::reader::Reader;
use super::tls::AskedTls;
use super::{AskedPort, Fault, TargetType, Transport};

const GROUP_ATTRIBUTES: &str = "target-group-attributes";
const LISTENER_ATTRIBUTES: &str = "listener-attributes";
/// Attribute of target groups: whether targets see the addresses of clients.
pub(crate) const PRESERVE: &str = "preserve_client_ip.enabled";
const PROXY: &str = "proxy_protocol_v2.enabled";
const DELAY: &str = "deregistration_delay.timeout_seconds";
const IDLE_TIMEOUT: &str = "tcp.idle_timeout.seconds";

/// The listeners, by port number.
pub(super) fn read(
    reader: &mut Reader<'_>,
    wanted: &LoadBalancer,
    target_type: TargetType,
) -> Vec<AskedPort> {
    check_merging(reader, wanted);
    let tls = AskedTls::read(reader, wanted);
    let health = health::read(reader, wanted, target_type);
    let mut by_number: BTreeMap<u16, Vec<&Port>> = BTreeMap::new();
    for port in &wanted.ports {
        by_number.entry(port.port).or_default().push(port);
    }
    let attributes = GroupAttributes::read(reader, &by_number);
    let mut ports = Vec::new();
    for (number, served) in by_number {
        let tls = tls.as_ref().filter(|it| it.takes(&served));
        let (protocol, group_protocol) = protocols(reader, number, &served, tls);
        let asked = AskedPort {
            port: number,
            protocol,
            group_protocol,
            names: served.iter().map(|it| it.name.clone()).collect(),
            node_port: node_port(reader, &served, target_type),
            health: health.clone(),
            group_attributes: BTreeMap::new(),
            attributes: BTreeMap::new(),
            tls: tls.map(|it| it.tls.clone()),
        };
        ports.push(asked);
    }
    for port in &mut ports {
        port.group_attributes = attributes.of(reader, port, wanted.affinity);
    }
    listener_attributes(reader, &mut ports);
    ports
}

fn check_merging(reader: &mut Reader<'_>, wanted: &LoadBalancer) {
    const MERGE: &str = "enable-tcp-udp-listener";
    let of = |protocol| {
        let ports = wanted.ports.iter();
        let of = ports.filter(move |it| it.protocol == protocol);
        of.map(|it| it.port).collect::<BTreeSet<_>>()
    };
    let both = of(Protocol::Tcp);
    let mut both = both
        .intersection(&of(Protocol::Udp))
        .copied()
        .collect::<Vec<_>>();
    if reader.flag(MERGE) == Some(false)
        && let Some(number) = both.pop()
    {
        let message = format!(
            "false leaves nothing for TCP and UDP of port {number}: AWS has one listener for a number; \
             remove it, and there is one for both"
        );
        reader.fault(MERGE, message);
    }
}

fn protocols(
    reader: &mut Reader<'_>,
    number: u16,
    served: &[&Port],
    tls: Option<&AskedTls>,
) -> (Transport, Transport) {
    use Transport as Is;
    let has = |protocol| served.iter().any(|it| it.protocol == protocol);
    match (has(Protocol::Tcp), has(Protocol::Udp)) {
        (true, true) if tls.is_some() => {
            let message = format!(
                "port {number} is TLS and UDP at once, and AWS has one listener for a number: give UDP another \
                 port, or name other ports here"
            );
            reader.fault("ssl-ports", message);
            (Is::TcpUdp, Is::TcpUdp)
        }
        (true, true) => (Is::TcpUdp, Is::TcpUdp),
        (_, true) => (Is::Udp, Is::Udp),
        _ => match tls {
            None => (Is::Tcp, Is::Tcp),
            Some(tls) if tls.to_targets => (Is::Tls, Is::Tls),
            Some(_) => (Is::Tls, Is::Tcp),
        },
    }
}

/// Where nodes take its traffic: the same port for both protocols of one number.
fn node_port(reader: &mut Reader<'_>, served: &[&Port], target_type: TargetType) -> Option<u16> {
    let mut ports = served.iter().filter_map(|it| it.node_port);
    let first = ports.next()?;
    if target_type == TargetType::Instance
        && let Some(other) = ports.find(|it| *it != first)
    {
        let number = served[0].port;
        reader.faults.push(Fault {
            annotation: "spec.ports[].nodePort".to_owned(),
            message: format!(
                "TCP and UDP of port {number} are one listener and one target group, but have the node \
                 ports {first} and {other}: give both the same one, or use targets of type ip"
            ),
        });
    }
    Some(first)
}

/// Attributes of target groups: of all, and of those of one port.
struct GroupAttributes {
    of_all: BTreeMap<String, String>,
    of_port: BTreeMap<u16, BTreeMap<String, String>>,
    proxy: Option<Proxy>,
}

/// Which target groups have the PROXY protocol.
enum Proxy {
    All,
    Only(BTreeSet<u16>),
}

impl GroupAttributes {
    fn read(reader: &mut Reader<'_>, ports: &BTreeMap<u16, Vec<&Port>>) -> Self {
        let of_all = reader.map(GROUP_ATTRIBUTES).unwrap_or_default();
        check_group_attributes(reader, GROUP_ATTRIBUTES, &of_all);
        let mut of_port = BTreeMap::new();
        for (port, value) in reader.each(&format!("{GROUP_ATTRIBUTES}.")) {
            let suffix = format!("{GROUP_ATTRIBUTES}.{port}");
            let Some(number) = known_port(reader, &suffix, port, ports) else {
                continue;
            };
            if let Some(map) = reader.map_of(&suffix, value) {
                check_group_attributes(reader, &suffix, &map);
                of_port.insert(number, map);
            }
        }
        let proxy = Proxy::read(reader, ports);
        Self {
            of_all,
            of_port,
            proxy,
        }
    }

    /// Of one target group; what is said of its port goes before what is said of all.
    fn of(
        &self,
        reader: &mut Reader<'_>,
        port: &AskedPort,
        affinity: Affinity,
    ) -> BTreeMap<String, String> {
        let mut attributes = self.of_all.clone();
        if let Some(of_port) = self.of_port.get(&port.port) {
            // One without a value leaves what is said of all.
            let given = of_port.iter().filter(|(_, value)| !value.is_empty());
            attributes.extend(given.map(|(key, value)| (key.clone(), value.clone())));
        }
        let proxy = match &self.proxy {
            None => None,
            Some(Proxy::All) => Some(true),
            Some(Proxy::Only(ports)) => Some(ports.contains(&port.port)),
        };
        if let Some(proxy) = proxy {
            attributes.insert(PROXY.to_owned(), proxy.to_string());
        }
        if port.group_protocol.has_udp() && attributes.get(PRESERVE).is_some_and(|it| it == "false")
        {
            let number = port.port;
            let message =
                format!("{PRESERVE}=false: UDP, as of port {number}, always preserves it");
            reader.fault(GROUP_ATTRIBUTES, message);
        }
        if let Affinity::ClientIp(_) = affinity {
            if port.protocol == Transport::Tls {
                reader.faults.push(Fault {
                    annotation: "spec.sessionAffinity".to_owned(),
                    message: format!(
                        "ClientIP: AWS keeps no client of TLS, as of port {}, on one target",
                        port.port
                    ),
                });
            }
            let kept = [
                ("stickiness.enabled", "true"),
                ("stickiness.type", "source_ip"),
            ];
            for (key, value) in kept {
                let entry = attributes.entry(key.to_owned());
                entry.or_insert_with(|| value.to_owned());
            }
        }
        attributes
    }
}

impl Proxy {
    fn read(reader: &mut Reader<'_>, ports: &BTreeMap<u16, Vec<&Port>>) -> Option<Self> {
        const ALL: &str = "proxy-protocol";
        const SOME: &str = "proxy-protocol-per-target-group";
        let some = reader.list(SOME);
        match reader.text(ALL) {
            Some("*") => return Some(Self::All),
            Some(other) => reader.fault(ALL, format!("{other:?} is not *, which means all ports")),
            None => {}
        }
        let mut numbers = BTreeSet::new();
        for port in &some? {
            numbers.extend(known_port(reader, SOME, port, ports));
        }
        Some(Self::Only(numbers))
    }
}

/// The number of a port of the Service.
fn known_port(
    reader: &mut Reader<'_>,
    suffix: &str,
    text: &str,
    ports: &BTreeMap<u16, Vec<&Port>>,
) -> Option<u16> {
    let number = text.parse().ok().filter(|it| ports.contains_key(it));
    if number.is_none() {
        let known: Vec<_> = ports.keys().map(ToString::to_string).collect();
        let message = format!(
            "{text:?} is no port of the Service; there is: {}",
            known.join(", ")
        );
        reader.fault(suffix, message);
    }
    number
}

fn check_group_attributes(
    reader: &mut Reader<'_>,
    suffix: &str,
    attributes: &BTreeMap<String, String>,
) {
    for key in [
        PROXY,
        PRESERVE,
        "stickiness.enabled",
        "deregistration_delay.connection_termination.enabled",
        "target_health_state.unhealthy.connection_termination.enabled",
    ] {
        let given = attributes.get(key).is_some_and(|it| !it.is_empty());
        if given {
            check_flag(reader, suffix, attributes, key);
        }
    }
    if let Some(value) = attributes.get(DELAY)
        && !value.parse().is_ok_and(|it: u16| it <= 3600)
    {
        reader.fault(
            suffix,
            format!("{DELAY}={value}: must be a number from 0 to 3600"),
        );
    }
}

fn listener_attributes(reader: &mut Reader<'_>, ports: &mut [AskedPort]) {
    for (place, value) in reader.each(&format!("{LISTENER_ATTRIBUTES}.")) {
        let suffix = format!("{LISTENER_ATTRIBUTES}.{place}");
        let Some(map) = reader.map_of(&suffix, value) else {
            continue;
        };
        if let Some(value) = map.get(IDLE_TIMEOUT)
            && !value.parse().is_ok_and(|it: u16| (60..=6000).contains(&it))
        {
            let message = format!("{IDLE_TIMEOUT}={value}: must be a number from 60 to 6000");
            reader.fault(&suffix, message);
        }
        let named = ports.iter_mut().find(|it| is_at(it, place));
        match named {
            // They have no attributes.
            Some(port) if port.protocol == Transport::Tls => reader.leave(&suffix),
            Some(port) => port.attributes = map,
            None => {
                let known: Vec<_> = ports.iter().map(place_of).collect();
                let message = format!(
                    "there is no listener {place}; there is: {}",
                    known.join(", ")
                );
                reader.fault(&suffix, message);
            }
        }
    }
}

/// `PROTO-PORT` of a listener.
fn place_of(port: &AskedPort) -> String {
    format!("{}-{}", port.protocol.as_str(), port.port)
}

/// Whether it is at `PROTO-PORT`; TCP may be said of what is TCP and UDP, or TLS.
fn is_at(port: &AskedPort, place: &str) -> bool {
    let is_tcp = matches!(port.protocol, Transport::TcpUdp | Transport::Tls);
    place == place_of(port) || (is_tcp && place == format!("TCP-{}", port.port))
}
