//! What is remembered of a server and its issuer, and when it is asked for anew.

use std::fs;

use mcpauth::sandbox::{Endpoint, Fault, SandboxOptions};

use crate::support::World;

/// What was asked for since, with which method and where.
fn requests(world: &World) -> Vec<String> {
    world.sandbox.books().requests
}

/// Signs in once more, and tells what that took.
fn again(world: &World, flags: &[&str]) -> Vec<String> {
    let before = requests(world).len();
    world.login(flags).succeeded();
    requests(world).split_off(before)
}

const WARM: [&str; 2] = ["GET /authorize", "POST /token"];
const COLD: [&str; 5] = [
    "POST /mcp",
    "GET /.well-known/oauth-protected-resource/mcp",
    "GET /.well-known/oauth-authorization-server",
    "GET /authorize",
    "POST /token",
];

/// The port of the redirect stays the same, so that the client need not be registered again.
fn world() -> World {
    let world = World::with(SandboxOptions { any_loopback_port: true, ..SandboxOptions::default() });
    world.sandbox.add_client("by-hand", None, &["http://127.0.0.1/callback"]);
    world.login(&["--client-id", "by-hand"]).succeeded();
    world
}

/// MCP 13.
#[test]
fn a_second_login_asks_for_consent_and_tokens_alone() {
    let world = world();
    assert_eq!(again(&world, &[]), WARM);
    assert_eq!(again(&world, &["--account", "second"]), WARM);
    assert_eq!(again(&world, &["--fresh"]), COLD);
    let login = world.login(&["--explain"]);
    assert!(login.succeeded().stderr.contains("kept since 20"), "{login:?}");
}

/// MCP 13.
#[test]
fn what_is_kept_is_old_after_a_day_or_when_the_user_says() {
    let world = world();
    let age = |seconds: i64| {
        world.change_metadata(|page| page["since"] = (page["since"].as_i64().unwrap() - seconds).into());
    };
    age(23 * 3600);
    assert_eq!(again(&world, &[]), WARM);
    age(3600);
    assert_eq!(again(&world, &[]), COLD);
    // Written under a clock that was ahead.
    age(-3600);
    assert_eq!(again(&world, &[]), COLD);

    world.run(&["server", "set", "box", "--metadata-ttl", "10m"]).succeeded();
    age(540);
    assert_eq!(again(&world, &[]), WARM);
    age(60);
    assert_eq!(again(&world, &[]), COLD);
    world.run(&["server", "set", "box", "--metadata-ttl", "4m"]).failed_with(2, "at least five minutes");
    // Whatever a profile says that was written by hand.
    let file = world.home().join(".config/mcpauth/servers/box.toml");
    let settle = |ttl: &str| {
        let text = fs::read_to_string(&file).unwrap();
        let own = |line: &str| line.starts_with("metadata_ttl");
        let lines = text
            .lines()
            .map(|line| if own(line) { format!("metadata_ttl = {ttl}") } else { line.to_owned() });
        fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
    };
    settle("1");
    age(240);
    assert_eq!(again(&world, &[]), WARM);
    settle("31536000");
    age(24 * 3600);
    assert_eq!(again(&world, &[]), COLD);
}

/// MCP 13.
#[test]
fn what_is_kept_and_cannot_be_read_is_as_good_as_absent() {
    let world = world();
    for damage in ["", "{", "[]", "{\"form\":1}", "\u{0}"] {
        for file in world.metadata() {
            mcpauth::files::write_private(&file, damage.as_bytes()).unwrap();
        }
        assert_eq!(again(&world, &[]), COLD, "{damage:?}");
        assert_eq!(again(&world, &[]), WARM, "{damage:?}");
    }
    world.change_metadata(|page| page["form"] = 2.into());
    assert_eq!(again(&world, &[]), COLD, "of a later release");
    // Somebody put one thing in the place of another.
    world.change_metadata(|page| page["who"] = "https://elsewhere.example".into());
    assert_eq!(again(&world, &[]), COLD);
}

