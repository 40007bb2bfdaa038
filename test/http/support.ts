import { Agent, request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { RouteShape } from "../../shared/http/routes.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import type { MlflowRoute } from "../../shared/mlflow/route.ts";
import { PLANTED_HEADERS, requireNoSecret } from "../setup/secrets.ts";

/** What a server answered. `json` is undefined when the body is no JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly json: any;
}

export interface Sending {
  /** Sent as JSON, with its content type. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Uint8Array | Readable;
  readonly headers?: OutgoingHttpHeaders;
}

export type Input = Record<string, unknown>;

export interface Client {
  readonly url: string;
  /** Sends to a raw path: nothing in it is resolved or escaped. */
  send(method: string, path: string, sending?: Sending): Promise<Answer>;
  /** Calls an MLflow operation by the name it has in the table; `input` becomes its query or its JSON body. */
  call(name: string, input?: Input, path?: Record<string, string>): Promise<Answer>;
  /** The same server, seen through a prefix such as `/w/team-a`, or with more headers. */
  under(prefix: string, headers?: OutgoingHttpHeaders): Client;
  close(): void;
}

/** How a client reaches its server. */
export type Exchange = (method: string, target: string, sending: Sending) => Promise<Answer>;

/** A client without opinions: it keeps connections, and shows what was answered. The URL may become known later. */
export function connect(url: string | (() => string), maxSockets = 8): Client {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const current = typeof url === "string" ? () => url : url;
  const through: Exchange = (method, target, sending) => exchange(current(), agent, method, target, sending);
  return clientThrough(through, current, () => agent.destroy());
}

export function clientThrough(exchange: Exchange, url: () => string, close: () => void): Client {
  const under = (prefix: string, headers: OutgoingHttpHeaders): Client => {
    const send = (method: string, path: string, sending: Sending = {}) =>
      exchange(method, prefix + path, { ...sending, headers: { ...headers, ...sending.headers } });
    return {
      get url() {
        return url();
      },
      send,
      call: (name, input = {}, path = {}) => {
        const { method, target, sending } = requestFor(routeNamed(name), input, path);
        return send(method, target, sending);
      },
      under: (more, extra = {}) => under(prefix + more, { ...headers, ...extra }),
      close,
    };
  };
  return under("", {});
}

export function routeNamed(name: string): MlflowRoute {
  const found = mlflowRoutes.find((route) => route.name === name);
  if (!found) throw new Error(`No operation is named ${name}.`);
  return found;
}

type AnyRoute = RouteShape & Pick<MlflowRoute, "surface">;

/** What stands before the path of an MLflow operation. */
export function aboveOf({ surface }: AnyRoute): string {
  if (surface === "root") return "/";
  return surface === "page" ? "/ajax-api/" : "/api/";
}

/** The path of an operation below the server or a prefix, with its parameters in place and escaped. */
export function targetOf(route: AnyRoute, path: Record<string, string> = {}, api = aboveOf(route)): string {
  const filled = route.path.replace(/(?:\*\*)?:(\w+)/g, (whole, name: string) => {
    const value = path[name] ?? "";
    return whole.startsWith("**") ? value.split("/").map(encodeURIComponent).join("/") : encodeURIComponent(value);
  });
  return api + filled;
}

export function requestFor(route: MlflowRoute, input: Input, path: Record<string, string> = {}) {
  const target = targetOf(route, path);
  if (route.method !== "GET") {
    return { method: route.method, target, sending: { json: input } };
  }
  const query = queryOf(input);
  return { method: route.method, target: query === "" ? target : `${target}?${query}`, sending: {} };
}

export function queryOf(input: Input): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(input)) {
    for (const one of Array.isArray(value) ? value : [value]) query.append(key, String(one));
  }
  return query.toString();
}

/** A body as it goes over the wire, and what is said of it; planted secrets go along with every request. */
export function encoded(sending: Sending): { body: Sending["body"]; headers: OutgoingHttpHeaders } {
  const body = sending.json === undefined ? sending.body : JSON.stringify(sending.json);
  const headers: OutgoingHttpHeaders = {
    ...PLANTED_HEADERS,
    ...(sending.json !== undefined && { "content-type": "application/json" }),
    ...(typeof body === "string" && { "content-length": Buffer.byteLength(body) }),
    ...(body instanceof Uint8Array && { "content-length": body.length }),
    ...sending.headers,
  };
  return { body, headers };
}

/** @throws Error when one of the planted secrets has come back */
export function answerOf(status: number, headers: IncomingHttpHeaders, bytes: Buffer): Answer {
  requireNoSecret("the headers of an answer", JSON.stringify(headers));
  requireNoSecret("an answer", bytes);
  const text = bytes.toString();
  return { status, headers, bytes, text, json: parsed(text) };
}

function exchange(url: string, agent: Agent, method: string, path: string, sending: Sending): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const { body, headers } = encoded(sending);
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ hostname, port, agent, method, path, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        try {
          resolve(answerOf(incoming.statusCode!, incoming.headers, Buffer.concat(chunks)));
        } catch (error) {
          reject(error);
        }
      });
    });
    outgoing.on("error", reject);
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) outgoing.end(body);
    else body.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The answer's JSON; throws with what was answered instead when it is no success. */
export async function ok(answer: Promise<Answer>) {
  const { status, json, text } = await answer;
  if (status < 200 || status > 299) throw new Error(`${status} ${text}`);
  return json;
}
