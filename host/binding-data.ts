import type { IncomingHttpHeaders } from "node:http";
import type { RpcTypedData } from "./core-types.ts";

/** What the HTTP extension of the Functions host collects about a request. */
interface RequestFacts {
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly params: Readonly<Record<string, string>>;
  /** The body when it came with a Content-Length, else undefined. */
  readonly body?: Buffer;
}

/**
 * The trigger metadata of an HTTP request as the Functions host builds it: members of a JSON body, then query parameters, then route
 * values, later ones replacing earlier ones of the same name in any case; `Query` and `Headers` only where that name is still free. In
 * stream mode the library takes route values and headers from here, so a request can shadow its own headers: kept on purpose, since an
 * app must not depend on them.
 */
export function httpTriggerMetadata({ query, headers, params, body }: RequestFacts): Record<string, RpcTypedData> {
  const data = new Map<string, { name: string; value: RpcTypedData }>();
  const set = (name: string, value: RpcTypedData) => {
    const key = name.toLowerCase();
    data.set(key, { name: data.get(key)?.name ?? name, value });
  };
  for (const [name, value] of Object.entries(jsonMembers(body))) {
    const typed = typedValue(value);
    if (typed) set(name, typed);
  }
  for (const name of new Set(query.keys())) {
    if (name.toLowerCase() !== "code") set(name, { string: query.getAll(name).join(",") });
  }
  for (const [name, value] of Object.entries(params)) set(name, { string: value });
  if (!data.has("query")) set("Query", { json: JSON.stringify(Object.fromEntries(query)) });
  if (!data.has("headers")) set("Headers", { json: JSON.stringify(flatHeaders(headers)) });
  return Object.fromEntries([...data.values()].map(({ name, value }) => [name, value]));
}

/** One text for each header. */
export function flatHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

function jsonMembers(body: Buffer | undefined): Record<string, unknown> {
  if (!body || body.length === 0) return {};
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

/** Objects and arrays stay JSON, everything else becomes the text that .NET would print. Undefined for what is nested too deeply to print. */
function typedValue(value: unknown): RpcTypedData | undefined {
  if (typeof value === "object" && value !== null) return jsonValue(value);
  if (typeof value === "boolean") return { string: value ? "True" : "False" };
  return { string: value === null ? "" : String(value) };
}

function jsonValue(value: object): RpcTypedData | undefined {
  try {
    return { json: JSON.stringify(value) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
