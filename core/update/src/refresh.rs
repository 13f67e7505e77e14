//! Looks at the repository: drives trust's client workflow over the ports, and keeps the view that
//! comes of it. Believes nothing by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{Namespace, Target, Timestamp};
use newleaf_trust::refresh::{self, Fetch, Next, RefreshOutcome, Supplied, Wanted};
use newleaf_trust::{Limits, Pin, Refresh, Targets, TrustError, TrustStore, Verified};

use crate::Updater;
use crate::explain::{ExitClass, Explain, chain};
use crate::port::{Contact, Place, RepositoryError, StoreError};
use crate::settings::Checks;
use crate::view::Freshness;

/// What is known of the repository.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) targets: Verified<Targets>,
    pub(crate) freshness: refresh::Freshness,
    reach: Seen,
}

/// How much of the repository was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Everything,
    Namespaces(BTreeSet<Namespace>),
}

impl Known {
    /// When the first of the signatures everything hangs on expires.
    pub(crate) fn expires(&self) -> Timestamp {
        self.freshness.usable_until()
    }

    fn covers(&self, target: &Target) -> bool {
        match (&self.reach, target) {
            (Seen::Everything, _) | (_, Target::Core) => true,
            (Seen::Namespaces(seen), Target::App(app)) => seen.contains(&app.namespace()),
        }
    }
}

/// Why the repository could not be looked at. Completes "failed to check for updates: …".
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The trust folder cannot be read or written.
    #[error("the trust folder failed")]
    Store(#[source] StoreError),
    /// It cannot be reached.
    #[error("the repository at {address} cannot be read: {reason}")]
    Unreachable {
        /// Its address.
        address: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("the repository at {address} did not finish within {} s", within.as_secs())]
    TooSlow {
        /// Its address.
        address: String,
        /// The time it had.
        within: Duration,
    },
    /// What it serves is not to be trusted.
    #[error("the repository is not trusted")]
    Trust(#[source] TrustError),
}

impl Explain for CheckError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Trust(_) => ExitClass::Trust,
            Self::Store(_) | Self::Unreachable { .. } | Self::TooSlow { .. } => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Store(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
            Self::Unreachable { .. } | Self::TooSlow { .. } => {
                "check the network and the repository's address in newleaf.toml, then newleaf check"
                    .to_owned()
            }
            Self::Trust(error) => error.hint().to_owned(),
        }
    }
}

/// What is wanted of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Core, the installed apps, and every namespace whose signer is pinned.
    Installed,
    /// Those, and this target.
    Also(Target),
    /// Every namespace there is.
    Everything,
}

impl Updater {
    /// Looks at the repository now: core and every installed app.
    ///
    /// # Errors
    /// [`CheckError`]; what was known before stays known.
    pub async fn check(&self) -> Result<Freshness, CheckError> {
        self.refresh(Interest::Installed).await?;
        self.freshness().await.map_err(CheckError::Store)
    }

    /// How fresh what is known of the repository is.
    pub(crate) async fn freshness(&self) -> Result<Freshness, StoreError> {
        let contact = self.ports().store.contact().await?;
        Ok(Freshness {
            last_check: contact.last_check,
            last_try: contact.last_try,
            last_error: contact.last_error,
            expires: self.known().map_or(contact.expires, |known| Some(known.expires())),
            off_since: match self.settings().checks {
                Checks::On => None,
                Checks::Off => contact.off_since.or(Some(self.ports().clock.now())),
            },
        })
    }

    /// Notes since when the settings say that nobody looks by itself. Called once at each start.
    ///
    /// # Errors
    /// The note cannot be kept.
    pub async fn note_checks(&self) -> Result<(), StoreError> {
        let contact = self.ports().store.contact().await?;
        let off_since = match self.settings().checks {
            Checks::On => None,
            Checks::Off => contact.off_since.or(Some(self.ports().clock.now())),
        };
        if off_since == contact.off_since {
            return Ok(());
        }
        self.ports().store.put_contact(&Contact { off_since, ..contact }).await
    }

