//! The pod of the stories on a real control plane.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::process::Command;

use landfall_test_process::Process;

#[test]
fn a_pod_says_who_it_is_and_what_came() {
    let program = env!("CARGO_BIN_EXE_echo-pod");
    let mut pod = Process::start(Command::new(program).args(["pod-1", "node-1", "0"]));
    let place = (Ipv4Addr::LOCALHOST, pod.listens("echo").port());
    pod.wait_until_ready();
    let talk = |said: &[u8]| {
        let mut stream = TcpStream::connect(place).unwrap();
        stream.write_all(said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = talk(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let introduction = "\r\n\r\npod: pod-1\nnode: node-1\nclient: 127.0.0.1:";
    assert!(answer.contains(introduction), "{answer}");
    assert_eq!(talk(b"bytes"), "bytes");

    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.connect(place).unwrap();
    client.send(b"hello").unwrap();
    let mut buffer = [0; 200];
    let length = client.recv(&mut buffer).unwrap();
    let address = client.local_addr().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&buffer[..length]),
        format!("pod: pod-1\nnode: node-1\nclient: {address}\nhello")
    );
}
