//! Who floods the log.

use crate::ground::{Ground, ground, id};

const LOG: &str = "hostile-log";

/// Lines one app may bring into the log by some requests within some seconds: its own, and those
/// about it.
const LINES: usize = 600;

/// The lines of the log that name the app.
fn said(ground: &Ground) -> Vec<String> {
    let all = ground.host.process.log();
    all.lines().filter(|line| line.contains(&id(LOG))).map(str::to_owned).collect()
}

#[test]
fn a_flood_of_lines_is_hushed_and_the_log_says_so() {
    let Some(ground) = ground("a log flood beside a neighbour") else { return };
    ground.install(LOG);
    let before = said(&ground).len();
    let (answers, _) = ground.siege(LOG, "160,000 lines", || ground.get_many(LOG, "/flood", 8));
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    let lines = said(&ground).len() - before;
    assert!(lines < LINES, "{lines} lines");
    // It is said once in a while, perhaps of what another test made the same app say.
    let begun = std::time::Instant::now();
    while !said(&ground).iter().any(|line| line.contains("too many lines of this app")) {
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "the log never says so");
        ground.get(LOG, "/flood");
    }
    ground.is_well(LOG);
}

#[test]
fn a_line_can_neither_forge_another_nor_grow_without_bound() {
    let Some(ground) = ground("forged log lines beside a neighbour") else { return };
    ground.install(LOG);
    let (answers, siege) = ground.siege(LOG, "forged lines", || ground.get_many(LOG, "/long", 2));
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 500 | 504)), "{answers:?}");
    // What other tests made this app say may have used up what it may say by now.
    let begun = std::time::Instant::now();
    while !ground.host.process.log().contains("forged: all is lost") {
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "it never says anything");
        ground.get(LOG, "/long");
    }
    let lines = siege.told("forged: all is lost");
    let all = ground.host.process.log();
    assert!(!all.lines().any(|line| line.starts_with("ERROR forged")), "a line was forged");
    assert!(!all.contains('\u{1b}') && !all.contains('\u{1}'), "control characters in the log");
    assert!(lines.len() < LINES, "{} lines", lines.len());
    let longest = lines.iter().map(String::len).max().unwrap();
    assert!(longest < 8 * 1024, "a line has {longest} bytes");
    ground.is_well(LOG);
}

#[test]
fn what_an_app_is_denied_is_no_flood_either() {
    let Some(ground) = ground("denied statements beside a neighbour") else { return };
    ground.install(LOG);
    let before = said(&ground).len();
    let (answers, _) =
        ground.siege(LOG, "denied statements", || ground.get_many(LOG, "/denied", 2));
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 500 | 504)), "{answers:?}");
    let lines = said(&ground);
    assert!(lines.len() - before < LINES, "{} lines", lines.len() - before);
    // Perhaps when another test had it denied: then it was hushed by now.
    assert!(lines.iter().any(|line| line.contains("a statement was denied")), "it is never told");
    ground.is_well(LOG);
}

#[test]
fn last_words_are_cut_and_harmless() {
    let Some(ground) = ground("a flood on standard error beside a neighbour") else { return };
    ground.install(LOG);
    // What is denied is hushed by then; why a request failed is told all the same.
    ground.get(LOG, "/denied");
    let (answers, siege) =
        ground.siege(LOG, "standard error", || ground.get_many(LOG, "/stderr", 4));
    assert!(answers.iter().all(|answer| answer.status == 500), "{answers:?}");
    let lines = siege.told("an instance failed");
    assert!(lines.iter().all(|line| line.len() < 16 * 1024), "a line is too long");
    assert!(!ground.host.process.log().contains('\u{1b}'), "control characters in the log");
    ground.is_well(LOG);
}
