//! Damage of every file in turn: whatever one altered byte does, nothing unsigned is believed.

use newleaf_trust::RefreshOutcome;
use newleaf_trust::refresh::Wanted;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::repository::{Repository, ns};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_altered_byte_changes_what_is_believed(
        file in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let mut repository = Repository::new();
        repository.introduce("fresh", "solo", 40);
        repository.release("pub.solo", "apps/solo/clock/1.0.0/clock.zip");
        repository.publish();
        let honest = repository.host().refresh_for(Wanted::everything(), &repository).unwrap();
        let host = &mut repository.host();
        let names = repository.files.metadata.keys().cloned().collect::<Vec<_>>();
        let bytes = repository.files.metadata.get_mut(file.get(&names)).unwrap();
        let index = place.index(bytes.len());
        bytes[index] ^= mask;
        if let Ok(outcome) = host.refresh_for(Wanted::everything(), &repository) {
            nothing_else_is_believed(&outcome, &honest)?;
        }
    }

    #[test]
    fn an_altered_byte_in_one_authors_role_stops_that_author_alone(
        author in prop::sample::select(vec!["acme", "solo"]),
        place in any::<prop::sample::Index>(),
        mask in 1..=255_u8,
    ) {
        let mut repository = Repository::new();
        repository.introduce("fresh", "solo", 40);
        repository.release("pub.solo", "apps/solo/clock/1.0.0/clock.zip");
        repository.publish();
        let honest = repository.host().refresh_for(Wanted::everything(), &repository).unwrap();
        let file = repository.file_of(&format!("pub.{author}"));
        let bytes = repository.files.metadata.get_mut(&file).unwrap();
        let index = place.index(bytes.len());
        bytes[index] ^= mask;
        let outcome = repository.host().refresh_for(Wanted::everything(), &repository).unwrap();
        nothing_else_is_believed(&outcome, &honest)?;
        prop_assert_eq!(outcome.targets.failures.keys().collect::<Vec<_>>(), [&ns(author)]);
        for file in honest.targets.files() {
            let is_damaged = file.path.starts_with(&format!("apps/{author}/"));
            prop_assert_eq!(outcome.targets.file(&file.path), (!is_damaged).then_some(file));
        }
    }
}

/// Whatever is believed, the undamaged repository says too.
fn nothing_else_is_believed(
    outcome: &RefreshOutcome,
    honest: &RefreshOutcome,
) -> Result<(), TestCaseError> {
    for believed in outcome.targets.files() {
        prop_assert_eq!(Some(believed), honest.targets.file(&believed.path));
    }
    for (namespace, signer) in &outcome.targets.signers {
        prop_assert_eq!(Some(signer), honest.targets.signers.get(namespace));
    }
    Ok(())
}
