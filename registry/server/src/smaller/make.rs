//! Makes one smaller form, durably. Blocks for as long as it takes.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use newleaf_domain::ByteSize;
use newleaf_package::Written;
use newleaf_package::transport::{self, Base, Effort, TransportError};

use super::wanted::{Form, Package};
use crate::durable::{self, Readers, WriteError};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// A file of this length.
    Smaller(ByteSize),
    /// Nothing: it would be no gain.
    NoSmaller,
}

/// Why a form was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeError {
    #[error("{} could not be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Transport(#[from] TransportError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
    #[error("the thread broke off")]
    Broke,
}

/// Makes `form` of the packages below `targets`, at `to`.
pub(super) fn make(
    form: &Form,
    targets: &Path,
    to: &Path,
    effort: Effort,
) -> Result<Made, MakeError> {
    let (frame, most) = match form {
        Form::Copy(package) => {
            let mut frame = Vec::new();
            let from = BufReader::new(open(targets, package)?);
            transport::compress(from, package.length, &mut frame, effort)?;
            (frame, package.length.as_u64())
        }
        Form::Delta { base, result } => {
            let (base, result_bytes) = (load(targets, base)?, load(targets, result)?);
            let frame = transport::create(&base, result_bytes.bytes(), effort)?;
            // A host takes no delta of more than half.
            (frame, result.length.as_u64() / 2)
        }
    };
    let length = frame.len() as u64;
    if length > most {
        return Ok(Made::NoSmaller);
    }
    durable::write(to, &frame, Readers::All)?;
    Ok(Made::Smaller(ByteSize::bytes(length)))
}

fn open(targets: &Path, package: &Package) -> Result<File, MakeError> {
    let path = targets.join(package.stored());
    File::open(&path).map_err(|source| MakeError::Read { path, source })
}

/// The package, if it is still what was released.
fn load(targets: &Path, package: &Package) -> Result<Base, MakeError> {
    let expected = Written { length: package.length, sha256: package.sha256 };
    Ok(Base::read(open(targets, package)?, expected)?)
}
