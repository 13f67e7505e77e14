//! Durable memory on a fake disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use newleaf_domain::{PlanId, Target, Timestamp};
use newleaf_trust::Pin;

use super::disk::Disk;
use crate::port::{Contact, PlanMemo, Store, StoreError};
use crate::view::RehearsalNote;

/// Keeps everything on the disk.
#[derive(Debug)]
pub struct FakeStore(pub Arc<Disk>);

#[async_trait]
impl Store for FakeStore {
    async fn trust_files(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        Ok(self.0.lock().trust.clone())
    }

    async fn put_trust_files(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.0.lock().trust.extend(files);
        Ok(())
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        Ok(self.0.lock().pins.clone())
    }

    async fn put_pin(&self, pin: &Pin) -> Result<(), StoreError> {
        let pins = &mut self.0.lock().pins;
        pins.retain(|kept| kept.ns != pin.ns);
        pins.push(pin.clone());
        Ok(())
    }

    async fn core_reader(&self) -> Result<Option<u32>, StoreError> {
        Ok(Some(self.0.lock().core_reader))
    }

    async fn has_to_contract(&self, schema: u32) -> Result<bool, StoreError> {
        Ok(self.0.lock().core_reader < schema)
    }

    async fn contract(&self, schema: u32) -> Result<(), StoreError> {
        let mut disk = self.0.lock();
        disk.core_reader = disk.core_reader.max(schema);
        Ok(())
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<PlanMemo>, StoreError> {
        Ok(self.0.lock().plans.get(id).cloned())
    }

    async fn put_plan(&self, memo: &PlanMemo, forget_before: Timestamp) -> Result<(), StoreError> {
        let mut disk = self.0.lock();
        disk.plans.retain(|_, old| old.plan.created >= forget_before);
        disk.plans.insert(memo.plan.id.clone(), memo.clone());
        Ok(())
    }

    async fn rehearsal(&self, target: &Target) -> Result<Option<RehearsalNote>, StoreError> {
        Ok(self.0.lock().rehearsals.get(target).cloned())
    }

    async fn put_rehearsal(&self, note: &RehearsalNote) -> Result<(), StoreError> {
        self.0.lock().rehearsals.insert(note.target.clone(), note.clone());
        Ok(())
    }

    async fn contact(&self) -> Result<Contact, StoreError> {
        Ok(self.0.lock().contact.clone())
    }

    async fn put_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        self.0.lock().contact = contact.clone();
        Ok(())
    }

    async fn install_id(&self) -> Result<[u8; 32], StoreError> {
        Ok([7; 32])
    }
}
