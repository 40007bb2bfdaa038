import { addRoute, createRouter, findRoute, type RouterContext } from "rou3";

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** The part of every route that the router and the completeness test know. */
export interface RouteShape {
  readonly name: string;
  readonly method: (typeof METHODS)[number];
  /** Below the area's prefix: `runs/get`, `logged-models/:model_id`, `artifacts/**:path`. */
  readonly path: string;
  /** How large its body may be, where the default of body.ts is not enough. */
  readonly maxBodyBytes?: number;
}

/** The names of the parameters in a route's path. */
export type ParameterNames<P extends string> = P extends `${string}:${infer Rest}`
  ? Rest extends `${infer Name}/${infer More}`
    ? Name | ParameterNames<More>
    : Rest
  : never;

/** The same, in order. */
export function parameterNames(path: string): string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!);
}

export interface Match<R> {
  readonly route: R;
  /** As they stand in the URL, not decoded. */
  readonly params: Record<string, string>;
}

/**
 * Matches a method and a raw URL path against a table of routes. HEAD finds what GET would. Routes are compiled with the first request, so that an
 * instance that wakes for something else has nothing to do with them.
 */
export function routeTable<R extends RouteShape>(routes: readonly R[]) {
  let router: RouterContext<R> | undefined;
  return (method: string, path: string): Match<R> | undefined => {
    router ??= routerOf(routes);
    const found = findRoute(router, method === "HEAD" ? "GET" : method, path);
    return found && { route: found.data, params: (found.params ?? {}) as Record<string, string> };
  };
}

function routerOf<R extends RouteShape>(routes: readonly R[]): RouterContext<R> {
  const router = createRouter<R>();
  for (const route of routes) addRoute(router, route.method, `/${route.path}`, route);
  return router;
}
