//! A story for each quirk, at an imitation of the provider: without it the login fails, or is worth less, and what is
//! said names the flag; with it everything works, and goes on working.

use mcpauth::quirks::catalogue;
use mcpauth::sandbox::{KNOWN_CLIENT, SandboxOptions, imitations};

use crate::support::{Ran, World, call};

/// What is missing where nothing of a quirk is used.
#[derive(Clone, Copy, Debug)]
enum Without {
    /// The login ends so, with a hint that holds these words.
    Refused(i32, &'static str),
    /// A login that cannot be refreshed.
    NoRefreshToken,
    /// A token that the server does not take.
    UselessToken,
    /// Nothing: what is known only saves a request.
    Nothing,
}

const STORIES: [(&str, Without); 14] = [
    ("entra", Without::Refused(5, "--trust-issuer")),
    ("google", Without::NoRefreshToken),
    ("cognito", Without::Refused(5, "--assume-pkce")),
    ("auth0", Without::UselessToken),
    ("atlassian", Without::Refused(5, "--trust-issuer")),
    ("atlassian-mcp", Without::Refused(5, "--trust-issuer")),
    ("slack", Without::Refused(5, "--trust-issuer")),
    ("github", Without::Nothing),
    ("salesforce", Without::Refused(4, "--callback-host localhost")),
    ("salesforce-mcp", Without::Refused(5, "--trust-issuer")),
    ("revenuecat", Without::Refused(4, "--callback-host localhost")),
    ("dropbox", Without::NoRefreshToken),
    ("meta", Without::Refused(5, "--trust-issuer")),
    ("netsuite", Without::Refused(5, "--trust-issuer")),
];

fn imitating(name: &str) -> World {
    World::with(SandboxOptions::default().imitate(name).unwrap())
}

/// Signs in with the ways of a provider, as the client that is known there.
fn login(world: &World, imitated: &str, flags: &[&str]) -> Ran {
    let registers = imitations().iter().any(|one| one.name == imitated && one.registers());
    let client: &[&str] = if registers { &[] } else { &["--client-id", KNOWN_CLIENT] };
    world.login(&[flags, client].concat())
}

fn refreshable(world: &World) -> bool {
    world.run(&["status", "box", "--json"]).stdout.contains(r#""refreshable":true"#)
}

#[test]
fn every_quirk_has_its_story() {
    let known: Vec<&str> = catalogue().all().iter().map(|quirk| quirk.name.as_str()).collect();
    let played: Vec<&str> = imitations().iter().map(|imitation| imitation.name.as_str()).collect();
    assert_eq!(known, played);
    assert_eq!(known, STORIES.map(|(name, _)| name));
}

#[test]
fn without_it_something_is_missing_and_the_flag_is_named() {
    for (name, without) in STORIES {
        let world = imitating(name);
        let ran = login(&world, name, &["--quirks", "none"]);
        match without {
            Without::Refused(exit, flag) => {
                assert!(ran.failed_with(exit, "").stderr.contains(flag), "{name}: no {flag} in {ran:?}");
            }
            Without::NoRefreshToken => {
                assert!(ran.succeeded().stderr.contains("--auth-param"), "{name}: {ran:?}");
                assert!(!refreshable(&world), "{name}");
            }
            Without::UselessToken => {
                ran.succeeded();
                assert_eq!(call(&world.url(), &world.token(&[])), 401, "{name}");
            }
            Without::Nothing => drop(ran.succeeded()),
        }
    }
}

/// The providers whose metadata names an issuer of another origin.
const ELSEWHERE: [&str; 5] = ["atlassian-mcp", "slack", "salesforce-mcp", "meta", "netsuite"];

/// MCP 10.
#[test]
fn nobody_passes_for_a_provider_whose_ways_were_chosen_by_name() {
    for name in ELSEWHERE {
        let world = imitating(name);
        login(&world, name, &["--quirks", name]).failed_with(5, "names another issuer");
        assert_eq!(world.sandbox.books().codes_issued, 0, "{name}");
    }
}

#[test]
fn with_it_everything_works_and_goes_on_working() {
    for (name, _) in STORIES {
        let world = imitating(name);
        let pinned = ["--quirks", name, "--issuer", world.sandbox.origin()];
        let flags = if ELSEWHERE.contains(&name) { &pinned[..] } else { &pinned[..2] };
        let ran = login(&world, name, flags);
        assert_eq!(ran.exit, 0, "{name}: {ran:?}");
        let first = world.token(&[]);
        assert_eq!(call(&world.url(), &first), 200, "{name}");
        let refresh = world.run(&["refresh", "box"]);
        assert_eq!(refresh.exit, 0, "{name}: {refresh:?}");
        let second = world.token(&[]);
        assert!(first != second && call(&world.url(), &second) == 200, "{name}");
        assert!(refreshable(&world), "{name}");
        assert_eq!(world.sandbox.books().violations, Vec::<String>::new(), "{name}");
    }
}
