//! A log from which something was taken, or into which something was put, does not hold together.

use std::fs;
use std::process::{Child, Stdio};

use mcpauth::sandbox::SandboxOptions;

use crate::support::{Ran, World, finish};
use crate::{events, file, lines};

/// Somebody who got a token four times: seven lines.
fn used() -> World {
    let world = World::signed_in(SandboxOptions::default());
    for _ in 0..4 {
        world.token(&[]);
    }
    world.run(&["audit", "verify"]).succeeded();
    world
}

/// Does something to the lines of the log, and has it verified.
fn tampered(world: &World, tamper: impl FnOnce(&mut Vec<String>)) -> Ran {
    let text = fs::read_to_string(file(world, 0)).unwrap();
    let mut lines = text.lines().map(str::to_owned).collect();
    tamper(&mut lines);
    fs::write(file(world, 0), lines.join("\n") + "\n").unwrap();
    world.run(&["audit", "verify"])
}

#[track_caller]
fn breaks_at(ran: &Ran, line: usize, why: &str) {
    ran.failed_with(7, "the audit log does not hold together");
    let place = format!("audit.jsonl:{line}: ");
    assert!(ran.stdout.starts_with(&place) && ran.stdout.contains(why), "no `{place}…{why}` in {ran:?}");
}

#[test]
fn whatever_is_changed_is_found_where_it_is() {
    let world = used();
    let whole = fs::read(file(&world, 0)).unwrap();
    let again = || fs::write(file(&world, 0), &whole).unwrap();

    let ran = tampered(&world, |lines| lines[3] = lines[3].replace("\"box\"", "\"fox\""));
    breaks_at(&ran, 5, "the line before, which was changed");
    again();
    let ran = tampered(&world, |lines| drop(lines.remove(3)));
    breaks_at(&ran, 4, "is line 5 where 4 should be: some are gone");
    again();
    let ran = tampered(&world, |lines| drop(lines.drain(..2)));
    breaks_at(&ran, 1, "is line 3, and what was before it is gone");
    again();
    let ran = tampered(&world, |lines| lines.swap(4, 5));
    breaks_at(&ran, 5, "is line 6");
    again();
    let ran = tampered(&world, |lines| lines.insert(4, lines[2].clone()));
    breaks_at(&ran, 5, "is line 3 where 5 should be");
    again();
    let ran = tampered(&world, |lines| lines.insert(4, "nonsense".into()));
    breaks_at(&ran, 5, "is no whole line");
    again();
    let ran = world.run(&["audit", "verify"]);
    assert!(ran.succeeded().stdout.contains("7 lines hold together, number 1 to 7"), "{ran:?}");
    assert!(ran.stdout.contains("newer ones were taken away cannot be seen"), "{ran:?}");
}

#[test]
fn a_break_is_told_in_json() {
    let world = used();
    tampered(&world, |lines| drop(lines.remove(3)));
    let ran = world.run(&["audit", "verify", "--json"]);
    let answer = ran.failed_in_json(7);
    assert_eq!((&answer["lines"], &answer["first"], &answer["last"]), (&6.into(), &1.into(), &7.into()));
    assert_eq!(
        (&answer["breaks"][0]["file"], &answer["breaks"][0]["line"]),
        (&"audit.jsonl".into(), &4.into())
    );
}

#[test]
fn after_a_power_cut_the_log_goes_on_with_a_new_line() {
    let world = used();
    let text = fs::read_to_string(file(&world, 0)).unwrap();
    fs::write(file(&world, 0), &text[..text.len() - 40]).unwrap();
    world.token(&[]);
    world.token(&[]);
    let ran = world.run(&["audit", "verify"]);
    breaks_at(&ran, 7, "is no whole line: cut short");
    assert_eq!(ran.stdout.lines().count(), 1, "what came after it holds together: {ran:?}");
    let shown = world.run(&["audit", "--json"]);
    assert_eq!(shown.succeeded().stdout.lines().count(), 8);
    assert!(shown.stderr.contains("1 of 9 lines cannot be read"), "{shown:?}");
}

#[test]
fn a_line_that_lost_only_its_end_is_whole() {
    let world = used();
    let text = fs::read_to_string(file(&world, 0)).unwrap();
    fs::write(file(&world, 0), text.trim_end()).unwrap();
    world.token(&[]);
    world.run(&["audit", "verify"]).succeeded();
    assert_eq!(lines(&world).len(), 8);
}

#[test]
fn twenty_processes_at_once_make_one_chain() {
    let world = World::signed_in(SandboxOptions::default());
    let start = |_| -> Child {
        world.command(&["token", "box"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..20).map(start).collect();
    for child in children {
        assert_eq!(finish(child, String::new()).succeeded().stderr, "");
    }
    assert_eq!(events(&world).iter().filter(|event| *event == "handed_out").count(), 20);
    let ran = world.run(&["audit", "verify"]);
    assert!(ran.succeeded().stdout.contains("23 lines hold together"), "{ran:?}");
}
