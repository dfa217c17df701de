//! Tests of section 12.1.5: a client does not create a ReInit that it could never follow. A client
//! accepts such a ReInit from other members, because the section contains no rule against it, but
//! leaves it out of its own Commits.

use crate::fixture::{GroupParameters, RuleFixture};
use crate::group_fixture::{Member, client, over_the_wire};
use crate::material::{LISTED, Strict, by_value, extension, external_senders, reinit};
use crate::raw_member::RawMember;
use pando_mls::{
    CipherSuite, Context, Exceeded, Extension, Extensions, GroupConfig, GroupError, IdentityPolicy,
    LeftOutReason, Limits, Misuse, ProtocolVersion, PublicProcessed, ReInit, Signer, Violation,
    propose_as_external_sender,
};
use pando_wire::{
    CredentialType, ExtensionType, ExternalSender, ExternalSenders, ProposalType, RequiredCapabilities,
    Sender, SignaturePublicKey,
};

const GREASE: u16 = 0x1a1a;
const ID_BYTES: usize = 100;

/// A policy that accepts every credential except that of one external sender.
struct NoBadServer;

impl IdentityPolicy for NoBadServer {
    fn validate(
        &self,
        _: &pando_wire::Credential,
        _: &SignaturePublicKey,
        _: Option<u64>,
    ) -> Result<(), pando_mls::IdentityError> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        credential: &pando_wire::Credential,
        key: &SignaturePublicKey,
        now: Option<u64>,
    ) -> Result<(), pando_mls::IdentityError> {
        if *credential == bad_server() {
            Strict.validate_external_sender(credential, key, now)
        } else {
            Ok(())
        }
    }

    fn may_succeed(&self, _: &pando_wire::Credential, _: &pando_wire::Credential) -> bool {
        true
    }
}

fn bad_server() -> pando_wire::Credential {
    pando_wire::Credential::Basic { identity: b"bad".as_slice().into() }
}

fn honest() -> ReInit {
    ReInit {
        group_id: vec![1; ID_BYTES].into(),
        version: ProtocolVersion::MLS_10,
        cipher_suite: CipherSuite::ALL[0],
        extensions: Extensions(vec![extension(LISTED, b"")]),
    }
}

fn requires(change: impl FnOnce(&mut RequiredCapabilities)) -> Extension {
    let mut required = RequiredCapabilities::default();
    change(&mut required);
    Extension::new(&required).unwrap()
}

/// Returns ReInits that no member can follow, each with the error that its creation causes.
fn unfollowable() -> Vec<(ReInit, GroupError)> {
    let with = |extension| ReInit { extensions: Extensions(vec![extension]), ..honest() };
    let malformed = |kind| (with(extension(kind, b"\x01")), Violation::MalformedExtension(kind).into());
    let grease = ExtensionType(GREASE);
    let sender = ExternalSender { signature_key: vec![1; 32].into(), credential: bad_server() };
    vec![
        (ReInit { cipher_suite: CipherSuite(0x0aaa), ..honest() }, Misuse::UnsupportedCipherSuite.into()),
        (ReInit { version: ProtocolVersion(2), ..honest() }, Misuse::UnsupportedVersion.into()),
        malformed(ExtensionType::EXTERNAL_SENDERS),
        malformed(ExtensionType::REQUIRED_CAPABILITIES),
        (
            ReInit {
                extensions: Extensions(vec![extension(LISTED, b"1"), extension(LISTED, b"2")]),
                ..honest()
            },
            Violation::DuplicateExtension(LISTED).into(),
        ),
        (with(extension(grease, b"")), Violation::ExtensionUnsupportedByMember(grease).into()),
        (with(requires(|required| required.extension_types.push(grease))), Misuse::GreaseRequired.into()),
        (
            with(requires(|required| required.proposal_types.push(ProposalType(GREASE)))),
            Misuse::GreaseRequired.into(),
        ),
        (
            with(requires(|required| required.credential_types.push(CredentialType(GREASE)))),
            Misuse::GreaseRequired.into(),
        ),
        (
            ReInit { group_id: vec![1; ID_BYTES + 1].into(), ..honest() },
            Exceeded::GroupIdBytes(ID_BYTES).into(),
        ),
        (
            with(Extension::new(&ExternalSenders(vec![sender])).unwrap()),
            Violation::ExternalSenderCredential("no servers".into()).into(),
        ),
    ]
}

fn config() -> GroupConfig {
    let limits = Limits::default().with_group_id_bytes(ID_BYTES);
    GroupConfig::default().with_limits(limits).with_encrypt_handshakes(false)
}

/// Returns a group with an external sender, together with that sender's signer.
fn fixture() -> (RuleFixture, Box<dyn Signer>) {
    let suite = crate::group_fixture::suite(1);
    let server = crate::material::stranger(suite);
    let fixture = RuleFixture::with(|parameters: &mut GroupParameters| {
        parameters.config = config();
        parameters.policy = &NoBadServer;
        parameters.extensions = external_senders(&[&*server]);
    });
    (fixture, server)
}

fn as_member<'a>(signer: &'a dyn Signer) -> Context<'a> {
    client(signer).with_policy(&NoBadServer).with_config(config())
}

