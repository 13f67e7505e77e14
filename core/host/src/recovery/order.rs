//! Carries a person's order to the launcher, and says in words what came of it.

use newleaf_domain::{Clock as _, Digest, PlanId, UpdateId};
use newleaf_launcher::journal;
use newleaf_launcher::proto::{Answer, Repair};
use newleaf_launcher::{Layout, state_file};

use crate::adapter::SystemClock;
use crate::worker::Control;

/// What a person may order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Start the version that should run now.
    TryAgain,
    /// Start the version before.
    StartPrevious,
}

/// Orders it. Gives what to tell: that it is done, or why not.
pub(super) async fn order(
    control: &Control,
    layout: &Layout,
    order: Order,
) -> Result<&'static str, String> {
    let (repair, done) = match order {
        Order::TryAgain => (Repair::TryAgain, "It is being started again now."),
        Order::StartPrevious => (way_back(layout)?, "The version before is being started."),
    };
    match control.order(repair).await {
        Ok(Answer::Appended { .. } | Answer::Changed { .. }) => Ok(done),
        Ok(Answer::Refused { why, .. }) => Err(why),
        Err(error) => Err(error.to_string()),
    }
}

/// Nobody planned it, but the journal wants ids that tell this run from others.
fn way_back(layout: &Layout) -> Result<Repair, String> {
    let state = state_file::read(layout).map_err(|error| error.to_string())?;
    let records = journal::read_from(layout, 1).unwrap_or_default();
    let next = records.last().map_or(1, |record| record.seq + 1);
    let plan = PlanId::of(Digest::of(format!("recovery core {}", state.seq).as_bytes()));
    let update = UpdateId::new(SystemClock.now(), &plan, next);
    Ok(Repair::StartPrevious { update, plan })
}
