use super::*;

fn web() -> ServiceName {
    ServiceName {
        namespace: "default".into(),
        name: "web".into(),
    }
}

fn address(end: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, end])
}

/// The pod of this number; its UID is `u` and the number, its address ends with it.
fn unready(number: u8) -> Unready {
    Unready {
        name: format!("web-{number}"),
        uid: format!("u{number}"),
        address: address(number),
    }
}

fn of(number: u8) -> Key {
    key(&web(), &format!("u{number}"))
}

fn gated(version: u128, containers_ready: bool, present: Option<Condition>) -> Seen {
    Seen::Gated(Gated {
        version,
        containers_ready,
        present,
    })
}

fn found(holds: bool) -> Finding {
    Finding {
        holds,
        reason: if holds {
            "TargetHealthy"
        } else {
            "TargetUnhealthy"
        },
        message: "so AWS says".into(),
    }
}

impl State {
    /// These are unready, and those are all there is.
    fn list(&mut self, pods: &[u8], all: &[u8]) -> (Vec<String>, Vec<String>) {
        let unready = pods.iter().map(|it| unready(*it)).collect();
        let addresses = all.iter().map(|it| address(*it)).collect();
        let changes = self.listed(&web(), unready, &addresses);
        (
            changes.follow.into_iter().map(|(_, name)| name).collect(),
            changes.leave.into_iter().map(|key| key.uid).collect(),
        )
    }

    fn is_complete(&self) -> bool {
        self.shown(&web()).is_none_or(|it| it.is_complete)
    }

    fn waiting(&self) -> Vec<String> {
        let shown = self.shown(&web()).unwrap_or_default();
        shown.waiting.iter().cloned().collect()
    }

