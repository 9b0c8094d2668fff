"""What comes in with a request, read with a limit of bytes and of time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

SECONDS = 20.0


class TooLong(Exception):
    """More came than is taken; the rest was not read."""


class TooSlow(Exception):
    """It did not come to its end in time, or whoever sent it went away."""


async def read(request: Request, *, most_bytes: int) -> bytes:
    """Return a request's body.

    Raises:
        TooLong: it has more than `most_bytes`.
        TooSlow: it took more than `SECONDS`, or broke off.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise TooLong
    except (TimeoutError, ClientDisconnect) as error:
        raise TooSlow from error
    return bytes(body)