/// MCP 13.
#[test]
fn after_a_failure_everything_is_asked_anew() {
    let world = world();
    let fault = Fault::Status { endpoint: Endpoint::Token, status: 503, times: 9, retry_after: None };
    world.sandbox.change(|options| options.faults = vec![fault]);
    assert_ne!(world.login(&[]).exit, 0);
    world.sandbox.change(|options| options.faults.clear());
    assert_eq!(world.metadata().len(), 0);
    world.after_a_while();
    assert_eq!(again(&world, &[]), COLD);
}

/// MCP 13.
#[test]
fn after_a_failure_whoever_the_user_named_is_asked_anew_too() {
    let fault = Fault::Status { endpoint: Endpoint::Token, status: 503, times: 9, retry_after: None };
    for flag in ["--issuer", "--identity-provider"] {
        let world = World::with(SandboxOptions {
            faults: vec![fault.clone()],
            require_resource: false,
            ..SandboxOptions::default()
        });
        let (url, issuer) = (world.url(), world.sandbox.issuer());
        let whom = if flag == "--issuer" { vec![&*url, flag, &issuer] } else { vec![&*issuer, flag] };
        let args = [&["login"], &whom[..], &["--no-browser", "--store", "file"]].concat();
        let ran = world.login_as(world.command(&args));
        assert!(ran.exit != 0 && ran.stderr.contains("503"), "{ran:?}");
        assert_eq!(world.metadata().len(), 0, "{flag}");
    }
}

/// MCP 13, 28.
#[test]
fn an_issuer_that_knows_its_client_no_more_is_asked_anew() {
    let world = World::signed_in(SandboxOptions::default());
    world.sandbox.forget_clients();
    assert_eq!(world.run(&["refresh", "box"]).exit, 3);
    assert_eq!(world.metadata().len(), 0);
}

/// MCP 13.
#[test]
fn looking_asks_everybody_and_what_it_learns_is_kept() {
    for command in ["discover", "server add"] {
        let world = World::new();
        let url = world.url();
        world.run(&[&command.split(' ').collect::<Vec<_>>()[..], &[&url]].concat()).succeeded();
        let before = requests(&world).len();
        world.login_as(world.command(&["login", &url, "--no-browser", "--store", "file"])).succeeded();
        let since = requests(&world).split_off(before);
        assert_eq!(since, ["POST /register", "GET /authorize", "POST /token"], "{command}");
        let before = requests(&world).len();
        world.run(&["discover", &url]).succeeded();
        assert_eq!(requests(&world).split_off(before), COLD[..3]);
    }
}

/// What the user settles anew is asked anew: an answer to another question is none.
#[test]
fn a_change_of_whom_to_ask_passes_over_what_is_kept() {
    let world = world();
    let origin = world.sandbox.origin().to_owned();
    assert_eq!(again(&world, &["--issuer", &origin]), COLD);
    assert_eq!(again(&world, &[]), WARM);
    assert_eq!(again(&world, &["--strict-resource"]), COLD);
    assert_eq!(again(&world, &["--scope", "mcp:basic"]), WARM);
}

/// MCP 44. It is nobody else's business which servers somebody uses.
#[cfg(unix)]
#[test]
fn what_is_kept_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world();
    let files = world.metadata();
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.contains("127.0.0.1"), "{name}");
    }
}

/// An issuer that people sign in to so that it vouches for them elsewhere is no server: nothing is asked of it but
/// who they are.
#[test]
fn an_identity_provider_is_asked_as_an_issuer() {
    let world = World::with(SandboxOptions { require_resource: false, ..SandboxOptions::default() });
    let origin = world.sandbox.origin().to_owned();
    let args = ["login", &origin, "--name", "idp", "--identity-provider", "--no-browser", "--store", "file"];
    world.login_as(world.command(&args)).succeeded();
    let books = world.sandbox.books();
    assert!(
        !books.requests.iter().any(|line| line.contains("/mcp") || line.starts_with("POST / ")),
        "{books:?}"
    );
    let authorize = books.last_authorize.unwrap();
    assert_eq!(authorize.get("resource"), None);
    assert!(authorize["scope"].starts_with("openid"), "{authorize:?}");
}
