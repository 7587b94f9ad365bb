"""What tests of every server share."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and with what it signed for a server and for a client."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    authority = ["-x509", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority"]
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-days", "2", *authority)
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        asked = ["-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}"]
        openssl("req", "-newkey", "rsa:2048", "-nodes", *asked)
        signed = ["-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", "names"]
        signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        openssl("x509", "-req", "-days", "2", *signed, *signer)
    return folder
