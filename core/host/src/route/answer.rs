//! How the updater's errors become problem documents, and how bodies are taken.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use newleaf_update::explain::chain;
use newleaf_update::{
    AcceptError, ChannelError, CheckError, ExitClass, Explain, FourLines, PlanError, PutBackError,
    RehearseError, SkipError, StartError, Updater,
};
use serde::de::DeserializeOwned;

use super::{Kind, Problem, With};

/// A JSON body; one that is not understood is a problem document of its own.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(Problem::new(
                Kind::Malformed,
                format!("understand the body: {}", rejection.body_text()),
            )
            .todo("send JSON of the documented form, with content-type: application/json")),
        }
    }
}

/// The variable parts of a path; ones that are not understood are a problem document.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => {
                let detail = format!("understand the path: {}", rejection.body_text());
                Err(Problem::new(Kind::Malformed, detail).todo(SEE_THE_GUIDE))
            }
        }
    }
}

/// The query; one that is not understood is a problem document.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => {
                let detail = format!("understand the query: {}", rejection.body_text());
                Err(Problem::new(Kind::Malformed, detail).todo(SEE_THE_GUIDE))
            }
        }
    }
}

/// The hint where a request is none that the API knows.
const SEE_THE_GUIDE: &str = "see the operator's guide for the requests there are";

/// No such path.
pub(super) async fn unknown(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("find {} in the API", uri.path())).todo(SEE_THE_GUIDE)
}

/// The path is there, and not for this method; the router adds `Allow` (RFC 9110 §15.5.6).
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{method} {}: it is not for this method", uri.path());
    Problem::new(Kind::WrongMethod, detail).todo("use a method that the header Allow names")
}

