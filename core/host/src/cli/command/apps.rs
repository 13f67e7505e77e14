//! `newleaf apps`: lists, installs, removes and switches apps.

use newleaf_domain::{PackageName, Target};
use newleaf_update::view::AppRow;
use serde_json::{Value, json};

use super::{Context, update};
use crate::cli::arguments::{Apps, Spoken};
use crate::cli::{Exit, show};
use crate::route::{Kind, Problem, RemoveRequest};

pub(super) async fn run(context: Context<'_>, command: Apps) -> Result<Exit, Problem> {
    match command {
        Apps::List => list(context).await,
        Apps::Info { app } => info(context, &app).await,
        Apps::Install { app, version, dry_run, yes } => {
            let wish = update::Wish { version, dry_run, spoken: yes.consent() };
            update::one(context, Target::App(app), &wish).await
        }
        Apps::Remove { app, keep_data, yes } => {
            let keep_data = if keep_data { Data::Kept } else { Data::Erased };
            remove(context, &app, keep_data, yes.consent()).await
        }
        Apps::Enable { app } => switch(context, &app, "enable").await,
        Apps::Disable { app } => switch(context, &app, "disable").await,
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
    context.screen.show(|| show::apps(&apps), &apps);
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
    data: Data,
    spoken: Spoken,
) -> Result<Exit, Problem> {
    if data == Data::Erased
        && spoken == Spoken::Nothing
        && !context.screen.asks(&format!("Remove {app} and all its data?"))
    {
        return Err(Problem::new(
            Kind::ConsentNeeded,
            format!("remove {app} without a yes: its data would be lost"),
        )
        .todo(format!("newleaf apps remove {app} --yes, or with --keep-data")));
    }
    let request = RemoveRequest { keep_data: data == Data::Kept };
    let done: Value = context.door.post(&format!("/api/v1/apps/{app}/remove"), &request).await?;
    let kept = if data == Data::Kept { "; its data is kept" } else { " with its data" };
    context.screen.show(|| format!("{app} is removed{kept}"), &done);
    Ok(Exit::Done)
}

async fn switch(context: Context<'_>, app: &PackageName, verb: &str) -> Result<Exit, Problem> {
    let done: Value =
        context.door.post(&format!("/api/v1/apps/{app}/{verb}"), &Value::Null).await?;
    let state = if verb == "enable" { "serves" } else { "is stopped; its data stays" };
    context.screen.show(|| format!("{app} {state}"), &json!(done));
    Ok(Exit::Done)
}
