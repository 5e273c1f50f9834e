"""FastMCP with its OAuth proxy, which is how servers in front of GitHub, Google or Entra are built: it registers
everybody who asks, shows a consent page of its own, and signs people in at an issuer that knows one client only.

That issuer is oidc-provider.mjs: PEERS_UPSTREAM is its address, PEERS_CLIENT the id and the secret of the client.
Tokens for the MCP client are JWTs of the proxy; behind each stands a token of the issuer, which the proxy
introspects at every request. The proxy keeps its state in files below FASTMCP_HOME, as it does by default.

Ready line: {"url": the MCP endpoint, "issuer": …}. `GET /_books` tells what happened at the proxy.
"""

import os

from fastmcp import FastMCP
from fastmcp.server.auth import OAuthProxy
from fastmcp.server.auth.providers.introspection import IntrospectionTokenVerifier

from serve import SCOPE, FURTHER_SCOPE, Books, reserve, serve

place, origin = reserve()
books = Books()
upstream = os.environ["PEERS_UPSTREAM"]
client_id, client_secret = os.environ["PEERS_CLIENT"].split(" ")[:2]


class Proxy(OAuthProxy):
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


proxy = Proxy(
    upstream_authorization_endpoint=f"{upstream}/auth",
    upstream_token_endpoint=f"{upstream}/token",
    upstream_revocation_endpoint=f"{upstream}/token/revocation",
    upstream_client_id=client_id,
    upstream_client_secret=client_secret,
    token_verifier=IntrospectionTokenVerifier(
        introspection_url=f"{upstream}/token/introspection",
        client_id=client_id,
        client_secret=client_secret,
        required_scopes=[SCOPE],
    ),
    base_url=origin,
    valid_scopes=[SCOPE, FURTHER_SCOPE],
)
server = FastMCP("fastmcp peer", auth=proxy)


@server.tool
def hello() -> str:
    """says hello"""
    return "hello"


@server.custom_route("/_books", methods=["GET"])
async def tell(_request):
    return books.answer(None)


app = server.http_app(path="/mcp", json_response=True, stateless_http=True)
serve(books.watch(app), place, "fastmcp")
