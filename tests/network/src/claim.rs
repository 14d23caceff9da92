//! Which networks there are on this machine, and to which process each belongs.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::run::{attempt, batch, ip};

/// The bridge of a network in the namespace of this machine.
pub(crate) fn bridge(number: u8) -> String {
    format!("lan{number}")
}

pub(crate) fn namespace(number: u8, host: &str) -> String {
    format!("lan{number}-{host}")
}

/// Takes a number that no other network of this machine has. Whoever makes the bridge of that name
/// has it; its alias is the id of the process.
pub(crate) fn claim() -> u8 {
    forget_the_killed();
    let id = std::process::id();
    let first = u8::try_from(id % 256).unwrap();
    let mut numbers = (0..=u8::MAX).map(|step| first.wrapping_add(step));
    let number = numbers
        .find(|number| attempt(&format!("link add {} type bridge", bridge(*number))).0)
        .expect("a number is free");
    let bridge = bridge(number);
    ip(&format!("link set {bridge} alias {id}"));
    let no_ipv6 = format!("/proc/sys/net/ipv6/conf/{bridge}/disable_ipv6");
    if Path::new(&no_ipv6).exists() {
        std::fs::write(no_ipv6, "1").unwrap();
    }
    batch(
        None,
        &format!("address add 198.19.{number}.254/24 dev {bridge}\nlink set {bridge} up\n"),
    );
    number
}

/// Ends what runs in the namespaces of a network, and removes them. What cannot be removed is left
/// to whoever looks next.
pub(crate) fn release(number: u8) {
    let prefix = namespace(number, "");
    let (_, listed) = attempt("netns list");
    let names: Vec<_> = listed
        .lines()
        .filter_map(|it| it.split(' ').next())
        .filter(|it| it.starts_with(&prefix))
        .collect();
    for name in &names {
        end_all(name);
    }
    for name in names {
        try_ip(&format!("netns delete {name}"));
    }
    // A namespace may outlive its name, and with it the other end of its links, which hold no name
    // that the next network of this number would take: they go with the bridge's ports here.
    let (_, ports) = attempt(&format!("-brief link show master {}", bridge(number)));
    for port in ports.lines().filter_map(|it| it.split(['@', ' ']).next()) {
        let _ = attempt(&format!("link delete {port}"));
    }
    try_ip(&format!("link delete {}", bridge(number)));
}

/// Ends all processes in a namespace. It is ours by its name, and so is what runs there.
fn end_all(namespace: &str) {
    for _ in 0..100 {
        let (_, ids) = attempt(&format!("netns pids {namespace}"));
        let ids: Vec<_> = ids.split_whitespace().collect();
        if ids.is_empty() {
            return;
        }
        // One may have ended by itself meanwhile.
        let _ = Command::new("kill").arg("-9").args(ids).output();
        thread::sleep(Duration::from_millis(10));
    }
}

/// Removes the networks of processes that were killed.
fn forget_the_killed() {
    let (_, listed) = attempt("-oneline link show type bridge");
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let name = words.nth(1).unwrap_or_default().trim_end_matches(':');
        let number = name.strip_prefix("lan").and_then(|it| it.parse().ok());
        let owner = words.skip_while(|it| *it != "alias").nth(1);
        let owner = owner.and_then(|it| it.trim_end_matches('\\').parse::<u32>().ok());
        if let (Some(number), Some(owner)) = (number, owner)
            && !Path::new("/proc").join(owner.to_string()).exists()
        {
            release(number);
        }
    }
}

fn try_ip(arguments: &str) {
    let (done, said) = attempt(arguments);
    if !done {
        eprintln!("ip {arguments}: {said}");
    }
}
