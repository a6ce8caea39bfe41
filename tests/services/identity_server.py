"""An OpenID Connect provider on loopback, which tests can make lie."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

Claims = dict[str, Any]


@dataclass
class Provider:
    """What it says; tests change it."""

    issuer: str = ""
    says_it_is: str | None = None
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}))
    signs_with: RSAKey | None = None
    header: dict[str, str] = field(default_factory=lambda: {"alg": "RS256", "kid": "k1"})
    change: Callable[[Claims], Claims] = lambda claims: claims
    person: Claims = field(
        default_factory=lambda: {
            "sub": "123",
            "preferred_username": "Ana",
            "name": "Ana Alba",
            "email": "ana@example.com",
            "email_verified": True,
        }
    )
    begun: dict[str, dict[str, str]] = field(default_factory=dict)
    key_requests: int = 0

    def visit(self, url: str) -> tuple[str, str]:
        """What a browser does there: gives state and code."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = f"code{len(self.begun)}"
        self.begun[code] = query
        return query["state"], code

    def token(self, form: dict[str, str]) -> tuple[int, Claims]:
        """The token endpoint: a code is good once, for whoever knows the verifier."""
        begun = self.begun.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": begun["client_id"], "iat": now, "exp": now + 300, "nonce": begun["nonce"]}
        signed = jwt.encode(self.header, self.change({**claims, **self.person}), self.signs_with or self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": signed}

    def described(self) -> Claims:
        """The discovery document."""
        return {
            "issuer": self.says_it_is or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }


@contextmanager
def serve(provider: Provider) -> Iterator[Provider]:
    """Let it listen."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/keys":
                provider.key_requests += 1
                self._answer(200, {"keys": [provider.key.as_dict(private=False)]})
            else:
                self._answer(200, provider.described())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(*provider.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, status: int, value: Claims) -> None:
            text = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
