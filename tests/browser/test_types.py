"""The type declarations, by the real compiler, and the scripts, by the real parser."""

from __future__ import annotations

import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from tests.browser.site import SNIPPETS, VENDORS
from tests.components import CACHE
from tests.conftest import require
from widgetmw.browser import assets

DECLARATIONS = Path(assets.__file__).with_name("widgetmw.d.ts")

GOOD = """
import { useSyncExternalStore } from "./react";
const api = window.widgetmw!;
const stop: () => void = api.subscribe("hissuno", () => {});
const token = api.get("giosg");
if (token && token.expiresAt !== null) new Date(token.expiresAt).toISOString();
const url: string | undefined = token?.url;
api.refresh("a-vendor-of-ones-own").then((fresh) => fresh.token.length);
api.signOut().then(() => stop());
addEventListener("widgetmw:token", (event) => event.detail.provider + event.detail.token);
addEventListener("widgetmw:signedout", () => {});
window.DG_CHAT_WIDGET_CONFIG = { callbacks: { onBotMessage: () => 7 }, theme: "dark" };
const listen = (listener: () => void) => api.subscribe("hissuno", listener);
const props = useSyncExternalStore(listen, () => window.HISSUNO_WIDGET_CONFIG);
window._giosg?.("chat", "open", url, props?.widgetToken);
"""
REACT = """
export declare function useSyncExternalStore<T>(subscribe: (listener: () => void) => () => void, get: () => T): T;
"""
BAD = {
    "a token is frozen": "window.widgetmw!.get('orlo')!.token = 'x';",
    "widgetmw may be absent": "window.widgetmw.get('orlo');",
    "a token may be absent": "window.widgetmw!.get('orlo').token;",
    "expiresAt may be null": "const end: number = window.widgetmw!.get('orlo')!.expiresAt;",
    "refresh wants a vendor": "window.widgetmw!.refresh();",
    "detail has no url": "addEventListener('widgetmw:token', (event) => event.detail.url);",
}


def compile_ts(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    compiler = CACHE / "node_modules" / "typescript" / "bin" / "tsc"
    node = require("node")
    if not compiler.exists():
        require("the npm package typescript")
    (folder / "page.ts").write_text("export {};\n" + text)
    (folder / "react.d.ts").write_text(REACT)
    options = ["--noEmit", "--strict", "--target", "es2022", "page.ts"]
    return subprocess.run(
        [node, str(compiler), *options, str(DECLARATIONS)], cwd=folder, capture_output=True, text=True, timeout=100
    )


def test_declarations_fit_how_the_documentation_uses_them(tmp_path: Path) -> None:
    done = compile_ts(tmp_path, GOOD)
    assert (done.returncode, done.stdout) == (0, "")


def test_declarations_refuse_what_would_fail_in_the_page(tmp_path: Path) -> None:
    done = compile_ts(tmp_path, "\n".join(BAD.values()))
    lines = {int(line.split("(")[1].split(",")[0]) - 2 for line in done.stdout.splitlines() if line.startswith("page")}
    assert lines == set(range(len(BAD))), done.stdout


CHOICES = [names for size in range(5) for names in combinations(VENDORS, size)]


@pytest.mark.parametrize("names", CHOICES, ids="+".join)
def test_every_choice_of_vendors_makes_a_script_that_parses(tmp_path: Path, names: tuple[str, ...]) -> None:
    runtime = assets.runtime(names, SNIPPETS if "orlo" in names else "")
    for name, text in (("boot", assets.boot(names) + b"({});"), ("runtime", runtime)):
        file = tmp_path / f"{name}.js"
        file.write_bytes(text)
        subprocess.run([require("node"), "--check", str(file)], check=True, timeout=60)
