// The runtime begins here, in the scope that all the following files share; `boot` is the function of the page.
// Where no inline script may run, DATA stands in a JSON element, and we call `boot` ourselves.
// Only the element ahead of our own script, or put into the head later: any other could be anybody's markup.
const read = (element) => {
  if (element?.type === "application/json" && element.dataset.widgetmw === "") return !boot(JSON.parse(element.text));
};
const external = read(document.currentScript?.previousSibling);
const port = window.widgetmw?._;
// Evaluated twice (a swapped document): one runtime lives on.
if (!port || port.running) return;
port.running = true;
const { held, listeners, slots, inbox, shape, mix, matches, enroll } = port;
