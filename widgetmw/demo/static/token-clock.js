// Shows the lifetime of a token as a progress bar and reports the time left, four times a second.
// Screen readers are not notified on each tick.
import { claims } from "./token.js";

const TICK = 250;

export class TokenClock {
  // seconds: the token lifetime, used if the claims do not contain it.
  // onTick(untilRenewal, untilExpiry): milliseconds, Infinity for a token that does not expire; both are null once the
  // clock has stopped.
  constructor(root, { seconds, onTick, onExpired }) {
    this.root = root;
    this.defaultLifetime = seconds * 1000;
    this.onTick = onTick;
    this.onExpired = onExpired;
    this.timer = null;
  }

  start(current) {
    if (current.expiresAt === null) return this.showEndless();
    const { iat, exp } = claims(current.token);
    this.lifetime = exp && iat ? (exp - iat) * 1000 : this.defaultLifetime;
    this.expiresAt = current.expiresAt;
    // Both times are on the server's clock, so only their difference is used.
    const margin =
      current.expires_at && current.refresh_at ? (current.expires_at - current.refresh_at) * 1000 : this.lifetime / 5;
    this.renewsAt = current.expiresAt - margin;
    this.expiryReported = false;
    this.root.style.setProperty("--mark", 1 - margin / this.lifetime);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.tick(), TICK);
    this.tick();
  }

  showEndless() {
    this.root.style.setProperty("--done", 0);
    this.root.dataset.state = "endless";
    this.onTick(Infinity, Infinity);
  }

  stop() {
    clearInterval(this.timer);
    this.root.style.setProperty("--done", 1);
    this.root.dataset.state = "stopped";
    this.onTick(null, null);
  }

  tick() {
    const untilExpiry = this.expiresAt - Date.now();
    this.root.style.setProperty("--done", Math.min(1, Math.max(0, 1 - untilExpiry / this.lifetime)));
    this.root.dataset.state = untilExpiry <= 0 ? "expired" : "running";
    this.onTick(this.renewsAt - Date.now(), untilExpiry);
    if (untilExpiry <= 0 && !this.expiryReported) {
      this.expiryReported = true;
      this.onExpired();
    }
  }
}

export const seconds = (milliseconds) =>
  milliseconds === Infinity ? "never" : `${Math.max(0, Math.ceil(milliseconds / 1000))} s`;
