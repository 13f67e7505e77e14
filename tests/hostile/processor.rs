//! Who takes the processor.

use crate::ground::{ground, id};
use crate::packages;

const HOG: &str = "hostile-hog";

#[test]
fn an_endless_loop_is_ended_by_its_processor_time() {
    let Some(ground) = ground("an endless loop beside a neighbour") else { return };
    ground.install(HOG);
    let (answer, siege) = ground.siege(HOG, "an endless loop", || ground.get(HOG, "/loop"));
    assert_eq!(answer.status, 500, "{answer:?}");
    siege.told_once("the app used up its processor time");
    ground.is_well(HOG);
}

#[test]
fn more_loops_than_there_are_places_wait_and_the_neighbour_does_not() {
    let Some(ground) = ground("a crowd of endless loops beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) =
        ground.siege(HOG, "40 endless loops", || ground.get_many(HOG, "/loop", 40));
    // Those that do not come to their processor time come to their time.
    let is_ended = |status| matches!(status, 500 | 503 | 504);
    assert!(answers.iter().all(|answer| is_ended(answer.status)), "{answers:?}");
    siege.told("it was not over after 7 s");
    ground.is_well(HOG);
}

#[test]
fn infinite_recursion_is_a_trap_of_its_request() {
    let Some(ground) = ground("infinite recursion beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) =
        ground.siege(HOG, "16 recursions", || ground.get_many(HOG, "/recursion", 16));
    assert!(answers.iter().all(|answer| answer.status == 500), "{answers:?}");
    siege.told("call stack exhausted");
    ground.is_well(HOG);
}

#[test]
fn one_call_with_millions_of_handles_is_charged() {
    let Some(ground) = ground("a call with millions of handles beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) = ground.siege(HOG, "polls of 3,000,000", || ground.get(HOG, "/poll"));
    assert!(matches!(answers.status, 500 | 504), "{answers:?}");
    siege.told(HOG);
    ground.is_well(HOG);
}

#[test]
fn an_app_that_sleeps_for_ever_is_ended_by_the_wall_clock() {
    let Some(ground) = ground("sleepers beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) = ground.siege(HOG, "30 sleepers", || ground.get_many(HOG, "/sleep", 30));
    assert!(answers.iter().all(|answer| answer.status == 504), "{answers:?}");
    let lines = siege.told("it was not over after 7 s");
    assert!(lines[0].contains("GET /apps/acme/hostile-hog/sleep"), "{}", lines[0]);
    ground.is_well(HOG);
}

#[test]
fn a_trap_is_told_in_one_line_with_its_last_words() {
    let Some(ground) = ground("a trap beside a neighbour") else { return };
    ground.install(HOG);
    let (answer, siege) = ground.siege(HOG, "a trap", || ground.get(HOG, "/trap"));
    assert_eq!(answer.status, 500);
    siege.told_once("on purpose");
    ground.is_well(HOG);
}

#[test]
fn what_one_request_leaves_in_memory_the_next_does_not_find() {
    let Some(ground) = ground("state that leaks from request to request") else { return };
    ground.install(HOG);
    for answer in ground.get_many(HOG, "/leak", 20) {
        assert_eq!(answer.text(), "0", "a request found what another had left");
    }
}

/// The hog as an app whose author says that its instances may be used again, which is not true.
const LEAKY: &str = "hostile-leaky";

#[test]
fn an_app_that_asks_for_reuse_and_leaks_harms_itself_alone() {
    let Some(ground) = ground("reuse that leaks state beside a neighbour") else { return };
    if ground.publish(LEAKY, || packages::of_leaky(LEAKY)) {
        ground.host.run(&["apps", "install", &id(LEAKY), "--yes"]).assert_code(0);
    }
    ground.install(HOG);
    let (answers, _) =
        ground.siege(LEAKY, "300 requests that leak", || ground.get_many(LEAKY, "/leak", 300));
    let found = answers.iter().map(|answer| answer.text().parse::<u32>().unwrap());
    let most = found.max().unwrap();
    assert!((1..128).contains(&most), "an instance had answered {most} requests before");
    for answer in ground.get_many(HOG, "/leak", 20) {
        assert_eq!(answer.text(), "0", "another app found what it left");
    }
    let (answers, _) =
        ground.siege(LEAKY, "40 that hoard", || ground.get_many(LEAKY, "/hoard", 40));
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    ground.is_well(LEAKY);
}
