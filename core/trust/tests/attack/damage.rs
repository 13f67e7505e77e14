//! Damage of every file in turn: whatever one altered byte does, nothing unsigned is believed.

use newleaf_trust::refresh::Wanted;
use proptest::prelude::*;

use crate::repository::Repository;

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
            for believed in outcome.targets.files() {
                prop_assert_eq!(Some(believed), honest.targets.file(&believed.path));
            }
            for (namespace, signer) in &outcome.targets.signers {
                prop_assert_eq!(Some(signer), honest.targets.signers.get(namespace));
            }
        }
    }
}
