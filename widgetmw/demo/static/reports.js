// What the stand-ins tell the page: which token reached them, by which way, and what their backend said.

const past = [];
const listeners = new Set();

export function report(entry) {
  const dated = { time: Date.now(), ...entry };
  past.push(dated);
  listeners.forEach((listener) => listener(dated));
}

export function onReport(listener) {
  past.forEach(listener);
  listeners.add(listener);
}
