//! Follows links and addresses of this node by netlink.

use std::collections::BTreeMap;
use std::io;
use std::task::{Context, Poll};

use futures::channel::mpsc::UnboundedReceiver;
use futures::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::SocketAddr;
use rtnetlink::{Handle, MulticastGroup};
use tokio::task::JoinHandle;

use super::interfaces::{Interface, Table};

/// Why links cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    /// There is no netlink socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[from] io::Error),
    /// The kernel does not say what there is.
    #[error("cannot list links and addresses: {0}")]
    List(#[from] rtnetlink::Error),
}

const GROUPS: &[MulticastGroup] = &[
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv6Ifaddr,
];

type Messages = UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>;

/// The links and addresses of this node, as they change.
#[derive(Debug)]
pub(crate) struct Links {
    handle: Handle,
    changes: Messages,
    connection: JoinHandle<()>,
    table: Table,
    /// What was lost makes all that is known doubtful.
    is_behind: bool,
    /// The kernel says nothing any more.
    is_closed: bool,
}

impl Links {
    /// Subscribes to changes, then lists what there is: nothing is missed between the two. What was
    /// told before the list was made is applied once more after it, which ends the same.
    pub(crate) async fn open() -> Result<Self, LinksError> {
        let (connection, handle, changes) = rtnetlink::new_multicast_connection(GROUPS)?;
        let mut links = Self {
            handle,
            changes,
            connection: tokio::spawn(connection),
            table: Table::default(),
            is_behind: true,
            is_closed: false,
        };
        links.catch_up().await?;
        Ok(links)
    }

    /// The interfaces as of what was heard so far, by index.
    pub(crate) fn interfaces(&self) -> BTreeMap<u32, Interface> {
        self.table.interfaces()
    }

    /// Whether changes were lost, and all has to be listed again.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Subscribes anew, if that has ended, and lists all again. If this is dropped on the way,
    /// nothing has changed.
    pub(crate) async fn catch_up(&mut self) -> Result<(), LinksError> {
        if self.is_closed {
            *self = Box::pin(Self::open()).await?;
            return Ok(());
        }
        let mut table = Table::default();
        let mut links = self.handle.link().get().execute();
        while let Some(link) = links.try_next().await? {
            table.apply(&RouteNetlinkMessage::NewLink(link));
        }
        let mut addresses = self.handle.address().get().execute();
        while let Some(address) = addresses.try_next().await? {
            table.apply(&RouteNetlinkMessage::NewAddress(address));
        }
        self.table = table;
        self.is_behind = false;
        Ok(())
    }

    /// As if the kernel had closed the socket.
    #[cfg(test)]
    pub(super) fn hang_up(&self) {
        self.connection.abort();
    }

    /// Waits for changes, and applies all that have been told. If some were lost, all has to be
    /// listed again.
    pub(crate) fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut result = Poll::Pending;
        while !self.is_closed {
            match self.changes.poll_next_unpin(context) {
                Poll::Pending => break,
                Poll::Ready(Some((message, _))) => match message.payload {
                    NetlinkPayload::InnerMessage(it) => self.table.apply(&it),
                    NetlinkPayload::Overrun(_) => self.is_behind = true,
                    _ => {}
                },
                Poll::Ready(None) => {
                    self.is_closed = true;
                    self.is_behind = true;
                }
            }
            result = Poll::Ready(());
        }
        result
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
