/**
 * What widgetmw puts into a page: `window.widgetmw`, its events, and the globals that the vendors' widgets read.
 *
 * Add it to a TypeScript project with `/// <reference path="..." />` or under `files` in tsconfig.json.
 */

export {};

/** The names of the built-in vendors; a further one is any other string. */
export type WidgetVendor = "digitalgenius" | "hissuno" | "orlo" | "giosg" | (string & {});

/** A token as the page holds it. Frozen; a new object whenever it changes. */
export interface WidgetToken {
  readonly provider: WidgetVendor;
  /** The signed token. */
  readonly token: string;
  /** Its end in milliseconds of this browser's clock, as `Date.now()`; `null` where it has none. */
  readonly expiresAt: number | null;
  /** The same in Unix seconds of the server's clock. */
  readonly expires_at: number | null;
  /** From when on the server makes a new one, in Unix seconds of its clock. */
  readonly refresh_at: number | null;
  /** giosg: the signed URL of the chat. */
  readonly url?: string;
  /** Orlo: the URL for web views, where it is configured. */
  readonly mobile_url?: string;
  /** DigitalGenius, from the endpoint: the message that hands the token to their mobile kits. */
  readonly system_message?: { readonly name: "auth_token"; readonly payload: string };
}

/** `event.detail` of `widgetmw:token`. */
export type WidgetTokenDetail = Pick<WidgetToken, "provider" | "token" | "expiresAt">;

export interface WidgetMiddleware {
  /** The token of a vendor; the same object until it changes, `undefined` where there is none. */
  get(provider: WidgetVendor): WidgetToken | undefined;

  /**
   * Calls the listener after each change of the vendor's token, also when it is gone.
   *
   * @returns a function that ends it; the pair fits React's `useSyncExternalStore`.
   */
  subscribe(provider: WidgetVendor, listener: () => void): () => void;

  /**
   * Asks the server for a fresh token now, also where nobody was signed in (after a sign-in without a page load).
   * Calls at the same time share one request; a page that calls it too often waits, up to a minute.
   *
   * @throws (rejects with) an `Error` that says why there is no token: signed out, no answer, not permitted.
   */
  refresh(provider: WidgetVendor): Promise<WidgetToken>;

  /** Signs out in the browser: tokens go, each vendor's clean-up runs, other tabs follow. Does nothing for nobody. */
  signOut(): Promise<void>;
}

/** Props of Hissuno's React component, as they stand in `window.HISSUNO_WIDGET_CONFIG`; a new object per token. */
export interface HissunoWidgetConfig {
  projectId: string;
  apiUrl?: string;
  widgetToken?: string;
  userId?: string;
  userMetadata?: Record<string, string>;
}

/** DigitalGenius' configuration: the page's own keys, with ours merged in. */
export interface DigitalGeniusConfig {
  widgetId?: string;
  env?: string;
  metadata?: { auth_token?: string; [key: string]: unknown };
  callbacks?: { onWidgetEmbedded?: (...values: unknown[]) => void; [name: string]: unknown };
  [key: string]: unknown;
}

declare global {
  interface Window {
    /** Absent on pages that are left alone: those of anonymous visitors, for instance. */
    widgetmw?: WidgetMiddleware;
    HISSUNO_WIDGET_CONFIG?: HissunoWidgetConfig;
    DG_CHAT_WIDGET_CONFIG?: DigitalGeniusConfig;
    DG_SDK_CONFIG?: DigitalGeniusConfig;
    /** giosg's queue of calls, until their script has taken its place. */
    _giosg?: (...call: unknown[]) => unknown;
  }

  interface WindowEventMap {
    /** A vendor has a new token. */
    "widgetmw:token": CustomEvent<WidgetTokenDetail>;
    /** Somebody was signed out: by the page, by the server, in another tab, or by another person's page. */
    "widgetmw:signedout": CustomEvent<null>;
  }
}
