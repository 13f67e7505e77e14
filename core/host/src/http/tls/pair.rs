//! One certificate and its key, read and found fit to be served together.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use newleaf_domain::{Timestamp, shell};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::expiry;
use crate::config::Tls;

/// The longest file that is read: a chain has some kilobytes.
const MOST: u64 = 1 << 20;

/// A pair that fits.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    /// What handshakes are made with.
    pub(super) key: Arc<CertifiedKey>,
    /// When clients begin to refuse it; none where it does not say.
    pub(super) until: Option<Timestamp>,
}

/// Why a certificate and key are not served. Completes "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// A file cannot be read.
    #[error("read {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("find a {wanted} in {path}: {why}", path = path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        wanted: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Each is fine, but not with the other.
    #[error("serve {certificate} with {key}: the key belongs to another certificate",
        certificate = files.certificate.display(), key = files.key.display())]
    Mismatch {
        /// Both files.
        files: Tls,
    },
    /// Clients refuse it.
    #[error("serve {path}: it expired at {until}", path = path.display())]
    Expired {
        /// The certificate.
        path: PathBuf,
        /// When.
        until: Timestamp,
    },
}

impl PairError {
    /// What an operator does about it.
    pub fn todo(&self) -> String {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "Let the host's user read it; it is read again by itself.".to_owned()
            }
            Self::Read { path, .. } => format!(
                "Put the file there, or change [listen] in newleaf.toml; {} is looked for again \
                 by itself.",
                path.display()
            ),
            Self::Form { wanted, .. } => {
                format!("Put a {wanted} in PEM form there; it is read again by itself.")
            }
            Self::Mismatch { .. } => {
                "Put both files of one certificate there; compare them by their public keys."
                    .to_owned()
            }
            Self::Expired { .. } => "Renew it; the files are read again by themselves.".to_owned(),
        }
    }

    /// The command that mends it or shows more, ready to paste.
    pub fn command(&self) -> String {
        match self {
            Self::Read { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                let user = crate::cli::owner::name_of(rustix::process::geteuid().as_raw());
                let (right, path) = barred_at(path);
                format!("sudo setfacl -m u:{user}:{right} {}", shell::word(path))
            }
            Self::Read { path, .. } => format!("ls -lL {}", shell::word(path)),
            Self::Form { path, .. } => format!("grep BEGIN {}", shell::word(path)),
            Self::Mismatch { files } => format!(
                "openssl x509 -noout -pubkey -in {}; openssl pkey -pubout -in {}",
                shell::word(&files.certificate),
                shell::word(&files.key)
            ),
            Self::Expired { path, .. } => {
                format!("openssl x509 -noout -subject -dates -in {}", shell::word(path))
            }
        }
    }
}

/// Where a file that may not be read is barred: at the first folder on its way that may not be
/// entered, else at itself; with the right that is missing.
fn barred_at(path: &Path) -> (&'static str, &Path) {
    let mut way: Vec<_> = path.ancestors().collect();
    way.reverse();
    let barred = way.windows(2).find(|step| {
        std::fs::metadata(step[1])
            .is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    });
    barred.map_or(("r", path), |step| ("x", step[0]))
}

/// Reads both files. One that expired is a pair too: whether it is served, the caller decides.
pub(super) fn load(files: &Tls) -> Result<Pair, PairError> {
    let path = &files.certificate;
    let form = |why: pem::Error| PairError::Form {
        path: path.clone(),
        wanted: "certificate",
        why: said(&why),
    };
    let chain = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(form)?;
    let Some(first) = chain.first() else { return Err(form(pem::Error::NoItemsFound)) };
    let until = expiry::not_after(first);
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(|why| PairError::Form {
        path: files.key.clone(),
        wanted: "private key",
        why: said(&why),
    })?;
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider())
        .map_err(|error| unfit(files, &error))?;
    Ok(Pair { key: Arc::new(key), until })
}

fn unfit(files: &Tls, error: &Error) -> PairError {
    if *error == Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
        return PairError::Mismatch { files: files.clone() };
    }
    // The certificate is parsed only to compare it with a key that was understood.
    let (path, wanted) = if matches!(error, Error::InvalidCertificate(_)) {
        (&files.certificate, "certificate")
    } else {
        (&files.key, "private key")
    };
    PairError::Form { path: path.clone(), wanted, why: error.to_string() }
}

fn said(error: &pem::Error) -> String {
    if matches!(error, pem::Error::NoItemsFound) {
        return "there is none".to_owned();
    }
    // As it prints itself, it shows the marker's bytes as numbers.
    if matches!(error, pem::Error::MissingSectionEnd { .. }) {
        return "it ends in the middle".to_owned();
    }
    error.to_string()
}

/// A file's bytes, not more than [`MOST`].
fn read(path: &Path) -> Result<Vec<u8>, PairError> {
    use io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST).read_to_end(&mut bytes))
        .map_err(|source| PairError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}
