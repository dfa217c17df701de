//! Tests that refused requests do not change any state.

use crate::fixture::{GroupFixture, Member, SETTINGS, add, description, remove};
use pando_interop::proto::*;
use tonic::{Code, Response, Status};

fn code<T>(answer: Result<Response<T>, Status>) -> Option<Code> {
    answer.err().map(|status| {
        assert!(!status.message().is_empty());
        status.code()
    })
}

const INVALID: Option<Code> = Some(Code::InvalidArgument);
const PRECONDITION: Option<Code> = Some(Code::FailedPrecondition);

/// Sends each request that names a state, with the state `id` and invalid contents. Returns the
/// status of each.
async fn statuses(member: &mut Member, id: u32) -> Vec<Option<Code>> {
    let (rpc, state_id) = (&mut member.rpc, id);
    let (junk, welcome) = (b"junk".to_vec(), b"junk".to_vec());
    let (key_package, commit, ciphertext) = (junk.clone(), junk.clone(), junk.clone());
    let handle = HandleCommitRequest { state_id, proposal: vec![junk.clone()], commit };
    let commit = CommitRequest { state_id, by_reference: vec![junk.clone()], ..CommitRequest::default() };
    let described =
        CommitRequest { state_id, by_value: vec![description("dance")], ..CommitRequest::default() };
    let out_of_range = Extension { extension_type: 65_536, extension_data: Vec::new() };
    let extensions = vec![out_of_range];
    let reinit = ReInitProposalRequest { state_id, ..ReInitProposalRequest::default() };
    let branch = CreateBranchRequest { state_id, key_packages: vec![junk.clone()], ..Default::default() };
    let joined = HandleBranchRequest { state_id, transaction_id: id, welcome, ..Default::default() };
    let sender = AddExternalSignerRequest { state_id, external_sender: junk.clone() };
    let extensions = GroupContextExtensionsProposalRequest { state_id, extensions };
    vec![
        code(rpc.unprotect(UnprotectRequest { state_id, ciphertext }).await),
        code(rpc.add_proposal(AddProposalRequest { state_id, key_package }).await),
        code(rpc.group_context_extensions_proposal(extensions).await),
        code(rpc.re_init_proposal(reinit).await),
        code(rpc.add_external_signer(sender).await),
        code(rpc.commit(commit.clone()).await),
        code(rpc.commit(described).await),
        code(rpc.re_init_commit(commit).await),
        code(rpc.handle_commit(handle.clone()).await),
        code(rpc.handle_re_init_commit(handle).await),
        code(rpc.create_branch(branch).await),
        code(rpc.handle_branch(joined).await),
    ]
}

/// Sends each request that succeeds if its state exists. Returns the status of each.
async fn statuses_for_unknown_state(member: &mut Member, state_id: u32) -> Vec<Option<Code>> {
    let rpc = &mut member.rpc;
    let psk = StorePskRequest { state_or_transaction_id: state_id, ..StorePskRequest::default() };
    let transaction_id = state_id;
    let reinit = ReInitWelcomeRequest { reinit_id: state_id, ..ReInitWelcomeRequest::default() };
    let begun = HandleReInitWelcomeRequest { reinit_id: state_id, ..Default::default() };
    let signer = ExternalSignerProposalRequest { signer_id: state_id, ..Default::default() };
    vec![
        code(rpc.group_info(GroupInfoRequest { state_id, external_tree: true }).await),
        code(rpc.state_auth(StateAuthRequest { state_id }).await),
        code(rpc.export(ExportRequest { state_id, key_length: 1, ..Default::default() }).await),
        code(rpc.protect(ProtectRequest { state_id, ..Default::default() }).await),
        code(rpc.update_proposal(UpdateProposalRequest { state_id }).await),
        code(rpc.remove_proposal(RemoveProposalRequest { state_id, removed_id: Vec::new() }).await),
        code(rpc.external_psk_proposal(ExternalPskProposalRequest { state_id, ..Default::default() }).await),
        code(rpc.resumption_psk_proposal(ResumptionPskProposalRequest { state_id, epoch_id: 0 }).await),
        code(rpc.handle_pending_commit(HandlePendingCommitRequest { state_id }).await),
        code(rpc.handle_pending_re_init_commit(HandlePendingCommitRequest { state_id }).await),
        code(rpc.store_psk(psk).await),
        code(rpc.join_group(JoinGroupRequest { transaction_id, ..Default::default() }).await),
        code(rpc.re_init_welcome(reinit).await),
        code(rpc.handle_re_init_welcome(begun).await),
        code(rpc.external_signer_proposal(signer).await),
        code(rpc.free(FreeRequest { state_id }).await),
    ]
}

#[tokio::test]
async fn what_there_is_not_and_what_is_malformed() {
    let mut fixture = GroupFixture::of(SETTINGS[0], &["alice", "bob"]).await;
    for id in [0, u32::MAX] {
        let alice = &mut fixture.members[0];
        assert!(statuses(alice, id).await.into_iter().all(|code| code == INVALID));
        assert!(statuses_for_unknown_state(alice, id).await.into_iter().all(|code| code == INVALID));
    }
    let state = fixture.members[0].state;
    let answers = statuses(&mut fixture.members[0], state).await;
    assert!(answers.iter().all(|code| *code == INVALID), "{answers:?}");

    // The service refuses unknown cipher suites, and bytes that are not a GroupInfo.
    let rpc = &mut fixture.members[0].rpc;
    for cipher_suite in [0, 8, 65_537] {
        let group = CreateGroupRequest { cipher_suite, ..Default::default() };
        assert_eq!(code(rpc.create_group(group).await), INVALID);
        let key_package = CreateKeyPackageRequest { cipher_suite, ..Default::default() };
        assert_eq!(code(rpc.create_key_package(key_package).await), INVALID);
        let signer = CreateExternalSignerRequest { cipher_suite, ..Default::default() };
        assert_eq!(code(rpc.create_external_signer(signer).await), INVALID);
    }
    let group_info = b"junk".to_vec();
    let join = ExternalJoinRequest { group_info: group_info.clone(), ..Default::default() };
    assert_eq!(code(rpc.external_join(join).await), INVALID);
    let add = NewMemberAddProposalRequest { group_info, ..Default::default() };
    assert_eq!(code(rpc.new_member_add_proposal(add).await), INVALID);
    fixture.agree().await;
}

