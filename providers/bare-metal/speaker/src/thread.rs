//! Threads with a runtime of their own: what one does holds up nothing of the other.

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Ended;

/// A thread that may be started.
pub(crate) struct Thread {
    name: &'static str,
    begun: CancellationToken,
    ended: oneshot::Sender<Result<(), Ended>>,
}

/// The end of a thread, as whoever waits for it sees it.
#[derive(Clone)]
pub(crate) struct End {
    begun: CancellationToken,
    end: Shared<BoxFuture<'static, Result<(), Ended>>>,
}

/// A thread, and its end.
pub(crate) fn thread(name: &'static str) -> (Thread, End) {
    let (ended, end) = oneshot::channel();
    let begun = CancellationToken::new();
    let thread = Thread {
        name,
        begun: begun.clone(),
        ended,
    };
    let panicked = move |_| Err(Ended(format!("the {name} thread has panicked")));
    let end = async move { end.await.unwrap_or_else(panicked) };
    let end = End {
        begun,
        end: end.boxed().shared(),
    };
    (thread, end)
}

impl Thread {
    /// Starts it.
    pub(crate) fn start<F>(self, work: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = Result<(), Ended>>,
    {
        self.begun.cancel();
        let Self { name, ended, .. } = self;
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let result = match runtime {
                Ok(runtime) => runtime.block_on(work()),
                Err(error) => Err(Ended(format!("cannot start a runtime: {error}"))),
            };
            // Who waited may be gone already.
            let _ = ended.send(result);
        };
        let thread = std::thread::Builder::new().name(name.to_owned());
        if let Err(error) = thread.spawn(run) {
            // The channels close with it, and whoever waits sees that.
            tracing::error!(%error, "cannot start the {name} thread");
        }
    }
}

impl End {
    /// Whether the thread was started.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits for the end of a thread that was started; of another there is none.
    pub(crate) async fn wait(self) -> Result<(), Ended> {
        if self.has_begun() {
            self.end.await
        } else {
            Ok(())
        }
    }

    /// Waits for a thread to fail, for good.
    pub(crate) async fn failure(self) -> Ended {
        self.begun.cancelled().await;
        match self.end.await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    }
}
