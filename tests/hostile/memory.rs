//! Who takes the memory: the guest's own, and what a guest makes the host keep for it.

use crate::ground::ground;

const HOG: &str = "hostile-hog";

#[test]
fn memory_without_end_is_a_trap() {
    let Some(ground) = ground("a memory bomb beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) =
        ground.siege(HOG, "8 memory bombs", || ground.get_many(HOG, "/memory", 8));
    assert!(answers.iter().all(|answer| answer.status == 500), "{answers:?}");
    siege.told("of memory that one instance may have");
    ground.is_well(HOG);
}

#[test]
fn many_that_take_what_one_may_are_bounded_together() {
    let Some(ground) = ground("a memory bomb of many parts beside a neighbour") else { return };
    ground.install(HOG);
    let (answers, siege) = ground.siege(HOG, "30 × 56 MiB", || ground.get_many(HOG, "/share", 30));
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(with(200) + with(500) + with(503), 30, "{answers:?}");
    // Nine have theirs at one time; who comes once their size is known waits for it.
    assert!(with(200) >= 1 && with(500) + with(503) >= 1, "{answers:?}");
    // 512 MiB, and what the host itself needs for thirty requests.
    assert!(siege.grown < 640 << 20, "they had {} MiB together", siege.grown >> 20);
    siege.told("of memory that they may have together");
    ground.is_well(HOG);
}

/// Asks for `path`, which makes the host keep things.
fn hoards(test: &str, path: &str, reason: &str) {
    let Some(ground) = ground(test) else { return };
    ground.install(HOG);
    let what = format!("8 × {path}");
    let (answers, siege) = ground.siege(HOG, &what, || ground.get_many(HOG, path, 8));
    assert!(answers.iter().all(|answer| matches!(answer.status, 500 | 504)), "{answers:?}");
    siege.told(reason);
    ground.is_well(HOG);
}

#[test]
fn full_lists_of_fields_are_bounded_in_number_and_size() {
    hoards("lists of fields beside a neighbour", "/fields", "resource table has no free keys");
}

#[test]
fn bodies_that_nobody_reads_are_bounded_in_number_and_size() {
    hoards("bodies that nobody reads beside a neighbour", "/bodies", "resource table has no free");
}

#[test]
fn pollables_are_bounded_in_number() {
    hoards("pollables beside a neighbour", "/pollables", "resource table has no free keys");
}
