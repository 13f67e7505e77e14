//! The slot under load: exchanged a thousand times, held, overfull; no request is lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use newleaf_domain::{ByteSize, Grant};
use newleaf_plugin_host::{Failure, Limits, Slot};
use newleaf_sdk_testing::{Answer, World};
use tokio::task::JoinSet;
use world::{HELLO, HOG, NOTES, app};

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(path).header("host", "localhost").body(Empty::new()).unwrap()
}

async fn ask(slot: &Arc<Slot>, path: &str) -> Answer {
    Answer::read(slot.handle(get(path)).await).await
}

/// Waits until `parked` requests wait; their number only grows while nobody releases.
async fn parked(slot: &Arc<Slot>, parked: usize) {
    while slot.stats().parked < parked {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_swaps_under_load_lose_no_request() {
    let world = app(&HELLO).start().await.unwrap();
    let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (slot, done, answered) = (world.slot().clone(), done.clone(), answered.clone());
        clients.spawn(async move {
            while !done.load(Relaxed) {
                let answer = ask(&slot, "/?name=swap").await;
                assert_eq!(answer.status, 200, "{:?}", answer.failure);
                assert!(answer.broken_off.is_none() && answer.text().contains("Hello, swap!"));
                answered.fetch_add(1, Relaxed);
            }
        });
    }
    let next = app(&HELLO);
    for _ in 0..1_000 {
        let loaded = world.load(&next).await.unwrap();
        world.slot().swap(loaded);
        tokio::task::yield_now().await;
    }
    done.store(true, Relaxed);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert!(answered.load(Relaxed) > 100, "only {} requests were made", answered.load(Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_requests_wait_and_are_served_by_the_next_version() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.hold(100);
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let slot = slot.clone();
        waiting.spawn(async move { ask(&slot, "/").await.status });
    }
    parked(slot, 50).await;
    slot.drained().await;
    assert_eq!(world.stats().requests, 0, "a held request reached the app");
    let next = world.load(&app(&HELLO)).await.unwrap();
    slot.swap(next);
    slot.release();
    while let Some(status) = waiting.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!((world.stats().requests, slot.stats().parked), (50, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_cap_a_held_request_is_refused_and_counted() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.hold(1);
    let first = tokio::spawn({
        let slot = slot.clone();
        async move { ask(&slot, "/").await.status }
    });
    parked(slot, 1).await;
    let refused = ask(slot, "/").await;
    assert_eq!((refused.status, refused.failure), (503, Some(Failure::Held)));
    assert_eq!(refused.header("retry-after"), "2");
    slot.release();
    assert_eq!((first.await.unwrap(), slot.stats().refused), (200, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_the_waiting_room_gives_its_place_up() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.hold(1);
    let leaving = tokio::spawn({
        let slot = slot.clone();
        async move { ask(&slot, "/").await.status }
    });
    parked(slot, 1).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    assert_eq!(slot.stats().parked, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_of_thousands_loses_none_at_the_release() {
    // One at a time and no patience in the queue: whoever were put into it would be refused.
    let limits = Limits { concurrency: 1, queue: Duration::ZERO, ..Limits::default() };
    let world = app(&HELLO).limits(limits).start().await.unwrap();
    let slot = world.slot();
    slot.hold(4_096);
    let mut waiting = JoinSet::new();
    for _ in 0..3_000 {
        let slot = slot.clone();
        waiting.spawn(async move { ask(&slot, "/").await.status });
    }
    parked(slot, 3_000).await;
    slot.release();
    while let Some(status) = waiting.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!((world.stats().requests, slot.stats().refused), (3_000, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_were_held_find_memory_for_their_instances() {
    let world = app(&HOG).start().await.unwrap();
    let slot = world.slot();
    for known in [false, true] {
        slot.hold(100);
        let mut waiting = JoinSet::new();
        for _ in 0..60 {
            let slot = slot.clone();
            waiting.spawn(async move { ask(&slot, "/interpret").await });
        }
        parked(slot, 60).await;
        slot.drained().await;
        let next = world.load(&app(&HOG)).await.unwrap();
        slot.swap(next);
        slot.release();
        while let Some(answer) = waiting.join_next().await {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.failure), (200, None), "known: {known}");
        }
        let stats = world.stats();
        assert_eq!((stats.requests, stats.traps, stats.server_errors), (60, 0, 0));
        assert!(stats.memory > ByteSize::mib(28).as_u64(), "the app took little");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_while_there_is_no_memory_waits_and_is_told_to_come_again() {
    // Room for two, each of which stays longer than the third is patient.
    let limits = Limits {
        memory_together: ByteSize::mib(128),
        queue: Duration::from_millis(300),
        ..Limits::default()
    };
    let world = app(&HOG).limits(limits).start().await.unwrap();
    let slot = world.slot();
    assert_eq!(ask(slot, "/share").await.status, 200);
    slot.drained().await;
    let mut clients = JoinSet::new();
    for _ in 0..6 {
        let slot = slot.clone();
        clients.spawn(async move { ask(&slot, "/share").await });
    }
    let (mut served, mut refused) = (0, 0);
    while let Some(answer) = clients.join_next().await {
        let answer = answer.unwrap();
        if answer.status == 200 {
            served += 1;
        } else {
            assert_eq!((answer.status, answer.failure), (503, Some(Failure::Busy)));
            assert_eq!(answer.header("retry-after"), "2");
            refused += 1;
        }
    }
    let stats = world.stats();
    assert_eq!((served, refused, stats.traps, stats.server_errors), (2, 4, 0, 0));
    slot.drained().await;
    assert_eq!(ask(slot, "/").await.status, 200, "what was set aside is not given back");
}

#[tokio::test]
async fn who_waits_keeps_the_place_when_the_slot_is_held_again() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.hold(1);
    let waits = || {
        let slot = slot.clone();
        tokio::spawn(async move { ask(&slot, "/").await.status })
    };
    let first = waits();
    parked(slot, 1).await;
    // On this one thread the first is not yet awake when the slot is held again, without a place
    // to spare.
    slot.release();
    slot.hold(0);
    tokio::task::yield_now().await;
    assert_eq!(slot.stats().parked, 1);
    slot.release();
    assert_eq!((first.await.unwrap(), slot.stats().refused), (200, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_closed_answers_all_who_wait_at_once() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.hold(100);
    let mut waiting = JoinSet::new();
    for _ in 0..50 {
        let slot = slot.clone();
        waiting.spawn(async move { ask(&slot, "/").await });
    }
    parked(slot, 50).await;
    slot.close();
    while let Some(answer) = waiting.join_next().await {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.failure), (503, Some(Failure::Stopped)));
        assert_eq!(answer.header("retry-after"), "2");
    }
    slot.release();
    assert_eq!(ask(slot, "/").await.failure, Some(Failure::Stopped), "it opened again");
    assert_eq!((world.stats().requests, slot.stats().parked), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_waits_for_an_unread_response() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot().clone();
    let response = slot.handle(get("/")).await;
    slot.hold(10);
    let drained = tokio::spawn(async move { slot.drained().await });
    tokio::task::yield_now().await;
    assert!(!drained.is_finished(), "drained while a response was unread");
    assert_eq!(Answer::read(response).await.status, 200);
    drained.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_may_serve_the_same_data_during_a_handover() {
    let notes = || app(&NOTES).grant(Grant::Storage { quota: ByteSize::mib(4) });
    let world = notes().start().await.unwrap();
    let other = Slot::new(world.load(&notes()).await.unwrap());
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let slot = if writer % 2 == 0 { world.slot().clone() } else { other.clone() };
        writers.spawn(async move {
            for number in 0..10 {
                let note = format!(r#"{{"title":"{writer}-{number}","tags":"a,b"}}"#);
                let request = Request::post("/api/notes").header("host", "localhost");
                let request = request.body(http_body_util::Full::new(Bytes::from(note))).unwrap();
                assert_eq!(Answer::read(slot.handle(request).await).await.status, 201);
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    assert_eq!(count(&world).await, 40);
    assert_eq!(world.stats().writes + other.app().stats().writes, 40, "reads or init were counted");
}

async fn count(world: &World) -> usize {
    let notes = world.get("/api/notes").await.text();
    serde_json::from_str::<Vec<serde_json::Value>>(&notes).unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_announced_pause_everyone_is_told_when_to_come_again() {
    let world = app(&HELLO).start().await.unwrap();
    let slot = world.slot();
    slot.pause(Duration::from_mins(4));
    let told = ask(slot, "/").await;
    assert_eq!((told.status, told.failure), (503, Some(Failure::Held)));
    let seconds: u64 = told.header("retry-after").parse().unwrap();
    assert!((235..=240).contains(&seconds), "{seconds}");
    assert!(told.text().contains("in about 4 minutes"), "{}", told.text());
    slot.pause(Duration::ZERO);
    let told = ask(slot, "/").await;
    assert_eq!(told.header("retry-after"), "1", "what takes longer than was said is told anew");
    assert_eq!((slot.stats().paused, slot.stats().refused, world.stats().requests), (2, 0, 0));
    slot.release();
    assert_eq!(ask(slot, "/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_visitors_read_is_asked_for_again_and_a_broken_one_is_told() {
    let notes = app(&NOTES).grant(Grant::Storage { quota: ByteSize::mib(4) });
    let world = notes.start().await.unwrap();
    let slot = world.slot();
    let within = Duration::from_secs(10);
    assert_eq!(ask(slot, "/apps/acme/app/api/notes?q=mine").await.status, 200);
    assert_eq!(ask(slot, "/apps/acme/app/api/notes/77").await.status, 404);
    assert_eq!(slot.pages(), ["/apps/acme/app/api/notes"], "a query or a failure is remembered");
    assert_eq!(slot.stats().peak, 2);
    for page in slot.pages() {
        assert_eq!(slot.app().probe(&page, within).await.unwrap(), 200);
    }
    let bare = world.load(&app(&NOTES)).await.unwrap();
    let broken = bare.probe("/apps/acme/app/api/notes?secret=1", within).await.unwrap_err();
    let broken = broken.to_string();
    assert!(
        broken.starts_with("GET /apps/acme/app/api/… was answered 5"),
        "more is told: {broken}"
    );
    let odd = bare.probe("/api/sec ret", within).await.unwrap_err().to_string();
    assert_eq!(odd, "\"/api/…\" cannot be asked for");
}
