//! Whether what arrives at a load balancer gets through, judged from its targets at one moment.
//! Pure.

use std::fmt;

use landfall_mock_cloud_wire::{Protocol, ServingState};

/// Characters of what a check said that are passed on.
const SHOWN: usize = 120;

/// How the targets of one listener fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fare {
    /// There are none.
    NoTargets,
    /// None is known to be healthy, and of one nothing is known yet.
    NotChecked,
    /// None of so many is healthy; this was said of one.
    Unhealthy(usize, String),
    /// They are not checked. That a datagram was refused lately says too little: nobody would
    /// tell when that is mended.
    NoHealthCheck,
    /// One at least is healthy.
    Healthy,
}

/// A port of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Protocol, pub(crate) u16);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.1, self.0)
    }
}

/// The worst listener: those that surely serve nothing first, and of those like it the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    fare: Fare,
    /// `None` if all serve.
    place: Option<Place>,
    /// Listeners besides that serve nothing.
    others: usize,
}

impl Verdict {
    /// Of listeners in the order in which they were asked for.
    pub(crate) fn of(listeners: impl IntoIterator<Item = (Place, Fare)>) -> Self {
        let (mut worst, mut failing) = (None::<(Place, Fare)>, 0);
        for (place, fare) in listeners {
            failing += usize::from(state(&fare) == ServingState::No);
            if worst.as_ref().is_none_or(|(_, it)| rank(&fare) < rank(it)) {
                worst = Some((place, fare));
            }
        }
        let worst = worst.filter(|(_, fare)| state(fare) != ServingState::Yes);
        let (place, fare) = match worst {
            Some((place, fare)) => (Some(place), fare),
            None => (None, Fare::Healthy),
        };
        let others = match state(&fare) {
            ServingState::No => failing - 1,
            ServingState::Yes | ServingState::Unknown => 0,
        };
        Self {
            fare,
            place,
            others,
        }
    }

    pub(crate) fn state(&self) -> ServingState {
        state(&self.fare)
    }

    /// Whether it will be another soon, for a first check is under way.
    pub(crate) fn is_passing(&self) -> bool {
        self.fare == Fare::NotChecked
    }

    /// Whether it depends on what was asked for alone, and not on how anybody fares.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.fare == Fare::NoTargets
    }

    /// Whether it comes to the same. What a check said does not count, for it may be another each
    /// time.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let fare = match (&self.fare, &other.fare) {
            (Fare::Unhealthy(here, _), Fare::Unhealthy(there, _)) => here == there,
            (here, there) => here == there,
        };
        fare && (self.place, self.others) == (other.place, other.others)
    }

    /// CamelCase; nothing if it serves.
    pub(crate) fn code(&self) -> &'static str {
        match self.fare {
            Fare::NoTargets => "NoTargets",
            Fare::NotChecked => "NotChecked",
            Fare::Unhealthy(..) => "TargetsUnhealthy",
            Fare::NoHealthCheck => "NoHealthCheck",
            Fare::Healthy => "",
        }
    }
}

/// For people; nothing if it serves.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = self.place else {
            return Ok(());
        };
        match &self.fare {
            Fare::NoTargets => write!(f, "port {place} has no targets")?,
            Fare::NotChecked => write!(f, "the targets of port {place} were not checked yet")?,
            Fare::NoHealthCheck => write!(f, "the targets of port {place} have no health check")?,
            Fare::Healthy => {}
            Fare::Unhealthy(targets, reason) => {
                match targets {
                    1 => write!(f, "the only target of port {place} is unhealthy")?,
                    _ => write!(f, "all {targets} targets of port {place} are unhealthy")?,
                }
                let shown: String = reason.chars().take(SHOWN).collect();
                write!(f, ": {shown}")?;
            }
        }
        match self.others {
            0 => Ok(()),
            1 => write!(f, "; another port is not served either"),
            others => write!(f, "; {others} other ports are not served either"),
        }
    }
}

fn state(fare: &Fare) -> ServingState {
    match fare {
        Fare::NoTargets | Fare::Unhealthy(..) => ServingState::No,
        Fare::NotChecked | Fare::NoHealthCheck => ServingState::Unknown,
        Fare::Healthy => ServingState::Yes,
    }
}

/// What is said first. A check under way may still show the port that people should look at, so it
/// comes before what checks have shown.
fn rank(fare: &Fare) -> u8 {
    match fare {
        Fare::NoTargets => 0,
        Fare::NotChecked => 1,
        Fare::Unhealthy(..) => 2,
        Fare::NoHealthCheck => 3,
        Fare::Healthy => 4,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn unhealthy(targets: usize) -> Fare {
        Fare::Unhealthy(targets, "Connection refused".into())
    }

    /// Of TCP listeners on ports from 80 on.
    pub(crate) fn verdict(fares: &[Fare]) -> Verdict {
        let place = |port| Place(Protocol::Tcp, port);
        Verdict::of((80..).map(place).zip(fares.iter().cloned()))
    }

    #[test]
    fn what_is_worst_is_said_with_its_port() {
        let (yes, no, unknown) = (ServingState::Yes, ServingState::No, ServingState::Unknown);
        for (fares, state, code, message) in [
            (&[][..], yes, "", ""),
            (&[Fare::Healthy], yes, "", ""),
            (
                &[Fare::NoTargets],
                no,
                "NoTargets",
                "port 80/TCP has no targets",
            ),
            (
                &[Fare::Healthy, unhealthy(1)],
                no,
                "TargetsUnhealthy",
                "the only target of port 81/TCP is unhealthy: Connection refused",
            ),
            (
                &[unhealthy(3), Fare::Healthy, unhealthy(3)],
                no,
                "TargetsUnhealthy",
                "all 3 targets of port 80/TCP are unhealthy: Connection refused; another port is \
                 not served either",
            ),
            (
                &[unhealthy(3), Fare::NoTargets, unhealthy(3)],
                no,
                "NoTargets",
                "port 81/TCP has no targets; 2 other ports are not served either",
            ),
            (
                &[unhealthy(3), Fare::NotChecked],
                unknown,
                "NotChecked",
                "the targets of port 81/TCP were not checked yet",
            ),
            (
                &[Fare::Healthy, Fare::NoHealthCheck],
                unknown,
                "NoHealthCheck",
                "the targets of port 81/TCP have no health check",
            ),
            (
                &[Fare::NoHealthCheck, unhealthy(2)],
                no,
                "TargetsUnhealthy",
                "all 2 targets of port 81/TCP are unhealthy: Connection refused",
            ),
        ] {
            let found = verdict(fares);
            assert_eq!(found.state(), state, "{fares:?}");
            assert_eq!((found.code(), &*found.to_string()), (code, message));
        }
    }

    #[test]
    fn what_a_check_said_is_short_and_makes_no_other_verdict() {
        let long = verdict(&[Fare::Unhealthy(3, "x".repeat(10_000))]);
        assert!(long.to_string().len() < 200);
        assert!(long.is_like(&verdict(&[unhealthy(3)])));
        for other in [
            verdict(&[unhealthy(2)]),
            verdict(&[Fare::Healthy, unhealthy(3)]),
            verdict(&[unhealthy(3), unhealthy(3)]),
            verdict(&[Fare::Healthy]),
        ] {
            assert!(!long.is_like(&other), "{other:?}");
        }
        let serving = verdict(&[Fare::Healthy]);
        assert!(
            serving.is_like(&verdict(&[])),
            "both serve all that there is"
        );
    }
}
