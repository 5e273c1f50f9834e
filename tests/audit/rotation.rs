//! A log that has grown enough is put behind a new one, and the chain goes on.

use std::fs;
use std::path::Path;

use mcpauth::audit::{Event, Kind, Log, Trail};
use mcpauth::clock::UnixTime;
use mcpauth::model::{LoginKey, Name};
use mcpauth::places::Places;
use mcpauth::sandbox::SandboxOptions;

use crate::reading::Follower;
use crate::support::World;
use crate::{file, lines};

const LIMIT: u64 = 4 * 1024 * 1024;

fn places(world: &World) -> Places {
    let home = world.home().as_os_str().to_owned();
    Places::find(&|name| (name == "HOME").then(|| home.clone()), None).unwrap()
}

/// Writes events until this file is there and the one that grows has grown nearly as far as it may.
fn fill(world: &World, until: usize) {
    let key = LoginKey { server: "box".parse().unwrap(), account: Name::default() };
    let log = Log::new(&places(world));
    let trail = Trail::of("token");
    // As long as lines become, so that it takes fewer of them.
    let event = Event::new(Kind::HandedOut, &key).reason(&"\u{7f}".repeat(200)).scope("\u{7f}".repeat(200));
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    while !(until == 0 || file(world, until).exists()) || length(&file(world, 0)) < LIMIT {
        log.append(UnixTime(1_800_000_000), trail.caller(), &event).unwrap();
    }
}

#[test]
fn a_full_file_is_put_behind_a_new_one_and_the_chain_goes_on() {
    let world = World::signed_in(SandboxOptions::default());
    fill(&world, 0);
    let mut follower = Follower::start(&world, &["--limit", "1"]);
    let newest = follower.next()["seq"].as_u64().unwrap();
    world.token(&[]);
    assert_eq!((lines(&world).len(), lines(&world)[0]["seq"].as_u64()), (1, Some(newest + 1)));
    assert!(file(&world, 1).exists());
    world.token(&[]);
    for number in [newest + 1, newest + 2] {
        assert_eq!(follower.next()["seq"], number);
    }
    assert_eq!(follower.end(), Vec::<String>::new());
    let ran = world.run(&["audit", "verify"]);
    assert!(ran.succeeded().stdout.contains(&format!("{} lines hold together", newest + 2)), "{ran:?}");

    // What is missing between two files is found, too.
    let text = fs::read_to_string(file(&world, 1)).unwrap();
    let (kept, _) = text.trim_end().rsplit_once('\n').unwrap();
    fs::write(file(&world, 1), format!("{kept}\n")).unwrap();
    let ran = world.run(&["audit", "verify"]);
    assert!(ran.failed(7).stdout.starts_with("audit.jsonl:1: is line"), "{ran:?}");
}

#[test]
fn five_files_are_kept_and_the_oldest_lines_go() {
    let world = World::signed_in(SandboxOptions::default());
    fill(&world, 4);
    world.token(&[]);
    let names = fs::read_dir(file(&world, 0).parent().unwrap()).unwrap().count();
    assert_eq!(names, 5);
    let ran = world.run(&["audit", "verify", "--json"]).json();
    assert!(ran["first"].as_u64().unwrap() > 1, "{ran}");
    assert_eq!(ran["breaks"], serde_json::json!([]));
    // A file that is missing among those that are kept is no matter of course.
    fs::remove_file(file(&world, 4)).unwrap();
    let ran = world.run(&["audit", "verify"]);
    assert!(ran.failed(7).stdout.contains("what was before it is gone"), "{ran:?}");
}

#[test]
fn a_rotation_that_was_cut_short_loses_nothing() {
    let world = World::signed_in(SandboxOptions::default());
    fill(&world, 0);
    // Somebody died after the first step.
    fs::rename(file(&world, 0), file(&world, 1)).unwrap();
    world.token(&[]);
    world.run(&["audit", "verify"]).succeeded();
    // A gap in the numbers is filled before anything is given up.
    fs::rename(file(&world, 1), file(&world, 2)).unwrap();
    world.run(&["audit", "verify"]).succeeded();
    fill(&world, 0);
    world.token(&[]);
    assert!(file(&world, 1).exists() && file(&world, 2).exists());
    world.run(&["audit", "verify"]).succeeded();
}
