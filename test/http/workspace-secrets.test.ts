import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { handlePurge } from "../../shared/domain/purge/background.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { MAX_SECRET_BYTES } from "../../shared/stores/secret-store.ts";
import { SECOND } from "../domain/support.ts";
import { useGuarded } from "./guarded.ts";
import { type Client, ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";

const guarded = useGuarded();
const TEAM = { workspace: "team-a" };
const VALUE = "a-value-that-nobody-else-has";

beforeAll(async () => {
  await guarded.createWorkspace("team-a");
  await guarded.createWorkspace("team-b");
});

const set = (client: Client, secret: string, value: unknown = VALUE, workspace = "team-a") =>
  callRest(client, "secrets_set", { path: { workspace, secret }, json: { value } as { value: string } });
const read = (client: Client, secret: string, workspace = "team-a") =>
  callRest(client, "secrets_read", { path: { workspace, secret } });
const list = async (client: Client) =>
  (await ok(callRest(client, "secrets_list", { path: TEAM }))).value as { name: string; updatedBy: string }[];
const remove = (client: Client, secret: string) => callRest(client, "secrets_delete", { path: { ...TEAM, secret } });
const secretsOfTeam = async () => {
  const { id } = await openWorkspace(guarded.app.realm, "team-a");
  return guarded.app.realm.stores.secrets!.names(`ws-${id}-`);
};

describe("secrets of a workspace", () => {
  test("set, list, read, set anew, delete: only reading shows the value", async () => {
    const { secret: key, member } = await guarded.keyFor("team-a", "owner");
    const owner = guarded.as(key);
    const made = await set(owner, "Storage-Key");
    expect(made.json).toEqual({
      name: "Storage-Key",
      createdTime: expect.any(String),
      updatedTime: expect.any(String),
      updatedBy: member,
    });
    const listed = await callRest(owner, "secrets_list", { path: TEAM });
    expect(listed.json.value).toEqual([made.json]);
    expect(made.text + listed.text).not.toContain(VALUE);

    const shown = await read(owner, "storage-key");
    expect([shown.status, shown.json]).toEqual([200, { value: VALUE }]);

    guarded.clock.pass(SECOND);
    const again = await set(owner, "STORAGE-KEY", "rotated");
    expect(again.json).toMatchObject({ name: "Storage-Key", createdTime: made.json.createdTime });
    expect(again.json.updatedTime).not.toBe(made.json.updatedTime);
    expect((await read(owner, "storage-key")).json).toEqual({ value: "rotated" });

    expect((await remove(owner, "storage-key")).status).toBe(204);
    for (const answer of [await read(owner, "storage-key"), await remove(owner, "storage-key")]) {
      expect([answer.status, answer.json.detail]).toEqual([404, "Secret 'storage-key' not found"]);
    }
    expect(await list(owner)).toEqual([]);
    expect(await secretsOfTeam()).toEqual([]);
  });

  test.for([
    ["reader", 200, 403, 403],
    ["contributor", 200, 200, 403],
    ["owner", 200, 200, 200],
  ] as const)("a %s: lists %i, sets %i, reads %i", async ([role, lists, sets, reads]) => {
    const client = guarded.as((await guarded.keyFor("team-a", role)).secret);
    await ok(set(guarded.admin, "of-all"));
    expect((await callRest(client, "secrets_list", { path: TEAM })).status).toBe(lists);
    expect((await set(client, "of-all")).status).toBe(sets);
    const shown = await read(client, "of-all");
    expect(shown.status).toBe(reads);
    expect(shown.text.includes(VALUE)).toBe(reads === 200);
    expect((await remove(client, "of-all")).status).toBe(sets === 200 ? 204 : 403);
    await remove(guarded.admin, "of-all");
  });

  test("the secrets of another workspace are not there, of one's own name neither", async () => {
    const client = guarded.as((await guarded.keyFor("team-b", "owner")).secret);
    await ok(set(guarded.admin, "shared-name"));
    expect((await read(client, "shared-name")).status).toBe(404);
    expect((await read(client, "shared-name", "team-b")).status).toBe(404);
    await ok(set(client, "shared-name", "of team-b", "team-b"));
    expect((await read(guarded.admin, "shared-name")).json).toEqual({ value: VALUE });
    await ok(remove(guarded.admin, "shared-name"));
    expect((await read(client, "shared-name", "team-b")).json).toEqual({ value: "of team-b" });
  });

  test("names are letters, digits, '-' and '_', up to 127; others are refused with the rule", async () => {
    for (const name of ["N".repeat(127), "AWS_SECRET_ACCESS_KEY", "_", "-"]) {
      await ok(set(guarded.admin, name));
      expect((await read(guarded.admin, name)).json.value).toBe(VALUE);
      await ok(remove(guarded.admin, name));
    }
    for (const name of ["N".repeat(128), "a.b", "..", "ä", "a b", "a/b", "%2e%2e"]) {
      const asked = [set(guarded.admin, name), read(guarded.admin, name), remove(guarded.admin, name)];
      for (const { status, json } of await Promise.all(asked)) {
        expect([status, json.detail], name).toEqual([
          400,
          expect.stringMatching(/^'secret' must be a name of 1 to 127 letters, digits, '-' and '_', not "/),
        ]);
      }
    }
  });

  test("names that differ in '-' and '_' are two secrets", async () => {
    await ok(set(guarded.admin, "a-b", "with hyphen"));
    await ok(set(guarded.admin, "a_b", "with underscore"));
    expect((await read(guarded.admin, "A-B")).json.value).toBe("with hyphen");
    expect((await read(guarded.admin, "A_B")).json.value).toBe("with underscore");
    for (const name of ["a-b", "a_b"]) await ok(remove(guarded.admin, name));
  });

  test("values are texts of 1 to 25,000 bytes, and are not quoted when they are not", async () => {
    const value = "é".repeat(MAX_SECRET_BYTES / 2);
    await ok(set(guarded.admin, "large", value));
    expect((await read(guarded.admin, "large")).json.value).toBe(value);
    for (const wrong of ["", `${value}x`, `${VALUE}\ud800`, 1, null, [VALUE], { value: VALUE }]) {
      const refused = await set(guarded.admin, "large", wrong);
      expect(refused.status, String(wrong).slice(0, 40)).toBe(400);
      expect(refused.text).not.toContain(VALUE);
      expect(refused.text.length).toBeLessThan(1000);
    }
    expect((await read(guarded.admin, "large")).json.value).toBe(value);
    await ok(remove(guarded.admin, "large"));
  });

  test("setting and deleting at once: what is listed can be read, and nothing else is stored", async () => {
    const racers = Array.from({ length: 24 }, (_, i) =>
      i % 4 === 3 ? remove(guarded.admin, `raced-${i % 2}`) : set(guarded.admin, `raced-${i % 2}`, `value ${i}`),
    );
    for (const { status } of await Promise.all(racers)) expect([200, 204, 404]).toContain(status);
    const listed = await list(guarded.admin);
    for (const { name } of listed) expect((await read(guarded.admin, name)).json.value).toMatch(/^value \d+$/);
    expect((await secretsOfTeam()).length).toBe(listed.length);
    for (const { name } of listed) await ok(remove(guarded.admin, name));
  });

  test("no file of the data folder holds a value", async () => {
    await ok(set(guarded.admin, "looked-for"));
    for (const name of readdirSync(guarded.app.folder, { recursive: true, encoding: "utf8" })) {
      const file = join(guarded.app.folder, name);
      if (statSync(file).isFile()) expect(readFileSync(file).includes(VALUE), name).toBe(false);
    }
    await ok(remove(guarded.admin, "looked-for"));
  });

  test("a purge of the workspace takes the values out of the store", async () => {
    await ok(set(guarded.admin, "to-be-purged"));
    const { realm } = guarded.app;
    const { id } = await openWorkspace(realm, "team-a");
    expect((await secretsOfTeam()).length).toBe(1);
    await ok(callRest(guarded.admin, "workspaces_delete", { path: TEAM }));
    const [message] = await realm.stores.queue.receive("purge", 32, 60);
    await handlePurge(realm, JSON.parse(message!.body));
    expect(await realm.stores.secrets!.names(`ws-${id}-`)).toEqual([]);
  });
});

describe("a deployment without a vault", () => {
  const bare = useGuarded();

  test("answers 501 and says what is missing; it lists nothing", async () => {
    Object.assign(bare.app.realm.stores, { secrets: undefined });
    const path = { workspace: "default", secret: "key" };
    const refused = await callRest(bare.admin, "secrets_set", { path, json: { value: VALUE } });
    expect([refused.status, refused.json.detail]).toEqual([501, expect.stringContaining("CAIRN_VAULT_ENDPOINT")]);
    expect((await callRest(bare.admin, "secrets_list", { path })).json).toEqual({ value: [] });
  });
});
