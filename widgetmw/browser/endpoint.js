// One request to the token endpoint, and when it may be made.
let page = inbox[0];
let abort;
// The times of the last requests of all tabs, save those of renewals that went well.
let times = [];
const count = () => (times = [...times.slice(-9), time()]);
// From when on may a request go that has to be one of at most `most` in any minute?
const gate = (most) => times.at(-most) + 60000 || 0;
const request = async () => {
  const start = time();
  count();
  tell({ asked: 1 });
  const control = (abort = new AbortController());
  setTimeout(() => control.abort(), 10000);
  try {
    // A <base> of the page would send a mere path to another host.
    const response = await fetch(location.origin + page.url, {
      cache: "no-store",
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: control.signal,
    });
    const { status } = response;
    return { status, body: status === 200 && (await response.json()), age: (time() - start) / 1000 };
  } catch {
    return {};
  }
};
// The server does not know a policy in a <meta>. On doubt it counts as a refusal: a report of a violation helps nobody.
const permits = ({ content }) => {
  const [rule] = content.match(/connect-src[^;]*/i) ?? content.match(/default-src[^;]*/i) ?? ["*"];
  const { protocol, origin, host } = location;
  return rule.toLowerCase().split(/\s+/).some((source) => ["*", "'self'", protocol, origin, host].includes(source));
};
// A page that is the same for everybody cannot know who frames it: in another site's frame it must not ask.
const mayAsk = () =>
  page.connect !== false &&
  !(page.ask && top !== self && !frameElement) &&
  [...document.querySelectorAll("meta[http-equiv='content-security-policy' i]")].every(permits);
