//! Watching: late, from the middle, after the end.

use futures_util::StreamExt;
use newleaf_launcher::journal::{Entry, StepId};
use newleaf_update::Watch;

use crate::story::*;

#[tokio::test]
async fn a_late_viewer_gets_every_record_and_the_end() {
    let world = world_with_update().await;
    let host = world.start();
    let id = update(&host, &target()).await.id;
    let seen = host.updater.watch(&id, 0).collect::<Vec<_>>().await;
    let records = seen.iter().filter(|it| matches!(it, Watch::Record(_))).count();
    assert_eq!(records, 2 + 2 * StepId::APP.len());
    assert_eq!(seen.last(), Some(&Watch::Ended));
}

#[tokio::test]
async fn a_viewer_that_comes_back_gets_what_it_has_not_seen() {
    let world = world_with_update().await;
    let host = world.start();
    let id = begin(&host, &target()).await.unwrap();
    let first = std::pin::pin!(host.updater.watch(&id, 0));
    let begun = first.filter_map(async |it| match it {
        Watch::Record(record) => Some(record),
        Watch::Progress { .. } | Watch::Ended => None,
    });
    let last = std::pin::pin!(begun).next().await.unwrap().seq;
    let rest = host.updater.watch(&id, last).collect::<Vec<_>>().await;
    let numbers = rest.iter().filter_map(|it| match it {
        Watch::Record(record) => Some(record.seq),
        Watch::Progress { .. } | Watch::Ended => None,
    });
    let numbers = numbers.collect::<Vec<_>>();
    assert_eq!(numbers[0], last + 1);
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}

#[tokio::test]
async fn a_viewer_of_the_end_is_told_so_and_not_left_to_wait() {
    let world = world_with_update().await;
    let host = world.start();
    let report = update(&host, &target()).await;
    let seen = host.updater.watch(&report.id, report.seq).collect::<Vec<_>>().await;
    assert_eq!(seen, [Watch::Ended]);
}

#[tokio::test]
async fn history_lists_the_newest_first() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    let history = host.updater.history().await.unwrap();
    let versions = history.iter().map(|it| it.target.to.to_string()).collect::<Vec<_>>();
    assert_eq!(versions, ["2.0.0", "1.0.0"]);
    let began = world
        .disk
        .journal()
        .into_iter()
        .filter(|it| matches!(it.entry, Entry::Began { .. }))
        .count();
    assert_eq!(began, 2);
}
