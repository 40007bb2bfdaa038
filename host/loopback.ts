import type { IncomingHttpHeaders } from "node:http";
import { StartError } from "./errors.ts";

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "::1"];
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * Whether the host may listen on this name or address.
 * @throws an Error for everything but loopback: nobody is authenticated yet, so nobody else may reach the workspace
 */
export function requireLoopback(hostname: string): void {
  if (LOOPBACK_NAMES.includes(hostname.toLowerCase())) return;
  throw new StartError(
    `Refusing to listen on ${hostname}: requests are not authenticated yet, so only 127.0.0.1, localhost or ::1 can be used.`,
  );
}

/**
 * Names the header that shows a request was not meant for this machine's own users, or undefined when it was. A web page of any
 * origin can make a browser send requests to 127.0.0.1, and by DNS rebinding even read the answers; it cannot choose these headers.
 */
export function foreignHeader(headers: IncomingHttpHeaders): "Host" | "Origin" | undefined {
  if (!LOOPBACK_HOST.test(headers.host ?? "")) return "Host";
  if (headers.origin !== undefined && !LOOPBACK_ORIGIN.test(headers.origin)) return "Origin";
  return undefined;
}
