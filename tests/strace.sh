#!/usr/bin/env bash
# Shows with strace what handing out a good token does not do: no lock on a login, no thread, no socket, nothing that
# waits for a disk, no file but its own four, the log that it adds a line to, and what the system tells of who asks. Then looks at what the program as it ships loads, weighs and takes.
# Needs: strace curl time binutils, and target/release/mcpauth, or the program that MCPAUTH names
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=tests/ensure.sh
source tests/ensure.sh
ensure_packages strace curl time binutils

program=$(realpath "${MCPAUTH:-target/release/mcpauth}")
scratch=$(mktemp -d)
sandbox=
finish() {
  [[ -z $sandbox ]] || kill "$sandbox"
  rm -rf "$scratch"
}
trap finish EXIT

# The bare world of an MCP client's child.
# Words, not a function: in the background a function is a shell of its own, and ending that would leave the rest.
bare=(env -i HOME="$scratch/home" LOGNAME=ana PATH=/usr/bin:/bin SHELL=/bin/sh TERM=dumb USER=ana)

# await PATTERN FILE: the first match, once it is there.
await() {
  local found
  for _ in $(seq 300); do
    found=$(grep -om 1 -e "$1" "$2") && { echo "$found"; return; }
    sleep 0.1
  done
  fail "no '$1' in: $(cat "$2")"
}

# trace ARGS…: every system call of a command, in $scratch/trace; its answer in $scratch/answer.
trace() {
  "${bare[@]}" strace -f -s 4096 -o "$scratch/trace" "$program" "$@" >"$scratch/answer" || fail "mcpauth $* ended with $?"
}

# calls NAMES: the traced calls of these names, separated by |.
calls() {
  grep -E "^[0-9]+ +($1)\(" "$scratch/trace" || true
}

# files: what was looked for and is not part of starting any program; whoever asks, and who started that, as one.
files() {
  calls 'open|openat' | grep -o '"[^"]*"' | tr -d '"' | grep -Ev '^/(etc/ld\.so|lib|usr/lib|proc/self/maps$)' \
    | sed -E 's|^/proc/[0-9]+/stat$|/proc/PARENT/stat|' | uniq || true
}

# nothing WHAT NAMES: fails if one of these calls was made.
nothing() {
  local made
  made=$(calls "$2")
  [[ -z $made ]] || fail "$1: $made"
}

# The lock of a login would be another file, and could be waited for.
only_the_log_is_locked() {
  (( $(calls flock | wc -l) == 1 )) || fail "not one lock: $(calls flock)"
  [[ $(calls flock) == *'LOCK_EX|LOCK_NB)'* ]] || fail "a lock that waits: $(calls flock)"
  local descriptor
  descriptor=$(grep -F "\"$log\"" "$scratch/trace" | grep -o '[0-9]*$' | head -n 1)
  [[ $(calls flock) == *"flock($descriptor,"* ]] || fail "something else than the log was locked: $(calls flock)"
}

network='socket|socketpair|connect|bind|sendto|recvfrom'
threads='clone|clone3|fork|vfork'
runtime='epoll_create1|eventfd2|timerfd_create|pipe|pipe2|io_uring_setup'
changes='fcntl64|creat|rename|renameat|renameat2|fsync|fdatasync|ftruncate|unlink|mkdir'

log=$scratch/home/.local/state/mcpauth/audit/audit.jsonl
mkdir -m 700 "$scratch/home"
touch "$scratch/sandbox" "$scratch/login"
"${bare[@]}" "$program" sandbox --auto-consent >"$scratch/sandbox" 2>&1 &
sandbox=$!
url=$(await 'http://127[^ ]*/mcp' "$scratch/sandbox")
"${bare[@]}" strace -f -s 4096 -o "$scratch/trace" "$program" login "$url" --name box --no-browser --store file \
  </dev/null 2>"$scratch/login" &
