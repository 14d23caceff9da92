//! In a sandbox every address that this machine has is answered by pods, and of every other the Service
//! is told what to do.

use std::net::{TcpListener, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::cli::{Cli, sandbox, until_answered};
use crate::process::{output, skip};

/// A net that no machine has, unless somebody adds it, and the command that adds its first address.
const ABSENT: &str = "fd00:dead:9::10-fd00:dead:9::1f";
const REMEDY: &str = "`ip -6 route add local fd00:dead:9::10/128 dev lo`";
/// Set in the process that runs inside the namespace.
const INSIDE: &str = "LANDFALL_TEST_INSIDE_NAMESPACE";

/// Pods, and a pool of these addresses. Services of a sharing key may have one together.
fn prepare(cli: &Cli, addresses: &str) {
    cli.run("create deployment web --image=echo --port=8080 --replicas=2");
    cli.make(&format!(
        "{{apiVersion: landfall.dev/v1alpha1, kind: AddressPool, metadata: {{name: six}}, \
         spec: {{priority: 1, addresses: [{addresses}]}}}}"
    ));
}

/// A Service of the pods.
fn expose(cli: &Cli, name: &str, port: u16, spec: &str) {
    cli.make(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: {name}, annotations: \
         {{landfall.dev/sharing-key: six}}}}, spec: {{type: LoadBalancer, selector: {{app: web}}, \
         ports: [{{name: tcp, port: {port}, targetPort: 8080}}, \
         {{name: udp, port: {port}, targetPort: 8080, protocol: UDP}}], {spec}}}}}"
    ));
}

fn ask_for(name: &str, type_: &str, what: &str) -> String {
    let path = format!("{{.status.conditions[?(@.type==\"landfall.dev/{type_}\")].{what}}}");
    format!("get service {name} -o jsonpath=[{path}]")
}

/// The n-th address of a Service.
fn address(cli: &Cli, name: &str, n: usize) -> String {
    let path = format!("{{.status.loadBalancer.ingress[{n}].ip}}");
    cli.run(&format!("get service {name} -o jsonpath={path}"))
}

