"""Why a Kafka cluster does not let us in or do something, and which setting or right mends it."""

from __future__ import annotations

import re
import socket
import ssl
from urllib.parse import urlsplit

from confluent_kafka import KafkaError

from connectors.address import SEE_CERTIFICATE, Address

LOGIN = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.UNSUPPORTED_SASL_MECHANISM}
RIGHTS = {KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED}
REFUSED = LOGIN | RIGHTS  # however often the broker is asked
UNSAFE = KafkaError._SSL  # passes when somebody replaces a certificate

LOOK_SECONDS = 5.0
_AFTER = re.compile(r" \(after \d+ms in state \w+\)$")


def remedy(code: int, said: str = "") -> str:
    """What to do about an error, to be put behind a sentence: `; see …`; empty where nothing is known."""
    if code in LOGIN:
        return "; see `kafka_user`, `kafka_password_file` and `kafka_mechanism`"
    if code in RIGHTS or code == KafkaError.GROUP_AUTHORIZATION_FAILED:
        return "; give our user its rights: `anlan access process` prints them"
    if "SSL alert" in said:
        return "; see `tls_certificate` and `tls_key`: the broker does not take what they show"
    if "PLAINTEXT" in said or "wrong version" in said or "SSL connection closed by peer" in said:
        return "; see `kafka_tls`"
    return f"; {SEE_CERTIFICATE}" if code == UNSAFE else ""


def certificate_fault(address: Address) -> str:
    """Why the certificate of the first broker that answers is not trusted; empty where nothing is found."""
    context = ssl.create_default_context(cafile=address.lock.ca or None)
    for place in address.place.split(","):
        parts = urlsplit(f"//{place.strip()}")
        host, port = parts.hostname or "", parts.port or 9092
        try:
            with socket.create_connection((host, port), LOOK_SECONDS) as plain:
                context.wrap_socket(plain, server_hostname=host).close()
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
        except OSError:
            continue
    return ""


class Complaint:
    """What a client that asks once heard while it waited for its answer."""

    def __init__(self) -> None:
        self.said = ""
        self.is_final = False
        self._code = 0

    def hear(self, error: KafkaError) -> None:
        """Called by the client library; the reason is kept, that no broker is left says nothing."""
        if not self.is_final and error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.said, self._code = _AFTER.sub("", error.str()), error.code()
            self.is_final = self._code in LOGIN or self._code == UNSAFE

    def look_closer(self, address: Address) -> None:
        """Say what is wrong with a certificate: the library says only that it was not taken."""
        if self._code == UNSAFE and (fault := certificate_fault(address)):
            self.said = fault

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return remedy(self._code, self.said) or "; start it, or see `kafka` and `kafka_tls`"
