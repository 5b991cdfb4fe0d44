// Help Scout Beacon. Until their script has loaded, `Beacon` queues calls in `Beacon.readyQueue`. Their snippet replaces
// any earlier `Beacon`, and with it the queue, so we wait for theirs unless we embed the loader ourselves.
// https://developer.helpscout.com, "Beacon JavaScript API"

/**
 * @param {import("../browser/widgetmw").Vendor<"helpscout">} vendor
 * @returns {import("../browser/widgetmw").VendorHooks}
 */
const connect = (vendor) => {
  // What their script leaves of the queue is unknown, so `ready` counts, too; but not every Beacon still reports it.
  const isLoaded = () => window.Beacon && !window.Beacon.readyQueue;
  const loaded = () =>
    new Promise((resolve) => {
      if (window.Beacon?.readyQueue) window.Beacon("on", "ready", resolve);
      vendor.waitFor(isLoaded).then(resolve);
    });
  /** @type {string | undefined} */
  let identified;
  // Whether the widget was taken away, since it showed the conversation of a user who has left.
  let isDestroyed = false;
  // The next user is identified after the clean-up, which would sign them out.
  /** @type {Promise<void>} */
  let cleanUp = Promise.resolve();
  const identify = () => {
    const { email, name, token } = vendor.token ?? {};
    if (!token || token === identified) return;
    identified = token;
    if (isDestroyed) window.Beacon?.("init", vendor.config.beaconId);
    isDestroyed = false;
    window.Beacon?.("identify", { email, signature: token, ...(name && { name }) });
  };

  return {
    // This may be the next user's clean-up by the time the page has a Beacon.
    update: () => vendor.waitFor(() => window.Beacon).then(() => cleanUp).then(identify),
    // `logout` clears what Beacon stores (inferred from its counterparts in their mobile kits, where it is documented).
    logout({ origin, isDue }) {
      const wasIdentified = identified;
      identified = undefined;
      const queue = window.Beacon?.readyQueue;
      for (let index = queue?.length ?? 0; index--; ) {
        if (queue?.[index].method === "identify") queue.splice(index, 1);
      }
      if (origin === "late") {
        // What is stored may be somebody else's by now.
        isDestroyed = !!(wasIdentified && isLoaded());
        if (isDestroyed) window.Beacon?.("destroy");
        return;
      }
      const end = () => void window.Beacon?.("logout", { endActiveChat: true });
      // At once, since in this page it is due even if another tab, which may be faster, has cleaned up what they share.
      if (isLoaded()) return end();
      if (origin === "here") return (cleanUp = loaded().then(() => (isDue() ? end() : undefined)));
    },
    embed() {
      if (window.Beacon) return;
      const beacon = (/** @type {string} */ method, /** @type {unknown} */ options, /** @type {unknown} */ data) =>
        void window.Beacon?.readyQueue?.push({ method, options, data });
      window.Beacon = Object.assign(beacon, { readyQueue: [] });
      window.Beacon("init", vendor.config.beaconId);
      cleanUp.then(identify);
      return vendor.loadScript("https://beacon-v2.helpscout.net/");
    },
  };
};

export default { connect };
