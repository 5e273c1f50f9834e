# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mcpauth_global_optspecs
    string join \n json q/quiet v/verbose store= config= passphrase-fd= h/help V/version
end

function __fish_mcpauth_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mcpauth_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mcpauth_using_subcommand
    set -l cmd (__fish_mcpauth_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mcpauth -n "__fish_mcpauth_needs_command" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_needs_command" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_needs_command" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_needs_command" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -s V -l version -d 'Print version'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "login" -d 'Sign in to an MCP server through the browser'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "logout" -d 'Sign out: revoke the tokens at the issuer, then delete the login here'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "token" -d 'Print one fresh access token'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "headers" -d 'Print the request headers for an MCP client\'s header helper, as one JSON object'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "exec" -d 'Run a command, such as a stdio MCP server, with a fresh token in its environment'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "bridge" -d 'Connect an MCP client that starts programs with a remote server, always signed in'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "proxy" -d 'Let programs on this machine use servers over HTTP, without a token of theirs'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "call" -d 'Send one request with a fresh token, and print what the server answers'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "status" -d 'Show the logins: account, issuer, time left, scopes, client and store'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "list" -d 'List the logins, a line each; never opens the keychain'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "refresh" -d 'Refresh a login now'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "server" -d 'Name servers and settle how to sign in to them'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "store" -d 'Show where logins rest, move them to another store, change the passphrase'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "discover" -d 'Show every step of discovery, and the rule behind it, without signing in'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "doctor" -d 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "audit" -d 'Show who signed in, who got a token, what was refreshed and revoked'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "mcp" -d 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "sandbox" -d 'Run a development issuer with a protected MCP server, on this machine only'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "demo" -d 'See it work: sign in to a sandbox, get a token, run an MCP server with it'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "completions" -d 'Print the completion script for a shell'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "man" -d 'Print a manual page, or write all of them into a directory'
complete -c mcpauth -n "__fish_mcpauth_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l name -d 'The name to give the server; by default its host' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l timeout -d 'How long to wait for you' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l client-id -d 'A client that was registered at the issuer by hand' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l key -d 'A file with that client\'s private key in PEM, to be taken into the store (`private_key_jwt`)' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l key-id -d 'The name of that key at the issuer (`kid`)' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l assertion-audience -d 'For whom the client\'s assertions are meant: `issuer`, which is the default, or `token-endpoint`' -r -f -a "issuer\t'The issuer, which nobody else can pose as (RFC 7523bis)'
token-endpoint\t'The token endpoint, as issuers from before expect it (RFC 7523 section 3)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l add-scope -d 'Ask for this, too, beside what the login has already; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l scope -d 'Scope to ask for, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l env -d 'Variable into which `exec` puts the token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l issuer -d 'The issuer, instead of asking the server for it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l resource -d 'The resource parameter, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l auth-param -d 'A further parameter of the sign-in page\'s address; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l client-metadata-url -d 'URL of a document that describes this client, for issuers that take one as client id' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l callback-host -d 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`' -r -f -a "127.0.0.1\t''
localhost\t''
[::1]\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l callback-port -d 'Port of the redirect URI; any free one if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l callback-path -d 'Path of the redirect URI; /callback if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l redirect-url -d 'A redirect URI of your own that forwards to the listener' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l header -d 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l client-cert -d 'A PEM file with the certificate that the server wants to see' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l client-key -d 'A PEM file with the private key of that certificate, which nobody else can read' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l trust-issuer -d 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l refresh-scope -d 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it' -r -f -a "true\t''
false\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l quirks -d 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l authorize-url -d 'The sign-in page' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l token-url -d 'The token endpoint; with it, no metadata are looked for' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l register-url -d 'The endpoint where clients register' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l revoke-url -d 'The endpoint where tokens are revoked' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l device-url -d 'The endpoint that gives codes to devices' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l grant -d '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`' -r -f -a "authorization-code\t'A person consents in a browser on this machine (RFC 6749 section 4.1)'
device\t'A person consents in a browser elsewhere (RFC 8628)'
client-credentials\t'The client speaks for itself (RFC 6749 section 4.4)'
enterprise\t'A company\'s identity provider vouches for the person (RFC 8693, then RFC 7523)'
workload\t'A platform vouches for the program that runs on it (RFC 7523)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l dpop -d 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)' -r -f -a "auto\t'If the server demands it'
always\t'If the issuer can do it at all'
never\t'In no case'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l assertion-file -d 'The file in which the platform keeps its assertion for this program, for the workload grant' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l assertion-command -d 'A command that prints that assertion; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l idp -d 'The name of the identity provider that vouches for you, for the enterprise grant' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l subject-token-file -d 'A file with an ID token, instead of a login at the identity provider' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l subject-token-command -d 'A command that prints an ID token; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l idp-issuer -d 'Who made that ID token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l idp-token-url -d 'Where it is exchanged; found out from its issuer if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l idp-client-id -d 'The client id by which the identity provider knows this program' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l no-browser -d 'Open no page, only print its address'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l paste -d 'Do not listen; ask for the address at which the browser ends up'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l client-secret-stdin -d 'Read that client\'s secret from standard input, into the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l device -d 'Sign in with a code that you type on another device, where the issuer offers that'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l qr -d 'With --device, draw the address for the camera of a phone'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l fresh -d 'Ask the server and its issuer for everything, whatever is remembered of them'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l explain -d 'Show every step and decision, with the rule behind it and the flag that would change it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l no-resource -d 'Send no resource parameter'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l assume-pkce -d 'Sign in although the issuer does not advertise PKCE'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l strict-resource -d 'Take only metadata that is about this very URL, not about a parent of it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l tolerate-missing-iss -d 'Take a redirect that names no issuer, although the issuer promises to name itself'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l identity-provider -d 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l reason -d 'Why, for the record' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l all -d 'Sign out of every server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l forget-client -d 'Delete the client that was registered for this server, too'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l local-only -d 'Ask no issuer, only delete here'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l min-ttl -d 'How long the token must be valid for; by default 5m, or half of a shorter life' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l field -d 'Print another field: `url`, `expires_at`, `scope`, or a member of the token answer' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l force-refresh -d 'Refresh even if the token is still good'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l no-refresh -d 'Ask no issuer: the stored token or nothing'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l header -d 'Print a whole header: `Authorization: Bearer …`'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand token" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l placeholder -d 'Where a login is needed, print a header that says so instead of failing'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand headers" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -s s -l server -d 'Put the token of this server into the variable that its profile names; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -s e -l inject -d 'Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the token answer; `token` if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l min-ttl -d 'How long the token must be valid for at the start; by default 5m, or half of a shorter life' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l allow-env -d 'With --clean-env, keep this variable, too; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l clean-env -d 'Start with nothing in the environment but HOME, LOGNAME, PATH, SHELL, TERM and USER'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l token-file -d 'Keep the token fresh in a private file while the command runs; its path is in `VAR_FILE`. The file is empty while there is no login'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l socket -d 'Give a fresh token, and a newline, to everybody of this user who connects to a Unix socket; its path is in `VAR_SOCKET`'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l proxy -d 'Give the command no token but a proxy on this machine that adds it; where its server is found there is in `VAR_URL`, which opens the proxy to whoever has it for as long as the command runs'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l restart-before-expiry -d 'End the command before its token ends, and start it with a new one; for what can do nothing else. A stdio server loses its session'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l mask -d 'Leave the token out of what the command writes to standard error, also where it is percent-encoded or in base64; standard output stays as it is'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand exec" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l login -d 'Whether a browser may be opened where a sign-in is needed' -r -f -a "auto\t'Where there is a display, once in ten minutes'
never\t'The client gets an error that names the command to type'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l allow -d 'Show and pass on only tools whose name matches this pattern, in which `*` stands for anything; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l deny -d 'Hide and refuse tools whose name matches this pattern, also if they are allowed; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l translate -d 'Let a client of one era of MCP use a server of the other: before 2026-07-28 with sessions, since then without'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand bridge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l listen -d 'Where to listen on this machine; any free port of 127.0.0.1 if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l socket -d 'Listen on a socket in a directory that only you can enter, instead of a port' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l secret-file -d 'Where to write the secret; a file of the state directory if left out' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l allow-origin -d 'Let pages of this origin in, such as <https://inspector.example>; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l allow-tool -d 'Pass on calls only of tools whose name matches this pattern, in which `*` stands for anything; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l deny-tool -d 'Pass on no calls of such tools, whatever --allow-tool says; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l allow-method -d 'Pass on only such methods of MCP, and what is needed to speak at all; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l rate -d 'Pass on at most so many requests to each server, such as 60/min, 5/s or 1000/h' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l expose-to-network -d 'Let --listen be an address that other machines reach: whoever gets hold of the secret there acts as you'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l secret-in-path -d 'Take the secret also at the beginning of the path, for clients that cannot send a header: it may end up in their logs'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l metrics -d 'Tell at /metrics what was counted, in the format of Prometheus'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand proxy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s d -l data -d 'Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says otherwise' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s H -d 'A further header; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l max-time -d 'How long all of it may take; if left out, the answer has to begin within a minute' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s i -l include -d 'Print status and headers of the answer first'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand call" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l within -d 'Fail if a login will need a person within this time' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l check -d 'Ask the issuer and the server, too'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand list" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l all -d 'Refresh every login that has a refresh token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand refresh" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "add" -d 'Name a server, check it and settle how to sign in to it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "show" -d 'Show what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "set" -d 'Change what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "list" -d 'List the named servers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "remove" -d 'Forget a server that nobody is signed in to'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "test" -d 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and not __fish_seen_subcommand_from add show set list remove test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l name -d 'The name to give the server; by default its host' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l scope -d 'Scope to ask for, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l env -d 'Variable into which `exec` puts the token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l issuer -d 'The issuer, instead of asking the server for it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l resource -d 'The resource parameter, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l auth-param -d 'A further parameter of the sign-in page\'s address; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l client-metadata-url -d 'URL of a document that describes this client, for issuers that take one as client id' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l callback-host -d 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`' -r -f -a "127.0.0.1\t''
localhost\t''
[::1]\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l callback-port -d 'Port of the redirect URI; any free one if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l callback-path -d 'Path of the redirect URI; /callback if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l redirect-url -d 'A redirect URI of your own that forwards to the listener' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l header -d 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l client-cert -d 'A PEM file with the certificate that the server wants to see' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l client-key -d 'A PEM file with the private key of that certificate, which nobody else can read' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l trust-issuer -d 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l refresh-scope -d 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it' -r -f -a "true\t''
false\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l quirks -d 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l authorize-url -d 'The sign-in page' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l token-url -d 'The token endpoint; with it, no metadata are looked for' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l register-url -d 'The endpoint where clients register' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l revoke-url -d 'The endpoint where tokens are revoked' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l device-url -d 'The endpoint that gives codes to devices' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l grant -d '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`' -r -f -a "authorization-code\t'A person consents in a browser on this machine (RFC 6749 section 4.1)'
device\t'A person consents in a browser elsewhere (RFC 8628)'
client-credentials\t'The client speaks for itself (RFC 6749 section 4.4)'
enterprise\t'A company\'s identity provider vouches for the person (RFC 8693, then RFC 7523)'
workload\t'A platform vouches for the program that runs on it (RFC 7523)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l dpop -d 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)' -r -f -a "auto\t'If the server demands it'
always\t'If the issuer can do it at all'
never\t'In no case'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l assertion-file -d 'The file in which the platform keeps its assertion for this program, for the workload grant' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l assertion-command -d 'A command that prints that assertion; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l idp -d 'The name of the identity provider that vouches for you, for the enterprise grant' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l subject-token-file -d 'A file with an ID token, instead of a login at the identity provider' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l subject-token-command -d 'A command that prints an ID token; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l idp-issuer -d 'Who made that ID token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l idp-token-url -d 'Where it is exchanged; found out from its issuer if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l idp-client-id -d 'The client id by which the identity provider knows this program' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l client-id -d 'A client that was registered at the issuer by hand' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l key -d 'A file with that client\'s private key in PEM, to be taken into the store (`private_key_jwt`)' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l key-id -d 'The name of that key at the issuer (`kid`)' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l assertion-audience -d 'For whom the client\'s assertions are meant: `issuer`, which is the default, or `token-endpoint`' -r -f -a "issuer\t'The issuer, which nobody else can pose as (RFC 7523bis)'
token-endpoint\t'The token endpoint, as issuers from before expect it (RFC 7523 section 3)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l metadata-ttl -d 'How long the issuer\'s metadata may be kept, at least 5m; a day if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l no-resource -d 'Send no resource parameter'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l assume-pkce -d 'Sign in although the issuer does not advertise PKCE'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l strict-resource -d 'Take only metadata that is about this very URL, not about a parent of it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l tolerate-missing-iss -d 'Take a redirect that names no issuer, although the issuer promises to name itself'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l identity-provider -d 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l client-secret-stdin -d 'Read that client\'s secret from standard input, into the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l default -d 'Mean this server where none is named'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l unset -d 'Settle this no longer; may be repeated' -r -f -a "scope\t''
env\t''
issuer\t''
resource\t''
auth-params\t''
assume-pkce\t''
client-metadata-url\t''
callback\t''
metadata-ttl\t''
trusted-issuers\t''
strict-resource\t''
tolerate-missing-iss\t''
refresh-scope\t''
quirks\t''
endpoints\t''
grant\t''
dpop\t''
assertion\t''
enterprise\t''
identity-provider\t''
headers\t''
client-cert\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l scope -d 'Scope to ask for, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l env -d 'Variable into which `exec` puts the token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l issuer -d 'The issuer, instead of asking the server for it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l resource -d 'The resource parameter, instead of what the server says' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l auth-param -d 'A further parameter of the sign-in page\'s address; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l client-metadata-url -d 'URL of a document that describes this client, for issuers that take one as client id' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l callback-host -d 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`' -r -f -a "127.0.0.1\t''
localhost\t''
[::1]\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l callback-port -d 'Port of the redirect URI; any free one if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l callback-path -d 'Path of the redirect URI; /callback if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l redirect-url -d 'A redirect URI of your own that forwards to the listener' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l header -d 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l client-cert -d 'A PEM file with the certificate that the server wants to see' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l client-key -d 'A PEM file with the private key of that certificate, which nobody else can read' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l trust-issuer -d 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l refresh-scope -d 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it' -r -f -a "true\t''
false\t''"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l quirks -d 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l authorize-url -d 'The sign-in page' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l token-url -d 'The token endpoint; with it, no metadata are looked for' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l register-url -d 'The endpoint where clients register' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l revoke-url -d 'The endpoint where tokens are revoked' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l device-url -d 'The endpoint that gives codes to devices' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l grant -d '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`' -r -f -a "authorization-code\t'A person consents in a browser on this machine (RFC 6749 section 4.1)'
device\t'A person consents in a browser elsewhere (RFC 8628)'
client-credentials\t'The client speaks for itself (RFC 6749 section 4.4)'
enterprise\t'A company\'s identity provider vouches for the person (RFC 8693, then RFC 7523)'
workload\t'A platform vouches for the program that runs on it (RFC 7523)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l dpop -d 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)' -r -f -a "auto\t'If the server demands it'
always\t'If the issuer can do it at all'
never\t'In no case'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l assertion-file -d 'The file in which the platform keeps its assertion for this program, for the workload grant' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l assertion-command -d 'A command that prints that assertion; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l idp -d 'The name of the identity provider that vouches for you, for the enterprise grant' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l subject-token-file -d 'A file with an ID token, instead of a login at the identity provider' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l subject-token-command -d 'A command that prints an ID token; no shell reads it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l idp-issuer -d 'Who made that ID token' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l idp-token-url -d 'Where it is exchanged; found out from its issuer if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l idp-client-id -d 'The client id by which the identity provider knows this program' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l client-id -d 'A client that was registered at the issuer by hand' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l key -d 'A file with that client\'s private key in PEM, to be taken into the store (`private_key_jwt`)' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l key-id -d 'The name of that key at the issuer (`kid`)' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l assertion-audience -d 'For whom the client\'s assertions are meant: `issuer`, which is the default, or `token-endpoint`' -r -f -a "issuer\t'The issuer, which nobody else can pose as (RFC 7523bis)'
token-endpoint\t'The token endpoint, as issuers from before expect it (RFC 7523 section 3)'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l metadata-ttl -d 'How long the issuer\'s metadata may be kept, at least 5m; a day if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l no-resource -d 'Send no resource parameter'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l assume-pkce -d 'Sign in although the issuer does not advertise PKCE'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l strict-resource -d 'Take only metadata that is about this very URL, not about a parent of it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l tolerate-missing-iss -d 'Take a redirect that names no issuer, although the issuer promises to name itself'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l identity-provider -d 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l client-secret-stdin -d 'Read that client\'s secret from standard input, into the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l default -d 'Mean this server where none is named'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -l account -d 'Which of several identities at the server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "add" -d 'Name a server, check it and settle how to sign in to it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "set" -d 'Change what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the named servers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Forget a server that nobody is signed in to'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "test" -d 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand server; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -f -a "show" -d 'Show what keeps the logins, where they lie and whether the key answers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -f -a "move" -d 'Take every login over into another store: copy, verify, then remove'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -f -a "passphrase" -d 'Change the passphrase of the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and not __fish_seen_subcommand_from show move passphrase help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -l remove-key -d 'Remove the key from the keychain, too; other directories of mcpauth (--config) share it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from move" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -l new-passphrase-fd -d 'Read the new passphrase from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from passphrase" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what keeps the logins, where they lie and whether the key answers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "move" -d 'Take every login over into another store: copy, verify, then remove'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "passphrase" -d 'Change the passphrase of the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -l issuer -d 'The issuer, instead of asking the server for it' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand discover" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l as -d 'Check in the environment that this MCP client gives its children' -r -f -a "claude-desktop\t'Claude Desktop'
claude-code\t'Claude Code'
cursor\t'Cursor'
vscode\t'Visual Studio Code'
codex\t'Codex'
gemini\t'Gemini CLI'
zed\t'Zed'
windsurf\t'Windsurf'
goose\t'Goose'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l check -d 'Ask each server, too: is it there, and is its clock ours'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l fix -d 'Repair what can be repaired without risk, and say what was done'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l server -d 'Only the events of this server' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l account -d 'Only the events of this account' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l limit -d 'Only the newest so many' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l follow -d 'Go on with each event as it comes, until Ctrl-C'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Check that no line of the log was changed, taken out or put in'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that no line of the log was changed, taken out or put in'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand mcp" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l port -d 'Port to listen on; any free one if left out' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l access-ttl -d 'How long access tokens live' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l grace -d 'How long a spent refresh token still yields its successor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l dpop -d 'Bind tokens to a key of the client (DPoP): for those who want it, or for everybody' -r -f -a "offered\t'Clients that send a proof'
required\t'All clients; who sends no proof gets no token'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l only -d 'Speak only this revision of MCP; 2025-11-25 stands for all that have sessions' -r -f -a "2024-11-05\t'One stream for all answers'
2025-11-25\t'Sessions'
2026-07-28\t'No sessions'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l imitate -d 'Imitate a provider that has ways of its own, as far as people reported them' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l auto-consent -d 'Grant every request without asking'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l no-rotation -d 'Keep refresh tokens valid after use instead of rotating them'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l no-registration -d 'Register no clients: there is one, sandbox-client'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l device -d 'Let devices sign in: a code is shown there and typed at /device'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l no-resource-metadata -d 'Publish no protected resource metadata, like servers of MCP 2025-03-26'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand sandbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l timeout -d 'How long to wait for your consent' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l auto-consent -d 'Let the sandbox consent by itself even where there is a browser'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand completions" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -l out -d 'Write every page into this directory instead' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -l store -d 'Where logins are stored: keychain, passphrase, or file for plain files' -r -f -a "keychain\t'Sealed with a key in the system keychain'
passphrase\t'Sealed with a key derived from a passphrase'
file\t'Plain files, not sealed'"
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -l config -d 'Keep configuration, logins and state in this directory' -r -F
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -l passphrase-fd -d 'Read the passphrase of the store from this file descriptor' -r
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -l json -d 'Answer in JSON; errors are one line of JSON on standard error'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -s q -l quiet -d 'Say nothing but answers, warnings and errors'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -s v -l verbose -d 'Show each HTTP request and decision; never a secret'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand man" -s h -l help -d 'Print help'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "login" -d 'Sign in to an MCP server through the browser'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "logout" -d 'Sign out: revoke the tokens at the issuer, then delete the login here'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "token" -d 'Print one fresh access token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "headers" -d 'Print the request headers for an MCP client\'s header helper, as one JSON object'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "exec" -d 'Run a command, such as a stdio MCP server, with a fresh token in its environment'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "bridge" -d 'Connect an MCP client that starts programs with a remote server, always signed in'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "proxy" -d 'Let programs on this machine use servers over HTTP, without a token of theirs'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "call" -d 'Send one request with a fresh token, and print what the server answers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "status" -d 'Show the logins: account, issuer, time left, scopes, client and store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "list" -d 'List the logins, a line each; never opens the keychain'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "refresh" -d 'Refresh a login now'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "server" -d 'Name servers and settle how to sign in to them'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "store" -d 'Show where logins rest, move them to another store, change the passphrase'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "discover" -d 'Show every step of discovery, and the rule behind it, without signing in'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "doctor" -d 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "audit" -d 'Show who signed in, who got a token, what was refreshed and revoked'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "mcp" -d 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "sandbox" -d 'Run a development issuer with a protected MCP server, on this machine only'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "demo" -d 'See it work: sign in to a sandbox, get a token, run an MCP server with it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "completions" -d 'Print the completion script for a shell'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "man" -d 'Print a manual page, or write all of them into a directory'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and not __fish_seen_subcommand_from login logout token headers exec bridge proxy call status list refresh server store discover doctor audit mcp sandbox demo completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "add" -d 'Name a server, check it and settle how to sign in to it'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "show" -d 'Show what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "set" -d 'Change what is settled for a server'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "list" -d 'List the named servers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "remove" -d 'Forget a server that nobody is signed in to'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from server" -f -a "test" -d 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "show" -d 'Show what keeps the logins, where they lie and whether the key answers'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "move" -d 'Take every login over into another store: copy, verify, then remove'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "passphrase" -d 'Change the passphrase of the store'
complete -c mcpauth -n "__fish_mcpauth_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Check that no line of the log was changed, taken out or put in'
