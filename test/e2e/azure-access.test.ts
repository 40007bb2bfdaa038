import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AGAIN_MS } from "../../shared/domain/access/recent-reads.ts";
import { type Client, connect, type Input, ok } from "../http/support.ts";
import { callRest } from "../http/valid-rest.ts";
import { AZURE_STORES, type EmulatedStores, startAzureStores } from "../setup/azure-stores.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const KEY = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/;
const ROUNDS = 5;

describe.skipIf(!AZURE_STORES.available)(`keys, members and events of two instances${AZURE_STORES.note}`, () => {
  let stores: EmulatedStores;
  const servers: RunningServer[] = [];
  let owners: readonly [Client, Client];

  beforeAll(async () => {
    stores = await startAzureStores();
    for (const _ of "ab") servers.push(await startServer({ mode: "light", env: stores.env, args: ["--auth"] }));
    const [key] = KEY.exec(servers[0]!.output())!;
    owners = [as(0, key), as(1, key)];
  });
  afterAll(async () => {
    for (const owner of owners ?? []) owner.close();
    for (const server of servers) await server.stop();
    await stores?.close();
  });

  const as = (instance: number, key: string): Client =>
    connect(servers[instance]!.url).under("", { authorization: `Bearer ${key}` });

  const statusOf = async (instance: number, key: string): Promise<number> => {
    const client = as(instance, key);
    const { status } = await client.call("experiments_search", { max_results: 1 });
    client.close();
    return status;
  };

  const put = (owner: Client, member: string, role: string) =>
    callRest(owner, "members_put", { path: { member }, json: { role } });

  test("the owner's key of one is known to the other, which makes no second one", async () => {
    expect(servers[1]!.output()).not.toMatch(KEY);
    expect(await ok(callRest(owners[1], "workspaces_list", {}))).toMatchObject({ value: [{ name: "default" }] });
  });

  test("a key that one has made opens the other; revoked, it opens neither", async () => {
    await ok(put(owners[0], "ada", "reader"));
    // A grant counts elsewhere within a second.
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    const made = async () => ok(callRest(owners[0], "keys_create", { json: { name: "k", member: "ada" } }));
    const used = await made();
    expect([await statusOf(0, used.secret), await statusOf(1, used.secret)]).toEqual([200, 200]);
    const { key, secret } = await made();
    expect(await statusOf(0, secret)).toBe(200);
    await callRest(owners[0], "keys_revoke", { path: { keyId: key.id } });
    expect([await statusOf(0, secret), await statusOf(1, secret)]).toEqual([401, 401]);
  });

  test("of two last owners, taken out by one and given a lower role by the other at once, one stays", async () => {
    const workspace = "contested";
    await ok(callRest(owners[0], "workspaces_create", { json: { name: workspace } }));
    for (let round = 0; round < ROUNDS; round++) {
      await ok(callRest(owners[0], "members_put", { path: { workspace, member: "second" }, json: { role: "owner" } }));
      await ok(callRest(owners[1], "members_put", { path: { workspace, member: "owner" }, json: { role: "owner" } }));
      const answers = await Promise.all([
        callRest(owners[0], "members_delete", { path: { workspace, member: "second" } }),
        callRest(owners[1], "members_put", { path: { workspace, member: "owner" }, json: { role: "reader" } }),
      ]);
      expect(answers.map(({ status }) => status).filter((status) => status === 409)).toHaveLength(1);
      const { value } = await ok(callRest(owners[round % 2]!, "members_list", { path: { workspace } }));
      expect(value.filter(({ role }: { role: string }) => role === "owner")).toHaveLength(1);
    }
  });

  test("either tells what was done at both, newest first, in pages", async () => {
    const names = Array.from({ length: 7 }, (_, i) => `by instance ${i % 2}, number ${i}`);
    for (const [i, name] of names.entries()) await ok(owners[i % 2]!.call("experiments_create", { name }));
    for (const owner of owners) {
      const seen: string[] = [];
      let pageToken: string | undefined;
      do {
        const query: Input = { action: "experiments_create", pageSize: 3, ...(pageToken && { pageToken }) };
        const page = await ok(callRest(owner, "events_list", { query }));
        seen.push(...page.value.map(({ resources }: { resources: { name: string } }) => resources.name));
        pageToken = page.nextPageToken;
      } while (pageToken);
      expect(seen).toEqual(names.toReversed());
    }
  });
});
