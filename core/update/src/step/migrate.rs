//! App: brings the data to the new version's schema, or back to that of the version before.

use std::time::Duration;

use newleaf_launcher::journal::StepId;

use crate::pause::Pace;
use crate::port::Kept;
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{AppSwitch, plugin_failed};
use crate::view::Unit;

/// Lets the new version migrate the real data, held and copied. A first install takes up what a
/// removed version of the app left.
pub(crate) async fn forward(cx: Context, switch: &AppSwitch, pace: &Pace) -> StepResult<()> {
    let from = match &switch.old {
        Some(old) => Some(old.schema),
        None => match cx.updater.ports().plugins.kept(&switch.app).await {
            Ok(Some(kept)) if kept.schema > switch.new.schema => return older(switch, kept),
            Ok(kept) => kept.map(|kept| kept.schema),
            Err(error) => return Err(Broken::machine(&error, "see to the disk, then try again")),
        },
    };
    // Data may be newer than what the version before wrote: it was gone back to in code alone.
    if let Some(from) = from.filter(|&from| from >= switch.new.schema) {
        return Ok(Passed::skipped((), format!("the data has schema {from} already")));
    }
    let within = cx.updater.settings().migrate_within;
    let plugins = &cx.updater.ports().plugins;
    let migrated = plugins.migrate(&switch.app, &switch.new, from, within);
    let migrated = pace.within(&cx, "migrate its data", migrated);
    tokio::select! {
        biased;
        migrated = migrated => migrated?,
        () = count(&cx, pace) => {}
    }
    Ok(Passed::done(
        (),
        match from {
            Some(from) => format!("schema {from} to {}", switch.new.schema),
            None => format!("schema {}", switch.new.schema),
        },
    ))
}

/// Tells viewers each second how much of the rehearsed time has passed; never ends.
async fn count(cx: &Context, pace: &Pace) {
    let expected = pace.expected().map(|expected| expected.as_secs());
    for second in 0.. {
        cx.progress(StepId::Migrate, second, expected, Unit::Seconds);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A version older than the data that was kept: it runs where it can read it, and never touches
/// it otherwise. That says nothing about the version.
fn older(switch: &AppSwitch, kept: Kept) -> StepResult<()> {
    let new = &switch.new;
    if new.schema >= kept.oldest_reader {
        let why = format!("{} reads the kept data of schema {} as it is", new.version, kept.schema);
        return Ok(Passed::skipped((), why));
    }
    Err(Stop::Failed(Broken {
        what: format!(
            "the data that was kept has schema {} and needs a version of schema {} or newer; {} {} has {}",
            kept.schema, kept.oldest_reader, switch.app, new.version, new.schema
        ),
        todo: format!("install a newer version of {}", switch.app),
        blame: Blame::Machine,
    }))
}

/// Goes back: the data stays where the old version can read it, else its own copy is put back.
pub(crate) async fn back(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let current = switch.old.as_ref();
    if current.is_none_or(|current| switch.new.reads_data_of(current)) {
        return Ok(Passed::skipped((), format!("{} reads the data as it is", switch.new.version)));
    }
    let Some(copy) = current.and_then(|current| current.snapshot.clone()) else {
        let what = format!(
            "{} cannot read the data, and the copy from before {} is not kept any more",
            switch.new.version,
            current.map_or_else(String::new, |current| current.version.to_string()),
        );
        return Err(Broken::version(what, "keep the version that serves"));
    };
    let restored = cx.updater.ports().plugins.restore(&switch.app, &copy).await;
    restored.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::warned(
        (),
        format!(
            "the data is as it was before {}",
            current.map_or_else(String::new, |it| it.version.to_string())
        ),
    ))
}
