//! What loss does to sessions. By arithmetic, of 3 × 50 ms at 5 % loss the peer takes us for gone about 1.7
//! times in ten minutes, since three losses in a row are all that it waits for; the bench `loss` measures
//! it. What is asserted here is what our machine makes better.

mod router;

use router::{Falls, TEN_MINUTES, World, run};

/// In a hundred minutes.
fn hundred_minutes(world: &World) -> Falls {
    (0..10).fold(Falls::default(), |all, seed| {
        let falls = run(world, TEN_MINUTES, seed);
        Falls {
            router: all.router + falls.router,
            own: all.own + falls.own,
            sent: all.sent + falls.sent,
        }
    })
}

#[test]
fn without_loss_nobody_is_taken_for_gone() {
    for multiplier in [1, 2, 3, 5] {
        let world = World {
            lost: 0,
            ..World::new(multiplier)
        };
        let falls = hundred_minutes(&world);
        assert_eq!((falls.router, falls.own), (0, 0), "{multiplier}");
    }
}

#[test]
fn at_five_percent_loss_we_take_no_router_that_answers_for_gone() {
    for router_sends in [750..=900, 750..=1000] {
        let mut world = World {
            router_sends,
            ..World::new(3)
        };
        let asked = hundred_minutes(&world).router;
        world.router_answers = false;
        let unasked = hundred_minutes(&world).router;
        assert!(
            asked <= 1 && unasked >= 8,
            "{asked} of {unasked}: {world:?}"
        );
    }
}

#[test]
fn at_five_percent_loss_no_router_takes_us_for_gone_that_waits_for_four() {
    let falls = hundred_minutes(&World::new(4));
    assert!(falls.own <= 1, "{falls:?}");
    // Of three it waits for no more than three, whatever we do; it is not more than arithmetic has it.
    let falls = hundred_minutes(&World::new(3));
    assert!((5..=30).contains(&falls.own), "{falls:?}");
}
