//! What people see: plain data for the portal, the command line and the JSON API.

mod channel;
mod history;
mod journey;
mod kept;
mod overview;
mod pause;
mod plan;
mod prerequisite;
mod rehearsal;
mod releases;
mod report;
mod signer;
mod skip;
mod work;

pub use channel::ChannelView;
pub use history::{HistoryEntry, HistoryTarget};
pub use journey::{Hop, Journey, JourneyStanding};
pub use kept::KeptData;
pub use overview::{
    AppRow, CoreCard, DataChoice, Freshness, Notice, Offer, Overview, RunningUpdate, Severity,
    ShelfRow, UndoOffer,
};
pub use pause::Pause;
pub use plan::{ChangeView, DisplayText, PlanView, SHARED_ORIGIN, StalePlan};
pub use prerequisite::{Prerequisite, PrerequisiteId, Standing};
pub use rehearsal::RehearsalNote;
pub use releases::{ReleaseRow, ReleasesView};
pub use report::{Progress, Report, StepReport, StepStanding, Unit};
pub use signer::{SignerRow, SignerView, TrustView};
pub use skip::SkipView;
pub use work::{JobEnd, JobRow, JobRun, Usage, Work};
