import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { InvocationContext } from "@azure/functions";

/*
 * With HTTP streaming the Functions host sends each request twice: to the library's server as it is, and to the worker as trigger data. The library
 * takes the headers from the trigger data, into which the host mixes members of a JSON body and parameters of the query, so that a caller could
 * replace them; it builds the address of what a caller says in `X-Forwarded-*`; and what cannot be a header or an address makes it fail without an
 * answer, for which the client waits four minutes. So the library is given, in place of all trigger data, what the request itself says.
 */

/** As the library's server got it. */
interface StreamedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What the language worker hands to the library for each invocation, as far as it matters here. */
interface CoreContext {
  readonly invocationId: string;
  readonly metadata: { readonly bindings: Readonly<Record<string, { readonly type?: string }>> };
  readonly request: { triggerMetadata?: Record<string, { json?: string }> };
}

interface ProgrammingModel {
  getInvocationModel(context: CoreContext): unknown;
  getCapabilities(known: Record<string, string>): Promise<Record<string, string>>;
}

const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.\d+\.\d+\.\d+)$/i;
const INVOCATION_ID = "x-ms-invocation-id";

/** By invocation id; empty where nothing is streamed. */
const streamed = new Map<string, StreamedRequest>();

/** The request that an invocation is for, where it is streamed. */
export function streamedRequest(context: InvocationContext): StreamedRequest | undefined {
  return streamed.size === 0 ? undefined : streamed.get(context.invocationId);
}

/** Makes the library take requests as they were sent. To be called once the first function is registered; does nothing outside a runtime. */
export function takeRequestsAsSent(): void {
  const model = programmingModel();
  if (!model) return;
  const { getInvocationModel, getCapabilities } = model;
  model.getCapabilities = async (known) => {
    const capabilities = await getCapabilities.call(model, known);
    if (capabilities.HttpUri) keepRequestsTo(Number(new URL(capabilities.HttpUri).port));
    return capabilities;
  };
  model.getInvocationModel = (context) => {
    if (Object.values(context.metadata.bindings).some(isHttpTrigger)) context.request.triggerMetadata = asSent(context);
    return getInvocationModel.call(model, context);
  };
}

/** The worker gives its module to `require` alone. */
function programmingModel(): ProgrammingModel | undefined {
  try {
    return createRequire(import.meta.url)("@azure/functions-core").getProgrammingModel();
  } catch {
    return undefined;
  }
}

function isHttpTrigger({ type }: { readonly type?: string }): boolean {
  return type?.toLowerCase() === "httptrigger";
}

/** What other servers of this process get is no concern of ours. */
function keepRequestsTo(port: number): void {
  let library: Server | undefined;
  subscribe("http.server.request.start", (message) => {
    const { server, ...exchange } = message as StreamedRequest & { readonly server: Server };
    if (!library && (server.address() as AddressInfo | null)?.port === port) library = server;
    if (server === library) keep(exchange);
  });
}

/** The library listens on all addresses, but nobody except the host, which is on this machine, has anything to ask there. */
function keep(exchange: StreamedRequest): void {
  const { headers, socket } = exchange.request;
  if (!LOOPBACK.test(socket.remoteAddress ?? "")) return void socket.destroy();
  const id = headers[INVOCATION_ID];
  if (typeof id !== "string") return;
  repairAddress(exchange.request);
  streamed.set(id, exchange);
  exchange.response.once("close", () => streamed.delete(id));
}

const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/** Of several proxies the first counts; what names no host or protocol is nothing that a request needs. */
function repairAddress({ headers }: IncomingMessage): void {
  const [host = ""] = String(headers["x-forwarded-host"] ?? "").split(",");
  const [protocol = ""] = String(headers["x-forwarded-proto"] ?? "").split(",");
  headers["x-forwarded-host"] = HOST.test(host.trim()) ? host.trim() : "localhost";
  headers["x-forwarded-proto"] = protocol.trim().toLowerCase() === "https" ? "https" : "http";
}

/** Trigger data that holds headers alone. The library reads them when the request has come to its server. */
function asSent({ invocationId }: CoreContext): Record<string, { json?: string }> {
  return {
    get Headers() {
      const headers = streamed.get(invocationId)?.request.headers ?? {};
      return { json: JSON.stringify({ ...headers, host: headers["x-forwarded-host"] }, texts) };
    },
  };
}

/** Several headers of one name as one text. */
function texts(_name: string, value: unknown): unknown {
  return Array.isArray(value) ? value.join(", ") : value;
}
