// The other tabs of this browser: what one learns the others hear, and one at a time asks.
// Without BroadcastChannel or Web Locks (plain http, old browsers) every tab manages for itself.
let channel;
const openChannel = () => {
  try {
    channel = new BroadcastChannel(key);
    channel.onmessage = (event) => hear(event.data);
  } catch {}
};
const tell = (news) => channel?.postMessage(news);
// Runs `job` when no other tab runs its own; one that hangs with the lock holds the others up for half a minute.
const alone = (job) =>
  new Promise((done) => {
    const turn = async () => {
      await job().catch(reportError);
      done();
      // What we told the others shall reach them before the lock does.
      await pause(100);
    };
    const { locks } = navigator;
    if (locks) locks.request(key, { signal: AbortSignal.timeout(30000) }, turn).catch(turn);
    else turn();
  });
