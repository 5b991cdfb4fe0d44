"""A running node, to see what scripts do in the global scope of a page."""

from __future__ import annotations

import json
import subprocess
from typing import Any

# Runs scripts in fresh global scopes. A request: programs to run one after the other, and what to read at the end.
SERVER = r"""
const vm = require("vm");
const page = `
  globalThis.window = globalThis; globalThis.out = []; globalThis.added = [];
  globalThis.document = {
    createElement: (name) => ({ name, attributes: {}, setAttribute(key, value) { this.attributes[key] = value } }),
    head: { appendChild: (element) => { added.push(element) } },
  };`;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { programs, read } = JSON.parse(line);
  let answer;
  try {
    const context = vm.createContext({});
    vm.runInContext(page, context);
    for (const program of programs) vm.runInContext(program, context, { timeout: 2000 });
    answer = { value: vm.runInContext("JSON.stringify(" + read + ")", context) ?? null };
  } catch (error) { answer = { error: String(error && error.name) } }
  console.log(JSON.stringify(answer));
});
"""


class Node:
    """A running node that evaluates scripts."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen([path, "-e", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, programs: list[str], read: str = "out") -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"programs": programs, "read": read}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def value(self, programs: list[str], read: str = "out") -> Any:
        answer = self.ask(programs, read)
        assert "error" not in answer, (answer, programs)
        return None if answer["value"] is None else json.loads(answer["value"])

    def close(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)
