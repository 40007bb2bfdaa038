import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import { WorkspaceError } from "../shared/domain/errors.ts";
import { cut } from "../shared/domain/validation.ts";
import { toTheEnd } from "../shared/http/body.ts";
import { type Caller, identify, nameOf } from "../shared/http/callers.ts";
import { Gate, type Passage } from "../shared/http/gate.ts";
import { isForeignOrigin } from "../shared/http/origin.ts";
import { problemOf } from "../shared/http/problem.ts";
import { inWordsOf, type Refuse, refusalOf } from "../shared/http/refusal.ts";
import type { AppRequest, AppResponse, RequestBody } from "../shared/http/types.ts";
import { hostOf } from "../shared/http/url.ts";
import { type Services, services } from "../shared/services.ts";
import { begin } from "../shared/turns.ts";
import { INVOCATION_HEADER, logFault } from "./faults.ts";
import { streamedRequest } from "./stream-mode.ts";

/** What the areas' dispatchers need of the runtime around them. */
export interface RequestContext {
  readonly services: Services;
  identify(request: AppRequest): Promise<Caller> | Caller;
  logError(error: unknown): void;
}

/** More would only take each other's time and memory. In Azure the platform starts another instance long before. */
const MAX_REQUESTS_AT_ONCE = 1000;
const gate = new Gate(MAX_REQUESTS_AT_ONCE);

/** Of every answer: it is what its type says, and belongs to this caller and this moment. */
const GUARDS = { "x-content-type-options": "nosniff", "cache-control": "no-store" };

/**
 * Makes a Functions handler of an area's dispatcher.
 * @param refuse the area's shape for a refusal, for when the stores cannot be opened
 */
export function httpHandler(
  answer: (context: RequestContext, request: AppRequest) => Promise<AppResponse>,
  refuse: Refuse = problemOf,
): HttpHandler {
  return async (request: HttpRequest, invocation: InvocationContext): Promise<HttpResponseInit> => {
    let current: Services;
    try {
      current = await services();
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.code === "InternalError") throw error;
      logFault(invocation, error);
      return responseInit(inWordsOf(refuse, refusal), invocation);
    }
    const answered = await gate.pass((passage) => {
      const context: RequestContext = {
        services: current,
        // Thrown where an unknown caller would be refused, so that each dialect answers it in its own shape.
        identify: (incoming) => {
          requireOwnOrigin(current, incoming);
          return admitted(passage, incoming, identify(current, incoming));
        },
        logError: (error) => logFault(invocation, error),
      };
      return answer(context, new PassedRequest(request, invocation, passage, current));
    });
    return responseInit(answered, invocation);
  };
}

type Known = Promise<Caller> | Caller;

/**
 * The caller, unless it has too much under way; and when it is its turn, for which those who send a body wait when it
 * has come.
 */
function admitted(passage: Passage, request: AppRequest, caller: Known): Known {
  if (caller instanceof Promise) return caller.then((known) => admitted(passage, request, known));
  if (!passage.belongsTo(nameOf(caller))) refuseMore();
  const sendsBody = request.method !== "GET" && request.method !== "HEAD";
  return (sendsBody ? undefined : begin()?.then(() => caller)) ?? caller;
}

function responseInit(answered: AppResponse, { invocationId }: InvocationContext): HttpResponseInit {
  const trail = answered.status >= 500 ? { [INVOCATION_HEADER]: invocationId } : undefined;
  return { ...answered, headers: { ...GUARDS, ...answered.headers, ...trail } } as HttpResponseInit;
}

function refuseMore(): never {
  throw new WorkspaceError(
    "Unavailable",
    `The server is busy with ${MAX_REQUESTS_AT_ONCE} requests, more than their share of which are yours. Try again.`,
  );
}

/**
 * Refuses requests of foreign web pages. Those of the local host's own user the host has checked already, by rules of
 * its own.
 */
function requireOwnOrigin({ loopbackUser, origins }: Services, { headers, url }: AppRequest): void {
  if (loopbackUser || !isForeignOrigin(headers.get("origin"), hostOf(url), origins)) return;
  const origin = JSON.stringify(cut(headers.get("origin")!));
  throw new WorkspaceError(
    "PermissionDenied",
    `The Origin header is ${origin}, not this server (${hostOf(url)}) nor one that the setting CAIRN_ORIGINS names.`,
  );
}

/** A request that has passed the gate. */
class PassedRequest implements AppRequest {
  readonly #request: HttpRequest;
  readonly #invocation: InvocationContext;
  readonly #passage: Passage;
  readonly #limitsBodies: boolean;

  constructor(request: HttpRequest, invocation: InvocationContext, passage: Passage, { limitsBodies }: Services) {
    this.#request = request;
    this.#invocation = invocation;
    this.#passage = passage;
    this.#limitsBodies = limitsBodies;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  get headers(): AppRequest["headers"] {
    return this.#request.headers;
  }

  /** In Azure, where the platform limits bodies, they are read to their end even if nobody wants the rest. */
  get body(): RequestBody | null {
    const body = (this.#request.body as unknown as RequestBody | null) ?? this.#bodyOfGet();
    return body && this.#passage.outside(this.#limitsBodies ? toTheEnd(body) : body);
  }

  /** The body of a GET or HEAD, which the Functions library hides: taken from what its worker was sent. */
  #bodyOfGet(): RequestBody | null {
    const sent =
      this.method === "GET" || this.method === "HEAD" ? streamedRequest(this.#invocation)?.request : undefined;
    return sent?.iterator({ destroyOnReturn: false }) ?? null;
  }

  /** Of the client, told by the local host alone; events ask for it. */
  get address(): string | undefined {
    return (this.#request as AppRequest).address;
  }
}