/// A request that is not valid in the current state is refused, and succeeds once the state allows
/// it.
#[tokio::test]
async fn what_cannot_be_done_now() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        let mut joiner = fixture.joiner("charlie").await;
        let (alice, psk_id) = (&mut fixture.members[0], b"id".to_vec());
        let (rpc, state_id) = (&mut alice.rpc, alice.state);
        let psk = ProposalDescription { psk_id, ..description("externalPSK") };
        let lacking = CommitRequest { by_value: vec![psk], state_id, ..Default::default() };
        assert_eq!(code(rpc.commit(lacking.clone()).await), PRECONDITION);
        let nobody = RemoveProposalRequest { state_id, removed_id: b"nobody".to_vec() };
        assert_eq!(code(rpc.remove_proposal(nobody).await), PRECONDITION);
        let nothing = HandlePendingCommitRequest { state_id };
        assert_eq!(code(rpc.handle_pending_commit(nothing).await), PRECONDITION);
        let too_much = ExportRequest { state_id, key_length: u32::MAX, ..Default::default() };
        assert_eq!(code(rpc.export(too_much).await), PRECONDITION);

        // A Commit cannot cover the committer's own Update, so the whole request is refused.
        let update = rpc.update_proposal(UpdateProposalRequest { state_id }).await.unwrap().into_inner();
        let request = CommitRequest { by_reference: vec![update.proposal], state_id, ..Default::default() };
        assert_eq!(code(rpc.commit(request).await), PRECONDITION);

        // A Commit without a ReInit is refused as a ReInit Commit. Afterwards, it is accepted as an
        // ordinary Commit.
        let request = CommitRequest { state_id, ..Default::default() };
        let made = rpc.commit(request).await.unwrap().into_inner();
        let pending = HandlePendingCommitRequest { state_id };
        assert_eq!(code(rpc.handle_pending_re_init_commit(pending).await), PRECONDITION);
        let bob = &mut fixture.members[1];
        let (proposal, commit) = (Vec::new(), made.commit.clone());
        let handle = HandleCommitRequest { state_id: bob.state, proposal, commit };
        assert_eq!(code(bob.rpc.handle_re_init_commit(handle).await), PRECONDITION);
        let authenticator = bob.take(&[], &made.commit).await;
        assert_eq!(fixture.members[0].take(&[], &made.commit).await, authenticator);
        fixture.members[0].store_psk(b"id", b"secret").await;
        assert_eq!(code(fixture.members[0].rpc.commit(lacking).await), None);

        // A client can join only by a Welcome for its own KeyPackage, and only under its own name.
        let mut stranger = fixture.joiner("diana").await;
        let by_value = vec![add(&joiner.key_package)];
        let request = CommitRequest { by_value, external_tree: true, ..Default::default() };
        let made = fixture.commit(1, request, Vec::new()).await;
        for (joiner, identity) in [(&mut joiner, "eve"), (&mut stranger, "diana")] {
            let request = JoinGroupRequest {
                transaction_id: joiner.transaction,
                welcome: made.welcome.clone(),
                identity: identity.into(),
                ratchet_tree: made.ratchet_tree.clone(),
                encrypt_handshake: setting.encrypt,
            };
            let expected = if identity == "diana" { PRECONDITION } else { INVALID };
            assert_eq!(code(joiner.rpc.join_group(request).await), expected);
        }
        let request = JoinGroupRequest {
            transaction_id: joiner.transaction,
            welcome: made.welcome.clone(),
            identity: b"charlie".to_vec(),
            ..Default::default()
        };
        assert_eq!(code(joiner.rpc.join_group(request).await), PRECONDITION);
        let (charlie, _) = joiner.join(setting, &made.welcome, &made.ratchet_tree).await;
        fixture.members.push(charlie);
        fixture.agree().await;
    }
}

/// A removed member can neither encrypt messages nor export secrets.
#[tokio::test]
async fn who_is_removed_is_out() {
    let mut fixture = GroupFixture::of(SETTINGS[0], &["alice", "bob", "charlie"]).await;
    let mut charlie = fixture.members.pop().unwrap();
    let by_value = vec![remove("charlie")];
    let made = fixture.commit(0, CommitRequest { by_value, ..CommitRequest::default() }, Vec::new()).await;
    assert_eq!(charlie.take(&[], &made.commit).await, b"");
    let state_id = charlie.state;
    let protect = ProtectRequest { state_id, ..ProtectRequest::default() };
    assert_eq!(code(charlie.rpc.protect(protect).await), PRECONDITION);
    let export = ExportRequest { state_id, key_length: 1, ..ExportRequest::default() };
    assert_eq!(code(charlie.rpc.export(export).await), PRECONDITION);
    fixture.agree().await;
}
