//! Pando: `Session` over its store in memory.

use crate::{GROUP, Library, Outcome, Server};
use getrandom::{SysRng, rand_core::UnwrapErr};
use pando_mls::{
    BasicIdentities, CipherSuite, Client, CommitBuilder, Credential, Decode, Encode, GroupId, KeyPackage,
    MlsMessage,
};
use pando_store::session::{Call, Event, Received};
use pando_store::{Key, Memory, MemoryStore, Session, StoredSigner};
use std::time::UNIX_EPOCH;

const SUITE: CipherSuite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;

pub(crate) struct Pando;

pub(crate) struct PandoClient {
    session: Session<Memory>,
    identity: StoredSigner,
}

impl Library for Pando {
    type Client = PandoClient;
    type Group = GroupId;
    type Stored = MemoryStore;

    fn client(name: &str) -> Outcome<PandoClient> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let store = MemoryStore::new(Memory::new(), &Key::bytes(&[7; 32])?)?;
        let mut session = Session::new(store, Client::new(BasicIdentities));
        let identity = session.identity(SUITE, Credential::basic(name), call)?;
        Ok(PandoClient { session, identity })
    }

    fn key_package(client: &mut PandoClient) -> Outcome<Vec<u8>> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let created =
            client.session.create_key_package(&client.identity, false, call, |it| it, |_, _| Ok(()))?;
        Ok(created.encode()?)
    }

    fn create(client: &mut PandoClient) -> Outcome<GroupId> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        client.session.create_group(GROUP, &client.identity, call, |it| it, |_| Ok(()))?;
        Ok(GROUP.into())
    }

    fn add(
        client: &mut PandoClient,
        group: &mut GroupId,
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let key_package = KeyPackage::decode(key_package)?;
        let commit = client.session.commit(group, call, |commit| commit.add(key_package), |_, _| Ok(()))?;
        if !server.post_commit(&commit.message)? {
            return Ok(false);
        }
        client.session.accept_commit(group, |_, _| Ok(()))?;
        for (id, welcome) in client.session.outbox(group)? {
            server.post(&welcome)?;
            client.session.acknowledge(group, id, call)?;
        }
        Ok(true)
    }

    fn join(client: &mut PandoClient, welcome: &[u8]) -> Outcome<GroupId> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let received = client.session.join(welcome, None, call, |_, _| Ok(()))?;
        let Received::Applied(events) = received else { return Err(format!("{received:?}").into()) };
        let Some(Event::Joined { group_id, .. }) = events.first() else { return Err("not joined".into()) };
        Ok(group_id.clone())
    }

    fn send(client: &mut PandoClient, group: &mut GroupId, text: &str, server: &mut Server) -> Outcome {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let message = client.session.send(group, text, call, |_, _| Ok(()))?;
        server.post(&message)
    }

    fn receive(client: &mut PandoClient, _: &mut GroupId, message: &[u8]) -> Outcome<Option<String>> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let received = client.session.receive(message, call, |_, _| Ok(()))?;
        let Received::Applied(events) = received else { return Err(format!("{received:?}").into()) };
        Ok(events.first().and_then(Event::text).map(str::to_owned))
    }

    fn lost_race(
        client: &mut PandoClient,
        group: &mut GroupId,
        winner: &[u8],
        _: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let received = client.session.receive(winner, call, |_, _| Ok(()))?;
        let Received::Applied(events) = received else { return Err(format!("{received:?}").into()) };
        let lost = |event| if let Event::OwnCommitLost(lost) = event { Some(lost) } else { None };
        let lost = events.into_iter().filter_map(lost).flatten();
        let commit =
            client.session.commit(group, call, |it| lost.fold(it, CommitBuilder::proposal), |_, _| Ok(()))?;
        if !server.post_commit(&commit.message)? {
            return Ok(false);
        }
        client.session.accept_commit(group, |_, _| Ok(()))?;
        for (id, welcome) in client.session.outbox(group)? {
            server.post(&welcome)?;
            client.session.acknowledge(group, id, call)?;
        }
        Ok(true)
    }

    fn restart(name: &str, stored: MemoryStore) -> Outcome<(PandoClient, GroupId)> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let mut session = Session::new(stored, Client::new(BasicIdentities));
        let identity = session.identity(SUITE, Credential::basic(name), call)?;
        session.group(&GROUP.into())?;
        Ok((PandoClient { session, identity }, GROUP.into()))
    }

    fn group_info(client: &mut PandoClient, group: &mut GroupId) -> Outcome<Vec<u8>> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        Ok(client.session.group_info(group, call, |it| it)?)
    }

    fn external_join(
        client: &mut PandoClient,
        group_info: &[u8],
        server: &mut Server,
    ) -> Outcome<Option<GroupId>> {
        let call = &mut Call::new(UNIX_EPOCH.elapsed()?.as_secs(), UnwrapErr(SysRng));
        let group_id = MlsMessage::decode(group_info)?.group_id().cloned().ok_or("not a GroupInfo")?;
        let (session, identity) = (&mut client.session, &client.identity);
        let commit = session.join_externally(group_info, None, identity, call, |it| it, |_, _| Ok(()))?;
        if !server.post_commit(&commit)? {
            session.abandon_join(&group_id, |_| Ok(()))?;
            return Ok(None);
        }
        session.accept_join(&group_id, |_, _| Ok(()))?;
        Ok(Some(group_id))
    }

    fn members(client: &mut PandoClient, group: &mut GroupId) -> Outcome<Vec<String>> {
        let members = client.session.group(group)?.members().map(|member| {
            let Credential::Basic { identity } = member?.credential else { return Err("not basic".into()) };
            Ok(String::from_utf8(identity.to_vec())?)
        });
        members.collect()
    }

    fn stop(client: PandoClient, _: GroupId) -> MemoryStore {
        client.session.into_store()
    }
}
