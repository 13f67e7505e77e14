//! Apps of the newer kind, which export `wasi:http/handler@0.3`, are served and bounded alike.

mod world;

use std::time::Duration;

use newleaf_plugin_host::{Failure, Handler, Limits, inspect};
use world::{HELLO_ASYNC, app};

#[tokio::test]
async fn an_app_of_http_03_answers() {
    assert_eq!(inspect(&HELLO_ASYNC).unwrap().kind, Handler::Http03);
    let world = app(&HELLO_ASYNC).start().await.unwrap();
    for number in 0..20 {
        let answer = world.get(&format!("/{number}?x=1")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.failure);
        assert_eq!(answer.text(), format!("Hello from /{number}?x=1"));
    }
    world.slot().app().quiesce().await;
    let stats = world.stats();
    assert_eq!((stats.requests, stats.traps, stats.clients_gone, stats.in_flight), (20, 0, 0, 0));
}

#[tokio::test]
async fn an_endless_loop_of_http_03_ends() {
    let limits = Limits { cpu: Duration::from_millis(200), ..Limits::default() };
    let world = app(&HELLO_ASYNC).limits(limits).start().await.unwrap();
    let answer = world.get("/loop").await;
    assert_eq!((answer.status, answer.failure), (500, Some(Failure::CpuTime)));
    world.slot().app().quiesce().await;
    assert_eq!(world.stats().traps, 1);
}
