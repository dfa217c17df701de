//! Rules 3 and 8: proposals of the server, and of clients that ask to be added.

use crate::fixture::{Device, Fixture, policy, refused};
use crate::proposals::{add, psk, reinit, remove, set_extensions};
use pando_api::{Permission, Policy, PolicyViolation};
use pando_mls::{Proposal, ProposalType};

fn group() -> Fixture {
    // The policy allows members as much as a policy can.
    let lax =
        Policy { add: Permission::Everyone, remove: Permission::Everyone, ..policy(&["alice@example.org"]) };
    Fixture::new(&lax, &["alice@example.org/laptop", "bob@example.org/laptop", "carol@example.org/laptop"])
}

#[test]
fn the_server_may_remove_any_client() {
    for (removed, committer) in [(0, 1), (1, 2), (2, 0)] {
        let mut fixture = group();
        let message = fixture.propose_as_server(remove(removed));
        assert_eq!(fixture.verdict_by_reference(None, committer, &message), (Ok(()), Ok(())));
    }
}

#[test]
fn the_server_may_propose_nothing_else() {
    let proposals: [fn(&mut Fixture) -> Proposal; 4] = [
        |fixture| add(fixture.key_package(&Device::certified("dave@example.org/laptop", 1))),
        |_| psk(),
        |fixture| set_extensions(fixture.extensions_with(&policy(&["eve@example.org"]))),
        |fixture| reinit(fixture.extensions_with(&policy(&["eve@example.org"]))),
    ];
    for proposal in proposals {
        for committer in [0, 1] {
            let mut fixture = group();
            let proposal = proposal(&mut fixture);
            let expected = refused(PolicyViolation::Outsider(proposal.proposal_type()));
            let message = fixture.propose_as_server(proposal);
            let verdicts = fixture.verdict_by_reference(None, committer, &message);
            assert_eq!(verdicts, (expected.clone(), expected));
        }
    }
}

/// A client cannot ask to be added, even if its user is an admin. It joins by an external Commit.
#[test]
fn clients_may_not_ask_to_be_added() {
    let expected = refused(PolicyViolation::Outsider(ProposalType::ADD));
    for name in ["dave@example.org/laptop", "alice@example.org/phone"] {
        for committer in [0, 1] {
            let mut fixture = group();
            let message = fixture.ask_to_be_added(&Device::certified(name, 1));
            let verdicts = fixture.verdict_by_reference(None, committer, &message);
            assert_eq!(verdicts, (expected.clone(), expected.clone()));
        }
    }
}
