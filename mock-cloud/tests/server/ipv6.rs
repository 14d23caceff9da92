//! Pools of IPv6, alone and beside IPv4.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use ipnet::IpNet;
use serde_json::json;

use crate::datagram::{Asker, Echo};
use crate::target::{Client, Target};
use crate::world::{World, pool};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "LANDFALL_TEST_INSIDE_NAMESPACE";

/// The pool of the tests inside.
const POOL: &str = "fd00:1::/64";

async fn dual(second: &str) -> World {
    let second: IpNet = second.parse().unwrap();
    World::with(|options| options.pool.push(second)).await
}

#[tokio::test]
async fn the_loopback_address_is_a_pool_of_one() {
    let world = dual("::1/128").await;
    let (v4, v6) = (
        Target::start("v4").await,
        Target::at("v6", "[::1]:0".parse().unwrap()).await,
    );
    // A port that nobody else has on the one address: that of a socket that is gone.
    let port = {
        let held = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
        held.local_addr().unwrap().port()
    };
    let listener = json!({"protocol": "TCP", "port": port, "targets": [v4.spec(), v6.spec()]});
    let both = json!({"families": ["IPv6", "IPv4"], "listeners": [listener]});
    let made = world.put("web", &both).await;
    assert_eq!(made["addresses"], json!(["::1", world.address(1)]));
    assert_eq!(
        made["listeners"][0]["status"]["state"], "Listening",
        "{made}"
    );
    for address in ["::1".to_owned(), world.address(1)] {
        let address = SocketAddr::new(address.parse().unwrap(), port);
        let mut names = crate::target::reached(address, 2).await;
        names.sort();
        assert_eq!(
            names,
            ["v4", "v6"],
            "every client reaches targets of both families"
        );
    }
    // One family goes, and the other is not disturbed.
    let kept = SocketAddr::new(world.address(1).parse().unwrap(), port);
    let mut client = Client::connect(kept).await.unwrap();
    let mut one = both.clone();
    one["families"] = json!(["IPv4"]);
    assert_eq!(
        world.put("web", &one).await["addresses"],
        json!([world.address(1)])
    );
    assert!(client.echoes().await);
    assert!(
        Client::connect(SocketAddr::new("::1".parse().unwrap(), port))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn a_family_without_a_pool_is_refused() {
    let world = World::start().await;
    let refused = world
        .try_put("web", &json!({"families": ["IPv4", "IPv6"]}))
        .await;
    assert_eq!(refused.status(), 400);
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["field"], "/families/1");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no IPv6 addresses"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_address_that_the_machine_lacks_comes_with_the_command_and_the_other_is_served() {
    let world = dual("fd00:dead::7/64").await;
    let target = Target::start("a").await;
    let listener = json!({"protocol": "TCP", "port": 8080, "targets": [target.spec()]});
    let made = world
        .put(
            "web",
            &json!({"families": ["IPv4", "IPv6"], "listeners": [listener]}),
        )
        .await;
    let status = &made["listeners"][0]["status"];
    assert_eq!(status["code"], "AddressNotAvailable", "{made}");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.contains("`ip -6 route add local fd00:dead::/64 dev lo`"),
        "{message}"
    );
    let v4 = SocketAddr::new(world.address(1).parse().unwrap(), 8080);
    assert!(Client::connect(v4).await.is_some());
}

#[test]
fn a_pool_that_is_made_local_is_served() {
    let script = format!(
        "ip link set lo up && ip -6 route add local {POOL} dev lo && for host in 9 20 1:20; do \
         ip -6 address add fd00:1::$host/128 dev lo nodad; done && exec \"$0\" --exact \
         ipv6::inside_the_namespace --include-ignored"
    );
    let run = Command::new("unshare")
        .args(["--net", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output();
    let test = "a_pool_that_is_made_local_is_served";
    match run {
        Ok(output) if output.status.success() => {
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(printed.contains("1 passed"), "{printed}");
        }
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            let printed = String::from_utf8_lossy(&output.stdout);
            let forbidden = errors.contains("not permitted") || errors.contains("not found");
            assert!(forbidden, "{printed}{errors}");
            skip(test, errors.trim());
        }
        Err(error) => skip(test, &format!("cannot run `unshare`: {error}")),
    }
}

/// Tells people that a test was not run; `tests/run` names the file.
fn skip(test: &str, reason: &str) {
    eprintln!("SKIPPED {test}: {reason}; needs root and the commands `unshare` and `ip`");
    if let Ok(path) = std::env::var("LANDFALL_SKIPPED") {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        writeln!(
            file,
            "{test}: {reason}; needs root and the commands `unshare` and `ip`"
        )
        .unwrap();
    }
}

#[tokio::test]
#[ignore = "runs inside a network namespace, started by another test"]
async fn inside_the_namespace() {
    // Run by hand with all ignored tests, it has no namespace of its own.
    if std::env::var(INSIDE).is_err() {
        return;
    }
    let _ = pool(29);
    let world = dual(POOL).await;
    let target = Target::at("tcp", "[fd00:1::9]:0".parse().unwrap()).await;
    let echo = Echo::at("udp", "[fd00:1::9]:0".parse().unwrap()).await;
    let listener =
        |protocol: &str, target| json!({"protocol": protocol, "port": 8080, "targets": [target]});
    let body = json!({
        "families": ["IPv6", "IPv4"], "sourceRanges": ["fd00:1::/120"],
        "listeners": [listener("TCP", target.spec()), listener("UDP", echo.spec())],
    });
    let address = world.open("web", &body).await;
    assert_eq!(address.to_string(), "[fd00:1::1]:8080");
    let inside = Asker::between("[fd00:1::20]:0", address).await;
    assert_eq!(inside.ask().await, "udp");
    let outside = Asker::between("[fd00:1::1:20]:0", address).await;
    assert_eq!(outside.once("hello").await, None);
    let v4 = SocketAddr::new(world.address(1).parse().unwrap(), 8080);
    assert_eq!(
        Asker::between(&format!("{}:0", Ipv4Addr::LOCALHOST), v4)
            .await
            .once("hello")
            .await,
        None
    );
    let second = world.put("other", &json!({"families": ["IPv6"]})).await;
    assert_eq!(second["addresses"], json!(["fd00:1::2"]));
}
