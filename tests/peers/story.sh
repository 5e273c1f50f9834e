# Sourced by run: one story that every issuer lives through, and the table that comes of it.
# shellcheck shell=bash

story_peers=(oidc-provider typescript-sdk cloudflare python-sdk fastmcp-memory fastmcp-proxy)
steps=(discover login token refresh 'restart, state kept' step-up logout 'restart, state lost' 'without a person' DPoP)
declare -A reached=() version=() remarks=()
declare -a told=()

has_a_story() { [[ " ${story_peers[*]} " == *" $1 "* ]]; }

# chapter STEP: names the step that the checks that follow belong to.
chapter() {
  step=$1
  reached[$peer/$step]=1
}

# remark WORDS: what the table says of this step beside whether it passed.
remark() { remarks[$peer/$step]=$1; }

# --- starting, and starting again ------------------------------------------------------------------------

# peer_command PEER: leaves what starts it in $starter.
peer_command() {
  case $1 in
    python-sdk | fastmcp-*)
      ensure_python_packages tests/peers/requirements.txt
      starter=("$peers_python" "$peers/$1.py")
      ;;
    *) starter=(node "$peers/$1.mjs") ;;
  esac
}

# start_peer TITLE: at its old address, if it had one; leaves its process in $server.
start_peer() {
  start "$1" '^\{"peer"' env PEERS_PORTS="${ports-}" PEERS_STATE="$state/memory" FASTMCP_HOME="$state/fastmcp" \
    PEERS_KEY="$key" PEERS_UPSTREAM="${upstream-}" PEERS_CLIENT="${upstream:+$proxy_client}" "${starter[@]}" || return
  server=$child
  ports=$(fact ports)
}

# fact NAME: from the ready line.
fact() { node -p 'String(JSON.parse(process.argv[1])[process.argv[2]])' "$ready" "$1"; }

# start_upstream: the issuer behind a proxy, which has to know the proxy's address before it starts.
start_upstream() {
  ports=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
  proxy_client="proxy a-secret-of-the-proxy-at-its-issuer http://127.0.0.1:$ports/auth/callback"
  start "its issuer starts" '^\{"peer"' env PEERS_CLIENT="$proxy_client" \
    PEERS_RESOURCE="http://127.0.0.1:$ports/mcp" node "$peers/oidc-provider.mjs" || return
  upstream=$(fact issuer) upstream_books=$(fact url) && upstream_books=${upstream_books%/mcp}/_books
}

# restart kept|lost: the server goes and comes back at its old address, with what it knew or without.
restart() {
  stop "$server"
  [[ $1 == kept ]] || rm -rf "$state/memory" "$state/fastmcp"
  start_peer "starts again, its state $1"
}

# --- the story -------------------------------------------------------------------------------------------

story_peer() {
  begin "$1"
  local ready child server state upstream='' upstream_books='' ports='' proxy_client='' starter url first second
  local little=mcp:more key=tests/fixtures/keys/ec.pem
  # It gives refresh tokens only to those who ask for them.
  [[ $1 != oidc-provider ]] || little='mcp:more offline_access'
  state=$logs/state
  mkdir -p "$state"
  told+=("$peer")
  chapter discover
  peer_command "$peer"
  [[ $peer != fastmcp-proxy ]] || start_upstream || return
  start_peer "starts" || return
  version[$peer]=$(fact peer) url=$(fact url)
  first_half && second_half
  stop "$server"
}

first_half() {
  story_of_discovery && story_of_login && story_of_tokens && story_of_refreshing
}

second_half() {
  story_of_a_restart && story_of_step_up
  story_of_logout && story_of_a_lost_state
  if [[ $peer == oidc-provider ]]; then
    story_of_machines
    story_of_a_bound_token
  fi
}

story_of_discovery() {
  check "discover" mcp discover "$url" || return
  check "asks for no login to discover" exits 3 mcp token "$url"
}

