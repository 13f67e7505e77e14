//! The certificates of a host's doors, together.

use std::path::Path;
use std::sync::Arc;

use newleaf_domain::Clock;
use newleaf_update::view::Notice;
use tokio_rustls::TlsAcceptor;

use super::Keeper;
use crate::config::Listen;
use crate::shutdown::ShutdownWatch;

/// The certificates that the settings name, followed as they change. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    public: Option<Arc<Keeper>>,
    admin: Option<Arc<Keeper>>,
}

impl Certificates {
    /// Reads those of the host in `dir`.
    pub fn open(listen: &Listen, dir: &Path, clock: &Arc<dyn Clock>) -> Self {
        let open = |door, tls: Option<&crate::config::Tls>| {
            tls.map(|files| Keeper::open(door, files.below(dir), Arc::clone(clock)))
        };
        Self {
            public: open("public", listen.public_tls.as_ref()),
            admin: open("admin", listen.admin_tls.as_ref()),
        }
    }

    /// Looks at the files until told to finish.
    pub fn follow(&self, watch: &ShutdownWatch) {
        for keeper in self.all() {
            tokio::spawn(Arc::clone(keeper).follow(watch.clone()));
        }
    }

    /// What the public addresses accept with; none where they speak plain HTTP.
    ///
    /// # Errors
    /// As [`Keeper::acceptor`].
    pub fn public(&self) -> Result<Option<TlsAcceptor>, rustls::Error> {
        self.public.as_ref().map(Keeper::acceptor).transpose()
    }

    /// The same of the admin addresses.
    ///
    /// # Errors
    /// As [`Keeper::acceptor`].
    pub fn admin(&self) -> Result<Option<TlsAcceptor>, rustls::Error> {
        self.admin.as_ref().map(Keeper::acceptor).transpose()
    }

    /// The first that has nothing to serve, and why.
    pub fn silent(&self) -> Option<Notice> {
        self.all().find(|keeper| keeper.is_silent())?.notice()
    }

    /// What is wrong with any of them.
    pub fn notices(&self) -> Vec<Notice> {
        self.all().filter_map(|keeper| keeper.notice()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Keeper>> {
        self.public.iter().chain(&self.admin)
    }
}
