"""Until when certificates are valid: those in a file, and that of a server, as it shows itself."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

SECONDS = 5.0  # that a server may take to show its own


def first_end(path: Path | str) -> datetime:
    """When the first of the certificates in a PEM file ends. Raises `ValueError` where none can be read in it."""
    found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    return min(each.not_valid_after_utc for each in found)


def served_until(host: str, port: int, ca: str = "", certificate: str = "", key: str = "") -> datetime:
    """When the certificate of a server ends that `ca` vouches for. Raises `OSError` where it shows none that is right.

    `certificate` and `key` are our own, for servers that ask for one.
    """
    context = ssl.create_default_context(cafile=ca or None)
    if certificate:
        context.load_cert_chain(certificate, key)
    with (
        socket.create_connection((host, port), SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as locked,
    ):
        shown = locked.getpeercert()
    assert shown is not None  # it was asked for, and checked
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
