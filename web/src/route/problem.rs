//! Answers that say no, each as a page with its status and with where to go from there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use newleaf_domain::UpdateId;
use newleaf_update::view::StalePlan;
use newleaf_update::{ExitClass, Explain, FourLines, PlanError, StartError};

use super::shared::{Inner, Shared};
use crate::gate::{Refusal, SignedIn};
use crate::page;
use crate::store::StoreError;

/// Why a handler has no page of its own to show.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing is there.
    NotFound,
    /// The form's fields do not parse.
    BadForm,
    /// Another update runs.
    Busy(UpdateId),
    /// The plan has moved on.
    Stale(Box<StalePlan>),
    /// Something failed, in four lines.
    Failed { title: &'static str, status: StatusCode, lines: Box<FourLines> },
}

impl Problem {
    /// A failure of the updater.
    pub(super) fn explained(
        shared: &Inner,
        title: &'static str,
        error: &(impl Explain + 'static),
    ) -> Self {
        let status = match error.class() {
            ExitClass::Failed | ExitClass::RolledBack => StatusCode::INTERNAL_SERVER_ERROR,
            ExitClass::Usage => StatusCode::NOT_FOUND,
            ExitClass::Blocked | ExitClass::Trust | ExitClass::Busy => StatusCode::CONFLICT,
        };
        let lines = shared.portal.updater.explain(error);
        tracing::warn!(failed = %lines.failed, "{title}");
        Self::Failed { title, status, lines: Box::new(lines) }
    }

    /// No plan could be made.
    pub(super) fn plan(shared: &Inner, error: &PlanError) -> Self {
        match error {
            PlanError::Unknown { .. } => Self::NotFound,
            PlanError::Check(_)
            | PlanError::Store(_)
            | PlanError::UpToDate { .. }
            | PlanError::Damaged { .. }
            | PlanError::Refused(_) => Self::explained(shared, "There is no plan", error),
        }
    }

    /// An update did not begin.
    pub(super) fn start(shared: &Inner, error: StartError) -> Self {
        match error {
            StartError::Busy { running } => Self::Busy(running),
            StartError::Stale(stale) => Self::Stale(stale),
            StartError::Plan(PlanError::Unknown { .. }) => Self::NotFound,
            StartError::Rehearsing { .. }
            | StartError::Staged { .. }
            | StartError::Blocked(_)
            | StartError::ConsentNeeded { .. }
            | StartError::LeavesBehind { .. }
            | StartError::Needed { .. }
            | StartError::PauseUnannounced { .. }
            | StartError::Plan(_)
            | StartError::NotListed { .. }
            | StartError::WouldLose { .. }
            | StartError::UndoMoved { .. }
            | StartError::NothingBefore { .. }
            | StartError::CannotGoBack { .. }
            | StartError::NotInstalled { .. }
            | StartError::Launcher(_)
            | StartError::Store(_)
            | StartError::Unfinished { .. }
            | StartError::Unpinned { .. }
            | StartError::Load(_)
            | StartError::Data(_) => Self::explained(shared, "Nothing was started", &error),
        }
    }

    /// The journal could not be read.
    pub(super) fn journal(shared: &Inner, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::unexpected(shared, "The journal cannot be read", error)
    }

    /// Sessions or links could not be read or written.
    pub(super) fn store(shared: &Inner, error: &StoreError) -> Self {
        Self::unexpected(shared, "Sign-in does not work", error)
    }

    pub(super) fn unexpected(
        shared: &Inner,
        title: &'static str,
        error: &(dyn std::error::Error + 'static),
    ) -> Self {
        let failed = newleaf_update::explain::chain(error);
        tracing::error!(failed, "{title}");
        let lines = FourLines {
            state: shared.portal.updater.standing(),
            failed,
            done: "nothing was changed".to_owned(),
            todo: "see which folder it is, and what mends it: newleaf preflight".to_owned(),
        };
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::Failed { title, status, lines: Box::new(lines) }
    }
}

/// The page of a problem.
pub(super) fn render(shared: &Inner, reader: Option<&SignedIn>, problem: &Problem) -> Response {
    let frame = shared.frame(reader);
    let home = ("/", "To the overview");
    let (status, content) = match problem {
        Problem::NotFound => (
            StatusCode::NOT_FOUND,
            page::failure(
                &frame,
                "Not found",
                "Nothing is at this address, or not any more.",
                home,
            ),
        ),
        Problem::BadForm => (
            StatusCode::BAD_REQUEST,
            page::failure(
                &frame,
                "Not understood",
                "The form was not sent by a page of this version.",
                home,
            ),
        ),
        Problem::Busy(running) => (
            StatusCode::CONFLICT,
            page::failure(
                &frame,
                "An update is running",
                "One at a time: nothing else was started.",
                (&format!("/updates/{running}"), "Watch it"),
            ),
        ),
        Problem::Stale(stale) => (StatusCode::CONFLICT, page::stale(&frame, stale)),
        Problem::Failed { title, status, lines } => (*status, page::failed(&frame, title, lines)),
    };
    (status, content).into_response()
}

/// The page for a request that does not pass the gate.
pub(super) fn refused(shared: &Inner, reader: Option<&SignedIn>, refusal: &Refusal) -> Response {
    tracing::warn!(%refusal, "a request was refused");
    let (status, title, advice) = match refusal {
        Refusal::WrongHost => (
            StatusCode::MISDIRECTED_REQUEST,
            "Wrong address",
            "Open the portal at the address that `newleaf serve` printed.",
        ),
        Refusal::OtherSite { .. } | Refusal::NoOrigin => (
            StatusCode::FORBIDDEN,
            "Refused",
            "Nothing was changed. If it was you, open the portal itself and do it there.",
        ),
        Refusal::FormToken => (
            StatusCode::FORBIDDEN,
            "This form is too old",
            "Nothing was changed. Open the page again and send the form once more.",
        ),
    };
    let why = format!("{} {advice}", crate::part::words::sentence(&refusal.to_string()));
    let content = page::failure(&shared.frame(reader), title, &why, ("/", "To the overview"));
    (status, content).into_response()
}

/// Any address that is not one of ours.
pub(super) async fn unknown_address(State(shared): State<Shared>) -> Response {
    render(&shared, None, &Problem::NotFound)
}
