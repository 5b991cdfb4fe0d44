// The runtime begins here, in the scope that all the following files share; `boot` is the function of the page.
// Where no inline script may run, DATA stands in a JSON element, and we call `boot` ourselves.
const read = () => {
  const found = [...document.querySelectorAll("script[type='application/json'][data-widgetmw='']")];
  for (const element of found) {
    element.dataset.widgetmw = "read";
    boot(JSON.parse(element.textContent));
  }
  return found.length;
};
const external = read();
const api = window.widgetmw;
const port = api?._;
// Evaluated twice (a swapped document): one runtime lives on.
if (!port || port.running) return;
port.running = true;
const { held, listeners, slots, inbox, shape, mix, matches, enroll } = port;
