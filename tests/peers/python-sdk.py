"""The MCP Python SDK's own server: its auth routes, its bearer middleware, its Streamable HTTP transport.

The SDK leaves the provider to whoever uses it. `Issuer` is what the SDK's documentation asks for: rotation of both
tokens, tokens for exactly one resource, and the end of the whole grant when one of its tokens is revoked or a spent
refresh token comes back. Known traits of the SDK's routes: they list no `none` for clients, they want `client_id`
in the body beside HTTP Basic, and they revoke only for clients that have a secret.

Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` tells what happened.
"""

import secrets
import time

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthToken

from serve import FURTHER_SCOPE, SCOPE, Books, remembered, reserve, serve

LIFETIME = 3600

place, origin = reserve()
resource = f"{origin}/mcp"
books = Books()


class Family:
    """One grant: its access token, its current refresh token, the spent ones."""

    def __init__(self, code):
        self.client_id, self.scopes = code.client_id, code.scopes
        self.spent = set()
        self.renew(self.scopes)

    def renew(self, scopes):
        facts = {"client_id": self.client_id, "resource": resource, "subject": "peer-person"}
        self.access = AccessToken(
            token=secrets.token_urlsafe(32), scopes=scopes, expires_at=int(time.time()) + LIFETIME, **facts
        )
        self.refresh = RefreshToken(token=secrets.token_urlsafe(32), scopes=self.scopes, **facts)
        return OAuthToken(
            access_token=self.access.token,
            token_type="Bearer",
            expires_in=LIFETIME,
            scope=" ".join(scopes),
            refresh_token=self.refresh.token,
        )


class Issuer(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    def __init__(self, clients, families):
        self.clients, self.families = clients, families
        self.codes = {}

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def register_client(self, client_info):
        books.registrations += 1
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client, params):
        code = AuthorizationCode(
            code=secrets.token_urlsafe(32),
            scopes=params.scopes or [SCOPE],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, client, authorization_code):
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(self, client, authorization_code):
        del self.codes[authorization_code.code]
        if authorization_code.resource != resource:
            raise TokenError("invalid_target")
        family = Family(authorization_code)
        self.families.append(family)
        books.codes_redeemed += 1
        return family.renew(family.scopes)

    async def load_refresh_token(self, client, refresh_token):
        for family in list(self.families):
            if refresh_token in family.spent:
                self.families.remove(family)
            elif refresh_token == family.refresh.token:
                return family.refresh
        return None

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        family = next(one for one in self.families if one.refresh.token == refresh_token.token)
        family.spent.add(refresh_token.token)
        books.refreshes += 1
        return family.renew(scopes)

    async def load_access_token(self, token):
        return next((one.access for one in self.families if one.access.token == token), None)

    async def revoke_token(self, token):
        for family in list(self.families):
            if token.token in (family.access.token, family.refresh.token):
                self.families.remove(family)
                books.revocations += 1


issuer = Issuer(*(remembered() or ({}, [])))
scopes = [SCOPE, FURTHER_SCOPE]
server = MCPServer(
    "python-sdk peer",
    auth_server_provider=issuer,
    auth=AuthSettings(
        issuer_url=origin,
        resource_server_url=resource,
        required_scopes=[SCOPE],
        client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=scopes, default_scopes=scopes),
        revocation_options=RevocationOptions(enabled=True),
        validate_token_resource=True,
    ),
)


@server.tool()
def hello() -> str:
    """says hello"""
    return "hello"


@server.custom_route("/_books", methods=["GET"])
async def tell(_request):
    return books.answer(len(issuer.families))


app = server.streamable_http_app(json_response=True, stateless_http=True)
serve(books.watch(app), place, "mcp", remember=lambda: (issuer.clients, issuer.families))
