//! What a container of the stories runs: `echo-pod POD NODE PORT`. On TCP, HTTP is answered with who
//! answers, and anything else comes back as it came; a datagram comes back behind who answers. So
//! does a pod of the sandbox, and stories can't tell the two apart.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// Most that a datagram of IPv4 holds: 65,535 bytes without the headers (RFC 791, RFC 768).
const LARGEST_ANSWER: usize = 65_507;

struct Identity {
    pod: String,
    node: String,
}

impl Identity {
    fn introduce(&self, client: SocketAddr) -> String {
        let Self { pod, node } = self;
        format!("pod: {pod}\nnode: {node}\nclient: {client}\n")
    }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [pod, node, port] = arguments.as_slice() else {
        eprintln!("echo-pod POD NODE PORT");
        return ExitCode::from(2);
    };
    let identity = Identity {
        pod: pod.clone(),
        node: node.clone(),
    };
    match run(identity, port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-pod: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(identity: Identity, port: &str) -> io::Result<()> {
    let port = port.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    let address = listener.local_addr()?;
    let socket = UdpSocket::bind(address)?;
    println!("listening echo {address}\nready");
    let identity = Arc::new(identity);
    let of_datagrams = identity.clone();
    thread::spawn(move || echo(&socket, &of_datagrams));
    loop {
        let (stream, client) = listener.accept()?;
        let identity = identity.clone();
        // A client that goes away in the middle is no matter.
        thread::spawn(move || serve(stream, &identity.introduce(client)));
    }
}

fn echo(socket: &UdpSocket, identity: &Identity) {
    let mut buffer = vec![0; 65_535];
    // A failure is one client's, told by ICMP.
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer) else {
            continue;
        };
        let mut answer = identity.introduce(client).into_bytes();
        answer.extend_from_slice(&buffer[..length]);
        answer.truncate(LARGEST_ANSWER);
        let _ = socket.send_to(&answer, client);
    }
}

fn serve(mut stream: TcpStream, introduction: &str) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut read = stream.read(&mut buffer)?;
    if !buffer.starts_with(b"GET ") {
        while read > 0 {
            stream.write_all(&buffer[..read])?;
            read = stream.read(&mut buffer)?;
        }
        return stream.shutdown(Shutdown::Write);
    }
    // Requests of the stories have no body.
    let mut request = buffer[..read].to_vec();
    while !request.ends_with(b"\r\n\r\n") && read > 0 {
        read = stream.read(&mut buffer)?;
        request.extend_from_slice(&buffer[..read]);
    }
    let length = introduction.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{introduction}"
    )
}
