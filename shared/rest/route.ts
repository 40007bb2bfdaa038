import type * as z from "zod/mini";
import type { Role } from "../domain/access/roles.ts";
import type { Writes } from "../domain/access/run-scope.ts";
import type { ErrorCode } from "../domain/errors.ts";
import type { Workspace } from "../domain/workspace.ts";
import type { Realm } from "../domain/workspaces.ts";
import type { Caller } from "../http/callers.ts";
import type { ParameterNames } from "../http/routes.ts";
import type { Route } from "../http/serve.ts";
import type { ObjectSchema } from "./input.ts";
import type { Parameter } from "./parameters.ts";

export interface RestCall<B, Q, N extends string = string> {
  readonly realm: Realm;
  readonly caller: Caller;
  /** The caller's in the workspace of the path. */
  readonly role: Role | undefined;
  /** Of the path. */
  readonly workspace: Workspace;
  readonly params: Readonly<Record<N, string>>;
  readonly query: Q;
  readonly body: B;
}

/**
 * A REST operation as data: paths are below `/api/v1/`, their parameters those of parameters.ts. What has a parameter
 * `workspace` is about the workspace of that name. What validates its input is what the OpenAPI
 * document shows of it.
 */
export interface RestRoute<B = unknown, Q = unknown, R = unknown, N extends string = string> extends Route {
  /** One sentence for the document. */
  readonly summary: string;
  /** The parts of the path that are parameters, in order; absent: there are none. */
  readonly params?: Readonly<Record<N, Parameter>>;
  /** Absent: the operation takes no query. */
  readonly query?: ObjectSchema<Q>;
  /** Absent: the operation takes no body. */
  readonly body?: z.ZodMiniType<B>;
  /** Absent: the answer has no body. */
  readonly returns?: z.ZodMiniType<R>;
  /** The status of success. */
  readonly status: number;
  /** What it may refuse with besides what follows from its permission, path, query and body. */
  readonly refusals?: readonly ErrorCode[];
  /** Members of the body that name resources, as parts of the path do; events tell of them by these names. */
  readonly about?: readonly (keyof B & string)[];
  made?(result: R): Readonly<Record<string, string>>;
  readonly writes?: (call: RestCall<B, Q, N>) => Writes;
  do(call: RestCall<B, Q, N>): Promise<R>;
}

type Definition<P extends string, B, Q, R> = Omit<RestRoute<B, Q, R, ParameterNames<P>>, "path" | "params"> & {
  readonly path: P;
} & ([ParameterNames<P>] extends [never]
    ? { readonly params?: undefined }
    : { readonly params: Readonly<Record<ParameterNames<P>, Parameter>> });

/** Ties the types of path, query, body and answer to their operation. */
export function restRoute<const P extends string, B, Q, R = void>(definition: Definition<P, B, Q, R>): RestRoute {
  const isInside = definition.path.startsWith("workspaces/:workspace/");
  const place = { outsideWorkspace: !isInside, mayBeFirst: isInside && definition.method !== "GET" };
  return { ...place, ...(definition as unknown as RestRoute) };
}
