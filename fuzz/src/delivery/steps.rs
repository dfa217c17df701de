//! The steps of a script.

use super::base::{feed, other_group};
use super::honest::How;
use super::world::{HOUR, World, check_refusal};
use crate::clients::{NOW, group_id};
use pando_api::{Blob, Digest, ExternalCommits, Policy, ProblemCode, RevocationList, Revocations};
use pando_delivery::blob::UploadId;
use pando_mls::{Decode, Group, LeafIndex, Sender};
use std::collections::BTreeSet;

/// The number of different steps.
pub(crate) const KINDS: u8 = 28;

/// The latest time of a script. Later, the certificates expire.
const LATEST: u64 = NOW + 25 * 24 * HOUR;

/// How much the clock advances.
const ADVANCES: [u64; 6] = [1, 1_000, HOUR, 5 * HOUR, 25 * HOUR, 4 * 24 * HOUR];

/// What happens to a request between the client that makes it and the server.
enum Alteration {
    None,
    Edited,
    OtherCaller(usize),
    OtherGroup,
    Mixed(usize),
}

impl Alteration {
    fn of(how: u8) -> Self {
        match (how & 7, usize::from(how >> 3)) {
            (4, _) => Self::Edited,
            (5, who) => Self::OtherCaller(who),
            (6, _) => Self::OtherGroup,
            (7, which) => Self::Mixed(which),
            _ => Self::None,
        }
    }
}

/// Returns the number of edits of a step.
pub(super) fn edits(how: u8) -> usize {
    if how & 7 == 4 { 1 + usize::from(how >> 3) % 3 } else { 0 }
}

