/** Globals of pages and of the vendors' own scripts that our scripts for the built-in vendors use. */

import type { DigitalGeniusConfig } from "../browser/widgetmw";

declare global {
  interface Window {
    dgchat?: {
      methods?: { sendSystemMessage(message: { name: string; payload: string }): void; resetChat?(): void };
    };
    DGChatSDK?: DigitalGeniusKit;
    giosgTCApi?: GiosgConsent;
    Intercom?: IntercomCall;
    intercomSettings?: Record<string, any>;
    zE?: (widget: "messenger", method: string, ...values: any[]) => unknown;
    chatwootSDK?: { run(options: { websiteToken: string; baseUrl: string }): void };
    $chatwoot?: ChatwootSdk;
    /** Crisp: an array until their script has loaded. */
    $crisp?: CrispQueue;
    CRISP_WEBSITE_ID?: string;
    CRISP_TOKEN_ID?: string;
    Beacon?: HelpScoutBeacon;
    Tawk_API?: TawkApi;
    Tawk_LoadStart?: Date;
    FrontChat?(command: string, options?: unknown): unknown;
    __tcfapi?(command: string, version: number, listener: (state?: { eventStatus?: string }) => void): void;
  }

  interface DigitalGeniusKit {
    init(options?: { metadata?: object }): unknown;
    endConversation?(): void;
  }

  /** `q` holds the calls until Intercom's script has replaced the function. */
  type IntercomCall = ((...call: any[]) => unknown) & { q?: any; booted?: boolean };

  interface ZendeskError {
    type?: string;
    reason?: string;
  }

  interface ChatwootSdk {
    hasLoaded: boolean;
    baseDomain?: string;
    user?: unknown;
    setUser(identifier: string, user: { name?: string; email?: string; identifier_hash: string }): void;
    reset(): void;
  }

  interface CrispQueue {
    push(call: unknown[]): unknown;
    is?: unknown;
  }

  interface HelpScoutBeacon {
    (method: string, options?: unknown, data?: unknown): unknown;
    readyQueue?: { method: string; options?: unknown; data?: unknown }[];
  }

  interface TawkApi {
    autoStart?: boolean;
    login?(...values: any[]): void;
    logout?(...values: any[]): void;
    start?(options: { showWidget: boolean }): void;
    shutdown?(): void;
    /** Callbacks: one function each. */
    [callback: string]: any;
  }

  interface GiosgConsent {
    setVisitorConsent?(...choice: unknown[]): unknown;
    addEventListener?(type: string, listener: () => void): void;
  }

  // Read by name: a top-level `let` or `const` of the page shadows the property of `window`.
  const DG_CHAT_WIDGET_CONFIG: DigitalGeniusConfig | undefined;
  const DG_SDK_CONFIG: DigitalGeniusConfig | undefined;
}
