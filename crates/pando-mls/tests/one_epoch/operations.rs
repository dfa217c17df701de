//! Operations that randomly chosen clients perform.

use crate::fixture::{
    ALWAYS, CUSTOM, Ending, Member, Newcomer, add, client, custom, leaf_template, leaked_signer, new_signer,
    newcomer_of, public_handshakes, remove,
};
use crate::history::{CLIENTS, Fork, History, Outcome};
use crate::rules_and_clocks::{MOST_MEMBERS, START, Shared, YEAR, client_of, clock, name};
use pando_mls::{
    AdmitAll, CommitBuilder, CommitOutput, ExternalJoin, GroupError, LeafIndex, LeftOutReason, Missing,
    Misuse, MlsMessage, NewLeaf, Processed, Proposal, Rows, Violation, propose_own_add,
};
use rand_chacha::ChaCha20Rng;

/// Returns a client with a KeyPackage and with a credential that ends at `end`.
pub(crate) fn newcomer(client: usize, end: u64, rng: &mut ChaCha20Rng) -> Newcomer {
    newcomer_of(leaf_template(&name(client), end), ALWAYS, rng)
}

/// A function that adds proposals and a new leaf to a Commit.
type Fill<'a> = &'a dyn for<'b> Fn(CommitBuilder<'b>) -> CommitBuilder<'b>;

impl History {
    pub(crate) fn step(&mut self) -> Outcome {
        let ready = self.ready();
        let Some(by) = self.pick(&ready) else { return Ok(()) };
        if self.nodes[&by].wants_to_leave && self.member_count() > 3 {
            let leaf = self.member(by).group.own_leaf();
            let proposed = self.propose(by, &remove(leaf.0))?;
            self.nodes.get_mut(&by).unwrap().wants_to_leave = !proposed;
            return Ok(());
        }
        match self.below(100) {
            0..25 => self.commit(by, &|builder| builder),
            25..37 => self.add_by_value(by),
            37..42 => self.remove_by_value(by),
            42..48 => self.renew(by),
            48..56 => self.propose_something(by),
            56..62 => self.propose_update(by),
            62..69 => self.ask_to_be_added(),
            69..77 => self.join_from_outside(by),
            77..82 => self.break_a_rule(by, &ready),
            82..87 => self.withdraw(by),
            87..90 => self.lose_a_proposal(by, &ready),
            90..94 => self.race(&ready),
            94..97 => self.chat(by, &ready),
            _ => {
                let lazily = self.percent(50);
                self.member(by).restart(lazily);
                self.count("restarted");
                Ok(())
            }
        }
    }

    /// Returns a random end for a credential. Many such ends are in the past for some clocks, and a
    /// few are long past.
    fn end(&mut self) -> u64 {
        START + (self.below(12) as u64) * YEAR - YEAR
    }

    fn data(&mut self, kind: &[u8]) -> Vec<u8> {
        let number = self.below(usize::MAX);
        [kind, &number.to_be_bytes()].concat()
    }

    /// Returns the clients that are not in the group.
    fn outside(&self) -> Vec<usize> {
        let public = self.server.group.public();
        let credentials =
            public.tree().members().map(Result::unwrap).filter_map(|leaf| public.credential(leaf).unwrap());
        let inside: Vec<_> = credentials.map(|credential| client_of(&credential)).collect();
        (0..CLIENTS).filter(|client| !inside.contains(client) && !self.nodes.contains_key(client)).collect()
    }

    fn member_count(&self) -> u32 {
        self.server.group.public().tree().member_count()
    }

    /// Returns the leaf of a random other member, or `None` in a small group.
    fn another(&mut self, by: usize) -> Option<LeafIndex> {
        let own = self.member(by).group.own_leaf();
        let others =
            self.server.group.public().tree().members().map(Result::unwrap).filter(|leaf| *leaf != own);
        let others: Vec<_> = others.collect();
        if others.len() < 3 { None } else { self.pick(&others) }
    }

    /// Runs an operation as a member. If the member's clock forbids the operation, it is sometimes
    /// repeated without the clock. Returns `None` if the clock or the rules forbid it.
    fn attempt<T>(
        &mut self,
        by: usize,
        what: &mut dyn FnMut(&mut Member, &mut ChaCha20Rng) -> Result<T, GroupError>,
    ) -> Outcome<Option<T>> {
        let member = &mut self.nodes.get_mut(&by).unwrap().member;
        let mut result = what(member, &mut self.rng);
        let violation = result.as_ref().err().and_then(GroupError::violation);
        if matches!(violation, Some(Violation::Credential(_) | Violation::Lifetime)) {
            self.count("our own clock refused");
            if self.percent(40) {
                return Ok(None);
            }
            let member = &mut self.nodes.get_mut(&by).unwrap().member;
            let now = member.now.take();
            result = what(member, &mut self.rng);
            member.now = now;
        }
        match result {
            Ok(result) => Ok(Some(result)),
            Err(GroupError::Violation(Violation::GroupRules(_))) => {
                self.count("our own rules refused");
                Ok(None)
            }
            Err(other) => Err(Fork(format!("client {by} cannot act: {other}"))),
        }
    }

