import type { Writes } from "../domain/access/run-scope.ts";
import type { Workspace } from "../domain/workspace.ts";
import type { Realm } from "../domain/workspaces.ts";
import type { Caller } from "../http/callers.ts";
import type { ParameterNames } from "../http/routes.ts";
import type { Route } from "../http/serve.ts";
import type { AppRequest, AppResponse } from "../http/types.ts";
import type { ByteStream } from "../stores/blob-store.ts";
import { type Decoded, type Fields, type Message, message } from "./message.ts";

/** One request as a route sees it: decoded, authorized, its workspace opened. */
export interface Call<T, N extends string = string> {
  readonly workspace: Workspace;
  readonly realm: Realm;
  readonly caller: Caller;
  readonly input: T;
  /** The parameters of the path, decoded. */
  readonly path: Readonly<Record<N, string>>;
  readonly request: AppRequest;
  /** Where the operation was asked for. */
  readonly surface: Surface;
  readonly settings: MlflowSettings;
}

export interface MlflowSettings {
  /** Where the platform limits request bodies, clients are told to upload large files in parts. */
  readonly limitsBodies: boolean;
  /** Of one request body, where it does. */
  readonly bodyLimitBytes?: number;
}

/** Below `/api/`, below `/ajax-api/`, where MLflow's page looks, or directly below the address. */
export type Surface = "api" | "page" | "root";

export interface MlflowRoute extends Route {
  /** Where alone the operation is found; absent: below `/api/` and `/ajax-api/`. */
  readonly surface?: "page" | "root";
  /** Absent: the route reads neither body nor query by itself. */
  readonly request?: Message<unknown>;
  /** Absent: what it does is its answer. */
  // biome-ignore lint/suspicious/noExplicitAny: each route decodes its own message and has its own result; `route` ties them to their handlers.
  answer?(result: any): AppResponse;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  handle(call: Call<any>): unknown;
}

type Definition<T, P extends string> = Omit<
  MlflowRoute,
  "path" | "handle" | "request" | "writes" | "made" | "answer"
> & {
  readonly path: P;
  writes?(call: Call<T, ParameterNames<P>>): Writes;
  handle(call: Call<T, ParameterNames<P>>): Promise<AppResponse> | AppResponse;
};

/** What makes something has ids to tell besides its answer. */
type Creation<T, R> = Omit<Definition<T, string>, "handle"> & {
  handle(call: Call<T>): Promise<R>;
  made(result: R): Readonly<Record<string, string>>;
  answer(result: R): AppResponse;
};

/** Ties the fields of a request to its handler; the table itself does not know their types. */
export function route<F extends Fields, const P extends string>(
  definition: Definition<Decoded<F>, P> & { readonly request: F },
): MlflowRoute;
export function route<const P extends string>(definition: Definition<undefined, P>): MlflowRoute;
export function route(definition: Definition<never, string> & { readonly request?: Fields }): MlflowRoute {
  const { request, ...rest } = definition;
  return request ? { ...rest, request: message(request) } : rest;
}

/** The same, for what makes something of which its event tells the ids. */
export function creation<F extends Fields, R>(
  definition: Creation<Decoded<F>, R> & { readonly request: F },
): MlflowRoute {
  return { ...definition, request: message(definition.request) };
}

/** Why some leave no event. */
export const LOGGED = "what a run logs, many times a second; the run shows it";

const JSON_HEADERS = { "content-type": "application/json" };
export const EMPTY: AppResponse = { status: 200, headers: JSON_HEADERS, body: "{}" };

export function ok(value: unknown): AppResponse {
  return okText(JSON.stringify(value));
}

/** An answer that is JSON already. */
export function okText(body: string): AppResponse {
  return { status: 200, headers: JSON_HEADERS, body };
}

/** So many items are written at once. */
const PIECE_ITEMS = 5000;

/** An answer whose last member is a list of any length, which is written as it is sent: clients of it know no pages. */
export function okWithList(
  members: Readonly<Record<string, unknown>>,
  name: string,
  items: readonly unknown[],
): AppResponse {
  return okAround(JSON.stringify({ ...members, [name]: [] }), items, (item) => item);
}

/**
 * The same, of any shape.
 * @param empty the JSON of the answer with an empty list as the last of what it holds
 */
export function okAround<T>(empty: string, items: readonly T[], itemOf: (item: T) => unknown): AppResponse {
  const end = empty.lastIndexOf("[") + 1;
  const piece = (at: number) => JSON.stringify(items.slice(at, at + PIECE_ITEMS).map(itemOf)).slice(1, -1);
  if (items.length <= PIECE_ITEMS) return okText(empty.slice(0, end) + piece(0) + empty.slice(end));
  async function* text(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(empty.slice(0, end));
    for (let at = 0; at < items.length; at += PIECE_ITEMS) yield Buffer.from((at === 0 ? "" : ",") + piece(at));
    yield Buffer.from(empty.slice(end));
  }
  return okStream(text());
}

/** An answer that is JSON, in pieces. */
export function okStream(body: ByteStream): AppResponse {
  return { status: 200, headers: JSON_HEADERS, body };
}
