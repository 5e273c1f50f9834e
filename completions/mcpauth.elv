
use builtin;
use str;

set edit:completion:arg-completer[mcpauth] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mcpauth'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mcpauth'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand login 'Sign in to an MCP server through the browser'
            cand logout 'Sign out: revoke the tokens at the issuer, then delete the login here'
            cand token 'Print one fresh access token'
            cand headers 'Print the request headers for an MCP client''s header helper, as one JSON object'
            cand exec 'Run a command, such as a stdio MCP server, with a fresh token in its environment'
            cand bridge 'Connect an MCP client that starts programs with a remote server, always signed in'
            cand proxy 'Let programs on this machine use servers over HTTP, without a token of theirs'
            cand call 'Send one request with a fresh token, and print what the server answers'
            cand status 'Show the logins: account, issuer, time left, scopes, client and store'
            cand list 'List the logins, a line each; never opens the keychain'
            cand refresh 'Refresh a login now'
            cand server 'Name servers and settle how to sign in to them'
            cand store 'Show where logins rest, move them to another store, change the passphrase'
            cand discover 'Show every step of discovery, and the rule behind it, without signing in'
            cand doctor 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy'
            cand audit 'Show who signed in, who got a token, what was refreshed and revoked'
            cand mcp 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token'
            cand sandbox 'Run a development issuer with a protected MCP server, on this machine only'
            cand demo 'See it work: sign in to a sandbox, get a token, run an MCP server with it'
            cand completions 'Print the completion script for a shell'
            cand man 'Print a manual page, or write all of them into a directory'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;login'= {
            cand --name 'The name to give the server; by default its host'
            cand --account 'Which of several identities at the server'
            cand --timeout 'How long to wait for you'
            cand --client-id 'A client that was registered at the issuer by hand'
            cand --key 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)'
            cand --key-id 'The name of that key at the issuer (`kid`)'
            cand --assertion-audience 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`'
            cand --add-scope 'Ask for this, too, beside what the login has already; may be repeated'
            cand --scope 'Scope to ask for, instead of what the server says'
            cand --env 'Variable into which `exec` puts the token'
            cand --issuer 'The issuer, instead of asking the server for it'
            cand --resource 'The resource parameter, instead of what the server says'
            cand --auth-param 'A further parameter of the sign-in page''s address; may be repeated'
            cand --client-metadata-url 'URL of a document that describes this client, for issuers that take one as client id'
            cand --callback-host 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`'
            cand --callback-port 'Port of the redirect URI; any free one if left out'
            cand --callback-path 'Path of the redirect URI; /callback if left out'
            cand --redirect-url 'A redirect URI of your own that forwards to the listener'
            cand --header 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated'
            cand --client-cert 'A PEM file with the certificate that the server wants to see'
            cand --client-key 'A PEM file with the private key of that certificate, which nobody else can read'
            cand --trust-issuer 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated'
            cand --refresh-scope 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it'
            cand --quirks 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated'
            cand --authorize-url 'The sign-in page'
            cand --token-url 'The token endpoint; with it, no metadata are looked for'
            cand --register-url 'The endpoint where clients register'
            cand --revoke-url 'The endpoint where tokens are revoked'
            cand --device-url 'The endpoint that gives codes to devices'
            cand --grant '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`'
            cand --dpop 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)'
            cand --assertion-file 'The file in which the platform keeps its assertion for this program, for the workload grant'
            cand --assertion-command 'A command that prints that assertion; no shell reads it'
            cand --idp 'The name of the identity provider that vouches for you, for the enterprise grant'
            cand --subject-token-file 'A file with an ID token, instead of a login at the identity provider'
            cand --subject-token-command 'A command that prints an ID token; no shell reads it'
            cand --idp-issuer 'Who made that ID token'
            cand --idp-token-url 'Where it is exchanged; found out from its issuer if left out'
            cand --idp-client-id 'The client id by which the identity provider knows this program'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --no-browser 'Open no page, only print its address'
            cand --paste 'Do not listen; ask for the address at which the browser ends up'
            cand --client-secret-stdin 'Read that client''s secret from standard input, into the store'
            cand --device 'Sign in with a code that you type on another device, where the issuer offers that'
            cand --qr 'With --device, draw the address for the camera of a phone'
            cand --fresh 'Ask the server and its issuer for everything, whatever is remembered of them'
            cand --explain 'Show every step and decision, with the rule behind it and the flag that would change it'
            cand --no-resource 'Send no resource parameter'
            cand --assume-pkce 'Sign in although the issuer does not advertise PKCE'
            cand --strict-resource 'Take only metadata that is about this very URL, not about a parent of it'
            cand --tolerate-missing-iss 'Take a redirect that names no issuer, although the issuer promises to name itself'
            cand --identity-provider 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;logout'= {
            cand --account 'Which of several identities at the server'
            cand --reason 'Why, for the record'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --all 'Sign out of every server'
            cand --forget-client 'Delete the client that was registered for this server, too'
            cand --local-only 'Ask no issuer, only delete here'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;token'= {
            cand --account 'Which of several identities at the server'
            cand --min-ttl 'How long the token must be valid for; by default 5m, or half of a shorter life'
            cand --field 'Print another field: `url`, `expires_at`, `scope`, or a member of the token answer'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --force-refresh 'Refresh even if the token is still good'
            cand --no-refresh 'Ask no issuer: the stored token or nothing'
            cand --header 'Print a whole header: `Authorization: Bearer …`'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;headers'= {
            cand --account 'Which of several identities at the server'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --placeholder 'Where a login is needed, print a header that says so instead of failing'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;exec'= {
            cand -s 'Put the token of this server into the variable that its profile names; may be repeated'
            cand --server 'Put the token of this server into the variable that its profile names; may be repeated'
            cand -e 'Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the token answer; `token` if left out'
            cand --inject 'Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the token answer; `token` if left out'
            cand --account 'Which of several identities at the server'
            cand --min-ttl 'How long the token must be valid for at the start; by default 5m, or half of a shorter life'
            cand --allow-env 'With --clean-env, keep this variable, too; may be repeated'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --clean-env 'Start with nothing in the environment but HOME, LOGNAME, PATH, SHELL, TERM and USER'
            cand --token-file 'Keep the token fresh in a private file while the command runs; its path is in `VAR_FILE`. The file is empty while there is no login'
            cand --socket 'Give a fresh token, and a newline, to everybody of this user who connects to a Unix socket; its path is in `VAR_SOCKET`'
            cand --proxy 'Give the command no token but a proxy on this machine that adds it; where its server is found there is in `VAR_URL`, which opens the proxy to whoever has it for as long as the command runs'
            cand --restart-before-expiry 'End the command before its token ends, and start it with a new one; for what can do nothing else. A stdio server loses its session'
            cand --mask 'Leave the token out of what the command writes to standard error, also where it is percent-encoded or in base64; standard output stays as it is'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;bridge'= {
            cand --account 'Which of several identities at the server'
            cand --login 'Whether a browser may be opened where a sign-in is needed'
            cand --allow 'Show and pass on only tools whose name matches this pattern, in which `*` stands for anything; may be repeated'
            cand --deny 'Hide and refuse tools whose name matches this pattern, also if they are allowed; may be repeated'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --translate 'Let a client of one era of MCP use a server of the other: before 2026-07-28 with sessions, since then without'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;proxy'= {
            cand --listen 'Where to listen on this machine; any free port of 127.0.0.1 if left out'
            cand --socket 'Listen on a socket in a directory that only you can enter, instead of a port'
            cand --secret-file 'Where to write the secret; a file of the state directory if left out'
            cand --allow-origin 'Let pages of this origin in, such as <https://inspector.example>; may be repeated'
            cand --allow-tool 'Pass on calls only of tools whose name matches this pattern, in which `*` stands for anything; may be repeated'
            cand --deny-tool 'Pass on no calls of such tools, whatever --allow-tool says; may be repeated'
            cand --allow-method 'Pass on only such methods of MCP, and what is needed to speak at all; may be repeated'
            cand --rate 'Pass on at most so many requests to each server, such as 60/min, 5/s or 1000/h'
            cand --account 'Which of several identities at the server'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --expose-to-network 'Let --listen be an address that other machines reach: whoever gets hold of the secret there acts as you'
            cand --secret-in-path 'Take the secret also at the beginning of the path, for clients that cannot send a header: it may end up in their logs'
            cand --metrics 'Tell at /metrics what was counted, in the format of Prometheus'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;call'= {
            cand -d 'Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says otherwise'
            cand --data 'Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says otherwise'
            cand -H 'A further header; may be repeated'
            cand --max-time 'How long all of it may take; if left out, the answer has to begin within a minute'
            cand --account 'Which of several identities at the server'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand -i 'Print status and headers of the answer first'
            cand --include 'Print status and headers of the answer first'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;status'= {
            cand --account 'Which of several identities at the server'
            cand --within 'Fail if a login will need a person within this time'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --check 'Ask the issuer and the server, too'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;list'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;refresh'= {
            cand --account 'Which of several identities at the server'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --all 'Refresh every login that has a refresh token'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
            cand add 'Name a server, check it and settle how to sign in to it'
            cand show 'Show what is settled for a server'
            cand set 'Change what is settled for a server'
            cand list 'List the named servers'
            cand remove 'Forget a server that nobody is signed in to'
            cand test 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;server;add'= {
            cand --name 'The name to give the server; by default its host'
            cand --scope 'Scope to ask for, instead of what the server says'
            cand --env 'Variable into which `exec` puts the token'
            cand --issuer 'The issuer, instead of asking the server for it'
            cand --resource 'The resource parameter, instead of what the server says'
            cand --auth-param 'A further parameter of the sign-in page''s address; may be repeated'
            cand --client-metadata-url 'URL of a document that describes this client, for issuers that take one as client id'
            cand --callback-host 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`'
            cand --callback-port 'Port of the redirect URI; any free one if left out'
            cand --callback-path 'Path of the redirect URI; /callback if left out'
            cand --redirect-url 'A redirect URI of your own that forwards to the listener'
            cand --header 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated'
            cand --client-cert 'A PEM file with the certificate that the server wants to see'
            cand --client-key 'A PEM file with the private key of that certificate, which nobody else can read'
            cand --trust-issuer 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated'
            cand --refresh-scope 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it'
            cand --quirks 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated'
            cand --authorize-url 'The sign-in page'
            cand --token-url 'The token endpoint; with it, no metadata are looked for'
            cand --register-url 'The endpoint where clients register'
            cand --revoke-url 'The endpoint where tokens are revoked'
            cand --device-url 'The endpoint that gives codes to devices'
            cand --grant '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`'
            cand --dpop 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)'
            cand --assertion-file 'The file in which the platform keeps its assertion for this program, for the workload grant'
            cand --assertion-command 'A command that prints that assertion; no shell reads it'
            cand --idp 'The name of the identity provider that vouches for you, for the enterprise grant'
            cand --subject-token-file 'A file with an ID token, instead of a login at the identity provider'
            cand --subject-token-command 'A command that prints an ID token; no shell reads it'
            cand --idp-issuer 'Who made that ID token'
            cand --idp-token-url 'Where it is exchanged; found out from its issuer if left out'
            cand --idp-client-id 'The client id by which the identity provider knows this program'
            cand --client-id 'A client that was registered at the issuer by hand'
            cand --key 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)'
            cand --key-id 'The name of that key at the issuer (`kid`)'
            cand --assertion-audience 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`'
            cand --metadata-ttl 'How long the issuer''s metadata may be kept, at least 5m; a day if left out'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --no-resource 'Send no resource parameter'
            cand --assume-pkce 'Sign in although the issuer does not advertise PKCE'
            cand --strict-resource 'Take only metadata that is about this very URL, not about a parent of it'
            cand --tolerate-missing-iss 'Take a redirect that names no issuer, although the issuer promises to name itself'
            cand --identity-provider 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
            cand --client-secret-stdin 'Read that client''s secret from standard input, into the store'
            cand --default 'Mean this server where none is named'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;show'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;set'= {
            cand --unset 'Settle this no longer; may be repeated'
            cand --scope 'Scope to ask for, instead of what the server says'
            cand --env 'Variable into which `exec` puts the token'
            cand --issuer 'The issuer, instead of asking the server for it'
            cand --resource 'The resource parameter, instead of what the server says'
            cand --auth-param 'A further parameter of the sign-in page''s address; may be repeated'
            cand --client-metadata-url 'URL of a document that describes this client, for issuers that take one as client id'
            cand --callback-host 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`'
            cand --callback-port 'Port of the redirect URI; any free one if left out'
            cand --callback-path 'Path of the redirect URI; /callback if left out'
            cand --redirect-url 'A redirect URI of your own that forwards to the listener'
            cand --header 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated'
            cand --client-cert 'A PEM file with the certificate that the server wants to see'
            cand --client-key 'A PEM file with the private key of that certificate, which nobody else can read'
            cand --trust-issuer 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated'
            cand --refresh-scope 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it'
            cand --quirks 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated'
            cand --authorize-url 'The sign-in page'
            cand --token-url 'The token endpoint; with it, no metadata are looked for'
            cand --register-url 'The endpoint where clients register'
            cand --revoke-url 'The endpoint where tokens are revoked'
            cand --device-url 'The endpoint that gives codes to devices'
            cand --grant '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`'
            cand --dpop 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)'
            cand --assertion-file 'The file in which the platform keeps its assertion for this program, for the workload grant'
            cand --assertion-command 'A command that prints that assertion; no shell reads it'
            cand --idp 'The name of the identity provider that vouches for you, for the enterprise grant'
            cand --subject-token-file 'A file with an ID token, instead of a login at the identity provider'
            cand --subject-token-command 'A command that prints an ID token; no shell reads it'
            cand --idp-issuer 'Who made that ID token'
            cand --idp-token-url 'Where it is exchanged; found out from its issuer if left out'
            cand --idp-client-id 'The client id by which the identity provider knows this program'
            cand --client-id 'A client that was registered at the issuer by hand'
            cand --key 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)'
            cand --key-id 'The name of that key at the issuer (`kid`)'
            cand --assertion-audience 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`'
            cand --metadata-ttl 'How long the issuer''s metadata may be kept, at least 5m; a day if left out'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --no-resource 'Send no resource parameter'
            cand --assume-pkce 'Sign in although the issuer does not advertise PKCE'
            cand --strict-resource 'Take only metadata that is about this very URL, not about a parent of it'
            cand --tolerate-missing-iss 'Take a redirect that names no issuer, although the issuer promises to name itself'
            cand --identity-provider 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere'
            cand --client-secret-stdin 'Read that client''s secret from standard input, into the store'
            cand --default 'Mean this server where none is named'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;list'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;remove'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;test'= {
            cand --account 'Which of several identities at the server'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;server;help'= {
            cand add 'Name a server, check it and settle how to sign in to it'
            cand show 'Show what is settled for a server'
            cand set 'Change what is settled for a server'
            cand list 'List the named servers'
            cand remove 'Forget a server that nobody is signed in to'
            cand test 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;server;help;add'= {
        }
        &'mcpauth;server;help;show'= {
        }
        &'mcpauth;server;help;set'= {
        }
        &'mcpauth;server;help;list'= {
        }
        &'mcpauth;server;help;remove'= {
        }
        &'mcpauth;server;help;test'= {
        }
        &'mcpauth;server;help;help'= {
        }
        &'mcpauth;store'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
            cand show 'Show what keeps the logins, where they lie and whether the key answers'
            cand move 'Take every login over into another store: copy, verify, then remove'
            cand passphrase 'Change the passphrase of the store'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;store;show'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;store;move'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --remove-key 'Remove the key from the keychain, too; other directories of mcpauth (--config) share it'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;store;passphrase'= {
            cand --new-passphrase-fd 'Read the new passphrase from this file descriptor'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;store;help'= {
            cand show 'Show what keeps the logins, where they lie and whether the key answers'
            cand move 'Take every login over into another store: copy, verify, then remove'
            cand passphrase 'Change the passphrase of the store'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;store;help;show'= {
        }
        &'mcpauth;store;help;move'= {
        }
        &'mcpauth;store;help;passphrase'= {
        }
        &'mcpauth;store;help;help'= {
        }
        &'mcpauth;discover'= {
            cand --issuer 'The issuer, instead of asking the server for it'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;doctor'= {
            cand --as 'Check in the environment that this MCP client gives its children'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --check 'Ask each server, too: is it there, and is its clock ours'
            cand --fix 'Repair what can be repaired without risk, and say what was done'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;audit'= {
            cand --server 'Only the events of this server'
            cand --account 'Only the events of this account'
            cand --limit 'Only the newest so many'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --follow 'Go on with each event as it comes, until Ctrl-C'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand verify 'Check that no line of the log was changed, taken out or put in'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;audit;verify'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;audit;help'= {
            cand verify 'Check that no line of the log was changed, taken out or put in'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;audit;help;verify'= {
        }
        &'mcpauth;audit;help;help'= {
        }
        &'mcpauth;mcp'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;sandbox'= {
            cand --port 'Port to listen on; any free one if left out'
            cand --access-ttl 'How long access tokens live'
            cand --grace 'How long a spent refresh token still yields its successor'
            cand --dpop 'Bind tokens to a key of the client (DPoP): for those who want it, or for everybody'
            cand --only 'Speak only this revision of MCP; 2025-11-25 stands for all that have sessions'
            cand --imitate 'Imitate a provider that has ways of its own, as far as people reported them'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --auto-consent 'Grant every request without asking'
            cand --no-rotation 'Keep refresh tokens valid after use instead of rotating them'
            cand --no-registration 'Register no clients: there is one, sandbox-client'
            cand --device 'Let devices sign in: a code is shown there and typed at /device'
            cand --no-resource-metadata 'Publish no protected resource metadata, like servers of MCP 2025-03-26'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;demo'= {
            cand --timeout 'How long to wait for your consent'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --auto-consent 'Let the sandbox consent by itself even where there is a browser'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpauth;completions'= {
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;man'= {
            cand --out 'Write every page into this directory instead'
            cand --store 'Where logins are stored: keychain, passphrase, or file for plain files'
            cand --config 'Keep configuration, logins and state in this directory'
            cand --passphrase-fd 'Read the passphrase of the store from this file descriptor'
            cand --json 'Answer in JSON; errors are one line of JSON on standard error'
            cand -q 'Say nothing but answers, warnings and errors'
            cand --quiet 'Say nothing but answers, warnings and errors'
            cand -v 'Show each HTTP request and decision; never a secret'
            cand --verbose 'Show each HTTP request and decision; never a secret'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpauth;help'= {
            cand login 'Sign in to an MCP server through the browser'
            cand logout 'Sign out: revoke the tokens at the issuer, then delete the login here'
            cand token 'Print one fresh access token'
            cand headers 'Print the request headers for an MCP client''s header helper, as one JSON object'
            cand exec 'Run a command, such as a stdio MCP server, with a fresh token in its environment'
            cand bridge 'Connect an MCP client that starts programs with a remote server, always signed in'
            cand proxy 'Let programs on this machine use servers over HTTP, without a token of theirs'
            cand call 'Send one request with a fresh token, and print what the server answers'
            cand status 'Show the logins: account, issuer, time left, scopes, client and store'
            cand list 'List the logins, a line each; never opens the keychain'
            cand refresh 'Refresh a login now'
            cand server 'Name servers and settle how to sign in to them'
            cand store 'Show where logins rest, move them to another store, change the passphrase'
            cand discover 'Show every step of discovery, and the rule behind it, without signing in'
            cand doctor 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy'
            cand audit 'Show who signed in, who got a token, what was refreshed and revoked'
            cand mcp 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token'
            cand sandbox 'Run a development issuer with a protected MCP server, on this machine only'
            cand demo 'See it work: sign in to a sandbox, get a token, run an MCP server with it'
            cand completions 'Print the completion script for a shell'
            cand man 'Print a manual page, or write all of them into a directory'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpauth;help;login'= {
        }
        &'mcpauth;help;logout'= {
        }
        &'mcpauth;help;token'= {
        }
        &'mcpauth;help;headers'= {
        }
        &'mcpauth;help;exec'= {
        }
        &'mcpauth;help;bridge'= {
        }
        &'mcpauth;help;proxy'= {
        }
        &'mcpauth;help;call'= {
        }
        &'mcpauth;help;status'= {
        }
        &'mcpauth;help;list'= {
        }
        &'mcpauth;help;refresh'= {
        }
        &'mcpauth;help;server'= {
            cand add 'Name a server, check it and settle how to sign in to it'
            cand show 'Show what is settled for a server'
            cand set 'Change what is settled for a server'
            cand list 'List the named servers'
            cand remove 'Forget a server that nobody is signed in to'
            cand test 'Try a server out: discovery, issuer, PKCE, and whether it takes the token'
        }
        &'mcpauth;help;server;add'= {
        }
        &'mcpauth;help;server;show'= {
        }
        &'mcpauth;help;server;set'= {
        }
        &'mcpauth;help;server;list'= {
        }
        &'mcpauth;help;server;remove'= {
        }
        &'mcpauth;help;server;test'= {
        }
        &'mcpauth;help;store'= {
            cand show 'Show what keeps the logins, where they lie and whether the key answers'
            cand move 'Take every login over into another store: copy, verify, then remove'
            cand passphrase 'Change the passphrase of the store'
        }
        &'mcpauth;help;store;show'= {
        }
        &'mcpauth;help;store;move'= {
        }
        &'mcpauth;help;store;passphrase'= {
        }
        &'mcpauth;help;discover'= {
        }
        &'mcpauth;help;doctor'= {
        }
        &'mcpauth;help;audit'= {
            cand verify 'Check that no line of the log was changed, taken out or put in'
        }
        &'mcpauth;help;audit;verify'= {
        }
        &'mcpauth;help;mcp'= {
        }
        &'mcpauth;help;sandbox'= {
        }
        &'mcpauth;help;demo'= {
        }
        &'mcpauth;help;completions'= {
        }
        &'mcpauth;help;man'= {
        }
        &'mcpauth;help;help'= {
        }
    ]
    $completions[$command]
}
