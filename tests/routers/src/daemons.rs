//! Programs of a router as children of the test, in the namespace of a host.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use landfall_test_network::Lan;
use landfall_test_process::{PATIENCE, Process, output};
use tempfile::TempDir;

/// From one look to the next. Each asks a program, which takes its time too.
const BEAT: Duration = Duration::from_millis(10);

/// Polls until there is an answer, and returns it.
///
/// # Panics
/// When there is none after [`PATIENCE`].
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(BEAT);
    }
}

/// Polls until it is so; see [`eventually`].
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    eventually(what, || is_so().then_some(()));
}

/// What one router is made of. Its programs are ended, and its files removed, when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemons {
    namespace: String,
    running: Vec<(&'static str, Process)>,
    /// Last, so that it is removed last.
    folder: TempDir,
}

impl Daemons {
    pub(crate) fn new(lan: &Lan, host: &str) -> Self {
        Self {
            namespace: lan.namespace(host),
            running: Vec::new(),
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Where a program logs.
    fn log_file(&self, name: &str) -> std::path::PathBuf {
        self.folder().join(format!("{name}.log"))
    }

    /// What a program has logged so far, also before it was restarted.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }

    /// Starts a program, which must not go to the background.
    pub(crate) fn start(&mut self, name: &'static str, program: &str, arguments: &[&str]) {
        let mut command = self.command("sh");
        command
            .args(["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh"])
            .arg(self.log_file(name))
            .arg(program)
            .args(arguments);
        self.running.push((name, Process::start(&mut command)));
    }

    /// A program that will run in the router's namespace.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]);
        command
    }

    /// Polls until it is so, for as long as the programs live.
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        until(what, || {
            let gone = self.gone();
            assert!(gone.is_empty(), "{what}: {gone:?} ended:\n{}", self.logs());
            is_so(self)
        });
    }

    /// Polls until a program listens on this socket: it is there before that.
    pub(crate) fn until_listens(&mut self, name: &str, socket: &str) {
        self.until(&format!("{name} listens"), |_| {
            UnixStream::connect(socket).is_ok()
        });
    }

    fn gone(&self) -> Vec<&str> {
        let ended = self.running.iter().filter(|(_, it)| has_ended(it.id()));
        ended.map(|(name, _)| *name).collect()
    }

    /// Ends all at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        for (_, process) in &self.running {
            process.signal("KILL");
        }
        self.wait();
    }

    /// Asks all to end, the last one first, and waits until they have.
    pub(crate) fn stop(&mut self) {
        for (_, process) in self.running.iter().rev() {
            process.signal("TERM");
        }
        self.wait();
    }

    fn wait(&mut self) {
        for (name, mut process) in self.running.drain(..).rev() {
            process.ended();
            clear_away(name, process.id());
        }
    }

    fn logs(&self) -> String {
        let files = std::fs::read_dir(self.folder()).unwrap();
        let mut paths: Vec<_> = files.map(|it| it.unwrap().path()).collect();
        paths.retain(|it| it.extension().is_some_and(|it| it == "log"));
        paths.sort();
        let texts = paths.iter().map(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            format!("--- {} {}\n{text}", self.namespace, path.display())
        });
        texts.collect()
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        while let Some((name, process)) = self.running.pop() {
            let id = process.id();
            drop(process);
            clear_away(name, id);
        }
    }
}

/// What programs of FRR's write of a crash to come, outside the folder; it stays where one is killed.
fn clear_away(name: &str, id: u32) {
    let folder = Path::new("/var/tmp/frr").join(format!("{name}.{id}"));
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// A child that nobody has waited for keeps its id.
fn has_ended(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned());
    state.is_none_or(|it| it.starts_with(['Z', 'X']))
}

/// What a program says, which must succeed.
pub(crate) fn ask(command: &mut Command) -> String {
    let (succeeded, said) = output(command);
    assert!(succeeded, "{command:?}: {said}");
    said
}

/// Whether a program can be started; if not, that is told where the runner of all tests repeats it.
pub(crate) fn is_there_or_skip(what: &str, program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&folders).any(|it| it.join(program).exists());
    if !is_there {
        landfall_test_process::skip(&format!("{what}: there is no {program}"));
    }
    is_there
}
