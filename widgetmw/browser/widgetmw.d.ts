/**
 * What widgetmw adds to a page: `window.widgetmw`, its events, and the globals that the vendors' widgets read.
 * Also the interface of a vendor's script.
 *
 * Add it to a TypeScript project with `/// <reference path="..." />` or under `files` in tsconfig.json.
 */

/**
 * The token types by vendor. A package with a vendor adds its own:
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
  intercom: WidgetToken<"intercom">;
  zendesk: WidgetToken<"zendesk">;
  chatwoot: ChatwootToken;
  crisp: CrispToken;
  helpscout: HelpScoutToken;
  tawk: TawkToken;
  front: FrontToken;
  jwt: WidgetToken<"jwt">;
  hmac: HmacToken;
}

/** The name of a vendor: one with its own token type, or any other string. */
export type WidgetVendor = keyof WidgetTokens | (string & {});

/** The token of a vendor. */
export type TokenOf<Name extends WidgetVendor> = Name extends keyof WidgetTokens
  ? WidgetTokens[Name]
  : WidgetToken<Name>;

/** A token in the page. It is frozen; a changed token is a new object. */
export interface WidgetToken<Name extends string = string> {
  readonly provider: Name;
  /** The signed token. */
  readonly token: string;
  /** When it expires, in milliseconds of this browser's clock, as `Date.now()`; `null` if it does not expire. */
  readonly expiresAt: number | null;
  /** When it expires, in Unix seconds of the server's clock. */
  readonly expires_at: number | null;
  /** When the server will sign a new one, in Unix seconds of its clock. */
  readonly refresh_at: number | null;
}

export interface DigitalGeniusToken extends WidgetToken<"digitalgenius"> {
  /** From the endpoint only: the message that passes the token to their mobile kits. */
  readonly system_message?: { readonly name: "auth_token"; readonly payload: string };
}

export interface OrloToken extends WidgetToken<"orlo"> {
  /** From the endpoint only: the URL for web views, if it is configured. */
  readonly mobile_url?: string;
}

export interface GiosgToken extends WidgetToken<"giosg"> {
  /** The signed URL of the chat. */
  readonly url: string;
}

/** The token of the generic vendor `hmac`: a hash in hexadecimal digits. */
export interface HmacToken extends WidgetToken<"hmac"> {
  /** The text that was signed. */
  readonly message: string;
}

export interface ChatwootToken extends WidgetToken<"chatwoot"> {
  /** The user's id, which was signed. */
  readonly identifier: string;
  /** The user's name; the id if there is neither a name nor an email address. */
  readonly name?: string;
  readonly email?: string;
}

export interface CrispToken extends WidgetToken<"crisp"> {
  /** The email address that was signed. */
  readonly email: string;
  readonly name?: string;
}

export interface HelpScoutToken extends WidgetToken<"helpscout"> {
  /** The email address that was signed. */
  readonly email: string;
  readonly name?: string;
}

export interface TawkToken extends WidgetToken<"tawk"> {
  /** The id that was signed. */
  readonly userId: string;
  readonly name?: string;
  readonly email?: string;
}

export interface FrontToken extends WidgetToken<"front"> {
  /** The id that was signed. */
  readonly userId: string;
  readonly email?: string;
  readonly name?: string;
}

/** `event.detail` of `widgetmw:token`. */
export type WidgetTokenDetail = Pick<WidgetToken<WidgetVendor>, "provider" | "token" | "expiresAt">;

/** `window.widgetmw`. */
export interface WidgetmwApi {
  /** Returns the current token of a vendor: the same object until it changes, `undefined` if there is none. */
  get<Name extends WidgetVendor>(provider: Name): TokenOf<Name> | undefined;

  /**
   * Calls the listener after each change of the vendor's token, including its removal.
   *
   * @returns a function that unsubscribes; made for React's `useSyncExternalStore`.
   */
  subscribe(provider: WidgetVendor, listener: () => void): () => void;

  /**
   * Requests the user's tokens now, even if no user was signed in before (after a sign-in without a page load). The server
   * signs a new token only once the old one's `refresh_at` has come. Simultaneous calls share one request. A page that calls this too often has to wait, up to a minute.
   *
   * @throws (rejects with) an `Error` that says why there is no token: signed out, request failed, not permitted.
   */
  refresh<Name extends WidgetVendor>(provider: Name): Promise<TokenOf<Name>>;

  /**
   * Returns the current token if it is not due for renewal, otherwise a fresh one.
   *
   * @throws like `refresh`.
   */
  getToken<Name extends WidgetVendor>(provider: Name): Promise<TokenOf<Name>>;

  /**
   * Sets a function that returns further headers for token requests, for apps that authenticate without cookies:
   * `setRequestHeaders(() => ({ Authorization: "Bearer " + token }))`. It is called before each request. If it throws,
   * the request is tried again later: a request without the header would count as a sign-out.
   */
  setRequestHeaders(
    headers: () => Record<string, string> | undefined | Promise<Record<string, string> | undefined>
  ): void;

  /**
   * Cleans up in the browser: removes the tokens, runs each vendor's clean-up, and notifies the other tabs. It makes no
   * request, so no response expires the vendors' cookies.
   */
  signOut(): Promise<void>;
}

/**
 * A vendor's script: an ES module without imports, whose only export is `export default { init, connect }` at the start
 * of a line.
 */
export interface VendorScript<Name extends WidgetVendor = string, State = unknown> {
  /**
   * Runs in the page, before any script of the page. Keep it small: set the globals that the vendor's widget reads. On the
   * page of another user it gets the new user's token, before `logout` is called for the former one.
   *
   * @returns the state that `connect` gets.
   */
  init?(vendor: PageVendor<Name>): State;

