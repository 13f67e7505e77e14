//! Instances that answer more than one request: only where the app asked for it, one request at a
//! time, so often and no more, and each request finds its own limits, data and time.

mod world;

use std::time::Duration;

use newleaf_domain::{ByteSize, Grant, Reuse};
use newleaf_plugin_host::{Failure, Limits};
use newleaf_sdk_testing::World;
use tokio::task::JoinSet;
use world::{HELLO_ASYNC, HOG, HOSTILE, app};

/// What `/leak` of the hog answers so many times: how many requests its instance had before.
async fn leaks(world: &World, path: &str, times: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for _ in 0..times {
        let answer = world.get(path).await;
        found.push(answer.text().parse().unwrap_or_else(|_| panic!("{answer:?}")));
        // The instance is put back once it has ended, which may be after its answer.
        world.slot().drained().await;
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_does_not_ask_has_a_fresh_instance_for_each_request() {
    let world = app(&HOG).start().await.unwrap();
    assert_eq!(leaks(&world, "/leak", 5).await, [0; 5]);
    assert_eq!(world.stats().instances, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_answers_as_many_requests_as_the_manifest_says_and_no_more() {
    let world = app(&HOG).reuse(Reuse::requests(3)).start().await.unwrap();
    assert_eq!(leaks(&world, "/leak", 7).await, [0, 1, 2, 0, 1, 2, 0]);
    assert_eq!((world.stats().instances, world.stats().requests), (3, 7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_has_an_instance_for_ever() {
    let world = app(&HOG).reuse(Reuse::requests(u32::MAX)).start().await.unwrap();
    let found = leaks(&world, "/leak", Reuse::MOST + 1).await;
    assert_eq!(found.last(), Some(&0));
    assert_eq!(found.iter().max(), Some(&(Reuse::MOST - 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_trapped_or_ran_out_of_time_is_not_used_again() {
    let limits = Limits { cpu: Duration::from_millis(50), ..Limits::default() };
    let world = app(&HOG).limits(limits).reuse(Reuse::requests(100)).start().await.unwrap();
    assert_eq!(leaks(&world, "/leak", 2).await, [0, 1]);
    assert_eq!(world.get("/trap").await.failure, Some(Failure::Trap));
    assert_eq!(leaks(&world, "/leak", 2).await, [0, 1]);
    assert_eq!(world.get("/loop").await.failure, Some(Failure::CpuTime));
    assert_eq!(leaks(&world, "/leak", 2).await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_has_grown_or_complained_is_not_used_again() {
    let world = app(&HOG).reuse(Reuse::requests(100)).start().await.unwrap();
    let hoards = leaks(&world, "/hoard", 12).await;
    let most = *hoards.iter().max().unwrap();
    assert!((2..=5).contains(&most), "1 MiB is kept each time: {hoards:?}");
    let fresh = app(&HOG).reuse(Reuse::requests(100)).start().await.unwrap();
    assert_eq!(leaks(&fresh, "/mutter", 3).await, [0; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_nobody_uses_give_way_where_memory_is_short() {
    let limits = Limits { memory_together: ByteSize::mib(70), ..Limits::default() };
    let world = app(&HOG).limits(limits).reuse(Reuse::requests(100)).start().await.unwrap();
    assert_eq!(leaks(&world, "/leak", 2).await, [0, 1]);
    // 57 MiB are known by now, and 13 are free beside the next one.
    for _ in 0..3 {
        assert_eq!(world.get("/share").await.status, 200);
        world.slot().drained().await;
        leaks(&world, "/leak", 2).await;
    }
    assert_eq!((world.stats().traps, world.stats().server_errors), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_has_its_own_processor_time_and_its_own_session() {
    let limits = Limits { cpu: Duration::from_millis(200), ..Limits::default() };
    let quota = Grant::Storage { quota: ByteSize::mib(1) };
    let test = app(&HOSTILE).grant(quota).limits(limits).reuse(Reuse::requests(100));
    let world = test.start().await.unwrap();
    let work = "/rows?statement=WITH%20RECURSIVE%20n(i)%20AS%20(SELECT%201%20UNION%20ALL%20SELECT%20i%2B1%20FROM%20n%20WHERE%20i%3C50000)%20SELECT%20sum(i)%20FROM%20n";
    for _ in 0..30 {
        let answer = world.get(work).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.slot().drained().await;
    }
    assert_eq!(world.get("/open").await.status, 200);
    world.slot().drained().await;
    assert_eq!(world.get("/store").await.status, 200, "a transaction was left open");
    world.slot().drained().await;
    assert_ne!(world.get("/rows?statement=SELECT%20*%20FROM%20left_open").await.status, 200);
    assert_eq!(world.stats().instances, 1, "not one of them was used again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_one_time_have_an_instance_each() {
    let world = app(&HOSTILE).reuse(Reuse::requests(100)).start().await.unwrap();
    let mut clients = JoinSet::new();
    for number in 0..200 {
        let slot = world.slot().clone();
        clients.spawn(async move {
            let body = http_body_util::Full::new(bytes::Bytes::from(vec![b'x'; number]));
            let request = http::Request::post("/length").header("host", "localhost").body(body);
            let answer = newleaf_sdk_testing::Answer::read(slot.handle(request.unwrap()).await);
            assert_eq!(answer.await.text(), number.to_string());
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    world.slot().drained().await;
    let stats = world.stats();
    assert!(stats.instances < 200, "none of {} was used again", stats.instances);
    assert_eq!((stats.traps, stats.in_flight), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_never_gets_what_the_one_before_left() {
    let test = app(&HOG).reuse(Reuse::requests(100));
    let world = test.clone().start().await.unwrap();
    assert_eq!(leaks(&world, "/leak", 3).await, [0, 1, 2]);
    let next = world.load(&test).await.unwrap();
    let before = world.slot().swap(next);
    assert_eq!(leaks(&world, "/leak", 2).await, [0, 1]);
    drop(before);
    assert_eq!(leaks(&world, "/leak", 2).await, [2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_of_0_3_is_used_again_too() {
    let world = app(&HELLO_ASYNC).reuse(Reuse::requests(100)).start().await.unwrap();
    for _ in 0..10 {
        assert_eq!(world.get("/").await.status, 200);
        world.slot().drained().await;
    }
    assert_eq!(world.stats().instances, 1);
}
