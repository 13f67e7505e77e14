//! Clients that send or read slowly: they keep no update waiting, and take no app's place.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty};
use newleaf_plugin_host::{AppBody, Failure, Limits, Slot};
use newleaf_sdk_testing::Answer;
use tokio::{sync::mpsc, task::JoinHandle};
use world::{HOSTILE, app};

const PATIENCE: Duration = Duration::from_millis(50);

/// A body that comes as it is sent.
struct Slow(mpsc::UnboundedReceiver<Bytes>);

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn upload(slot: &Arc<Slot>) -> (mpsc::UnboundedSender<Bytes>, JoinHandle<Answer>) {
    let (sender, body) = mpsc::unbounded_channel();
    let request = Request::post("/length?secret=1").header("host", "localhost");
    let request = request.body(Slow(body)).unwrap();
    let slot = slot.clone();
    (sender, tokio::spawn(async move { Answer::read(slot.handle(request).await).await }))
}

async fn get(slot: &Arc<Slot>, path: &str) -> http::Response<AppBody> {
    let request = Request::get(path).header("host", "localhost");
    slot.handle(request.body(Empty::<Bytes>::new()).unwrap()).await
}

/// Waits until `running` requests have reached the app.
async fn reached(slot: &Arc<Slot>, running: usize) {
    while slot.app().stats().in_flight < running {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_beginning_of_a_slow_body_takes_no_place_and_holds_no_update_up() {
    let one_place = || app(&HOSTILE).limits(Limits { concurrency: 1, ..Limits::default() });
    let world = one_place().start().await.unwrap();
    let slot = world.slot();
    let (sender, slow) = upload(slot);
    sender.send(Bytes::from_static(b"1")).unwrap();
    tokio::task::yield_now().await;
    assert_eq!(get(slot, "/environment").await.status(), 200, "the only place was taken");
    slot.hold(10);
    assert!(slot.drained_of_clients(Duration::from_mins(1)).await.is_empty());
    sender.send(Bytes::from_static(b"2")).unwrap();
    slot.swap(world.load(&one_place()).await.unwrap());
    slot.release();
    drop(sender);
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "2"), "nothing of it was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_stays_away_during_a_hold_is_cut_counted_and_named() {
    let world = app(&HOSTILE).start().await.unwrap();
    let slot = world.slot();
    let (sender, slow) = upload(slot);
    sender.send(Bytes::from(vec![0; 20 * 1024])).unwrap();
    reached(slot, 1).await;
    slot.hold(10);
    assert_eq!(slot.drained_of_clients(PATIENCE).await, ["POST /length"]);
    let answer = slow.await.unwrap();
    assert_eq!((answer.status, answer.failure), (408, Some(Failure::ClientTooSlow)));
    assert_eq!(answer.header("connection"), "close");
    let stats = world.stats();
    assert_eq!((slot.stats().cut, stats.traps, stats.server_errors), (1, 0, 0));
    slot.release();
    assert_eq!(get(slot, "/environment").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_read_during_a_hold_is_cut() {
    let world = app(&HOSTILE).start().await.unwrap();
    let slot = world.slot();
    let mut unread = get(slot, "/large").await;
    assert!(unread.body_mut().frame().await.unwrap().is_ok());
    slot.hold(10);
    assert_eq!(slot.drained_of_clients(PATIENCE).await, ["GET /large"]);
    let answer = Answer::read(unread).await;
    assert!(answer.broken_off.is_some(), "half an answer looked like a whole one");
    assert_eq!((slot.stats().cut, world.stats().traps), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_app_itself_works_on_is_waited_for() {
    let limits = Limits { wall: Duration::from_millis(600), ..Limits::default() };
    let world = app(&HOSTILE).limits(limits).start().await.unwrap();
    let slot = world.slot();
    let asked = slot.clone();
    let sleeping = tokio::spawn(async move { get(&asked, "/sleep").await.status() });
    reached(slot, 1).await;
    slot.hold(10);
    assert!(slot.drained_of_clients(PATIENCE).await.is_empty());
    assert_eq!(sleeping.await.unwrap(), 504, "its own limit ended it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_the_app_sits_on_holds_no_update_up_and_is_told_to_come_again() {
    let world = app(&HOSTILE).start().await.unwrap();
    let slot = world.slot().clone();
    let asleep = tokio::spawn({
        let slot = slot.clone();
        async move { Answer::read(get(&slot, "/sleep").await).await }
    });
    reached(&slot, 1).await;
    slot.hold(10);
    let cut = slot.drained_within(PATIENCE, PATIENCE * 4).await;
    assert_eq!((cut.clients.len(), cut.late), (0, vec!["GET /sleep".to_owned()]));
    let answer = asleep.await.unwrap();
    assert_eq!((answer.status, answer.failure), (503, Some(Failure::Held)));
    assert_eq!(answer.header("retry-after"), "2");
    let stats = world.stats();
    assert_eq!((slot.stats().cut, stats.traps, stats.server_errors), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_calm_moment_is_waited_for_while_others_are_served_and_not_for_ever() {
    let world = app(&HOSTILE).start().await.unwrap();
    let slot = world.slot().clone();
    slot.calm(Duration::ZERO, Duration::from_hours(1)).await;
    let asleep = tokio::spawn({
        let slot = slot.clone();
        async move { get(&slot, "/sleep").await.status() }
    });
    // The app has begun to work on it once the wait is given up.
    loop {
        let began = std::time::Instant::now();
        slot.calm(Duration::ZERO, PATIENCE).await;
        if began.elapsed() >= PATIENCE {
            break;
        }
    }
    tokio::select! {
        biased;
        () = slot.calm(Duration::ZERO, Duration::from_hours(1)) => panic!("it still works"),
        answer = get(&slot, "/environment") => assert_eq!(answer.status(), 200),
    }
    asleep.abort();
}
