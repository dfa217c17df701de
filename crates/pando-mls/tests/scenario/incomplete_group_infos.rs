//! An external join requires a complete and genuine GroupInfo.

use crate::group_fixture::{GroupFixture, suites};
use pando_mls::{ExtensionType, GroupError, GroupInfo, Missing, Violation};

fn joined(fixture: &mut GroupFixture, group_info: &GroupInfo, tree: Option<&[u8]>) -> Result<(), GroupError> {
    let newcomer = fixture.newcomer();
    fixture.external(newcomer, group_info, tree, None, vec![]).map(|_| ())
}

#[test]
fn a_description_without_what_is_needed_is_refused() {
    for suite in suites() {
        let mut fixture = GroupFixture::of(suite, 2);
        let without_tree = fixture.members[0].group_info(false);
        let tree = fixture.tree().export().unwrap();
        assert_eq!(joined(&mut fixture, &without_tree, None), Err(GroupError::Missing(Missing::Tree)));
        assert_eq!(joined(&mut fixture, &without_tree, Some(&tree)), Ok(()));

        let mut without_key = without_tree.clone();
        without_key.extensions.0.retain(|extension| extension.extension_type != ExtensionType::EXTERNAL_PUB);
        // Removing the extension invalidates the signature.
        let broken = Err(GroupError::Violation(Violation::GroupInfoSignature));
        assert_eq!(joined(&mut fixture, &without_key, Some(&tree)), broken);
        // A GroupInfo that is signed without the extension does not allow a client to join.
        let to_be_signed = without_key.to_be_signed().unwrap();
        let signer = &*fixture.members[0].signer;
        without_key.signature = suite.sign_with_label(signer, "GroupInfoTBS", &to_be_signed).unwrap();
        let missing = Err(GroupError::Missing(Missing::ExternalPub));
        assert_eq!(joined(&mut fixture, &without_key, Some(&tree)), missing);
    }
}
