//! Says yes to a plan, or to going back: refuses what may not begin, writes the first record, and
//! lets the update run by itself; switches apps without another version.

mod approval;
mod began;
mod begin;
mod error;
mod switch;
mod yes;

pub use approval::{AppData, Approval, Consent, Leeway};
pub(crate) use began::Began;
pub use error::StartError;
pub(crate) use yes::{errand_of, listed};
