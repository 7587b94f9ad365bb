"""Signatures of bundles: Ed25519 (RFC 8032) over their canonical text, with keys in PEM files.

The library `cryptography` is an extra, `proof`, and is loaded when there is something to sign or to check.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lineage.errors import Invalid, MissingExtra, NotFound, Unproven, excerpt

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Signature", "is_signed", "public_key_of", "sign"]

Signature = dict[str, str]
"""The public key and the signature, both in hexadecimal, as a bundle has them."""
MOST_BYTES = 65_536
"""No file with a key is larger than this."""


def sign(text: bytes, key: str | Path) -> Signature:
    """Return the signature of a text with the private key in a PEM file (PKCS 8, not encrypted)."""
    private = _private_key(key)
    return {
        "algorithm": "Ed25519",
        "key": private.public_key().public_bytes_raw().hex(),
        "value": private.sign(text).hex(),
    }


def is_signed(text: bytes, signature: Signature) -> bool:
    """Whether a signature is that of its key over a text."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise _missing("check a signature") from error
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature["key"]))
        key.verify(bytes.fromhex(signature["value"]), text)
    except InvalidSignature:
        return False
    except ValueError as error:
        raise Unproven(f"the signature cannot be read: {error}") from error
    return True


def public_key_of(path: str | Path) -> str:
    """Return the 32 bytes, in hexadecimal, of the public key in a PEM file."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise _missing("check a signature") from error
    try:
        key = load_pem_public_key(_content(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"{excerpt(str(path), 200)} holds no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid(f"{excerpt(str(path), 200)} holds a public key that is not Ed25519")
    return key.public_bytes_raw().hex()


def _private_key(path: str | Path) -> Ed25519PrivateKey:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise _missing("sign") from error
    try:
        key = load_pem_private_key(_content(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Not the library's own words: they might hold a part of the key.
        raise Invalid(
            f"{excerpt(str(path), 200)} holds no private key in PEM that needs no password; "
            "`openssl genpkey -algorithm ed25519` makes one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid(f"{excerpt(str(path), 200)} holds a private key that is not Ed25519")
    return key


def _content(path: str | Path) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MOST_BYTES)
    except (OSError, ValueError) as error:
        raise NotFound(f"the key in {excerpt(str(path), 200)} cannot be read: {error}") from error


def _missing(purpose: str) -> MissingExtra:
    return MissingExtra(f"to {purpose} needs cryptography: pip install 'lineage-graph[proof]'")
