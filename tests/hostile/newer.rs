//! The same through `wasi:http` 0.3, where a guest may start tasks and open streams by itself.

use crate::ground::ground;

const ASYNC: &str = "hostile-async";

/// Asks for `path` a few times at once; the app is ended, told of and well afterwards.
fn is_ended(test: &str, path: &str, count: usize, reason: &str) {
    let Some(ground) = ground(test) else { return };
    ground.install(ASYNC);
    let what = format!("0.3: {count} × {path}");
    let (answers, siege) = ground.siege(ASYNC, &what, || ground.get_many(ASYNC, path, count));
    assert!(answers.iter().all(|answer| matches!(answer.status, 500 | 504)), "{answers:?}");
    siege.told(reason);
    ground.is_well(ASYNC);
}

#[test]
fn an_endless_loop_of_an_asynchronous_app_is_ended() {
    is_ended("a loop through 0.3", "/loop", 1, "the app used up its processor time");
}

#[test]
fn streams_that_nobody_reads_are_bounded() {
    is_ended("streams through 0.3", "/streams", 8, "resource table has no free keys");
}

#[test]
fn tasks_that_wait_for_ever_are_bounded() {
    // By their number, or by the time it takes to come to it.
    is_ended("tasks through 0.3", "/tasks", 8, ASYNC);
}

#[test]
fn an_asynchronous_app_that_sleeps_is_ended() {
    is_ended("sleepers through 0.3", "/sleep", 30, "it was not over after 7 s");
}

#[test]
fn an_asynchronous_answer_without_end_is_cut() {
    let Some(ground) = ground("a flood through 0.3") else { return };
    ground.install(ASYNC);
    let (answers, siege) =
        ground.siege(ASYNC, "0.3: 4 floods", || ground.get_many(ASYNC, "/flood", 4));
    assert!(answers.iter().all(|answer| !answer.is_whole), "{answers:?}");
    siege.told(ASYNC);
    ground.is_well(ASYNC);
}

#[test]
fn fields_of_an_asynchronous_app_are_held_to_the_same() {
    let Some(ground) = ground("header injection through 0.3") else { return };
    ground.install(ASYNC);
    let answer = ground.get(ASYNC, "/split");
    // The cookie and the proxy's field are fields; they do not go out.
    assert_eq!((answer.status, answer.header("x-taken")), (200, Some("2")), "{}", answer.head);
    assert!(answer.header("set-cookie").is_none(), "{}", answer.head);
    assert!(answer.header("x-accel-redirect").is_none(), "{}", answer.head);
}
