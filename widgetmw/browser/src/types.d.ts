/** Internal types of this package. The public ones are in `widgetmw.d.ts`. */

import type { Vendor, VendorHooks, VendorScript, WidgetToken } from "../widgetmw";

/**
 * A token as the server writes it into a page; times in Unix seconds of the server's clock. If it does not expire, they
 * are `null`, which counts as 0.
 */
export interface PageToken {
  provider: string;
  token: string;
  expires_at: number;
  refresh_at: number;
  url?: string;
}

/** A token as the endpoint returns it; the two additional times are in seconds from the response. */
export interface EndpointToken extends PageToken {
  expires_in: number;
  refresh_in: number;
}

/** What the endpoint returns for a signed-in user. */
export interface TokenResponse {
  /** An opaque value that differs between users. */
  user?: string;
  /** When the server sent it, in Unix seconds of its clock. */
  now?: number;
  tokens: Record<string, EndpointToken>;
  /** The vendors without a token, with the code of the reason. */
  errors?: Record<string, string>;
}

/** What the server writes into a page. */
export interface PageData {
  /** Path of the token endpoint; an absolute URL on a page that has embed.js. */
  url: string;
  /** Name of our cookie, storage, channel and lock: it differs between the apps of a host. */
  key: string;
  /** When the server sent the page, in Unix seconds of its clock. */
  now?: number;
  /** By how much `now` was ahead of this browser's clock when the page arrived, in milliseconds. */
  offset?: number;
  /** An opaque value that differs between users; `null` if nobody is signed in as far as this page can tell. */
  user?: string | null;
  /**
   * Whether the runtime has to ask the endpoint at once: the server put no token into the page, or the page is a copy,
   * whose tokens are not used.
   */
  ask?: boolean;
  /** `false`: the page's Content-Security-Policy forbids requests to the endpoint. */
  connect?: boolean;
  /** Vendors whose loader the runtime adds. */
  embed?: string[];
  vendors: Record<string, { config: Record<string, string>; token?: PageToken }>;
  /** The vendors whose token this page does not carry, with the reason, if another request would not change it. */
  errors?: Record<string, string>;
}

/** Our state of a vendor; the vendor's script sees only `vendor`. */
export interface VendorEntry {
  vendor: Vendor & { forVisitor: boolean };
  /** Whether the runtime still has to embed the widget. */
  embeds?: boolean;
  /** When to renew the token, by `time()`. */
  renewAt?: number;
  /** How many responses in a row left the vendor out. */
  failures?: number;
  /** Whether the vendor has received its token. */
  isNotified?: boolean;
  /** What `init` returned; it belongs to the vendor's script. */
  state?: unknown;
  /** What `init` threw; absent if it did not throw. */
  error?: unknown;
  /** What `connect` returned. */
  hooks?: VendorHooks;
}

/** The object that the bootstrap and the runtime share: `window.widgetmw._`. */
export interface Shared {
  /** Name of our cookie, storage, channel and lock. */
  key: string;
  /** The browser's own, before a script of the page has made a global of that name. */
  ownNavigation: EventTarget | undefined;
  /** The browser's own, since a page may redirect to its login page after a 401. Tests remove it and add a polyfill later. */
  ownFetch: typeof fetch | undefined;
  tokens: Record<string, WidgetToken>;
  listeners: Record<string, Set<() => void>>;
  /** The Trusted Types policy for the vendors' loaders. */
  policy?: { createScriptURL(url: string): string };
  vendors: Record<string, VendorEntry>;
  /** Page data that the runtime has not processed yet. */
  queue: PageData[];
  isRunning?: boolean;
  addVendor(name: string, data: PageData): void;
  /** Called by the script of a third-party vendor; set once the runtime has started. */
  onScript?(vendor: string): void;
  /** Called by the script of an operator's snippet; set once the runtime has started. */
  onSnippet?(vendor: string, name: string): void;
  /** Returns further headers for token requests. */
  headers?(): Record<string, string> | undefined | Promise<Record<string, string> | undefined>;
  /** Continues the calls that wait for the runtime. */
  ready(value?: unknown): void;
  take(data: PageData): unknown;
  /** Calls a function of the runtime; a call before its start waits for it. */
  call(name: keyof RuntimeCalls, ...values: any[]): Promise<any>;
}

export interface RuntimeCalls {
  refresh(name: string): Promise<WidgetToken>;
  getToken(name: string): Promise<WidgetToken>;
  signOut(): Promise<void>;
}

/** `WidgetmwApi` as our code implements it: the tokens of all vendors have the same type. */
export interface Api extends RuntimeCalls {
  _: Shared;
  get(name: string): WidgetToken | undefined;
  subscribe(name: string, listener: () => void): () => void;
  setRequestHeaders(headers: Shared["headers"]): void;
}

/** A message from one tab to the others. */
export type TabMessage =
  /** A request is sent to the endpoint. */
  | { type: "request" }
  /** Tokens arrived. `sentAt`: when they were requested, as `Date.now()`; `uncounted`: outside of the rate limit. */
  | { type: "tokens"; response: TokenResponse; sentAt: number; uncounted: boolean }
  /** The endpoint failed this many times in a row. */
  | { type: "failure"; failures: number }
  /**
   * A user was signed out; `user` is their salted hash, as kept in storage; `at` is `Date.now()`; `pending` are the
   * vendors whose widget the tab does not have.
   */
  | { type: "signout"; user: string | null | undefined; at: number; pending: string[] };

declare module "../widgetmw" {
  interface WidgetmwApi {
    readonly _: Shared;
  }
}

declare global {
  interface Window {
    /** Scripts of third-party vendors, by vendor. Each has its own script element or file. */
    widgetmw_scripts?: Record<string, VendorScript | undefined>;
    /** The operator's snippets as functions, by vendor and name. Each has its own script element or file. */
    widgetmw_snippets?: Record<string, Vendor["snippets"]>;
    navigation?: EventTarget;
    trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } };
  }
  interface Document {
    readonly prerendering?: boolean;
  }
}
