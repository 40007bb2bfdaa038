import type { IncomingMessage, ServerResponse } from "node:http";
import type { FunctionDefinition } from "./definitions.ts";

interface AdminOptions {
  readonly definitions: readonly FunctionDefinition[];
  /** Route template with prefix, by function name. */
  readonly templates: ReadonlyMap<string, string>;
  readonly url: () => string;
  /** Starts a run of a queue or timer function; its outcome goes to the log. */
  readonly start: (name: string, input: unknown) => void;
}

const MAX_INPUT_BYTES = 1024 * 1024;

/** The part of the Functions host's own API that tools and people use: ping, status, the functions, and running one by hand. */
export function createAdmin(
  options: AdminOptions,
): (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void> {
  const startedAt = performance.now();
  return async (request, response, path) => {
    const method = request.method ?? "GET";
    const [, name] = /^\/admin\/functions\/([^/]+)$/i.exec(path) ?? [];
    if (/^\/admin\/host\/ping$/i.test(path) && (method === "GET" || method === "POST")) return end(response, 200);
    if (method === "GET" && /^\/admin\/host\/status$/i.test(path)) return json(response, status(startedAt));
    if (method === "GET" && /^\/admin\/functions\/?$/i.test(path)) {
      return json(
        response,
        options.definitions.map((definition) => describe(options, definition)),
      );
    }
    const definition = options.definitions.find((candidate) => candidate.name.toLowerCase() === name?.toLowerCase());
    if (!definition) return end(response, 404);
    if (method === "GET") return json(response, describe(options, definition));
    if (method !== "POST") return end(response, 404);
    return run(options, definition, request, response);
  };
}

async function run(
  options: AdminOptions,
  definition: FunctionDefinition,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (definition.kind === "http") return text(response, 400, `Call ${definition.name} at its own address.`);
  const body = await readText(request);
  if (body === undefined) return end(response, 413);
  const input = parseInput(body);
  if (input === INVALID) return text(response, 400, 'The body must be a JSON object like {"input": "..."}.');
  options.start(definition.name, input);
  end(response, 202);
}

const INVALID = Symbol("invalid");

function parseInput(body: string): unknown {
  if (body.trim() === "") return undefined;
  try {
    const parsed: unknown = JSON.parse(body);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject ? (parsed as { input?: unknown }).input : INVALID;
  } catch {
    return INVALID;
  }
}

async function readText(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_INPUT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function status(startedAt: number): object {
  return {
    id: "local",
    state: "Running",
    version: "4.1000.0",
    versionDetails: "local host",
    processUptime: Math.round(performance.now() - startedAt),
  };
}

function describe({ templates, url }: AdminOptions, definition: FunctionDefinition): object {
  const template = templates.get(definition.name);
  return {
    name: definition.name,
    href: `${url()}/admin/functions/${definition.name}`,
    invoke_url_template: template === undefined ? null : `${url()}/${template}`,
    language: "node",
    isDisabled: false,
    config: { name: definition.name, bindings: bindingsOf(definition) },
  };
}

function bindingsOf({ metadata }: FunctionDefinition): object[] {
  return Object.entries(metadata.bindings).map(([name, binding]) => ({ ...binding, name }));
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(value));
}

function text(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8" }).end(`${message}\n`);
}

function end(response: ServerResponse, code: number): void {
  response.writeHead(code, { "content-length": "0" }).end();
}
