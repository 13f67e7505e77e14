//! Follows one update to its end, through the restart of core itself, and judges how it ended.

use std::time::{Duration, Instant};

use newleaf_domain::UpdateId;
use newleaf_launcher::journal::Ending;
use newleaf_launcher::state::Way;
use newleaf_update::view::{Journey, JourneyStanding, Report};

use super::Context;
use crate::cli::Exit;
use crate::cli::door::NextEvent;
use crate::cli::show::Follower;
use crate::route::{Kind, Problem, Started, UpdateEvent, kind_of};

/// How long a silent host is waited for. A switch of core with two hanging tries takes some 70 s
/// with the default waits.
const COMES_BACK_WITHIN: Duration = Duration::from_mins(3);

/// Pause between two tries to reach the host.
const RETRY: Duration = Duration::from_millis(250);

/// Prints an update's events until it has ended, then how it ended; then the same of every hop that
/// its plan goes on with.
pub(super) async fn to_the_end(context: Context<'_>, started: &Started) -> Result<Exit, Problem> {
    let mut id = started.id.clone();
    loop {
        let report = report_of(context, &id).await?;
        if let Some(problem) = failure_of(&report) {
            return Err(problem);
        }
        context.screen.say(&sentence(&report));
        match next_hop(context, &report).await? {
            Some(next) => id = next,
            None => return Ok(Exit::Done),
        }
    }
}

/// The update that the plan goes on with after `over`; none where that was the last, or the next
/// one waits for a start of the host.
async fn next_hop(context: Context<'_>, over: &Report) -> Result<Option<UpdateId>, Problem> {
    let path = format!("/api/v1/plans/{}/journey", over.plan);
    let since = Instant::now();
    loop {
        match context.door.get::<Journey>(&path).await {
            Ok(journey) => {
                let next = journey.number_of(&over.id).and_then(|at| journey.hops.get(at));
                if let Some(update) = next.and_then(|hop| hop.update.clone()) {
                    return Ok(Some(update));
                }
                if let JourneyStanding::Stopped { why } = journey.standing {
                    return Err(stopped(over, &why));
                }
                if journey.standing != JourneyStanding::UnderWay {
                    return Ok(None);
                }
            }
            // No plan led here, such as on the way back.
            Err(problem) if problem.is(Kind::NotFound) => return Ok(None),
            Err(problem) if !context.door.may_come_back() || is_final(&problem) => {
                return Err(problem);
            }
            Err(problem) if since.elapsed() > COMES_BACK_WITHIN => return Err(problem),
            Err(_) => {}
        }
        if since.elapsed() > COMES_BACK_WITHIN {
            return Err(stopped(over, "its next hop did not begin"));
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn stopped(over: &Report, why: &str) -> Problem {
    Problem::new(Kind::Failed, format!("go on with the plan: {why}"))
        .state(format!("{} {} serves", over.target, over.to))
        .done("the hops before were carried out")
        .todo(format!("make a new plan from here: newleaf plan {}", over.target))
}

async fn report_of(context: Context<'_>, id: &UpdateId) -> Result<Report, Problem> {
    let path = format!("/api/v1/updates/{id}/events");
    let mut follower = Follower::new(context.screen);
    let mut seen = 0;
    let mut last_word = Instant::now();
    loop {
        match context.door.events(&path, seen).await {
            Ok(mut events) => {
                while let NextEvent::Event(event) = events.next().await {
                    last_word = Instant::now();
                    follower.see(&event);
                    match *event {
                        UpdateEvent::Record(record) => seen = seen.max(record.seq),
                        UpdateEvent::Progress { .. } => {}
                        UpdateEvent::Ended(report) => return Ok(*report),
                    }
                }
            }
            Err(problem) if !context.door.may_come_back() || is_final(&problem) => {
                return Err(problem);
            }
            Err(problem) if last_word.elapsed() > COMES_BACK_WITHIN => return Err(problem),
            Err(_) => {}
        }
        follower.waits();
        tokio::time::sleep(RETRY).await;
    }
}

/// Whether asking again could not help.
fn is_final(problem: &Problem) -> bool {
    problem.is(Kind::NotFound) || problem.is(Kind::Forbidden) || problem.is(Kind::NotSignedIn)
}

fn sentence(report: &Report) -> String {
    match (report.ending, report.way) {
        (Some(Ending::Deferred), _) => {
            format!("{} {} is staged and takes effect at next start", report.target, report.to)
        }
        (_, Way::Forward) => format!("{} {} is installed and serves", report.target, report.to),
        (_, Way::Back) => format!("{} went back to {}", report.target, report.to),
    }
}

/// The failure in four lines, where the update did not simply succeed.
fn failure_of(report: &Report) -> Option<Problem> {
    let kind = kind_of(report.exit_class()?);
    let failure = report.failure().map(|(_, failure)| failure);
    let reason = report.reason.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
    let state = match &report.from {
        Some(from) => format!("{} {from} serves", report.target),
        None => format!("{} is not installed", report.target),
    };
    let problem =
        Problem::new(kind, failure.map_or(reason, |failure| failure.what.clone())).state(state);
    Some(match failure {
        Some(failure) => problem.done(failure.done.clone()).todo(failure.todo.clone()),
        None => problem.done("the version before was put back").todo(format!(
            "look up what happened: newleaf history, or update {} in the portal",
            report.id
        )),
    })
}
