//! The program `mock-cloud`: what it says, how it ends, and what it refuses.

#![expect(
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Two token files, in a folder that goes with it.
struct Tokens(TempDir);

impl Tokens {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["token", "admin"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program with its tokens, a free port and a pool that is never used.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mock-cloud"));
        command
            .args(["--listen", "127.0.0.1:0", "--pool", "198.18.0.0/24"])
            .arg("--token-file")
            .arg(self.path("token"))
            .arg("--admin-token-file")
            .arg(self.path("admin"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// A program that has said where it listens and that it is ready.
struct Running {
    child: Child,
    address: String,
    stdout: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        };
        let listening = line();
        let address = listening.trim_end().strip_prefix("listening api ");
        let address = address
            .unwrap_or_else(|| panic!("{listening:?}"))
            .to_owned();
        assert_eq!(line(), "ready\n");
        Self {
            child,
            address,
            stdout,
        }
    }

    /// Sends a signal and returns what came after `ready`, and how it ended.
    fn end(mut self, signal: &str) -> (String, std::process::ExitStatus) {
        let began = Instant::now();
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        (rest, status)
    }
}

#[test]
fn it_says_where_it_listens_and_ends_on_a_signal() {
    for signal in ["TERM", "INT"] {
        let tokens = Tokens::new();
        let running = Running::start(&mut tokens.program());
        let mut call = TcpStream::connect(&running.address).unwrap();
        call.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: mock\r\n\r\n")
            .unwrap();
        let mut answer = [0; 15];
        call.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        // A client that stays does not keep it.
        let (rest, status) = running.end(signal);
        assert_eq!((rest.as_str(), status.code()), ("", Some(0)));
        assert!(call.read_to_end(&mut Vec::new()).is_ok());
    }
}

#[test]
fn what_it_cannot_use_is_named_with_status_2() {
    let tokens = Tokens::new();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let (missing, empty) = (tokens.path("missing"), tokens.path("empty"));
    std::fs::write(&empty, "\n").unwrap();
    let (missing, empty) = (missing.to_str().unwrap(), empty.to_str().unwrap());
    for (flag, value, message) in [
        ("--listen", "nowhere", "nowhere"),
        ("--listen", &taken, "another program has port"),
        ("--listen", "192.0.2.1:9090", "no address 192.0.2.1"),
        ("--pool", "127.200.0.0", "127.200.0.0"),
        ("--pool", "127.200.0.0/33", "127.200.0.0/33"),
        ("--token-file", missing, missing),
        ("--token-file", empty, "is empty"),
        ("--admin-token-file", missing, missing),
        ("--drain-timeout", "soon", "250ms"),
        ("--log-format", "prose", "prose"),
        ("--frobnicate", "now", "--frobnicate"),
    ] {
        // The last one counts, so what comes first is left out.
        let mut arguments: Vec<String> = Vec::new();
        let (token, admin) = (tokens.path("token"), tokens.path("admin"));
        for (other, usual) in [
            ("--listen", "127.0.0.1:0"),
            ("--pool", "198.18.0.0/24"),
            ("--token-file", token.to_str().unwrap()),
            ("--admin-token-file", admin.to_str().unwrap()),
        ] {
            if other != flag {
                arguments.extend([other.to_owned(), usual.to_owned()]);
            }
        }
        arguments.extend([flag.to_owned(), value.to_owned()]);
        let output: Output = Command::new(env!("CARGO_BIN_EXE_mock-cloud"))
            .args(&arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag} {value}: {said}");
        assert!(
            said.contains(flag) && said.contains(message),
            "{flag} {value}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn logs_are_json_if_asked_for_and_never_on_standard_output() {
    let tokens = Tokens::new();
    let running = Running::start(tokens.program().args(["--log-format", "json"]));
    let mut call = TcpStream::connect(&running.address).unwrap();
    let body = "{}";
    write!(
        call,
        "PUT /v1/load-balancers/web HTTP/1.1\r\nhost: mock\r\nauthorization: Bearer token\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    call.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let mut running = running;
    let mut stderr = running.child.stderr.take().unwrap();
    let (rest, status) = running.end("TERM");
    assert_eq!((rest.as_str(), status.code()), ("", Some(0)));
    let mut logs = String::new();
    stderr.read_to_string(&mut logs).unwrap();
    let line = logs.lines().find(|line| line.contains("\"put\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["load_balancer"], "web");
    assert!(!logs.contains("Bearer"), "{logs}");
}

#[test]
fn a_pool_that_the_machine_lacks_comes_with_the_command_at_the_start() {
    let tokens = Tokens::new();
    let mut program = tokens.program();
    program.args(["--pool", "fd00:dead:1::5/64,::1/128"]);
    let mut running = Running::start(&mut program);
    let mut stderr = running.child.stderr.take().unwrap();
    running.end("TERM");
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    assert!(
        said.contains("`ip -6 route add local fd00:dead:1::/64 dev lo`"),
        "{said}"
    );
    assert!(!said.contains("::1/128 dev lo"), "{said}");
}
