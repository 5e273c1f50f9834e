# Sourced by the scripts that need a keychain: a real GNOME Keyring, unlocked, on a bus of its own, until the script
# ends. Touches neither the session nor the keyring of whoever runs it.
# Gives $scratch, $keyring (its process), start_bus, and $processes: what is to be ended with the script.
# shellcheck shell=bash

scratch=$(mktemp -d)
processes=()
finish() {
    for process in "${processes[@]}"; do
        kill -CONT "$process" 2>/dev/null || true
        kill "$process" 2>/dev/null || true
    done
    rm -rf "$scratch"
}
trap finish EXIT

# The toolchain is found through the old home.
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export HOME=$scratch/home XDG_RUNTIME_DIR=$scratch/run
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME DISPLAY WAYLAND_DISPLAY
mkdir -m 700 "$HOME" "$XDG_RUNTIME_DIR"

start_bus() { # socket, further arguments; returns when it listens
    processes+=("$(dbus-daemon "${@:2}" --fork --address="unix:path=$1" --print-pid 2>>"$scratch/bus.log")")
}

start_bus "$XDG_RUNTIME_DIR/bus" --session
export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
gnome-keyring-daemon --unlock --components=secrets --foreground <<<test-password >"$scratch/keyring.log" 2>&1 &
keyring=$!
processes+=("$keyring")
gdbus wait --session --timeout 20 org.freedesktop.secrets
# The first keyring is made a moment after the name is taken.
for _ in $(seq 100); do
    secret-tool store --label=probe probe probe <<<probe 2>/dev/null && break
    sleep 0.1
done
