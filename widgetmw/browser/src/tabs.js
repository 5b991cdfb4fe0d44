// Coordinates the tabs of this browser: they share what they learn, and only one at a time sends a request.
// Without BroadcastChannel or Web Locks (plain http, old browsers) each tab works for itself.
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
    // Increase the number if the messages change: a tab may still run the script from before a deployment.
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
 * Runs `job` while no other tab runs its own. If a tab hangs while it holds the lock, the others wait half a minute.
 *
 * @param {() => Promise<void>} job
 * @returns {Promise<void>} fulfilled when the job has ended, even if it failed
 */
export const withLock = (job) =>
  new Promise((done) => {
    const turn = async () => {
      await job().catch(reportError);
      done();
      // Our messages must reach the other tabs before one of them gets the lock.
      await pause(100);
    };
    const { locks } = navigator;
    if (locks) locks.request(shared.key, { signal: AbortSignal.timeout(30000) }, turn).catch(turn);
    else turn();
  });
