//! What a statement makes SQLite keep in memory is bounded. In a program of its own, since SQLite's
//! allocator is chosen before its first use.

mod world;

use newleaf_domain::{ByteSize, Grant};
use newleaf_plugin_host::{Limits, storage::bound_memory};
use world::{HOSTILE, app};

#[tokio::test]
async fn a_row_of_many_large_values_is_too_large_and_the_next_statement_is_not() {
    assert!(bound_memory(), "SQLite was in use before");
    let grant = Grant::Storage { quota: ByteSize::mib(1) };
    let world = app(&HOSTILE).grant(grant.clone()).start().await.unwrap();
    let columns = vec!["randomblob(8000000)"; 200].join(",");
    let large = world.get(&format!("/sql?statement=SELECT+{columns}")).await;
    assert_eq!((large.status, large.text().as_str()), (403, "refused: TooLarge"));
    let few = "/sql?statement=SELECT+randomblob(8000000),randomblob(8000000)";
    assert_eq!(world.get(few).await.status, 200);
    // A large statement is memory of the app.
    let large = format!("/sql?statement=SELECT+{}", ["randomblob(8000000)"; 5].join(","));
    assert_eq!(world.get(&large).await.status, 200);
    let limits = Limits { memory_together: ByteSize::mib(32), ..Limits::default() };
    let world = app(&HOSTILE).grant(grant).limits(limits).start().await.unwrap();
    assert_eq!(world.get(&large).await.text(), "refused: TooLarge");
    assert_eq!(world.get(few).await.status, 200);
}
