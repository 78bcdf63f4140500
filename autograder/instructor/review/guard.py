"""Who is let in: who has the token, by this machine's own name, and with a form that one of our pages made.

Other users of the machine, and pages of other sites in the same browser, can reach the port: they get nothing.
"""

import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, redirect, request
from werkzeug.wrappers import Response as Answer

HOSTS = ("127.0.0.1", "localhost")
TOKEN = "token"  # in the address and of no other use
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'nonce-{nonce}'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def protect(app: Flask, token: str) -> None:
    """Let nobody in without the token, and tell browsers to run and fetch nothing but what is ours."""
    cookie = f"review-{_derived(token, 'name')[:12]}"  # cookies of one machine's ports lie together
    session, form = _derived(token, "session"), _derived(token, "form")

    @app.before_request
    def check() -> Answer | None:
        g.nonce, g.form_token = secrets.token_urlsafe(16), form
        if urlsplit(f"//{request.host}").hostname not in HOSTS:
            abort(403, "The address must begin with http://127.0.0.1 or http://localhost.")
        if TOKEN in request.args and request.method == "GET":
            if not _same(request.args[TOKEN], token):
                abort(403, "The token in the address is another one: open the address that the command prints now.")
            answer = redirect(request.path)
            answer.set_cookie(cookie, session, httponly=True, samesite="Strict")
            return answer
        if not _same(request.cookies.get(cookie, ""), session):
            abort(403, "Open the address that `python -m autograder review` prints: it holds a token.")
        if request.method not in ("GET", "HEAD"):
            own = request.headers.get("Origin") in (None, request.host_url.rstrip("/"))
            if not own or not _same(request.form.get("form_token", ""), form):
                abort(403, "This form was not made by a page of this program; nothing was changed.")
        return None

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=g.get("nonce", "")))
        return response


def _derived(token: str, use: str) -> str:
    return hmac.new(token.encode(), use.encode(), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())