story_of_login() {
  chapter login
  check "login" login "$url" || return
  check "registers once" book "$url" registrations 1
  check "redeems one code" book "$url" codes_redeemed 1
}

# opens TITLE: the token of now opens the server; it is left in $second.
opens() {
  second=$(mcp token "$url" 2>"$logs/token.log")
  check "$1" answers 200 "$url" "$second"
}

# call_it: what curl does with a token, without one in anybody's hands.
call_it() { mcp call "$url" "$@" -d "$tools_list" -H 'Accept: application/json, text/event-stream'; }

story_of_tokens() {
  chapter token
  first=$(mcp token "$url" 2>"$logs/token.log")
  check "token prints one line" equal 1 "$(mcp token "$url" 2>>"$logs/token.log" | wc -l)"
  check "the token opens the server" answers 200 "$url" "$first"
  check "the server answers tools/list" says '"hello"'
  check "call gets the same answer" exits_saying 0 '"hello"' call_it
  check "a fresh token comes from the store" equal "$first" "$(mcp token "$url" 2>&1)"
  check "and asked the issuer nothing" book "$url" refreshes 0
}

# Every spent refresh token that came again would be refused and counted.
story_of_refreshing() {
  chapter refresh
  [[ $peer != typescript-sdk ]] || remark "not offered by its demo provider, added by the test"
  check "refresh" mcp refresh "$url" || return
  opens "the new token opens the server"
  check "refresh gives another token" differ "$first" "$second"
  check "refreshes once" book "$url" refreshes 1
  check "token --force-refresh rotates again" differ "$second" "$(mcp token --force-refresh "$url" 2>"$logs/token.log")"
  check "refreshes twice" book "$url" refreshes 2
  check "no spent refresh token came again" book "$url" refused 0
  check "there is one grant" equal 1 "$(live_grants)"
}

story_of_a_restart() {
  chapter 'restart, state kept'
  restart kept || return
  opens "the token of before still opens the server"
  check "refresh after the restart" mcp refresh "$url"
  opens "the token of after opens the server"
  check "nobody had to sign in" book "$url" codes_redeemed 0
  check "nobody registered" book "$url" registrations 0
}

# The server's own guard says which scope is missing.
story_of_step_up() {
  chapter step-up
  check "login for less than the server wants" login --scope "$little" "$url" || return
  if [[ $peer == fastmcp-proxy ]]; then
    remark "by hand: it answers a token for less with 401 and names no scope"
    check "the server wants another token" answers 401 "$url" "$(mcp token "$url" 2>"$logs/token.log")"
  else
    check "the server wants more" answers 403 "$url" "$(mcp token "$url" 2>"$logs/token.log")"
    check "it says so in its challenge" challenged 'error="insufficient_scope"'
    check "call says how to get more" exits_saying 3 '--add-scope' call_it
  fi
  check "login --add-scope" login --add-scope mcp:tools "$url" || return
  opens "the wider token opens the server"
  check "it is for both" grep -q 'mcp:more.*mcp:tools\|mcp:tools.*mcp:more' <(mcp status "$url" 2>&1)
}

story_of_logout() {
  chapter logout
  [[ $peer != typescript-sdk ]] || remark "revocation not offered by its demo provider, added by the test"
  opens "the token before logout opens the server"
  local before
  before=$(live_grants)
  check "logout" mcp logout "$url" || return
  check "the token is refused after logout" answers 401 "$url" "$second"
  check "the issuer saw the revocation" equal "$((before - 1))" "$(live_grants)"
  check "token asks for a login after logout" exits 3 mcp token "$url"
  check "the issuer had no complaint" book "$url" errors '[]'
}

# live_grants: how many there are at the issuer. A proxy knows of none; the issuer behind it does. A login that was
# replaced by another may have left its own.
live_grants() {
  curl -sS --max-time 20 "${upstream_books:-${url%/mcp}/_books}" | node -p 'JSON.parse(fs.readFileSync(0)).live_grants'
}

