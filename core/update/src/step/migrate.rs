//! App: brings the data to the new version's schema, or back to that of the version before.

use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, plugin_failed};

/// Lets the new version migrate the real data, held and copied.
pub(crate) async fn forward(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let from = switch.old.as_ref().map(|old| old.schema);
    if from == Some(switch.new.schema) {
        return Ok(Passed::skipped(
            (),
            format!("the data has schema {} already", switch.new.schema),
        ));
    }
    let within = cx.updater.settings().migrate_within;
    let plugins = &cx.updater.ports().plugins;
    let migrated = plugins.migrate(&switch.app, &switch.new, from, within).await;
    migrated.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done(
        (),
        match from {
            Some(from) => format!("schema {from} to {}", switch.new.schema),
            None => format!("schema {}", switch.new.schema),
        },
    ))
}

/// Goes back: the data stays where the old version can read it, else its own copy is put back.
pub(crate) async fn back(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let current = switch.old.as_ref();
    if current.is_none_or(|current| switch.new.schema >= current.oldest_reader) {
        return Ok(Passed::skipped((), format!("{} reads the data as it is", switch.new.version)));
    }
    let Some(copy) = current.and_then(|current| current.snapshot.clone()) else {
        let what = format!(
            "{} cannot read the data, and the copy from before {} is not kept any more",
            switch.new.version,
            current.map_or_else(String::new, |current| current.version.to_string()),
        );
        return Err(crate::run::Broken::version(what, "keep the version that serves"));
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