    fn gated(&self, number: u8) -> Gated {
        match &self.services[&web()][&format!("u{number}")].known {
            Known::Is(Seen::Gated(it)) => it.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Writes what there is to write, and returns it in words.
    fn write(&mut self) -> Vec<String> {
        let writes = self.take_writes(&web()).into_iter();
        let say = |it: Write| {
            let mut now = self.gated(1);
            now.present = Some(it.condition.clone());
            self.written(&it.key, Some(Seen::Gated(now)), Instant::now());
            let Condition { status, reason, .. } = it.condition;
            format!("{} {status} {reason}", it.name)
        };
        writes.map(say).collect()
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_pod_without_the_gate_is_read_once_as_long_as_it_is_listed() {
    let mut state = State::default();
    assert_eq!(state.list(&[1], &[1]).0, ["web-1"]);
    assert!(!state.is_complete(), "it is being read");
    assert_eq!(state.list(&[1], &[1]).0, NONE);
    state.seen(&of(1), Some(Seen::Plain));
    assert!(state.is_complete() && state.waiting().is_empty());
    // It is ready, then once more it is not.
    assert_eq!(state.list(&[], &[1]).1, NONE);
    assert_eq!(state.list(&[1], &[1]).0, NONE);
    assert_eq!(state.list(&[], &[]).1, ["u1"]);
    assert!(state.services.is_empty(), "it is forgotten");
    assert_eq!(state.write(), NONE);
}

#[test]
fn a_pod_with_the_gate_is_followed_until_it_is_ready_or_no_longer_listed() {
    let mut state = State::default();
    state.list(&[1, 2], &[1, 2]);
    state.seen(&of(1), Some(gated(1, false, None)));
    assert!(!state.is_complete() && state.waiting().is_empty());
    state.seen(&of(2), Some(gated(1, true, None)));
    assert!(state.is_complete());
    assert_eq!(state.waiting(), ["u2"]);
    state.seen(&of(1), Some(gated(2, true, None)));
    assert_eq!(state.waiting(), ["u1", "u2"]);
    assert_eq!(state.list(&[2], &[1, 2]).1, ["u1"], "it is ready");
    assert_eq!(state.waiting(), ["u2"]);
    state.seen(&of(1), Some(gated(3, true, None)));
    state.seen(&of(2), Some(Seen::Gone));
    assert!(state.waiting().is_empty());
    // It was ready, and a container of it is not any more.
    assert_eq!(state.list(&[1, 2], &[1, 2]).0, ["web-1"]);
}

#[test]
fn who_cannot_be_read_keeps_nobody_waiting() {
    let mut state = State::default();
    state.list(&[1, 2], &[1, 2]);
    state.seen(&of(1), None);
    assert!(!state.is_complete());
    state.seen(&of(2), Some(Seen::Plain));
    assert!(state.is_complete() && state.waiting().is_empty());
    state.seen(&of(1), Some(gated(1, true, None)));
    assert_eq!(state.waiting(), ["u1"]);
    state.seen(&of(1), None);
    assert_eq!(state.waiting(), ["u1"], "what was known is the best guess");
    assert!(state.is_troubled());
    state.list(&[2], &[2]);
    assert!(!state.is_troubled(), "nobody reads it any more");
}

#[test]
fn a_gate_says_what_was_found_and_is_written_only_when_that_is_another() {
    let mut state = State::default();
    state.list(&[1], &[1]);
    state.seen(&of(1), Some(gated(1, false, None)));
    assert_eq!(state.write(), ["web-1 False NotRegistered"]);
    assert_eq!(state.write(), NONE);
    let present = state.gated(1).present;
    state.seen(&of(1), Some(gated(2, true, present)));
    assert_eq!(state.write(), ["web-1 False Registering"]);
    let mut answer = |holds: bool| {
        state.answered(&web(), &[(address(1), found(holds))].into());
        state.write()
    };
    assert_eq!(answer(false), ["web-1 False TargetUnhealthy"]);
    assert_eq!(answer(false), NONE);
    assert_eq!(answer(true), ["web-1 True TargetHealthy"]);
    // A container has ended: when it is back, the pod waits for the load balancer again.
    let present = state.gated(1).present;
    state.seen(&of(1), Some(gated(3, false, present)));
    assert_eq!(state.write(), ["web-1 False NotRegistered"]);
    let present = state.gated(1).present;
    state.seen(&of(1), Some(gated(4, true, present)));
    assert_eq!(state.write(), ["web-1 False Registering"]);
}

#[test]
fn a_pod_with_two_addresses_waits_for_both() {
    let mut state = State::default();
    let second = Unready {
        address: address(2),
        ..unready(1)
    };
    state.listed(&web(), vec![unready(1), second], &BTreeSet::new());
    state.seen(&of(1), Some(gated(1, true, None)));
    let mut answer = |findings: &[(u8, bool)]| {
        let findings = findings.iter();
        let findings = findings.map(|(end, holds)| (address(*end), found(*holds)));
        state.answered(&web(), &findings.collect());
        state.write()
    };
    assert_eq!(
        answer(&[(1, true), (2, false)]),
        ["web-1 False TargetUnhealthy"]
    );
    assert_eq!(
        answer(&[(1, true), (2, true)]),
        ["web-1 True TargetHealthy"]
    );
}

#[test]
fn a_pod_of_which_one_address_was_not_looked_at_yet_is_not_told_that_all_is_well() {
    let mut state = State::default();
    let second = Unready {
        address: "2001:db8::1".parse().unwrap(),
        ..unready(1)
    };
    let [first, other] = [address(1), second.address];
    state.listed(&web(), vec![unready(1), second], &BTreeSet::new());
    state.seen(&of(1), Some(gated(1, true, None)));
    let mut answer = |findings: &[(IpAddr, bool)]| {
        let findings = findings.iter().map(|(at, holds)| (*at, found(*holds)));
        state.answered(&web(), &findings.collect());
        state.write()
    };
    // No target has the other, so there is nothing to wait for: of the first that says nothing.
    assert_eq!(answer(&[(other, true)]), ["web-1 False Registering"]);
    assert_eq!(answer(&[(first, true)]), NONE);
    assert_eq!(answer(&[(first, false)]), ["web-1 False TargetUnhealthy"]);
    assert_eq!(answer(&[(other, true)]), ["web-1 False Registering"]);
    assert_eq!(
        answer(&[(first, true), (other, true)]),
        ["web-1 True TargetHealthy"]
    );
}

#[test]
fn what_the_watch_tells_late_undoes_no_write() {
    let mut state = State::default();
    state.list(&[1], &[1]);
    state.seen(&of(1), Some(gated(5, true, None)));
    let write = state.take_writes(&web()).remove(0);
    assert!(state.take_writes(&web()).is_empty(), "it is being written");
    let done = gated(7, true, Some(write.condition));
    state.written(&of(1), Some(done), Instant::now());
    state.seen(&of(1), Some(gated(6, true, None)));
    assert!(state.take_writes(&web()).is_empty());
}

#[test]
fn a_write_that_failed_is_tried_again_later_with_what_is_right_by_then() {
    let (mut state, now) = (State::default(), Instant::now());
    state.list(&[1], &[1]);
    state.seen(&of(1), Some(gated(1, true, None)));
    let write = state.take_writes(&web()).remove(0);
    assert_eq!(write.condition.reason, "Registering");
    state.written(&of(1), None, now);
    state.answered(&web(), &[(address(1), found(true))].into());
    assert!(state.take_writes(&web()).is_empty(), "not at once");
    let at = state.next_retry().expect("it is tried again");
    assert!(state.retried(now).is_empty() && at > now);
    assert_eq!(state.retried(at), BTreeSet::from([web()]));
    assert_eq!(state.next_retry(), None);
    assert_eq!(
        state.take_writes(&web())[0].condition.reason,
        "TargetHealthy"
    );
    state.written(&of(1), None, at);
    let later = state.next_retry().expect("it is tried again");
    assert!(later - at >= Duration::from_secs(2), "and later each time");
    state.list(&[], &[]);
    assert_eq!(state.next_retry(), None, "nobody tries for who is gone");
}