login=$!
curl -sfL -o "$scratch/page" "$(await '^http.*response_type=code.*' "$scratch/login")"
wait "$login" || fail "the login ended with $?: $(cat "$scratch/login")"

# Before a person is asked: the disk is tried out, and what was settled and registered is kept, both with their names. What
# is only a cache does not wait for it.
sed -i '/response_type=code/q' "$scratch/trace"
flushes=$(calls 'fsync|fdatasync' | wc -l)
(( flushes <= 5 )) || fail "a first sign-in flushed $flushes times before the page: $(calls 'fsync|fdatasync|rename')"
echo "ok: a first sign-in flushes $flushes times before there is a page to open"

# First what strace must be able to see: a refresh locks, connects and replaces.
trace token box --force-refresh
for group in "$network" "$changes" "$runtime"; do
  [[ -n $(calls "$group") ]] || fail "strace does not show what a refresh does: $group"
done
echo "ok: a refresh locks, connects and replaces, and strace sees it"

# The first one has made the journal. A record takes two flushes, for its file and its name; keeping the login safe takes
# three more: the room for it, the intent, the answer.
trace token box --force-refresh
token=$(cat "$scratch/answer")
flushes=$(calls 'fsync|fdatasync' | wc -l)
(( flushes <= 5 )) || fail "a refresh flushed $flushes times: $(calls 'fsync|fdatasync')"
echo "ok: a refresh flushes $flushes times"

trace exec -- sh -c 'true | true'
[[ -n $(calls "$threads") ]] || fail "strace does not show that a process was started"

trace token box
[[ $(cat "$scratch/answer") == "$token" ]] || fail "token printed another token"
nothing 'a good token needed the network' "$network"
nothing 'a good token needed a thread' "$threads"
nothing 'a good token needed a runtime' "$runtime"
nothing 'a good token changed more than the log, or waited for the disk' "$changes"
only_the_log_is_locked
record=$(find "$scratch/home/.local/share/mcpauth/logins" -type f)
diff <(files) - <<FILES || fail "token looked for other files"
$scratch/home/.config/mcpauth/moved.toml
$scratch/home/.config/mcpauth/config.toml
$scratch/home/.config/mcpauth/servers/box.toml
$record
/proc/PARENT/stat
$log
FILES
(( $(calls open\|openat | grep -c '/proc/[0-9]*/stat') <= 4 )) || fail "token looked at too many processes"
(( $(calls write | wc -l) == 2 )) || fail "token wrote more than its answer and a line of the log"
echo "ok: token reads its four files, adds a line to the log, writes its answer, and does nothing else"

trace exec -- true
nothing 'exec needed the network, a thread, a runtime or a change' "$network|$threads|$runtime|$changes"
only_the_log_is_locked
(( $(calls execve | wc -l) == 2 )) || fail "exec did not become the command at once: $(calls execve)"
echo "ok: exec becomes the command, with nothing in between"

trace --version
nothing 'the version needed something' "$network|$threads|$runtime|$changes|flock"
[[ -z $(files) ]] || fail "the version needed a file: $(files)"
echo "ok: --version looks at nothing"

# Where it is not static, it needs the C library and nothing else.
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc\.so\.6|ld-linux.*)$' || true)
[[ -z $needed ]] || fail "each start loads more than the C library: $needed"
echo "ok: no library is loaded but the C library"

# KiB at the most; /usr/bin/time is small, so that its own memory does not count for its child.
peak=$("${bare[@]}" /usr/bin/time -f %M "$program" token box 2>&1 >/dev/null)
(( peak < 6 * 1024 )) || fail "token takes $peak KiB of memory"
echo "ok: token takes $peak KiB of memory, less than 6 MiB"
size=$(stat -c %s "$program")
(( size < 12 * 1024 * 1024 )) || fail "the program has $size bytes"
echo "ok: the program has $size bytes, less than 12 MiB"
echo "strace: all passed"
