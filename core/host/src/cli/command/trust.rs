//! `newleaf trust`: who signs for what is installed, and the word that puts another in their place.

use newleaf_domain::Namespace;
use newleaf_update::view::{SignerRow, SignerView, TrustView};

use super::{Context, check};
use crate::cli::arguments::{Spoken, Trust};
use crate::cli::{Exit, show};
use crate::route::{AcceptRequest, Kind, Problem};

pub(super) async fn run(context: Context<'_>, command: Trust) -> Result<Exit, Problem> {
    match command {
        Trust::Show => {
            let view = view(context).await?;
            context.screen.show(|| show::signers(&view), &view);
            Ok(Exit::Done)
        }
        Trust::Accept { namespace, yes } => accept(context, namespace, yes.consent()).await,
    }
}

/// Who signs, after a look at the repository. Where it cannot be read the pins are still told, and
/// the view says itself how old the rest is.
async fn view(context: Context<'_>) -> Result<TrustView, Problem> {
    if let Err(problem) = check::look(context).await {
        tracing::debug!("the repository was not looked at: {problem}");
    }
    context.door.get("/api/v1/trust").await
}

async fn accept(
    context: Context<'_>,
    namespace: Namespace,
    spoken: Spoken,
) -> Result<Exit, Problem> {
    check::look(context).await?;
    let view: TrustView = context.door.get("/api/v1/trust").await?;
    let row = view.signers.into_iter().find(|row| row.namespace == namespace);
    let row = row.ok_or_else(|| not_pinned(&namespace))?;
    let Some(signer) = row.offered.clone() else { return nothing_to_accept(context, &row) };
    context.screen.say(&show::both_signers(&row, &signer));
    let question = format!("Have you compared the key ids with the author of {namespace}?");
    if spoken == Spoken::Nothing && !context.screen.asks(&question) {
        return Err(without_a_yes(&row, &signer));
    }
    let request = AcceptRequest { namespace, signer };
    let done: SignerRow = context.door.post("/api/v1/trust/accept", &request).await?;
    let text = || format!("{} is signed by the accepted signer from now on", done.namespace);
    context.screen.show(text, &done);
    Ok(Exit::Done)
}

fn not_pinned(namespace: &Namespace) -> Problem {
    Problem::new(Kind::NotFound, format!("find a pinned signer of {namespace}"))
        .todo("newleaf trust show lists the namespaces there are")
}

/// The repository names the signer that is pinned already, or one that nobody may accept.
fn nothing_to_accept(context: Context<'_>, row: &SignerRow) -> Result<Exit, Problem> {
    let SignerRow { namespace, pinned, trouble, .. } = row;
    if let Some(trouble) = trouble {
        return Err(Problem::new(
            Kind::Refused,
            format!("find a signer of {namespace} that may be accepted: {trouble}"),
        )
        .todo("ask the author, and who runs the repository, which keys sign"));
    }
    let text = || format!("{namespace} is signed by its pinned signer ({pinned})");
    context.screen.show(text, row);
    Ok(Exit::Done)
}

fn without_a_yes(row: &SignerRow, signer: &SignerView) -> Problem {
    let SignerRow { namespace, pinned, .. } = row;
    Problem::new(
        Kind::ConsentNeeded,
        format!("accept {signer} for {namespace} without a yes: pinned is {pinned}"),
    )
    .todo(format!(
        "compare the key ids with the author, then: newleaf trust accept {namespace} --yes"
    ))
}
