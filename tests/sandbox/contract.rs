//! What every program promises whoever starts it.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, program};

/// Each program with flags by which it starts, and the names of its sockets.
fn programs(folder: &std::path::Path) -> Vec<(&'static str, Vec<String>, Vec<&'static str>)> {
    let file = |name: &str| folder.join(name).display().to_string();
    std::fs::write(folder.join("token"), "secret\n").unwrap();
    std::fs::write(folder.join("admin-token"), "secret too\n".replace(' ', "-")).unwrap();
    let pool = format!("127.198.{}.0/28", std::process::id() % 256);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    vec![
        (
            "landfall",
            words("sandbox"),
            vec!["kubernetes", "mock-cloud"],
        ),
        (
            "mock-cloud",
            words(&format!(
                "--listen 127.0.0.1:0 --pool {pool} --token-file {} --admin-token-file {}",
                file("token"),
                file("admin-token")
            )),
            vec!["api"],
        ),
        (
            "mock-cluster",
            words(&format!(
                "--listen 127.0.0.1:0 --kubeconfig {}",
                file("kubeconfig")
            )),
            vec!["kubernetes"],
        ),
    ]
}

#[test]
fn sockets_are_named_then_ready_and_sigterm_ends_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        for (name, flags, sockets) in programs(folder.path()) {
            let mut process = Process::start(Command::new(program(name)).args(&flags));
            process.wait_until_ready();
            let before: Vec<_> = process
                .printed
                .iter()
                .take_while(|line| *line != "ready")
                .collect();
            assert_eq!(before.len(), sockets.len(), "{name} printed {before:?}");
            for socket in sockets {
                let address = process.listens(socket);
                std::net::TcpStream::connect(address).unwrap();
            }
            process.signal(signal);
            let ended = process.ended();
            assert_eq!(ended.status.code(), Some(0), "{name}: {}", ended.errors);
            assert!(
                ended.took < Duration::from_secs(5),
                "{name} took {:?}",
                ended.took
            );
        }
    }
}

#[test]
fn logs_go_to_standard_error_in_the_form_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mut flags, _) in programs(folder.path()) {
        flags.extend(["--log-format", "json", "--log-level", "debug"].map(str::to_owned));
        let mut process = Process::start(Command::new(program(name)).args(&flags));
        process.wait_until_ready();
        process.signal("TERM");
        let errors = process.ended().errors;
        for line in errors.lines() {
            let event: serde_json::Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{name} logged {line:?}: {error}"));
            assert!(
                event["level"].is_string() && event["message"].is_string(),
                "{name}: {line}"
            );
        }
    }
}

/// How a program ends that cannot start: status 2, and a message with these words.
fn refused(name: &str, flags: &[String], words: &[&str]) {
    let mut process = Process::start(Command::new(program(name)).args(flags));
    let ended = process.ended();
    assert_eq!(
        ended.status.code(),
        Some(2),
        "{name} {flags:?}: {}",
        ended.errors
    );
    for word in words {
        assert!(
            ended.errors.contains(word),
            "{name} {flags:?}: no {word:?} in {}",
            ended.errors
        );
    }
}

#[test]
fn a_bad_flag_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mut flags, _) in programs(folder.path()) {
        flags.push("--no-such-flag".to_owned());
        refused(name, &flags, &["--no-such-flag"]);
    }
    let nodes = ["sandbox", "--nodes", "0"].map(str::to_owned);
    refused("landfall", &nodes, &["--nodes"]);
    let level = ["sandbox", "--log-level", "loud=very"].map(str::to_owned);
    refused("landfall", &level, &["--log-level"]);
}

#[test]
fn a_taken_port_is_named_with_its_flag() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    for flag in ["--api-address", "--mock-cloud-address"] {
        let flags = ["sandbox", flag, &taken].map(str::to_owned);
        refused(
            "landfall",
            &flags,
            &[flags[1].as_str(), &taken, "choose another port"],
        );
    }
}

