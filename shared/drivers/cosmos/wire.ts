import type { HttpClient, PipelineRequest, PipelineResponse } from "@azure/core-rest-pipeline";
import { tellCharge } from "./request-charge.ts";

/** On a query of one partition: its plan, which the SDK asks for with every query, will not be looked at. */
export const PLAN_UNUSED = "x-cairn-plan-unused";

const IS_QUERY_PLAN = "x-ms-cosmos-is-query-plan-request";
const NEVER_SENT = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/;
const MAX_PLANS = 100;

/** The connection failed before an answer was complete. */
export class ConnectionLost extends Error {
  /** Whether the service may have got the request. */
  readonly maySent: boolean;

  constructor(cause: unknown) {
    super(`No answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = new.target.name;
    const { code } = cause as { code?: unknown };
    this.maySent = typeof code !== "string" || !NEVER_SENT.test(code);
  }
}

/**
 * Stands between the SDK and its HTTP client:
 * - Lost connections become errors that the SDK does not retry by itself, for ten seconds and without telling.
 * - Errors without a JSON body, as gateways and proxies send them, keep their status; the SDK would fail on reading them.
 * - A query's plan depends on its text alone, so it is asked for once, and never where it is not used.
 */
export class Wire implements HttpClient {
  /** Seconds since 1970 by the service's clock, as of the latest answer. */
  serviceSeconds: number | undefined;
  /** Length of all answers together. */
  receivedLength = 0;
  readonly #inner: HttpClient;
  readonly #plans = new Map<string, Promise<PipelineResponse>>();

  constructor(inner: HttpClient) {
    this.#inner = inner;
  }

  sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const planUnused = request.headers.has(PLAN_UNUSED);
    request.headers.delete(PLAN_UNUSED);
    if (!request.headers.has(IS_QUERY_PLAN)) return this.#send(request);
    return planUnused ? Promise.resolve(noPlan(request)) : this.#plan(request);
  }

  #plan(request: PipelineRequest): Promise<PipelineResponse> {
    const key = `${request.url} ${(JSON.parse(String(request.body)) as { query: string }).query}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    if (this.#plans.size >= MAX_PLANS) this.#plans.clear();
    const plan = this.#send(request);
    this.#plans.set(key, plan);
    const forget = () => this.#plans.delete(key);
    plan.then(({ status }) => status >= 400 && forget(), forget);
    return plan;
  }

  async #send(request: PipelineRequest): Promise<PipelineResponse> {
    const response = await this.#inner.sendRequest(request).catch((error: unknown) => {
      throw isAbort(error) ? error : new ConnectionLost(error);
    });
    tellCharge(request, response);
    this.receivedLength += response.bodyAsText?.length ?? 0;
    const dateMs = Date.parse(response.headers.get("date") ?? "");
    if (!Number.isNaN(dateMs)) this.serviceSeconds = Math.floor(dateMs / 1_000);
    if (response.status >= 400) return { ...response, bodyAsText: errorBody(response) };
    return isMinimalCreate(request, response) ? { ...response, bodyAsText: "{}" } : response;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function noPlan(request: PipelineRequest): PipelineResponse {
  return { request, status: 200, headers: request.headers, bodyAsText: "{}" };
}

/** The SDK reads the id from the body of what it created, and minds if there is none. */
function isMinimalCreate(request: PipelineRequest, response: PipelineResponse): boolean {
  return request.method === "POST" && !response.bodyAsText && request.headers.has("prefer");
}

function errorBody({ status, bodyAsText }: PipelineResponse): string {
  try {
    const body: unknown = JSON.parse(bodyAsText ?? "");
    if (typeof body === "object" && body !== null && "message" in body) return bodyAsText!;
  } catch {
    // Not JSON; what there is becomes the message.
  }
  return JSON.stringify({ code: String(status), message: bodyAsText?.slice(0, 500) || `HTTP status ${status}` });
}
