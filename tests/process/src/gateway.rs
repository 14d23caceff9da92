//! What lies between a program and the server that it calls, and can be cut.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

/// How the way is now, for connections that stand and for new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Connections are ended.
    Refused,
    /// Nothing passes, and nobody is told.
    Silent,
    /// The gateway ends.
    Gone,
}

/// From one look at the way to the next.
const BEAT: Duration = Duration::from_millis(10);

/// A relay to one server, on a port of its own.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    way: Arc<AtomicU8>,
    told: Told,
}

/// When the server said something first since this was set to 0, in microseconds since 1970.
type Told = Arc<AtomicU64>;

impl Gateway {
    /// A relay on the loopback.
    pub fn to(server: SocketAddr) -> Self {
        Self::slow(server, Duration::ZERO)
    }

    /// Whatever the server says arrives this much later.
    pub fn slow(server: SocketAddr, delay: Duration) -> Self {
        Self::start(Ipv4Addr::LOCALHOST.into(), server, delay)
    }

    /// A relay on an address of this machine that others reach.
    pub fn on(address: IpAddr, server: SocketAddr) -> Self {
        Self::start(address, server, Duration::ZERO)
    }

    fn start(address: IpAddr, server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(AtomicU8::new(Way::Open as u8));
        let told = Told::default();
        let (seen, tell) = (way.clone(), told.clone());
        thread::spawn(move || accept(&listener, server, delay, &seen, &tell));
        Self { address, way, told }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// When the server is to be listened to: from now on.
    pub fn listen(&self) {
        self.told.store(0, Ordering::SeqCst);
    }

    /// When it said something first since [`Self::listen`], in microseconds since 1970.
    pub fn told(&self) -> Option<u64> {
        Some(self.told.load(Ordering::SeqCst)).filter(|it| *it != 0)
    }

    /// Changes the way, also for connections that stand.
    pub fn set(&self, way: Way) {
        self.way.store(way as u8, Ordering::SeqCst);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.set(Way::Gone);
    }
}

fn is(way: &AtomicU8, expected: Way) -> bool {
    way.load(Ordering::SeqCst) == expected as u8
}

fn accept(
    listener: &TcpListener,
    server: SocketAddr,
    delay: Duration,
    way: &Arc<AtomicU8>,
    told: &Told,
) {
    // Connections that came in silence; they are let through when that ends.
    let mut waiting = Vec::new();
    while !is(way, Way::Gone) {
        match listener.accept() {
            Ok((client, _)) => waiting.push(client),
            Err(_) => thread::sleep(BEAT),
        }
        if is(way, Way::Refused) {
            waiting.clear();
        } else if is(way, Way::Open) {
            for client in waiting.drain(..) {
                relay(&client, server, delay, way, told);
            }
        }
    }
}

fn relay(
    client: &TcpStream,
    server: SocketAddr,
    delay: Duration,
    way: &Arc<AtomicU8>,
    told: &Told,
) {
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    let ends = [
        (client, &server, Duration::ZERO, None),
        (&server, client, delay, Some(told)),
    ];
    for (from, to, delay, told) in ends {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let (way, told) = (way.clone(), told.cloned());
        thread::spawn(move || pass(from, to, delay, &way, told.as_ref()));
    }
}

/// Passes on what comes until either end closes or the way is cut.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    delay: Duration,
    way: &AtomicU8,
    told: Option<&Told>,
) {
    from.set_nonblocking(false).unwrap();
    to.set_nonblocking(false).unwrap();
    from.set_read_timeout(Some(BEAT)).unwrap();
    let mut buffer = vec![0; 64 << 10];
    while !is(way, Way::Gone) && !is(way, Way::Refused) {
        if is(way, Way::Silent) {
            thread::sleep(BEAT);
            continue;
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                thread::sleep(delay);
                if let Some(told) = told {
                    let now = UNIX_EPOCH.elapsed().unwrap().as_micros();
                    let now = u64::try_from(now).unwrap();
                    // Only the first counts.
                    let _ = told.compare_exchange(0, now, Ordering::SeqCst, Ordering::SeqCst);
                }
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    // Whoever is closed already says so; there is nothing to do about it.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
