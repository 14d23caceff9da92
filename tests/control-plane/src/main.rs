//! Runs a command while a real Kubernetes control plane is up.
//!
//! ```text
//! KUBEBUILDER_ASSETS=FOLDER with-control-plane [--node-ports=FIRST-LAST] COMMAND ARGUMENT...
//! ```
//!
//! The folder holds etcd, kube-apiserver and kube-controller-manager. The command finds the
//! administrator's kubeconfig in `LANDFALL_CONTROL_PLANE` and the API server's audit log in
//! `LANDFALL_AUDIT_LOG`, and its status is ours. Whatever ends first (the command, we, our parent, a
//! part of the control plane), nothing is left running.

mod authority;
mod control_plane;
mod part;

use std::ffi::OsString;
use std::os::unix::process::{ExitStatusExt, parent_id};
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use control_plane::ControlPlane;

/// What the command finds the kubeconfig in.
const KUBECONFIG: &str = "LANDFALL_CONTROL_PLANE";
/// What the command finds the audit log in.
const AUDIT_LOG: &str = "LANDFALL_AUDIT_LOG";
/// How often we look whether parent and control plane are still there.
const LOOK: Duration = Duration::from_millis(500);
/// How long the command may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// One thread, because the kernel ends a child of ours with the thread that started it.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(status) => ExitCode::from(code(status)),
        Err(error) => {
            eprintln!("with-control-plane: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<ExitStatus> {
    let parent = parent_id();
    let mut arguments = std::env::args_os().skip(1).peekable();
    // A wide range makes each allocation slow, so it is for those who need it.
    let node_ports = arguments
        .next_if(|it| {
            it.to_str()
                .is_some_and(|it| it.starts_with("--node-ports="))
        })
        .map(|it| it.to_string_lossy()["--node-ports=".len()..].to_owned());
    let Some(command) = arguments.next() else {
        bail!("which command? with-control-plane [--node-ports=FIRST-LAST] COMMAND ARGUMENT...");
    };
    let binaries = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let binaries =
        binaries.context("KUBEBUILDER_ASSETS names no folder with a control plane's programs")?;
    // A second call fails only because a first succeeded.
    let _ = rustls::crypto::ring::default_provider().install_default();

    // Before anything is started, so that no signal finds us without an answer.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let start = Instant::now();
    let mut control_plane = tokio::select! {
        started = ControlPlane::start(&binaries, node_ports.as_deref()) => started?,
        _ = terminate.recv() => bail!("told to end"),
        _ = interrupt.recv() => bail!("told to end"),
    };
    eprintln!(
        "a control plane is up after {:.1} s: {}",
        start.elapsed().as_secs_f32(),
        control_plane.kubeconfig().display()
    );

    let mut child = spawn(command, arguments, &control_plane)?;
    let mut look = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            _ = terminate.recv() => return end(child).await,
            // A terminal tells the command as well; it decides when it has had enough.
            _ = interrupt.recv() => {}
            _ = look.tick() => {
                if parent_id() != parent {
                    return end(child).await;
                }
                if let Err(error) = control_plane.check() {
                    end(child).await?;
                    return Err(error);
                }
            }
        }
    }
}

fn spawn(
    command: OsString,
    arguments: impl Iterator<Item = OsString>,
    control_plane: &ControlPlane,
) -> Result<Child> {
    let shown = command.display().to_string();
    // Without a control plane it has nothing to do: it is told so even if we are killed.
    Command::new("setpriv")
        .args(["--pdeathsig", "TERM", "--"])
        .arg(command)
        .args(arguments)
        .env(KUBECONFIG, control_plane.kubeconfig())
        .env(AUDIT_LOG, control_plane.audit_log())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {shown}: no setpriv (of util-linux)"))
}

/// Asks the command to end, and makes it end if it does not.
async fn end(mut child: Child) -> Result<ExitStatus> {
    if let Some(id) = child.id() {
        let told = Command::new("kill").arg(id.to_string()).status().await;
        told.context("cannot run kill (of procps)")?;
        if let Ok(status) = tokio::time::timeout(GRACE, child.wait()).await {
            return Ok(status?);
        }
        child.start_kill()?;
    }
    Ok(child.wait().await?)
}

/// As a shell would say it: 128 and the signal for one that was killed.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
