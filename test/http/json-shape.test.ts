import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JSON_BYTES } from "../../shared/http/body.ts";
import { JsonShape } from "../../shared/http/json-shape.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { useInProcess } from "./in-process.ts";
import { aboveOf, targetOf } from "./support.ts";

/*
 * What a body costs is bounded before it is parsed, for every operation that takes one. Small bodies are parsed whatever they are.
 */

const BOUND = 100_000;
const LEVELS = 64;

function faultOf(text: string, pieces = 1): string | undefined {
  const bytes = Buffer.from(text);
  const length = Math.max(1, Math.ceil(bytes.length / pieces));
  const chunks = Array.from({ length: pieces }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
  return new JsonShape().faultIn(chunks)?.message;
}

describe("the shape of JSON", () => {
  test.each([
    ["values in a list", (count: number) => `[${"1,".repeat(count - 1)}1]`],
    ["empty objects", (count: number) => `[${"{},".repeat(count / 2 - 1)}{}]`],
    ["members", (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(",")}}`],
  ])("is refused for too many %s, and not for as many as are allowed", (_, textOf) => {
    expect(faultOf(textOf(BOUND - 10))).toBeUndefined();
    expect(faultOf(textOf(BOUND + 10))).toMatch(/more than 100000 values/);
  });

  test("is refused when it is nested too deep, whatever opens", () => {
    expect(faultOf("[".repeat(LEVELS) + "]".repeat(LEVELS))).toBeUndefined();
    expect(faultOf("[".repeat(LEVELS + 1) + "]".repeat(LEVELS + 1))).toMatch(/deeper than 64 levels/);
    expect(faultOf(`${'{"a":'.repeat(LEVELS + 1)}1${"}".repeat(LEVELS + 1)}`)).toMatch(/deeper than 64 levels/);
    expect(faultOf(`[${"[],".repeat(1000)}[]]`)).toBeUndefined();
  });

  test("does not look into texts, wherever they are cut", () => {
    const part = fc.constantFrom("[", "{", ",", '"', "\\", "é", "😀", "a", "]", "}");
    const text = fc
      .array(part, { minLength: 80, maxLength: 200 })
      .map((parts) => JSON.stringify({ [parts.join("")]: parts.join("") }));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (json, pieces) => {
        expect(faultOf(json, pieces)).toBeUndefined();
      }),
    );
  });
});

const app = useInProcess();
const PATH = {
  ...{ workspace: "default", name: "default", runId: "0".repeat(32), model_id: `m-${"0".repeat(32)}` },
  ...{ path: "a", tag_key: "k", member: "somebody", secret: "some", keyId: "0".repeat(16) },
};
const BODIES = [
  ...mlflowRoutes
    .filter(({ request, method }) => request && method !== "GET")
    .map((route) => ({ route, api: aboveOf(route) })),
  ...restRoutes.filter(({ body }) => body).map((route) => ({ route, api: "/api/v1/" })),
].map(({ route, api }) => ({
  route,
  target: targetOf(route, PATH, api),
}));

describe.each(BODIES)("$route.name", ({ route, target }) => {
  const refusalOf = async (body: string | Readable) => {
    const headers = { "content-type": "application/json" };
    const { status, json } = await app.client.send(route.method, target, { body, headers });
    return [status, json?.message ?? json?.detail];
  };

  test("refuses what would take long to parse, however it is wrapped", async () => {
    const deep = `{"a":${"[".repeat(40_000)}${"]".repeat(40_000)}}`;
    const many = `{"a":[${"{},".repeat(BOUND)}{}]}`;
    expect(await refusalOf(deep)).toEqual([400, expect.stringMatching(/nested deeper than 64 levels/)]);
    expect(await refusalOf(many)).toEqual([400, expect.stringMatching(/more than 100000 values/)]);
    if (target.startsWith("/api/v1/")) return;
    expect(await refusalOf(JSON.stringify(many))).toEqual([400, expect.stringMatching(/more than 100000 values/)]);
  });

  test("stops reading at its limit, whether it was announced or not", async () => {
    const limit = route.maxBodyBytes ?? JSON_BYTES;
    const piece = Buffer.alloc(64 * 1024, " ");
    let read = 0;
    async function* endless() {
      for (;;) {
        read += piece.length;
        yield piece;
      }
    }
    expect(await refusalOf(Readable.from(endless()))).toEqual([413, expect.stringContaining(String(limit))]);
    expect(read).toBeLessThanOrEqual(limit + 20 * piece.length);
  });
});
