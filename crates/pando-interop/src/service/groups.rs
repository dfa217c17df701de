//! Requests that join a group, and requests for the values of its epochs.

#![expect(clippy::disallowed_methods, reason = "the harness asks for groups in memory")]

use super::clients::{Clients, Joiner};
use super::decode::{encode, group_info, message, optional, suite, welcome};
use super::failure::{Failure, Outcome};
use super::played_client::{PlayedClient, Published, member};
use super::state::State;
use crate::proto::{
    CreateGroupRequest, CreateGroupResponse, CreateKeyPackageRequest, CreateKeyPackageResponse,
    ExportRequest, ExportResponse, ExternalJoinRequest, ExternalJoinResponse, FreeRequest, FreeResponse,
    GroupInfoRequest, GroupInfoResponse, JoinGroupRequest, JoinGroupResponse, ProtectRequest,
    ProtectResponse, StateAuthRequest, StateAuthResponse, StorePskRequest, StorePskResponse,
    UnprotectRequest, UnprotectResponse,
};
use pando_mls::{
    ApplicationData, Context, ExternalJoin, Group, GroupInfo, Limits, Processed, Psk, PublicGroup,
    PublicState, Suite,
};

impl Clients {
    pub(super) fn create_group(&mut self, request: CreateGroupRequest) -> Outcome<CreateGroupResponse> {
        let CreateGroupRequest { group_id, cipher_suite, encrypt_handshake, identity } = request;
        let suite = suite(cipher_suite)?;
        let (client, _) = PlayedClient::new(suite, identity, &mut self.rng)?;
        let client = client.encrypting(encrypt_handshake);
        let bundle = client.key_package(&mut self.rng)?;
        let group = Group::builder(group_id).build(bundle, &client.cx(), &mut self.rng)?.assume_persisted();
        Ok(CreateGroupResponse { state_id: self.table.add_state(client, group)? })
    }

    pub(super) fn create_key_package(
        &mut self,
        request: CreateKeyPackageRequest,
    ) -> Outcome<CreateKeyPackageResponse> {
        let CreateKeyPackageRequest { cipher_suite, identity } = request;
        let (client, key) = PlayedClient::new(suite(cipher_suite)?, identity, &mut self.rng)?;
        let bundle = client.key_package(&mut self.rng)?;
        let Published { key_package, init_priv, encryption_priv } = Published::new(&bundle)?;
        Ok(CreateKeyPackageResponse {
            transaction_id: self.table.add_joiner(Joiner { client, bundle })?,
            key_package,
            init_priv,
            encryption_priv,
            signature_priv: key.expose().to_vec(),
        })
    }

    pub(super) fn join_group(&mut self, request: JoinGroupRequest) -> Outcome<JoinGroupResponse> {
        let Joiner { client, bundle } = self.table.joiner(request.transaction_id)?;
        if *client.identity != *request.identity {
            return Err(Failure::argument("the KeyPackage has another identity"));
        }
        let (welcome, tree) = (welcome(&request.welcome)?, optional(&request.ratchet_tree));
        let encrypt_handshakes = request.encrypt_handshake;
        let config = client.config.with_encrypt_handshakes(encrypt_handshakes);
        let group = Group::join(&welcome, bundle, tree, &client.cx().with_config(config))?.assume_persisted();
        let state_id = self.table.joined(request.transaction_id, group)?;
        let epoch_authenticator = self.table.state(state_id)?.epoch_authenticator();
        Ok(JoinGroupResponse { state_id, epoch_authenticator })
    }

