#!/usr/bin/env bash
# mcpauth against a real GNOME Keyring on a bus of its own: first its keychain module (tests/real/keychain.rs), then
# the program, from the first login to a key that is gone.
#
# usage: MCPAUTH=target/release/mcpauth tests/keychain.sh
#
# All of it runs in a mount namespace with an empty /run, so that neither the session nor the keyring of whoever
# runs it is within reach, and so that the bus can stand at its usual place.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=tests/ensure.sh
source tests/ensure.sh

# --- the frame -------------------------------------------------------------------------------------------

# in_namespace COMMAND…: becomes the command, as the same user, under an empty /run.
in_namespace() {
    local mount='mount -t tmpfs -o mode=755 tmpfs /run && exec "$@"'
    if (( EUID != 0 )); then
        exec unshare --user --map-root-user --mount "$BASH" -c "$mount" bash \
            unshare --user --map-user="$EUID" --map-group="$(id -g)" "$@"
    elif unshare --mount true 2>/dev/null; then
        exec unshare --mount "$BASH" -c "$mount" bash "$@"
    fi
    # A container that may not mount has no session to keep away from either.
    [[ ! -e /run/user/0 ]] || fail "this kernel gives no mount namespace, and /run/user/0 is in use"
    exec "$@"
}

if [[ ${1-} != inside ]]; then
    ensure_packages curl dbus gnome-keyring libglib2.0-bin libsecret-tools util-linux
    # The toolchain is found through the old home.
    export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
    cargo test --quiet --locked --test keychain --no-run
    in_namespace "$0" inside
fi

mcpauth=$(realpath -e "${MCPAUTH:-target/release/mcpauth}") || fail "no mcpauth to test; build it, or set MCPAUTH"
scratch=$(mktemp -d)
usual=/run/user/$EUID
odd=/run/odd-place
processes=()
finish() {
    for process in "${processes[@]}"; do
        kill -CONT "$process" 2>/dev/null || true
        kill "$process" 2>/dev/null || true
    done
    rm -rf "$scratch" "$usual" "$odd"
}
trap finish EXIT

export HOME=$scratch/home XDG_RUNTIME_DIR=$odd
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME DISPLAY WAYLAND_DISPLAY
mkdir -p /run/user
mkdir -m 700 "$HOME" "$odd" "$usual"

