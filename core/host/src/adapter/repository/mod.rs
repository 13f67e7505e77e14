//! The repository over HTTP, or in a folder of this machine.

mod folder;
mod http;

use std::sync::Arc;

use newleaf_update::port::Repository;

use folder::FolderRepository;
use http::HttpRepository;
pub(crate) use http::OpenError;

use crate::config::RepositoryUrl;

/// The repository at `url`.
///
/// # Errors
/// The system's certificates cannot be loaded.
pub(crate) fn open(url: &RepositoryUrl) -> Result<Arc<dyn Repository>, OpenError> {
    Ok(match url.as_str().strip_prefix("file://") {
        Some(path) => Arc::new(FolderRepository::new(path)),
        None => Arc::new(HttpRepository::new(url.as_str())?),
    })
}