# Two ways to find out: a refresh that is refused, and a login whose page says that it knows no such client.
story_of_a_lost_state() {
  chapter 'restart, state lost'
  check "login anew, for both" login --scope "$little mcp:tools" "$url" || return
  first=$(mcp token "$url" 2>"$logs/token.log")
  restart lost || return
  check "the token of before is refused" answers 401 "$url" "$first"
  check "refresh says that a login is needed" exits_saying 3 'mcpauth login' mcp refresh "$url"
  check "a fresh token can no longer be had" exits_saying 3 'mcpauth login' mcp token --force-refresh "$url"
  check "one login is enough" login "$url" || return
  opens "its token opens the server"
  check "it registered anew" book "$url" registrations 1

  restart lost || return
  check "a login that ends on the issuer's page can be interrupted" exits 4 interrupted_login "$url"
  check "the next one registers anew and succeeds" login "$url"
  opens "its token opens the server, too"
}

# renewed_twice TITLE FLAGS…: it opens the server, before and after.
renewed_twice() {
  local title=$1 again
  shift
  check "the token $title opens the server" exits_saying 0 '"hello"' call_it "$@"
  for again in once twice; do
    check "the token $title is renewed $again" mcp refresh "$url" "$@"
  done
  check "the renewed token $title opens the server" exits_saying 0 '"hello"' call_it "$@"
}

# Accounts are what keeps the logins apart. A key goes to the issuer as an assertion, a secret as HTTP Basic.
story_of_machines() {
  chapter 'without a person'
  restart lost || return
  local machine=(--grant client-credentials --scope mcp:tools)
  secret=machine-secret check "login with a secret" login "$url" "${machine[@]}" --account secret --client-id machine --client-secret-stdin
  renewed_twice "for a secret" --account secret
  check "login with a key" login "$url" "${machine[@]}" --account key --client-id machine-with-key --key "$key"
  renewed_twice "for a key" --account key
  check "logout ends its token" exits_saying 0 'access token at the issuer: done' mcp logout "$url" --account key
  check "the issuer had no complaint about machines" book "$url" errors '[]'
}

story_of_a_bound_token() {
  chapter DPoP
  local bound=(--grant authorization-code --scope 'mcp:tools offline_access' --account bound --client-id person)
  check "login with a bound token" login "$url" "${bound[@]}" --dpop always
  check "the token is handed out to nobody" exits_saying 2 'DPoP' mcp token "$url" --account bound
  renewed_twice "with its proof" --account bound
  check "the issuer had no complaint about proofs" book "$url" errors '[]'
}

# --- the table -------------------------------------------------------------------------------------------

cell() {
  local words=${remarks[$1/$2]-}
  if [[ $1 != oidc-provider && ' without a person DPoP ' == *" $2 "* ]]; then words="not offered"
  elif [[ -z ${reached[$1/$2]-} ]]; then words="not reached"
  elif [[ -n ${fallen[$1/$2]-} ]]; then words="**no**${words:+, $words}"
  else words="yes${words:+, $words}"; fi
  printf ' %s |' "$words"
}

matrix() {
  local name column
  printf '| server |%s\n' "$(printf ' %s |' "${steps[@]}")"
  printf '|---|%s\n' "$(printf -- '---|%.0s' "${steps[@]}")"
  for name in "${told[@]}"; do
    printf '| `%s`: %s |' "$name" "${version[$name]-did not start}"
    for column in "${steps[@]}"; do cell "$name" "$column"; done
    printf '\n'
  done
}

# print_table LINES TABLE: unless there is nothing to say.
print_table() { (( $1 == 0 )) || { echo; "$2"; echo; }; }

# write_table FILE TABLE: puts what the function TABLE says between its mark and the next end in the file.
write_table() {
  local lines
  lines=$("$2")
  awk -v table="$lines" -v mark="<!-- $2 -->" '$0 == mark { print; print table; skip = 1; next } /^<!-- end -->/ { skip = 0 } !skip' \
    "$1" >"$1.new" && mv "$1.new" "$1"
}
