//! The offline ceremony: root, targets, delegations and core releases, signed with keys that never
//! meet the registry.
//!
//! Needs neither network nor the registry's folder: role files and packages in, role files out. The
//! acts are [`create`] (keys), [`init_repository`] (version 1 of the offline roles), [`core_sign`]
//! (a core release), [`claim`] (an author), [`renew`] and [`renew_root`] (before they expire), and
//! [`cosign`] where several holders must sign.

mod claim;
mod core_pack;
mod core_sign;
mod create;
mod error;
mod first;
mod folder;
mod guard;
mod sign;

pub use claim::{claim, renew, renew_root};
pub use core_pack::{CoreParts, core_pack};
pub use core_sign::{CoreFile, CoreRelease, Offer, Source, core_sign, core_sign_files};
pub use create::{Quorum, Quorums, create, new_pair};
pub use error::KeysError;
pub use first::{FirstRoles, OnlineKeys, init_repository};
pub use folder::{Ceremony, CeremonyRole, KeyFolder, read_pair};
pub use guard::{find_offline_keys, offline_keys};
pub use sign::{SignedRole, cosign};
