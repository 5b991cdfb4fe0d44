// A clock that only goes forward: milliseconds that have passed, however the browser's clocks behave.
// `performance.now` may stand still while the machine sleeps, and `Date` may be set. If `Date` runs ahead by more than
// a second, we assume that the machine slept (at worst that causes one early renewal); if it goes back, we ignore it.
let slept = 0;
let base = Date.now() - performance.now();

export const time = () => {
  const now = performance.now();
  const ahead = Date.now() - now - base;
  if (Math.abs(ahead) > 1000) {
    base += ahead;
    slept += Math.max(ahead, 0);
  }
  return now + slept;
};

/** @param {number} milliseconds */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