    /// What is known of `target` already, be it kept on disk from an earlier look; looks at the
    /// repository only where that does not say anything of it.
    pub(crate) async fn kept_or_known(&self, target: &Target) -> Result<Arc<Known>, CheckError> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        match self.known().filter(|known| known.covers(target)) {
            Some(known) => Ok(known),
            None => self.known_for(target).await,
        }
    }

    /// The newest view that can still be believed for `target`; looks again where it is too old,
    /// and makes do with what is known where the repository is not there.
    pub(crate) async fn known_for(&self, target: &Target) -> Result<Arc<Known>, CheckError> {
        let known = self.known();
        let fresh_for = self.settings().fresh_for.as_secs();
        let now = self.ports().clock.now();
        let last = self.ports().store.contact().await.map_err(CheckError::Store)?.last_check;
        let is_new = last.is_some_and(|last| {
            u64::try_from(now.seconds_since(last)).is_ok_and(|age| age <= fresh_for)
        });
        if let Some(known) = &known
            && is_new
            && known.covers(target)
            && known.expires() > now
        {
            return Ok(known.clone());
        }
        match (self.refresh(Interest::Also(target.clone())).await, known) {
            (Ok(known), _) => Ok(known),
            // Signed, in force and covering the target: as good as the repository itself.
            (Err(CheckError::Unreachable { .. } | CheckError::TooSlow { .. }), Some(known))
                if known.covers(target) && known.expires() > now =>
            {
                Ok(known)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Looks at the repository and remembers how that went.
    pub(crate) async fn refresh(&self, interest: Interest) -> Result<Arc<Known>, CheckError> {
        let _one_at_a_time = self.refreshing().lock().await;
        let begun = self.ports().clock.now();
        let result = self.refresh_within(&interest).await;
        let mut contact = self.ports().store.contact().await.map_err(CheckError::Store)?;
        contact.last_try = Some(begun);
        match &result {
            Ok(known) => {
                contact = Contact {
                    last_check: Some(begun),
                    last_try: Some(begun),
                    last_error: None,
                    expires: Some(known.expires()),
                    off_since: contact.off_since,
                };
                self.learn(known.clone());
            }
            Err(error) => contact.last_error = Some(chain(error)),
        }
        self.ports().store.put_contact(&contact).await.map_err(CheckError::Store)?;
        result
    }

    /// The whole of it has one deadline: a server that drips must not hold the host.
    async fn refresh_within(&self, interest: &Interest) -> Result<Arc<Known>, CheckError> {
        let within = Duration::from_secs(Limits::default().metadata_seconds.into());
        let address = self.ports().repository.address();
        let done = tokio::time::timeout(within, self.drive(interest, From::Repository)).await;
        done.unwrap_or(Err(CheckError::TooSlow { address, within })).map(Arc::new)
    }

    /// What the trust folder alone says: for the time until the repository was looked at.
    pub(crate) async fn recall(&self) -> Result<(), CheckError> {
        if self.known().is_none() {
            let known = self.drive(&Interest::Installed, From::Memory).await?;
            self.learn(Arc::new(known));
        }
        Ok(())
    }

    async fn drive(&self, interest: &Interest, from: From) -> Result<Known, CheckError> {
        let store = &self.ports().store;
        let limits = Limits::default();
        let files = store.trust_files().await.map_err(CheckError::Store)?;
        let timestamp = files.get("timestamp.json").cloned();
        let trusted = TrustStore::from_files(files, &limits).map_err(CheckError::Trust)?;
        let pins = store.pins().await.map_err(CheckError::Store)?;
        let (wanted, reach) = self.wanted(interest, &pins);
        let now = self.ports().clock.now();
        let mut refresh =
            Refresh::start(trusted, pins, wanted, limits, now).map_err(CheckError::Trust)?;
        loop {
            match refresh.next().map_err(CheckError::Trust)? {
                Next::Fetch(fetch) => {
                    let supplied = match from {
                        From::Repository => self.fetch(&fetch).await?,
                        From::Memory if fetch.path == "timestamp.json" => {
                            timestamp.clone().map_or(Supplied::NotFound, Supplied::Bytes)
                        }
                        From::Memory => Supplied::NotFound,
                    };
                    refresh.supply(supplied).map_err(CheckError::Trust)?;
                }
                Next::Persist(files) => match from {
                    From::Repository => {
                        store.put_trust_files(files).await.map_err(CheckError::Store)?;
                    }
                    From::Memory => {}
                },
                Next::Done(outcome) => {
                    let RefreshOutcome { targets, freshness } = *outcome;
                    return Ok(Known { targets, freshness, reach });
                }
            }
        }
    }

    fn wanted(&self, interest: &Interest, pins: &[Pin]) -> (Wanted, Seen) {
        let mut namespaces = self
            .ports()
            .launcher
            .state()
            .apps
            .keys()
            .map(newleaf_domain::PackageName::namespace)
            .collect::<BTreeSet<_>>();
        namespaces.extend(pins.iter().map(|pin| pin.ns.clone()));
        if let Interest::Also(Target::App(app)) = interest {
            namespaces.insert(app.namespace());
        }
        let everything = *interest == Interest::Everything;
        let seen = if everything { Seen::Everything } else { Seen::Namespaces(namespaces.clone()) };
        (Wanted { core: true, namespaces, everything }, seen)
    }

    async fn fetch(&self, fetch: &Fetch) -> Result<Supplied, CheckError> {
        let place = match fetch.place {
            refresh::Place::Metadata => Place::Metadata,
            refresh::Place::Target => Place::Target,
        };
        let repository = &self.ports().repository;
        match repository.read(place, &fetch.path, fetch.max).await {
            Ok(Some(bytes)) => Ok(Supplied::Bytes(bytes)),
            Ok(None) => Ok(Supplied::NotFound),
            Err(RepositoryError::TooLong { .. }) => Ok(Supplied::TooLarge),
            // Without the first file there is no repository; a later one may be one author's alone.
            Err(error) if fetch.path == "timestamp.json" || fetch.path.ends_with(".root.json") => {
                Err(CheckError::Unreachable {
                    address: repository.address(),
                    reason: error.to_string(),
                })
            }
            Err(error) => Ok(Supplied::Unavailable(error.to_string())),
        }
    }
}

/// Where a refresh gets its files.
#[derive(Debug, Clone, Copy)]
enum From {
    Repository,
    Memory,
}
