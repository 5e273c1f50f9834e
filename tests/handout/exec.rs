//! `exec`: a command with tokens in its environment, and nothing of ours left in between.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use mcpauth::sandbox::SandboxOptions;
use serde_json::json;

use crate::answered_with;
use crate::support::World;
use crate::support::steps::run;

/// What a command that prints its environment was started with.
fn environment(ran: &crate::support::Ran) -> BTreeMap<&str, &str> {
    assert_eq!(ran.exit, 0, "{ran:?}");
    ran.stdout.lines().filter_map(|line| line.split_once('=')).collect()
}

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

#[test]
fn a_bare_exec_puts_the_token_of_the_only_server_into_the_usual_variable() {
    let world = signed_in();
    let ran = world.run(&["exec", "--", "env"]);
    let token = world.token(&[]);
    assert_eq!(environment(&ran)["MCP_ACCESS_TOKEN"], token);
    assert_eq!(environment(&ran)["HOME"], world.home().to_str().unwrap());
    assert_eq!(ran.stderr, "");
}

#[test]
fn each_server_goes_into_the_variable_of_its_profile_or_the_named_one() {
    let world = World::new();
    world.login(&["--env", "BOX_TOKEN"]).succeeded();
    let other = World::new();
    let args = ["login", &other.url(), "--name", "second", "--no-browser"];
    world.login_as(world.command(&args)).succeeded();
    let [box_token, second_token] =
        ["box", "second"].map(|server| world.run(&["token", server]).stdout.trim_end().to_owned());

    let ran = world.run(&["exec", "-s", "box", "-s", "second", "--", "env"]);
    let seen = environment(&ran);
    assert_eq!((seen["BOX_TOKEN"], seen["MCP_ACCESS_TOKEN"]), (box_token.as_str(), second_token.as_str()));

    let wishes = ["A=box", "B=second:header", "C=box:url", "D=box:scope", "E=box:expires_at"];
    let url = format!("F={}:token", other.url());
    let flags: Vec<&str> = wishes.into_iter().chain([url.as_str()]).flat_map(|wish| ["-e", wish]).collect();
    let ran = world.run(&[&["exec"], flags.as_slice(), &["--", "env"]].concat());
    let seen = environment(&ran);
    assert_eq!((seen["A"], seen["F"]), (box_token.as_str(), second_token.as_str()));
    assert_eq!(seen["B"], format!("Bearer {second_token}"));
    assert_eq!((seen["C"], seen["D"]), (world.url().as_str(), "mcp:basic"));
    assert_eq!(seen["E"], world.run(&["token", "box", "--field", "expires_at"]).stdout.trim_end());
    assert!(!seen.contains_key("MCP_ACCESS_TOKEN") && !seen.contains_key("BOX_TOKEN"), "{seen:?}");

    world.run(&["exec", "--", "env"]).failed_with(2, "no server named; there are box, second");
    let twice = ["exec", "-s", "box", "-e", "BOX_TOKEN=second", "--", "env"];
    world.run(&twice).failed_with(2, "two values for the variable BOX_TOKEN");
}

/// MCP 54. X-01.
#[test]
fn what_is_ours_is_removed_and_a_clean_environment_holds_only_the_basics() {
    let world = signed_in();
    let with = |flags: &[&str]| {
        let mut command = world.command(&[&["exec"], flags, &["--", "env"]].concat());
        let variables =
            [("MCPAUTH_MIN_TTL", "1m"), ("MCPAUTH_PASSPHRASE", "hush"), ("KEPT", "1"), ("ALSO", "2")];
        run({
            command.envs(variables);
            command
        })
    };
    let ran = with(&[]);
    let seen = environment(&ran);
    assert!(!seen.keys().any(|name| name.starts_with("MCPAUTH_")), "{seen:?}");
    assert_eq!((seen["KEPT"], seen["ALSO"]), ("1", "2"));

    let ran = with(&["--clean-env", "--allow-env", "KEPT", "--allow-env", "MCPAUTH_PASSPHRASE"]);
    let mut names: Vec<&str> = environment(&ran).into_keys().filter(|name| !shells_own(name)).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "KEPT", "LOGNAME", "MCP_ACCESS_TOKEN", "PATH", "SHELL", "TERM", "USER"]);
    world.run(&["exec", "--allow-env", "KEPT", "--", "env"]).failed(2);
}

