// Starts widgetmw on a page that our server has not made: the page has one script tag, which loads this with the
// bootstrap, the public configuration and the runtime. The endpoint is found next to the script.
import { ofDocument, ownGlobal, parseUrl } from "./dom.js";
import { loadScript } from "./load_script.js";
import { setShared } from "./shared.js";

/**
 * Names the app as the server does, so that embedded pages and pages with inserted scripts work together: see
 * `core/http/mark.py`. An app of another host inserts nothing into pages of this one, but there may be several.
 *
 * @param {HTMLAnchorElement} base
 */
const keyOf = ({ hostname, port, pathname }) => {
  let sum = -1;
  for (const letter of port + " " + (hostname === location.hostname ? "" : hostname) + pathname) {
    sum ^= letter.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 && 0xedb88320);
  }
  return "widgetmw_" + (~sum >>> 0).toString(16).padStart(8, "0");
};

/**
 * @param {(data: import("./types").PageData) => unknown} bootstrap
 * @param {import("./types").PageData} data
 * @param {string[]} files the scripts that are not ours, below the endpoint path
 */
export default (bootstrap, data, files) => {
  const { src } = /** @type {HTMLScriptElement} */ (ofDocument("currentScript") ?? {});
  if (!src) throw Error("widgetmw: load embed.js with a classic script element, not as a module");
  if (ownGlobal("widgetmw")) return;
  const base = src.replace(/\/embed\.js([?#].*)?$/, "");
  data.url = base + "/token";
  data.key = keyOf(parseUrl(base));
  bootstrap(data);
  setShared(/** @type {any} */ (ownGlobal("widgetmw"))._);
  for (const file of files) loadScript(base + file).catch(() => {});
};
