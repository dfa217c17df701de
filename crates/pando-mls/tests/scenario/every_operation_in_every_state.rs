//! Runs every operation in every state of a group. A rejected operation must change neither the
//! group nor the stored rows.

use crate::group_fixture::{GroupFixture, Member, Newcomer, client, fast_suites, template};
use pando_mls::{
    Extensions, GroupError, GroupState, Missing, Misuse, MlsMessage, ProtocolVersion, Psk, ReInit, Successor,
    Welcome,
};

/// The state of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    Active,
    CommitPending,
    Joining,
    Reinitialized,
    Removed,
}

const SITUATIONS: [Situation; 5] = [
    Situation::Active,
    Situation::CommitPending,
    Situation::Joining,
    Situation::Reinitialized,
    Situation::Removed,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Encrypt,
    Propose,
    ProposeUpdate,
    Withdraw,
    Commit,
    Merge,
    MergePending,
    ClearPending,
    ReceiveApplication,
    ReceiveLateApplication,
    ReceiveProposal,
    ReceiveCommit,
    Export,
    EpochAuthenticator,
    ResumptionPsk,
    GroupInfo,
    Reinitialize,
    Branch,
    JoinSuccessor,
    Acknowledge,
}

const OPERATIONS: [Operation; 20] = [
    Operation::Encrypt,
    Operation::Propose,
    Operation::ProposeUpdate,
    Operation::Withdraw,
    Operation::Commit,
    Operation::Merge,
    Operation::MergePending,
    Operation::ClearPending,
    Operation::ReceiveApplication,
    Operation::ReceiveLateApplication,
    Operation::ReceiveProposal,
    Operation::ReceiveCommit,
    Operation::Export,
    Operation::EpochAuthenticator,
    Operation::ResumptionPsk,
    Operation::GroupInfo,
    Operation::Reinitialize,
    Operation::Branch,
    Operation::JoinSuccessor,
    Operation::Acknowledge,
];

