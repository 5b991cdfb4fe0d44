// A bar and two countdowns for the life of a token. It draws four times a second and says nothing aloud.
import { claims } from "./token.js";

const TICK = 250;

export class Clock {
  // seconds: how long a token lives where its claims do not say
  constructor(root, { seconds, onExpired }) {
    this.root = root;
    this.otherwise = seconds * 1000;
    this.onExpired = onExpired;
    this.timer = null;
    this.write = () => {};
  }

  start(current) {
    const { iat, exp } = claims(current.token);
    const life = exp && iat ? (exp - iat) * 1000 : this.otherwise;
    this.life = life;
    this.expires = current.expiresAt;
    // Both are on the server's clock, so only their distance counts.
    const margin = current.expires_at && current.refresh_at ? (current.expires_at - current.refresh_at) * 1000 : life / 5;
    this.renews = current.expiresAt - margin;
    this.told = false;
    this.root.style.setProperty("--mark", 1 - (this.expires - this.renews) / life);
    clearInterval(this.timer);
    this.timer = setInterval(() => this.draw(), TICK);
    this.draw();
  }

  stop() {
    clearInterval(this.timer);
    this.root.style.setProperty("--done", 1);
    this.root.dataset.state = "ended";
    this.write(null, null);
  }

  draw() {
    const left = this.expires - Date.now();
    this.root.style.setProperty("--done", Math.min(1, Math.max(0, 1 - left / this.life)));
    this.root.dataset.state = left <= 0 ? "expired" : "running";
    this.write(this.renews - Date.now(), left);
    if (left <= 0 && !this.told) {
      this.told = true;
      this.onExpired();
    }
  }
}

export const seconds = (milliseconds) => `${Math.max(0, Math.ceil(milliseconds / 1000))} s`;
