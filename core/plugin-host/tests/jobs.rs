//! An app's jobs through the plugin host: they run, fail, are bounded, and never outlive a hold.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::{sync::Arc, time::Duration};

use newleaf_domain::{ByteSize, Grant, JobName};
use newleaf_plugin_host::{JobError, JobStats, LifecycleError, Limits};
use newleaf_sdk_testing::World;

use world::{CHORES, NOTES, app};

async fn chores(limits: &Limits) -> World {
    let quota = ByteSize::mib(1);
    app(&CHORES).limits(*limits).grant(Grant::Storage { quota }).start().await.unwrap()
}

fn job(name: &str) -> JobName {
    JobName::parse(name).unwrap()
}

async fn runs(world: &World) -> String {
    world.get("/").await.text()
}

#[tokio::test]
async fn a_job_does_its_work_beside_the_requests() {
    let world = chores(&Limits::default()).await;
    assert!(world.slot().app().has_jobs());
    for _ in 0..3 {
        world.slot().run_job(&job("count")).await.unwrap();
    }
    assert_eq!(runs(&world).await, "3");
    assert_eq!(world.stats().jobs, JobStats { runs: 3, failures: 0 });
    assert!(world.stats().memory > 0 && world.stats().p99.is_some());
}

#[tokio::test]
async fn a_job_that_fails_says_why_and_one_that_breaks_down_harms_nobody() {
    let world = chores(&Limits::default()).await;
    let failed = world.slot().run_job(&job("fail")).await.unwrap_err();
    assert!(failed.to_string().contains("the milk is off"), "{failed}");
    let broken = world.slot().run_job(&job("panic")).await.unwrap_err();
    assert!(broken.to_string().contains("on purpose"), "{broken}");
    let none = world.slot().run_job(&job("other")).await.unwrap_err();
    assert!(none.to_string().contains("there is no job other"), "{none}");
    assert_eq!(runs(&world).await, "0");
    let stats = world.stats();
    assert_eq!(stats.jobs, JobStats { runs: 3, failures: 3 });
    assert_eq!(stats.traps, 1, "a job that breaks down is a breakdown; one that fails is none");
}

#[tokio::test]
async fn an_app_without_jobs_says_so() {
    let world = app(&NOTES).start().await;
    // It keeps data, for which nothing was granted.
    assert!(world.is_err());
    let quota = ByteSize::mib(1);
    let world = app(&NOTES).grant(Grant::Storage { quota }).start().await.unwrap();
    assert!(!world.slot().app().has_jobs());
    let refused = world.slot().run_job(&job("main")).await;
    assert!(matches!(refused, Err(JobError::NotExported)), "{refused:?}");
}

#[tokio::test]
async fn a_job_without_end_is_ended_by_its_own_limits() {
    let cpu = Limits { job_cpu: Duration::from_millis(200), ..Limits::default() };
    let ended = chores(&cpu).await.slot().run_job(&job("loop")).await;
    let timed_out = |ended: &Result<(), JobError>| {
        matches!(ended, Err(JobError::Failed(LifecycleError::TimedOut { .. })))
    };
    assert!(timed_out(&ended), "{ended:?}");
    let wall = Limits { job: Duration::from_millis(200), ..Limits::default() };
    let world = chores(&wall).await;
    let ended = world.slot().run_job(&job("sleep")).await;
    assert!(timed_out(&ended), "{ended:?}");
    world.slot().drained().await;
    assert_eq!(runs(&world).await, "0", "the transaction of a job that was ended counts");
}

/// A job that runs, and the task that waits for it.
async fn sleeper(world: &World) -> tokio::task::JoinHandle<Result<(), JobError>> {
    let slot = Arc::clone(world.slot());
    let sleeping = tokio::spawn(async move { slot.run_job(&job("sleep")).await });
    while world.slot().running_job().is_none() {
        tokio::task::yield_now().await;
    }
    sleeping
}

#[tokio::test]
async fn a_hold_waits_for_a_job_cuts_it_off_and_lets_none_begin() {
    let world = chores(&Limits::default()).await;
    let sleeping = sleeper(&world).await;
    let busy = world.slot().run_job(&job("count")).await.unwrap_err();
    assert!(matches!(&busy, JobError::Busy { running } if *running == job("sleep")), "{busy:?}");
    world.slot().hold(8);
    assert_eq!(world.slot().drained_of_clients(Duration::from_millis(50)).await, ["job sleep"]);
    assert!(matches!(sleeping.await.unwrap(), Err(JobError::Cut)));
    let held = world.slot().run_job(&job("count")).await.unwrap_err();
    assert!(matches!(held, JobError::Held) && held.is_put_off());
    world.slot().release();
    world.slot().run_job(&job("count")).await.unwrap();
    assert_eq!(runs(&world).await, "1");
}

#[tokio::test]
async fn an_app_that_is_stopped_does_no_more_work() {
    let world = chores(&Limits::default()).await;
    let sleeping = sleeper(&world).await;
    world.slot().close();
    assert!(matches!(sleeping.await.unwrap(), Err(JobError::Cut)));
    let stopped = world.slot().run_job(&job("count")).await;
    assert!(matches!(stopped, Err(JobError::Stopped)), "{stopped:?}");
}

#[tokio::test]
async fn an_app_keeps_files_and_takes_them_back_with_its_transaction() {
    let world = chores(&Limits::default()).await;
    let bytes = vec![7_u8; 300_000];
    for _ in 0..2 {
        let sent = world.send("POST", "/blobs/photo", &[], bytes.clone().into()).await;
        assert_eq!(sent.status, 204, "{}", sent.text());
    }
    assert_eq!(world.get("/blobs/photo").await.body, [bytes.clone(), bytes.clone()].concat());
    let full = world.send("POST", "/blobs/photo", &[], vec![7; 600_000].into()).await;
    assert_eq!((full.status, full.text().as_str()), (507, "QuotaExceeded"));
    world.send("POST", "/taken-back/photo", &[], vec![8; 1_000].into()).await;
    assert_eq!(world.get("/blobs").await.text(), "photo");
    assert_eq!(world.get("/blobs/photo").await.body.len(), 600_000);
    let deleted = world.send("DELETE", "/blobs/photo", &[], Vec::new().into()).await;
    assert_eq!(deleted.text(), "true");
    assert_eq!(world.get("/blobs/photo").await.status, 404);
    let left = std::fs::read_dir(world.data_dir().join("blobs")).unwrap().count();
    assert_eq!(left, 0, "files stay that no blob needs");
}
