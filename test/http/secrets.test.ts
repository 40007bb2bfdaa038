import { inspect } from "node:util";
import type { InvocationContext } from "@azure/functions";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { logFault } from "../../functions/faults.ts";
import { createWorkspace } from "../../shared/domain/workspaces.ts";
import { parameterNames } from "../../shared/http/routes.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { redact } from "../../shared/redact.ts";
import { restRoute } from "../../shared/rest/route.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { PLANTED, plantedIn, requireNoSecret, requireNoSecretBelow } from "../setup/secrets.ts";
import { openInProcess, useInProcess } from "./in-process.ts";
import { served } from "./served.ts";
import { mlflowFields, restFields } from "./shapes.ts";
import { aboveOf, queryOf, targetOf } from "./support.ts";
import { callRest } from "./valid-rest.ts";

/*
 * Every request of every suite carries planted secrets in its headers; the client searches each answer for them, and a server that is stopped has what
 * it printed and stored searched. Here they are sent where they hurt most: as credentials, and in place of what a refusal would quote.
 */

/** A password alone is a word like any other; people paste it with its name. */
const SECRETS = Object.values({ ...PLANTED, password: `password=${PLANTED.password}` });
const JSON_TYPE = { "content-type": "application/json" };
const CREDENTIALS = [
  ...[PLANTED.apiKey, PLANTED.runToken, PLANTED.jwt].map((token) => `Bearer ${token}`),
  `Basic ${Buffer.from(`user:${PLANTED.password}`).toString("base64")}`,
  `SharedKey planted:${PLANTED.storageKey}`,
];
const OPERATIONS = [
  ...mlflowRoutes.map((route) => ({ route, api: aboveOf(route), fields: mlflowFields(route) })),
  ...restRoutes.map((route) => ({
    route,
    api: "/api/v1/",
    fields: { ...restFields(route.query), ...restFields(route.body) },
  })),
];

const { server, client, describe: describeServed } = served(["light", "strict"], { withWorld: false });

describeServed("planted secrets", () => {
  test("credentials are told to nobody, whatever is called", async () => {
    for (const { route, api } of OPERATIONS) {
      for (const authorization of CREDENTIALS) {
        const query = queryOf({ code: PLANTED.apiKey, access_token: PLANTED.jwt, sig: PLANTED.storageKey });
        await client.send(route.method, `${targetOf(route, {}, api)}?${query}`, { headers: { authorization } });
      }
    }
  });

  test("what is pasted into a wrong field is not quoted by the refusal", async () => {
    for (const { route, api, fields } of OPERATIONS.filter(({ route }) => route.method !== "GET")) {
      for (const field of Object.keys(fields)) {
        const body = JSON.stringify({ [field]: [{ [field]: SECRETS }, ...SECRETS] });
        const { status } = await client.send(route.method, targetOf(route, {}, api), { body, headers: JSON_TYPE });
        expect(status, `${route.name} ${field}`).toBeLessThan(500);
      }
    }
  });

  test("what is pasted into a query or a path that leads nowhere is not quoted either", async () => {
    for (const { route, api, fields } of OPERATIONS.filter(({ route }) => route.method === "GET")) {
      for (const secret of SECRETS) {
        const path = Object.fromEntries(parameterNames(route.path).map((name) => [name, secret]));
        const query = queryOf(Object.fromEntries(Object.keys(fields).map((field) => [field, secret])));
        await client.send("GET", `${targetOf(route, path, api)}?${query}`);
      }
    }
  });

  test("none of them is in what the server has printed and stored", () => {
    requireNoSecret("what the server printed", server.output());
    requireNoSecretBelow(server.folder);
  });
});

describe("what is logged and quoted", () => {
  test.each(Object.entries(PLANTED))(
    "%s is hidden, alone and in the midst of JSON, URLs and Python",
    (name, secret) => {
      const named = name === "password" ? `password=${secret}` : secret;
      const surroundings = [named, `a ${named} b`, `"${named}"`, `(${named})`, `'${named}', 5`];
      if (name === "password")
        surroundings.push(`{"password":"${secret}"}`, `amqp://user:${secret}@host/`, `pwd: ${secret};`);
      // As JSON writes a control character before it.
      if (["apiKey", "runToken", "jwt"].includes(name)) surroundings.push(`\\u0000${secret}`);
      for (const text of surroundings) expect(plantedIn(redact(text)), text).toBeUndefined();
    },
  );

  test.each([
    "metrics.loss > 0.5 AND params.token_count = '5'",
    "Experiment 'secret sauce' already exists.",
    "No run with id 5ec2e7c0ffee01235ec2e7c0ffee0123",
    "mlflow-artifacts:/experiments/179528457381930189/Model/weights.bin",
    "basic training of the bearer",
  ])("%s stays as it is", (text) => {
    expect(redact(text)).toBe(text);
  });

  test("a fault is logged with its cause, without the secrets that it quotes", () => {
    const lines: unknown[] = [];
    const context = { error: (...args: unknown[]) => void lines.push(...args) } as unknown as InvocationContext;
    const cause = Object.assign(new Error(PLANTED.connectionString), {
      request: { headers: { "x-key": PLANTED.apiKey } },
    });
    logFault(context, new Error("The store failed.", { cause }));
    expect(plantedIn(inspect(lines))).toBeUndefined();
    expect(lines.join()).toMatch(/The store failed[\s\S]*\[cause\]/);
  });
});

describe("a secret of the workspace", () => {
  const app = useInProcess();

  test("is nowhere in what is answered, told of and stored, but where its value is asked for", async () => {
    const set = { path: { secret: "kept" }, json: { value: PLANTED.password } };
    expect((await callRest(app.client, "secrets_set", set)).status).toBe(200);
    for (const name of ["secrets_list", "events_list"]) expect((await callRest(app.client, name, {})).status).toBe(200);
    await expect(callRest(app.client, "secrets_read", set)).rejects.toThrow(/in an answer/);
    requireNoSecretBelow(app.folder);
  });
});

describe("the search for secrets finds", () => {
  const shape = {
    method: "POST",
    permission: "write",
    status: 200,
    summary: "s",
    body: z.object({ text: z.string() }),
  } as const;
  const PLANTED_ROUTES = [
    restRoute({ ...shape, name: "echo", path: "echo", returns: z.unknown(), do: async ({ body }) => body }),
    restRoute({
      ...shape,
      name: "store",
      path: "store",
      do: async ({ realm, body }) => void (await createWorkspace(realm, "stored", body.text)),
    }),
  ];
  const planted = useInProcess({ routes: PLANTED_ROUTES });

  test("one that comes back in an answer, as it is or in base64", async () => {
    for (const text of [PLANTED.apiKey, Buffer.from(PLANTED.password).toString("base64")]) {
      await expect(planted.client.send("POST", "/api/v1/echo", { json: { text } })).rejects.toThrow(/in an answer/);
    }
  });

  test.each([
    ["one that was stored", PLANTED.password],
    ["a key of the app's own that was stored", `cairn_key_w${"0".repeat(16)}_${"a".repeat(64)}`],
  ])("%s", async (_, text) => {
    const app = openInProcess({ routes: PLANTED_ROUTES });
    requireNoSecretBelow(app.folder);
    expect((await app.client.send("POST", "/api/v1/store", { json: { text } })).status).toBe(200);
    await expect(app.close()).rejects.toThrow(/in the data folder/);
  });

  test("one that was printed", () => {
    const line = JSON.stringify({ level: "error", message: `cannot open ${PLANTED.sas}` });
    expect(() => requireNoSecret("what the server printed", line)).toThrow(/printed/);
  });
});
