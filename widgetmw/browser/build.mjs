// Bundles the browser side into `dist/`: `make assets` runs it, a test runs it again and compares. What is served is the
// bundles, so that users need neither node nor this file.
//
// Each bundle is a JavaScript expression whose value is the default export of its module, so that the server makes
// scripts of them by putting them next to each other. A vendor's script makes two: `init` stands in every page,
// `connect` in the runtime only.
import { mkdirSync, readdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..", "..");
// Installed by `tests/components.py`.
const { build, transform } = createRequire(join(root, ".cache", "/"))("esbuild");
const target = process.argv[2] ?? join(here, "dist");
const options = { charset: "ascii", legalComments: "none", minify: true, target: "es2021" };

/** The default export as named exports, so that esbuild leaves out the part that a bundle does not need. */
const namedParts = {
  name: "named-parts",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]providers[\\/].*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replace(/^export default (\{[ \w,]+\});\s*$/m, "export $1;");
      if (contents === text) throw Error("its last line is not: export default { init, connect };");
      return { contents, loader: "js" };
    });
  },
};

/** Bundles a module that has a default export, as an expression. */
const bundle = async (contents) => {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here },
    minifySyntax: true,
    bundle: true,
    format: "esm",
    write: false,
    plugins: [namedParts],
  });
  const statements = outputFiles[0].text
    .replace(/^export \{\s*([\w$]+) as default\s*\};\s*$/m, "return $1;")
    // esbuild makes `var` of what stands outside of functions; with `let` it returns the last value without a name.
    .replace(/^var /gm, "let ");
  // The assignment keeps an unused value from being dropped.
  const { code } = await transform(`bundle = (() => {${statements}})();`, options);
  return code.replace(/^bundle=/, "").replace(/;\s*$/, "\n");
};

const vendorScripts = readdirSync(join(root, "widgetmw", "providers"), { recursive: true })
  .filter((path) => path.endsWith(".js"))
  .sort();
const bundles = {
  bootstrap: 'export { default } from "./src/bootstrap.js";',
  runtime: 'export { default } from "./src/runtime.js";',
};
for (const path of vendorScripts) {
  const file = join(root, "widgetmw", "providers", path);
  const [parts] = readFileSync(file, "utf8").match(/^export default .*$/m);
  for (const part of ["init", "connect"]) {
    if (!parts.includes(part)) continue;
    bundles[`${basename(path, ".js")}.${part}`] = `export { ${part} as default } from ${JSON.stringify(file)};`;
  }
}
rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [name, contents] of Object.entries(bundles)) writeFileSync(join(target, `${name}.js`), await bundle(contents));
