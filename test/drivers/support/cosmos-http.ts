import {
  createDefaultHttpClient,
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
} from "@azure/core-rest-pipeline";

export type RequestKind = "read" | "create" | "replace" | "remove" | "batch" | "query" | "plan" | "metadata";

const DOCUMENTS = /\/docs\/?$/;
const ONE_DOCUMENT = /\/docs\/[^/]+$/;

/** What a request of the SDK asks for. */
export function kindOf({ method, url, headers }: PipelineRequest): RequestKind {
  if (ONE_DOCUMENT.test(url)) return method === "GET" ? "read" : method === "PUT" ? "replace" : "remove";
  if (!DOCUMENTS.test(url) || method !== "POST") return "metadata";
  if (headers.has("x-ms-cosmos-is-query-plan-request")) return "plan";
  if (headers.has("x-ms-documentdb-isquery")) return "query";
  return headers.has("x-ms-cosmos-is-batch-request") ? "batch" : "create";
}

export type Send = (request: PipelineRequest) => Promise<PipelineResponse>;
/** What happens to one request instead of being sent and answered. */
export type Fault = (request: PipelineRequest, send: Send) => Promise<PipelineResponse>;

/** Sends requests on, but for those that a fault waits for, and counts them all. */
export class FaultyHttp implements HttpClient {
  readonly #inner = createDefaultHttpClient();
  #faults: { kind: RequestKind; fault: Fault; lasting: boolean }[] = [];
  #kinds: RequestKind[] = [];

  /** Each of the next requests of this kind meets one of the faults, in order. */
  meets(kind: RequestKind, ...faults: Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ kind, fault, lasting: false })));
  }

  /** Every request of this kind meets the fault. */
  keepsMeeting(kind: RequestKind, fault: Fault): void {
    this.#faults.push({ kind, fault, lasting: true });
  }

  /** Forgets faults and counts. */
  reset(): void {
    this.#faults = [];
    this.#kinds = [];
  }

  /** How many requests there were, of these kinds or any, whether or not they met a fault. */
  count(...kinds: RequestKind[]): number {
    return this.#kinds.filter((kind) => kinds.length === 0 || kinds.includes(kind)).length;
  }

  sendRequest(request: PipelineRequest): Promise<PipelineResponse> {
    const kind = kindOf(request);
    this.#kinds.push(kind);
    const send: Send = (it) => this.#inner.sendRequest(it);
    const index = this.#faults.findIndex((it) => it.kind === kind);
    const found = this.#faults[index];
    if (found === undefined) return send(request);
    if (!found.lasting) this.#faults.splice(index, 1);
    return found.fault(request, send);
  }
}

export function response(
  request: PipelineRequest,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): PipelineResponse {
  const bodyAsText = typeof body === "string" ? body : JSON.stringify(body);
  return { request, status, headers: createHttpHeaders(headers), bodyAsText };
}

/** The service answers so, and does nothing. */
export function answer(status: number, headers: Record<string, string> = {}, body: unknown = { message: "no" }): Fault {
  return async (request) => response(request, status, body, headers);
}

/** The connection breaks before the service has heard of it. */
export const resetBefore: Fault = async () => {
  throw connectionReset();
};

/** The service does what it is asked for, but the answer is lost. */
export const loseAnswer: Fault = async (request, send) => {
  await send(request);
  throw connectionReset();
};

/** The service does what it is asked for, but something on the way answers otherwise. */
export function answerAfterwards(status: number): Fault {
  return async (request, send) => {
    await send(request);
    return response(request, status, "<html>not this time</html>");
  };
}

/** The service does not answer at all. */
export const hang: Fault = (request) =>
  new Promise((_, reject) => {
    request.abortSignal?.addEventListener("abort", () => {
      reject(Object.assign(new Error("The operation was aborted."), { name: "AbortError" }));
    });
  });

export function connectionReset(): Error {
  return Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
}
