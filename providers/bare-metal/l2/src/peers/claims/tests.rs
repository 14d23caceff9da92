//! Whose claim counts, and what follows.

use super::*;

const STEP: Duration = Duration::from_millis(50);

/// Three speakers whose ids are in another order than their names, of which the second's machine is asked, and who is told what of one address.
struct Table {
    names: BTreeMap<NodeId, Arc<str>>,
    claims: Claims,
    now: Instant,
}

fn address() -> IpAddr {
    IpAddr::from([192, 0, 2, 200])
}

fn id(name: &str) -> NodeId {
    NodeId::of(name)
}

fn claim(epoch: u64, is_offered: bool) -> Claim {
    Claim { epoch, is_offered }
}

impl Table {
    /// All are candidates, this one the first.
    fn new() -> Self {
        let names = ["d", "e", "f"].map(|it| (id(it), Arc::from(it)));
        let mut table = Self {
            names: names.into(),
            claims: Claims::new(id("e"), STEP),
            now: Instant::now(),
        };
        table.want(&["e", "d", "f"]);
        table
    }

    fn want(&mut self, candidates: &[&str]) -> Vec<Turn> {
        let candidates = candidates.iter().map(|it| id(it)).collect();
        let wish = Wish {
            candidates,
            keeps_until_taken: false,
        };
        assert!(self.claims.want(address(), Some(wish)));
        self.decide(false)
    }

    fn hear(&mut self, name: &str, claim: Option<Claim>) -> Vec<Turn> {
        self.claims.hear(id(name), address(), claim);
        self.decide(true)
    }

    fn decide(&mut self, is_news: bool) -> Vec<Turn> {
        let speakers = Speakers {
            names: &self.names,
            lives: &|_| true,
        };
        self.claims.decide(address(), is_news, &speakers, self.now);
        let turns = std::mem::take(&mut self.claims.turns);
        turns.into_iter().map(|(_, turn)| turn).collect()
    }

    fn own(&self) -> Option<Claim> {
        self.claims.addresses[&address()].own
    }
}

#[test]
fn the_later_claim_counts_and_of_equal_ones_that_of_the_lower_name() {
    for (name, epoch, stays) in [
        ("d", 1, false),
        ("f", 1, true),
        ("d", 0, true),
        ("f", 2, false),
    ] {
        let mut table = Table::new();
        assert_eq!(table.own(), Some(claim(1, false)));
        let turns = table.hear(name, Some(claim(epoch, false)));
        let expected = if stays {
            Turn::Reasserted
        } else {
            Turn::Released
        };
        assert_eq!(turns, [expected], "{name} {epoch}");
        assert_eq!(table.own().is_some(), stays, "{name} {epoch}");
    }
}

#[test]
fn who_keeps_it_comes_before_who_offers_it() {
    let mut table = Table::new();
    assert_eq!(table.hear("d", Some(claim(9, true))), [Turn::Reasserted]);
    assert_eq!(table.own(), Some(claim(1, false)));
    let mut table = Table::new();
    assert_eq!(table.want(&["d", "f"]), []);
    assert_eq!(table.own(), Some(claim(1, true)), "offered");
    assert_eq!(table.hear("f", Some(claim(0, false))), [Turn::Released]);
}

#[test]
fn who_may_again_before_another_has_taken_it_keeps_it() {
    let mut table = Table::new();
    table.want(&["d", "f"]);
    assert_eq!(table.want(&["e", "d", "f"]), []);
    assert_eq!(table.own(), Some(claim(1, false)));
}

#[test]
fn what_another_has_offered_is_known_to_be_free_for_us() {
    let mut table = Table::new();
    table.hear("d", Some(claim(7, false)));
    assert_eq!(
        table.hear("d", Some(claim(7, true))),
        [Turn::Claimed { is_known: true }]
    );
    assert_eq!(table.own(), Some(claim(8, false)));
    let mut fresh = Claims::new(id("e"), STEP);
    std::mem::swap(&mut fresh, &mut table.claims);
    assert_eq!(table.want(&["e"]), [Turn::Claimed { is_known: false }]);
}

#[test]
fn an_address_of_which_nothing_is_left_is_forgotten() {
    let mut table = Table::new();
    table.hear("d", Some(claim(0, false)));
    table.claims.want(address(), None);
    assert_eq!(table.decide(false), [Turn::Released]);
    assert_eq!(table.claims.addresses.len(), 1, "another has it");
    table.hear("d", None);
    assert!(table.claims.addresses.is_empty());
}
