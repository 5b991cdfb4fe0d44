// Passes on what the stand-ins report: each token that reached a widget, how it got there, and the backend's verdict.

const past = [];
const listeners = new Set();

export function reportDelivery(delivery) {
  const dated = { time: Date.now(), ...delivery };
  past.push(dated);
  listeners.forEach((listener) => listener(dated));
}

// Also calls the listener for earlier deliveries.
export function onDelivery(listener) {
  past.forEach(listener);
  listeners.add(listener);
}
