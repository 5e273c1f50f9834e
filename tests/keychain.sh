#!/usr/bin/env bash
# Runs tests/real/keychain.rs against a real GNOME Keyring on a bus of its own. Touches neither the session nor
# the keyring of whoever runs it.
# Needs: gnome-keyring dbus libglib2.0-bin libsecret-tools
set -euo pipefail
cd "$(dirname "$0")/.."

cargo test --quiet --test keychain --no-run

# shellcheck source=tests/keyring.sh
source tests/keyring.sh

expect() {
    local name=$1 output
    shift
    output=$(env "$@" cargo test --test keychain -- --exact "$name" 2>&1) || { echo "$output"; exit 1; }
    # A name that matches nothing would pass.
    grep -q "^test $name ... ok" <<<"$output" || { echo "$output"; echo "no such test: $name"; exit 1; }
    echo "ok: $name ${*:+($*)}"
}

lock_keyring() {
    gdbus call --session --dest org.freedesktop.secrets --object-path /org/freedesktop/secrets \
        --method org.freedesktop.Secret.Service.Lock "['/org/freedesktop/secrets/collection/login']" >/dev/null
}
item=(service mcpauth username store-key)

expect a_key_is_kept_replaced_and_removed
expect a_key_is_kept_replaced_and_removed -u DBUS_SESSION_BUS_ADDRESS
expect a_store_works_and_all_who_start_at_once_share_one_key

expect a_key_of_sevens_is_left_for_other_programs
sevens=$(printf '\7%.0s' {1..32} | base64)
[[ $(secret-tool lookup "${item[@]}") == "$sevens" ]] || { echo "secret-tool does not find the key"; exit 1; }
echo "ok: secret-tool finds the key"
printf '\11%.0s' {1..32} | base64 | tr -d '\n' | secret-tool store --label=other "${item[@]}"
expect a_key_of_nines_was_put_there_by_another_program
printf nonsense | secret-tool store --label=other "${item[@]}"
expect a_key_that_is_no_key_is_reported

# Nobody may be prompted, which a monitor of the bus would see. It has to prove first that it sees anything.
dbus-monitor --session "interface='org.freedesktop.Secret.Prompt'" \
    "interface='org.freedesktop.Secret.Service',member='Lock'" >"$scratch/calls" &
processes+=($!)
for _ in $(seq 100); do
    lock_keyring
    grep -q 'member=Lock' "$scratch/calls" && break
    sleep 0.1
done
grep -q 'member=Lock' "$scratch/calls"
expect a_locked_keychain_answers_at_once
if grep -q 'member=Prompt' "$scratch/calls"; then
    echo "a prompt was asked for"
    exit 1
fi
echo "ok: nobody was prompted"

kill -STOP "$keyring"
expect a_keychain_that_hangs_is_given_up
kill -CONT "$keyring"

expect no_keychain_is_not_a_locked_one DBUS_SESSION_BUS_ADDRESS="unix:path=$scratch/nothing"
printf '%s\n' '<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context="default">' \
    '<allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>' >"$scratch/bare.conf"
start_bus "$scratch/bare" --config-file="$scratch/bare.conf"
expect no_keychain_is_not_a_locked_one DBUS_SESSION_BUS_ADDRESS="unix:path=$scratch/bare"
echo "keychain: all passed"
