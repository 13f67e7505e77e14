//! `newleaf sign-in-link`: a link that signs one person in to the portal, once.

use serde_json::Value;

use super::Context;
use crate::cli::Exit;
use crate::route::{NewLink, Problem};

pub(super) async fn run(context: Context<'_>) -> Result<Exit, Problem> {
    let link: NewLink = context.door.post("/api/v1/sign-in-links", &Value::Null).await?;
    let text = || format!("{}\nIt works once, until {}.", link.url, link.expires);
    context.screen.show(text, &link);
    Ok(Exit::Done)
}
