// The signed URL of the chat room. A real page needs only
//   <a data-widgetmw-giosg href="…"> and <iframe data-widgetmw-giosg></iframe>
// Here, both open a local stand-in for the room, so that nothing leaves this machine.
import { verifyUrl } from "../backend.js";

const ROOMS = "https://service.giosg.com/";
const local = (url) => `/vendor/giosg/room?url=${encodeURIComponent(url)}`;

// Returns a frame that loads the local stand-in instead of the URL that widgetmw sets.
function localFrame() {
  const frame = document.createElement("iframe");
  const nativeSrc = Object.getOwnPropertyDescriptor(HTMLIFrameElement.prototype, "src");
  const setAttribute = frame.setAttribute.bind(frame);
  const load = (url) => nativeSrc.set.call(frame, url.startsWith(ROOMS) ? local(url) : url);
  Object.defineProperty(frame, "src", { get: () => nativeSrc.get.call(frame), set: load });
  frame.setAttribute = (name, value) => (name === "src" ? load(value) : setAttribute(name, value));
  frame.title = "Stand-in for the giosg chat room";
  frame.className = "room-frame";
  setAttribute("data-widgetmw-giosg", "");
  return frame;
}

class ChatUrl {
  constructor(link) {
    this.link = link;
    this.chip = document.getElementById("room-verdict");
    this.url = document.getElementById("room-url");
    new MutationObserver(() => this.verify()).observe(link, { attributeFilter: ["href"] });
    for (const kind of ["click", "auxclick"]) link.addEventListener(kind, (event) => this.open(event));
    window.addEventListener("widgetmw:signedout", () => this.signOut());
    document.getElementById("room-frame").append(localFrame());
    this.verify();
  }

  isSigned() {
    return this.link.href.startsWith(ROOMS);
  }

  open(event) {
    // The runtime cancels a click on an expired URL and repeats it with a new one.
    if (!this.isSigned() || event.defaultPrevented) return;
    event.preventDefault();
    location.assign(local(this.link.href));
  }

  async verify() {
    if (!this.isSigned()) return;
    const url = this.link.href;
    this.url.textContent = url;
    const verdict = await verifyUrl(url);
    if (url !== this.link.href) return;
    this.chip.dataset.state = verdict.verified ? "verified" : "rejected";
    this.chip.textContent = verdict.verified ? `Signature verified for ${verdict.user}` : `Rejected: ${verdict.error}`;
  }

  signOut() {
    this.chip.dataset.state = "anonymous";
    this.chip.textContent = "Signed out: URL removed";
    this.url.textContent = "";
    document.getElementById("room-frame").replaceChildren();
  }
}

const link = document.getElementById("room-link");
if (link) new ChatUrl(link);
