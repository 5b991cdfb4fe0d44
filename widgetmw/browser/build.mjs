// Bundles the browser side into `dist/`. `make assets` runs this file, and a test checks that the result is committed.
// The server serves the bundles, so users need neither node nor this file.
//
// Each bundle is a JavaScript expression whose value is the default export of its module, so the server builds scripts
// by concatenating bundles. A vendor's script yields two bundles: `init` for every page, `connect` for the runtime.
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
// Long names of properties that only our own modules use. They are the same in all bundles, since some share objects.
const internal =
  "addVendor age body embeds failures hooks isNotified isRunning listeners offset ownFetch ownNavigation policy queue ready renewAt response sentAt state take uncounted vendor";
const mangleCache = Object.fromEntries(internal.split(" ").map((name, index) => [name, "abcdefghijklmnopqrstuvwxyz"[index]]));
const shortNames = { mangleProps: RegExp(`^(${internal.replaceAll(" ", "|")})$`), mangleCache };

/** Turns the default export into named exports, so that esbuild drops the part that a bundle does not need. */
const namedParts = {
  name: "named-parts",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]providers[\\/].*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replace(/^export default (\{[ \w,]+\});\s*$/m, "export $1;");
      if (contents === text) throw Error("the last line is not: export default { init, connect };");
      return { contents, loader: "js" };
    });
  },
};

/** Bundles a module with a default export into an expression; `more` are further options of esbuild. */
const bundle = async (contents, more = {}) => {
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
    // esbuild turns top-level declarations into `var`. With `let` it can inline the last one into the return statement.
    .replace(/^var /gm, "let ");
  // The assignment prevents esbuild from dropping the value as unused.
  const { code } = await transform(`bundle = (() => {${statements}})();`, { ...options, ...more });
  return code.replace(/^bundle=/, "").replace(/;\s*$/, "\n");
};

const vendorScripts = readdirSync(join(root, "widgetmw", "providers"), { recursive: true })
  .filter((path) => path.endsWith(".js"))
  .sort();
const bundles = {
  bootstrap: 'export { default } from "./src/bootstrap.js";',
  runtime: 'export { default } from "./src/runtime.js";',
  embed: 'export { default } from "./src/embed.js";',
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
for (const [name, contents] of Object.entries(bundles)) {
  const isOurs = !name.includes(".");
  writeFileSync(join(target, `${name}.js`), await bundle(contents, isOurs ? shortNames : {}));
}
