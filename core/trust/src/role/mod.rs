//! The four kinds of role file, typed (TUF §4.3 to §4.6), and the envelope around them. The types
//! say what a file holds; only [`crate::verified`] says whether to believe it.
//!
//! Every type keeps the members it does not know, so that signing version N+1 of a file that a
//! newer program wrote loses nothing.

mod envelope;
mod number;
pub mod root;
pub mod snapshot;
pub mod targets;
pub mod timestamp;

pub use envelope::{Header, RoleBody, SignatureEntry, Signed};
pub use number::{MetadataVersion, Threshold};
pub use root::{RoleKeys, RootRole};
pub use snapshot::{MetaFile, SnapshotRole};
pub use targets::{Delegation, Delegations, TargetFile, TargetRecord, TargetsRole};
pub use timestamp::TimestampRole;
