//! App: watches the new version for its probation, then clears away what nobody needs any more.

use std::time::Duration;

use newleaf_launcher::journal::StepId;

use crate::explain::chain;
use crate::port::{Faults, Probation, Reach, Trouble};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{AppSwitch, OFF};
use crate::view::Unit;

/// Fails where the version overspends its budget of faults before the probation is over.
pub(crate) async fn run(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let faults = watch(&cx, switch).await.map_err(|trouble| {
        let what = format!(
            "{} {} did not pass its probation: {}",
            switch.app, switch.new.version, trouble.what
        );
        let todo = "tell the app's author".to_owned();
        Stop::Failed(Broken { what, todo, blame: Blame::Version })
    })?;
    let watched = seen(&cx, switch, faults);
    let left = cx.updater.sweep().await.err();
    Ok(match (watched, left) {
        (Ok(detail), None) => Passed::done((), detail),
        (Err(why), None) => Passed::skipped((), why),
        (Ok(text) | Err(text), Some(error)) => {
            Passed::warned((), format!("{text}; {}", chain(&error)))
        }
    })
}

/// Looks on until the probation is over. Nothing can be seen of a version that nobody reaches.
async fn watch(cx: &Context, switch: &AppSwitch) -> Result<Faults, Trouble> {
    if cx.updater.is_off(&switch.app) {
        return Ok(Faults::default());
    }
    let settings = cx.updater.settings();
    let probation = Probation { lasts: settings.probation, budget: settings.budget };
    let plugins = &cx.updater.ports().plugins;
    tokio::select! {
        biased;
        trouble = plugins.trouble(&switch.app, probation) => return Err(trouble),
        () = count(cx, probation.lasts) => {}
    }
    if probation.lasts.is_zero() {
        return Ok(Faults::default());
    }
    plugins.verdict(&switch.app, probation)
}

/// What the watch has shown, or why there was none.
fn seen(cx: &Context, switch: &AppSwitch, faults: Faults) -> Result<String, String> {
    let probation = cx.updater.settings().probation;
    if cx.updater.is_off(&switch.app) {
        return Err(format!("not watched: {OFF}"));
    }
    if !probation.is_zero() {
        return Ok(format!("{} s {}", probation.as_secs(), told(faults)));
    }
    Err(match cx.updater.ports().launcher.reach() {
        Reach::Folder => {
            "not watched: no host runs, so no request reached the new version".to_owned()
        }
        Reach::Host => "not watched: the probation of apps is set to 0 s".to_owned(),
    })
}

/// `without a fault`, or `with 2 breakdowns and 7 answers of class 5xx, all within what is allowed`.
fn told(faults: Faults) -> String {
    let Faults { traps, server_errors, hanging, refused } = faults;
    let counts = [
        (traps, "breakdown", "breakdowns"),
        (server_errors, "answer of class 5xx", "answers of class 5xx"),
        (hanging, "request without an answer", "requests without an answer"),
        (refused, "request turned away", "requests turned away"),
    ];
    let some = counts.into_iter().filter(|(count, ..)| *count > 0);
    let named =
        some.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }));
    let named: Vec<_> = named.collect();
    match named.as_slice() {
        [] => "without a fault".to_owned(),
        [only] => format!("with {only}, within what is allowed"),
        [most @ .., last] => {
            format!("with {} and {last}, all within what is allowed", most.join(", "))
        }
    }
}

/// Lets the time pass, and tells viewers each second of it.
async fn count(cx: &Context, probation: Duration) {
    let end = tokio::time::Instant::now() + probation;
    let mut second = 0;
    loop {
        cx.progress(StepId::Commit, second, Some(probation.as_secs()), Unit::Seconds);
        second += 1;
        let next = tokio::time::Instant::now() + Duration::from_secs(1);
        tokio::time::sleep_until(next.min(end)).await;
        if tokio::time::Instant::now() >= end {
            return;
        }
    }
}
