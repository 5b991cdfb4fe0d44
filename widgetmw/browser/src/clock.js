// A monotonic clock in milliseconds that also counts the time that the machine sleeps.
// `performance.now` may stand still during sleep, and `Date` may be set. If `Date` jumps ahead by more than a second,
// we assume that the machine slept (at worst, that causes one early renewal). If `Date` jumps back, we ignore it.
let slept = 0;

/** What `performance.now` returns. The page may have a global variable of the name `performance`. */
export const uptime = () => new CustomEvent("").timeStamp;

let base = Date.now() - uptime();

export const time = () => {
  const now = uptime();
  const ahead = Date.now() - now - base;
  if (Math.abs(ahead) > 1000) {
    base += ahead;
    slept += Math.max(ahead, 0);
  }
  return now + slept;
};

/** @param {number} milliseconds */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
