//! `exec --mask`: what a command says on standard error holds no token, and what it says on standard output is its own.

use std::process::Stdio;

use mcpauth::sandbox::SandboxOptions;

use crate::support::{Ran, World, finish};

fn signed_in() -> World {
    World::signed_in(SandboxOptions::default())
}

fn masked(world: &World, flags: &[&str], script: &str) -> Ran {
    world.run(&[&["exec", "--mask"], flags, &["--", "sh", "-c", script]].concat())
}

/// Says the token in two pieces, whole, percent-encoded and in base64, alone and behind something else.
const TELLS: &str = r#"t=${MCP_ACCESS_TOKEN-$(cat $MCP_ACCESS_TOKEN_FILE)}
    printf 'in two: %s' "${t%??????}" >&2
    sleep 0.1
    printf '%s.\n' "${t#"${t%??????}"}" >&2
    echo "whole: $t$t." >&2
    printf 'alone: %s\nbehind: %s\n' "$(printf %s "$t" | base64 | tr -d '\n')" "$(printf user:%s "$t" | base64 | tr -d '\n')" >&2
    printf 'done' >&2
    printf 'out: %s' "$t"; exit 3"#;

/// X-08.
#[test]
fn a_token_on_standard_error_is_masked_and_standard_output_is_left_alone() {
    let world = signed_in();
    let token = world.token(&[]);
    for flags in [&[][..], &["--restart-before-expiry"], &["--token-file"]] {
        let ran = masked(&world, flags, TELLS);
        assert_eq!((ran.exit, ran.stdout), (3, format!("out: {token}")), "{flags:?}");
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines[..2], ["in two: [redacted].", "whole: [redacted][redacted]."], "{flags:?}");
        assert!(lines[2].starts_with("alone: [redacted]") && lines[2].len() < 24, "{lines:?}");
        assert!(lines[3].contains("[redacted]") && lines[3].len() < 36, "{lines:?}");
        assert_eq!((lines[4], lines.len()), ("done", 5), "{flags:?}");
    }
    // Without it everything passes, and this program has nothing to do with it.
    let ran = world.run(&["exec", "--", "sh", "-c", TELLS]);
    assert!(ran.stderr.contains(&format!("whole: {token}{token}.")), "{ran:?}");
}

/// X-08.
#[test]
fn whatever_of_a_login_the_command_gets_is_masked() {
    let world = signed_in();
    let fields = ["-e", "A=box:header", "-e", "B=box:url"];
    let ran = masked(&world, &fields, r#"echo "$A, ${A#Bearer }, $B" >&2"#);
    assert_eq!(ran.stderr, format!("[redacted], [redacted], {}\n", world.url()));
    let ran = masked(&world, &["--proxy"], r#"echo "$MCP_ACCESS_TOKEN_URL" >&2"#);
    assert!(ran.stderr.contains("/[redacted]/box"), "{ran:?}");
}

/// X-08.
#[test]
fn a_token_that_came_later_is_masked_like_the_first() {
    let world = World::signed_in(SandboxOptions { access_lifetime: 8, ..SandboxOptions::default() });
    let script = r#"f=$MCP_ACCESS_TOKEN_FILE; first=$(cat $f); now=$first
        while [ "$now" = "$first" ]; do sleep 0.1; now=$(cat $f); done; echo "$first $now" >&2; echo $now"#;
    let ran = masked(&world, &["--token-file"], script);
    assert_eq!((ran.stderr.as_str(), ran.stdout.starts_with("sandbox_")), ("[redacted] [redacted]\n", true));
}

/// What is no token comes at once: a question is seen before it is answered.
#[test]
fn a_question_is_not_held_back() {
    use std::io::{Read, Write};
    let world = signed_in();
    let script = r#"printf 'Really? ' >&2; read answer; echo "$answer""#;
    let mut command = world.command(&["exec", "--mask", "--", "sh", "-c", script]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut question = [0; 8];
    child.stderr.as_mut().unwrap().read_exact(&mut question).unwrap();
    assert_eq!(&question, b"Really? ");
    child.stdin.take().unwrap().write_all(b"yes\n").unwrap();
    assert_eq!(finish(child, String::new()).stdout, "yes\n");
}

/// Whoever the command leaves behind does not keep its parent from ending.
#[test]
fn a_process_that_stays_behind_keeps_nobody() {
    let world = signed_in();
    let script = "sleep 300 >/dev/null & echo $!; echo last >&2";
    let mut command = world.command(&["exec", "--mask", "--", "sh", "-c", script]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let ran = finish(child, String::new());
    assert_eq!((ran.exit, ran.stderr.as_str()), (0, "last\n"));
    let left = nix::unistd::Pid::from_raw(ran.stdout.trim().parse().unwrap());
    // It would have ended the wait above only with its own end.
    nix::sys::signal::kill(left, nix::sys::signal::Signal::SIGKILL).unwrap();
}