impl World<'_> {
    /// Runs a step. The first byte of a step selects what happens.
    pub(super) async fn step(&mut self, what: u8, (who, argument): (usize, u8), (how, edits): (u8, &[u8])) {
        let (who, server) = (who % self.people.len(), who / self.people.len() % 2);
        let alteration = Alteration::of(how);
        // The other bits have a meaning of their own if the request is not altered.
        let is_free = matches!(alteration, Alteration::None);
        let bit = |bit: u8| is_free && how & bit != 0;
        let client = How { is_lax: bit(16), with_head: bit(32) || !is_free };
        if !bit(8) {
            self.follow(who).await;
        }
        let other = usize::from(argument) % self.people.len();
        let mut joined = None;
        let request = match what % KINDS {
            0 | 1 => self.encrypt(who, client),
            2 => self.update(who, client),
            3 | 4 => self.commit(who, client, |commit| commit).ok(),
            5 | 6 => self.add(who, client, other),
            7 => self.remove(who, client, other),
            8 => self.change_policy(who, client, argument),
            9 | 10 => self.join(who, client, server).await.map(|(request, group)| {
                joined = Some(group);
                request
            }),
            11 => Some(self.leave(who, argument)),
            12 | 13 => Some(self.upload(who, argument)),
            14 => Some(self.claim(argument)),
            15 => Some(self.acknowledge(argument)),
            16 => Some(self.report(who, argument)),
            17 => {
                let epoch =
                    self.spectator.group().public().epoch().saturating_sub(1 + u64::from(argument & 1));
                self.create(who, argument, Some(epoch))
            }
            18 => self.create(who, argument, None),
            19 => self.reinit(who, client),
            20 => self.made.get(usize::from(argument) % self.made.len().max(1)).cloned().map(|made| made.1),
            _ => return self.other_step(what % KINDS, (who, argument), (how, server)).await,
        };
        let Some(request) = request else { return };
        if what % KINDS != 20 {
            self.made.push((who, request.clone()));
        }
        let (mut sent, mut caller, mut group) = (request.clone(), who, group_id());
        match alteration {
            Alteration::None => {}
            Alteration::Edited => match request.edited(edits) {
                Some(edited) => sent = edited,
                None => return self.refused(who),
            },
            Alteration::OtherCaller(other) => caller = other % self.people.len(),
            Alteration::OtherGroup => group = other_group(),
            Alteration::Mixed(which) => {
                sent = request.mixed(&self.made[which % self.made.len()].1, argument);
            }
        }
        let is_altered = !self.made.iter().any(|(_, made)| *made == sent);
        let accepted = self.send(sent, (caller, &group, server), is_altered).await;
        match (accepted, joined) {
            (None, _) => self.refused(who),
            (Some(Some(receipt)), Some(group)) if !is_altered && caller == who => {
                let seq = receipt.head.head.seq;
                if self.spectator.since(&self.caller(who).client) == Some(seq) {
                    self.joined(who, group, seq);
                }
            }
            _ => {
                self.follow(who).await;
                self.refused(who);
            }
        }
    }

    /// Drops the pending Commit of a client whose request was refused, or was not this Commit.
    fn refused(&mut self, who: usize) {
        if let Some(group) = &mut self.people[who].device.group {
            let _ = group.clear_pending().assume_persisted();
        }
    }

    fn joined(&mut self, who: usize, group: Group, seq: u64) {
        let device = &mut self.people[who].device;
        (device.group, device.seq) = (Some(group), seq);
    }

    /// Runs a step that sends no request to a group.
    async fn other_step(&mut self, what: u8, (who, argument): (usize, u8), (how, server): (u8, usize)) {
        match what {
            21 => self.read_inbox(who, (argument, server)).await,
            22 => self.run_due(server).await,
            23 => {
                let later = self.now() + ADVANCES[usize::from(argument) % ADVANCES.len()];
                // The clock may be set back, too.
                let now = if how == 0xff { self.now().saturating_sub(1_000) } else { later };
                self.clients.now = now.clamp(NOW, LATEST);
            }
            24 => self.revoke(argument, (how, server)).await,
            25 => self.log_in(who, (argument, server)).await,
            26 => self.blob((argument, how), server).await,
            _ => self.read(who, argument, server).await,
        }
    }

    async fn log_in(&mut self, who: usize, (argument, server): (u8, usize)) {
        let (caller, now) = (self.caller(who), self.now());
        // An old nonce may come again.
        let nonce = if argument < 200 { self.identifier() } else { [1; 16] };
        let nonce = (nonce.to_vec(), now + 60_000);
        match self.services[server].record_login(&caller, nonce.clone(), now).await {
            Ok(()) => self.logged_in(&caller),
            Err(refusal) => check_refusal(&refusal),
        }
        let again = self.services[1 - server].record_login(&caller, nonce, now).await;
        let refusal = again.expect_err("a nonce is accepted once");
        let codes = [ProblemCode::LoginRefused, ProblemCode::CertificateSuperseded];
        assert!(codes.iter().any(|code| refusal.is(*code)), "{refusal}");
    }

    /// Replaces the list of revocations, by a right or a wrong one.
    async fn revoke(&mut self, argument: u8, (how, server): (u8, usize)) {
        let caller = self.caller(usize::from(argument) % self.people.len());
        let mut versions = self.revoked.clone();
        if how & 1 == 0 {
            let version = versions.entry(caller.client.clone()).or_default();
            *version = (*version).max(caller.version);
        } else {
            versions.pop_first();
        }
        let number = match how >> 1 & 3 {
            0 | 1 => u64::try_from(self.revoked.len()).expect("few") * 100 + u64::from(self.count) + 1,
            2 => 1,
            _ => 0,
        };
        self.count += 1;
        let key = if how & 8 == 0 { feed() } else { ed25519_dalek::SigningKey::from_bytes(&[6; 32]) };
        let (domain, now) = (self.clients.domain.clone(), self.now());
        let list = Revocations::new(domain.clone(), number, now, versions.clone()).expect("a list");
        let list = RevocationList::sign(&list, &key).expect("short");
        match self.services[server].replace_revocations(&domain, list, now).await {
            Ok(()) => {
                assert!(how & 8 == 0, "a list of another key");
                for (client, version) in &self.revoked {
                    assert!(versions.get(client) >= Some(version), "a revocation was taken back");
                }
                self.revoked = versions;
            }
            Err(refusal) => check_refusal(&refusal),
        }
        for service in &self.services {
            service.load_revocations().await.expect("the stored list is valid");
            for person in &self.people {
                let caller = &person.device.caller;
                let revoked =
                    self.revoked.get(&caller.client).is_some_and(|version| caller.version <= *version);
                assert_eq!(service.is_revoked(caller), revoked);
            }
        }
    }

    /// Stores a blob, and reads it.
    async fn blob(&mut self, (argument, how): (u8, u8), server: usize) {
        let lengths = [0, 1, 65_535, 65_536, 65_537, 140_000];
        let mut content = vec![argument; lengths[usize::from(argument) % lengths.len()]];
        let digest = Digest::of(&content);
        let expires = self.now() + [HOUR, 24 * HOUR, 1, 0][usize::from(how & 3)];
        let (service, now) = (self.services[server].clone(), self.now());
        let stated =
            (how & 4 != 0).then(|| u64::try_from(content.len()).expect("short") + u64::from(how >> 6));
        let id = UploadId::from(self.identifier());
        let begun = match service.begin_blob((digest, expires), stated, id, now).await {
            Ok(begun) => begun,
            Err(refusal) => return check_refusal(&refusal),
        };
        let stored: Option<Blob> = match begun {
            Ok(known) => Some(known),
            Err(mut upload) => {
                let is_wrong = how & 8 != 0;
                if is_wrong {
                    content.push(0);
                }
                for piece in content.chunks(1 + usize::from(how) * 300) {
                    if let Err(refusal) = upload.append(piece, now).await {
                        return check_refusal(&refusal);
                    }
                }
                if how & 16 != 0 {
                    return;
                }
                match upload.finish(now).await {
                    Ok(blob) => {
                        assert!(!is_wrong, "a blob with another digest");
                        Some(blob)
                    }
                    Err(refusal) => {
                        check_refusal(&refusal);
                        None
                    }
                }
            }
        };
        let (offset, limit) = (u64::from(how) * 256, 70_000);
        match service.read_blob(&digest, (offset, limit), now).await {
            Ok(part) => {
                let stored = stored.expect("a blob is visible after its upload");
                assert!(stored.expires > now, "an expired blob is visible");
                let at = usize::try_from(offset).expect("short").min(content.len());
                assert_eq!(part.data, content[at..content.len().min(at + 70_000)]);
            }
            Err(refusal) => {
                check_refusal(&refusal);
                let is_visible = stored.is_some_and(|stored| stored.expires > now);
                let is_inside = usize::try_from(offset).expect("short") < content.len();
                assert!(!is_visible || !is_inside, "a stored blob: {refusal}");
            }
        }
    }

    /// Reads everything that a client may read, and compares it with the log.
    async fn read(&mut self, who: usize, argument: u8, server: usize) {
        let (caller, service) = (self.caller(who), self.services[server].clone());
        let (after, bytes) = (u64::from(argument) % (self.spectator.end() + 2), usize::from(argument) * 40);
        let page = service.read_log(&caller, &group_id(), (after, bytes)).await;
        if let Err(refusal) = &page
            && refusal.is(ProblemCode::CertificateSuperseded)
        {
            return assert!(self.is_superseded(who), "{refusal}");
        }
        match (page, self.spectator.readable_after(&caller.client, after)) {
            (Ok(page), Some(membership)) => {
                self.record(&page.head);
                let end = self.spectator.end();
                let last = membership.end.unwrap_or(end);
                let after = after.max(membership.start - 1).min(end);
                let seqs: Vec<_> = page.entries.iter().map(|entry| entry.seq).collect();
                let expected: Vec<_> = (after + 1..=last).take(seqs.len().max(1)).collect();
                assert_eq!(seqs, expected);
                assert_eq!(page.end, membership.end.unwrap_or_default());
                let entries = &self.spectator.entries[usize::try_from(after).expect("few")..];
                assert_eq!(page.entries, entries[..seqs.len()]);
            }
            (Err(refusal), None) => assert!(refusal.is(ProblemCode::NotFound), "{refusal}"),
            (page, membership) => panic!("{page:?} and {membership:?}"),
        }
        let has_member = self.spectator.members().any(|member| member.user() == caller.user());
        // A client that may join by an external Commit needs the state.
        let policy = Policy::of(&self.spectator.group().public().context().extensions).expect("a policy");
        let may_join = has_member
            || policy.external_commits == ExternalCommits::Everyone
            || policy.is_admin(&caller.user());
        match service.group_state(&caller, &group_id()).await {
            Ok(state) => {
                assert!(may_join, "a stranger reads the state");
                self.record(&state.head);
                assert_eq!(state.head.head.seq, self.spectator.end());
                let public = self.spectator.group().public();
                assert_eq!(*state.tree_hash, *public.context().tree_hash);
                let tree = service.tree(&caller, &group_id(), &state.tree_hash).await.expect("a tree");
                assert!(pando_mls::wire::RatchetTree::decode(&tree).is_ok());
            }
            Err(refusal) => assert!(!may_join && refusal.is(ProblemCode::NotFound), "{refusal}"),
        }
        if let Err(refusal) = service.list_reports(&caller, &group_id()).await {
            check_refusal(&refusal);
        }
        let counts = service.count_key_packages(&caller, self.now()).await;
        assert!(counts.is_ok_and(|counts| counts.counts.len() <= 1));
        self.run_due(server).await;
        let list = service.list_groups(&caller).await.expect("a list of groups");
        let summary = list.groups.iter().find(|summary| summary.group_id == group_id());
        assert_eq!(summary.is_some(), has_member);
        if let Some(summary) = summary {
            assert_eq!(summary.is_member, self.spectator.is_member(&caller.client));
            assert_eq!(summary.seq, self.spectator.end());
        }
    }

    /// Finishes the work, after which each honest member can commit.
    pub(super) async fn finish(&mut self) {
        for server in [0, 1] {
            self.run_due(server).await;
        }
        let due: BTreeSet<LeafIndex> = self.spectator.due();
        for who in 0..self.people.len() {
            self.follow(who).await;
            let caller = self.caller(who);
            let leaf = self.spectator.leaf(&caller.client);
            let is_current = leaf.is_some_and(|(leaf, certificate)| {
                certificate.version == caller.version && !due.contains(&leaf)
            });
            let is_superseded = self.is_superseded(who);
            let is_revoked = self.services[0].is_revoked(&caller);
            let has_ended = match self.services[0].group_state(&caller, &group_id()).await {
                Ok(state) => state.successor.is_some(),
                Err(_) => true,
            };
            if self.people[who].device.group.is_none()
                || !is_current
                || is_superseded
                || is_revoked
                || has_ended
            {
                continue;
            }
            self.commit_at_last(who).await;
            self.follow_log().await;
            self.follow(who).await;
            assert!(self.people[who].device.group.is_some(), "a member loses its group by its own Commit");
            self.run_due(who % 2).await;
        }
    }
    /// Lets a member commit. The server refuses a Commit that covers an Update with a certificate
    /// that is superseded or revoked, so the member then covers only the removals of the server.
    async fn commit_at_last(&mut self, who: usize) {
        let how = How { is_lax: false, with_head: true };
        let removals = |group: &Group| -> Vec<_> {
            let pending = group.pending_proposals();
            let removals = pending.filter(|pending| matches!(pending.sender, Sender::External(_)));
            removals.map(|pending| pending.reference.clone()).collect()
        };
        let removals = self.people[who].device.group.as_ref().map(removals).unwrap_or_default();
        for only in [None, Some(removals)] {
            let request = self.commit(who, how, |commit| match only.clone() {
                Some(only) => commit.only_pending(only),
                None => commit,
            });
            let request = request.unwrap_or_else(|error| panic!("a member cannot commit: {error}"));
            let (caller, server, now) = (self.caller(who), who % 2, self.now());
            match request.send(&self.services[server], (&caller, &group_id()), now).await {
                Ok(_) => return,
                Err(refusal) => {
                    check_refusal(&refusal);
                    let codes = [ProblemCode::CertificateSuperseded, ProblemCode::CertificateRevoked];
                    let is_known = only.is_none() && codes.iter().any(|code| refusal.is(*code));
                    assert!(is_known, "an honest member cannot commit: {refusal}, {:?}", refusal.problem());
                    self.refused(who);
                }
            }
        }
    }
}
