/** One compiled route template; see {@link compileRoute}. */
export interface Route {
  readonly template: string;
  /** Route values by name, percent-decoded as given; undefined when the path does not match. */
  match(path: string): Record<string, string> | undefined;
  readonly segments: readonly Segment[];
}

export interface Segment {
  readonly kind: SegmentKind;
  /** Lower-case text of a literal. */
  readonly literal: string;
  readonly optional: boolean;
  /** Whether this text could stand here. */
  accepts(text: string): boolean;
}

/** Most specific first: what the Functions host does not sort by, and people expect. */
export type SegmentKind = "literal" | "mixed" | "constrained" | "parameter" | "catchAll";

interface Parameter {
  readonly name: string;
  readonly optional: boolean;
  readonly catchAll: boolean;
  readonly constraints: readonly Constraint[];
}

type Constraint = (value: string) => boolean;
type Part = { readonly text: string } | Parameter;

const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const GUID =
  /^(?:\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/i;

const isWhole = (value: string, bits: bigint) =>
  /^[+-]?\d+$/.test(value) && BigInt.asIntN(Number(bits), BigInt(value)) === BigInt(value);
const isNumber: Constraint = (value) => NUMBER.test(value);

const CONSTRAINTS: Readonly<Record<string, (...args: number[]) => Constraint>> = {
  int: () => (value) => isWhole(value, 32n),
  long: () => (value) => isWhole(value, 64n),
  bool: () => (value) => /^(?:true|false)$/i.test(value),
  guid: () => (value) => GUID.test(value),
  alpha: () => (value) => /^[a-z]*$/i.test(value),
  decimal: () => isNumber,
  double: () => isNumber,
  float: () => isNumber,
  datetime: () => (value) => !Number.isNaN(Date.parse(value)),
  required: () => (value) => value !== "",
  min: (min) => (value) => isWhole(value, 64n) && Number(value) >= min!,
  max: (max) => (value) => isWhole(value, 64n) && Number(value) <= max!,
  range: (min, max) => (value) => isWhole(value, 64n) && Number(value) >= min! && Number(value) <= max!,
  minlength: (min) => (value) => value.length >= min!,
  maxlength: (max) => (value) => value.length <= max!,
  length: (min, max) => (value) => value.length >= min! && value.length <= (max ?? min!),
};

/**
 * Compiles an ASP.NET Core route template, as `app.http` takes it: `runs/{id}`, `{id?}`, `{id:int}`, `a{b}.json`, `{*path}`.
 * Matching ignores case and one trailing slash.
 * @throws an Error naming the template for what the local host does not understand
 */
export function compileRoute(template: string): Route {
  const trimmed = template.replace(/^\/+|\/+$/g, "");
  const parsed = trimmed === "" ? [] : trimmed.split("/").map((segment) => parseSegment(segment, template));
  requireOptionalAtEnd(parsed, template);
  const parameters = parsed.flat().filter((part) => "name" in part);
  const pattern = new RegExp(`^${parsed.map(segmentPattern).join("")}/?$`, "is");
  return {
    template,
    match: (path) => matchPath(pattern, parameters, path),
    segments: parsed.map(describeSegment),
  };
}

function matchPath(
  pattern: RegExp,
  parameters: readonly Parameter[],
  path: string,
): Record<string, string> | undefined {
  const found = pattern.exec(path);
  if (!found) return undefined;
  const values: Record<string, string> = {};
  for (const [index, { name, constraints }] of parameters.entries()) {
    const value = found[index + 1];
    if (value === undefined || value === "") continue;
    if (!constraints.every((accepts) => accepts(value))) return undefined;
    values[name] = value;
  }
  return values;
}

function parseSegment(segment: string, template: string): Part[] {
  const parts: Part[] = [];
  const token = /\{([^{}]+)\}|([^{}]+)/y;
  while (token.lastIndex < segment.length) {
    const at = token.lastIndex;
    const found = token.exec(segment);
    if (!found) throw new Error(`Route "${template}": cannot read "${segment.slice(at)}".`);
    parts.push(found[2] === undefined ? parseParameter(found[1]!, template) : { text: found[2] });
  }
  if (parts.length > 1 && parts.some((part) => "name" in part && (part.optional || part.catchAll))) {
    throw new Error(`Route "${template}": an optional or catch-all parameter must be a whole segment.`);
  }
  return parts;
}

function parseParameter(text: string, template: string): Parameter {
  const found = /^(\*{0,2})([A-Za-z_$][\w$-]*)((?::[a-z]+(?:\([^()]*\))?)*)(\??)$/.exec(text);
  if (!found) throw new Error(`Route "${template}": cannot read the parameter "{${text}}".`);
  const [, stars = "", name = "", constraints = "", question = ""] = found;
  return {
    name,
    optional: question === "?",
    catchAll: stars !== "",
    constraints: constraints
      .split(":")
      .slice(1)
      .map((constraint) => parseConstraint(constraint, template)),
  };
}

function parseConstraint(text: string, template: string): Constraint {
  const [, name = "", args = ""] = /^([a-z]+)(?:\(([^()]*)\))?$/.exec(text) ?? [];
  const make = Object.hasOwn(CONSTRAINTS, name) ? CONSTRAINTS[name] : undefined;
  const numbers = args === "" ? [] : args.split(",").map(Number);
  if (!make || numbers.some(Number.isNaN) || numbers.length < Math.min(make.length, 1)) {
    throw new Error(
      `Route "${template}": unknown constraint ":${text}". Known: ${Object.keys(CONSTRAINTS).join(", ")}.`,
    );
  }
  return make(...numbers);
}

function requireOptionalAtEnd(parsed: readonly Part[][], template: string): void {
  const early = parsed.slice(0, -1).flat();
  if (early.some((part) => "name" in part && (part.optional || part.catchAll))) {
    throw new Error(`Route "${template}": only the last segment can be optional or a catch-all.`);
  }
}

function segmentPattern(parts: readonly Part[]): string {
  const [first] = parts;
  if (first && "name" in first && parts.length === 1) {
    if (first.catchAll) return "(?:/(.*))?";
    return first.optional ? "(?:/([^/]+))?" : "/([^/]+)";
  }
  return `/${parts.map((part) => ("text" in part ? escapeForPattern(part.text) : "([^/]+)")).join("")}`;
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function describeSegment(parts: readonly Part[]): Segment {
  const pattern = new RegExp(`^${segmentPattern(parts).replace(/^\//, "")}$`, "is");
  const constraints = parts.flatMap((part) => ("name" in part ? [part] : []));
  const [first] = parts;
  const wholeParameter = parts.length === 1 && first && "name" in first ? first : undefined;
  return {
    kind: segmentKind(parts, wholeParameter),
    literal: parts
      .map((part) => ("text" in part ? part.text : ""))
      .join("")
      .toLowerCase(),
    optional: wholeParameter ? wholeParameter.optional || wholeParameter.catchAll : false,
    accepts: wholeParameter
      ? (text) => constraints[0]!.constraints.every((accepts) => accepts(text))
      : (text) => pattern.test(text),
  };
}

function segmentKind(parts: readonly Part[], wholeParameter: Parameter | undefined): SegmentKind {
  if (!wholeParameter) return parts.some((part) => "name" in part) ? "mixed" : "literal";
  if (wholeParameter.catchAll) return "catchAll";
  return wholeParameter.constraints.length > 0 ? "constrained" : "parameter";
}
