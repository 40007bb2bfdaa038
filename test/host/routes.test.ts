import { describe, expect, test } from "vitest";
import { compareNames, type HttpDefinition } from "../../host/definitions.ts";
import { createRouter } from "../../host/routes.ts";

type Routes = Readonly<Record<string, string>>;

function definitions(routes: Routes, methods: Readonly<Record<string, string[]>> = {}): HttpDefinition[] {
  const trigger = { type: "httpTrigger", direction: "in" as const };
  return Object.entries(routes)
    .map(([name, route]): HttpDefinition => {
      const metadata = { name, bindings: { trigger } };
      const common = { name, metadata, trigger, triggerName: "trigger", callback: () => undefined };
      return { ...common, kind: "http", route, methods: methods[name] ?? ["GET"] };
    })
    .sort((a, b) => compareNames(a.name, b.name));
}

const router = (routes: Routes, prefix = "") => createRouter(definitions(routes), prefix);

const CONSTRAINTS = [
  { constraint: "int", accepts: ["0", "-5", "2147483647"], refuses: ["x", "1.5", "2147483648"] },
  { constraint: "long", accepts: ["9223372036854775807"], refuses: ["9223372036854775808"] },
  { constraint: "bool", accepts: ["true", "FALSE"], refuses: ["1", "yes"] },
  { constraint: "guid", accepts: ["0e5b5fbd-4a2e-4b1c-9f0e-7d6f6a3f5c11"], refuses: ["0e5b5fbd"] },
  { constraint: "alpha", accepts: ["abcXYZ"], refuses: ["a1"] },
  { constraint: "double", accepts: ["1.5", "-2e3"], refuses: ["one"] },
  { constraint: "datetime", accepts: ["2026-01-31"], refuses: ["yesterday"] },
  { constraint: "min(3)", accepts: ["3", "99"], refuses: ["2"] },
  { constraint: "max(3)", accepts: ["3", "-1"], refuses: ["4"] },
  { constraint: "range(3,5)", accepts: ["3", "5"], refuses: ["2", "6"] },
  { constraint: "length(2)", accepts: ["ab"], refuses: ["a", "abc"] },
  { constraint: "length(2,3)", accepts: ["ab", "abc"], refuses: ["a", "abcd"] },
  { constraint: "minlength(2)", accepts: ["ab"], refuses: ["a"] },
  { constraint: "maxlength(2)", accepts: ["ab"], refuses: ["abc"] },
  { constraint: "int:min(3)", accepts: ["3"], refuses: ["2", "x"] },
];

describe("routes", () => {
  test.for(CONSTRAINTS)("routes: {value:$constraint}", ({ constraint, accepts, refuses }) => {
    const { match } = router({ one: `v/{value:${constraint}}` });
    for (const value of accepts) expect(match("GET", `/v/${value}`)?.params, value).toEqual({ value });
    for (const value of refuses) expect(match("GET", `/v/${value}`), value).toBeUndefined();
  });

  test("routes: the prefix of host.json stands before every route", () => {
    const { match, templates } = router({ one: "/a/", two: "{*rest}" }, "api");
    expect(match("GET", "/api/a")?.definition.name).toBe("one");
    expect(match("GET", "/a")).toBeUndefined();
    expect(match("GET", "/api")?.definition.name).toBe("two");
    expect(templates.get("two")).toBe("api/{*rest}");
  });

  test("routes: names are compared without case, and _ comes behind letters", () => {
    const { match } = router({ a_b: "same", aB: "same", Aa: "{*rest}" });
    expect(match("GET", "/same")?.definition.name).toBe("Aa");
    expect(definitions({ a_b: "x", aB: "x" }).map(({ name }) => name)).toEqual(["aB", "a_b"]);
  });

  test.for(["{a", "a/{*rest}/b", "{id?}/b", "x{id?}", "{id:unknown}", "{id:range}", "{}", "{a b}"])(
    "routes: the template %s is refused by name",
    (template) => {
      expect(() => router({ one: template })).toThrow(template);
    },
  );
});

describe("report of routes in the wrong order", () => {
  const warningsFor = (routes: Routes) => router(routes).warnings;

  test.for([
    { title: "a catch-all before a literal", routes: { a: "{*path}", b: "runs" } },
    { title: "a parameter before a literal", routes: { a: "runs/{id}", b: "runs/latest" } },
    { title: "a parameter before a constrained one", routes: { a: "runs/{id}", b: "runs/{n:int}" } },
    { title: "two of the same shape", routes: { a: "runs/{id}", b: "runs/{name}" } },
    { title: "a shorter catch-all before a longer one", routes: { a: "api/{*rest}", b: "api/v1/{*rest}" } },
    { title: "an optional value before a literal", routes: { a: "runs/{id?}", b: "runs" } },
  ])("overlap: reports $title, with both names", ({ routes }) => {
    const warnings = warningsFor(routes);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`Function "a" (route "${routes.a}")`);
    expect(warnings[0]).toContain(`"b" (route "${routes.b}")`);
  });

  test.for<{ title: string; routes: Routes }>([
    { title: "the specific one before the catch-all", routes: { a: "runs", z: "{*path}" } },
    { title: "disjoint prefixes", routes: { a: "api/2.0/{*rest}", b: "api/3.0/{*rest}" } },
    { title: "different lengths", routes: { a: "runs/{id}", b: "runs/{id}/metrics" } },
    { title: "a literal that the constraint excludes", routes: { a: "runs/{n:int}", b: "runs/latest" } },
    { title: "a literal that the segment's text excludes", routes: { a: "x{id}.json", b: "y1.json" } },
  ])("overlap: is silent about $title", ({ routes }) => {
    expect(warningsFor(routes)).toEqual([]);
  });

  test("overlap: is silent when the methods differ", () => {
    const both = definitions({ a: "runs/{id}", b: "runs/latest" }, { a: ["GET"], b: ["POST"] });
    expect(createRouter(both, "").warnings).toEqual([]);
  });
});
