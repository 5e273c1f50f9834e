# Sourced by run: hosts of other people over `mcpauth bridge`, each with servers of other people and with the sandbox.
# shellcheck shell=bash

host_names=(inspector typescript python-legacy python-auto)
host_servers=(sandbox typescript-sdk fastmcp-memory)
# Whatever lives for so many seconds is renewed when half of that is over.
host_ttl=4
declare -a met=()

hosts_peer() {
  local server_name
  ensure_python_packages "$peers/requirements.txt"
  for server_name in "${host_servers[@]}"; do
    begin "hosts-$server_name"
    hosts_of_one_server "$server_name"
  done
}

# Each host by itself; the server and the login are those that the host before has left.
hosts_of_one_server() {
  local -x PEERS_TTL=$host_ttl PEERS_SESSIONS=1
  local ready child server='' state=$logs/state ports='' upstream='' starter url tool=hello word=hello name key=
  local host_in host_out
  mkdir -p "$state"
  [[ $1 != sandbox ]] || tool=whoami word=sandy
  begin_server "$1" || return
  check "login" login "$url" --name box || return
  cat >"$logs/client.json" <<JSON
{ "mcpServers": { "box": { "command": "$mcpauth", "args": ["bridge", "box", "--login", "never"], "env": { "HOME": "$home" } } } }
JSON
  for name in "${host_names[@]}"; do
    peer="$name at $1" step=host
    reached[$peer/$step]=1
    if [[ $name == inspector ]]; then host_of_many_sessions "$1"; else host_of_one_session "$1"; fi
  done
  met+=("$1")
  stop "$server"
}

begin_server() {
  if [[ $1 == sandbox ]]; then
    start_sandbox --auto-consent --access-ttl "${host_ttl}s" || return
    server=$child
  else
    peer_command "$1"
    start_peer "starts" || return
    url=$(fact url)
  fi
}

# The sandbox forgets everything when it ends, so there somebody has to sign in again; the session need not know.
begin_server_again() {
  if [[ $1 != sandbox ]]; then
    restart kept
    return
  fi
  stop "$server"
  local port=${url%/mcp}
  start_sandbox --auto-consent --access-ttl "${host_ttl}s" --port "${port##*:}" || return
  server=$child
  check "what it forgot is told with the command to type" "$2" 'mcpauth login' call "$tool"
  check "login anew" login "$url" --name box
}

# --- the words of the checks -----------------------------------------------------------------------------

# host_says WORD REQUEST…: one session that goes on.
host_says() {
  local wanted=$1 said=
  shift
  echo "$*" >&"$host_in"
  read -r -t 60 -u "$host_out" said || { echo "nothing was said"; return 1; }
  [[ $said == *"$wanted"* ]] || { echo "no '$wanted' in: $said"; return 1; }
}

# inspector_says WORD REQUEST…: a session for this alone, whether it goes well or not.
inspector_says() {
  local method=(--method tools/list)
  [[ $2 == list ]] || method=(--method tools/call --tool-name "$3")
  over_stdio "${method[@]}" >/dev/null
  grep -qF -- "$1" "$logs/answer" "$logs/inspector.log" || { echo "no '$1' in:"; cat "$logs/answer" "$logs/inspector.log"; return 1; }
}

refresh_count() { mcp status box --json 2>>"$logs/status.log" | node -p 'JSON.parse(fs.readFileSync(0)).logins[0].login.refresh_count'; }

# over_the_end_of_a_token COMMAND…: again and again, until it was renewed because it was used; not once in vain.
over_the_end_of_a_token() {
  local before until=$((SECONDS + 60))
  before=$(refresh_count)
  while [[ $(refresh_count) == "$before" ]]; do
    "$@" || return
    (( SECONDS < until )) || { echo "the token was not renewed"; return 1; }
  done
  "$@"
}

# --- the two stories -------------------------------------------------------------------------------------

host_of_one_session() {
  local host_pid
  host_command "$name"
  rm -f "$logs/requests"
  mkfifo "$logs/requests"
  exec {host_out}< <(exec env -i HOME="$home" PATH="$PATH" LANG=C.UTF-8 "${host_starter[@]}" <"$logs/requests" 2>>"$logs/$name.log")
  host_pid=$!
  children+=("$host_pid")
  exec {host_in}>"$logs/requests"
  check "connects" host_is_there || { tail -n 20 "$logs/$name.log" | sed 's/^/      | /'; return 1; }
  lives_through "$1" host_says
  exec {host_in}>&-
  wait "$host_pid"
  check "ends as asked" equal 0 "$?"
  exec {host_out}<&-
}

host_is_there() {
  local said=
  read -r -t 60 -u "$host_out" said
  matches '^\{"host"' "$said"
}

# host_command NAME: leaves what starts it in $host_starter.
host_command() {
  local bridge=("$mcpauth" bridge box --login never)
  case $1 in
    typescript) host_starter=(node "$peers/host.mjs" "${bridge[@]}") ;;
    python-*) host_starter=("$peers_python" "$peers/host.py" "${1#python-}" "${bridge[@]}") ;;
  esac
}

host_of_many_sessions() { lives_through "$1" inspector_says; }

# lives_through SERVER SAYS: the same for everybody.
lives_through() {
  check "lists the tools" "$2" "\"$tool\"" list
  check "calls one" "$2" "$word" call "$tool"
  check "calls it over the end of the token" over_the_end_of_a_token "$2" "$word" call "$tool"
  [[ $1 == sandbox ]] || check "no spent refresh token came again" book "$url" refused 0
  begin_server_again "$1" "$2" || return
  check "calls it after the server's restart" "$2" "$word" call "$tool"
}

# --- the table -------------------------------------------------------------------------------------------

hosts_table() {
  local name server_name
  printf '| host |%s\n' "$(printf ' `%s` |' "${met[@]}")"
  printf '|---|%s\n' "$(printf -- '---|%.0s' "${met[@]}")"
  for name in "${host_names[@]}"; do
    printf '| %s |' "$(host_title "$name")"
    for server_name in "${met[@]}"; do host_cell "$name at $server_name"; done
    printf '\n'
  done
}

host_title() {
  case $1 in
    inspector) echo "MCP Inspector ${inspector##*@}, CLI: a session for each command" ;;
    typescript) echo 'the TypeScript client' ;;
    python-legacy) echo 'the Python client, which begins with `initialize`' ;;
    python-auto) echo 'the Python client, which asks for 2026-07-28 first' ;;
  esac
}

host_cell() {
  if [[ -z ${reached[$1/host]-} ]]; then printf ' not reached |'
  elif [[ -n ${fallen[$1/host]-} ]]; then printf ' **no** |'
  else printf ' yes |'; fi
}
