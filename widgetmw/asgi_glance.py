"""A first look at an answer on its way out of an ASGI app: what most need is done at once, all others get a responder.

Most answers are no pages, as their type says, or pages of which nothing keeps a token out, that begin as the last one
did and whose user is known without waiting. What is done to them here is what a responder would do. It is also most of
what the package costs, so this file is written for speed: each request has a plain list, to which a function is bound,
since an object of a class of ours takes 0.2 µs longer to make and to call. The request stands in a cell in it: error
reporters write down what a function is bound to, and of a cell no more than that it is one. Its twin is
``wsgi_glance.py``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable
from typing import Any, Final, TypeAlias

from asgiref.sync import markcoroutinefunction

from widgetmw.asgi_responder import PURPOSES, Asker, Message, Responder, Scope, Send, marked, nothing
from widgetmw.core.errors import ResolverError
from widgetmw.core.identity import UNASKED, AsyncResolver, ask_soon, whose_soon
from widgetmw.core.plain_headers import PlainHeaders
from widgetmw.core.response import TYPES
from widgetmw.core.user import User
from widgetmw.core.widget import VALIDATORS, Widget

# What is known of one answer:
#   0  what takes the app's messages from now on, or None: not decided yet
#   1  None; or a copy of the message that started a page, and its headers as they become; or the responder
#   2  the server's send
#   3  the glance
#   4  a cell with the scope
#   5  the path the app is mounted under
Answer: TypeAlias = list[Any]

_CLOSER: Final = PURPOSES.union(name.encode() for name in (*VALIDATORS, "sec-fetch-site"))
_SITE: Final = b"sec-fetch-site"
_FOREIGN: Final = b"cross-site"
_TYPE: Final = b"content-type"


def special(scope: Scope) -> bool:
    """Whether a request, with a list for headers, is one for a closer look.

    It is none for a page, or may hold validators, or comes from another site, which may show the page in a frame, or
    says that it is made ahead of a click.
    """
    for name, value in scope["headers"]:
        if name in _CLOSER and (name != _SITE or value == _FOREIGN):
            return True
    return scope.get("method") != "GET"


class Glance:
    """What the first looks at all answers of one middleware have in common.

    Args:
        widget: what decides; a :attr:`~widgetmw.core.widget.Widget.usual` one.
        user: finds out who is signed in.

    Attributes:
        headers: makes those of a page private.
        outcomes: counts what becomes of answers.
    """

    responder: type[Responder] = Responder

    def __init__(self, widget: Widget, user: AsyncResolver) -> None:
        self.widget = widget
        self.user = user
        self.headers = PlainHeaders(widget.settings.cache_control, bytes)
        self.outcomes = widget.events.tally("page")

    def page(self, answer: Answer, message: Any) -> Awaitable[None]:
        """Takes the message that follows the start of a page."""
        _, (start, private), send, _, cell, mount = answer
        scope = cell.cell_contents
        found: Any = UNASKED
        out: Any = None
        try:
            data: Any = message["body"] if message["type"] == "http.response.body" else None
            opening = self.widget.opening(mount, data) if data.__class__ is bytes else None
            if opening is not None:
                found = whose_soon(scope, self.user)
                if found.__class__ is User:
                    dressed = self.widget.plain(private, opening, data, found)
                    if dressed is not None:
                        out = message.copy()
                        start["headers"], out["body"] = dressed
                elif found is None and not marked(scope["headers"]):  # our cookie asks for a page that cleans up
                    out = message
        except ResolverError as error:
            found = ResolverError(str(error))  # whose traceback does not hold the request
        except Exception:
            out = None  # a responder will meet the same, and say it
        if out is None:
            return _replay(closer(answer, found), start, message)
        answer[0], answer[1] = send, None
        self.outcomes["nobody" if found is None else "injected"] += 1
        return _both(send, start, out)


class AskingGlance(Glance):
    """Asks for the user where session and context live, for one further out that sees the final answer."""

    responder = Asker

    def __init__(self, widget: Widget, user: AsyncResolver) -> None:
        super().__init__(widget, user)
        self.outcomes = defaultdict(int)  # they are counted further out

    def page(self, answer: Answer, message: Any) -> Awaitable[None]:
        _, (start, _), send, _, cell, mount = answer
        data = message.get("body") if message["type"] == "http.response.body" else None
        if data.__class__ is not bytes or self.widget.opening(mount, data) is None:
            return _replay(closer(answer), start, message)
        waiting = ask_soon(cell.cell_contents, self.user)
        if waiting is not None:
            return _replay(closer(answer, waiting), start, message)
        answer[0], answer[1] = send, None
        return _both(send, start, message)


@markcoroutinefunction  # or bridges such as asgiref's WsgiToAsgi would warn of it
def glanced(answer: Answer, message: Any) -> Awaitable[None]:
    """Takes a message of the app's.

    A plain function that hands back the coroutine to wait for: one of ours in between would cost every message.
    """
    through = answer[0]
    if through is not None:
        return through(message)  # type: ignore[no-any-return]
    if answer[1] is not None:
        return answer[3].page(answer, message)  # type: ignore[no-any-return]
    if message["type"] != "http.response.start":
        return answer[2](message)  # type: ignore[no-any-return]  # early hints and their kin come before the answer
    kind = private = None
    try:
        headers = message["headers"]
        if headers.__class__ is list:  # others may be such that can be read once
            for name, value in headers:
                if name == _TYPE:
                    kind = TYPES.get(value)
                    break
            if kind is True and message["status"] == 200:
                private = answer[3].headers.private(headers)
                start = message.copy()
                start["headers"] = headers.copy()  # as they are sent: servers do not look at a list again either
    except Exception:
        kind = private = None  # a responder will meet the same, and say it
    if kind.__class__ is str:  # most answers are no pages, and this is enough to know
        answer[3].outcomes[kind] += 1
        answer[0] = send = answer[2]
        return send(message)  # type: ignore[no-any-return]
    if private is None:
        return closer(answer).send(message)
    answer[1] = start, private
    return nothing()


def closer(answer: Answer, found: Any = UNASKED) -> Responder:
    """Leaves an answer to a responder.

    Args:
        answer: what is known of it.
        found: what the resolver has said, if it was asked.
    """
    _, _, send, glance, cell, mount = answer
    # of the path only one thing matters: that it is not to be left alone, which was seen before
    responder: Responder = glance.responder(glance.widget, cell.cell_contents, mount, "", send, glance.user, (), found)
    answer[0], answer[1] = responder.send, responder
    return responder


async def ended(answer: Answer) -> None:
    """Sends what is still held when the app has returned without an end."""
    left = answer[1]
    if left.__class__ is tuple:
        start, _ = left
        left = closer(answer)
        await left.send(start)
    if left is not None and left.holding:
        await left.close()


def _replay(responder: Responder, start: Message, message: Message) -> Awaitable[None]:
    # at once, as a responder does its work, and not only when it is waited for
    waiting: Any = responder.send(start)
    if not responder.holding:
        return _replay_after(waiting, responder, message)
    waiting.close()  # there is nothing to wait for
    return responder.send(message)


async def _replay_after(waiting: Awaitable[None], responder: Responder, message: Message) -> None:
    await waiting
    await responder.send(message)


async def _both(send: Send, start: Message, message: Message) -> None:
    await send(start)
    await send(message)
