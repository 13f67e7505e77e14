//! Whose answers are too large, never end, or reach beyond the app.

use std::time::{Duration, Instant};

use crate::ground::{Ground, ground};

const ANSWERS: &str = "hostile-answers";

/// What an answer may have (`Limits::response_body`).
const MOST: u64 = 64 * 1024 * 1024;

#[test]
fn an_answer_without_end_is_cut_at_its_limit() {
    let Some(ground) = ground("a flood of an answer beside a neighbour") else { return };
    ground.install(ANSWERS);
    let (answers, siege) =
        ground.siege(ANSWERS, "4 floods", || ground.get_many(ANSWERS, "/flood", 4));
    for answer in &answers {
        let body = answer.length;
        assert!(!answer.is_whole && body < MOST + MOST / 8, "{body} bytes, {}", answer.is_whole);
    }
    let lines = siege.told(ANSWERS);
    assert!(
        lines.iter().all(|line| line.contains("its answer is longer") || line.contains("not over")),
        "{lines:#?}"
    );
    ground.is_well(ANSWERS);
}

#[test]
fn an_answer_that_drips_for_ever_is_cut_by_the_wall_clock() {
    let Some(ground) = ground("answers that drip beside a neighbour") else { return };
    ground.install(ANSWERS);
    let begin = Instant::now();
    let (answers, siege) =
        ground.siege(ANSWERS, "30 drips", || ground.get_many(ANSWERS, "/drip", 30));
    assert!(answers.iter().all(|answer| !answer.is_whole && answer.length > 10), "{answers:?}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    siege.told("it was not over after 7 s");
    ground.is_well(ANSWERS);
}

#[test]
fn as_many_fields_as_can_be_are_a_bounded_head() {
    let Some(ground) = ground("a huge head beside a neighbour") else { return };
    ground.install(ANSWERS);
    let (answers, siege) = ground.siege(ANSWERS, "40 huge heads", || {
        let as_large_as_can_be = ground.get_many(ANSWERS, "/headers", 20);
        (as_large_as_can_be, ground.get_many(ANSWERS, "/more-headers", 20))
    });
    for answer in &answers.0 {
        let head = answer.head.len();
        assert!(answer.status == 200 && head > 28_000 && head < 64_000, "{head}: {answer:?}");
    }
    assert!(answers.1.iter().all(|answer| answer.status == 500), "{:?}", answers.1);
    siege.told("total size of fields exceeds limit");
    ground.is_well(ANSWERS);
}

#[test]
fn a_body_that_the_app_never_reads_holds_nobody_up() {
    let Some(ground) = ground("bodies that are never read beside a neighbour") else { return };
    ground.install(ANSWERS);
    let body = vec![b'x'; 12 * 1024 * 1024];
    let (answers, _) = ground.siege(ANSWERS, "8 × 12 MiB unread", || {
        std::thread::scope(|scope| {
            let ground: &Ground = &ground;
            let body = &body;
            let askers: Vec<_> = (0..8)
                .map(|_| {
                    let host = ground.host.public;
                    scope.spawn(move || {
                        let asked = crate::client::Asked::post(ANSWERS, "/unread", body);
                        crate::client::ask(host, &asked)
                    })
                })
                .collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).collect::<Vec<_>>()
        })
    });
    // A client that goes on writing may find the connection reset before it has read the answer.
    let read: Vec<_> = answers.iter().flatten().collect();
    assert!(read.iter().all(|answer| answer.status == 200), "{read:?}");
    ground.is_well(ANSWERS);
}

#[test]
fn one_field_cannot_become_two() {
    let Some(ground) = ground("header injection") else { return };
    ground.install(ANSWERS);
    let answer = ground.get(ANSWERS, "/split");
    assert_eq!(answer.text(), "0 taken", "{}", answer.head);
    assert!(answer.is_whole && answer.header("set-cookie").is_none(), "{}", answer.head);
    assert!(!answer.head.contains("forged"), "{}", answer.head);
}

#[test]
fn fields_that_act_beyond_the_app_do_not_go_out() {
    let Some(ground) = ground("fields that act beyond the app") else { return };
    ground.install(ANSWERS);
    let answer = ground.get(ANSWERS, "/beyond");
    assert_eq!(answer.status, 200);
    let cookies = answer.headers("set-cookie");
    assert_eq!(
        cookies,
        [
            "theirs=1; Path=/apps/acme/hostile-answers/",
            "up=1; Path=/apps/acme/hostile-answers/",
            "wide=1; Path=/apps/acme/hostile-answers/",
        ]
    );
    for name in [
        "clear-site-data",
        "service-worker-allowed",
        "strict-transport-security",
        "alt-svc",
        "nel",
        "report-to",
        "x-accel-redirect",
        "x-sendfile",
        "x-lighttpd-send-file",
        "x-reproxy-url",
    ] {
        assert!(answer.header(name).is_none(), "{name} went out:\n{}", answer.head);
    }
}

#[test]
fn trailers_reach_no_further_than_fields() {
    let Some(ground) = ground("trailers that act beyond the app") else { return };
    ground.install(ANSWERS);
    let answer = ground.get(ANSWERS, "/trailers");
    assert_eq!((answer.status, answer.text().as_str()), (200, "trailers"));
    let all = format!("{}{}", answer.head, answer.text());
    assert!(!all.contains("forged") && !all.to_lowercase().contains("clear-site-data"), "{all}");
}

#[test]
fn an_answer_that_lies_about_its_length_ends_its_connection_alone() {
    let Some(ground) = ground("answers that lie about their length") else { return };
    ground.install(ANSWERS);
    let ((long, short, two), _) = ground.siege(ANSWERS, "lies about lengths", || {
        let get = |path| ground.get_many(ANSWERS, path, 8);
        (get("/long"), get("/short"), get("/lengths"))
    });
    // Nobody may be shown bytes after the end that was said, or an end that was not.
    assert!(long.iter().all(|answer| answer.length <= 5 || answer.status >= 500), "{long:?}");
    assert!(short.iter().all(|answer| !answer.is_whole || answer.status >= 500), "{short:?}");
    assert!(two.iter().all(|answer| answer.headers("content-length").len() < 2), "{two:?}");
    ground.is_well(ANSWERS);
}

#[test]
fn a_status_that_is_none_becomes_one() {
    let Some(ground) = ground("statuses that are none") else { return };
    ground.install(ANSWERS);
    for code in [0, 1, 99, 100, 101, 103, 199, 204, 304, 599, 999, 1000, 65535] {
        let answer = ground.get_many(ANSWERS, &format!("/status?{code}"), 1).remove(0);
        assert!((200..600).contains(&answer.status) || answer.status == 999, "{code}: {answer:?}");
    }
    ground.is_well(ANSWERS);
}

#[test]
fn an_app_that_says_nothing_is_answered_for() {
    let Some(ground) = ground("an app that answers nothing") else { return };
    ground.install(ANSWERS);
    let (answer, siege) = ground.siege(ANSWERS, "silence", || ground.get(ANSWERS, "/silent"));
    assert_eq!(answer.status, 500, "{answer:?}");
    siege.told(ANSWERS);
}

#[test]
fn numbers_that_are_none_harm_nobody() {
    let Some(ground) = ground("numbers that are none") else { return };
    ground.install("hostile-hog");
    let answer = ground.get_many("hostile-hog", "/floats", 1).remove(0);
    assert!(answer.status == 200 || answer.status >= 500 || answer.status == 0, "{answer:?}");
    ground.is_well("hostile-hog");
}
