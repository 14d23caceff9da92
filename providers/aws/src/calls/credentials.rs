//! Credentials, remembered until shortly before they expire. Never writes them anywhere.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

/// Credentials are renewed this long before they expire.
const BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// Those that never expire are looked up again after this long: somebody may have changed them.
const WITHOUT_EXPIRY: Duration = Duration::from_mins(5);

/// The credentials of the chain, for the SDK and for requests that are signed here.
#[derive(Clone)]
pub(super) struct Remembered {
    chain: SharedCredentialsProvider,
    known: Arc<Mutex<Option<Known>>>,
}

#[derive(Clone)]
struct Known {
    credentials: Credentials,
    renewed_at: SystemTime,
}

impl Remembered {
    pub(super) fn new(chain: SharedCredentialsProvider) -> Self {
        Self {
            chain,
            known: Arc::default(),
        }
    }

    /// They did not work: the next call looks them up again.
    pub(super) fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Credentials that should work now.
    pub(super) async fn get(&self) -> Result<Credentials, CredentialsError> {
        let now = SystemTime::now();
        let known = self.known();
        if let Some(known) = known.as_ref().filter(|it| now < it.renewed_at) {
            return Ok(known.credentials.clone());
        }
        match self.chain.provide_credentials().await {
            Ok(credentials) => {
                self.know(&credentials, now);
                Ok(credentials)
            }
            Err(error) => {
                let still_good =
                    known.filter(|it| it.credentials.expiry().is_none_or(|end| now < end));
                match still_good {
                    Some(known) => {
                        tracing::warn!(%error, "credentials of AWS could not be renewed yet");
                        Ok(known.credentials)
                    }
                    None => Err(error),
                }
            }
        }
    }

    fn known(&self) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    fn know(&self, credentials: &Credentials, now: SystemTime) {
        let renewed_at = match credentials.expiry() {
            Some(expiry) => expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(now),
            None => now + WITHOUT_EXPIRY,
        };
        let known = Known {
            credentials: credentials.clone(),
            renewed_at,
        };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }
}

impl ProvideCredentials for Remembered {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Gives credentials that live this long, and fails after so many.
    #[derive(Debug)]
    struct Chain {
        life: Option<Duration>,
        fails_after: u64,
        asked: Arc<AtomicU64>,
    }

    impl ProvideCredentials for Chain {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            if asked >= self.fails_after {
                return future::ProvideCredentials::ready(Err(CredentialsError::not_loaded(
                    "gone",
                )));
            }
            let expiry = self.life.map(|life| SystemTime::now() + life);
            let made = Credentials::new(format!("AKID{asked}"), "secret", None, expiry, "test");
            future::ProvideCredentials::ready(Ok(made))
        }
    }

    fn remembered(life: Option<Duration>, fails_after: u64) -> (Remembered, Arc<AtomicU64>) {
        let asked = Arc::new(AtomicU64::new(0));
        let chain = Chain {
            life,
            fails_after,
            asked: asked.clone(),
        };
        (
            Remembered::new(SharedCredentialsProvider::new(chain)),
            asked,
        )
    }

    #[tokio::test]
    async fn credentials_are_looked_up_once_while_they_are_good() {
        for life in [None, Some(Duration::from_hours(1))] {
            let (remembered, asked) = remembered(life, u64::MAX);
            for _ in 0..10 {
                remembered.get().await.unwrap();
            }
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            remembered.forget();
            assert_eq!(remembered.get().await.unwrap().access_key_id(), "AKID1");
        }
    }

    #[tokio::test]
    async fn credentials_are_renewed_before_they_expire_and_used_until_then() {
        let (remembered, asked) = remembered(Some(Duration::from_mins(1)), 2);
        assert_eq!(remembered.get().await.unwrap().access_key_id(), "AKID0");
        assert_eq!(remembered.get().await.unwrap().access_key_id(), "AKID1");
        // From here on the chain fails, and what is known is good for a minute.
        assert_eq!(remembered.get().await.unwrap().access_key_id(), "AKID1");
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn expired_credentials_are_not_used() {
        let (remembered, _) = remembered(Some(Duration::ZERO), 1);
        remembered.get().await.unwrap();
        assert!(remembered.get().await.is_err());
    }
}
