// One request to the token endpoint, and when it may be made.
let page = inbox[0];
let abort;
// The times of the last minute's requests, of all tabs: fewer than ten a minute, whatever goes wrong.
let times = [];
const count = () => times.push(time());
// When may a request go that must be one of at most `most` in any minute?
const gate = (most) => {
  times = times.filter((at) => at > time() - 60000);
  return times.length < most ? 0 : times[times.length - most] + 60000;
};
const request = async () => {
  count();
  const start = time();
  abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), 10000);
  try {
    const response = await fetch(page.url, {
      cache: "no-store",
      credentials: "same-origin",
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: abort.signal,
    });
    const body = response.ok ? await response.json() : {};
    return { status: response.status, body, age: (time() - start) / 1000 };
  } catch {
    return { status: 0 };
  } finally {
    clearTimeout(timer);
  }
};
// A policy in a <meta> is unknown to the server. On doubt it counts as a refusal: a violation report helps nobody.
const permits = (source) => {
  const { protocol, origin, host, hostname, href } = new URL(page.url, location);
  const bare = source.replace(/^https?:\/\//, "");
  return (
    ["*", "'self'", protocol, origin, host].includes(source) ||
    (bare.startsWith("*.") && hostname.endsWith(bare.slice(1))) ||
    href === source ||
    (source.startsWith(origin) && source.endsWith("/") && href.startsWith(source))
  );
};
const policyPermits = ({ content }) => {
  const rules = content.toLowerCase().split(/[;,]/).map((rule) => rule.trim().split(/\s+/));
  const rule = rules.find(([name]) => name === "connect-src") || rules.find(([name]) => name === "default-src");
  return !rule || rule.slice(1).some(permits);
};
const mayAsk = () =>
  page.connect !== false &&
  [...document.querySelectorAll("meta[http-equiv='content-security-policy' i]")].every(policyPermits);
