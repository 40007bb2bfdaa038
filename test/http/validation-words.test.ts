import { describe, expect, test } from "vitest";
import { useInProcess } from "./in-process.ts";
import { callRest } from "./valid-rest.ts";
import { createRun } from "./world.ts";

const app = useInProcess();
const key = (json: object) => ({ json: { name: "laptop", member: "ada", ...json } });
const DATE = "a time of UTC like 2026-01-31T12:00:00Z";

describe("what a refusal says of a field", () => {
  test.each<[operation: string, request: object, detail: string]>([
    ["keys_create", key({ name: undefined }), "name: missing; a text is expected"],
    ["keys_create", key({ name: null }), "name: a text is expected, not null"],
    ["keys_create", key({ name: 5 }), "name: a text is expected, not 5"],
    ["keys_create", key({ name: {} }), "name: a text is expected, not an object"],
    ["keys_create", key({ name: [] }), "name: a text is expected, not a list"],
    ["keys_create", key({ name: "" }), "name: it must not be empty"],
    ["keys_create", key({ name: "n".repeat(101) }), "name: at most 100 characters are expected"],
    ["keys_create", key({ role: "admin" }), 'role: one of reader, contributor, owner is expected, not "admin"'],
    ["keys_create", key({ expiresInDays: 0 }), "expiresInDays: at least 1 is expected, not 0"],
    ["keys_create", key({ expiresInDays: 9999 }), "expiresInDays: at most 3650 is expected, not 9999"],
    ["keys_create", key({ expiresInDays: 1.5 }), "expiresInDays: a whole number is expected, not 1.5"],
    ["keys_create", key({ expiresInDays: "7" }), 'expiresInDays: a number is expected, not "7"'],
    ["keys_create", key({ days: 5, old: true }), "body: there is no 'days', 'old'"],
    ["keys_create", { json: [] }, "body: an object is expected, not a list"],
    ["keys_create", { json: null }, "body: an object is expected, not null"],
    ["keys_create", {}, "name: missing; a text is expected"],
    ["secrets_set", { path: { secret: "s" }, json: { value: 1 } }, "value: a text is expected, not 1"],
    ["workspaces_create", { json: { name: "A" } }, "name: 2 to 32 lower-case letters"],
    ["events_list", { query: { from: "yesterday" } }, `from: ${DATE} is expected, not "yesterday"`],
    ["events_list", { query: { outcome: "maybe" } }, 'outcome: one of allowed, refused is expected, not "maybe"'],
    ["events_list", { query: { since: "1" } }, "query: there is no 'since'"],
    ["members_put", { path: { member: "-a" }, json: { role: "reader" } }, "'member' must be an object id of"],
  ])("%s of %j: %s", async (operation, request, detail) => {
    const { status, json } = await callRest(app.client, operation, request);
    expect([status, json.detail.slice(0, detail.length)]).toEqual([400, detail]);
  });
});

describe("a body of which everything has a default", () => {
  test.each([
    ["none", {}],
    [
      "an empty one, as curl -d '' sends it",
      { body: "", headers: { "content-type": "application/x-www-form-urlencoded" } },
    ],
    ["an empty one of JSON", { body: "", headers: { "content-type": "application/json" } }],
    ["an empty object", { json: {} }],
  ])("may be %s", async (_, sending) => {
    const address = `/api/v1/workspaces/default/runs/${await createRun(app.client, "0")}/token`;
    const { status, json } = await app.client.send("POST", address, sending);
    expect([status, json.token]).toEqual([200, expect.stringMatching(/^cairn_run_/)]);
  });

  test("is still no form and no text", async () => {
    const address = `/api/v1/workspaces/default/runs/${await createRun(app.client, "0")}/token`;
    for (const body of ["{}", "leaseSeconds=60"]) {
      const { status, json } = await app.client.send("POST", address, {
        body,
        headers: { "content-type": "text/plain" },
      });
      expect([status, json.detail]).toEqual([400, "Content-Type must be application/json."]);
    }
  });
});
