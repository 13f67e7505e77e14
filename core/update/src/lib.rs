//! Carries an approved plan out, exactly so, and tells what it does.
//!
//! Every effect goes through a trait in [`port`]; the crate chooses nothing and never opens a
//! socket, a package or a database by itself. A reader starts at [`Updater`], then looks at the
//! table in [`phase`] and the way of each kind of update in `carry`.

mod anew;
mod back;
mod browse;
mod carry;
mod channels;
pub mod evenness;
pub mod explain;
mod hub;
mod journey;
mod ledger;
mod matched;
mod mend;
mod overview;
mod pause;
pub mod phase;
mod planning;
pub mod port;
mod preflight;
pub mod proof;
mod recover;
mod refresh;
mod rehearsal;
mod releases;
mod removed;
mod run;
mod settings;
mod signers;
mod skip;
mod start;
mod step;
mod tries;
mod unattended;
mod undo;
mod updater;
pub mod view;
mod watch;

pub use anew::{AnewError, NotAnew};
pub use back::BackYes;
pub use channels::ChannelError;
pub use explain::{ExitClass, Explain, FourLines};
pub use journey::{JourneyError, LeftBehind};
pub use matched::{Matched, SignedCore};
pub use newleaf_launcher::journal;
pub use newleaf_launcher::state;
pub use newleaf_plan as plan;
pub use newleaf_trust::TrustLevel;
pub use overview::OverviewError;
pub use planning::PlanError;
pub use port::Ports;
pub use recover::{RecoverError, Recovered};
pub use refresh::CheckError;
pub use rehearsal::RehearseError;
pub use removed::PutBackError;
pub use settings::{
    Budget, Checks, Mending, OnDataLoss, ProductFace, Rehearsal, Settings, SnapshotRule,
};
pub use signers::AcceptError;
pub use skip::{Skip, SkipError};
pub use start::{AppData, Approval, Consent, Leeway, StartError};
pub use unattended::BY_ITSELF;
pub use undo::{EndUndoError, UndoStands};
pub use updater::Updater;
pub use watch::Watch;
