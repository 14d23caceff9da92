//! The ports on which routers are waited for.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::options::set_md5;
use super::socket::listen;

/// The passwords of routers, by the networks that they are in.
pub(super) type Keys = BTreeMap<IpNet, Option<Arc<[u8]>>>;
/// A connection that somebody has opened, and the port that it is on.
pub(super) type Accepted = (u16, TcpStream);

/// A port that is listened on, for one family.
#[derive(Debug)]
struct Listening {
    listener: Arc<TcpListener>,
    keys: Keys,
    task: JoinHandle<()>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Listeners {
    open: BTreeMap<SocketAddr, Listening>,
    accepted: mpsc::Sender<Accepted>,
}

impl Listeners {
    /// Whoever opens a connection is told to `accepted`.
    pub(super) fn new(accepted: mpsc::Sender<Accepted>) -> Self {
        Self {
            open: BTreeMap::new(),
            accepted,
        }
    }

    /// Listens on these and no others, with these passwords. What cannot be done is returned.
    pub(super) fn set(
        &mut self,
        needed: &BTreeMap<SocketAddr, Keys>,
    ) -> BTreeMap<SocketAddr, io::Error> {
        self.open.retain(|address, listening| {
            let is_needed = needed.contains_key(address);
            if !is_needed {
                listening.task.abort();
            }
            is_needed
        });
        let all = needed.iter();
        let failed = all.filter_map(|(address, keys)| {
            let error = self.listen(*address, keys).err()?;
            Some((*address, error))
        });
        failed.collect()
    }

    fn listen(&mut self, address: SocketAddr, keys: &Keys) -> io::Result<()> {
        if let Some(listening) = self.open.get_mut(&address) {
            return listening.set_keys(keys);
        }
        let listener = Arc::new(listen(address)?);
        let accept = accept(listener.clone(), address.port(), self.accepted.clone());
        let mut listening = Listening {
            listener,
            keys: Keys::new(),
            task: tokio::spawn(accept),
        };
        let set = listening.set_keys(keys);
        self.open.insert(address, listening);
        set
    }
}

impl Listening {
    fn set_keys(&mut self, keys: &Keys) -> io::Result<()> {
        for (network, key) in &self.keys {
            if key.is_some() && !keys.contains_key(network) {
                set_md5(&*self.listener, *network, None)?;
            }
        }
        for (network, key) in keys {
            let before = self.keys.get(network).and_then(Option::as_ref);
            if before != key.as_ref() {
                set_md5(&*self.listener, *network, key.as_deref())?;
            }
        }
        self.keys.clone_from(keys);
        Ok(())
    }
}

async fn accept(listener: Arc<TcpListener>, port: u16, accepted: mpsc::Sender<Accepted>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if accepted.send((port, stream)).await.is_err() {
                    return;
                }
            }
            // Of a connection that is gone already, or of a process that has no descriptor left.
            Err(error) => {
                tracing::warn!(port, %error, "a connection of a router could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(all: &[(&str, &[u8])]) -> Keys {
        let all = all.iter();
        all.map(|(network, key)| (network.parse().unwrap(), Some((*key).into())))
            .collect()
    }

    #[tokio::test]
    async fn keys_that_could_not_be_set_can_be_set_later() {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = listener.local_addr().unwrap();
        let mut listening = Listening {
            listener: listener.clone(),
            keys: Keys::new(),
            task: tokio::spawn(async {}),
        };
        let here = "127.0.0.1/32";
        listening
            .set_keys(&keys(&[(here, b"old"), ("192.0.2.1/32", b"old")]))
            .unwrap();
        // The old ones are deleted before this one is refused.
        let too_long = keys(&[("192.0.2.2/32", &[b'x'; 81])]);
        for _ in 0..2 {
            let error = listening.set_keys(&too_long).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
        listening
            .set_keys(&keys(&[("192.0.2.2/32", b"new")]))
            .unwrap();
        // What has no key is not signed.
        let (opened, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        opened.unwrap();
        accepted.unwrap();
    }
}
