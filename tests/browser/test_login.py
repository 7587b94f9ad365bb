"""What a real browser sends when somebody logs in: the tests of the guards make up their own headers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lineage
from lineage.server.callers import Callers, Tokens
from lineage.server.web.serving import serving

TOKEN = "a-token-of-a-reader"


def test_a_browser_logs_in_and_out(chromium: Any, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"ann {TOKEN} reader\n")
    tokens.chmod(0o600)
    callers = Callers("", Tokens(tokens))
    with (
        lineage.connect("memory:") as store,
        serving(store, "127.0.0.1:0", callers=callers) as served,
    ):
        page = chromium.new_page()
        page.goto(f"{served.address}/types")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{served.address}/types")
        assert page.context.cookies()[0]["httpOnly"]
        assert page.evaluate("document.cookie") == ""
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{served.address}/login")
        assert not page.context.cookies()
        page.context.close()
