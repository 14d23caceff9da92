//! A server of moto, an emulator of AWS by others, one for all tests of this process, and how it is told
//! what to do (see `tests/moto`). It ends with the process.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::{output, skip};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../moto");

/// A server that runs.
#[derive(Debug)]
pub struct Moto {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    python: OsString,
    /// Has the server's standard input, which closes when this process ends; so does the server then.
    _server: Child,
}

/// The server, started with the Python that `LANDFALL_MOTO` names. Where it names none, it is said that
/// this was not tested.
pub fn moto(what: &str) -> Option<&'static Moto> {
    static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
    let start = || {
        let python = std::env::var_os("LANDFALL_MOTO");
        if python.is_none() {
            skip(&format!(
                "{what} on moto: no LANDFALL_MOTO; tests/run installs it"
            ));
        }
        python.map(|it| Moto::start(&it))
    };
    MOTO.get_or_init(start).as_ref()
}

impl Moto {
    fn start(python: &OsStr) -> Self {
        let mut server = Command::new(python)
            .arg(format!("{FOLDER}/serve.py"))
            // The checkout is not its place.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not start: {error}", python.display()));
        let mut line = String::new();
        let mut printed = BufReader::new(server.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("moto did not start, and printed {line:?}: {error}"));
        Self {
            url: said["url"].as_str().unwrap().to_owned(),
            python: python.to_owned(),
            _server: server,
        }
    }

    /// Makes what the AWS Load Balancer Controller would have made for a Service; `arguments` are those of
    /// `predecessor.py` after the URL. Tells the name of the load balancer in DNS.
    pub fn inherit(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.python);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.arg(format!("{FOLDER}/predecessor.py"));
        let (succeeded, said) = output(command.arg(&self.url).args(arguments));
        assert!(succeeded, "predecessor.py {arguments:?}: {said}");
        said.trim().to_owned()
    }

    /// Asks what stands below `/landfall/`; moto's own paths are for the provider.
    pub fn ask(&self, what: &str, asked: &Value) -> Value {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let body = asked.to_string();
        let length = body.len();
        write!(
            stream,
            "POST /landfall/{what} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1);
        assert_eq!(status, Some("200"), "{what} of {asked}: {answer}");
        serde_json::from_str(body).unwrap()
    }
}
