// Coordinates the tabs of this browser: they share what they learn, and only one at a time sends a request.
// Without BroadcastChannel or Web Locks (plain http, old browsers) each tab works for itself.
import { pause } from "./clock.js";
import { hasRecentRequest } from "./endpoint.js";
import { shared } from "./shared.js";
import { report } from "./warn.js";

/** @type {BroadcastChannel | undefined} */
export let channel;
/** @type {(message: import("./types").TabMessage) => void} */
let listener;

/** @param {typeof listener} [onMessage] */
export const openChannel = (onMessage = listener) => {
  listener = onMessage;
  try {
    // Increase the number if the messages change: a tab may still run the script from before a deployment.
    channel = new BroadcastChannel(shared.key + ":4");
    // Any script of the site can send a message.
    channel.onmessage = (event) => event.data && onMessage(event.data);
  } catch {}
};

export const closeChannel = () => {
  channel = /** @type {undefined} */ (channel?.close());
};

/** @param {import("./types").TabMessage} message */
export const broadcast = (message) => {
  try {
    channel?.postMessage(message);
  } catch {
    closeChannel();
  }
};

/**
 * Runs `job` while no other tab runs its own. A tab may hold the lock and be stopped, so after some seconds the others
 * go on without it, one after the other: the job itself checks whether there is anything left to do.
 *
 * @param {() => Promise<void>} job
 * @returns {Promise<void>} fulfilled when the job has ended, even if it failed
 */
export const withLock = (job) =>
  new Promise((done) => {
    const turn = async () => {
      clearTimeout(timeout);
      await job().catch(report);
      done();
      // Our messages must reach the other tabs before one of them gets the lock.
      await pause(100);
    };
    const control = new AbortController();
    const wait = () =>
      setTimeout(() => (hasRecentRequest() ? (timeout = wait()) : control.abort()), 4000 + Math.random() * 3000);
    let timeout = wait();
    // Without Web Locks this is rejected, too.
    const request = async () => navigator.locks.request(shared.key, { signal: control.signal }, turn);
    request().catch(turn);
  });
