"""The Hissuno recipe of the documentation, with the real React and a stand-in for the vendor's component."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.components import CACHE
from tests.conftest import require, skip_or_fail

ROOT = Path(__file__).parents[2]
WIDGET = """
import { createElement, useEffect, useRef } from "react";
export function HissunoWidget(props) {
  const mounted = useRef(Math.random());
  useEffect(() => {
    window.mounts = (window.mounts ?? 0) + 1;
    return () => { window.unmounts = (window.unmounts ?? 0) + 1; };
  }, []);
  return createElement("output", null, JSON.stringify({ ...props, instance: mounted.current }));
}
"""
MAIN = """
import { createRoot } from "react-dom/client";
import { createElement } from "react";
import { Chat } from "./recipe.jsx";
createRoot(document.body.appendChild(document.createElement("div"))).render(createElement(Chat));
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    node = require("node")
    esbuild = CACHE / "node_modules" / "esbuild" / "bin" / "esbuild"
    if not (CACHE / "node_modules" / "react-dom").exists() or not esbuild.exists():
        skip_or_fail("react and esbuild are not installed, and this test runs the recipe with them")
    recipe = re.search(r"```jsx\n(.*?)```", (ROOT / "docs" / "browser.md").read_text(encoding="utf-8"), re.DOTALL)
    assert recipe
    folder = tmp_path_factory.mktemp("react")
    (folder / "node_modules" / "@hissuno" / "widget").mkdir(parents=True)
    (folder / "node_modules" / "@hissuno" / "widget" / "index.js").write_text(WIDGET)
    (folder / "recipe.jsx").write_text(recipe[1])
    (folder / "main.js").write_text(MAIN)
    for package in ("react", "react-dom", "scheduler"):
        (folder / "node_modules" / package).symlink_to(CACHE / "node_modules" / package)
    words = ["main.js", "--bundle", "--jsx=automatic", "--preserve-symlinks", "--log-level=error"]
    # esbuild's file is a binary, or a node script if its install step did not run
    binary = esbuild.read_bytes()[:4] == b"\x7fELF"
    command = [str(esbuild)] if binary else [node, str(esbuild)]
    done = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def url(serve: Callable[[dict[str, str]], str]) -> str:
    return serve(
        {
            "HISSUNO_PROJECT_ID": "project-1",
            "HISSUNO_SECRET_KEY": "sk_live_" + "h" * 32,
            "HISSUNO_API_URL": "https://hissuno.example/api/chat",
            "HISSUNO_TOKEN_TTL": "5",
            "DG_API_KEY": "key",
            "DG_API_SECRET": "s" * 40,
            "DG_WIDGET_ID": "widget",
        }
    )


def props(page: Page) -> Any:
    return page.evaluate("() => { const o = document.querySelector('output'); return o && JSON.parse(o.textContent) }")


def test_the_component_rerenders_for_each_token_and_unmounts_at_sign_out(
    url: str, bundle: str, sign_in: Callable[[str, str], Page]
) -> None:
    page = sign_in(url, "ada")

    def serve_bundle(route: Route) -> None:
        route.fulfill(body=bundle, content_type="text/javascript")

    page.route("**/own.js", serve_bundle)
    page.goto(f"{url}/?own=deferred")
    page.wait_for_selector("output", state="attached")
    first = props(page)
    assert first["projectId"] == "project-1"
    assert first["userId"] == "ada"
    assert first["apiUrl"] == "https://hissuno.example/api/chat"
    page.wait_for_function(
        "(old) => JSON.parse(document.querySelector('output').textContent).widgetToken !== old",
        arg=first["widgetToken"],
    )
    second = props(page)
    assert second["instance"] == first["instance"], "the conversation was lost"
    assert page.evaluate("[window.mounts, window.unmounts ?? 0]") == [1, 0]
    page.evaluate("widgetmw.signOut()")
    page.wait_for_function("!document.querySelector('output')")
    assert page.evaluate("window.unmounts") == 1
    assert page.evaluate("window.HISSUNO_WIDGET_CONFIG") is None
