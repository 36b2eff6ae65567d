"""A small OAuth 2.0 provider on the loopback address: authorization codes with PKCE (RFC 6749, RFC 7636)."""

from __future__ import annotations

import hashlib
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, redirect, request
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = "the-app", "the-app's secret"


class Provider(Flask):
    """Asks nobody: who comes is ``user``, and agrees, unless ``agrees`` is False."""

    def __init__(self) -> None:
        super().__init__("provider")
        self.user = "1"
        self.agrees = True
        self.url = ""
        self._grants: dict[str, dict[str, str]] = {}
        self._owners: dict[str, str] = {}
        self.add_url_rule("/authorize", view_func=self.authorize)
        self.add_url_rule("/token", view_func=self.token, methods=["POST"])
        self.add_url_rule("/me", view_func=self.me)

    def endpoints(self) -> dict[str, str]:
        """What Authlib's ``register`` has to know."""
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorize_url": f"{self.url}/authorize",
            "access_token_url": f"{self.url}/token",
            "api_base_url": self.url,
        }

    def authorize(self) -> Any:
        asked = request.args.to_dict()
        assert asked["client_id"] == CLIENT_ID
        assert asked["response_type"] == "code"
        answer = {"state": asked["state"]}
        if self.agrees:
            answer["code"] = code = secrets.token_urlsafe()
            self._grants[code] = {**asked, "user": self.user}
        else:
            answer["error"] = "access_denied"
        return redirect(f"{asked['redirect_uri']}?{urlencode(answer)}")

    def token(self) -> Any:
        grant = self._grants.pop(request.form["code"], None)
        given = request.authorization
        if given is None or (given.username, given.password) != (CLIENT_ID, CLIENT_SECRET):
            abort(401)
        if grant is None or grant["redirect_uri"] != request.form["redirect_uri"] or not _is_proven(grant):
            return {"error": "invalid_grant"}, 400
        token = secrets.token_urlsafe()
        self._owners[token] = grant["user"]
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def me(self) -> Any:
        given = request.authorization
        if given is None or given.token not in self._owners:
            return Response(status=401)
        return {"sub": self._owners[given.token]}


def _is_proven(grant: dict[str, str]) -> bool:
    digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
    return grant["code_challenge"] == urlsafe_b64encode(digest).rstrip(b"=").decode()


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that answers, at its ``url``, until the end of the block."""
    provider = Provider()
    server = make_server("127.0.0.1", 0, provider, threaded=True)
    provider.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