/// Returns the error with which the operation is rejected, or `None` if it succeeds.
fn refusal(operation: Operation, situation: Situation, setting: &Setting) -> Option<GroupError> {
    let (ended, waits) = (Some(Misuse::Ended.into()), Some(Misuse::JoinPending.into()));
    let psk_is_missing = || Some(Missing::Epoch(setting.subject.group.epoch()).into());
    match operation {
        Operation::Encrypt | Operation::Propose | Operation::ProposeUpdate => match situation {
            Situation::Active | Situation::CommitPending => None,
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::Withdraw => match situation {
            Situation::Active | Situation::CommitPending => {
                Some(Misuse::UnknownProposal(vec![1].into()).into())
            }
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::Commit => match situation {
            Situation::Active => None,
            Situation::CommitPending => Some(Misuse::CommitPending.into()),
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::Merge => match situation {
            Situation::Active | Situation::CommitPending => None,
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::MergePending => match situation {
            Situation::CommitPending | Situation::Joining => None,
            Situation::Active | Situation::Reinitialized | Situation::Removed => {
                Some(Misuse::NoPendingCommit.into())
            }
        },
        Operation::ClearPending | Operation::Acknowledge => match situation {
            Situation::Active
            | Situation::CommitPending
            | Situation::Joining
            | Situation::Reinitialized
            | Situation::Removed => None,
        },
        Operation::ReceiveApplication => match situation {
            // If the group has ended by a ReInit, this is a late message of the previous epoch.
            Situation::Active | Situation::CommitPending | Situation::Reinitialized => None,
            Situation::Joining => waits,
            Situation::Removed => ended,
        },
        Operation::ReceiveProposal | Operation::ReceiveCommit => match situation {
            Situation::Active | Situation::CommitPending => None,
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::ReceiveLateApplication => match situation {
            Situation::Active | Situation::CommitPending | Situation::Reinitialized => None,
            Situation::Joining => waits,
            Situation::Removed => {
                let group = setting.subject.group.epoch();
                Some(GroupError::EpochMismatch { message: setting.late.1, group })
            }
        },
        Operation::Export | Operation::JoinSuccessor => match situation {
            Situation::Active | Situation::CommitPending | Situation::Reinitialized => match operation {
                Operation::JoinSuccessor => Some(Missing::WelcomeSecrets.into()),
                _ => None,
            },
            Situation::Joining => waits,
            Situation::Removed => ended,
        },
        Operation::EpochAuthenticator | Operation::ResumptionPsk => match situation {
            Situation::Active | Situation::CommitPending | Situation::Reinitialized => None,
            Situation::Joining | Situation::Removed => psk_is_missing(),
        },
        Operation::GroupInfo => match situation {
            Situation::Active | Situation::CommitPending | Situation::Joining => None,
            Situation::Reinitialized | Situation::Removed => ended,
        },
        Operation::Reinitialize => match situation {
            Situation::Reinitialized => None,
            Situation::Active | Situation::CommitPending | Situation::Joining | Situation::Removed => {
                Some(Misuse::NotReinitialized.into())
            }
        },
        Operation::Branch => match situation {
            Situation::Active | Situation::CommitPending => None,
            Situation::Joining => waits,
            Situation::Reinitialized | Situation::Removed => ended,
        },
    }
}

/// A client in a given state, and the messages that other members have sent to it.
struct Setting {
    fixture: GroupFixture,
    subject: Member,
    application: MlsMessage,
    /// A message of a past epoch, and the number of that epoch.
    late: (MlsMessage, u64),
    proposal: MlsMessage,
    commit: MlsMessage,
    staged: Option<pando_mls::Staged>,
}

impl Setting {
    fn new(situation: Situation) -> Self {
        let suite = fast_suites().next().unwrap();
        let mut fixture = GroupFixture::of(suite, 4);
        fixture.chat(0);
        let (late, epoch) = (fixture.send(0, b"late"), fixture.context().epoch);
        fixture.commit(0, |builder| builder);
        let mut subject = match situation {
            Situation::Joining => {
                let (newcomer, group_info) = (fixture.newcomer(), fixture.members[0].group_info(true));
                fixture.pending_join(newcomer, &group_info)
            }
            Situation::Active | Situation::CommitPending | Situation::Reinitialized | Situation::Removed => {
                fixture.members.remove(1)
            }
        };
        // The other members send these messages in the client's current epoch or, if the client has
        // been removed, in its last epoch.
        let application = fixture.send(0, b"hello");
        let proposal = fixture.members[0].propose_update(&mut fixture.rng).unwrap();
        let leaf = subject.leaf();
        let reinit = ReInit {
            group_id: b"next".as_slice().into(),
            version: ProtocolVersion::MLS_10,
            cipher_suite: suite.cipher_suite(),
            extensions: Extensions::default(),
        };
        let ends = match situation {
            Situation::Reinitialized => Some(fixture.build(2, |builder| builder.reinit(reinit)).unwrap().0),
            Situation::Removed => Some(fixture.build(2, |builder| builder.remove(leaf)).unwrap().0),
            Situation::Active | Situation::CommitPending | Situation::Joining => None,
        };
        let (commit, _) = fixture.build(1, |builder| builder).unwrap();
        let mut staged = None;
        match situation {
            Situation::CommitPending => drop(subject.build(|builder| builder, &mut fixture.rng).unwrap()),
            Situation::Active | Situation::Joining | Situation::Reinitialized | Situation::Removed => {}
        }
        if situation != Situation::Joining {
            let processed = subject.process(&commit).unwrap();
            let pando_mls::Processed::Commit(ours) = processed else { panic!("{processed:?}") };
            staged = Some(*ours);
        }
        if let Some(ends) = ends {
            subject.follow(&ends);
        }
        Self { fixture, subject, application, late: (late, epoch), proposal, commit, staged }
    }

    fn run(&mut self, operation: Operation) -> Result<(), GroupError> {
        let Self { fixture, subject, .. } = self;
        let rng = &mut fixture.rng;
        let epoch = subject.group.epoch();
        let missing = GroupError::Missing(Missing::Epoch(epoch));
        let Newcomer { signer, bundle } = Newcomer::new(fixture.suite, template(), rng);
        match operation {
            Operation::Encrypt => subject.send(b"data", rng).map(drop),
            Operation::Propose => {
                let psk = Psk::External { psk_id: vec![1].into() };
                let psk = pando_mls::wire::PreSharedKeyId { psk, psk_nonce: vec![0; 32].into() };
                let psk = pando_mls::wire::PreSharedKey { psk };
                subject.propose(pando_mls::Proposal::PreSharedKey(Box::new(psk)), rng).map(drop)
            }
            Operation::ProposeUpdate => subject.propose_update(rng).map(drop),
            Operation::Withdraw => subject.operate(|group, _| group.withdraw_proposal(&vec![1].into())),
            Operation::Commit => subject.build(|builder| builder, rng).map(drop),
            Operation::Merge => match self.staged.take() {
                Some(staged) => subject.operate(|group, _| group.merge(staged)).map(drop),
                // No Commit could be staged in this state.
                None => subject.process(&self.commit).map(drop),
            },
            Operation::MergePending => subject.operate(|group, _| group.merge_pending()),
            Operation::ClearPending => {
                subject.clear_pending();
                Ok(())
            }
            Operation::ReceiveApplication => subject.process(&self.application).map(drop),
            Operation::ReceiveLateApplication => subject.process(&self.late.0).map(drop),
            Operation::ReceiveProposal => subject.process(&self.proposal).map(drop),
            Operation::ReceiveCommit => subject.process(&self.commit).map(drop),
            Operation::Export => subject.group.export("label", b"", 32).map(drop),
            Operation::EpochAuthenticator => subject.group.epoch_authenticator().map(drop).ok_or(missing),
            Operation::ResumptionPsk => subject.group.resumption_psk(epoch).map(drop).ok_or(missing),
            Operation::GroupInfo => subject.group.group_info().build(&client(&*subject.signer)).map(drop),
            Operation::Reinitialize => {
                let others = others(fixture);
                let successor = Successor::new(own(fixture, &*subject.signer), others);
                let cx = client(&*subject.signer);
                subject.group.reinitialize(successor, &cx, &mut fixture.rng).map(drop)
            }
            Operation::Branch => {
                let successor = Successor::new(own(fixture, &*subject.signer), Vec::new());
                let (id, cx) = ("branch", client(&*subject.signer));
                subject.group.branch(id, Extensions::default(), successor, &cx, &mut fixture.rng).map(drop)
            }
            Operation::JoinSuccessor => {
                let cipher_suite = fixture.suite.cipher_suite();
                let welcome =
                    Welcome { cipher_suite, secrets: Vec::new(), encrypted_group_info: vec![].into() };
                subject.group.join_successor(&welcome, &bundle, None, &client(&*signer)).map(drop)
            }
            Operation::Acknowledge => {
                let id = pando_mls::OutboxId { epoch, kind: pando_mls::OutboxKind::Welcome };
                subject.operate(|group, _| Ok(group.acknowledge(id)))
            }
        }
    }
}

/// Returns a new KeyPackage of the client that uses this signer.
fn own(fixture: &mut GroupFixture, signer: &dyn pando_mls::Signer) -> pando_mls::KeyPackageBundle {
    pando_mls::KeyPackageBundle::new(fixture.suite, template(), signer, &mut fixture.rng).unwrap()
}

/// Returns new KeyPackages of all other members.
fn others(fixture: &mut GroupFixture) -> Vec<pando_mls::KeyPackage> {
    (0..fixture.members.len()).map(|_| fixture.newcomer().bundle.key_package).collect()
}

#[test]
fn every_operation_in_every_state() {
    for situation in SITUATIONS {
        for operation in OPERATIONS {
            let mut setting = Setting::new(situation);
            let state = match situation {
                Situation::Active | Situation::CommitPending => GroupState::Active,
                Situation::Joining => GroupState::Joining,
                Situation::Reinitialized => GroupState::Reinitialized,
                Situation::Removed => GroupState::Removed,
            };
            assert_eq!(setting.subject.group.state(), state, "{situation:?}");
            setting.subject.check_store();
            let before = setting.subject.group.rows().unwrap();
            let expected = refusal(operation, situation, &setting);
            let result = setting.run(operation);
            assert_eq!(result.err(), expected, "{operation:?} in {situation:?}");
            if expected.is_some() {
                setting.subject.check_store();
                assert_eq!(setting.subject.rows, before, "{operation:?} in {situation:?}");
                setting.subject.restart();
                let again = setting.run(operation);
                assert_eq!(again.err(), expected, "{operation:?} in {situation:?}, after a restart");
                setting.subject.check_store();
                assert_eq!(setting.subject.rows, before, "{operation:?} in {situation:?}, after a restart");
            }
            setting.subject.restart();
        }
    }
}
