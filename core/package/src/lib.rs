//! The package format: a strict reader and a reproducible writer of stored zips; and how a package
//! travels, in [`transport`].
//!
//! A package is one zip file whose members are *stored*, never compressed: its bytes are easy to
//! rebuild from an unpacked folder, and reading one can never cost more than its signed length.
//! The reader accounts for every byte of the file before it gives out the first member, so that
//! no two readers can see two different packages in it. Nothing here decides whether a package
//! is to be trusted; that is the digest's part, which `newleaf-trust` verifies.
//!
//! ```
//! # use std::io::Cursor;
//! # use newleaf_package::{Limits, PackageReader, PackageWriter};
//! let manifest = br#"{"id":"acme/hello","version":"1.0.0"}"#;
//! let mut writer = PackageWriter::new(manifest.to_vec(), Limits::app())?;
//! writer.add_bytes("README.md", b"Hello.".to_vec())?;
//! let mut file = Cursor::new(Vec::new());
//! let written = writer.write(&mut file)?;
//!
//! let mut reader = PackageReader::open(file, Limits::app())?;
//! assert_eq!(reader.manifest()?.manifest.version.as_str(), "1.0.0");
//! assert_eq!(reader.members().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod limits;
mod name;
mod nested;
mod reader;
mod record;
mod tiling;
pub mod transport;
mod unpack;
mod writer;

pub use error::{MemberFault, NameFault, PackageError};
pub use limits::Limits;
pub use name::{MANIFEST, MemberName};
pub use reader::{ManifestMember, Member, PackageReader};
pub use unpack::{UnpackError, Unpacked};
pub use writer::{PackageWriter, WriteError, Written};
