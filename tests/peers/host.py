"""The Python client as a host that keeps one session: host.py MODE PROGRAM ARGUMENT…

It connects, says so, and answers each line of its input with one of its output: `list`, or `call TOOL`. MODE is that of
the client: legacy, auto, or a revision without sessions.
"""

import asyncio
import json
import os
import sys
from importlib.metadata import version

from mcp import Client, MCPError, StdioServerParameters


async def answer(client, word, *names):
    try:
        told = await (client.list_tools() if word == "list" else client.call_tool(names[0], {}))
        return told.model_dump(mode="json", by_alias=True)
    except MCPError as error:
        return {"failed": str(error)}


async def converse(mode, program, *arguments):
    server = StdioServerParameters(command=program, args=list(arguments), env={"HOME": os.environ["HOME"]})
    async with Client(server, mode=mode) as client:
        print(json.dumps({"host": f"mcp {version('mcp')}"}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(client, *line.split())), flush=True)


asyncio.run(converse(*sys.argv[1:]))