#[test]
fn a_file_that_is_somebody_elses_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(&path, "apiVersion: v1 # precious\n").unwrap();
    let flags = [
        "sandbox".to_owned(),
        "--kubeconfig".to_owned(),
        path.display().to_string(),
    ];
    refused("landfall", &flags, &["--kubeconfig", &flags[2]]);
    assert!(std::fs::read_to_string(&path).unwrap().contains("precious"));
}

#[test]
fn the_kubeconfig_of_a_sandbox_that_runs_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config").display().to_string();
    let flags = [
        "sandbox".to_owned(),
        "--kubeconfig".to_owned(),
        path.clone(),
    ];
    // Killed, it leaves its own folder, too; that goes with the story's.
    let mut command = Command::new(program("landfall"));
    let mut first = Process::start(command.args(&flags).env("TMPDIR", folder.path()));
    first.wait_until_ready();
    let before = std::fs::read_to_string(&path).unwrap();
    refused(
        "landfall",
        &flags,
        &["--kubeconfig", &path, "a process that runs"],
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    // One that was killed leaves its file, and the next takes it over.
    first.signal("KILL");
    first.ended();
    let mut second = Process::start(Command::new(program("landfall")).args(&flags));
    second.wait_until_ready();
    assert_ne!(std::fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn a_token_file_that_is_missing_is_named_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("landfall.yaml");
    let provider = "{type: mock-cloud, class: a/b, url: 'http://127.0.0.1:1', tokenFile: absent}";
    std::fs::write(
        &path,
        format!("clusterName: demo\nproviders: [{provider}]\n"),
    )
    .unwrap();
    let flags = [
        "controller".to_owned(),
        "--config".to_owned(),
        path.display().to_string(),
    ];
    refused(
        "landfall",
        &flags,
        &[&flags[2], "providers[0].tokenFile", "absent"],
    );
}

#[test]
fn closed_outputs_are_no_panic() {
    let program = program("landfall");
    // Every log line after the first finds nobody who reads; at this level there are many.
    let script = "\"$0\" controller --config /no/such/file 2>/dev/full; test $? = 2 || exit 1; \
                  timeout 5 \"$0\" sandbox --log-level trace 2>&1 >/dev/null | head -c 1 >/dev/null; \
                  test ${PIPESTATUS[0]} = 101 && exit 1; exit 0";
    let (succeeded, text) =
        crate::process::output(Command::new("bash").args(["-c", script]).arg(program));
    assert!(succeeded, "{text}");
}

#[test]
fn a_bad_configuration_is_one_message_with_every_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("landfall.yaml");
    std::fs::write(&path, "clusterName: A\nprovider: []\n").unwrap();
    let flags = [
        "controller".to_owned(),
        "--config".to_owned(),
        path.display().to_string(),
    ];
    refused(
        "landfall",
        &flags,
        &[
            &flags[2],
            "clusterName",
            "provider:",
            "providers: is missing",
        ],
    );
    let absent = ["controller", "--config", "/no/such/file"].map(str::to_owned);
    refused("landfall", &absent, &["--config /no/such/file"]);
}

#[test]
fn a_sandbox_leaves_nothing_behind() {
    let mut sandbox = Process::start(Command::new(program("landfall")).arg("sandbox"));
    let api = sandbox.listens("kubernetes");
    let line = sandbox.wait_for("a kubeconfig", |line| line.contains("export KUBECONFIG="));
    let kubeconfig = std::path::PathBuf::from(line.split_once('=').unwrap().1);
    assert!(kubeconfig.exists());
    sandbox.signal("INT");
    sandbox.ended();
    assert!(
        !kubeconfig.parent().unwrap().exists(),
        "its folder is still there"
    );
    assert!(
        std::net::TcpStream::connect(api).is_err(),
        "its port is still open"
    );
}
