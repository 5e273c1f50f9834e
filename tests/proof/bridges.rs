//! Many bridges stand between their hosts and one server when the token ends, or when there is no login.

use mcpauth::sandbox::SandboxOptions;

use crate::Outcome;
use crate::settings::Size;
use crate::support::crowd::Crowd;
use crate::support::desk::Desk;
use crate::support::follow;

/// How many hosts there are.
const HOSTS: usize = 100;

/// A strict issuer is asked once when they start with a token that has ended, once when it ends while they work, and
/// once when the server stops taking it; no call fails and nobody is asked to sign in. Where nobody is signed in, one
/// page is opened, and what all of them have asked is answered once the person has been there.
#[expect(
    clippy::unnecessary_wraps,
    reason = "like every scenario; what goes wrong here panics and is told so"
)]
pub(crate) fn play(size: &Size) -> Outcome {
    let rounds = size.rounds(1, 5);
    for _ in 0..rounds {
        start(size);
        expiry(size);
        refusal(size);
        sign_in(size);
    }
    Ok(format!(
        "{rounds} rounds × {HOSTS} bridges: three times 1 refresh, 0 failed calls, 0 pages, family alive; without a login 1 page, 1 \
         sign-in, 0 failed calls"
    ))
}

/// A desk at which somebody has signed in with a token that lives so long; the next ones live for an hour.
fn desk(size: &Size, access_lifetime: u64) -> Desk {
    let world = size.world(SandboxOptions { access_lifetime, ..SandboxOptions::default() });
    world.login(&[]).succeeded();
    world.sandbox.change(|options| options.access_lifetime = 3600);
    Desk::of(world)
}

fn start(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 0), HOSTS);
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

fn expiry(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 20), HOSTS);
    while crowd.desk.world.sandbox.refreshes().1 == 0 {
        crowd.work();
    }
    crowd.work();
    crowd.cost(1);
    crowd.end();
}

fn refusal(size: &Size) {
    let mut crowd = Crowd::settled(desk(size, 3600), HOSTS);
    for refreshes in 1..=3 {
        crowd.desk.world.sandbox.expire_access_tokens();
        crowd.work();
        crowd.cost(refreshes);
    }
    crowd.end();
}

fn sign_in(size: &Size) {
    let desk = desk(size, 3600);
    desk.world.run(&["logout", "box"]).succeeded();
    let mut crowd = Crowd::start(desk, HOSTS);
    let asked = crowd.begin_work();
    follow(&crowd.desk.page(1));
    crowd.end_work(asked);
    // One more round that nobody has to wait for.
    crowd.work();
    let books = crowd.desk.world.sandbox.books();
    // The first of each is that of the person who has signed out.
    assert_eq!((books.codes_issued, books.codes_redeemed, books.refreshes, books.reuses), (2, 2, 0, 0));
    assert_eq!(books.families.iter().map(|family| family.alive).collect::<Vec<_>>(), [false, true]);
    assert_eq!(crowd.desk.pages().len(), 1);
    let (_desk, said) = crowd.farewells();
    // Who opened the page says so, and nobody else has anything to say.
    let told: Vec<_> = said.iter().filter(|said| !said.is_empty()).collect();
    assert!(told.len() == 1 && told[0].contains("a page opens in your browser"), "{told:?}");
}
