"""What the Python peers share: a port of their own, one ready line, a memory that may outlive them, books.

    PEERS_PORTS   the port of an earlier start, so that a peer comes back at its old address
    PEERS_STATE   the file with what it knew then; written at the end, read at the next start if it is there
    PEERS_TTL     how many seconds access tokens live, where a peer can be told; else an hour
    PEERS_SESSIONS  set where a peer is to keep sessions
"""

import asyncio
import json
import os
import pickle
import socket
import sys
from importlib.metadata import version
from pathlib import Path

import uvicorn
from starlette.responses import JSONResponse

SCOPE = "mcp:tools"
FURTHER_SCOPE = "mcp:more"
TTL = int(os.environ.get("PEERS_TTL") or 3600)
SESSIONS = bool(os.environ.get("PEERS_SESSIONS"))


class Books:
    """What happened at the issuer, as it saw it."""

    def __init__(self):
        self.registrations = self.codes_redeemed = self.refreshes = self.refused = self.revocations = 0
        self.errors = []

    def refuse(self, why):
        self.refused += 1
        self.errors.append(why)

    def watch(self, app):
        """The same application; what its token endpoint turns away is noted."""

        async def watched(scope, receive, send):
            async def noting(message):
                if scope.get("path") == "/token" and message.get("status", 0) >= 400:
                    self.refuse(f"/token answered {message['status']}")
                await send(message)

            await app(scope, receive, noting)

        return watched

    def answer(self, live_grants):
        return JSONResponse({**vars(self), "live_grants": live_grants})


def reserve():
    """A listening socket: issuers must know their own address when they are built."""
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", int(os.environ.get("PEERS_PORTS") or 0)))
    place.listen()
    return place, f"http://127.0.0.1:{place.getsockname()[1]}"


def remembered():
    """What `remember` of an earlier start returned, or None."""
    state = Path(os.environ.get("PEERS_STATE", ""))
    return pickle.loads(state.read_bytes()) if state.is_file() else None


class Server(uvicorn.Server):
    """Serves until SIGTERM, then writes down what is to be remembered."""

    def __init__(self, app, facts, remember):
        super().__init__(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none"))
        self.facts, self.remember = facts, remember

    async def startup(self, sockets=None):
        await super().startup(sockets)
        print(json.dumps(self.facts), flush=True)

    async def shutdown(self, sockets=None):
        if self.remember and os.environ.get("PEERS_STATE"):
            Path(os.environ["PEERS_STATE"]).write_bytes(pickle.dumps(self.remember()))
        await super().shutdown(sockets)


def serve(app, place, package, path="/mcp", remember=None):
    """Prints the ready line and serves. The end of whoever started this ends it, too."""
    origin = f"http://127.0.0.1:{place.getsockname()[1]}"
    facts = {
        "peer": f"{package} {version(package)}",
        "url": origin + path,
        "issuer": origin,
        "ports": [place.getsockname()[1]],
    }
    server = Server(app, facts, remember)
    try:
        asyncio.run(server.serve(sockets=[place]))
    except KeyboardInterrupt:
        sys.exit(0)
