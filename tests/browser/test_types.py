"""The type declarations pass the TypeScript compiler, and every combination of scripts parses."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from tests.browser.site import VENDORS
from tests.components import CACHE
from tests.conftest import require
from widgetmw.browser import assets

DECLARATIONS = Path(assets.__file__).with_name("widgetmw.d.ts")
ROOT = DECLARATIONS.parents[2]

GOOD = """
import { useSyncExternalStore } from "./react";
const api = window.widgetmw!;
const stop: () => void = api.subscribe("hissuno", () => {});
const token = api.get("giosg");
if (token && token.expiresAt !== null) new Date(token.expiresAt).toISOString();
const url: string | undefined = token?.url;
const message: string | undefined = api.get("hmac")?.message;
api.getToken("hissuno").then((current) => current.token.length);
api.refresh("a-vendor-of-ones-own").then((fresh) => fresh.token.length);
api.signOut().then(() => stop());
addEventListener("widgetmw:token", (event) => event.detail.provider + event.detail.token);
addEventListener("widgetmw:signedout", (event) => event.detail.origin === "late" && location.reload());
window.DG_CHAT_WIDGET_CONFIG = { callbacks: { onBotMessage: () => 7 }, theme: "dark" };
const listen = (listener: () => void) => api.subscribe("hissuno", listener);
const props = useSyncExternalStore(listen, () => window.HISSUNO_WIDGET_CONFIG);
window._giosg?.("chat", "open", url, props?.widgetToken);
"""
REACT = """
export declare function useSyncExternalStore<T>(subscribe: (listener: () => void) => () => void, get: () => T): T;
"""
VENDOR = """
import type { Vendor, VendorHooks, VendorScript, WidgetToken } from "%s";
declare module "%s" {
  interface WidgetTokens {
    acme: WidgetToken<"acme"> & { readonly region: string };
  }
}
const script: VendorScript<"acme", { calls: number }> = {
  init: (vendor) => ({ calls: vendor.config.region.length }),
  connect: (vendor: Vendor<"acme">, state): VendorHooks => ({
    update: ({ source }) => source === "page" || vendor.getToken().then((token) => token.region),
    embed: () => vendor.loadScript("https://acme.example/chat.js", { "data-id": String(state.calls) }),
  }),
};
const region: string | undefined = window.widgetmw?.get("acme")?.region;
console.log(script, region);
"""
BAD = {
    "a token is frozen": "window.widgetmw!.get('orlo')!.token = 'x';",
    "widgetmw may be absent": "window.widgetmw.get('orlo');",
    "a token may be absent": "window.widgetmw!.get('orlo').token;",
    "expiresAt may be null": "const end: number = window.widgetmw!.get('orlo')!.expiresAt;",
    "only giosg has a URL": "window.widgetmw!.get('orlo')!.url;",
    "refresh wants a vendor": "window.widgetmw!.refresh();",
    "detail has no url": "addEventListener('widgetmw:token', (event) => event.detail.url);",
}


def compiler() -> list[str]:
    script = CACHE / "node_modules" / "typescript" / "bin" / "tsc"
    node = require("node")
    if not script.exists():
        require("the npm package typescript")
    return [node, str(script)]


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """The lines that the compiler refuses, by file: of the files above and of our scripts.

    One run, since it takes seconds to start.
    """
    folder = tmp_path_factory.mktemp("types")
    pages = {"good.ts": GOOD, "vendor.ts": VENDOR.replace("%s", str(DECLARATIONS.with_name("widgetmw")))}
    pages["bad.ts"] = "\n".join(BAD.values())
    (folder / "react.d.ts").write_text(REACT)
    for name, text in pages.items():
        (folder / name).write_text("export {};\n" + text)
    sources = [str(ROOT / name) for name in json.loads((ROOT / "tsconfig.json").read_text())["include"]]
    project = {"extends": str(ROOT / "tsconfig.json"), "include": [*sources, *pages]}
    (folder / "tsconfig.json").write_text(json.dumps(project))
    done = subprocess.run([*compiler(), "--project", folder], cwd=folder, capture_output=True, text=True, timeout=100)
    found = re.findall(r"^([^\s(]+)\((\d+),\d+\): error", done.stdout, re.MULTILINE)
    assert len(found) == done.stdout.count("error TS"), done.stdout
    errors: dict[str, list[int]] = {"good.ts": [], "vendor.ts": []}
    for file, line in found:
        errors.setdefault(file, []).append(int(line) - 2)
    return errors


def test_declarations_accept_the_documented_usage(errors: dict[str, list[int]]) -> None:
    assert errors["good.ts"] == []


def test_a_package_with_a_vendor_can_add_its_token_type(errors: dict[str, list[int]]) -> None:
    assert errors["vendor.ts"] == []


def test_declarations_reject_what_would_fail_in_the_page(errors: dict[str, list[int]]) -> None:
    assert sorted(set(errors["bad.ts"])) == list(range(len(BAD)))


def test_the_scripts_match_the_declarations(errors: dict[str, list[int]]) -> None:
    assert errors.keys() == {"good.ts", "vendor.ts", "bad.ts"}  # no script has one


PARSE = """
const {readFileSync} = require("fs");
for (const file of process.argv.slice(1)) new (require("vm").Script)(readFileSync(file, "utf8"), {filename: file});
"""


def test_the_scripts_of_every_choice_of_vendors_parse(tmp_path: Path) -> None:
    files = []
    for names in (names for size in range(5) for names in combinations(VENDORS, size)):
        page = assets.bootstrap(names) + b"({});" + assets.bundled(names)
        for name, text in (("page", page), ("runtime", assets.runtime(names))):
            files.append(tmp_path / f"{name} {'+'.join(names)}.js")
            files[-1].write_bytes(text)
    assert len(files) == 32
    subprocess.run([require("node"), "--eval", PARSE, *map(str, files)], check=True, timeout=60)
