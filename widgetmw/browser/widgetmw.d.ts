/**
 * What widgetmw puts into a page: `window.widgetmw`, its events, and the globals that the vendors' widgets read.
 * And what a vendor's script is given, for those who write one.
 *
 * Add it to a TypeScript project with `/// <reference path="..." />` or under `files` in tsconfig.json.
 */

/**
 * The tokens by vendor. A package that brings a vendor adds its own:
 *
 * ```ts
 * declare module "widgetmw/browser/widgetmw" {
 *   interface WidgetTokens {
 *     acme: WidgetToken<"acme"> & { readonly region: string };
 *   }
 * }
 * ```
 */
export interface WidgetTokens {
  digitalgenius: DigitalGeniusToken;
  hissuno: WidgetToken<"hissuno">;
  orlo: OrloToken;
  giosg: GiosgToken;
}

/** The names of the vendors with types of their own; a further one is any other string. */
export type WidgetVendor = keyof WidgetTokens | (string & {});

/** The token of a vendor. */
export type TokenOf<Name extends WidgetVendor> = Name extends keyof WidgetTokens
  ? WidgetTokens[Name]
  : WidgetToken<Name>;

/** A token as the page holds it. Frozen; a new object whenever it changes. */
export interface WidgetToken<Name extends string = string> {
  readonly provider: Name;
  /** The signed token. */
  readonly token: string;
  /** Its end in milliseconds of this browser's clock, as `Date.now()`; `null` if it does not expire. */
  readonly expiresAt: number | null;
  /** The same in Unix seconds of the server's clock. */
  readonly expires_at: number | null;
  /** From when on the server makes a new one, in Unix seconds of its clock. */
  readonly refresh_at: number | null;
}

export interface DigitalGeniusToken extends WidgetToken<"digitalgenius"> {
  /** From the endpoint only: the message that hands the token to their mobile kits. */
  readonly system_message?: { readonly name: "auth_token"; readonly payload: string };
}

export interface OrloToken extends WidgetToken<"orlo"> {
  /** From the endpoint only: the URL for web views, where it is configured. */
  readonly mobile_url?: string;
}

export interface GiosgToken extends WidgetToken<"giosg"> {
  /** The signed URL of the chat. */
  readonly url: string;
}

/** `event.detail` of `widgetmw:token`. */
export type WidgetTokenDetail = Pick<WidgetToken<WidgetVendor>, "provider" | "token" | "expiresAt">;

/** `window.widgetmw`. */
export interface WidgetmwApi {
  /** The token of a vendor; the same object until it changes, `undefined` if there is none. */
  get<Name extends WidgetVendor>(provider: Name): TokenOf<Name> | undefined;

  /**
   * Calls the listener after each change of the vendor's token, also when it is gone.
   *
   * @returns a function that ends it; the pair fits React's `useSyncExternalStore`.
   */
  subscribe(provider: WidgetVendor, listener: () => void): () => void;

  /**
   * Asks the server for a fresh token now, also if nobody was signed in (after a sign-in without a page load).
   * Calls at the same time share one request; a page that calls it too often waits, up to a minute.
   *
   * @throws (rejects with) an `Error` that says why there is no token: signed out, no answer, not permitted.
   */
  refresh<Name extends WidgetVendor>(provider: Name): Promise<TokenOf<Name>>;

  /**
   * The current token if it is not due for renewal, else a fresh one.
   *
   * @throws as `refresh` does.
   */
  getToken<Name extends WidgetVendor>(provider: Name): Promise<TokenOf<Name>>;

  /** Signs out in the browser: tokens go, each vendor's clean-up runs, other tabs follow. */
  signOut(): Promise<void>;
}

/**
 * A vendor's script: an ES module without imports, whose only export is `export default { init, connect }` at the start
 * of a line.
 */
export interface VendorScript<Name extends WidgetVendor = string, State = unknown> {
  /**
   * Runs in the page, before any script of the page. Keep it small: the globals that the vendor's widget reads.
   *
   * @returns anything that `connect` shall know.
   */
  init?(vendor: PageVendor<Name>): State;

  /** Runs once the page is parsed. `state` is what `init` returned. */
  connect?(vendor: Vendor<Name>, state: State): VendorHooks | void;
}

/** What a vendor's `init` is given. The script keeps its own state in variables of its own. */
export interface PageVendor<Name extends WidgetVendor = string> {
  readonly name: Name;
  /** The vendor's public configuration, as its `Provider` gives it. */
  readonly config: Readonly<Record<string, string>>;
  /** The current token, `undefined` if there is none. */
  readonly token: TokenOf<Name> | undefined;
  /**
   * Whether the page is for a visitor who may use the widget, signed in or anonymous. `false`: the page carries the
   * runtime for a clean-up only, and gets no configuration.
   */
  readonly forVisitor: boolean;
  /** The current token if it is not due for renewal, else a fresh one; rejects if nobody is signed in. */
  getToken(): Promise<TokenOf<Name>>;
}

/** What `connect` is given. */
export interface Vendor<Name extends WidgetVendor = string> extends PageVendor<Name> {
  /** The operator's JavaScript functions (`Provider.snippets()`) by name, as far as their scripts have come. */
  readonly snippets: Record<string, ((...values: string[]) => unknown) | undefined>;
  /**
   * Adds a script element to the page, with our nonce and under our Trusted Types policy. Does nothing if the page has a
   * script of that URL.
   */
  loadScript(url: string, attributes?: Record<string, string>): Promise<void>;
}

/** What `connect` returns; all of it is optional. An error in one of them is reported, and costs this vendor only. */
export interface VendorHooks {
  /** The vendor has a new token. */
  update?(change: TokenChange): unknown;
  /**
   * The user was signed out: end the conversation.
   *
   * @returns a promise if the clean-up has to wait for the vendor's widget. If it is still pending when the page is left,
   *   a later page calls `logout` again.
   */
  logout?(signOut: SignOut): Promise<void> | void;
  /** The vendor's loader is to be added to the page. Called once. */
  embed?(): unknown;
  /** A function of the operator's came after it could have been needed. */
  snippet?(name: string): unknown;
}

export interface TokenChange {
  /** `page`: the page carried the token, so `init` has seen it. `endpoint`: it is a later one. */
  readonly source: "page" | "endpoint";
}

export interface SignOut {
  /** The token that the user had, if it is known. */
  readonly token: WidgetToken | undefined;
  /**
   * `here`: this tab is the first to notice; clean up the page and what the tabs share.
   * `elsewhere`: another tab was first; clean up this page.
   * `late`: as `elsewhere`, and the next user is signed in already; leave alone what could be theirs.
   */
  readonly origin: "here" | "elsewhere" | "late";
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
    /** Absent on pages that are not modified: those of anonymous visitors, for instance. */
    widgetmw?: WidgetmwApi;
    HISSUNO_WIDGET_CONFIG?: HissunoWidgetConfig;
    DG_CHAT_WIDGET_CONFIG?: DigitalGeniusConfig;
    DG_SDK_CONFIG?: DigitalGeniusConfig;
    /** giosg's queue of calls, until their script has taken its place. */
    _giosg?: (...call: unknown[]) => unknown;
  }

  interface WindowEventMap {
    /** A vendor has a new token. */
    "widgetmw:token": CustomEvent<WidgetTokenDetail>;
    /** Somebody was signed out: by the page, by the server, in another tab, or by another user's page. */
    "widgetmw:signedout": CustomEvent<null>;
  }
}
