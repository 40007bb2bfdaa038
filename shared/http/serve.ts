import type { Role } from "../domain/access/roles.ts";
import type { Workspace } from "../domain/workspace.ts";
import { confirmWorkspace } from "../domain/workspace-closing.ts";
import { openLocated, type Realm } from "../domain/workspaces.ts";
import { operationFound } from "../signals.ts";
import { admit, type Caller, type Rule, requireSomebody } from "./callers.ts";
import { type Asked, type EventLog, type EventRule, isNoted, leavesEvent } from "./event-log.ts";
import { requireOwn } from "./own-run.ts";
import { inWordsOf, type Refusal, refusalOf } from "./refusal.ts";
import type { RouteShape } from "./routes.ts";
import type { AppRequest, AppResponse } from "./types.ts";

/** What every operation says of itself, in whatever dialect. */
export interface Route extends RouteShape, Rule, EventRule {
  /** It is about no workspace, or about one as a whole: the owners of `default` are told of it. */
  readonly outsideWorkspace?: boolean;
  /** What it makes may be the first thing in a workspace, which somebody deletes because it is empty. */
  readonly mayBeFirst?: boolean;
}

/** What serving needs of the app around it. */
export interface ServeContext {
  readonly realm: Realm;
  readonly events: EventLog;
  identify(request: AppRequest): Promise<Caller> | Caller;
  /** Takes what is our fault, and never shown to callers. */
  logError(error: unknown): void;
}

/** Which operation a request asks for. */
export interface Found<R extends Route = Route> {
  readonly route: R;
  /** The parts of its path that are parameters, as they stand in the URL. */
  readonly params: Readonly<Record<string, string>>;
}

/** A request that its caller may make, all of it read. */
export interface Admitted<C extends ServeContext, F extends Found, P, I> {
  readonly context: C;
  readonly request: AppRequest;
  readonly found: F;
  readonly caller: Caller;
  /** The caller's in the workspace. */
  readonly role: Role | undefined;
  /** Opened. Operations outside workspaces never look at it: its type is only wider than they need. */
  readonly workspace: Workspace;
  readonly params: P;
  readonly input: I;
}

/** The words of an API: how it writes addresses, input, answers and refusals. Everything else is the same for all. */
export interface Dialect<C extends ServeContext, F extends Found, P, I, K> {
  /** An answer: it asks for none. @throws what is wrong with the address */
  find(request: AppRequest): F | AppResponse;
  /** The parameters of the path. @throws what is wrong with them */
  parameters(found: F): P;
  /** The name of the workspace that it is about, if any. @throws InvalidParameter where it is told twice, and not alike */
  workspaceName(found: F, params: P, request: AppRequest): string | undefined;
  /** Query and body. @throws what is wrong with them */
  read(found: F, request: AppRequest, caller: Caller): Promise<I> | I;
  /** The request as operations of this dialect see it. */
  call(admitted: Admitted<C, F, P, I>): K;
  /** The result of the operation. @throws why not */
  do(found: F, call: K): unknown;
  answer(found: F, result: unknown): AppResponse;
  /** What a request names, by what events call it. Of a part of the path that could not be read (yet) its text in the URL is told. */
  resources(
    found: F,
    params: Readonly<Record<string, unknown>>,
    input: I | undefined,
  ): Readonly<Record<string, unknown>>;
  /** @param found undefined: nothing, or not yet */
  refuse(refusal: Refusal, found: F | undefined): AppResponse;
}

/** Answers a request in a dialect. Never throws. */
export function serve<C extends ServeContext, F extends Found, P extends object, I, K>(
  dialect: Dialect<C, F, P, I, K>,
  context: C,
  request: AppRequest,
): Promise<AppResponse> {
  return answered(new Serving(dialect, context, request), context, request);
}

/** How something is answered. */
export interface Answering {
  work(): Promise<AppResponse>;
  /** What is known of the request, for an event; undefined: too little. */
  asked(): Asked | undefined;
  refuse(refusal: Refusal): AppResponse;
}

/** The one place where an error becomes an answer, an event and a line in the log. Never throws. */
export async function answered(by: Answering, context: ServeContext, request: AppRequest): Promise<AppResponse> {
  try {
    return await by.work();
  } catch (error) {
    const asked = isNoted(error) ? by.asked() : undefined;
    if (asked) context.events.noteRefused(asked, request, error, context.logError);
    const refusal = refusalOf(error);
    if (refusal.isFault) context.logError(error);
    return inWordsOf((refused) => by.refuse(refused), refusal);
  }
}

/** One request, and what is known of it so far. */
class Serving<C extends ServeContext, F extends Found, P extends object, I, K> implements Answering {
  readonly #dialect: Dialect<C, F, P, I, K>;
  readonly #context: C;
  readonly #request: AppRequest;
  #found: F | undefined;
  #caller: Caller | undefined;
  #workspaceId: string | undefined;
  #params: P | undefined;
  #input: I | undefined;

  constructor(dialect: Dialect<C, F, P, I, K>, context: C, request: AppRequest) {
    this.#dialect = dialect;
    this.#context = context;
    this.#request = request;
  }

  async work(): Promise<AppResponse> {
    const dialect = this.#dialect;
    const context = this.#context;
    const request = this.#request;
    const found = dialect.find(request);
    if ("status" in found) return found;
    this.#found = found;
    const { route } = found;
    const { realm } = context;
    operationFound.tell(route);
    const caller = await context.identify(request);
    this.#caller = caller;
    if (route.permission !== "none") requireSomebody(caller);
    const params = dialect.parameters(found);
    this.#params = params;
    const admission = await admit(realm, caller, route, dialect.workspaceName(found, params, request));
    if (!route.outsideWorkspace) this.#workspaceId = admission!.workspace.id;
    const input = await dialect.read(found, request, caller);
    this.#input = input;
    const workspace = route.outsideWorkspace ? NONE : await openLocated(realm, admission!.workspace);
    const role = admission?.role;
    const call = dialect.call({ context, request, found, caller, role, workspace, params, input });
    if (caller.kind === "run" && route.writes) await requireOwn(workspace, caller, route, route.writes(call));
    const result = await dialect.do(found, call);
    if (route.mayBeFirst) await confirmWorkspace(realm, admission!.workspace);
    if (leavesEvent(route)) {
      await context.events.noteDone(this.asked(route.made?.(result))!, request).catch(context.logError);
    }
    return dialect.answer(found, result);
  }

  asked(made?: Readonly<Record<string, string>>): Asked | undefined {
    const found = this.#found;
    const caller = this.#caller;
    if (!found || !caller) return undefined;
    const named = this.#dialect.resources(found, { ...found.params, ...this.#params }, this.#input);
    return { route: found.route, caller, workspaceId: this.#workspaceId, resources: { ...named, ...made } };
  }

  refuse(refusal: Refusal): AppResponse {
    return this.#dialect.refuse(refusal, this.#found);
  }
}

const NONE = undefined as never;
