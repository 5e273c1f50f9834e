
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mcpauth' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mcpauth'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mcpauth' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Sign in to an MCP server through the browser')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Sign out: revoke the tokens at the issuer, then delete the login here')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Print one fresh access token')
            [CompletionResult]::new('headers', 'headers', [CompletionResultType]::ParameterValue, 'Print the request headers for an MCP client''s header helper, as one JSON object')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command, such as a stdio MCP server, with a fresh token in its environment')
            [CompletionResult]::new('bridge', 'bridge', [CompletionResultType]::ParameterValue, 'Connect an MCP client that starts programs with a remote server, always signed in')
            [CompletionResult]::new('proxy', 'proxy', [CompletionResultType]::ParameterValue, 'Let programs on this machine use servers over HTTP, without a token of theirs')
            [CompletionResult]::new('call', 'call', [CompletionResultType]::ParameterValue, 'Send one request with a fresh token, and print what the server answers')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the logins: account, issuer, time left, scopes, client and store')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the logins, a line each; never opens the keychain')
            [CompletionResult]::new('refresh', 'refresh', [CompletionResultType]::ParameterValue, 'Refresh a login now')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Name servers and settle how to sign in to them')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Show where logins rest, move them to another store, change the passphrase')
            [CompletionResult]::new('discover', 'discover', [CompletionResultType]::ParameterValue, 'Show every step of discovery, and the rule behind it, without signing in')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Show who signed in, who got a token, what was refreshed and revoked')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token')
            [CompletionResult]::new('sandbox', 'sandbox', [CompletionResultType]::ParameterValue, 'Run a development issuer with a protected MCP server, on this machine only')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'See it work: sign in to a sandbox, get a token, run an MCP server with it')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page, or write all of them into a directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;login' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name to give the server; by default its host')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for you')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'A client that was registered at the issuer by hand')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)')
            [CompletionResult]::new('--key-id', '--key-id', [CompletionResultType]::ParameterName, 'The name of that key at the issuer (`kid`)')
            [CompletionResult]::new('--assertion-audience', '--assertion-audience', [CompletionResultType]::ParameterName, 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`')
            [CompletionResult]::new('--add-scope', '--add-scope', [CompletionResultType]::ParameterName, 'Ask for this, too, beside what the login has already; may be repeated')
            [CompletionResult]::new('--scope', '--scope', [CompletionResultType]::ParameterName, 'Scope to ask for, instead of what the server says')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Variable into which `exec` puts the token')
            [CompletionResult]::new('--issuer', '--issuer', [CompletionResultType]::ParameterName, 'The issuer, instead of asking the server for it')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'The resource parameter, instead of what the server says')
            [CompletionResult]::new('--auth-param', '--auth-param', [CompletionResultType]::ParameterName, 'A further parameter of the sign-in page''s address; may be repeated')
            [CompletionResult]::new('--client-metadata-url', '--client-metadata-url', [CompletionResultType]::ParameterName, 'URL of a document that describes this client, for issuers that take one as client id')
            [CompletionResult]::new('--callback-host', '--callback-host', [CompletionResultType]::ParameterName, 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`')
            [CompletionResult]::new('--callback-port', '--callback-port', [CompletionResultType]::ParameterName, 'Port of the redirect URI; any free one if left out')
            [CompletionResult]::new('--callback-path', '--callback-path', [CompletionResultType]::ParameterName, 'Path of the redirect URI; /callback if left out')
            [CompletionResult]::new('--redirect-url', '--redirect-url', [CompletionResultType]::ParameterName, 'A redirect URI of your own that forwards to the listener')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated')
            [CompletionResult]::new('--client-cert', '--client-cert', [CompletionResultType]::ParameterName, 'A PEM file with the certificate that the server wants to see')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A PEM file with the private key of that certificate, which nobody else can read')
            [CompletionResult]::new('--trust-issuer', '--trust-issuer', [CompletionResultType]::ParameterName, 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated')
            [CompletionResult]::new('--refresh-scope', '--refresh-scope', [CompletionResultType]::ParameterName, 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it')
            [CompletionResult]::new('--quirks', '--quirks', [CompletionResultType]::ParameterName, 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated')
            [CompletionResult]::new('--authorize-url', '--authorize-url', [CompletionResultType]::ParameterName, 'The sign-in page')
            [CompletionResult]::new('--token-url', '--token-url', [CompletionResultType]::ParameterName, 'The token endpoint; with it, no metadata are looked for')
            [CompletionResult]::new('--register-url', '--register-url', [CompletionResultType]::ParameterName, 'The endpoint where clients register')
            [CompletionResult]::new('--revoke-url', '--revoke-url', [CompletionResultType]::ParameterName, 'The endpoint where tokens are revoked')
            [CompletionResult]::new('--device-url', '--device-url', [CompletionResultType]::ParameterName, 'The endpoint that gives codes to devices')
            [CompletionResult]::new('--grant', '--grant', [CompletionResultType]::ParameterName, '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`')
            [CompletionResult]::new('--dpop', '--dpop', [CompletionResultType]::ParameterName, 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)')
            [CompletionResult]::new('--assertion-file', '--assertion-file', [CompletionResultType]::ParameterName, 'The file in which the platform keeps its assertion for this program, for the workload grant')
            [CompletionResult]::new('--assertion-command', '--assertion-command', [CompletionResultType]::ParameterName, 'A command that prints that assertion; no shell reads it')
            [CompletionResult]::new('--idp', '--idp', [CompletionResultType]::ParameterName, 'The name of the identity provider that vouches for you, for the enterprise grant')
            [CompletionResult]::new('--subject-token-file', '--subject-token-file', [CompletionResultType]::ParameterName, 'A file with an ID token, instead of a login at the identity provider')
            [CompletionResult]::new('--subject-token-command', '--subject-token-command', [CompletionResultType]::ParameterName, 'A command that prints an ID token; no shell reads it')
            [CompletionResult]::new('--idp-issuer', '--idp-issuer', [CompletionResultType]::ParameterName, 'Who made that ID token')
            [CompletionResult]::new('--idp-token-url', '--idp-token-url', [CompletionResultType]::ParameterName, 'Where it is exchanged; found out from its issuer if left out')
            [CompletionResult]::new('--idp-client-id', '--idp-client-id', [CompletionResultType]::ParameterName, 'The client id by which the identity provider knows this program')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--no-browser', '--no-browser', [CompletionResultType]::ParameterName, 'Open no page, only print its address')
            [CompletionResult]::new('--paste', '--paste', [CompletionResultType]::ParameterName, 'Do not listen; ask for the address at which the browser ends up')
            [CompletionResult]::new('--client-secret-stdin', '--client-secret-stdin', [CompletionResultType]::ParameterName, 'Read that client''s secret from standard input, into the store')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Sign in with a code that you type on another device, where the issuer offers that')
            [CompletionResult]::new('--qr', '--qr', [CompletionResultType]::ParameterName, 'With --device, draw the address for the camera of a phone')
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Ask the server and its issuer for everything, whatever is remembered of them')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Show every step and decision, with the rule behind it and the flag that would change it')
            [CompletionResult]::new('--no-resource', '--no-resource', [CompletionResultType]::ParameterName, 'Send no resource parameter')
            [CompletionResult]::new('--assume-pkce', '--assume-pkce', [CompletionResultType]::ParameterName, 'Sign in although the issuer does not advertise PKCE')
            [CompletionResult]::new('--strict-resource', '--strict-resource', [CompletionResultType]::ParameterName, 'Take only metadata that is about this very URL, not about a parent of it')
            [CompletionResult]::new('--tolerate-missing-iss', '--tolerate-missing-iss', [CompletionResultType]::ParameterName, 'Take a redirect that names no issuer, although the issuer promises to name itself')
            [CompletionResult]::new('--identity-provider', '--identity-provider', [CompletionResultType]::ParameterName, 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;logout' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why, for the record')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Sign out of every server')
            [CompletionResult]::new('--forget-client', '--forget-client', [CompletionResultType]::ParameterName, 'Delete the client that was registered for this server, too')
            [CompletionResult]::new('--local-only', '--local-only', [CompletionResultType]::ParameterName, 'Ask no issuer, only delete here')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;token' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--min-ttl', '--min-ttl', [CompletionResultType]::ParameterName, 'How long the token must be valid for; by default 5m, or half of a shorter life')
            [CompletionResult]::new('--field', '--field', [CompletionResultType]::ParameterName, 'Print another field: `url`, `expires_at`, `scope`, or a member of the token answer')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--force-refresh', '--force-refresh', [CompletionResultType]::ParameterName, 'Refresh even if the token is still good')
            [CompletionResult]::new('--no-refresh', '--no-refresh', [CompletionResultType]::ParameterName, 'Ask no issuer: the stored token or nothing')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'Print a whole header: `Authorization: Bearer …`')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;headers' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--placeholder', '--placeholder', [CompletionResultType]::ParameterName, 'Where a login is needed, print a header that says so instead of failing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;exec' {
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Put the token of this server into the variable that its profile names; may be repeated')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Put the token of this server into the variable that its profile names; may be repeated')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the token answer; `token` if left out')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'Put this into that variable; may be repeated. FIELD is `token`, `header`, `url`, `expires_at`, `scope` or a member of the token answer; `token` if left out')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--min-ttl', '--min-ttl', [CompletionResultType]::ParameterName, 'How long the token must be valid for at the start; by default 5m, or half of a shorter life')
            [CompletionResult]::new('--allow-env', '--allow-env', [CompletionResultType]::ParameterName, 'With --clean-env, keep this variable, too; may be repeated')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--clean-env', '--clean-env', [CompletionResultType]::ParameterName, 'Start with nothing in the environment but HOME, LOGNAME, PATH, SHELL, TERM and USER')
            [CompletionResult]::new('--token-file', '--token-file', [CompletionResultType]::ParameterName, 'Keep the token fresh in a private file while the command runs; its path is in `VAR_FILE`. The file is empty while there is no login')
            [CompletionResult]::new('--socket', '--socket', [CompletionResultType]::ParameterName, 'Give a fresh token, and a newline, to everybody of this user who connects to a Unix socket; its path is in `VAR_SOCKET`')
            [CompletionResult]::new('--proxy', '--proxy', [CompletionResultType]::ParameterName, 'Give the command no token but a proxy on this machine that adds it; where its server is found there is in `VAR_URL`, which opens the proxy to whoever has it for as long as the command runs')
            [CompletionResult]::new('--restart-before-expiry', '--restart-before-expiry', [CompletionResultType]::ParameterName, 'End the command before its token ends, and start it with a new one; for what can do nothing else. A stdio server loses its session')
            [CompletionResult]::new('--mask', '--mask', [CompletionResultType]::ParameterName, 'Leave the token out of what the command writes to standard error, also where it is percent-encoded or in base64; standard output stays as it is')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;bridge' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'Whether a browser may be opened where a sign-in is needed')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Show and pass on only tools whose name matches this pattern, in which `*` stands for anything; may be repeated')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'Hide and refuse tools whose name matches this pattern, also if they are allowed; may be repeated')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--translate', '--translate', [CompletionResultType]::ParameterName, 'Let a client of one era of MCP use a server of the other: before 2026-07-28 with sessions, since then without')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;proxy' {
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Where to listen on this machine; any free port of 127.0.0.1 if left out')
            [CompletionResult]::new('--socket', '--socket', [CompletionResultType]::ParameterName, 'Listen on a socket in a directory that only you can enter, instead of a port')
            [CompletionResult]::new('--secret-file', '--secret-file', [CompletionResultType]::ParameterName, 'Where to write the secret; a file of the state directory if left out')
            [CompletionResult]::new('--allow-origin', '--allow-origin', [CompletionResultType]::ParameterName, 'Let pages of this origin in, such as <https://inspector.example>; may be repeated')
            [CompletionResult]::new('--allow-tool', '--allow-tool', [CompletionResultType]::ParameterName, 'Pass on calls only of tools whose name matches this pattern, in which `*` stands for anything; may be repeated')
            [CompletionResult]::new('--deny-tool', '--deny-tool', [CompletionResultType]::ParameterName, 'Pass on no calls of such tools, whatever --allow-tool says; may be repeated')
            [CompletionResult]::new('--allow-method', '--allow-method', [CompletionResultType]::ParameterName, 'Pass on only such methods of MCP, and what is needed to speak at all; may be repeated')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Pass on at most so many requests to each server, such as 60/min, 5/s or 1000/h')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--expose-to-network', '--expose-to-network', [CompletionResultType]::ParameterName, 'Let --listen be an address that other machines reach: whoever gets hold of the secret there acts as you')
            [CompletionResult]::new('--secret-in-path', '--secret-in-path', [CompletionResultType]::ParameterName, 'Take the secret also at the beginning of the path, for clients that cannot send a header: it may end up in their logs')
            [CompletionResult]::new('--metrics', '--metrics', [CompletionResultType]::ParameterName, 'Tell at /metrics what was counted, in the format of Prometheus')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;call' {
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says otherwise')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Send this text; `@FILE` sends what a file holds, `@-` what is on standard input. As JSON, unless -H says otherwise')
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'A further header; may be repeated')
            [CompletionResult]::new('--max-time', '--max-time', [CompletionResultType]::ParameterName, 'How long all of it may take; if left out, the answer has to begin within a minute')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Print status and headers of the answer first')
            [CompletionResult]::new('--include', '--include', [CompletionResultType]::ParameterName, 'Print status and headers of the answer first')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;status' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--within', '--within', [CompletionResultType]::ParameterName, 'Fail if a login will need a person within this time')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Ask the issuer and the server, too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;list' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;refresh' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Refresh every login that has a refresh token')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Name a server, check it and settle how to sign in to it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is settled for a server')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change what is settled for a server')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the named servers')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Forget a server that nobody is signed in to')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try a server out: discovery, issuer, PKCE, and whether it takes the token')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;server;add' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name to give the server; by default its host')
            [CompletionResult]::new('--scope', '--scope', [CompletionResultType]::ParameterName, 'Scope to ask for, instead of what the server says')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Variable into which `exec` puts the token')
            [CompletionResult]::new('--issuer', '--issuer', [CompletionResultType]::ParameterName, 'The issuer, instead of asking the server for it')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'The resource parameter, instead of what the server says')
            [CompletionResult]::new('--auth-param', '--auth-param', [CompletionResultType]::ParameterName, 'A further parameter of the sign-in page''s address; may be repeated')
            [CompletionResult]::new('--client-metadata-url', '--client-metadata-url', [CompletionResultType]::ParameterName, 'URL of a document that describes this client, for issuers that take one as client id')
            [CompletionResult]::new('--callback-host', '--callback-host', [CompletionResultType]::ParameterName, 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`')
            [CompletionResult]::new('--callback-port', '--callback-port', [CompletionResultType]::ParameterName, 'Port of the redirect URI; any free one if left out')
            [CompletionResult]::new('--callback-path', '--callback-path', [CompletionResultType]::ParameterName, 'Path of the redirect URI; /callback if left out')
            [CompletionResult]::new('--redirect-url', '--redirect-url', [CompletionResultType]::ParameterName, 'A redirect URI of your own that forwards to the listener')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated')
            [CompletionResult]::new('--client-cert', '--client-cert', [CompletionResultType]::ParameterName, 'A PEM file with the certificate that the server wants to see')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A PEM file with the private key of that certificate, which nobody else can read')
            [CompletionResult]::new('--trust-issuer', '--trust-issuer', [CompletionResultType]::ParameterName, 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated')
            [CompletionResult]::new('--refresh-scope', '--refresh-scope', [CompletionResultType]::ParameterName, 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it')
            [CompletionResult]::new('--quirks', '--quirks', [CompletionResultType]::ParameterName, 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated')
            [CompletionResult]::new('--authorize-url', '--authorize-url', [CompletionResultType]::ParameterName, 'The sign-in page')
            [CompletionResult]::new('--token-url', '--token-url', [CompletionResultType]::ParameterName, 'The token endpoint; with it, no metadata are looked for')
            [CompletionResult]::new('--register-url', '--register-url', [CompletionResultType]::ParameterName, 'The endpoint where clients register')
            [CompletionResult]::new('--revoke-url', '--revoke-url', [CompletionResultType]::ParameterName, 'The endpoint where tokens are revoked')
            [CompletionResult]::new('--device-url', '--device-url', [CompletionResultType]::ParameterName, 'The endpoint that gives codes to devices')
            [CompletionResult]::new('--grant', '--grant', [CompletionResultType]::ParameterName, '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`')
            [CompletionResult]::new('--dpop', '--dpop', [CompletionResultType]::ParameterName, 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)')
            [CompletionResult]::new('--assertion-file', '--assertion-file', [CompletionResultType]::ParameterName, 'The file in which the platform keeps its assertion for this program, for the workload grant')
            [CompletionResult]::new('--assertion-command', '--assertion-command', [CompletionResultType]::ParameterName, 'A command that prints that assertion; no shell reads it')
            [CompletionResult]::new('--idp', '--idp', [CompletionResultType]::ParameterName, 'The name of the identity provider that vouches for you, for the enterprise grant')
            [CompletionResult]::new('--subject-token-file', '--subject-token-file', [CompletionResultType]::ParameterName, 'A file with an ID token, instead of a login at the identity provider')
            [CompletionResult]::new('--subject-token-command', '--subject-token-command', [CompletionResultType]::ParameterName, 'A command that prints an ID token; no shell reads it')
            [CompletionResult]::new('--idp-issuer', '--idp-issuer', [CompletionResultType]::ParameterName, 'Who made that ID token')
            [CompletionResult]::new('--idp-token-url', '--idp-token-url', [CompletionResultType]::ParameterName, 'Where it is exchanged; found out from its issuer if left out')
            [CompletionResult]::new('--idp-client-id', '--idp-client-id', [CompletionResultType]::ParameterName, 'The client id by which the identity provider knows this program')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'A client that was registered at the issuer by hand')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)')
            [CompletionResult]::new('--key-id', '--key-id', [CompletionResultType]::ParameterName, 'The name of that key at the issuer (`kid`)')
            [CompletionResult]::new('--assertion-audience', '--assertion-audience', [CompletionResultType]::ParameterName, 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`')
            [CompletionResult]::new('--metadata-ttl', '--metadata-ttl', [CompletionResultType]::ParameterName, 'How long the issuer''s metadata may be kept, at least 5m; a day if left out')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--no-resource', '--no-resource', [CompletionResultType]::ParameterName, 'Send no resource parameter')
            [CompletionResult]::new('--assume-pkce', '--assume-pkce', [CompletionResultType]::ParameterName, 'Sign in although the issuer does not advertise PKCE')
            [CompletionResult]::new('--strict-resource', '--strict-resource', [CompletionResultType]::ParameterName, 'Take only metadata that is about this very URL, not about a parent of it')
            [CompletionResult]::new('--tolerate-missing-iss', '--tolerate-missing-iss', [CompletionResultType]::ParameterName, 'Take a redirect that names no issuer, although the issuer promises to name itself')
            [CompletionResult]::new('--identity-provider', '--identity-provider', [CompletionResultType]::ParameterName, 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere')
            [CompletionResult]::new('--client-secret-stdin', '--client-secret-stdin', [CompletionResultType]::ParameterName, 'Read that client''s secret from standard input, into the store')
            [CompletionResult]::new('--default', '--default', [CompletionResultType]::ParameterName, 'Mean this server where none is named')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;show' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;set' {
            [CompletionResult]::new('--unset', '--unset', [CompletionResultType]::ParameterName, 'Settle this no longer; may be repeated')
            [CompletionResult]::new('--scope', '--scope', [CompletionResultType]::ParameterName, 'Scope to ask for, instead of what the server says')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Variable into which `exec` puts the token')
            [CompletionResult]::new('--issuer', '--issuer', [CompletionResultType]::ParameterName, 'The issuer, instead of asking the server for it')
            [CompletionResult]::new('--resource', '--resource', [CompletionResultType]::ParameterName, 'The resource parameter, instead of what the server says')
            [CompletionResult]::new('--auth-param', '--auth-param', [CompletionResultType]::ParameterName, 'A further parameter of the sign-in page''s address; may be repeated')
            [CompletionResult]::new('--client-metadata-url', '--client-metadata-url', [CompletionResultType]::ParameterName, 'URL of a document that describes this client, for issuers that take one as client id')
            [CompletionResult]::new('--callback-host', '--callback-host', [CompletionResultType]::ParameterName, 'Host in the redirect URI: `127.0.0.1`, which is the default, `localhost` or `[::1]`')
            [CompletionResult]::new('--callback-port', '--callback-port', [CompletionResultType]::ParameterName, 'Port of the redirect URI; any free one if left out')
            [CompletionResult]::new('--callback-path', '--callback-path', [CompletionResultType]::ParameterName, 'Path of the redirect URI; /callback if left out')
            [CompletionResult]::new('--redirect-url', '--redirect-url', [CompletionResultType]::ParameterName, 'A redirect URI of your own that forwards to the listener')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header that the server wants with every request, such as `X-Api-Key: env:VAR` or `X-Api-Key: file:PATH`; may be repeated')
            [CompletionResult]::new('--client-cert', '--client-cert', [CompletionResultType]::ParameterName, 'A PEM file with the certificate that the server wants to see')
            [CompletionResult]::new('--client-key', '--client-key', [CompletionResultType]::ParameterName, 'A PEM file with the private key of that certificate, which nobody else can read')
            [CompletionResult]::new('--trust-issuer', '--trust-issuer', [CompletionResultType]::ParameterName, 'Trust this issuer, too: a spelling in which the metadata names the issuer, or a new one that takes its place; may be repeated')
            [CompletionResult]::new('--refresh-scope', '--refresh-scope', [CompletionResultType]::ParameterName, 'Name the granted scope at every refresh: `true` or `false`; for issuers that insist on it')
            [CompletionResult]::new('--quirks', '--quirks', [CompletionResultType]::ParameterName, 'Deal with the issuer as with this known provider, or with `none`; by its host if left out; may be repeated')
            [CompletionResult]::new('--authorize-url', '--authorize-url', [CompletionResultType]::ParameterName, 'The sign-in page')
            [CompletionResult]::new('--token-url', '--token-url', [CompletionResultType]::ParameterName, 'The token endpoint; with it, no metadata are looked for')
            [CompletionResult]::new('--register-url', '--register-url', [CompletionResultType]::ParameterName, 'The endpoint where clients register')
            [CompletionResult]::new('--revoke-url', '--revoke-url', [CompletionResultType]::ParameterName, 'The endpoint where tokens are revoked')
            [CompletionResult]::new('--device-url', '--device-url', [CompletionResultType]::ParameterName, 'The endpoint that gives codes to devices')
            [CompletionResult]::new('--grant', '--grant', [CompletionResultType]::ParameterName, '`authorization-code`, which is the default, `device`, `client-credentials`, `enterprise` or `workload`')
            [CompletionResult]::new('--dpop', '--dpop', [CompletionResultType]::ParameterName, 'Bind tokens to a key: `always`, `never`, or `auto` for where the server demands it (DPoP)')
            [CompletionResult]::new('--assertion-file', '--assertion-file', [CompletionResultType]::ParameterName, 'The file in which the platform keeps its assertion for this program, for the workload grant')
            [CompletionResult]::new('--assertion-command', '--assertion-command', [CompletionResultType]::ParameterName, 'A command that prints that assertion; no shell reads it')
            [CompletionResult]::new('--idp', '--idp', [CompletionResultType]::ParameterName, 'The name of the identity provider that vouches for you, for the enterprise grant')
            [CompletionResult]::new('--subject-token-file', '--subject-token-file', [CompletionResultType]::ParameterName, 'A file with an ID token, instead of a login at the identity provider')
            [CompletionResult]::new('--subject-token-command', '--subject-token-command', [CompletionResultType]::ParameterName, 'A command that prints an ID token; no shell reads it')
            [CompletionResult]::new('--idp-issuer', '--idp-issuer', [CompletionResultType]::ParameterName, 'Who made that ID token')
            [CompletionResult]::new('--idp-token-url', '--idp-token-url', [CompletionResultType]::ParameterName, 'Where it is exchanged; found out from its issuer if left out')
            [CompletionResult]::new('--idp-client-id', '--idp-client-id', [CompletionResultType]::ParameterName, 'The client id by which the identity provider knows this program')
            [CompletionResult]::new('--client-id', '--client-id', [CompletionResultType]::ParameterName, 'A client that was registered at the issuer by hand')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'A file with that client''s private key in PEM, to be taken into the store (`private_key_jwt`)')
            [CompletionResult]::new('--key-id', '--key-id', [CompletionResultType]::ParameterName, 'The name of that key at the issuer (`kid`)')
            [CompletionResult]::new('--assertion-audience', '--assertion-audience', [CompletionResultType]::ParameterName, 'For whom the client''s assertions are meant: `issuer`, which is the default, or `token-endpoint`')
            [CompletionResult]::new('--metadata-ttl', '--metadata-ttl', [CompletionResultType]::ParameterName, 'How long the issuer''s metadata may be kept, at least 5m; a day if left out')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--no-resource', '--no-resource', [CompletionResultType]::ParameterName, 'Send no resource parameter')
            [CompletionResult]::new('--assume-pkce', '--assume-pkce', [CompletionResultType]::ParameterName, 'Sign in although the issuer does not advertise PKCE')
            [CompletionResult]::new('--strict-resource', '--strict-resource', [CompletionResultType]::ParameterName, 'Take only metadata that is about this very URL, not about a parent of it')
            [CompletionResult]::new('--tolerate-missing-iss', '--tolerate-missing-iss', [CompletionResultType]::ParameterName, 'Take a redirect that names no issuer, although the issuer promises to name itself')
            [CompletionResult]::new('--identity-provider', '--identity-provider', [CompletionResultType]::ParameterName, 'This is no MCP server but your identity provider: sign in once, and it vouches for you elsewhere')
            [CompletionResult]::new('--client-secret-stdin', '--client-secret-stdin', [CompletionResultType]::ParameterName, 'Read that client''s secret from standard input, into the store')
            [CompletionResult]::new('--default', '--default', [CompletionResultType]::ParameterName, 'Mean this server where none is named')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;list' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;remove' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;test' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Which of several identities at the server')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;server;help' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Name a server, check it and settle how to sign in to it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is settled for a server')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change what is settled for a server')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the named servers')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Forget a server that nobody is signed in to')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try a server out: discovery, issuer, PKCE, and whether it takes the token')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;server;help;add' {
            break
        }
        'mcpauth;server;help;show' {
            break
        }
        'mcpauth;server;help;set' {
            break
        }
        'mcpauth;server;help;list' {
            break
        }
        'mcpauth;server;help;remove' {
            break
        }
        'mcpauth;server;help;test' {
            break
        }
        'mcpauth;server;help;help' {
            break
        }
        'mcpauth;store' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what keeps the logins, where they lie and whether the key answers')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Take every login over into another store: copy, verify, then remove')
            [CompletionResult]::new('passphrase', 'passphrase', [CompletionResultType]::ParameterValue, 'Change the passphrase of the store')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;store;show' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;store;move' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--remove-key', '--remove-key', [CompletionResultType]::ParameterName, 'Remove the key from the keychain, too; other directories of mcpauth (--config) share it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;store;passphrase' {
            [CompletionResult]::new('--new-passphrase-fd', '--new-passphrase-fd', [CompletionResultType]::ParameterName, 'Read the new passphrase from this file descriptor')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;store;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what keeps the logins, where they lie and whether the key answers')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Take every login over into another store: copy, verify, then remove')
            [CompletionResult]::new('passphrase', 'passphrase', [CompletionResultType]::ParameterValue, 'Change the passphrase of the store')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;store;help;show' {
            break
        }
        'mcpauth;store;help;move' {
            break
        }
        'mcpauth;store;help;passphrase' {
            break
        }
        'mcpauth;store;help;help' {
            break
        }
        'mcpauth;discover' {
            [CompletionResult]::new('--issuer', '--issuer', [CompletionResultType]::ParameterName, 'The issuer, instead of asking the server for it')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;doctor' {
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Check in the environment that this MCP client gives its children')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Ask each server, too: is it there, and is its clock ours')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Repair what can be repaired without risk, and say what was done')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;audit' {
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Only the events of this server')
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Only the events of this account')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Only the newest so many')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on with each event as it comes, until Ctrl-C')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that no line of the log was changed, taken out or put in')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;audit;verify' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;audit;help' {
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that no line of the log was changed, taken out or put in')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;audit;help;verify' {
            break
        }
        'mcpauth;audit;help;help' {
            break
        }
        'mcpauth;mcp' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;sandbox' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port to listen on; any free one if left out')
            [CompletionResult]::new('--access-ttl', '--access-ttl', [CompletionResultType]::ParameterName, 'How long access tokens live')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long a spent refresh token still yields its successor')
            [CompletionResult]::new('--dpop', '--dpop', [CompletionResultType]::ParameterName, 'Bind tokens to a key of the client (DPoP): for those who want it, or for everybody')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Speak only this revision of MCP; 2025-11-25 stands for all that have sessions')
            [CompletionResult]::new('--imitate', '--imitate', [CompletionResultType]::ParameterName, 'Imitate a provider that has ways of its own, as far as people reported them')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--auto-consent', '--auto-consent', [CompletionResultType]::ParameterName, 'Grant every request without asking')
            [CompletionResult]::new('--no-rotation', '--no-rotation', [CompletionResultType]::ParameterName, 'Keep refresh tokens valid after use instead of rotating them')
            [CompletionResult]::new('--no-registration', '--no-registration', [CompletionResultType]::ParameterName, 'Register no clients: there is one, sandbox-client')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'Let devices sign in: a code is shown there and typed at /device')
            [CompletionResult]::new('--no-resource-metadata', '--no-resource-metadata', [CompletionResultType]::ParameterName, 'Publish no protected resource metadata, like servers of MCP 2025-03-26')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;demo' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for your consent')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--auto-consent', '--auto-consent', [CompletionResultType]::ParameterName, 'Let the sandbox consent by itself even where there is a browser')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpauth;completions' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;man' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Write every page into this directory instead')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Where logins are stored: keychain, passphrase, or file for plain files')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Keep configuration, logins and state in this directory')
            [CompletionResult]::new('--passphrase-fd', '--passphrase-fd', [CompletionResultType]::ParameterName, 'Read the passphrase of the store from this file descriptor')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON; errors are one line of JSON on standard error')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but answers, warnings and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show each HTTP request and decision; never a secret')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpauth;help' {
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Sign in to an MCP server through the browser')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Sign out: revoke the tokens at the issuer, then delete the login here')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Print one fresh access token')
            [CompletionResult]::new('headers', 'headers', [CompletionResultType]::ParameterValue, 'Print the request headers for an MCP client''s header helper, as one JSON object')
            [CompletionResult]::new('exec', 'exec', [CompletionResultType]::ParameterValue, 'Run a command, such as a stdio MCP server, with a fresh token in its environment')
            [CompletionResult]::new('bridge', 'bridge', [CompletionResultType]::ParameterValue, 'Connect an MCP client that starts programs with a remote server, always signed in')
            [CompletionResult]::new('proxy', 'proxy', [CompletionResultType]::ParameterValue, 'Let programs on this machine use servers over HTTP, without a token of theirs')
            [CompletionResult]::new('call', 'call', [CompletionResultType]::ParameterValue, 'Send one request with a fresh token, and print what the server answers')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the logins: account, issuer, time left, scopes, client and store')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the logins, a line each; never opens the keychain')
            [CompletionResult]::new('refresh', 'refresh', [CompletionResultType]::ParameterValue, 'Refresh a login now')
            [CompletionResult]::new('server', 'server', [CompletionResultType]::ParameterValue, 'Name servers and settle how to sign in to them')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Show where logins rest, move them to another store, change the passphrase')
            [CompletionResult]::new('discover', 'discover', [CompletionResultType]::ParameterValue, 'Show every step of discovery, and the rule behind it, without signing in')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check the store, keychain, locks, files, clock, network and browser; each finding comes with its remedy')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'Show who signed in, who got a token, what was refreshed and revoked')
            [CompletionResult]::new('mcp', 'mcp', [CompletionResultType]::ParameterValue, 'Be an MCP server for an agent: it can begin sign-ins and send requests, and never sees a token')
            [CompletionResult]::new('sandbox', 'sandbox', [CompletionResultType]::ParameterValue, 'Run a development issuer with a protected MCP server, on this machine only')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'See it work: sign in to a sandbox, get a token, run an MCP server with it')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page, or write all of them into a directory')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpauth;help;login' {
            break
        }
        'mcpauth;help;logout' {
            break
        }
        'mcpauth;help;token' {
            break
        }
        'mcpauth;help;headers' {
            break
        }
        'mcpauth;help;exec' {
            break
        }
        'mcpauth;help;bridge' {
            break
        }
        'mcpauth;help;proxy' {
            break
        }
        'mcpauth;help;call' {
            break
        }
        'mcpauth;help;status' {
            break
        }
        'mcpauth;help;list' {
            break
        }
        'mcpauth;help;refresh' {
            break
        }
        'mcpauth;help;server' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Name a server, check it and settle how to sign in to it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is settled for a server')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change what is settled for a server')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the named servers')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Forget a server that nobody is signed in to')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Try a server out: discovery, issuer, PKCE, and whether it takes the token')
            break
        }
        'mcpauth;help;server;add' {
            break
        }
        'mcpauth;help;server;show' {
            break
        }
        'mcpauth;help;server;set' {
            break
        }
        'mcpauth;help;server;list' {
            break
        }
        'mcpauth;help;server;remove' {
            break
        }
        'mcpauth;help;server;test' {
            break
        }
        'mcpauth;help;store' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what keeps the logins, where they lie and whether the key answers')
            [CompletionResult]::new('move', 'move', [CompletionResultType]::ParameterValue, 'Take every login over into another store: copy, verify, then remove')
            [CompletionResult]::new('passphrase', 'passphrase', [CompletionResultType]::ParameterValue, 'Change the passphrase of the store')
            break
        }
        'mcpauth;help;store;show' {
            break
        }
        'mcpauth;help;store;move' {
            break
        }
        'mcpauth;help;store;passphrase' {
            break
        }
        'mcpauth;help;discover' {
            break
        }
        'mcpauth;help;doctor' {
            break
        }
        'mcpauth;help;audit' {
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that no line of the log was changed, taken out or put in')
            break
        }
        'mcpauth;help;audit;verify' {
            break
        }
        'mcpauth;help;mcp' {
            break
        }
        'mcpauth;help;sandbox' {
            break
        }
        'mcpauth;help;demo' {
            break
        }
        'mcpauth;help;completions' {
            break
        }
        'mcpauth;help;man' {
            break
        }
        'mcpauth;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
