import { Validator } from "@seriousme/openapi-schema-validator";
import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { openApiDocument } from "../../shared/rest/openapi.ts";
import { type RestRoute, restRoute } from "../../shared/rest/route.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { DocumentChecker, type OpenApiDocument } from "./document-checker.ts";
import { useInProcess } from "./in-process.ts";
import { answerOf, ok } from "./support.ts";
import { callRest, VALID_REST } from "./valid-rest.ts";
import { createWorld } from "./world.ts";

const app = useInProcess();
let document: OpenApiDocument;
let checker: DocumentChecker;

beforeAll(async () => {
  document = await ok(callRest(app.client, "openapi_get", {}));
  checker = new DocumentChecker(document);
});

describe("the OpenAPI document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const { valid, errors } = await new Validator().validate(structuredClone({ ...document }));
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "Cairn" } });
  });

  test("has every operation of the table, with its permission, and nothing else", () => {
    expect(checker.operationIds().sort()).toEqual(restRoutes.map(({ name }) => name).sort());
    for (const { name, permission, summary } of restRoutes) {
      expect(operationNamed(document, name)).toMatchObject({ summary, "x-cairn-permission": permission });
      expect(operationNamed(document, name).description).toContain(
        permission === "none" ? "no credentials" : permission,
      );
    }
  });

  test("shows the schemas that validate: fields, limits, defaults", () => {
    expect(document).toHaveProperty(["components", "schemas", "NewWorkspace"], {
      type: "object",
      properties: {
        name: expect.objectContaining({ type: "string", pattern: "^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])$" }),
        description: expect.objectContaining({ type: "string", maxLength: 500, default: "" }),
      },
      required: ["name"],
      additionalProperties: false,
    });
  });

  test("tells which parts of the path, and which credentials, an operation takes", () => {
    expect(operationNamed(document, "runs_purge").parameters).toEqual([
      expect.objectContaining({ name: "workspace", in: "path", required: true }),
      expect.objectContaining({ name: "runId", in: "path", required: true }),
    ]);
    expect(document).toMatchObject({ security: [{ bearer: [] }, { basic: [] }] });
    expect(operationNamed(document, "openapi_get").security).toEqual([]);
  });

  test("shows parameters of a query with their limits", () => {
    const query = z.object({ pageSize: z._default(z.int().check(z.gte(1), z.lte(9)), 5), kind: z.array(z.string()) });
    const { parameters } = operationNamed(documentOf({ query }), "things_list");
    expect(parameters).toEqual([
      {
        name: "pageSize",
        in: "query",
        required: false,
        schema: { type: "integer", minimum: 1, maximum: 9, default: 5 },
      },
      { name: "kind", in: "query", required: true, schema: { type: "array", items: { type: "string" } } },
    ]);
  });
});

describe("every documented operation", () => {
  for (const { name, status } of restRoutes) {
    test(`${name}: answers as documented`, async () => {
      const answer = await callRest(app.client, name, VALID_REST[name]!(await createWorld(app.client)));
      expect(answer.status, answer.text).toBe(status);
      expect(checker.faultOf(name, answer)).toBeUndefined();
    });
  }

  for (const { name, path, body } of restRoutes.filter(({ path, body }) => body || path.includes(":"))) {
    test(`${name}: refuses as documented`, async () => {
      const valid = { ...VALID_REST[name]!(await createWorld(app.client)), before: undefined };
      const refused = [];
      if (path.includes(":")) refused.push({ ...valid, path: { ...valid.path, workspace: "nobody" } });
      if (path.includes(":")) refused.push({ ...valid, path: { ...valid.path, workspace: "no body\0" } });
      if (body) refused.push({ ...valid, json: { ...valid.json, unknown: true } });
      if (body && !body.safeParse({}).success) refused.push({ ...valid, json: undefined });
      for (const request of refused) {
        const answer = await callRest(app.client, name, request);
        expect(answer.status).toBeOneOf([400, 404]);
        expect(checker.faultOf(name, answer)).toBeUndefined();
      }
    });
  }

  test("an address with another method is answered 405 with the methods that it takes", async () => {
    const { status, headers, json } = await app.client.send("PATCH", "/api/v1/workspaces");
    expect([status, headers.allow, json.title]).toEqual([405, "GET, POST", "MethodNotAllowed"]);
  });
});

describe("the checker of answers", () => {
  const answer = (status: number, body: unknown, type = "application/json") =>
    answerOf(status, { "content-type": type }, Buffer.from(JSON.stringify(body)));
  const workspace = { id: "w1", name: "team", description: "", createdTime: "2026-01-01T00:00:00.000Z" };

  test("finds nothing wrong with what is documented", () => {
    expect(checker.faultOf("workspaces_get", answer(200, workspace))).toBeUndefined();
  });

  test.each([
    ["a field that is not documented", answer(200, { ...workspace, secret: "s" })],
    ["a missing field", answer(200, { ...workspace, id: undefined })],
    ["a field of another type", answer(200, { ...workspace, id: 5 })],
    ["a time that is none", answer(200, { ...workspace, createdTime: "yesterday" })],
    ["another status", answer(201, workspace)],
    ["another media type", answer(200, workspace, "text/html")],
    ["an error that is no problem", answer(404, { error: "no" }, "application/problem+json")],
  ])("finds %s", (_, wrong) => {
    expect(checker.faultOf("workspaces_get", wrong)).toBeDefined();
  });
});

function documentOf(route: Partial<Omit<RestRoute, "path" | "params">>): OpenApiDocument {
  const base = {
    name: "things_list",
    summary: "s",
    method: "GET",
    path: "things",
    permission: "read",
    status: 200,
  } as const;
  return openApiDocument([restRoute({ ...base, do: async () => {}, ...route })]) as unknown as OpenApiDocument;
}

// biome-ignore lint/suspicious/noExplicitAny: a document has many shapes.
function operationNamed({ paths }: OpenApiDocument, name: string): any {
  return Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .find(({ operationId }) => operationId === name);
}