    pub(super) fn external_join(&mut self, request: ExternalJoinRequest) -> Outcome<ExternalJoinResponse> {
        let (group_info, tree) = (group_info(&request.group_info)?, optional(&request.ratchet_tree));
        let suite = suite(group_info.group_context.cipher_suite.0.into())?;
        let (client, _) = PlayedClient::new(suite, request.identity, &mut self.rng)?;
        let mut client = client.encrypting(request.encrypt_handshake);
        let resync = if request.remove_prior {
            let public = public_state(suite, &group_info, tree, &client.cx())?;
            Some(member(public.tree(), &client.identity)?)
        } else {
            None
        };
        let mut psks = Vec::new();
        for psk in request.psks {
            psks.push(Psk::External { psk_id: psk.psk_id.as_slice().into() });
            client.psks.insert(psk.psk_id, psk.psk_secret);
        }
        let (template, authenticated_data) = (client.leaf(), b"");
        let join = ExternalJoin::new(&group_info, template)
            .tree(tree)
            .replace_leaf(resync)
            .psks(psks)
            .authenticated_data(authenticated_data);
        let (mut group, commit) = join.build(&client.cx(), &mut self.rng)?.assume_persisted();
        // The harness accepts every Commit that it asks for, so a Commit never loses a race.
        group.merge_pending()?.assume_persisted();
        let state_id = self.table.add_state(client, group)?;
        let epoch_authenticator = self.table.state(state_id)?.epoch_authenticator();
        Ok(ExternalJoinResponse { state_id, commit: encode(commit)?, epoch_authenticator })
    }

    pub(super) fn group_info(&mut self, request: GroupInfoRequest) -> Outcome<GroupInfoResponse> {
        let State { client, group, .. } = self.table.state(request.state_id)?;
        let external = request.external_tree;
        let builder = group.group_info();
        let builder = if external { builder.without_tree() } else { builder };
        let group_info = encode(builder.build(&client.cx())?)?;
        let ratchet_tree = if external { group.public().tree().export()? } else { Vec::new() };
        Ok(GroupInfoResponse { group_info, ratchet_tree })
    }

    pub(super) fn state_auth(&mut self, request: StateAuthRequest) -> Outcome<StateAuthResponse> {
        let state = self.table.state(request.state_id)?;
        Ok(StateAuthResponse { state_auth_secret: state.epoch_authenticator() })
    }

    pub(super) fn export(&mut self, request: ExportRequest) -> Outcome<ExportResponse> {
        let ExportRequest { state_id, label, context, key_length } = request;
        let group = &self.table.state(state_id)?.group;
        let length = usize::try_from(key_length).unwrap_or(usize::MAX);
        let exported = group.export(&label, &context, length)?;
        Ok(ExportResponse { exported_secret: exported.expose().to_vec() })
    }

    pub(super) fn protect(&mut self, request: ProtectRequest) -> Outcome<ProtectResponse> {
        let ProtectRequest { state_id, authenticated_data, plaintext } = request;
        let State { client, group, .. } = self.table.state_mut(state_id)?;
        let message = group
            .encrypt(
                ApplicationData::new(&plaintext).authenticated_data(&authenticated_data),
                &client.cx(),
                &mut self.rng,
            )?
            .assume_persisted();
        Ok(ProtectResponse { ciphertext: encode(message)? })
    }

    pub(super) fn unprotect(&mut self, request: UnprotectRequest) -> Outcome<UnprotectResponse> {
        let State { client, group, .. } = self.table.state_mut(request.state_id)?;
        let ciphertext = message("a message", &request.ciphertext)?;
        match group.process(ciphertext, &client.cx())?.assume_persisted() {
            Processed::Application { data, authenticated_data, .. } => Ok(UnprotectResponse {
                authenticated_data: authenticated_data.into_vec(),
                plaintext: data.into_vec(),
            }),
            _ => Err(Failure::argument("not an application message")),
        }
    }

    pub(super) fn store_psk(&mut self, request: StorePskRequest) -> Outcome<StorePskResponse> {
        let StorePskRequest { state_or_transaction_id, psk_id, psk_secret } = request;
        self.table.psks_mut(state_or_transaction_id)?.insert(psk_id, psk_secret);
        Ok(StorePskResponse {})
    }

    pub(super) fn free(&mut self, request: FreeRequest) -> Outcome<FreeResponse> {
        self.table.free(request.state_id)?;
        Ok(FreeResponse {})
    }
}

/// Returns the public state described by a GroupInfo, after all checks that an outsider can make.
pub(super) fn public_state(
    suite: Suite,
    group_info: &GroupInfo,
    tree: Option<&[u8]>,
    cx: &Context<'_>,
) -> Outcome<PublicState> {
    let group = PublicGroup::new(suite, group_info, tree, cx.policy(), Limits::default())?.assume_persisted();
    Ok(group.public().clone())
}
