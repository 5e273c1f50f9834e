"""The Python client as the host of an agent: agent.py MCPAUTH URL MODE

Lists the tools, asks for the state, begins a sign-in and sends a request. MODE is that of the client: legacy, auto, or a
revision without sessions.
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters


async def converse(program, url, mode):
    server = StdioServerParameters(command=program, args=["mcp"], env={"HOME": os.environ["HOME"]})
    async with Client(server, mode=mode) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert tools == ["auth_login", "auth_status", "api_call"], tools

        state = await client.call_tool("auth_status", {"server": url})
        assert not state.is_error and state.structured_content["status"] == "completed", state

        begun = await client.call_tool("auth_login", {"server": url, "account": "second"})
        assert begun.structured_content["status"] == "pending", begun
        session = {"session_id": begun.structured_content["session_id"]}
        pending = await client.call_tool("auth_status", session)
        assert pending.structured_content["authorization_url"].startswith("http://127.0.0.1:"), pending

        # What the server makes of an empty request is its own affair: it took the token.
        told = await client.call_tool("api_call", {"server": url, "method": "GET", "path": "/userinfo"})
        assert told.structured_content["status"] not in (401, "error"), told


asyncio.run(converse(*sys.argv[1:]))