    fn build(&mut self, by: usize, fill: Fill<'_>) -> Outcome<Option<CommitOutput>> {
        let built = self.attempt(by, &mut |member, rng| member.build(fill, rng))?;
        if let Some(CommitOutput { left_out, .. }) = &built
            && !left_out.is_empty()
        {
            self.count("left out");
            if left_out.iter().any(|left| matches!(left.reason, LeftOutReason::Refused(_))) {
                self.count("left out by the rules");
            }
        }
        Ok(built)
    }

    /// Creates a Commit, which the server must accept.
    fn commit(&mut self, by: usize, fill: Fill<'_>) -> Outcome {
        let Some(output) = self.build(by, fill)? else { return Ok(()) };
        self.accepted(by, output).map(drop)
    }

    fn accepted(&mut self, by: usize, output: CommitOutput) -> Outcome {
        match self.submit(output.message, output.welcome)? {
            Ok(_) => Ok(()),
            Err(error) => Err(Fork(format!("the server refuses a Commit of client {by}: {error}"))),
        }
    }

    fn add_by_value(&mut self, by: usize) -> Outcome {
        let mut added = Vec::new();
        for client in self.outside().into_iter().take(2) {
            let end = self.end();
            let newcomer = newcomer(client, end, &mut self.rng);
            added.push(newcomer.key_package());
            self.newcomers.push((client, newcomer));
            if self.percent(60) {
                break;
            }
        }
        self.count("added by value");
        self.commit(by, &|builder| added.iter().cloned().fold(builder, CommitBuilder::add))
    }

    fn remove_by_value(&mut self, by: usize) -> Outcome {
        let Some(leaf) = self.another(by) else { return Ok(()) };
        self.commit(by, &|builder| builder.remove(leaf))
    }

