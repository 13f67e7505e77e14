//! Who signs for a namespace, and the one way to put another signer in its place: an admin's word
//! on a signer that offline keys vouch for. Judges no signature by itself.

use std::collections::BTreeSet;

use newleaf_domain::Namespace;
use newleaf_launcher::journal::Entry;
use newleaf_trust::Pin;

use crate::Updater;
use crate::explain::{ExitClass, Explain, chain};
use crate::port::{LauncherError, StoreError};
use crate::refresh::{CheckError, Interest, Known};
use crate::view::{SignerRow, SignerView, TrustView};

/// Why another signer was not accepted. Completes "failed to accept the signer: …".
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The repository could not be looked at.
    #[error("the repository could not be checked")]
    Check(#[source] CheckError),
    /// What is kept on disk cannot be read or written.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    /// The journal did not take the record.
    #[error("the journal cannot be written")]
    Launcher(#[source] LauncherError),
    /// Nothing of the namespace was ever installed here.
    #[error("no signer of {namespace} is pinned here")]
    NotPinned {
        /// The namespace.
        namespace: Namespace,
    },
    /// The repository names the pinned signer.
    #[error("{namespace} is signed by its pinned signer: {pinned}")]
    Unchanged {
        /// The namespace.
        namespace: Namespace,
        /// Who signs.
        pinned: SignerView,
    },
    /// The repository offers nothing that an admin may accept.
    #[error("no signer of {namespace} is offered that may be accepted: {trouble}")]
    NotAcceptable {
        /// The namespace.
        namespace: Namespace,
        /// Why it offers nothing.
        trouble: String,
    },
    /// The repository offers another signer than the one that was agreed to.
    #[error("{namespace} is offered by {offered}, but what was accepted is {agreed}")]
    Moved {
        /// The namespace.
        namespace: Namespace,
        /// Who is offered now.
        offered: SignerView,
        /// Who was agreed to.
        agreed: SignerView,
    },
}

impl Explain for AcceptError {
    fn class(&self) -> ExitClass {
        match self {
            Self::Check(error) => error.class(),
            Self::NotAcceptable { .. } | Self::Moved { .. } => ExitClass::Trust,
            Self::Store(_)
            | Self::Launcher(_)
            | Self::NotPinned { .. }
            | Self::Unchanged { .. } => ExitClass::Failed,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Check(error) => error.todo(),
            Self::Store(_) | Self::Launcher(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
            Self::NotPinned { .. } => {
                "newleaf trust show lists the namespaces there are".to_owned()
            }
            Self::Unchanged { .. } => "nothing".to_owned(),
            Self::NotAcceptable { .. } => {
                "ask the author, and who runs the repository, which keys sign".to_owned()
            }
            Self::Moved { .. } => {
                "compare the key ids with the author again: newleaf trust show".to_owned()
            }
        }
    }
}

impl Updater {
    /// Every pinned signer, with what the repository offers in its place as far as is known.
    ///
    /// # Errors
    /// The trust folder cannot be read.
    pub async fn signers(&self) -> Result<TrustView, StoreError> {
        if let Err(error) = self.recall().await {
            // Before the first check there is nothing to recall; the freshness says so.
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let known = self.known();
        let mut pins = self.ports().store.pins().await?;
        pins.sort_by(|one, other| one.ns.cmp(&other.ns));
        let signers = pins.iter().map(|pin| row(pin, known.as_deref())).collect();
        let lost = self.unpinned(&pins);
        Ok(TrustView { signers, lost, freshness: self.freshness().await? })
    }

    /// Namespaces of installed apps that none of `pins` is of. A namespace is pinned before anything
    /// of it is good, so a missing pin is a lost one.
    pub(crate) fn unpinned(&self, pins: &[Pin]) -> Vec<Namespace> {
        let state = self.state();
        let good = state.apps.iter().filter(|(_, row)| row.good.is_some());
        let namespaces = good.map(|(app, _)| app.namespace()).collect::<BTreeSet<_>>();
        let is_lost = |namespace: &Namespace| !pins.iter().any(|pin| pin.ns == *namespace);
        namespaces.into_iter().filter(is_lost).collect()
    }

    /// Puts `agreed` in the place of the pinned signer of `namespace`, where the repository offers
    /// exactly that one and offline keys vouch for it; `by` is who said so, for the journal.
    ///
    /// # Errors
    /// [`AcceptError`]; the pinned signer stays.
    pub async fn accept_signer(
        &self,
        namespace: &Namespace,
        agreed: &SignerView,
        by: &str,
    ) -> Result<SignerRow, AcceptError> {
        let pinned = self.pinned(namespace).await?;
        let known = self.refresh(Interest::Installed).await.map_err(AcceptError::Check)?;
        let accepted = acceptable(&pinned, &known)?;
        if SignerView::from(&accepted) != *agreed {
            return Err(AcceptError::Moved {
                namespace: namespace.clone(),
                offered: SignerView::from(&accepted),
                agreed: agreed.clone(),
            });
        }
        let text = format!(
            "{by} accepts another signer of {namespace}: {}; it was {}",
            accepted.summary(),
            pinned.summary()
        );
        let noted = self.ports().launcher.append(None, Entry::Notice { text }).await;
        noted.map_err(AcceptError::Launcher)?;
        self.ports().store.put_pin(&accepted).await.map_err(AcceptError::Store)?;
        if let Err(error) = self.refresh(Interest::Installed).await {
            // The pin stands; the next look finds what the new signer offers.
            tracing::warn!(error = chain(&error), "the repository was not looked at again");
        }
        Ok(row(&accepted, self.known().as_deref()))
    }

    async fn pinned(&self, namespace: &Namespace) -> Result<Pin, AcceptError> {
        let pins = self.ports().store.pins().await.map_err(AcceptError::Store)?;
        let found = pins.into_iter().find(|pin| pin.ns == *namespace);
        found.ok_or_else(|| AcceptError::NotPinned { namespace: namespace.clone() })
    }
}

fn row(pin: &Pin, known: Option<&Known>) -> SignerRow {
    let offered = known.and_then(|known| offered(pin, known));
    let trouble = known.and_then(|known| known.targets.failures.get(&pin.ns));
    SignerRow {
        namespace: pin.ns.clone(),
        pinned: SignerView::from(pin),
        offered: offered.as_ref().map(SignerView::from),
        trouble: trouble.map(|error| chain(error)),
    }
}

/// The signer that an admin may put in the place of `pinned`: the next link of the chain, with the
/// admin's word for its proof. Never one that is vouched for less well.
fn offered(pinned: &Pin, known: &Known) -> Option<Pin> {
    let offered = known.targets.acceptable.get(&pinned.ns)?;
    let is_another = pinned.accepts(offered).is_err() && offered.level >= pinned.level;
    is_another.then(|| Pin { n: pinned.n.saturating_add(1), ..offered.clone() })
}

fn acceptable(pinned: &Pin, known: &Known) -> Result<Pin, AcceptError> {
    let namespace = pinned.ns.clone();
    offered(pinned, known).ok_or_else(|| match known.targets.failures.get(&namespace) {
        Some(error) => AcceptError::NotAcceptable { namespace, trouble: chain(error) },
        None => AcceptError::Unchanged { namespace, pinned: SignerView::from(pinned) },
    })
}
