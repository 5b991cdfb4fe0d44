// The other tabs of this browser: what one learns it tells the others, and one at a time asks the endpoint.
// Without BroadcastChannel or Web Locks (plain http, old browsers) every tab manages for itself.
import { pause } from "./clock.js";
import { shared } from "./shared.js";

/** @type {BroadcastChannel | undefined} */
let channel;
/** @type {(message: import("./types").TabMessage) => void} */
let listener;

/** @param {typeof listener} [onMessage] */
export const openChannel = (onMessage = listener) => {
  listener = onMessage;
  try {
    // The number changes with the form of the messages: a tab may still run what was served before a deployment.
    channel = new BroadcastChannel(shared.key + ":2");
    channel.onmessage = (event) => onMessage(event.data);
  } catch {}
};

export const closeChannel = () => {
  channel?.close();
  channel = undefined;
};

export const hasChannel = () => !!channel;

/** @param {import("./types").TabMessage} message */
export const broadcast = (message) => channel?.postMessage(message);

/**
 * Runs `job` while no other tab runs its own. A tab that hangs with the lock holds the others up for half a minute.
 *
 * @param {() => Promise<void>} job
 * @returns {Promise<void>} fulfilled when the job is done, also when it failed
 */
export const withLock = (job) =>
  new Promise((done) => {
    const turn = async () => {
      await job().catch(reportError);
      done();
      // What we told the others must reach them before the lock does.
      await pause(100);
    };
    const { locks } = navigator;
    if (locks) locks.request(shared.key, { signal: AbortSignal.timeout(30000) }, turn).catch(turn);
    else turn();
  });
