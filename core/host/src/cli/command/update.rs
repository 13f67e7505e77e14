//! `newleaf update`: carries plans out, one target after the other.

use std::fmt::Write as _;

use newleaf_domain::{AppOrigin, Target, Version};
use newleaf_update::view::{Overview, PlanView, ReleasesView, SHARED_ORIGIN, Standing};

use super::{Context, check, follow, plan};
use crate::cli::Exit;
use crate::cli::arguments::{Spoken, Update};
use crate::cli::show;
use crate::route::{ConsentWord, Kind, Problem, Started, UpdateRequest, With};

pub(super) async fn run(context: Context<'_>, arguments: Update) -> Result<Exit, Problem> {
    if arguments.list {
        return list(context, arguments.targets).await;
    }
    let wish = Wish {
        version: arguments.version,
        dry_run: arguments.dry_run,
        spoken: arguments.yes.consent(),
        accepted: arguments.accept.consent(),
        suspend: match arguments.suspend.consent() {
            Spoken::Yes => ConsentWord::Given,
            Spoken::Nothing => ConsentWord::NotGiven,
        },
    };
    if let Some(id) = &arguments.plan {
        let view: PlanView = context.door.get(&format!("/api/v1/plan?id={id}")).await?;
        return carry_out(context, &view, &wish).await;
    }
    if arguments.targets.is_empty() {
        let overview = check::overview(context).await?;
        if arguments.all {
            return all(context, plan::offered(&overview), &wish).await;
        }
        context.screen.show(|| invitation(&overview), &overview);
        return Ok(Exit::Done);
    }
    plan::one_version_one_target(wish.version.as_ref(), &arguments.targets)?;
    all(context, arguments.targets, &wish).await
}

/// Every version of each target, core's where none is named.
async fn list(context: Context<'_>, mut targets: Vec<Target>) -> Result<Exit, Problem> {
    if targets.is_empty() {
        targets.push(Target::Core);
    }
    check::look(context).await?;
    for target in targets {
        let view: ReleasesView =
            context.door.get(&format!("/api/v1/releases?target={target}")).await?;
        context.screen.show(|| show::releases(&view), &view);
    }
    Ok(Exit::Done)
}

/// What could be named, where nothing was.
fn invitation(overview: &Overview) -> String {
    match offers(overview) {
        offers if offers.is_empty() => "nothing to update".to_owned(),
        offers => format!("{offers}\nname what to update, or --all"),
    }
}

/// What is wanted beside the target.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) version: Option<Version>,
    pub(super) dry_run: bool,
    pub(super) spoken: Spoken,
    /// What was said beforehand on all that an app may do.
    pub(super) accepted: Spoken,
    /// What was said beforehand on apps that do not run on the new core.
    pub(super) suspend: ConsentWord,
}

async fn all(context: Context<'_>, targets: Vec<Target>, wish: &Wish) -> Result<Exit, Problem> {
    if let [target] = &targets[..] {
        return one(context, target.clone(), wish).await;
    }
    if targets.is_empty() {
        context.screen.say("nothing to update");
    }
    let mut exit = Exit::Done;
    for target in targets {
        exit = exit.and(match one(context, target, wish).await {
            Ok(exit) => exit,
            Err(problem) => {
                let exit = Exit::of(problem.kind.exit());
                context.problem(problem);
                exit
            }
        });
    }
    Ok(exit)
}

/// Looks at the repository, plans the newest (or the named) version of `target` from what stands
/// there now, and carries it out.
pub(super) async fn one(
    context: Context<'_>,
    target: Target,
    wish: &Wish,
) -> Result<Exit, Problem> {
    check::look(context).await?;
    match plan::make(context, target, wish.version.clone()).await {
        Ok(view) => carry_out(context, &view, wish).await,
        Err(problem) if problem.is(Kind::UpToDate) => {
            context.screen.show(|| problem.detail.clone(), &problem);
            Ok(Exit::Done)
        }
        Err(problem) => Err(problem),
    }
}

async fn carry_out(context: Context<'_>, view: &PlanView, wish: &Wish) -> Result<Exit, Problem> {
    if wish.dry_run {
        plan::show_plan(context, view);
        let blocked = view.prerequisites.iter().any(|one| one.standing == Standing::Block);
        return Ok(if blocked { Exit::Blocked } else { Exit::Done });
    }
    let consent = consent(context, view, wish)?;
    let suspend = suspend(context, view, wish.suspend)?;
    let pause = pause(context, view, wish.spoken)?;
    let plan = view.plan.id.clone();
    let request = UpdateRequest { plan, consent, pause, suspend };
    let started: Started = context.door.post("/api/v1/update", &request).await?;
    follow::to_the_end(context, &started).await
}

