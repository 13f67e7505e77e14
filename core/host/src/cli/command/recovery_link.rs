//! `newleaf recovery-link`: a link that opens the recovery page, once. Asks no database.

use std::path::Path;

use serde_json::Value;

use crate::cli::door::Door;
use crate::cli::owner::{self, Standing};
use crate::cli::show::Screen;
use crate::cli::{Exit, runtime};
use crate::route::{Kind, NewLink, Problem};
use newleaf_domain::shell;

/// Prints a link. Only root and the folder's owner get one: the socket says who asks.
pub(in crate::cli) fn run(screen: Screen, dir: &Path) -> Result<Exit, Problem> {
    if owner::standing(dir)? == Standing::Stranger {
        return Err(owner::not_yours(dir));
    }
    let link = runtime()?.block_on(new_link(dir))?;
    screen.show(|| format!("{}\nIt works once, until {}.", link.url, link.expires), &link);
    Ok(Exit::Done)
}

async fn new_link(dir: &Path) -> Result<NewLink, Problem> {
    let blocked = |why: &str| Problem::new(Kind::Blocked, format!("make a recovery link: {why}"));
    let Some(door) = Door::running(dir).await? else {
        return Err(blocked("no host runs there")
            .state("no host runs on this folder")
            .todo(format!("start it: newleaf serve --dir {}", shell::word(dir))));
    };
    match door.post("/api/v1/recovery-links", &Value::Null).await {
        Err(problem) if problem.is(Kind::NotFound) => Err(blocked("the product serves")
            .state("nothing has to be recovered")
            .todo("sign in to the portal: newleaf sign-in-link")),
        answer => answer,
    }
}
