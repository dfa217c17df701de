//! The store contains external PSKs, and the resumption PSKs of its groups.

use crate::fixtures::{agree, group_of, tea};
use crate::{Place, for_each_store};
use pando_mls::{Psk, PskStore, PskValue, SecretBytes};
use pando_store::{Backend, Each, Guard, Key, Memory, Store, StoreError};
use std::cell::RefCell;
use std::ops::Range;
use std::time::Duration;

fn external(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    for device in &mut devices {
        let mut transaction = device.store.begin().unwrap();
        transaction.put_psk(b"first", &PskValue::from(vec![1; 32])).unwrap();
        transaction.put_psk(b"second", &PskValue::from(vec![2; 32])).unwrap();
        transaction.put_psk(b"first", &PskValue::from(vec![3; 16])).unwrap();
        transaction.remove_psk(b"second").unwrap();
        transaction.commit().unwrap();
        assert_eq!(device.store.psk_ids().unwrap(), [b"first".as_slice().into()]);
        assert_eq!(device.store.psk(b"first").unwrap().unwrap().expose(), [3; 16]);
    }
    let psk = Psk::External { psk_id: b"first".as_slice().into() };
    let (commit, _) = devices[0].commit(|builder| builder.psk(psk)).unwrap();
    devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    agree(&devices);
}

#[test]
fn a_commit_mixes_in_what_is_stored() {
    for_each_store!(external);
}

fn resumption(place: &impl Place) {
    let mut devices = group_of(vec![place.open("a"), place.open("b")]);
    for _ in 0..3 {
        let (commit, _) = devices[0].commit(|builder| builder).unwrap();
        devices.iter_mut().for_each(|device| drop(device.receive(&commit).unwrap()));
    }
    let (store, group) = (&devices[1].store, devices[1].group());
    let psks = &store;
    for epoch in 0..=group.epoch() + 1 {
        assert_eq!(psks.resumption(&tea(), epoch).unwrap(), group.resumption_psk(epoch), "{epoch}");
    }
    assert!(psks.resumption(&tea(), group.epoch()).unwrap().is_some());
    assert!(
        psks.resumption(&tea(), 1)
            .unwrap()
            .is_some_and(|psk| psks.resumption(&tea(), 2).unwrap() != Some(psk))
    );
    assert_eq!(psks.resumption(&"coffee".into(), 1).unwrap(), None);
}

#[test]
fn resumption_psks_are_those_of_the_groups() {
    for_each_store!(resumption);
}

/// An action of another process, which happens after a number of reads.
type Meanwhile = (u32, Box<dyn FnOnce()>);

thread_local! {
    static MEANWHILE: RefCell<Option<Meanwhile>> = RefCell::default();
}

/// A database that is read while another process writes to it.
struct Watched(Memory);

impl Watched {
    fn meanwhile() {
        let due = MEANWHILE.with_borrow_mut(|meanwhile| match meanwhile {
            Some((0, _)) => meanwhile.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        });
        if let Some((_, write)) = due {
            write();
        }
    }
}

impl Backend for Watched {
    fn again(&self) -> Result<Self, StoreError> {
        self.0.again().map(Self)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.0.begin()
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.0.commit()
    }

    fn rollback(&mut self) {
        self.0.rollback();
    }

    fn get(&self, key: &[u8]) -> Result<Option<SecretBytes>, StoreError> {
        Self::meanwhile();
        self.0.get(key)
    }

    fn scan(&self, range: Range<&[u8]>, each: &mut Each<'_>) -> Result<(), StoreError> {
        Self::meanwhile();
        self.0.scan(range, each)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.0.put(key, value)
    }

    fn delete(&mut self, range: Range<&[u8]>) -> Result<(), StoreError> {
        self.0.delete(range)
    }

    fn lock(&self, name: &[u8; 16], wait: Duration) -> Result<Guard, StoreError> {
        self.0.lock(name, wait)
    }

    fn erase(&mut self) -> Result<(), StoreError> {
        self.0.erase()
    }

    fn compact(&mut self) -> Result<(), StoreError> {
        self.0.compact()
    }
}

/// The returned PSK belongs to the requested epoch. The group of the PSK is not locked, so another
/// process may enter the next epoch at any time.
#[test]
fn a_resumption_psk_is_that_of_its_epoch_whatever_happens_meanwhile() {
    for reads in 0..8 {
        let place = Memory::new();
        let mut devices = group_of(vec![Store::new(place.again().unwrap(), &Key::None).unwrap()]);
        let store = Store::new(Watched(place), &Key::None).unwrap();
        let (epoch, psk) = (devices[0].group().epoch(), devices[0].group().resumption_psk(0));
        let next = move || {
            devices[0].commit(|builder| builder).unwrap();
            devices[0].merge_pending().unwrap();
        };
        MEANWHILE.set(Some((reads, Box::new(next))));
        assert!(epoch == 0 && psk.is_some());
        assert_eq!(store.resumption_psk(&tea(), 0).unwrap(), psk, "after {reads} reads");
        assert!(MEANWHILE.take().is_none() || reads > 0);
        assert_eq!(store.resumption_psk(&tea(), 0).unwrap(), psk);
    }
}
