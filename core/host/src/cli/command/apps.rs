//! `newleaf apps`: lists, installs, removes and switches apps.

use newleaf_domain::{JobName, PackageName, Target};
use newleaf_update::view::{AppRow, JobEnd, KeptData};
use serde_json::{Value, json};

use super::{Context, update};
use crate::cli::arguments::{Apps, Spoken};
use crate::cli::{Exit, show};
use crate::route::{ConsentWord, Kind, Problem, RemoveRequest};

pub(super) async fn run(context: Context<'_>, command: Apps) -> Result<Exit, Problem> {
    match command {
        Apps::List => list(context).await,
        Apps::Info { app } => info(context, &app).await,
        Apps::Install { app, version, dry_run, accept, yes } => {
            let wish = update::Wish {
                version,
                dry_run,
                spoken: yes.consent(),
                accepted: accept.consent(),
                suspend: ConsentWord::NotGiven,
            };
            update::one(context, Target::App(app), &wish).await
        }
        Apps::Remove { app, keep_data, yes } => {
            let said = match (keep_data, yes.consent()) {
                (true, _) => Some(Data::Kept),
                (false, Spoken::Yes) => Some(Data::Erased),
                (false, Spoken::Nothing) => None,
            };
            remove(context, &app, said).await
        }
        Apps::PutBack { app } => put_back(context, &app).await,
        Apps::Enable { app } => switch(context, &app, "enable").await,
        Apps::Disable { app } => switch(context, &app, "disable").await,
        Apps::RunJob { app, job } => run_job(context, &app, &job).await,
    }
}

/// What becomes of a removed app's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    Kept,
    Erased,
}

async fn list(context: Context<'_>) -> Result<Exit, Problem> {
    let apps: Vec<AppRow> = context.door.get("/api/v1/apps").await?;
    let kept: Vec<KeptData> = context.door.get("/api/v1/kept").await?;
    context
        .screen
        .show(|| [show::apps(&apps), left(&kept)].join("\n").trim_end().to_owned(), &apps);
    Ok(Exit::Done)
}

async fn info(context: Context<'_>, app: &PackageName) -> Result<Exit, Problem> {
    let row: AppRow = context.door.get(&format!("/api/v1/apps/{app}")).await?;
    context.screen.show(|| show::app(&row), &row);
    Ok(Exit::Done)
}

async fn remove(
    context: Context<'_>,
    app: &PackageName,
    said: Option<Data>,
) -> Result<Exit, Problem> {
    let data = match said {
        Some(data) => data,
        None => asked(context, app)?,
    };
    let request = RemoveRequest { keep_data: data == Data::Kept };
    let done: Value = context.door.post(&format!("/api/v1/apps/{app}/remove"), &request).await?;
    let kept = match data {
        Data::Kept => "; its data is kept for a later install".to_owned(),
        Data::Erased => format!(
            " with its data, which is set aside for some days: newleaf apps put-back {app} brings it back"
        ),
    };
    context.screen.show(|| format!("{app} is removed{kept}"), &done);
    Ok(Exit::Done)
}

/// What becomes of the app and of its data, asked one after the other: no answer changes nothing.
fn asked(context: Context<'_>, app: &PackageName) -> Result<Data, Problem> {
    if !context.screen.asks(&format!("Remove {app}?")) {
        return Err(Problem::new(
            Kind::ConsentNeeded,
            format!("remove {app} without a yes: what becomes of its data is not said"),
        )
        .todo(format!(
            "newleaf apps remove {app} --keep-data, or with --yes to delete its data too"
        )));
    }
    let delete = context.screen.asks("Delete its data too? A no keeps it for a later install.");
    Ok(if delete { Data::Erased } else { Data::Kept })
}

/// What removed apps left behind, a line each.
fn left(kept: &[KeptData]) -> String {
    let line = |it: &KeptData| match it.until {
        Some(until) => format!(
            "{0} was removed with its data, which is set aside until {until}: newleaf apps put-back {0}",
            it.app
        ),
        None => format!("{0} left data, which its next install takes up", it.app),
    };
    kept.iter().map(line).collect::<Vec<_>>().join("\n")
}

async fn put_back(context: Context<'_>, app: &PackageName) -> Result<Exit, Problem> {
    let path = format!("/api/v1/apps/{app}/put-back");
    let done: Value = context.door.post(&path, &Value::Null).await?;
    let text = || format!("the data of {app} is back; its next install takes it up");
    context.screen.show(text, &done);
    Ok(Exit::Done)
}

async fn run_job(context: Context<'_>, app: &PackageName, job: &JobName) -> Result<Exit, Problem> {
    let path = format!("/api/v1/apps/{app}/jobs/{job}/run");
    let end: JobEnd = context.door.post(&path, &Value::Null).await?;
    context.screen.show(|| format!("{app}: job {job} {end}"), &end);
    Ok(match end {
        JobEnd::Done => Exit::Done,
        JobEnd::Failed(_) | JobEnd::Cut(_) => Exit::Failed,
    })
}

async fn switch(context: Context<'_>, app: &PackageName, verb: &str) -> Result<Exit, Problem> {
    let done: Value =
        context.door.post(&format!("/api/v1/apps/{app}/{verb}"), &Value::Null).await?;
    let state = if verb == "enable" { "serves" } else { "is stopped; its data stays" };
    context.screen.show(|| format!("{app} {state}"), &json!(done));
    Ok(Exit::Done)
}
