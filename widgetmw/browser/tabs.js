// The other tabs of this browser: what one learns the others hear, and one at a time asks.
// Without BroadcastChannel or Web Locks (http, old browsers) every tab manages for itself.
let channel;
const openChannel = () => {
  try {
    channel = new BroadcastChannel(key);
    channel.onmessage = (event) => hear(event.data);
  } catch {}
};
const tell = (news) => {
  try {
    channel.postMessage(news);
  } catch {}
};
// Runs `job` when no other tab runs its own. A tab that hangs with the lock holds the others up for half a minute.
let queue;
const alone = (job) => {
  if (!navigator.locks) return job();
  queue = new AbortController();
  const timer = setTimeout(() => queue.abort(), 30000);
  let started;
  const turn = async () => {
    clearTimeout(timer);
    started = job();
    await started;
    // What we told the others shall reach them before the lock does.
    await pause(100);
  };
  return new Promise((resolve, reject) => {
    const lock = navigator.locks.request(key, { signal: queue.signal }, () => {
      const done = turn();
      started.then(resolve, reject);
      return done;
    });
    lock.catch(() => started || job().then(resolve, reject));
  });
};
