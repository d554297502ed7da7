"""A small OpenID Connect issuer on a real port: it names its keys, signs tokens, and may go away and come back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from litestar import Litestar, Request, Response, get

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
AUDIENCE = "anlan"


def rsa_key(kid: str) -> Key:
    return RSAKey.import_key(rsa.generate_private_key(65537, 2048), {"kid": kid, "use": "sig"})  # type: ignore[arg-type]


def ec_key(kid: str) -> Key:
    return ECKey.import_key(ec.generate_private_key(ec.SECP256R1()), {"kid": kid, "use": "sig"})  # type: ignore[arg-type]


def ed_key(kid: str) -> Key:
    return OKPKey.import_key(ed25519.Ed25519PrivateKey.generate(), {"kid": kid, "use": "sig"})  # type: ignore[arg-type]


def certificate(path: Path) -> Path:
    """A file with a certificate of this machine that no authority has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "small issuer")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def segment(value: Any) -> str:
    """A part of a token: bytes, or anything else as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class SmallIssuer:
    """One address; `keys` are those that it names, `asked` counts how often which path was asked for."""

    def __init__(self, *keys: Key, certificate: Path | None = None) -> None:
        self.keys = list(keys)
        self._certificate = certificate
        self.asked: Counter[str] = Counter()
        self.described: dict[str, Any] = {}  # what it says of itself otherwise than it should
        self.moved_to = ""  # where it sends those who ask for keys
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Answer on the address; the first time on any free one."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        config = uvicorn.Config(
            self._app(), lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1,
            ssl_certfile=self._certificate,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nothing any more."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(30)
            self._server = self._thread = None

    def _app(self) -> Litestar:
        @get("/.well-known/openid-configuration", sync_to_thread=False)
        def describe(request: Request[Any, Any, Any]) -> dict[str, Any]:
            self.asked["description"] += 1
            return {"issuer": self.address, "jwks_uri": f"{self.address}/keys"} | self.described

        @get("/keys", sync_to_thread=False)
        def name_keys(request: Request[Any, Any, Any]) -> Response[Any]:
            self.asked["keys"] += 1
            if self.moved_to:
                return Response(None, status_code=302, headers={"location": self.moved_to})
            return Response({"keys": [key.as_dict(private=False) for key in self.keys]})

        return Litestar([describe, name_keys], openapi_config=None, logging_config=None)

    def claims(self, now: datetime = NOW, **changes: Any) -> dict[str, Any]:
        """Those of a duty officer of a county; a change to None leaves one out."""
        seconds = int(now.timestamp())
        claims = {
            "iss": self.address, "aud": AUDIENCE, "sub": "u-1", "iat": seconds, "exp": seconds + 300,
            "preferred_username": "zhao.lei", "anlan_role": "duty.county", "anlan_region": "620102",
        }  # fmt: skip
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(
        self, key: Key, algorithm: str, header: dict[str, Any] | None = None, now: datetime = NOW, **changes: Any
    ) -> str:
        """A token signed with a key, whether the issuer names it or not."""
        head = {"alg": algorithm, "kid": key.kid} | (header or {})
        return jwt.encode(
            {name: value for name, value in head.items() if value is not None}, self.claims(now, **changes), key,
            algorithms=[algorithm],
        )  # fmt: skip

    def unsigned(self, kid: str) -> str:
        """A token that says of itself that nobody has signed it."""
        return f"{segment({'alg': 'none', 'kid': kid})}.{segment(self.claims())}."

    def signed_with_the_public(self, key: Key) -> str:
        """The old trick: a public key, which everybody has, as the secret of a symmetric signature."""
        said = f"{segment({'alg': 'HS256', 'kid': key.kid})}.{segment(self.claims())}"
        secret = key.as_pem(private=False)  # type: ignore[union-attr]
        return f"{said}.{segment(hmac.digest(secret, said.encode(), hashlib.sha256))}"
