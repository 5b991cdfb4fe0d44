// The signed address of the chat room. A page would only write
//   <a data-widgetmw-giosg href="…"> and <iframe data-widgetmw-giosg></iframe>
// Here both lead to a local stand-in for the room, so that nothing leaves this machine.
import { verifyUrl } from "../backend.js";

const ROOMS = "https://service.giosg.com/";
const local = (url) => `/vendor/giosg/room?url=${encodeURIComponent(url)}`;

// A frame that loads the local room for whatever address it is given.
function localFrame() {
  const frame = document.createElement("iframe");
  const native = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "src");
  const setAttribute = frame.setAttribute.bind(frame);
  const load = (url) => native.set.call(frame, url.startsWith(ROOMS) ? local(url) : url);
  Object.defineProperty(frame, "src", { get: () => native.get.call(frame), set: load });
  frame.setAttribute = (name, value) => (name === "src" ? load(value) : setAttribute(name, value));
  frame.title = "Stand-in for the giosg chat room";
  frame.className = "room-frame";
  setAttribute("data-widgetmw-giosg", "");
  return frame;
}

class Room {
  constructor(link) {
    this.link = link;
    this.chip = document.getElementById("room-verdict");
    this.address = document.getElementById("room-url");
    new MutationObserver(() => this.check()).observe(link, { attributeFilter: ["href"] });
    for (const kind of ["click", "auxclick"]) link.addEventListener(kind, (event) => this.open(event));
    window.addEventListener("widgetmw:signedout", () => this.end());
    document.getElementById("room-frame").append(localFrame());
    this.check();
  }

  signed() {
    return this.link.href.startsWith(ROOMS);
  }

  open(event) {
    // The runtime holds back a click on an address that has run out, and repeats it with a new one.
    if (!this.signed() || event.defaultPrevented) return;
    event.preventDefault();
    location.assign(local(this.link.href));
  }

  async check() {
    if (!this.signed()) return;
    const asked = this.link.href;
    this.address.textContent = asked;
    const verdict = await verifyUrl(asked);
    if (asked !== this.link.href) return;
    this.chip.dataset.state = verdict.verified ? "verified" : "refused";
    this.chip.textContent = verdict.verified ? `Signature verified for ${verdict.who}` : `Refused: ${verdict.error}`;
  }

  end() {
    this.chip.dataset.state = "anonymous";
    this.chip.textContent = "Signed out: no address";
    this.address.textContent = "";
    document.getElementById("room-frame").replaceChildren();
  }
}

const link = document.getElementById("room-link");
if (link) new Room(link);
