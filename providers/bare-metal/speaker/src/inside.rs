//! For tests: threads in namespaces of networks.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::thread::JoinHandle;

use landfall_test_network::Lan;

/// Does something on a thread in a host's namespace.
pub(crate) fn inside<T: Send + 'static>(
    lan: &Lan,
    host: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let path = format!("/var/run/netns/{}", lan.namespace(host));
    let namespace = File::open(path).unwrap();
    std::thread::spawn(move || {
        #[expect(unsafe_code, reason = "rustix would need more features for a test")]
        // SAFETY: it changes the namespace of this thread alone, which ends with the work.
        let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
        assert_eq!(entered, 0, "{}", std::io::Error::last_os_error());
        work()
    })
}
