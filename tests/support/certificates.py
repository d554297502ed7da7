"""A small authority of certificates for tests: what it signs, what is out of date, and what another one has signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Pair(NamedTuple):
    """The files of a certificate and of its private key, both PEM."""

    certificate: Path
    key: Path

    @property
    def both(self) -> str:
        """Key and certificate in one text, as a Java keystore in PEM has them."""
        return self.key.read_text() + self.certificate.read_text()


class Authority:
    """Signs certificates for 127.0.0.1; its own stands in `ca`."""

    def __init__(self, folder: Path, name: str = "ca", days: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(f"authority {name}")
        signed = _wanted(self._name, self._name, self._key, -DAY, days * DAY)
        signed = signed.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.ca = folder / f"{name}.pem"
        self.ca.write_bytes(signed.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def sign(self, name: str, host: str = "127.0.0.1", expired: bool = False, days: int = 1) -> Pair:
        """A certificate for a server at `host`, or for a client called `name`; valid for some days, or no more."""
        key = ec.generate_private_key(ec.SECP256R1())
        begins, ends = (-2 * DAY, -DAY) if expired else (-DAY, days * DAY)
        signed = _wanted(_named(name), self._name, key, begins, ends)
        places = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        signed = signed.add_extension(places, critical=False)
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.certificate.write_bytes(signed.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _wanted(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    wanted = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    wanted = wanted.serial_number(x509.random_serial_number())
    return wanted.not_valid_before(now + begins).not_valid_after(now + ends)
