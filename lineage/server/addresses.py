"""Where servers listen, who can reach them there, and what they prove themselves with."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from lineage.errors import Invalid, excerpt

__all__ = ["Address", "Certificate", "address_of"]


class Address(NamedTuple):
    """A host, by name or number, and a port; port 0 is any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it. A name may mean any machine, but for `localhost`."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class Certificate(NamedTuple):
    """What a server proves itself with; with `clients`, the authority that clients must be of."""

    certificate: Path
    key: Path
    clients: Path | None = None


def address_of(text: str) -> Address:
    """Return the address that `HOST:PORT` means, an IPv6 host in brackets; Invalid for what is none."""
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 65536):
        raise Invalid(
            f"{excerpt(text, 200)} is no address; write HOST:PORT, such as 127.0.0.1:8080"
        )
    if host[0] == "[" and host[-1] == "]":
        host = host[1:-1]
    return Address(host, int(port))
