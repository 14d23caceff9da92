//! One program of the control plane as a child process.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// A running program. It is killed when this is dropped, and by the kernel when we are.
pub(crate) struct Part {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Part {
    /// Starts it; what it prints goes to `NAME.log` in the folder.
    ///
    /// To be called from the main thread: the kernel's signal comes when the *thread* that
    /// started the program ends.
    pub(crate) fn start(
        name: &'static str,
        binaries: &Path,
        folder: &Path,
        arguments: &[String],
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log)?;
        // setpriv becomes the program: same process id, and our death is its death.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(binaries.join(name))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C at a terminal is for the command that uses the control plane.
            .process_group(0)
            .spawn()
            .context("cannot start setpriv (of util-linux)")?;
        Ok(Self { name, child, log })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<Ended>> {
        let status = self.child.try_wait()?;
        Ok(status.map(|status| Ended {
            name: self.name,
            status,
            log: fs::read_to_string(&self.log).unwrap_or_default(),
        }))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do about it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that has ended, with all that it printed.
pub(crate) struct Ended {
    name: &'static str,
    status: ExitStatus,
    log: String,
}

impl Ended {
    /// Whether another process took its port between our asking for one and its start.
    pub(crate) fn lost_its_port(&self) -> bool {
        self.log.contains("address already in use")
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<_> = self.log.lines().collect();
        let last = &lines[lines.len().saturating_sub(8)..];
        write!(
            formatter,
            "{} ended ({}):\n{}",
            self.name,
            self.status,
            last.join("\n")
        )
    }
}
