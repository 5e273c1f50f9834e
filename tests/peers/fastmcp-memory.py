"""FastMCP with its own in-memory provider, as its documentation uses it for development.

Only the books and the memory are ours. Known traits: the issuer ends in a slash, refused grants come with 401, and
its revocation route is the Python SDK's.

Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` tells what happened.
"""

from fastmcp import FastMCP
from fastmcp.server.auth.auth import ClientRegistrationOptions, RevocationOptions
from fastmcp.server.auth.providers import in_memory

from serve import FURTHER_SCOPE, SCOPE, SESSIONS, TTL, Books, remembered, reserve, serve

MEMORY = (
    "clients",
    "access_tokens",
    "refresh_tokens",
    "_access_to_refresh_map",
    "_refresh_to_access_map",
)

in_memory.DEFAULT_ACCESS_TOKEN_EXPIRY_SECONDS = TTL
place, origin = reserve()
books = Books()


class Issuer(in_memory.InMemoryOAuthProvider):
    async def register_client(self, client_info):
        books.registrations += 1
        await super().register_client(client_info)

    async def exchange_authorization_code(self, client, authorization_code):
        tokens = await super().exchange_authorization_code(client, authorization_code)
        books.codes_redeemed += 1
        return tokens

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        tokens = await super().exchange_refresh_token(client, refresh_token, scopes)
        books.refreshes += 1
        return tokens

    async def revoke_token(self, token):
        await super().revoke_token(token)
        books.revocations += 1


scopes = [SCOPE, FURTHER_SCOPE]
issuer = Issuer(
    base_url=origin,
    required_scopes=[SCOPE],
    client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=scopes),
    revocation_options=RevocationOptions(enabled=True),
)
for name, value in (remembered() or {}).items():
    setattr(issuer, name, value)

server = FastMCP("fastmcp peer", auth=issuer)


@server.tool
def hello() -> str:
    """says hello"""
    return "hello"


@server.custom_route("/_books", methods=["GET"])
async def tell(_request):
    return books.answer(len(issuer.refresh_tokens))


app = server.http_app(path="/mcp", json_response=not SESSIONS, stateless_http=not SESSIONS)
serve(books.watch(app), place, "fastmcp", remember=lambda: {name: getattr(issuer, name) for name in MEMORY})
