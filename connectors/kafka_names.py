"""What topics, clients and groups are called on brokers that installations share: ours begin with our prefix.

Everything here uses a topic's own name, `events.v1`. The other one, `lanzhou.events.v1`, is made here, for the calls of
the client library and for what is told to people. A topic of another installation has its whole name on both sides.
"""

from __future__ import annotations

from connectors.address import Where, address_of


class BrokerNames:
    """From our names to those on the brokers of an address, and back."""

    def __init__(self, where: Where) -> None:
        address = address_of(where)
        self._prefix = address.prefix
        self._others = address.others

    def there(self, name: str) -> str:
        """What a topic of ours, or that we may read, is called on the brokers; the same for clients and groups."""
        return name if name in self._others else self._prefix + name

    def here(self, name: str) -> str | None:
        """What we call a topic of the brokers; None for one that is nothing to us."""
        if name in self._others:
            return name
        return name[len(self._prefix) :] if name.startswith(self._prefix) else None
