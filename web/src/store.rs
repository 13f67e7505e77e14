//! What the host keeps for the portal: sessions and sign-in links, by the digests of their secrets.
//! The host implements both traits over its database; a store in memory stands beside them.

use async_trait::async_trait;
use newleaf_domain::Timestamp;

use crate::token::SecretKey;

/// Who is signed in, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the secret that the browser carries.
    pub key: SecretKey,
    /// The account's name, as history shows it.
    pub account: String,
    /// When it began.
    pub began: Timestamp,
    /// From when on it counts no more.
    pub expires: Timestamp,
}

/// A sign-in link: good for one session, for a short time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// SHA-256 of the secret in the address.
    pub key: SecretKey,
    /// The account that it signs in.
    pub account: String,
    /// From when on it counts no more.
    pub expires: Timestamp,
}

/// How a sign-in link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStanding {
    /// It signs this account in.
    Usable {
        /// The account's name.
        account: String,
    },
    /// It has signed someone in already.
    Used,
    /// Its time is over.
    Expired,
    /// Nobody issued it, or it was pruned long ago.
    Unknown,
}

/// Keeps sessions. Values survive a restart of the host.
#[async_trait]
pub trait SessionStore: Send + Sync + std::fmt::Debug {
    /// Keeps a new session.
    async fn add(&self, session: Session) -> Result<(), StoreError>;
    /// The session of this key; it may have expired, the caller looks.
    async fn find(&self, key: &SecretKey) -> Result<Option<Session>, StoreError>;
    /// Forgets a session. One that is not there is no error.
    async fn remove(&self, key: &SecretKey) -> Result<(), StoreError>;
}

/// Keeps sign-in links. Used ones are kept for a day past their expiry, so that a second use can be
/// told from a wrong address.
#[async_trait]
pub trait LinkStore: Send + Sync + std::fmt::Debug {
    /// Keeps a new link.
    async fn add(&self, link: Link) -> Result<(), StoreError>;
    /// How the link stands at `now`; changes nothing.
    async fn look(&self, key: &SecretKey, now: Timestamp) -> Result<LinkStanding, StoreError>;
    /// Uses the link up. In one atomic step: of any number of callers, exactly one gets
    /// [`LinkStanding::Usable`]; the others get how it stood for them.
    async fn consume(&self, key: &SecretKey, now: Timestamp) -> Result<LinkStanding, StoreError>;
}

/// A store that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreError {
    what: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// An error of the store; `what` completes "failed to …", such as `read the session`.
    pub fn new(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { what, source: source.into() }
    }
}

mod memory {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::{
        Link, LinkStanding, LinkStore, Session, SessionStore, StoreError, Timestamp, async_trait,
    };
    use crate::token::SecretKey;

    /// Sessions in memory: for tests, and for the recovery page, which has no database.
    #[derive(Debug, Default)]
    pub struct MemorySessions(Mutex<BTreeMap<SecretKey, Session>>);

    /// Sign-in links in memory; see [`MemorySessions`].
    #[derive(Debug, Default)]
    pub struct MemoryLinks(Mutex<BTreeMap<SecretKey, (Link, Use)>>);

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Use {
        NotYet,
        Once,
    }

    fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(entry: Option<&(Link, Use)>, now: Timestamp) -> LinkStanding {
        match entry {
            None => LinkStanding::Unknown,
            Some((_, Use::Once)) => LinkStanding::Used,
            Some((link, Use::NotYet)) if now >= link.expires => LinkStanding::Expired,
            Some((link, Use::NotYet)) => LinkStanding::Usable { account: link.account.clone() },
        }
    }

    #[async_trait]
    impl SessionStore for MemorySessions {
        async fn add(&self, session: Session) -> Result<(), StoreError> {
            locked(&self.0).insert(session.key, session);
            Ok(())
        }

        async fn find(&self, key: &SecretKey) -> Result<Option<Session>, StoreError> {
            Ok(locked(&self.0).get(key).cloned())
        }

        async fn remove(&self, key: &SecretKey) -> Result<(), StoreError> {
            locked(&self.0).remove(key);
            Ok(())
        }
    }

    #[async_trait]
    impl LinkStore for MemoryLinks {
        async fn add(&self, link: Link) -> Result<(), StoreError> {
            locked(&self.0).insert(link.key, (link, Use::NotYet));
            Ok(())
        }

        async fn look(&self, key: &SecretKey, now: Timestamp) -> Result<LinkStanding, StoreError> {
            Ok(standing(locked(&self.0).get(key), now))
        }

        async fn consume(
            &self,
            key: &SecretKey,
            now: Timestamp,
        ) -> Result<LinkStanding, StoreError> {
            let mut links = locked(&self.0);
            let found = standing(links.get(key), now);
            if matches!(found, LinkStanding::Usable { .. })
                && let Some((_, used)) = links.get_mut(key)
            {
                *used = Use::Once;
            }
            Ok(found)
        }
    }
}

pub use memory::{MemoryLinks, MemorySessions};
