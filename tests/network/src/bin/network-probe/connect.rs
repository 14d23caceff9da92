//! A TCP connection, a request on it, and its answer: what a client of a Service does.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::Question;

/// How long a connection may take, and its answer. The kernel repeats the first packet after a
/// second, which would hide that it was lost.
const PATIENCE: Duration = Duration::from_millis(900);

pub(crate) struct Connect {
    to: SocketAddr,
    answers: Mutex<Receiver<(usize, String)>>,
    tell: Sender<(usize, String)>,
}

impl Connect {
    pub(crate) fn new(address: IpAddr, port: u16) -> Self {
        let (tell, answers) = channel();
        Self {
            to: SocketAddr::new(address, port),
            answers: Mutex::new(answers),
            tell,
        }
    }
}

impl Question for Connect {
    fn ask(&self, number: usize) -> io::Result<()> {
        let (to, tell) = (self.to, self.tell.clone());
        thread::Builder::new().spawn(move || {
            if let Ok(by) = request(to) {
                // Who asked has ended.
                let _ = tell.send((number, by));
            }
        })?;
        Ok(())
    }

    fn answer(&self) -> io::Result<Option<(Option<usize>, String)>> {
        let answers = self.answers.lock().map_err(|_| io::ErrorKind::Other)?;
        let answer = answers.recv().map_err(io::Error::other)?;
        Ok(Some((Some(answer.0), answer.1)))
    }
}

/// Asks for the name of the pod that answers.
fn request(to: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let name = answer.lines().find_map(|it| it.strip_prefix("pod: "));
    name.map(str::to_owned)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}
