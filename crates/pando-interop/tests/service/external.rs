//! Tests of proposals from outside of the group.

use crate::fixture::{GroupFixture, Rpc, SETTINGS, connect, description, remove, required_capabilities};
use pando_interop::proto::*;

struct Signer {
    rpc: Rpc,
    id: u32,
}

impl Signer {
    /// Adds an external signer with the given name to the group.
    async fn of(fixture: &mut GroupFixture, name: &str) -> Self {
        let mut rpc = connect(1).await;
        let request =
            CreateExternalSignerRequest { cipher_suite: fixture.setting.suite, identity: name.into() };
        let made = rpc.create_external_signer(request).await.unwrap().into_inner();
        let alice = &mut fixture.members[0];
        let request =
            AddExternalSignerRequest { state_id: alice.state, external_sender: made.external_sender };
        let proposed = alice.rpc.add_external_signer(request).await.unwrap().into_inner().proposal;
        let by_reference = vec![proposed];
        fixture.commit(0, CommitRequest { by_reference, ..CommitRequest::default() }, Vec::new()).await;
        Self { rpc, id: made.signer_id }
    }

    async fn proposes(&mut self, fixture: &mut GroupFixture, description: ProposalDescription) -> Vec<u8> {
        let GroupInfoResponse { group_info, ratchet_tree } = fixture.members[0].group_info(true).await;
        let request = ExternalSignerProposalRequest {
            signer_id: self.id,
            // The runner sends the index 0 for every signer.
            signer_index: 0,
            group_info,
            ratchet_tree,
            description: Some(description),
        };
        self.rpc.external_signer_proposal(request).await.unwrap().into_inner().proposal
    }
}

#[tokio::test]
async fn somebody_asks_to_be_added() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        let group_info = fixture.members[0].group_info(false).await.group_info;
        let mut joiner = fixture.joiner("charlie").await;
        let request = NewMemberAddProposalRequest { group_info, identity: b"charlie".to_vec() };
        let made = joiner.rpc.new_member_add_proposal(request).await.unwrap().into_inner();
        joiner.transaction = made.transaction_id;
        let by_reference = vec![made.proposal];
        fixture.commit(1, CommitRequest { by_reference, ..CommitRequest::default() }, vec![joiner]).await;
        assert_eq!(fixture.members.len(), 3);
    }
}

#[tokio::test]
async fn external_senders_propose_everything_that_they_may() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob", "charlie"]).await;
        let mut first = Signer::of(&mut fixture, "first").await;
        let mut second = Signer::of(&mut fixture, "second").await;
        for member in &mut fixture.members {
            member.store_psk(b"id", b"secret").await;
        }
        let joiner = fixture.joiner("diana").await;
        let psk = ProposalDescription { psk_id: b"id".to_vec(), ..description("externalPSK") };
        let resumption = ProposalDescription { epoch_id: 2, ..description("resumptionPSK") };
        let by_reference = vec![
            first.proposes(&mut fixture, psk).await,
            second.proposes(&mut fixture, resumption).await,
            second.proposes(&mut fixture, remove("charlie")).await,
        ];
        fixture.members.truncate(2);
        fixture.commit(0, CommitRequest { by_reference, ..CommitRequest::default() }, Vec::new()).await;

        let add = crate::fixture::add(&joiner.key_package);
        let by_reference = vec![second.proposes(&mut fixture, add).await];
        fixture.commit(1, CommitRequest { by_reference, ..CommitRequest::default() }, vec![joiner]).await;

        // This proposal is the last one that the two signers can make, because it removes all
        // external senders.
        let extensions = vec![required_capabilities()];
        let extensions = ProposalDescription { extensions, ..description("groupContextExtensions") };
        let by_reference = vec![first.proposes(&mut fixture, extensions).await];
        fixture.commit(2, CommitRequest { by_reference, ..CommitRequest::default() }, Vec::new()).await;
        let GroupInfoResponse { group_info, ratchet_tree } = fixture.members[0].group_info(true).await;
        let description = Some(remove("bob"));
        let request = ExternalSignerProposalRequest {
            signer_id: first.id,
            signer_index: 0,
            group_info,
            ratchet_tree,
            description,
        };
        let refused = first.rpc.external_signer_proposal(request).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    }
}

#[tokio::test]
async fn an_external_sender_ends_the_group() {
    for setting in SETTINGS {
        let mut fixture = GroupFixture::of(setting, &["alice", "bob"]).await;
        let mut signer = Signer::of(&mut fixture, "signer").await;
        let reinit = ProposalDescription {
            group_id: b"next".to_vec(),
            cipher_suite: 3,
            extensions: vec![required_capabilities()],
            ..description("reinit")
        };
        let proposal = signer.proposes(&mut fixture, reinit).await;
        crate::successors::begins_anew(&mut fixture, proposal, 0, 1, (false, true)).await;
    }
}
