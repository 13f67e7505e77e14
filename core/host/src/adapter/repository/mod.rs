//! The repository over HTTP, or in a folder of this machine; and the mirrors of its files.

mod folder;
mod http;
mod mirrored;
mod network;
mod retry_after;
mod target;

use std::sync::Arc;

use newleaf_update::port;

use folder::FolderRepository;
use http::HttpRepository;
pub(crate) use http::OpenError;
use mirrored::Mirrored;
use network::Network;

use crate::config::{Repository, RepositoryUrl};

/// The repository that the settings name, with its mirrors.
///
/// # Errors
/// The system's certificates cannot be loaded, or the proxy's address is not one.
pub(crate) fn open(settings: &Repository) -> Result<Arc<dyn port::Repository>, OpenError> {
    let network = Network { proxy: settings.proxy.clone(), stall: settings.stall.duration() };
    let mut all = vec![one(&settings.url, &network)?];
    for mirror in &settings.mirrors {
        all.push(one(mirror, &network)?);
    }
    Ok(Arc::new(Mirrored::new(all)))
}

fn one(url: &RepositoryUrl, network: &Network) -> Result<Arc<dyn port::Repository>, OpenError> {
    Ok(match url.as_str().strip_prefix("file://") {
        Some(path) => Arc::new(FolderRepository::new(path)),
        None => Arc::new(HttpRepository::new(url.as_str(), network)?),
    })
}
