//! From `main` to exit status.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{Failure, LogOptions};

/// Time that a command has to end in good order after a signal; the contract allows five seconds.
const GRACE: Duration = Duration::from_millis(4500);

/// A command line that `run` can start.
pub trait Command: Parser {
    /// The flags about logs.
    fn logs(&self) -> &LogOptions;
}

/// Parses the command line, starts logging and a runtime, and runs `command` until it ends by
/// itself or a signal cancels its token; then gives it a moment to end in good order.
pub fn run<C, F>(command: impl FnOnce(C, CancellationToken) -> F) -> ExitCode
where
    C: Command,
    F: Future<Output = Result<(), Failure>>,
{
    let arguments = C::parse();
    let outcome = arguments.logs().start().and_then(|()| {
        make_room_for_sockets();
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::run(format!("cannot start the runtime: {error}")))
            .and_then(|runtime| {
                let outcome = runtime.block_on(until_signal(arguments, command));
                // What still blocks a thread now is of no interest to anybody.
                runtime.shutdown_background();
                outcome
            })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // With standard error closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            failure.exit_code()
        }
    }
}

/// Raises the limit on open files as far as the system lets us: each load balancer and each node
/// port is a socket, and many systems start programs with room for a thousand.
fn make_room_for_sockets() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit on open files was not raised");
    }
}

async fn until_signal<C, F>(
    arguments: C,
    command: impl FnOnce(C, CancellationToken) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::run(format!("cannot listen for signals: {error}")))
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;

    let stop = CancellationToken::new();
    let running = command(arguments, stop.clone());
    tokio::pin!(running);
    tokio::select! {
        outcome = &mut running => return outcome,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    tokio::time::timeout(GRACE, running)
        .await
        .unwrap_or_else(|_| Err(Failure::run("did not end in time after a signal")))
}
