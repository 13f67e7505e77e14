//! The forms in which a package comes: the smallest that serves, and the package as it is where
//! none does, without a word to the admin.

use newleaf_domain::{ByteSize, Digest};
use newleaf_launcher::journal::{Ending, Outcome, StepId};
use newleaf_package::Written;
use newleaf_package::transport::{Base, Effort, compress, create};
use newleaf_plan::Change;
use newleaf_update::port::fake::{Host, World};
use newleaf_update::view::{Report, StepStanding};
use serde_json::json;

use crate::story::*;

/// A host on notes 1.0.0, and 2.0.0 on offer: the same code with a new piece in the middle.
struct Offer {
    world: World,
    host: Host,
    change: Change,
    old: Digest,
    package: Vec<u8>,
}

fn code(version: &str) -> Vec<u8> {
    let blocks = (0..2_000_u64).flat_map(|n| *Digest::of(&n.to_le_bytes()).as_bytes());
    let mut code = blocks.collect::<Vec<_>>();
    code.splice(30_000..30_000, version.bytes());
    code
}

async fn offer() -> Offer {
    let world = World::new();
    world.publisher().app_of("acme/notes", "1.0.0", json!({}), code("1.0.0"));
    world.publish();
    let host = world.start();
    update(&host, &target()).await;
    let old = world.disk.state().apps[&notes()].good.clone().unwrap().digest;
    world.publisher().app_of("acme/notes", "2.0.0", json!({}), code("2.0.0"));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    let change = host.updater.plan(&target(), None).await.unwrap().plan.changes[0].clone();
    let stored = newleaf_trust::layout::stored_path(&change.path, change.digest);
    let package = world.repository.files().targets[&stored].clone();
    Offer { world, host, change, old, package }
}

fn written(bytes: &[u8]) -> Written {
    Written { length: ByteSize::bytes(bytes.len() as u64), sha256: Digest::of(bytes) }
}

impl Offer {
    fn stored(&self) -> String {
        newleaf_trust::layout::stored_path(&self.change.path, self.change.digest)
    }

    fn copy(&self) -> String {
        format!("{}.zst", self.stored())
    }

    fn delta(&self) -> String {
        format!("{}-{}.zst", self.old, self.change.digest)
    }

    fn serve_delta(&self) {
        let old = self.world.disk.package(self.old).unwrap();
        let base = Base::read(old.as_slice(), written(&old)).unwrap();
        let frame = create(&base, &self.package, Effort::Quick).unwrap();
        self.world.repository.serve_delta(&self.delta(), frame);
    }

    fn serve_copy(&self) {
        let mut frame = Vec::new();
        let length = written(&self.package).length;
        compress(self.package.as_slice(), length, &mut frame, Effort::Quick).unwrap();
        // What does not compress grows by its frame; a copy is never longer than the package.
        frame.truncate(self.package.len());
        self.world.repository.serve_target(&self.copy(), frame);
    }

    /// Updates; gives the files that were fetched for it and what the step says.
    async fn update(&self) -> (Vec<String>, String) {
        let before = self.world.repository.asked_for().len();
        let report = update(&self.host, &target()).await;
        assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
        assert_eq!(self.host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
        (self.world.repository.asked_for()[before..].to_vec(), told(&report))
    }
}

fn told(report: &Report) -> String {
    let fetch = report.steps.iter().find(|row| row.step == StepId::Fetch).unwrap();
    let StepStanding::Over { outcome: Outcome::Done { detail } } = &fetch.standing else {
        panic!("not simply done: {fetch:?}")
    };
    detail.clone()
}

#[tokio::test]
async fn a_delta_over_the_version_that_serves_is_all_that_is_fetched() {
    let offer = offer().await;
    offer.serve_delta();
    offer.serve_copy();
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.delta()]);
    assert!(told.contains("a delta of") && told.contains("over 1.0.0"), "{told}");
}

#[tokio::test]
async fn without_a_delta_the_compressed_copy_is_fetched() {
    let mut offer = offer().await;
    // Code that does compress.
    let code = b"notes ".repeat(10_000);
    offer.world.publisher().app_of("acme/notes", "3.0.0", json!({}), code);
    offer.world.publish();
    offer.host.updater.check().await.unwrap();
    let view = offer.host.updater.plan(&target(), None).await.unwrap();
    offer.change = view.plan.changes[0].clone();
    offer.package = offer.world.repository.files().targets[&offer.stored()].clone();
    offer.serve_copy();
    let report = update(&offer.host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(offer.world.repository.asked_for().last(), Some(&offer.copy()));
    assert!(told(&report).contains("the compressed copy of"), "{}", told(&report));
}

#[tokio::test]
async fn without_either_the_package_itself_is_fetched() {
    let offer = offer().await;
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.stored()]);
    assert!(!told.contains("smaller"), "{told}");
}

#[tokio::test]
async fn a_delta_that_makes_another_package_is_passed_over() {
    let offer = offer().await;
    let old = offer.world.disk.package(offer.old).unwrap();
    let base = Base::read(old.as_slice(), written(&old)).unwrap();
    let mut other = offer.package.clone();
    other[100] ^= 1;
    let frame = create(&base, &other, Effort::Quick).unwrap();
    offer.world.repository.serve_delta(&offer.delta(), frame);
    offer.serve_copy();
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.delta(), offer.stored()], "the package, once");
    assert!(told.contains("not in a smaller form: no package came of the download"), "{told}");
}

#[tokio::test]
async fn a_base_that_was_changed_on_disk_is_passed_over() {
    let offer = offer().await;
    offer.serve_delta();
    offer.world.disk.damage_slot(offer.old);
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.delta(), offer.stored()]);
    assert!(told.contains("the base has SHA-256"), "{told}");
}

#[tokio::test]
async fn garbage_in_the_place_of_a_delta_is_passed_over() {
    let offer = offer().await;
    offer.world.repository.serve_delta(&offer.delta(), b"<html>sign in</html>".to_vec());
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.delta(), offer.stored()]);
    assert!(told.contains("does not begin with a header"), "{told}");
}

#[tokio::test]
async fn a_delta_of_more_than_half_is_not_fetched() {
    let offer = offer().await;
    let half = vec![0; offer.package.len() / 2 + 1];
    offer.world.repository.serve_delta(&offer.delta(), half);
    let (asked, _) = offer.update().await;
    assert_eq!(asked, [offer.stored()]);
}

#[tokio::test]
async fn what_an_earlier_try_began_as_it_is_is_ended_as_it_is() {
    let offer = offer().await;
    offer.serve_delta();
    offer.world.disk.put_download(offer.change.digest, offer.package[..5_000].to_vec());
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.stored()]);
    assert_eq!(offer.world.repository.opened().last(), Some(&5_000));
    assert!(told.contains("4.9 KiB of it from an earlier try"), "{told}");
}

#[tokio::test]
async fn a_beginning_that_is_not_of_this_package_is_thrown_away() {
    let offer = offer().await;
    offer.world.disk.put_download(offer.change.digest, vec![7; 5_000]);
    let (asked, told) = offer.update().await;
    assert_eq!(asked, [offer.stored(), offer.stored()]);
    assert_eq!(offer.world.repository.opened().last(), Some(&0));
    assert!(!told.contains("earlier"), "{told}");
}
