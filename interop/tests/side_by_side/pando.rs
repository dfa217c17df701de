//! The operations with Pando. The client uses `Session` with Pando's store in memory.

use crate::{GROUP, Library, Outcome, Server};
use pando_mls::{
    BasicIdentities, CipherSuite, Client, Credential, Decode, Encode, Group, GroupId, KeyPackage,
};
use pando_store::session::{Event, Received, no_rows};
use pando_store::{Key, Memory, MemoryStore, Session, StoredSigner};

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
        let store = MemoryStore::new(Memory::new(), &Key::bytes(&[7; 32])?)?;
        let mut session = Session::new(store, Client::new(BasicIdentities));
        let identity = session.identity(SUITE, Credential::basic(name))?;
        Ok(PandoClient { session, identity })
    }

    fn key_package(client: &mut PandoClient) -> Outcome<Vec<u8>> {
        let created = client.session.create_key_package(&client.identity, |it| it, no_rows)?;
        Ok(created.encode()?)
    }

    fn create(client: &mut PandoClient) -> Outcome<GroupId> {
        client.session.create_group(Group::builder(GROUP), &client.identity, no_rows)?;
        Ok(GROUP.into())
    }

    fn add(
        client: &mut PandoClient,
        group: &mut GroupId,
        key_package: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let key_package = KeyPackage::decode(key_package)?;
        let commit = client.session.commit(group, |commit| commit.add(key_package), no_rows)?;
        if !server.post_commit(&commit.message)? {
            return Ok(false);
        }
        client.session.accept_commit(group, no_rows)?;
        client.session.send_outbox(group, |welcome| server.post(welcome))?;
        Ok(true)
    }

    fn join(client: &mut PandoClient, welcome: &[u8]) -> Outcome<GroupId> {
        let received = client.session.join(welcome, None, no_rows)?;
        let Received::Applied { events, .. } = received else { return Err(format!("{received:?}").into()) };
        let Some(Event::Joined { group_id, .. }) = events.first() else { return Err("not joined".into()) };
        Ok(group_id.clone())
    }

    fn send(client: &mut PandoClient, group: &mut GroupId, text: &str, server: &mut Server) -> Outcome {
        let message = client.session.send(group, text, no_rows)?;
        server.post(&message)
    }

    fn receive(client: &mut PandoClient, _: &mut GroupId, message: &[u8]) -> Outcome<Option<String>> {
        let received = client.session.receive(message, no_rows)?;
        let Received::Applied { events, .. } = received else { return Err(format!("{received:?}").into()) };
        Ok(events.first().and_then(Event::text).map(str::to_owned))
    }

    fn lost_race(
        client: &mut PandoClient,
        group: &mut GroupId,
        winner: &[u8],
        _: &[u8],
        server: &mut Server,
    ) -> Outcome<bool> {
        let received = client.session.receive(winner, no_rows)?;
        let Received::Applied { events, .. } = received else { return Err(format!("{received:?}").into()) };
        let lost = |event| if let Event::OwnCommitLost(lost) = event { Some(lost) } else { None };
        let lost = events.into_iter().filter_map(lost).flatten();
        let commit = client.session.commit(group, |commit| commit.proposals(lost), no_rows)?;
        if !server.post_commit(&commit.message)? {
            return Ok(false);
        }
        client.session.accept_commit(group, no_rows)?;
        client.session.send_outbox(group, |welcome| server.post(welcome))?;
        Ok(true)
    }

    fn restart(name: &str, stored: MemoryStore) -> Outcome<(PandoClient, GroupId)> {
        let mut session = Session::new(stored, Client::new(BasicIdentities));
        let identity = session.identity(SUITE, Credential::basic(name))?;
        session.group(&GROUP.into())?;
        Ok((PandoClient { session, identity }, GROUP.into()))
    }

    fn group_info(client: &mut PandoClient, group: &mut GroupId) -> Outcome<Vec<u8>> {
        Ok(client.session.group_info(group, |it| it)?)
    }

    fn external_join(
        client: &mut PandoClient,
        group_info: &[u8],
        server: &mut Server,
    ) -> Outcome<Option<GroupId>> {
        let (session, identity) = (&mut client.session, &client.identity);
        let commit = session.join_externally(group_info, None, identity, |it| it, no_rows)?;
        if !server.post_commit(&commit.message)? {
            session.abandon_join(&commit.group_id, no_rows)?;
            return Ok(None);
        }
        session.accept_join(&commit.group_id, no_rows)?;
        Ok(Some(commit.group_id))
    }

    fn members(client: &mut PandoClient, group: &mut GroupId) -> Outcome<Vec<String>> {
        let members = client.session.group(group)?.members().map(|member| {
            let credential = member?.credential;
            Ok(str::from_utf8(credential.as_basic().ok_or("not basic")?)?.to_owned())
        });
        members.collect()
    }

    fn stop(client: PandoClient, _: GroupId) -> MemoryStore {
        client.session.into_store()
    }
}
