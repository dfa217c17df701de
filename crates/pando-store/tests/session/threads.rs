//! Types that can be moved to another thread or shared between threads.

use crate::fixture::group_of;
use pando_mls::{Client, Group};
use pando_store::session::no_rows;
use pando_store::{Memory, Session, Store};

const fn is_send<T: Send>() {}
const fn is_shared<T: Send + Sync + Clone>() {}

const _: () = {
    is_send::<Session<Memory>>();
    is_send::<Store<Memory>>();
    is_send::<Group>();
    is_shared::<Client>();
};

#[cfg(feature = "sqlite")]
const _: () = {
    is_send::<Session<pando_store::Sqlite>>();
    is_send::<Store<pando_store::Sqlite>>();
};

/// A session with a loaded group can be used on another thread.
#[test]
fn a_session_moves_to_another_thread() {
    let [alice, mut bob] = group_of(["alice", "bob"]);
    let mut session = alice.session;
    let send = move || session.send(&crate::fixture::tea(), "from afar", no_rows).unwrap();
    let message = std::thread::spawn(send).join().unwrap();
    assert_eq!(bob.read(&message), "from afar");
}