/// The word on apps that do not run on the new core: not needed, given beforehand, or asked for now.
fn suspend(
    context: Context<'_>,
    view: &PlanView,
    word: ConsentWord,
) -> Result<ConsentWord, Problem> {
    if view.left_behind.is_empty() || word == ConsentWord::Given {
        return Ok(word);
    }
    let each = view.left_behind.iter().map(ToString::to_string).collect::<Vec<_>>();
    context.screen.say(&each.join("\n"));
    if context.screen.asks("Go on without them?") {
        return Ok(ConsentWord::Given);
    }
    let goal = view.plan.goal().map_or_else(String::new, |goal| goal.to.to_string());
    Err(Problem::new(
        Kind::ConsentNeeded,
        format!("go on to core {goal} without a yes: {}", each.join("; ")),
    )
    .todo(format!(
        "update those apps first where a version runs on both, or: newleaf update --plan {} --suspend-apps",
        view.plan.id
    )))
}

/// The word on wider permissions: not needed, given beforehand, or asked for now. At an installation
/// `--yes` says it; what an installed app asks for beyond today needs the flag that says just that.
fn consent(context: Context<'_>, view: &PlanView, wish: &Wish) -> Result<ConsentWord, Problem> {
    let wider = view
        .changes
        .iter()
        .flat_map(|change| {
            change.grants.iter().filter(|grant| grant.widens).map(move |grant| (change, grant))
        })
        .collect::<Vec<_>>();
    if wider.is_empty() {
        return Ok(ConsentWord::NotGiven);
    }
    let lines = wider
        .iter()
        .map(|(change, grant)| format!("{} {}", change.change.target, show::grant(grant)));
    let text = lines.collect::<Vec<_>>().join("\n");
    context.screen.say(&text);
    let is_install = view.plan.changes.iter().all(|change| change.from.is_none());
    if is_install && view.origin == AppOrigin::Path {
        context.screen.say(SHARED_ORIGIN);
    }
    let said = if is_install && wish.spoken == Spoken::Yes { Spoken::Yes } else { wish.accepted };
    if said == Spoken::Yes || context.screen.asks("Allow this?") {
        return Ok(ConsentWord::Given);
    }
    let grants = wider.into_iter().map(|(_, grant)| grant.clone()).collect();
    Err(Problem::new(
        Kind::ConsentNeeded,
        format!("go on without a yes: {}", text.replace('\n', "; ")),
    )
    .todo(refusal(view, is_install))
    .with(With { grants, ..With::default() }))
}

/// What to do where nobody said yes: how to say it, and how to say no for good.
fn refusal(view: &PlanView, is_install: bool) -> String {
    let id = &view.plan.id;
    let accept = format!("read the plan, then: newleaf update --plan {id} --accept-permissions");
    match view.plan.goal() {
        Some(goal) if !is_install => {
            format!("{accept}; or refuse it: newleaf skip {} --version {}", goal.target, goal.to)
        }
        Some(_) | None => accept,
    }
}

/// The word on a pause that visitors are told of: given beforehand, or asked for where it is known.
fn pause(context: Context<'_>, view: &PlanView, spoken: Spoken) -> Result<ConsentWord, Problem> {
    let announced = view.pause.as_ref().filter(|pause| pause.announced.is_some());
    if let Some(pause) = announced {
        context.screen.say(&pause.sentence());
    }
    match (spoken, announced) {
        (Spoken::Yes, _) => Ok(ConsentWord::Given),
        (Spoken::Nothing, None) => Ok(ConsentWord::NotGiven),
        (Spoken::Nothing, Some(_)) if context.screen.asks("Pause the app for that long?") => {
            Ok(ConsentWord::Given)
        }
        (Spoken::Nothing, Some(pause)) => Err(Problem::new(
            Kind::ConsentNeeded,
            format!("go on without a yes to the pause: {}", pause.sentence()),
        )
        .todo(format!("at a quiet time: newleaf update --plan {} --yes", view.plan.id))),
    }
}

/// What can be updated, a line each; empty where nothing can.
pub(super) fn offers(overview: &Overview) -> String {
    let mut lines = String::new();
    let apps = overview
        .apps
        .iter()
        .map(|app| (app.id.to_string(), app.version.as_ref(), app.offer.as_ref()));
    let core = ("core".to_owned(), Some(&overview.core.version), overview.core.offer.as_ref());
    for (target, version, offer) in apps.chain([core]) {
        let Some(offer) = offer else { continue };
        let from = version.map_or("-".to_owned(), ToString::to_string);
        let security = if offer.security { ", security" } else { "" };
        let line =
            writeln!(lines, "{target}  {from} -> {}  ({}{security})", offer.version, offer.length);
        debug_assert!(line.is_ok(), "writing to a string cannot fail");
    }
    lines.trim_end().to_owned()
}
