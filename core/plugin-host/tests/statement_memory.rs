//! What a statement makes SQLite keep in memory is bounded. In a program of its own, since SQLite's
//! allocator is chosen before its first use.

mod world;

use newleaf_domain::{ByteSize, Grant};
use newleaf_plugin_host::storage::bound_memory;
use world::{HOSTILE, app};

#[tokio::test]
async fn a_row_of_many_large_values_is_too_large_and_the_next_statement_is_not() {
    assert!(bound_memory(), "SQLite was in use before");
    let grant = Grant::Storage { quota: ByteSize::mib(1) };
    let world = app(&HOSTILE).grant(grant).start().await.unwrap();
    let columns = vec!["randomblob(8000000)"; 200].join(",");
    let large = world.get(&format!("/sql?statement=SELECT+{columns}")).await;
    assert_eq!((large.status, large.text().as_str()), (403, "refused: TooLarge"));
    let few = "/sql?statement=SELECT+randomblob(8000000),randomblob(8000000)";
    assert_eq!(world.get(few).await.status, 200);
}