#[test]
fn nobody_makes_what_it_cannot_follow() {
    for (bad, error) in unfollowable() {
        let (mut fixture, server) = fixture();
        let Member { group, signer, .. } = &mut fixture.members[0];
        let cx = as_member(&**signer);
        let built = group.commit().reinit(bad.clone()).build(&cx, &mut fixture.raw_member.rng);
        assert_eq!(built.map(drop).unwrap_err(), error);
        assert!(group.pending_commit().is_none());
        let proposed = group.propose(reinit(bad.clone()), b"", &cx, &mut fixture.raw_member.rng);
        assert_eq!(proposed.map(drop).unwrap_err(), error);
        assert_eq!(group.pending_proposals().count(), 0);
        let context = group.public().context();
        let outside = propose_as_external_sender(context, reinit(bad), &as_member(&*server));
        assert_eq!(outside.map(drop).unwrap_err(), error);
        fixture.check_still_works();
    }
}

/// Shows that a valid ReInit can be created in all three ways.
#[test]
fn what_can_be_followed_is_made() {
    let (mut fixture, server) = fixture();
    let Member { group, signer, .. } = &mut fixture.members[0];
    let cx = as_member(&**signer);
    let _ = group.propose(reinit(honest()), b"", &cx, &mut fixture.raw_member.rng).unwrap();
    let context = group.public().context();
    propose_as_external_sender(context, reinit(honest()), &as_member(&*server)).unwrap();
    let output = group
        .commit()
        .reinit(honest())
        .with_group_info()
        .build(&cx, &mut fixture.raw_member.rng)
        .unwrap()
        .assume_persisted();
    // A group that has ended cannot be joined, so there is no GroupInfo and no Welcome.
    assert!(output.group_info.is_none() && output.welcome.is_none());
    let _ = group.merge_pending().unwrap();
    assert_eq!(group.reinit(), Some(&honest()));
    let ended = group.group_info().build(&cx);
    assert_eq!(ended.map(drop).unwrap_err(), Misuse::Ended.into());
}

/// Shows that members and observers follow a Commit that contains an unfollowable ReInit by value.
#[test]
fn a_commit_that_has_one_is_followed() {
    for (bad, _) in unfollowable() {
        let (mut fixture, _) = fixture();
        let commit = fixture.raw_member.commit(by_value(&[reinit(bad.clone())]), |_, _| {});
        fixture.follow(&commit);
        for member in &fixture.members {
            assert_eq!(member.group.reinit(), Some(&bad));
            assert!(!member.group.is_active());
            let ended = member.group.group_info().build(&as_member(&*member.signer));
            assert_eq!(ended.map(drop).unwrap_err(), Misuse::Ended.into());
        }
        assert_eq!(fixture.observer.reinit(), Some(&bad));
    }
}

/// Shows that an unfollowable ReInit from a member or an external sender is accepted but left out
/// of our own Commits. A ReInit that can be followed is committed instead.
#[test]
fn our_own_commits_leave_it_out() {
    for (bad, error) in unfollowable() {
        for outside in [false, true] {
            let (mut fixture, server) = fixture();
            let message = if outside {
                fixture.raw_member.propose_as(Sender::External(0), reinit(bad.clone()), &*server)
            } else {
                fixture.raw_member.propose(reinit(bad.clone())).0
            };
            fixture.deliver_proposal(&message);
            let Member { group, signer, .. } = &mut fixture.members[0];
            let cx = as_member(&**signer);
            let output = group
                .commit()
                .build(&cx, &mut fixture.raw_member.rng)
                .unwrap()
                .persist_to(&mut fixture.members[0].rows)
                .unwrap();
            let reason = LeftOutReason::CannotFollow(Box::new(error.clone()));
            assert_eq!(output.left_out.iter().map(|left| &left.reason).collect::<Vec<_>>(), [&reason]);
            fixture.members[0].clear_pending();
            let (message, _) = fixture.raw_member.propose(reinit(honest()));
            fixture.deliver_proposal(&message);
            let Member { group, signer, .. } = &mut fixture.members[0];
            let output = group
                .commit()
                .build(&as_member(&**signer), &mut fixture.raw_member.rng)
                .unwrap()
                .assume_persisted();
            assert_eq!(output.left_out.len(), 1);
            let covered: Vec<_> = group.pending_epoch().unwrap().proposals().collect();
            assert_eq!(covered, [(Sender::Member(crate::raw_member::RAW_MEMBER), &reinit(honest()))]);
            // Receivers learn that the proposal was left out.
            let seen = fixture.observer.process(
                over_the_wire(&output.message),
                &NoBadServer,
                &pando_mls::AdmitAll,
                None,
            );
            let PublicProcessed::Commit(staged) = seen.unwrap().assume_persisted() else {
                panic!("not a Commit")
            };
            assert!(staged.left_out().map(|pending| &pending.proposal).eq([&reinit(bad.clone())]));
        }
    }
}

/// Shows that all receivers reject a ReInit that violates the rule of section 12.1.5.
#[test]
fn a_lower_version_is_refused_by_all() {
    let (mut fixture, _) = fixture();
    let lower = ReInit { version: ProtocolVersion(0), ..honest() };
    let commit = fixture.raw_member.commit_of(by_value(&[reinit(lower.clone())]), None);
    assert_eq!(fixture.refused(&commit), Violation::ReInitVersion);
    let Member { group, signer, .. } = &mut fixture.members[0];
    let built = group
        .commit()
        .reinit(lower)
        .build(&as_member(&**signer), &mut RawMember::new(crate::group_fixture::suite(1)).rng);
    let violation = Violation::ReInitVersion;
    assert_eq!(built.map(drop).unwrap_err(), GroupError::Proposal { index: 0, violation });
}
