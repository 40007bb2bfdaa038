import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { hostname as machineName, networkInterfaces } from "node:os";
import { StartError } from "./errors.ts";

const LOOPBACK_NAMES = ["127.0.0.1", "localhost", "::1"];
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * Whether the host may listen on this name or address without asking for credentials.
 * @throws an Error for everything but loopback: nobody else may reach what nobody guards
 */
export function requireLoopback(hostname: string): void {
  if (LOOPBACK_NAMES.includes(hostname.toLowerCase())) return;
  throw new StartError(
    `Refusing to listen on ${hostname} without --auth: others could use the workspace. Without it 127.0.0.1, localhost or ::1 can be used.`,
  );
}

/**
 * Asked before anything is made for a host that could not listen there.
 * @throws an Error for a name that leads nowhere
 */
export async function requireKnownName(hostname: string): Promise<void> {
  if (isIP(hostname) || LOOPBACK_NAMES.includes(hostname.toLowerCase())) return;
  const { lookup } = await import("node:dns/promises");
  await lookup(hostname).catch(() => {
    throw new StartError(`This machine knows no address of the name ${hostname}. Choose another with --host.`);
  });
}

/** A name under which others reach a host that listens there: of all addresses, the first that is not this machine's own affair. */
export function reachableName(hostname: string): string {
  if (hostname !== "0.0.0.0" && hostname !== "::") return hostname.includes(":") ? `[${hostname}]` : hostname;
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return addresses.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? machineName();
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

const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Whether a Host header names a host, with or without a port. None at all is what clients of HTTP/1.0 send. */
export function isHost(host: string | undefined): boolean {
  return host === undefined || HOST.test(host);
}
