"""The guard: who may ask the page or the service anything at all, before any of our code sees the request."""

from __future__ import annotations

import html
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ...model.askers import Asker, current_asker
from ...model.system import user_number
from .connection import CALLER, Caller
from .refusals import RefusedError, refusal
from .settings import Settings
from .token import cookie_value, is_token

HEALTH_PATH = "/health"
PARAMETER = "token"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_SENTENCE = "this needs the token that is in the address which soundgrep printed, or in its --token-file"
_SIGN_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>soundgrep</title>
<meta name="viewport" content="width=device-width"><style>body{{font:1rem sans-serif;margin:4rem auto;max-width:32rem;
padding:0 1rem;color-scheme:light dark}}input{{font:inherit;width:100%;box-sizing:border-box}}</style>
<h1>Who is there?</h1><p>{sentence}.</p><form><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required></form></html>"""
_UNSEEN = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}


class Guard:
    """Lets in who calls the service by one of its names, from no page but its own, and knows the token.

    That is so for requests and for the page's sockets alike. Without a token in the settings nobody is asked for one.
    A browser shows the token once, in an address, and is known by a cookie after that; programs show it as
    `Authorization: Bearer TOKEN`.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request or a socket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            check_host(headers, self._settings)
            check_origin(headers)
            answer = self._sign_in(scope, headers)
        except RefusedError as problem:
            answer = refusal(problem.status, problem.sentence, problem.headers)
        if answer is None:
            current_asker.set(Asker(str((scope.get("client") or ("",))[0])))
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _sign_in(self, scope: Scope, headers: Headers) -> Response | None:
        """Return what is answered to who may not come in yet, or None for who may."""
        token = self._settings.token
        if token is None:
            return None
        cookie = f"soundgrep-{(scope.get('server') or ('', 0))[1]}"
        shown = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=None)
        given = [value for name, value in shown if name == PARAMETER]
        if given and scope.get("method") == "GET" and is_token(given[0], token):
            rest = urlencode([(name, value) for name, value in shown if name != PARAMETER])
            return _known(scope, rest, cookie, cookie_value(token))
        if self._is_known(scope, headers, cookie, token):
            return None
        if scope.get("method") == "GET" and scope["path"] == HEALTH_PATH:
            return JSONResponse({"status": "ok"})  # that it answers is no secret; what is open is one
        if "text/html" in headers.get("accept", ""):
            page = _SIGN_IN.format(sentence=html.escape(_SENTENCE[0].upper() + _SENTENCE[1:]))
            return HTMLResponse(page, status_code=401, headers=_UNSEEN)
        return refusal(401, _SENTENCE, {"WWW-Authenticate": "Bearer"})

    def _is_known(self, scope: Scope, headers: Headers, cookie: str, token: str) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and is_token(bearer.strip(), token):
            return True
        kept = [cookie_parser(line).get(cookie, "") for line in headers.getlist("cookie")]
        if any(is_token(value, cookie_value(token)) for value in kept):
            return True
        caller = scope.get("state", {}).get(CALLER)
        return (
            self._settings.admits_owner
            and isinstance(caller, Caller)
            and not any(name in headers for name in _FORWARDED)  # a proxy of ours, and anybody before it
            and caller.owner == user_number()
        )


def check_host(headers: Headers, settings: Settings) -> None:
    """Turn away who calls the service by another name than its own.

    Raises:
        RefusedError: If the name is not among the settings' allowed ones.
    """
    allowed = settings.allowed_hosts
    if allowed is None:
        return
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        name = None
    if name not in allowed:
        raise RefusedError(421, "this service is for this machine only: call it by 127.0.0.1 or localhost")


def check_origin(headers: Headers) -> None:
    """Turn away what a page of another address sends: it would act with the rights of who looks at it.

    Browsers say where a request comes from, programs do not. Another port is another address, and so is another user's.

    Raises:
        RefusedError: If it comes from elsewhere.
    """
    host = headers.get("host", "")
    is_ours = all(host and origin.partition("://")[2] == host for origin in headers.getlist("origin"))
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    if not is_ours or (site not in ("none", "same-origin") and mode != "navigate"):
        raise RefusedError(403, "a page of another address may not ask this service anything")


def _known(scope: Scope, rest: str, cookie: str, value: str) -> Response:
    """Have a browser remember that it knows the token, and ask again without it."""
    # Relative, so that it holds behind a proxy under another path, and never leads to another host.
    last = quote(unquote_to_bytes(scope["path"].rpartition("/")[2]), safe="")
    answer = Response(status_code=303, headers={"Location": f"./{last}{'?' if rest else ''}{rest}", **_UNSEEN})
    is_secure = scope.get("scheme") == "https"
    answer.set_cookie(cookie, value, path="/", httponly=True, samesite="lax", secure=is_secure)
    return answer