fn until_answered_by_datagram(address: &str, port: u16) {
    let socket = UdpSocket::bind("[::1]:0").unwrap();
    socket.connect((address, port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut answer = [0; 512];
    let answered = (0..300).any(|_| {
        // A refusal of the last one shows in either.
        let _ = socket.send(b"hello");
        let read = socket.recv(&mut answer).unwrap_or_default();
        String::from_utf8_lossy(&answer[..read]).contains("pod: web-")
    });
    assert!(answered, "no pod answers at {address}");
}

/// Ports that nobody has on `[::1]`; `None` if this machine has no such address.
fn free_ports() -> Option<[u16; 3]> {
    let hold = |_| TcpListener::bind("[::1]:0").ok();
    let held = [0; 3].map(hold);
    if held.iter().any(Option::is_none) {
        skip("bare metal by IPv6: this machine has no address ::1");
        return None;
    }
    Some(held.map(|it| it.unwrap().local_addr().unwrap().port()))
}

#[test]
fn services_of_either_family_and_of_both_are_answered_by_pods() {
    let Some([required, preferred, alone]) = free_ports() else {
        return;
    };
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    prepare(&cli, "\"::1\"");
    expose(&cli, "both", required, "ipFamilyPolicy: RequireDualStack");
    expose(&cli, "rather", preferred, "ipFamilyPolicy: PreferDualStack");
    expose(&cli, "six", alone, "ipFamilies: [IPv6]");
    for (name, port, n) in [
        ("both", required, 1),
        ("rather", preferred, 1),
        ("six", alone, 0),
    ] {
        let ask =
            format!("get service {name} -o jsonpath={{.status.loadBalancer.ingress[{n}].ip}}");
        cli.until(&ask, "::1");
        until_answered("[::1]", port);
        until_answered_by_datagram("::1", port);
        if n == 1 {
            until_answered(&address(&cli, name, 0), port);
        }
        let serving = cli.run(&ask_for(name, "Serving", "reason"));
        assert_ne!(serving, "[CannotListen]");
    }
}

#[test]
fn of_an_address_that_the_machine_lacks_the_service_is_told_and_the_other_is_served() {
    let Some((sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    prepare(&cli, ABSENT);
    expose(&cli, "both", 9180, "ipFamilyPolicy: RequireDualStack");
    cli.until(&ask_for("both", "Serving", "reason"), "[CannotListen]");
    let message = cli.run(&ask_for("both", "Serving", "message"));
    assert!(message.contains(REMEDY), "{message}");
    cli.until("describe service both", "Warning  CannotListen");
    until_answered(&address(&cli, "both", 0), 9180);
    // However often it is tried, it is logged once for each port.
    cli.run("scale deployment web --replicas=1");
    expose(&cli, "other", 9181, "");
    cli.until(&ask_for("both", "Announced", "reason"), "[CannotListen]");
    cli.until(&ask_for("other", "Serving", "status"), "[True]");
    assert_eq!(cli.run(&ask_for("other", "Announced", "status")), "[True]");
    let message = cli.run(&ask_for("other", "Announced", "message"));
    assert!(message.contains("by this sandbox"), "{message}");
    until_answered(&address(&cli, "other", 0), 9181);
    let logged = sandbox.errors();
    let told = logged.lines().filter(|line| line.contains("is not served"));
    assert_eq!(told.count(), 2, "{logged}");
}

#[test]
fn a_port_that_another_program_has_is_served_once_it_is_free() {
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    let own = format!("127.151.{}.1", std::process::id() % 256);
    let held = TcpListener::bind((own.as_str(), 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    prepare(&cli, &own);
    expose(&cli, "web", port, "");
    cli.until(
        &ask_for("web", "NotListening", "message"),
        "choose another port",
    );
    drop(held);
    until_answered(&own, port);
    cli.until(&ask_for("web", "NotListening", "reason"), "[]");
    cli.until(&ask_for("web", "Serving", "status"), "[True]");
}

#[test]
fn an_address_that_is_added_to_the_machine_is_served_from_then_on() {
    let test = "an_address_that_is_added_to_the_machine_is_served_from_then_on";
    let script = "ip link set lo up && exec \"$0\" --exact reaching::inside_the_namespace \
                  --include-ignored";
    let run = Command::new("unshare")
        .args(["--net", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output();
    let reason = match run {
        Ok(output) if output.status.success() => {
            let printed = String::from_utf8_lossy(&output.stdout);
            return assert!(printed.contains("1 passed"), "{printed}");
        }
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            let forbidden = errors.contains("not permitted") || errors.contains("not found");
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(forbidden, "{printed}{errors}");
            errors.trim().to_owned()
        }
        Err(error) => format!("cannot run `unshare`: {error}"),
    };
    skip(&format!(
        "{test}: {reason}; needs root and the commands `unshare` and `ip`"
    ));
}

#[test]
#[ignore = "runs inside a network namespace, started by another test"]
fn inside_the_namespace() {
    // Run by hand with all ignored tests, it has no namespace of its own.
    if std::env::var(INSIDE).is_err() {
        return;
    }
    let Some((_sandbox, cli)) = sandbox(&[]) else {
        return;
    };
    prepare(&cli, ABSENT);
    expose(&cli, "six", 9180, "ipFamilies: [IPv6]");
    cli.until(&ask_for("six", "NotListening", "message"), REMEDY);
    let command = REMEDY.trim_matches('`').replace("::10/128", "::/64");
    let (added, said) = output(Command::new("sh").args(["-c", &command]));
    assert!(added, "{command}: {said}");
    until_answered("[fd00:dead:9::10]", 9180);
    until_answered_by_datagram("fd00:dead:9::10", 9180);
    cli.until(&ask_for("six", "NotListening", "reason"), "[]");
    // What comes later finds the whole net.
    expose(&cli, "later", 9181, "ipFamilies: [IPv6]");
    until_answered("[fd00:dead:9::10]", 9181);
}