ok() { echo "ok: ${*//$scratch\//}"; }
bad() { # what is wrong, files to show
    echo "$1"
    (( $# == 1 )) || head -n 20 "${@:2}"
    exit 1
}

start_bus() { # socket, further arguments; returns when it listens
    local process
    process=$(dbus-daemon "${@:2}" --fork --address="unix:path=$1" --print-pid 2>"$scratch/bus.log") ||
        bad "the bus does not start" "$scratch/bus.log"
    processes+=("$process")
}

start_bus "$odd/bus" --session
export DBUS_SESSION_BUS_ADDRESS=unix:path=$odd/bus
gnome-keyring-daemon --unlock --components=secrets --foreground <<<test-password >"$scratch/keyring.log" 2>&1 &
keyring=$!
processes+=("$keyring")
gdbus wait --session --timeout 20 org.freedesktop.secrets
# The first keyring is made a moment after the name is taken.
for _ in $(seq 100); do
    secret-tool store --label=probe probe probe <<<probe 2>/dev/null && break
    sleep 0.1
done

printf '%s\n' '<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default">' \
    '<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>' >"$scratch/bare.conf"
start_bus "$scratch/bare" --config-file="$scratch/bare.conf"
no_keychain=DBUS_SESSION_BUS_ADDRESS=unix:path=$scratch/bare

lock_keyring() {
    gdbus call --session --dest org.freedesktop.secrets --object-path /org/freedesktop/secrets \
        --method org.freedesktop.Secret.Service.Lock "['/org/freedesktop/secrets/collection/login']" >/dev/null
}
item=(service mcpauth username store-key)

# --- the module ------------------------------------------------------------------------------------------

expect() {
    local name=$1 output
    shift
    output=$(env "$@" cargo test --locked --test keychain -- --exact "$name" 2>&1) || bad "$output"
    # A name that matches nothing would pass.
    grep -q "^test $name ... ok" <<<"$output" || bad "$output"$'\n'"no such test: $name"
    ok "$name ${*:+($*)}"
}

expect a_key_is_kept_replaced_and_removed
expect a_key_is_kept_replaced_and_removed -u DBUS_SESSION_BUS_ADDRESS
expect a_store_works_and_all_who_start_at_once_share_one_key

expect a_key_of_sevens_is_left_for_other_programs
sevens=$(printf '\7%.0s' {1..32} | base64)
[[ $(secret-tool lookup "${item[@]}") == "$sevens" ]] || bad "secret-tool does not find the key"
ok "secret-tool finds the key"
printf '\11%.0s' {1..32} | base64 | tr -d '\n' | secret-tool store --label=other "${item[@]}"
expect a_key_of_nines_was_put_there_by_another_program
printf nonsense | secret-tool store --label=other "${item[@]}"
expect a_key_that_is_no_key_is_reported
secret-tool clear "${item[@]}"

# --- the program -----------------------------------------------------------------------------------------

coproc SANDBOX { exec "$mcpauth" sandbox --auto-consent 2>"$scratch/sandbox.log"; }
processes+=("$SANDBOX_PID")
read -r -t 20 -u "${SANDBOX[0]}" url || bad "the sandbox did not start" "$scratch/sandbox.log"

# A browser without eyes; the issuer consents by itself.
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$1" >>"%s"\nexec curl --silent --location --output /dev/null "$1"\n' "$scratch/opened" >"$scratch/browser"
chmod +x "$scratch/browser"

# Homes: of the person who signs in first, and of others who come later.
for name in person plain locked silent absent; do mkdir -m 700 "$scratch/$name"; done

# The world of a person at a desk, and the six variables that many clients leave their children.
bare() { env -i HOME="$scratch/$1" LOGNAME=ana PATH="$PATH" SHELL=/bin/sh TERM=dumb USER=ana "${@:2}"; }
desk() { bare "$1" BROWSER="$scratch/browser" DBUS_SESSION_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" "${@:2}"; }

# run CODE WORLD HOME ARGUMENT…: no keychain may keep a command for more than four seconds. What it answers is left
# in $scratch/answer, what it says in $scratch/talk. An argument VARIABLE=value before the command goes to its world.
run() {
    local wanted=$1 in=$2 home=$3 got=0 variables=()
    shift 3
    while [[ $1 == *=* ]]; do variables+=("$1"); shift; done
    "$in" "$home" "${variables[@]}" timeout 4 "$mcpauth" "$@" </dev/null >"$scratch/answer" 2>"$scratch/talk" || got=$?
    (( got == wanted )) || bad "mcpauth $*: exit code $got, not $wanted" "$scratch/answer" "$scratch/talk"
}

# refused WHY WORLD HOME ARGUMENT…: exit 7 with that message and a hint, no answer, and no word of signing in.
refused() {
    local why=$1
    run 7 "${@:2}"
    grep -q "^error: .*$why" "$scratch/talk" || bad "${*:4}: does not say '$why'" "$scratch/talk"
    grep -q '^hint: ' "$scratch/talk" || bad "${*:4}: no hint" "$scratch/talk"
    ! grep -Eqi 'not (signed|logged) in' "$scratch/talk" || bad "${*:4}: speaks of signing in" "$scratch/talk"
    [[ ! -s $scratch/answer ]] || bad "${*:4}: an answer all the same" "$scratch/answer"
    ! grep -Ero 'sandbox_[ar]t_' "$scratch/$3" >&2 || bad "${*:4}: a token lies in a plain file"
    ok "$why: ${*:4}"
}

# all_refused WHY VARIABLE=value…: every way to a token, for the person who signed in.
all_refused() {
    local why=$1
    shift
    refused "$why" bare person "$@" token box
    refused "$why" bare person "$@" headers box
    refused "$why" bare person "$@" refresh box
    refused "$why" bare person "$@" exec -s box -- touch "$scratch/started"
    [[ ! -e $scratch/started ]] || bad "exec started the command without a token"
    rm -f "$scratch/opened"
    refused "$why" desk person "$@" login box
    [[ ! -e $scratch/opened ]] || bad "somebody was sent to a browser for a login that cannot be kept"
    run 0 bare person "$@" list
    run 0 bare person "$@" status box
    grep -qx 'store = "keychain"' "$scratch/person/.config/mcpauth/config.toml" || bad "the store is no longer pinned"
    ok "$why: list and status ask no keychain"
    run 7 bare person "$@" doctor
    grep -q "^FAIL   store: .*$why" "$scratch/answer" || bad "the doctor does not say '$why'" "$scratch/answer"
    ok "$why: doctor finds that out"
}

run 0 desk plain --store file login "$url" --name box
grep -Erq 'sandbox_at_' "$scratch/plain" || bad "the plain store shows no token, so looking for one proves nothing"
run 0 desk person login "$url" --name box
grep -q 'the key is in the Secret Service' "$scratch/talk" || bad "login does not say where it is kept" "$scratch/talk"
grep -qx 'store = "keychain"' "$scratch/person/.config/mcpauth/config.toml" || bad "the keychain is not pinned"
! grep -Er 'sandbox_[ar]t_' "$scratch/person" || bad "a token lies in a plain file"
ok "login without --store chooses the keychain, pins it and seals what it stores"

run 0 desk person token box
token=$(<"$scratch/answer")
[[ $token == sandbox_at_* ]] || bad "no token" "$scratch/answer"
! grep -RFq -e "$token" -e "$(printf %s "$token" | base64 -w 0)" "$scratch/person" || bad "the token lies in a file"
run 2 desk person --store file login "$url"
ok "token opens the record; another store is refused"

for client in claude-code codex gemini; do
    run 0 desk person doctor --as "$client"
    grep -q '^ok     store: keychain: the Secret Service answers and has the key' "$scratch/answer" ||
        bad "the doctor finds no key as $client" "$scratch/answer"
done
ok "doctor finds the key in the environment of each client"

# bare_token WHERE: the token, although nobody says where the bus is.
bare_token() {
    run 0 bare person token box
    [[ $(<"$scratch/answer") == "$token" ]] || bad "another token" "$scratch/answer"
    run 0 bare person exec -s box -- printenv MCP_ACCESS_TOKEN
    [[ $(<"$scratch/answer") == "$token" ]] || bad "another token for the child" "$scratch/answer"
    ok "a bare environment finds the keychain on the bus $1"
}
bare_token "that config.toml remembers"
# Once only: a helper that is asked again for the same token renews it.
run 0 bare person headers box
[[ $(<"$scratch/answer") == "{\"Authorization\":\"Bearer $token\"}" ]] || bad "another header" "$scratch/answer"
run 0 bare person exec -s box -- env
! grep -q '^DBUS_SESSION_BUS_ADDRESS=' "$scratch/answer" || bad "a command is told what nobody told us" "$scratch/answer"
run 0 desk person exec -s box -- env
grep -q '^DBUS_SESSION_BUS_ADDRESS=' "$scratch/answer" || bad "a command is not told what we were told" "$scratch/answer"
ok "a command finds its environment as it was"
[[ ! -e $usual/bus ]] || bad "there is a bus at the usual place"
mv "$odd/bus" "$usual/bus"
bare_token "at its usual place"
export DBUS_SESSION_BUS_ADDRESS=unix:path=$usual/bus

# --- moving ----------------------------------------------------------------------------------------------

# Once around. The passphrase is read by a command: nobody sits here.
cp -r "$scratch/person" "$scratch/mover"
printf 'open sesame' >"$scratch/passphrase"
key=$(secret-tool lookup "${item[@]}")
same_token() {
    run 0 bare mover token box
    [[ $(<"$scratch/answer") == "$token" ]] || bad "another token in the $1 store" "$scratch/answer"
    ok "the same token from the $1 store"
}
plain() { grep -Erq 'sandbox_[ar]t_' "$scratch/mover/.local/share"; }
run 0 bare mover store show
grep -q 'Secret Service: answers' "$scratch/answer" || bad "store show does not say that the key answers" "$scratch/answer"
run 0 bare mover store move file
grep -q 'moved 1 login and 1 client to the file store' "$scratch/talk" || bad "the move is not told" "$scratch/talk"
grep -q 'the key stays in the Secret Service' "$scratch/talk" || bad "that the key stays is not told" "$scratch/talk"
plain || bad "the plain store shows no token"
same_token file
[[ $(secret-tool lookup "${item[@]}") == "$key" ]] || bad "the key is gone that other directories share"
bare_token "although another directory has moved away from the keychain"
printf 'passphrase_command = ["cat", "%s"]\n' "$scratch/passphrase" >>"$scratch/mover/.config/mcpauth/config.toml"
run 0 bare mover store move passphrase
! plain || bad "a token lies in a plain file after it was moved"
same_token passphrase
run 0 bare mover store move keychain
[[ ! -e $scratch/mover/.local/share/mcpauth/passphrase.json ]] || bad "the passphrase store leaves its file"
! plain || bad "a token lies in a plain file"
same_token keychain
run 0 bare mover store move file --remove-key
[[ -z $(secret-tool lookup "${item[@]}" || true) ]] || bad "the key is still there although it was to go"
printf %s "$key" | secret-tool store --label='mcpauth store key' "${item[@]}"
run 0 bare mover store move keychain

key=$(secret-tool lookup "${item[@]}")
secret-tool clear "${item[@]}"
refused "the key that seals the logins is missing" bare person token box
refused "the key that seals the logins is missing" bare person exec -s box -- touch "$scratch/started"
printf %s "$key" | secret-tool store --label='mcpauth store key' "${item[@]}"
bare_token "again, once the key is back"

# Nobody may be prompted, which a monitor of the bus would see. It has to prove first that it sees anything.
dbus-monitor --session "interface='org.freedesktop.Secret.Prompt'" \
    "interface='org.freedesktop.Secret.Service',member='Lock'" >"$scratch/calls" &
processes+=($!)
for _ in $(seq 100); do
    lock_keyring
    grep -q 'member=Lock' "$scratch/calls" && break
    sleep 0.1
done
grep -q 'member=Lock' "$scratch/calls" || bad "the monitor sees nothing"
expect a_locked_keychain_answers_at_once
all_refused "the Secret Service is locked"
refused "the Secret Service is locked" desk locked login "$url"
refused "the Secret Service is locked; nothing was moved" bare person store move file
run 7 desk plain store move keychain
grep -q 'the Secret Service is locked; nothing was moved' "$scratch/talk" || bad "no word of the lock" "$scratch/talk"
run 0 desk plain token box
ok "nothing moves into a locked keychain, nor out of one"
! grep -q 'member=Prompt' "$scratch/calls" || bad "a prompt was asked for"
ok "nobody was prompted"

kill -STOP "$keyring"
expect a_keychain_that_hangs_is_given_up
all_refused "the Secret Service does not answer"
refused "the Secret Service does not answer" desk silent login "$url"
kill -CONT "$keyring"

expect no_keychain_is_not_a_locked_one DBUS_SESSION_BUS_ADDRESS="unix:path=$scratch/nothing"
expect no_keychain_is_not_a_locked_one "$no_keychain"
all_refused "no Secret Service answers here" "$no_keychain"
all_refused "no Secret Service answers here" DBUS_SESSION_BUS_ADDRESS="unix:path=$scratch/nothing"

# Where there never was a keychain, plain files are the choice; it is said, and pinned.
run 0 desk absent "$no_keychain" login "$url" --name box
grep -q '^warning: no keychain answers here, so logins are stored in plain files' "$scratch/talk" ||
    bad "the choice of plain files is not told" "$scratch/talk"
grep -qx 'store = "file"' "$scratch/absent/.config/mcpauth/config.toml" || bad "the plain store is not pinned"
ok "a first login where there is no keychain says that it uses plain files"
echo "keychain: all passed"
