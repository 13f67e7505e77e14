//! What the portal is given by its host.

use std::sync::Arc;

use newleaf_domain::Clock;
use newleaf_update::Updater;

use crate::gate::Gate;
use crate::origin::OriginPolicy;
use crate::product::ProductFace;
use crate::store::{LinkStore, SessionStore};

/// All that the portal needs; it knows nothing else of its host.
#[derive(Debug)]
pub struct Portal {
    /// Answers every question and carries every update out.
    pub updater: Arc<Updater>,
    /// Where sessions are kept.
    pub sessions: Arc<dyn SessionStore>,
    /// Where sign-in links are kept.
    pub links: Arc<dyn LinkStore>,
    /// What the product is called.
    pub product: ProductFace,
    /// The addresses that the portal answers at.
    pub origins: OriginPolicy,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

impl Portal {
    /// The gate that the portal's pages stand behind; for the host's JSON API too.
    pub fn gate(&self) -> Gate {
        Gate {
            sessions: Arc::clone(&self.sessions),
            origins: self.origins.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}
