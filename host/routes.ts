import type { HttpDefinition } from "./definitions.ts";
import { compileRoute, type Route, type Segment, type SegmentKind } from "./route-template.ts";

export interface RouteMatch {
  readonly definition: HttpDefinition;
  readonly params: Readonly<Record<string, string>>;
}

export interface Router {
  /** The first function, by name, whose route and methods fit; undefined when none does. `path` is decoded, see paths.ts. */
  match(method: string, path: string): RouteMatch | undefined;
  /** One sentence for each pair of functions whose routes overlap while the less specific one is tried first. */
  readonly warnings: readonly string[];
  /** Template with prefix, by function name. */
  readonly templates: ReadonlyMap<string, string>;
}

interface Entry {
  readonly definition: HttpDefinition;
  readonly route: Route;
  readonly methods: ReadonlySet<string>;
  /** Lower-case text that every matching path begins with: spares most regular expressions. */
  readonly head: string;
}

const RANKS: Readonly<Record<SegmentKind, number>> = {
  literal: 0,
  mixed: 1,
  constrained: 2,
  parameter: 3,
  catchAll: 4,
};

/**
 * Routes as the Functions host has them: tried in the order of the functions' names, first match wins, never by precedence.
 * @param definitions in that order
 * @throws an Error for a template that cannot be read
 */
export function createRouter(definitions: readonly HttpDefinition[], routePrefix: string): Router {
  const entries = definitions.map((definition) => createEntry(definition, routePrefix));
  return {
    match: (method, path) => matchEntries(entries, method, path),
    warnings: entries.flatMap((first, index) =>
      entries.slice(index + 1).flatMap((second) => orderWarning(first, second)),
    ),
    templates: new Map(entries.map(({ definition, route }) => [definition.name, route.template])),
  };
}

function createEntry(definition: HttpDefinition, routePrefix: string): Entry {
  const template = [routePrefix, definition.route.replace(/^\/+|\/+$/g, "")].filter((part) => part !== "").join("/");
  const route = compileRoute(template);
  const literals = route.segments.slice(0, literalCount(route.segments)).map(({ literal }) => `/${literal}`);
  return { definition, route, methods: new Set(definition.methods), head: literals.join("") };
}

function literalCount(segments: readonly Segment[]): number {
  const index = segments.findIndex(({ kind }) => kind !== "literal");
  return index < 0 ? segments.length : index;
}

function matchEntries(entries: readonly Entry[], method: string, path: string): RouteMatch | undefined {
  const lower = path.toLowerCase();
  for (const { definition, route, methods, head } of entries) {
    if (!lower.startsWith(head) || !methods.has(method)) continue;
    const params = route.match(path);
    if (params) return { definition, params };
  }
  return undefined;
}

function orderWarning(first: Entry, second: Entry): string[] {
  if (!first.definition.methods.some((method) => second.methods.has(method))) return [];
  if (!overlaps(first.route.segments, second.route.segments)) return [];
  if (compareSpecificity(first.route.segments, second.route.segments) < 0) return [];
  return [
    `Function "${first.definition.name}" (route "${first.route.template}") is tried before "${second.definition.name}" ` +
      `(route "${second.route.template}"), because routes are tried in the order of the functions' names, and takes its requests. ` +
      "Rename one of them, or make the routes disjoint.",
  ];
}

/** Whether some path fits both. */
function overlaps(left: readonly Segment[], right: readonly Segment[]): boolean {
  const [a, ...moreLeft] = left;
  const [b, ...moreRight] = right;
  if (!a || !b) return [a, b].every((segment) => segment === undefined || segment.optional);
  if (a.kind === "catchAll" || b.kind === "catchAll") return true;
  return segmentsOverlap(a, b) && overlaps(moreLeft, moreRight);
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.kind === "literal") return b.accepts(a.literal);
  if (b.kind === "literal") return a.accepts(b.literal);
  return true;
}

/** Negative when `left` is the more specific one, 0 when neither is. */
function compareSpecificity(left: readonly Segment[], right: readonly Segment[]): number {
  const ranks = (segments: readonly Segment[], index: number) => {
    const segment = segments[index];
    return segment ? RANKS[segment.kind] : -1;
  };
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = ranks(left, index) - ranks(right, index);
    if (difference !== 0) return difference;
  }
  return 0;
}
