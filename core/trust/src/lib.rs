//! TUF 1.0.34's client workflow and signing half: bytes and a time in, trust out.
//!
//! Pure: no file, no socket, no clock, no randomness. This is the only crate that knows signatures;
//! whatever it hands out as [`Verified`] was signed by a threshold of the right keys.
//!
//! A reader starts at [`refresh`]; a signer at [`sign`] and the constructors of [`role`].

pub mod advisory;
pub mod artifact;
mod authority;
pub mod canonical;
mod chain;
pub mod error;
mod glob;
pub mod key;
pub mod layout;
mod library;
pub mod limits;
pub mod pin;
pub mod refresh;
pub mod role;
mod search;
pub mod sign;
mod store;
pub mod verified;
mod view;

pub use advisory::{Advisories, Advisory, AdvisoryKind};
pub use artifact::check_target;
pub use authority::Authority;
pub use error::{Missing, TrustError};
pub use glob::PathPattern;
pub use key::{KeyId, KeyPair, PublicKey};
pub use limits::Limits;
pub use pin::{Pin, TrustLevel};
pub use refresh::{Refresh, RefreshOutcome};
pub use role::targets::{Signer, TargetFile};
pub use sign::{add_signatures, sign_role};
pub use store::TrustStore;
pub use verified::{Verified, verify_role};
pub use view::Targets;