/// What an error of the updater looks like from outside.
fn explained(updater: &Updater, error: &(impl Explain + 'static)) -> Problem {
    of_kind(kind_of(error.class()), updater, error)
}

fn of_kind(kind: Kind, updater: &Updater, error: &(impl Explain + 'static)) -> Problem {
    let FourLines { state, failed, done, todo } = updater.explain(error);
    Problem::new(kind, failed).state(state).done(done).todo(todo)
}

/// The journal or `state` that everything is told from cannot be read.
pub(super) fn unreadable(updater: &Updater, error: &(dyn std::error::Error + 'static)) -> Problem {
    Problem::new(Kind::Failed, chain(error))
        .state(updater.standing())
        .todo("newleaf preflight names the folder and the command that mends it")
}

/// A rehearsal that could not be.
pub(super) fn rehearse_problem(updater: &Updater, error: &RehearseError) -> Problem {
    match error {
        RehearseError::Plan(error) => plan_problem(updater, error),
        RehearseError::Start(error) => start_problem(updater, error),
        RehearseError::Bring { .. } => explained(updater, error),
    }
}

/// A plan that was not made.
pub(super) fn plan_problem(updater: &Updater, error: &PlanError) -> Problem {
    match error {
        PlanError::UpToDate { .. } => of_kind(Kind::UpToDate, updater, error),
        PlanError::Unknown { .. } => of_kind(Kind::NotFound, updater, error),
        PlanError::Check(check) => of_kind(kind_of_check(check), updater, error),
        PlanError::Store(_) | PlanError::Damaged { .. } | PlanError::Refused(_) => {
            explained(updater, error)
        }
    }
}

/// A look at the repository that failed.
pub(super) fn check_problem(updater: &Updater, error: &CheckError) -> Problem {
    of_kind(kind_of_check(error), updater, error)
}

fn kind_of_check(error: &CheckError) -> Kind {
    match error {
        CheckError::Unreachable { .. } | CheckError::TooSlow { .. } => Kind::Unreachable,
        CheckError::Store(_) | CheckError::Trust(_) => kind_of(error.class()),
    }
}

/// An update that was not begun: 409 with the running one, 409 with the plan that is due, or a
/// problem of its kind.
pub(super) fn start_problem(updater: &Updater, error: &StartError) -> Problem {
    match error {
        StartError::Busy { running } => of_kind(Kind::Busy, updater, error).with(With {
            link: Some(format!("/api/v1/updates/{running}")),
            running: Some(running.clone()),
            ..With::default()
        }),
        StartError::Rehearsing { .. } => of_kind(Kind::Busy, updater, error),
        StartError::Staged { update, .. } => of_kind(Kind::Busy, updater, error)
            .with(With { running: Some(update.clone()), ..With::default() }),
        StartError::Stale(stale) => {
            let link =
                stale.replacement.as_ref().map(|plan| format!("/api/v1/plan?id={}", plan.id));
            let plan = stale.replacement.clone().map(Box::new);
            of_kind(Kind::StalePlan, updater, error).with(With { link, plan, ..With::default() })
        }
        StartError::Blocked(prerequisites) => of_kind(Kind::Blocked, updater, error)
            .with(With { prerequisites: prerequisites.clone(), ..With::default() }),
        StartError::PauseUnannounced { .. }
        | StartError::WouldLose { .. }
        | StartError::UndoMoved { .. } => of_kind(Kind::ConsentNeeded, updater, error),
        StartError::ConsentNeeded { changes, .. } => of_kind(Kind::ConsentNeeded, updater, error)
            .with(With { grants: changes.clone(), ..With::default() }),
        StartError::NothingBefore { .. } => of_kind(Kind::NotFound, updater, error),
        StartError::Plan(plan) => plan_problem(updater, plan),
        StartError::LeavesBehind { .. } => of_kind(Kind::ConsentNeeded, updater, error),
        StartError::NotInstalled { .. }
        | StartError::CannotGoBack { .. }
        | StartError::Needed { .. }
        | StartError::NotListed { .. }
        | StartError::Launcher(_)
        | StartError::Store(_)
        | StartError::Unfinished { .. }
        | StartError::Unpinned { .. }
        | StartError::Load(_)
        | StartError::Data(_) => explained(updater, error),
    }
}

/// A channel that was not changed.
pub(super) fn channel_problem(updater: &Updater, error: &ChannelError) -> Problem {
    match error {
        ChannelError::ConsentNeeded { .. } => of_kind(Kind::ConsentNeeded, updater, error),
        ChannelError::NotInstalled { .. }
        | ChannelError::Policy(_)
        | ChannelError::Store(_)
        | ChannelError::Launcher(_) => explained(updater, error),
    }
}

/// Data that was not put back.
pub(super) fn put_back_problem(updater: &Updater, error: &PutBackError) -> Problem {
    match error {
        PutBackError::Nothing { .. } => of_kind(Kind::NotFound, updater, error),
        PutBackError::Start(error) => start_problem(updater, error),
        PutBackError::Installed { .. }
        | PutBackError::InPlace { .. }
        | PutBackError::Data(_)
        | PutBackError::Launcher(_) => explained(updater, error),
    }
}

/// A version that was not refused, or not offered again.
pub(super) fn skip_problem(updater: &Updater, error: &SkipError) -> Problem {
    match error {
        SkipError::NothingOffered { .. } | SkipError::NotSkipped { .. } => {
            of_kind(Kind::NotFound, updater, error)
        }
        SkipError::NotInstalled { .. }
        | SkipError::Policy(_)
        | SkipError::Store(_)
        | SkipError::Launcher(_) => explained(updater, error),
    }
}

/// A signer that was not accepted.
pub(super) fn accept_problem(updater: &Updater, error: &AcceptError) -> Problem {
    match error {
        AcceptError::Check(check) => of_kind(kind_of_check(check), updater, error),
        AcceptError::NotPinned { .. } => of_kind(Kind::NotFound, updater, error),
        AcceptError::Unchanged { .. } => of_kind(Kind::UpToDate, updater, error),
        AcceptError::NotAcceptable { .. }
        | AcceptError::Moved { .. }
        | AcceptError::Store(_)
        | AcceptError::Launcher(_) => explained(updater, error),
    }
}

/// The kind of problem a class of errors is.
pub(crate) const fn kind_of(class: ExitClass) -> Kind {
    match class {
        ExitClass::Failed => Kind::Failed,
        ExitClass::Usage => Kind::UnknownTarget,
        ExitClass::Blocked => Kind::Blocked,
        ExitClass::Trust => Kind::Refused,
        ExitClass::RolledBack => Kind::RolledBack,
        ExitClass::Busy => Kind::Busy,
    }
}
