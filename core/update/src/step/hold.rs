//! App: waits for a calm moment, parks new requests, or tells visitors of a pause, and lets running
//! requests finish. What still runs at the end is cut short, told to come again, and named.

use std::time::Duration;

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
    let within = cx.updater.settings().drain_within;
    if cx.updater.is_off(&switch.app) {
        // Requests that came before it was switched off may still write.
        let drained = plugins.drained(&switch.app, within).await;
        let drained = drained.map_err(|error| plugin_failed(&error))?;
        return Ok(match cut(&drained, within) {
            None => Passed::skipped((), OFF),
            Some(cut) => Passed::warned((), format!("{OFF}; {cut}")),
        });
    }
    plugins.calm(&switch.app).await;
    let kept_out = match pace.told() {
        Some(left) => plugins.pause(&switch.app, left).await,
        None => plugins.hold(&switch.app).await,
    };
    kept_out.map_err(|error| plugin_failed(&error))?;
    let drained =
        plugins.drained(&switch.app, within).await.map_err(|error| plugin_failed(&error))?;
    Ok(match cut(&drained, within) {
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
fn cut(drained: &Drained, within: Duration) -> Option<String> {
    let slow = ("its client was too slow".to_owned(), "their clients were too slow".to_owned());
    let late = format!("still ran after {}", spoken(within));
    let late = (format!("it {late}"), format!("they {late}"));
    let told = [(&drained.cut, slow), (&drained.late, late)].into_iter();
    let told: Vec<_> = told.filter_map(|(cut, why)| short(cut, why)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// `2 requests were cut short, for their clients were too slow: POST /a, GET /b`
fn short(cut: &[String], (one, many): (String, String)) -> Option<String> {
    let named = cut.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match cut.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match cut.len() {
        0 => None,
        1 => Some(format!("1 request was cut short, for {one}: {named}")),
        count => Some(format!("{count} requests were cut short, for {many}: {named}{more}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_counted_and_some_of_it_named() {
        let within = Duration::from_secs(20);
        let owned = |named: &[&str]| named.iter().map(|&what| what.to_owned()).collect();
        let after = |named: &[&str]| cut(&Drained { cut: owned(named), late: Vec::new() }, within);
        let late = Drained { cut: owned(&["POST /a"]), late: owned(&["GET /b", "GET /c"]) };
        let told = cut(&late, within);
        assert!(
            told.is_some_and(|told| told.ends_with(
                ": POST /a; 2 requests were cut short, for they still ran after about 20 s: GET /b, GET /c"
            )),
        );
        assert_eq!(after(&[]), None);
        let one = "1 request was cut short, for its client was too slow: POST /a";
        assert_eq!(after(&["POST /a"]).as_deref(), Some(one));
        let all = after(&["POST /a", "GET /b", "GET /c", "GET /d", "GET /e"]);
        assert!(all.is_some_and(|all| {
            all.starts_with("5 requests") && all.ends_with(": POST /a, GET /b, GET /c and 2 more")
        }));
    }
}
