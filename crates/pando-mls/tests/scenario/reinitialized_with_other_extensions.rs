//! A group is reinitialized with the same cipher suite and with other extensions, which all members
//! of the successor must support.

use crate::group_fixture::{GroupFixture, Newcomer, suites, template};
use crate::proposals::{external_senders, reinit};
use crate::successors::{Way, create, key_packages, lives_on, newcomers, reinitialize};
use pando_mls::wire::RequiredCapabilities;
use pando_mls::{BasicIdentities, Extension, Extensions, GroupError, ProposalType, Suite, Violation};

fn other_extensions(fixture: &mut GroupFixture) -> Extensions {
    let server = fixture.signer();
    let mut extensions = external_senders(&[&*server]);
    let required = RequiredCapabilities {
        proposal_types: vec![ProposalType(0xf001)],
        ..RequiredCapabilities::default()
    };
    extensions.0.push(Extension::new(&required).unwrap());
    extensions
}

fn begins_anew(suite: Suite) {
    let mut fixture = GroupFixture::of(suite, 3);
    let extensions = other_extensions(&mut fixture);
    reinitialize(&mut fixture, 0, reinit(suite, extensions.clone()));
    // A client that lacks the capabilities required by the successor group cannot join it.
    let mut lacking = template();
    lacking.capabilities.proposals = vec![];
    let lacking = Newcomer::new(suite, lacking, &mut fixture.rng).key_package();
    let mut new = newcomers(&mut fixture, suite, 2);
    let (creator, packages) = (new.pop().unwrap(), vec![new[0].key_package(), lacking]);
    let refused =
        create(&mut fixture, 1, Way::Reinitialized, creator, packages, &BasicIdentities).map(|_| ());
    let violation = Violation::RequiredProposal(ProposalType(0xf001));
    assert_eq!(refused.unwrap_err(), GroupError::Proposal { index: 1, violation });

    let mut new = newcomers(&mut fixture, suite, 3);
    let (creator, packages) = (new.pop().unwrap(), key_packages(&new));
    let (creator, welcome) =
        create(&mut fixture, 1, Way::Reinitialized, creator, packages, &BasicIdentities).unwrap();
    assert_eq!(creator.group.public().context().extensions, extensions);
    let mut members = vec![creator];
    for (newcomer, old) in new.into_iter().zip([0, 2]) {
        members.push(newcomer.join_successor(&welcome, &fixture.members[old]).unwrap());
    }
    lives_on(fixture, members);
}

#[test]
fn a_group_is_reinitialized_with_other_extensions() {
    suites().for_each(begins_anew);
}
