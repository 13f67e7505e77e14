//! `/api/v1/apps`: the installed apps, and the switches that change no version.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use newleaf_domain::{JobName, PackageName, Target};
use newleaf_update::view::{AppRow, JobEnd, KeptData};
use newleaf_update::{AppData, StartError};

use super::Api;
use crate::route::answer::{Body, Segments, put_back_problem, start_problem};
use crate::route::{Caller, JobRefusal, Kind, Problem, RemoveRequest};

pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<AppRow>>, Problem> {
    super::status::overview(&api).await.map(|overview| Json(overview.apps))
}

pub(super) async fn info(
    State(api): State<Api>,
    Segments(parts): Segments<(String, String)>,
) -> Result<Json<AppRow>, Problem> {
    row(&api, &name(&parts)?).await.map(Json)
}

async fn row(api: &Api, name: &PackageName) -> Result<AppRow, Problem> {
    let found = super::status::overview(api).await?.apps.into_iter().find(|app| app.id == *name);
    found.ok_or_else(|| unknown(api, name))
}

/// Removes the app; answers 204.
pub(super) async fn remove(
    State(api): State<Api>,
    Segments(parts): Segments<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RemoveRequest>,
) -> Result<StatusCode, Problem> {
    let name = name(&parts)?;
    let data = if request.keep_data { AppData::Keep } else { AppData::Erase };
    tracing::info!(app = %name, by = caller.by, "removing {name}");
    done(&api, api.updater.remove(&name, data).await)
}

/// Puts the data back that was set aside when the app was removed; answers 204.
pub(super) async fn put_back(
    State(api): State<Api>,
    Segments(parts): Segments<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let name = name(&parts)?;
    match api.updater.put_back(&name, &caller.by).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(put_back_problem(&api.updater, &error)),
    }
}

/// What removed apps left behind.
pub(super) async fn kept(State(api): State<Api>) -> Json<Vec<KeptData>> {
    Json(api.updater.kept_data().await)
}

/// Serves the app again; answers 204.
pub(super) async fn enable(
    State(api): State<Api>,
    Segments(parts): Segments<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let name = name(&parts)?;
    tracing::info!(app = %name, by = caller.by, "enabling {name}");
    done(&api, api.updater.enable(&name).await)
}

/// Stops serving the app; answers 204.
pub(super) async fn disable(
    State(api): State<Api>,
    Segments(parts): Segments<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let name = name(&parts)?;
    tracing::info!(app = %name, by = caller.by, "disabling {name}");
    done(&api, api.updater.disable(&name).await)
}

/// Runs a job of the app now; answers with how it ended, once it has.
pub(super) async fn run_job(
    State(api): State<Api>,
    Segments((namespace, app, job)): Segments<(String, String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<JobEnd>, Problem> {
    let name = name(&(namespace, app))?;
    let job = JobName::parse(&job).map_err(|error| {
        Problem::new(Kind::Malformed, error.to_string())
            .todo(format!("newleaf apps info {name} names its jobs"))
    })?;
    tracing::info!(app = %name, %job, by = caller.by, "running a job of {name}");
    api.jobs.run_now(&name, &job).await.map(Json).map_err(|refusal| {
        let (kind, todo) = match &refusal {
            JobRefusal::NoApp => return unknown(&api, &name),
            JobRefusal::NoJob => {
                (Kind::NotFound, format!("newleaf apps info {name} names its jobs"))
            }
            JobRefusal::Later { .. } => {
                (Kind::Blocked, format!("try again later: newleaf apps info {name}"))
            }
        };
        Problem::new(kind, format!("run job {job} of {name}: {refusal}"))
            .state(api.updater.standing())
            .todo(todo)
    })
}

fn unknown(api: &Api, name: &PackageName) -> Problem {
    Problem::unknown(&Target::App(name.clone())).state(api.updater.standing())
}

fn done(api: &Api, result: Result<(), StartError>) -> Result<StatusCode, Problem> {
    match result {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(start_problem(&api.updater, &error)),
    }
}

fn name((namespace, app): &(String, String)) -> Result<PackageName, Problem> {
    PackageName::parse(&format!("{namespace}/{app}")).map_err(|error| {
        Problem::new(Kind::Malformed, error.to_string())
            .todo("newleaf apps list names the apps there are")
    })
}
