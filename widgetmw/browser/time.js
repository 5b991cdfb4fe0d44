// What time it is for us: milliseconds that have passed, however the clocks behave.
// `performance.now` may stand still while the machine sleeps and `Date` may be set; a `Date` that has run ahead by more
// than a second is taken as sleep (at worst one early renewal), one that has gone back is not believed.
let passed = 0;
let lastTick = performance.now();
let lastDate = Date.now();
const time = () => {
  const tick = performance.now();
  const date = Date.now();
  const ticked = tick - lastTick;
  const slept = date - lastDate - ticked > 1000;
  passed += slept ? date - lastDate : ticked;
  lastTick = tick;
  lastDate = date;
  return passed;
};
const pause = (wait) => new Promise((resolve) => setTimeout(resolve, wait));