/// What some shells and loaders set by themselves.
fn shells_own(name: &str) -> bool {
    matches!(name, "PWD" | "SHLVL" | "_" | "OLDPWD")
}

#[test]
fn the_command_takes_the_place_of_this_program() {
    let world = signed_in();
    let mut command = world.command(&["exec", "--", "sh", "-c", "echo $$ $PPID"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let ran = crate::support::finish(child, String::new());
    assert_eq!(ran.stdout, format!("{id} {}\n", std::process::id()));
}

/// MCP 54. X-05.
#[test]
fn the_command_is_called_as_it_was_typed_with_its_arguments_untouched() {
    let world = signed_in();
    let print = r#"printf '%s|' "$0" "$@""#;
    let ran = world.run(&["exec", "--", "sh", "-c", print, "-x", "--", "", "a b", "$HOME", "--help", "ü"]);
    assert_eq!(ran.stdout, "-x|--||a b|$HOME|--help|ü|");
}

/// MCP 54. X-01, X-06.
#[cfg(target_os = "linux")]
#[test]
fn no_token_is_on_the_command_line_and_no_open_file_is_left_behind() {
    let world = signed_in();
    let token = world.token(&[]);
    let mut alone = Command::new("cat");
    let [mut child, mut alone] = [&mut world.command(&["exec", "--", "cat"]), &mut alone].map(|command| {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // An answer means that the command runs in place of this program.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child
    });

    let process = format!("/proc/{}", child.id());
    assert_eq!(fs::read_to_string(format!("{process}/cmdline")).unwrap(), "cat\0");
    assert!(fs::read_to_string(format!("{process}/environ")).unwrap().contains(&token));
    assert_eq!(fs::read_dir(format!("{process}/task")).unwrap().count(), 1);
    let open = |id| {
        let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
        files.map(|file| file.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    // Whoever runs the tests may have left more open than the three.
    assert!(open(child.id()).contains(OsStr::new("2")));
    assert_eq!(open(child.id()), open(alone.id()));
    for child in [&mut child, &mut alone] {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

/// X-03, X-06.
#[cfg(target_os = "linux")]
#[test]
fn a_command_that_runs_after_a_refresh_holds_nothing_of_it() {
    let world = World::expired();
    let mut child = world.command(&["exec", "--", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    assert_eq!(world.sandbox.books().refreshes, 1);

    // Neither the lock of the login, nor the process that refreshed it.
    world.run(&["refresh", "box"]).succeeded();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    assert_eq!(children, "");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_mebibyte_passes_unchanged() {
    let world = signed_in();
    let sent: Vec<u8> = (0_u32..1 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut command = world.command(&["exec", "--", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn({
        let sent = sent.clone();
        move || input.write_all(&sent).unwrap()
    });
    let mut received = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(sent == received, "{} bytes came back", received.len());
}

/// X-03.
#[test]
fn the_exit_code_is_the_commands() {
    let world = signed_in();
    for code in [0, 1, 3, 7, 255] {
        assert_eq!(world.run(&["exec", "--", "sh", "-c", &format!("exit {code}")]).exit, code);
    }
    let ran = run(world.shell(r#""$0" exec -- sh -c 'kill -9 $$'; echo $?"#, &[]));
    assert_eq!(ran.stdout, "137\n");
}

/// X-04.
#[test]
fn a_command_that_cannot_run_costs_no_refresh() {
    let world = World::expired();
    let plain = world.home().join("plain");
    fs::write(&plain, "no program").unwrap();
    fs::set_permissions(&plain, PermissionsExt::from_mode(0o600)).unwrap();

    world.run(&["exec", "--", "no-such-command"]).failed_with(127, "cannot run no-such-command");
    world.run(&["exec", "--", "/no/such/command"]).failed_with(127, "there is no such command");
    world.run(&["exec", "--", plain.to_str().unwrap()]).failed_with(126, "it is not executable");
    world.run(&["exec", "--", world.home().to_str().unwrap()]).failed_with(126, "it is not executable");

    // Nor does one of several servers that is not known, wherever it stands.
    world
        .run(&["exec", "-s", "box", "-e", "A=stranger", "--", "true"])
        .failed_with(2, "no server is named stranger");
    world
        .run(&["exec", "-s", "box", "-s", "box", "--", "true"])
        .failed_with(2, "two values for the variable");
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

#[test]
fn a_script_whose_interpreter_is_missing_is_126() {
    let world = signed_in();
    let script = world.home().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o700)).unwrap();
    world.run(&["exec", "--", script.to_str().unwrap()]).failed_with(126, "cannot run");
}

/// X-07.
#[test]
fn without_a_token_nothing_is_started() {
    let world = World::expired();
    world.sandbox.revoke_everything();
    let marker = world.home().join("started");
    let touch = ["--", "touch", marker.to_str().unwrap()];
    world.run(&[&["exec"], &touch[..]].concat()).failed_with(3, "the issuer ended this login");
    world.run(&[&["exec", "-s", "stranger", "-s", "box"], &touch[..]].concat()).failed(2);
    world.run(&[&["exec", "-e", "A=box:nonsense"], &touch[..]].concat()).failed(3);
    assert!(!marker.exists());
}

/// MCP 42.
#[test]
fn the_token_is_renewed_before_the_start_and_not_otherwise() {
    let world = World::expired();
    let ran = world.run(&["exec", "--", "env"]);
    assert_eq!(environment(&ran)["MCP_ACCESS_TOKEN"], world.token(&["--no-refresh"]));
    assert_eq!(world.sandbox.books().refreshes, 1);
    world.run(&["exec", "--", "true"]).succeeded();
    assert_eq!(world.sandbox.books().refreshes, 1);
    // Two values of one login are one login.
    let two = ["exec", "--min-ttl", "2h", "-e", "A=box", "-e", "B=box:header", "--", "env"];
    let ran = world.run(&two);
    let seen = environment(&ran);
    assert_eq!(seen["B"], format!("Bearer {}", seen["A"]));
    assert_eq!(world.sandbox.books().refreshes, 2);
}

/// MCP 54. X-02.
#[test]
fn a_variable_that_chooses_programs_is_refused() {
    let world = World::expired();
    for variable in [
        "PATH",
        "LD_PRELOAD",
        "DYLD_INSERT_LIBRARIES",
        "BASH_ENV",
        "NODE_OPTIONS",
        "MCPAUTH_STORE",
        "ZDOTDIR",
        "PYTHONBREAKPOINT",
        "LESSOPEN",
        "SSH_ASKPASS",
        "_JAVA_OPTIONS",
        "JAVA_TOOL_OPTIONS",
        "PERL5OPT",
        "RUBYOPT",
        "OPENSSL_CONF",
        "DOTNET_STARTUP_HOOKS",
    ] {
        let wish = format!("{variable}=box");
        let ran = world.run(&["exec", "-e", &wish, "--", "env"]);
        assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(ran.stderr.contains("decides what programs run"), "{ran:?}");
        assert_eq!(world.run(&["login", "box", "--env", variable]).exit, 2);
    }
    for wish in ["lower=box", "A", "=box", "A=", "1A=box"] {
        assert_eq!(world.run(&["exec", "-e", wish, "--", "env"]).exit, 2, "{wish}");
    }
    assert_eq!(world.sandbox.books().refresh_attempts, 0);
}

/// X-13.
#[cfg(target_os = "linux")]
#[test]
fn a_value_is_as_long_as_the_system_takes_and_no_longer() {
    // `BLOB=` and the value and a zero byte fill the 128 KiB that Linux allows.
    let longest = 128 * 1024 - 1 - "BLOB=".len();
    let body = json!({ "access_token": "at", "expires_in": 3600, "fits": "x".repeat(longest),
        "burst": "x".repeat(longest + 1) });
    // The two together are more than an answer may hold.
    for (field, exit) in [("fits", 0), ("burst", 2)] {
        let mut body = body.clone();
        body.as_object_mut()
            .unwrap()
            .retain(|name, _| name == field || name.contains("access") || name.contains('_'));
        let world = answered_with(&body);
        let wish = format!("BLOB=box:{field}");
        let ran = world.run(&["exec", "-e", &wish, "--", "sh", "-c", "printf %s ${#BLOB}"]);
        if exit == 0 {
            assert_eq!(ran.succeeded().stdout, longest.to_string());
        } else {
            ran.failed_with(exit, "the value for BLOB is too long for an environment variable");
        }
    }
}