  /** Runs when the page has been parsed. `state` is what `init` returned. */
  connect?(vendor: Vendor<Name>, state: State): VendorHooks | void;
}

/** The argument of a vendor's `init`. The script keeps its state in variables of its own. */
export interface PageVendor<Name extends WidgetVendor = string> {
  readonly name: Name;
  /** The vendor's public configuration, from its `Provider`. */
  readonly config: Readonly<Record<string, string>>;
  /** The current token, `undefined` if there is none. After a wait it may have expired: see `getToken`. */
  readonly token: TokenOf<Name> | undefined;
  /**
   * Whether the visitor may use the widget, signed in or anonymous. `false`: the page carries the runtime only to clean
   * up after a sign-out. Then set no configuration.
   */
  readonly forVisitor: boolean;
  /** Returns the current token if it is not due for renewal, otherwise a fresh one; rejects if no user is signed in. */
  getToken(): Promise<TokenOf<Name>>;
}

/** The argument of a vendor's `connect`. */
export interface Vendor<Name extends WidgetVendor = string> extends PageVendor<Name> {
  /** The operator's snippets (`Provider.snippets()`) as functions, by name, if their scripts have run. */
  readonly snippets: Record<string, ((...values: string[]) => unknown) | undefined>;
  /**
   * Adds a script element to the page, with our nonce and through our Trusted Types policy. Fulfilled once the script has
   * run; at once if the page already has an element with exactly that URL, which may still be loading.
   */
  loadScript(url: string, attributes?: Record<string, string>): Promise<void>;
  /**
   * Calls `find` now, after each external script of the page has loaded, and besides at growing intervals. Fulfilled with
   * what it returns, as soon as that is truthy: `waitFor(() => window.acme)` waits for the widget, whoever loads it.
   */
  waitFor<Found>(find: () => Found): Promise<NonNullable<Found>>;
}

/** What `connect` returns. Each hook is optional. An error in a hook is reported and affects only this vendor. */
export interface VendorHooks {
  /**
   * The vendor has a new token. This is also called without one, once for each user, if the vendor cannot serve the user,
   * or if its class keeps tokens out of pages (`in_page = False`): then `vendor.getToken()` requests it.
   *
   * It does not wait for a promise that `logout` has returned: keep that promise, and wait for it before you identify the
   * next user. In a tab that was hidden or idle, this may come after the old token has expired.
   */
  update?(change: TokenChange): unknown;
  /**
   * The user was signed out, or is followed by another one: end the conversation. `vendor.token` is then `undefined`, or the
   * next user's if their page was loaded.
   *
   * @returns a promise if the clean-up has to wait for the vendor's widget. If the promise is pending when the page is
   *   left, a later page calls `logout` again.
   */
  logout?(signOut: SignOut): Promise<void> | void;
  /** Add the vendor's loader to the page. Called once. */
  embed?(): unknown;
  /** The script of an operator's snippet ran after `connect`. */
  snippet?(name: string): unknown;
}

export interface TokenChange {
  /**
   * `page`: the first call in this page, whose data `init` has seen, with the token unless the vendor's class keeps it out
   * of pages. `endpoint`: the token came later, or for another user than the one before.
   */
  readonly source: "page" | "endpoint";
}

export interface SignOut {
  /** The token of the user who was signed out; `undefined` if it is not known, as after any page load. */
  readonly token: WidgetToken | undefined;
  /**
   * `here`: this tab is the first to learn of the sign-out, or the first that may have the widget. Clean up the page and
   * what the tabs share.
   * `elsewhere`: another tab was first, a moment ago. Clean up this page, if it has the widget.
   * `late`: another tab was first, a while ago. What is stored may be somebody else's by now: call nothing that resets the
   * widget, but hide the conversation, if the widget has a method that does nothing else.
   */
  readonly origin: "here" | "elsewhere" | "late";
  /**
   * Whether the clean-up is still to be done. Ask after you have waited for the widget: another page may have done it
   * meanwhile, and the conversation may be somebody else's by now. Where the page has the widget, clean up without asking.
   */
  isDue(): boolean;
}

/** `window.HISSUNO_WIDGET_CONFIG`: the props of Hissuno's React component; a new object for each token. */
export interface HissunoWidgetConfig {
  projectId: string;
  apiUrl?: string;
  widgetToken?: string;
  userId?: string;
  userMetadata?: Record<string, string>;
}

/** The configuration of DigitalGenius: the page's own keys, with ours merged in. */
export interface DigitalGeniusConfig {
  widgetId?: string;
  env?: string;
  metadata?: { auth_token?: string; [key: string]: unknown };
  callbacks?: { onWidgetEmbedded?: (...values: unknown[]) => void; [name: string]: unknown };
  [key: string]: unknown;
}

declare global {
  interface Window {
    /** Absent on pages that are not modified, such as most anonymous pages. */
    widgetmw?: WidgetmwApi;
    HISSUNO_WIDGET_CONFIG?: HissunoWidgetConfig;
    DG_CHAT_WIDGET_CONFIG?: DigitalGeniusConfig;
    DG_SDK_CONFIG?: DigitalGeniusConfig;
    /** giosg's queue of calls, until their script replaces it. */
    _giosg?: (...call: unknown[]) => unknown;
  }

  interface WindowEventMap {
    /** A vendor has a new token. */
    "widgetmw:token": CustomEvent<WidgetTokenDetail>;
    /** The user was signed out: by the page, by the server, in another tab, or since a page belongs to another user. */
    "widgetmw:signedout": CustomEvent<Pick<SignOut, "origin">>;
  }
}
