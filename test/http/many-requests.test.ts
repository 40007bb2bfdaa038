import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../setup/server.ts";
import { type Client, connect, ok } from "./support.ts";

/*
 * One caller stops nobody by how many requests it sends at once, either. What others wait for is counted in answers, never timed.
 */

const AT_ONCE = 40;

let server: RunningServer;
let owner: Client;
let reader: Client;

beforeAll(async () => {
  server = await startServer({ mode: "light", args: ["--auth"] });
  const key = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
  owner = connect(server.url).under("", { authorization: `Bearer ${key}` });
  await ok(owner.send("PUT", "/api/v1/workspaces/default/members/greedy", { json: { role: "reader" } }));
  const json = { name: "k", member: "greedy" };
  const { secret } = await ok(owner.send("POST", "/api/v1/workspaces/default/keys", { json }));
  reader = connect(server.url, AT_ONCE).under("", { authorization: `Bearer ${secret}` });
  await ok(owner.call("runs_create", { experiment_id: "0", tags: [{ key: "k", value: "a".repeat(8000) }] }));
}, 60_000);
afterAll(async () => {
  owner.close();
  reader.close();
  await server.stop();
});

describe("a caller that sends dear requests side by side", () => {
  const filter = `tags.k LIKE '%a_${"a".repeat(1000)}b%'`;

  test.each([
    ["searches", (client: Client) => client.call("runs_search", { experiment_ids: ["0"], filter })],
    [
      "queries of the page",
      (client: Client) => {
        const query = "query($d: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $d) { nextPageToken } }";
        return client.call("graphql", { query, variables: { d: { experimentIds: ["0"], filter } } });
      },
    ],
  ])(
    "%s: others wait for a few of them, and not for all",
    async (_, dear) => {
      await dear(reader);
      let answered = 0;
      const all = Array.from({ length: AT_ONCE }, () => dear(reader).then(() => answered++));
      await Promise.race(all);
      let most = 0;
      while (answered < AT_ONCE) {
        const before = answered;
        expect((await owner.call("experiments_get", { experiment_id: "0" })).status).toBe(200);
        most = Math.max(most, answered - before);
      }
      expect(most).toBeLessThanOrEqual(AT_ONCE / 4);
      await Promise.all(all);
    },
    60_000,
  );
});
