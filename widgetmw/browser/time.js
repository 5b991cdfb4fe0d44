// What time it is for us: milliseconds that have passed, however the clocks behave.
// `performance.now` may stand still while the machine sleeps, and `Date` may be set. A `Date` that runs ahead by more
// than a second is taken for sleep (at worst one early renewal), one that goes back is not believed.
let slept = 0;
let base = Date.now() - performance.now();
const time = () => {
  const tick = performance.now();
  const ahead = Date.now() - tick - base;
  if (Math.abs(ahead) > 1000) {
    base += ahead;
    slept += Math.max(ahead, 0);
  }
  return tick + slept;
};
const pause = (wait) => new Promise((resolve) => setTimeout(resolve, wait));
