// Help Scout Beacon. Until their script has loaded, `Beacon` queues calls in `Beacon.readyQueue`. Their snippet replaces
// any earlier `Beacon`, and with it the queue, so we wait for theirs unless we embed the loader ourselves.
// https://developer.helpscout.com, "Beacon JavaScript API"

/** @type {import("../browser/widgetmw").VendorScript<"helpscout">["connect"]} */
const connect = (vendor) => {
  // An element with the id `Beacon` is no function.
  const find = () => typeof window.Beacon == "function" && window.Beacon;
  // What their script leaves of the queue is unknown, so `ready` counts, too; but not every Beacon still reports it.
  const isLoaded = () => find() && !window.Beacon?.readyQueue;
  const loaded = () =>
    new Promise((resolve) => {
      if (window.Beacon?.readyQueue) window.Beacon("on", "ready", resolve);
      vendor.waitFor(isLoaded).then(resolve);
    });
  // Whether the widget still has the previous user, after a `late` sign-out. Until the next one, nobody is identified.
  let showsPreviousUser = false;
  /** @type {string | undefined} */
  let identified;
  // The next user is identified after the clean-up, which would sign them out.
  /** @type {Promise<void>} */
  let cleanUp = Promise.resolve();
  const identify = () => {
    const { email, name, token } = vendor.token ?? {};
    if (!token || token === identified || showsPreviousUser) return;
    identified = token;
    window.Beacon?.("identify", { email, signature: token, ...(name && { name }) });
  };

  return {
    // This may be the next user's clean-up by the time the page has a Beacon.
    update: () => vendor.waitFor(find).then(() => cleanUp).then(identify),
    // `logout` clears what Beacon stores (inferred from its counterparts in their mobile kits, where it is documented).
    logout({ origin, isDue }) {
      const wasIdentified = identified;
      identified = undefined;
      const queue = window.Beacon?.readyQueue;
      for (let index = queue?.length ?? 0; index--; ) {
        if (queue?.[index].method === "identify") queue.splice(index, 1);
      }
      if (origin === "late") {
        if (!wasIdentified || !isLoaded()) return;
        showsPreviousUser = true;
        window.Beacon?.("destroy");
        return;
      }
      const end = () => {
        if (showsPreviousUser) window.Beacon?.("init", vendor.config.beaconId);
        showsPreviousUser = false;
        window.Beacon?.("logout", { endActiveChat: true });
      };
      // At once, since in this page it is due even if another tab, which may be faster, has cleaned up what they share.
      if (isLoaded()) return end();
      if (origin === "here") return (cleanUp = loaded().then(() => (isDue() ? end() : undefined)));
    },
    embed() {
      if (find()) return;
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
