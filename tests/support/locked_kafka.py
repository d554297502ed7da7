"""An Apache Kafka with doors of every kind: open, with a password over TLS, with certificates, and out of date."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from certificates import Authority, Pair
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from connectors.address import Address, Lock
from connectors.apache_kafka import ApacheKafka
from connectors.child_server import HOST, free_port
from connectors.kafka_access import commands

DOORS = {"PASSWORD": "SASL_SSL", "CERTIFICATE": "SSL", "EXPIRED": "SASL_SSL"}  # beside the open one for the tests


class LockedKafka(ApacheKafka):
    """Whoever comes by the open door may do everything, and by another what the ACLs say."""

    def __init__(self, folder: Path, authority: Authority | None = None) -> None:
        super().__init__(folder, more={"log.cleaner.backoff.ms": "100"})
        self.authority = authority or Authority(folder / "certificates")
        self.stranger = Authority(folder / "certificates", "stranger")
        self._ports = {door: free_port() for door in DOORS}

    def door(self, name: str) -> str:
        """Where a door is."""
        return f"{HOST}:{self._ports[name]}"

    def add_user(self, name: str, password: str) -> None:
        """A user with a password, and no right."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        wanted = UserScramCredentialUpsertion(name, info, password.encode())
        for answer in admin.alter_user_scram_credentials([wanted]).values():
            answer.result(10)

    def allow(self, process: str, user: str, channels: Sequence[str] = (), prefix: str = "") -> None:
        """Run the commands that `anlan access process` prints, as an administrator does, for names with a prefix."""
        (self.folder / "admin.properties").touch()
        for line in commands(process, user, channels, Address("", prefix=prefix)):
            said = line.replace("$KAFKA", self.bootstrap).replace("$ADMIN", str(self.folder / "admin.properties"))
            self.run("kafka.admin.AclCommand", *shlex.split(said)[1:])

    def user(self, name: str, password: str = "a secret of its own") -> Address:
        """Its address as a user that was made with `password` in a file knows it."""
        file = self.folder / f"{name}.password"
        file.write_text(password + "\n")
        return Address(self.door("PASSWORD"), Lock(True, str(self.authority.ca), user=name, password_file=str(file)))

    def _settings(self, port: int) -> dict[str, str]:
        places = {"PLAINTEXT": f"{HOST}:{port}", **{door: self.door(door) for door in DOORS}}
        shown = ",".join(f"{door}://{place}" for door, place in places.items())
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **DOORS}
        return {
            "listeners": f"{shown},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": shown,
            "listener.security.protocol.map": ",".join(f"{name}:{is_}" for name, is_ in protocols.items()),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.certificate.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
            **self._certified("password", self.authority.sign("broker")),
            **self._certified("certificate", self.authority.sign("broker")),
            **self._certified("expired", self.authority.sign("broker-expired", expired=True)),
            **{f"listener.name.{door}.scram-sha-512.sasl.jaas.config": _SCRAM for door in ("password", "expired")},
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            **self._more,
        }

    def _certified(self, door: str, pair: Pair) -> dict[str, str]:
        """The certificate that a door shows, and whose it takes."""
        store = pair.certificate.with_suffix(".both")
        store.write_text(pair.both)
        return {
            f"listener.name.{door}.ssl.keystore.type": "PEM",
            f"listener.name.{door}.ssl.keystore.location": str(store),
            f"listener.name.{door}.ssl.truststore.type": "PEM",
            f"listener.name.{door}.ssl.truststore.location": str(self.authority.ca),
        }


_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
