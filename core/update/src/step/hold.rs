//! App: parks new requests, or tells visitors of a pause, and lets running requests finish.

use crate::pause::{Pace, spoken};
use crate::port::Drained;
use crate::run::{Context, Passed, StepResult};
use crate::step::{AppSwitch, OFF, plugin_failed};

/// Holds, and waits until nothing of the app runs.
pub(crate) async fn run(cx: Context, switch: &AppSwitch, pace: &Pace) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    if switch.old.is_none() {
        return Ok(Passed::skipped((), "nothing serves it yet"));
    }
    if cx.updater.is_off(&switch.app) {
        return Ok(Passed::skipped((), OFF));
    }
    let kept_out = match pace.told() {
        Some(left) => plugins.pause(&switch.app, left).await,
        None => plugins.hold(&switch.app).await,
    };
    kept_out.map_err(|error| plugin_failed(&error))?;
    let within = cx.updater.settings().drain_within;
    let drained =
        plugins.drained(&switch.app, within).await.map_err(|error| plugin_failed(&error))?;
    Ok(match cut(&drained) {
        None => Passed::done((), meanwhile(pace)),
        Some(cut) => Passed::warned((), cut),
    })
}

/// What becomes of new requests, for people.
fn meanwhile(pace: &Pace) -> String {
    match pace.told() {
        None => "no request runs; new ones wait".to_owned(),
        Some(left) => format!(
            "no request runs; new ones are told to come again: 503 with Retry-After, {}",
            spoken(left)
        ),
    }
}

/// The requests that are named; the others are counted.
const NAMED: usize = 3;

/// What was cut short, for people; none where nothing was.
fn cut(drained: &Drained) -> Option<String> {
    let cut = &drained.cut;
    let named = cut.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match cut.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match cut.len() {
        0 => None,
        1 => Some(format!("1 request was cut short, for its client was too slow: {named}")),
        many => Some(format!(
            "{many} requests were cut short, for their clients were too slow: {named}{more}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_counted_and_some_of_it_named() {
        let after = |cut: &[&str]| {
            super::cut(&Drained { cut: cut.iter().map(|&what| what.to_owned()).collect() })
        };
        assert_eq!(after(&[]), None);
        let one = "1 request was cut short, for its client was too slow: POST /a";
        assert_eq!(after(&["POST /a"]).as_deref(), Some(one));
        let all = after(&["POST /a", "GET /b", "GET /c", "GET /d", "GET /e"]);
        assert!(all.is_some_and(|all| {
            all.starts_with("5 requests") && all.ends_with(": POST /a, GET /b, GET /c and 2 more")
        }));
    }
}
