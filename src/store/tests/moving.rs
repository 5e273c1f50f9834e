//! Records on the move, and processes that know of the move or not yet.

use std::sync::Mutex;

use super::*;

/// What is settled for every process of a world, and a key for each kind.
#[derive(Clone)]
struct Settled(Arc<Mutex<Kinds>>);

impl Settled {
    fn as_of(kinds: Kinds) -> Self {
        Self(Arc::new(Mutex::new(kinds)))
    }

    fn set(&self, kinds: Kinds) {
        *self.0.lock().unwrap() = kinds;
    }
}

impl Sources for Settled {
    fn settled(&self) -> Option<Kinds> {
        Some(*self.0.lock().unwrap())
    }

    fn of(&self, kind: StoreKind) -> Box<dyn KeySource> {
        Box::new(FixedKey(Some(if kind == StoreKind::Keychain { 1 } else { 2 }), Arc::default()))
    }
}

const OLD: StoreKind = StoreKind::File;
const NEW: StoreKind = StoreKind::Keychain;

fn before() -> Kinds {
    Kinds::only(OLD)
}

fn meanwhile() -> Kinds {
    Kinds { to: NEW, from: Some(OLD) }
}

/// A store as a process opens it that reads the settings now.
fn open(world: &World, settled: &Settled) -> Store {
    let places = Places::find(&|_| None, Some(world.scratch.path())).unwrap();
    Store::of_kinds(&places, settled.settled().unwrap(), Box::new(settled.clone()))
}

fn kinds_of_records(store: &Store) -> Vec<StoreKind> {
    store.census().unwrap().residents().map(|resident| resident.kind).collect()
}

fn move_all(store: &Store) {
    for summary in store.summaries().unwrap() {
        store.move_login(&store.lock(&summary.unwrap().login.key(), NOW).unwrap()).unwrap();
    }
    for server in store.client_servers().unwrap() {
        store.move_client(&server.unwrap()).unwrap();
    }
}

#[test]
fn what_is_moved_is_what_was_there() {
    for (from, to) in [(OLD, NEW), (NEW, OLD), (StoreKind::Passphrase, NEW)] {
        let world = World::new();
        let settled = Settled::as_of(Kinds::only(from));
        let store = open(&world, &settled);
        save(&store, &login("linear", 3)).unwrap();
        store.save_client(&"linear".parse().unwrap(), &client()).unwrap();
        settled.set(Kinds { to, from: Some(from) });
        let mover = open(&world, &settled);
        move_all(&mover);
        assert_eq!(kinds_of_records(&mover), [to, to]);
        assert!(!mover.move_login(&mover.lock(&key("linear"), NOW).unwrap()).unwrap());
        settled.set(Kinds::only(to));
        let after = open(&world, &settled);
        let (found, saved) = (after.load(&key("linear")).unwrap().unwrap(), login("linear", 3));
        assert_eq!(found.facts, saved.facts);
        assert_eq!(found.tokens.access_token.expose(), saved.tokens.access_token.expose());
        let client = after.load_client(&"linear".parse().unwrap()).unwrap().unwrap();
        assert_eq!(client.secret.unwrap().expose(), "canary-client-secret");
        assert_eq!(fs::read_dir(world.logins()).unwrap().count(), 1);
    }
}

#[test]
fn whoever_opened_the_store_before_the_move_reads_on() {
    let world = World::new();
    let settled = Settled::as_of(before());
    let early = open(&world, &settled);
    save(&early, &login("linear", 1)).unwrap();
    settled.set(meanwhile());
    move_all(&open(&world, &settled));
    assert!(early.load(&key("linear")).unwrap().is_some());
    settled.set(Kinds::only(NEW));
    let early = Store::of_kinds(
        &Places::find(&|_| None, Some(world.scratch.path())).unwrap(),
        before(),
        Box::new(settled.clone()),
    );
    assert_eq!(early.summaries().unwrap().into_iter().filter_map(Result::ok).count(), 1);
    assert!(early.load(&key("linear")).unwrap().is_some());
}

#[test]
fn what_is_written_by_whoever_opened_the_store_before_the_move_is_not_left_behind() {
    for settled_meanwhile in [meanwhile(), Kinds::only(NEW)] {
        let world = World::new();
        let settled = Settled::as_of(before());
        let early = open(&world, &settled);
        // The move has ended, or looked at all there was, before these two came.
        settled.set(settled_meanwhile);
        save(&early, &login("linear", 1)).unwrap();
        early.save_client(&"linear".parse().unwrap(), &client()).unwrap();
        assert_eq!(kinds_of_records(&early), [NEW, NEW]);
    }
}

#[test]
fn outside_a_move_a_record_of_another_kind_is_refused() {
    let world = World::new();
    let settled = Settled::as_of(before());
    save(&open(&world, &settled), &login("linear", 1)).unwrap();
    settled.set(Kinds::only(NEW));
    let error = error(open(&world, &settled).load(&key("linear")));
    assert!(matches!(error, StoreError::OtherStore { sealed_by: OLD, .. }), "{error}");
}

#[test]
fn a_note_from_before_the_move_opens_while_it_lasts() {
    let world = World::new();
    let settled = Settled::as_of(before());
    let note = open(&world, &settled).seal_note("journal", b"canary").unwrap();
    settled.set(meanwhile());
    let mover = open(&world, &settled);
    assert_eq!(mover.open_note("journal", &note).unwrap().unwrap().as_slice(), b"canary");
    settled.set(Kinds::only(NEW));
    assert!(open(&world, &settled).open_note("journal", &note).unwrap().is_none());
}

#[test]
fn what_a_killed_move_left_beside_a_record_is_no_login_and_goes_away() {
    let world = World::new();
    let settled = Settled::as_of(before());
    save(&open(&world, &settled), &login("linear", 1)).unwrap();
    let beside =
        world.logins().join(format!("{}.moving", login_name(&"linear".parse().unwrap(), &Name::default())));
    crate::files::write_private(&beside, b"half").unwrap();
    settled.set(meanwhile());
    let mover = open(&world, &settled);
    assert_eq!(mover.summaries().unwrap().len(), 1);
    move_all(&mover);
    assert!(!beside.exists());
    crate::files::write_private(&beside, b"half").unwrap();
    mover.remove(&mover.lock(&key("linear"), NOW).unwrap()).unwrap();
    assert!(!beside.exists());
}