    /// Returns the contents of a member's next leaf, possibly with a new signature key.
    fn new_leaf(&mut self, by: usize) -> NewLeaf<'static> {
        let end = self.end();
        let template = leaf_template(&name(by), end);
        if self.percent(50) {
            let signer = leaked_signer(&mut self.rng);
            self.nodes.get_mut(&by).unwrap().signers.push(signer);
        }
        // The signer may be one that has never been committed.
        let signers = self.nodes[&by].signers.clone();
        NewLeaf { template, signer: self.pick(&signers[signers.len().saturating_sub(2)..]).unwrap() }
    }

    fn renew(&mut self, by: usize) -> Outcome {
        let new_leaf = self.new_leaf(by);
        self.commit(by, &|builder| builder.new_leaf(new_leaf.clone()))
    }

    /// Creates and delivers a proposal. Returns whether it was sent.
    fn propose(&mut self, by: usize, proposal: &Proposal) -> Outcome<bool> {
        let sent = self.attempt(by, &mut |member, rng| member.propose(proposal.clone(), rng))?;
        sent.map_or(Ok(false), |message| self.deliver_proposal(by, message).map(|()| true))
    }

    fn deliver_proposal(&mut self, by: usize, message: MlsMessage) -> Outcome {
        match self.submit(message, None)? {
            Ok(_) => Ok(()),
            Err(error) => Err(Fork(format!("the server refuses a proposal of client {by}: {error}"))),
        }
    }

    fn propose_something(&mut self, by: usize) -> Outcome {
        let proposal = match self.below(4) {
            0 => self.another(by).map(|leaf| remove(leaf.0)),
            1 => Some(custom(CUSTOM, &self.data(b"bad"))),
            2 => Some(custom(CUSTOM, &self.data(b"good"))),
            _ => {
                let outside = self.outside();
                self.pick(&outside).map(|client| {
                    let end = self.end();
                    let newcomer = newcomer(client, end, &mut self.rng);
                    let proposal = add(newcomer.key_package());
                    self.newcomers.push((client, newcomer));
                    proposal
                })
            }
        };
        proposal.map_or(Ok(false), |proposal| self.propose(by, &proposal)).map(drop)
    }

    fn propose_update(&mut self, by: usize) -> Outcome {
        let new_leaf = if self.percent(50) { Some(self.new_leaf(by)) } else { None };
        let sent = self.attempt(by, &mut |member, rng| member.propose_update(new_leaf.clone(), rng))?;
        sent.map_or(Ok(()), |message| self.deliver_proposal(by, message))
    }

    fn ask_to_be_added(&mut self) -> Outcome {
        let outside = self.outside();
        let Some(number) = self.pick(&outside) else { return Ok(()) };
        let end = self.end();
        let newcomer = newcomer(number, end, &mut self.rng);
        let context = self.server.group.public().context();
        let ask = |now| {
            let cx = client(&*newcomer.signer, &Shared, now, public_handshakes());
            propose_own_add(context, newcomer.key_package(), &cx)
        };
        // If a client's clock forbids the request, the client ignores its clock.
        let message = ask(clock(number)).or_else(|_| ask(None));
        let message = message.map_err(|error| Fork(format!("client {number} cannot ask: {error}")))?;
        self.newcomers.push((number, newcomer));
        self.count("asked to be added");
        match self.submit(message, None)? {
            Ok(true) => self.count("admitted"),
            Ok(false) => self.count("asked in vain"),
            Err(error) => return Err(Fork(format!("the server refuses client {number}: {error}"))),
        }
        Ok(())
    }

    /// Makes a client join or rejoin by an external Commit.
    fn join_from_outside(&mut self, by: usize) -> Outcome {
        let back = self.percent(40);
        let inside: Vec<_> = self.nodes.keys().copied().filter(|client| *client != by).collect();
        let clients = if back { inside } else { self.outside() };
        let Some(number) = self.pick(&clients) else { return Ok(()) };
        let public = self.server.group.public();
        let is_own = |leaf: &LeafIndex| {
            public.credential(*leaf).unwrap().is_some_and(|credential| client_of(&credential) == number)
        };
        let resync = public.tree().members().map(Result::unwrap).find(is_own);
        if back && resync.is_none() {
            // The client has been removed, but has not learned of its removal.
            return Ok(());
        }
        let info = self.member(by).operate(|group, cx| {
            let group_info = group.group_info().build(cx)?;
            Ok(group.take_delta().map(|()| group_info))
        });
        let group_info = info.unwrap();
        let (end, signer) = (self.end(), new_signer(&mut self.rng));
        let rng = &mut self.rng;
        let mut join = |now| {
            let template = leaf_template(&name(number), end);
            let (group_info, psks, authenticated_data) = (&group_info, Vec::new(), b"".as_slice());
            let join = ExternalJoin::new(group_info, template)
                .replace_leaf(resync)
                .psks(psks)
                .authenticated_data(authenticated_data);
            join.build(&client(&*signer, &Shared, now, public_handshakes()), rng)
        };
        let mut joined = join(clock(number));
        let violation = joined.as_ref().err().and_then(GroupError::violation);
        if matches!(violation, Some(Violation::Credential(_))) {
            joined = join(None);
        }
        let joined = match joined {
            Ok(joined) => joined,
            Err(GroupError::Violation(Violation::GroupRules(_))) => {
                self.count("our own rules refused");
                return Ok(());
            }
            Err(error) => return Err(Fork(format!("client {number} cannot join: {error}"))),
        };
        let mut rows = Rows::new();
        let (mut group, message) = joined.persist_to(&mut rows).unwrap();
        if let Err(error) = self.submit(message, None)? {
            return Err(Fork(format!("the server does not let client {number} in: {error}")));
        }
        group.merge_pending().unwrap().persist_to(&mut rows).unwrap();
        let (rules, policy, now) = (&Shared, &Ending, clock(number));
        self.enter(number, Member { name: name(number), signer, group, rows, rules, policy, now })?;
        self.count(if back { "came back from outside" } else { "joined from outside" });
        Ok(())
    }

    /// Makes a member that ignores the rules create a Commit. The server and all other members must
    /// reject it.
    fn break_a_rule(&mut self, by: usize, ready: &[usize]) -> Outcome {
        let mut proposals = Vec::new();
        let missing = (MOST_MEMBERS + 1).saturating_sub(self.member_count()) as usize;
        let (outside, another) = (self.outside(), self.another(by));
        match (self.below(3), another) {
            (0, _) if missing <= outside.len() => {
                for client in outside.into_iter().take(missing) {
                    proposals.push(add(newcomer(client, u64::MAX, &mut self.rng).key_package()));
                }
            }
            (1, Some(leaf)) if !self.member(by).group.own_leaf().0.is_multiple_of(2) => {
                proposals.push(remove(leaf.0));
            }
            _ => proposals.push(custom(CUSTOM, &self.data(b"bad"))),
        }
        let member = &mut self.nodes.get_mut(&by).unwrap().member;
        let (rules, now) = (member.rules, member.now.take());
        member.rules = &AdmitAll;
        let built = member.build(
            |builder| proposals.iter().cloned().fold(builder.without_pending(), CommitBuilder::proposal),
            &mut self.rng,
        );
        (member.rules, member.now) = (rules, now);
        let message = built.map_err(|error| Fork(format!("client {by} breaks no rule: {error}")))?.message;
        let is_refused = |result: Result<(), GroupError>| {
            matches!(result, Err(GroupError::Violation(Violation::GroupRules(_))))
        };
        if !is_refused(self.submit(message.clone(), None)?.map(drop)) {
            return Err(Fork("the server accepts what the rules forbid".to_owned()));
        }
        for client in ready.iter().filter(|client| **client != by) {
            if !is_refused(self.member(*client).process(&message).map(drop)) {
                return Err(Fork(format!("client {client} accepts what the rules forbid")));
            }
        }
        self.member(by).clear_pending();
        self.count("refused by all");
        Ok(())
    }

    /// Makes a member withdraw a proposal, which may nevertheless be delivered.
    fn withdraw(&mut self, by: usize) -> Outcome {
        let update = self.percent(30);
        let data = self.data(b"good");
        let sent = self.attempt(by, &mut |member, rng| {
            if update { member.propose_update(None, rng) } else { member.propose(custom(CUSTOM, &data), rng) }
        })?;
        let Some(message) = sent else { return Ok(()) };
        self.withdraw_last(by);
        if self.percent(50) {
            self.count("withdrew what came later");
            self.deliver_proposal(by, message)
        } else {
            self.count("withdrew");
            Ok(())
        }
    }

    fn withdraw_last(&mut self, by: usize) {
        let member = self.member(by);
        let reference = member.pending().last().unwrap().reference.clone();
        member.operate(|group, _| group.withdraw_proposal(&reference)).unwrap();
    }

    /// Loses a proposal in transit and makes its sender commit it. No other member can follow until
    /// the proposal is withdrawn.
    fn lose_a_proposal(&mut self, by: usize, ready: &[usize]) -> Outcome {
        let data = self.data(b"lost");
        let sent = self.attempt(by, &mut |member, rng| member.propose(custom(CUSTOM, &data), rng))?;
        let built = if sent.is_some() { self.build(by, &|builder| builder)? } else { None };
        let Some(output) = built else {
            if sent.is_some() {
                self.withdraw_last(by);
            }
            return Ok(());
        };
        let lacks =
            |result: Result<(), GroupError>| matches!(result, Err(GroupError::Missing(Missing::Proposal(_))));
        if !lacks(self.submit(output.message.clone(), None)?.map(drop)) {
            return Err(Fork("the server knows a proposal that was never sent".to_owned()));
        }
        for client in ready.iter().filter(|client| **client != by) {
            if !lacks(self.member(*client).process(&output.message).map(drop)) {
                return Err(Fork(format!("client {client} knows a proposal that was never sent")));
            }
        }
        self.member(by).clear_pending();
        self.withdraw_last(by);
        self.count("committed an unknown proposal");
        self.commit(by, &|builder| builder)
    }

    /// Makes two members create a Commit each. The server accepts one of the two.
    fn race(&mut self, ready: &[usize]) -> Outcome {
        let [Some(first), Some(second)] = [self.pick(ready), self.pick(ready)] else { return Ok(()) };
        if first == second {
            return Ok(());
        }
        let Some(output) = self.build(first, &|builder| builder)? else { return Ok(()) };
        let lost = self.build(second, &|builder| builder)?;
        self.accepted(first, output)?;
        let Some(lost) = lost else { return Ok(()) };
        self.count("lost a race");
        match self.submit(lost.message, None)? {
            Err(GroupError::EpochMismatch { .. }) => Ok(()),
            _ => Err(Fork("two Commits were accepted in one epoch".to_owned())),
        }
    }

    fn chat(&mut self, by: usize, ready: &[usize]) -> Outcome {
        let member = &mut self.nodes.get_mut(&by).unwrap().member;
        let message = match member.encrypt(&mut self.rng) {
            Ok(message) => message,
            Err(GroupError::Misuse(Misuse::ProposalsPending)) => return Ok(()),
            Err(error) => return Err(Fork(format!("client {by} cannot send: {error}"))),
        };
        for client in ready.iter().filter(|client| **client != by) {
            match self.member(*client).process(&message) {
                Ok(Processed::Application { .. }) => self.count("read"),
                other => return Err(Fork(format!("client {client} cannot read: {other:?}"))),
            }
        }
        Ok(())
    }
}
