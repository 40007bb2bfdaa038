import { describe, expect, test } from "vitest";
import { exceeds, firstCharacters, lastCharacters } from "../../shared/characters.ts";
import { served } from "./served.ts";
import { type Answer, ok } from "./support.ts";

/*
 * Limits count characters, as Python's `len` does; in JavaScript an emoji has a length of 2. What is cut is never cut within one.
 */

const EMOJI = "🧪";
const suite = served(["light"]);
const { client, world } = suite;

describe("characters", () => {
  const texts = ["", "a", EMOJI, `a${EMOJI}`, `${EMOJI}a`, EMOJI.repeat(3), `é${EMOJI}漢${EMOJI}z`];

  test.each(texts)("%j is counted and cut as a list of code points is", (text) => {
    const points = [...text];
    for (let n = 0; n <= points.length + 1; n++) {
      expect(exceeds(text, n)).toBe(points.length > n);
      expect(firstCharacters(text, n)).toBe(points.slice(0, n).join(""));
      expect(lastCharacters(text, n)).toBe(n === 0 ? "" : points.slice(-n).join(""));
    }
  });
});

suite.describe("lengths", () => {
  const param = async (key: string) => {
    const { run } = await ok(client.call("runs_get", { run_id: world.runId }));
    return run.data.params.find((it: { key: string }) => it.key === key).value;
  };
  const tag = async (key: string) => {
    const { run } = await ok(client.call("runs_get", { run_id: world.runId }));
    return run.data.tags.find((it: { key: string }) => it.key === key).value;
  };

  test("a param of one letter and 6,000 emoji keeps its first 6,000 characters, none of them cut", async () => {
    await ok(client.call("runs_log_parameter", { run_id: world.runId, key: "p", value: `a${EMOJI.repeat(6000)}` }));
    expect(await param("p")).toBe(`a${EMOJI.repeat(5999)}`);
  });

  test("a param of 6,000 emoji and a tag of 5,000 read back whole", async () => {
    const params = [{ key: "whole", value: EMOJI.repeat(6000) }];
    const tags = [{ key: "whole", value: EMOJI.repeat(5000) }];
    await ok(client.call("runs_log_batch", { run_id: world.runId, params, tags }));
    expect([await param("whole"), await tag("whole")]).toEqual([params[0]!.value, tags[0]!.value]);
  });

  /** Each takes a text of so many characters, and tells where it is found afterwards. */
  const FIELDS: [
    field: string,
    limit: number,
    set: (value: string) => Promise<Answer>,
    read?: () => Promise<string>,
  ][] = [
    ["an experiment's name", 500, (name) => client.call("experiments_create", { name })],
    [
      "an experiment's tag",
      20_000,
      (value) => client.call("experiments_set_tag", { experiment_id: world.experimentId, key: "long", value }),
    ],
    [
      "a dataset's name",
      500,
      (name) =>
        client.call("runs_log_inputs", {
          run_id: world.runId,
          datasets: [{ dataset: { name, digest: "1", source_type: "s", source: "s" } }],
        }),
    ],
    [
      "a description of a registered model",
      5000,
      (description) => client.call("registered_models_update", { name: world.registeredModel, description }),
      async () =>
        (await ok(client.call("registered_models_get", { name: world.registeredModel }))).registered_model.description,
    ],
    [
      "a workspace's description",
      500,
      (description) => client.send("PATCH", "/api/v1/workspaces/default", { json: { description } }),
      async () => (await ok(client.send("GET", "/api/v1/workspaces/default"))).description,
    ],
    [
      "a key's name",
      100,
      async (name) => {
        await ok(client.send("PUT", "/api/v1/workspaces/default/members/ann", { json: { role: "owner" } }));
        return client.send("POST", "/api/v1/workspaces/default/keys", { json: { name, member: "ann" } });
      },
    ],
  ];

  test.each(FIELDS)("%s takes %i emoji, and one more is refused", async (_, limit, set, read) => {
    expect((await set(EMOJI.repeat(limit))).status).toBeLessThan(300);
    if (read) expect(await read()).toBe(EMOJI.repeat(limit));
    const { status, text } = await set(EMOJI.repeat(limit + 1));
    expect(status).toBe(400);
    expect(text).toContain(String(limit));
  });

  test.each([0, 1, 2, 3])("what a refusal quotes is not cut within a character (%i)", async (shift) => {
    const name = "x".repeat(shift) + EMOJI.repeat(2000);
    const { json } = await client.call("registered_models_create", { name: `a/${name}` });
    expect(json.message).toContain(EMOJI);
    expect(json.message).not.toContain("\ufffd");
    const search = await client.call("runs_search", { experiment_ids: [world.experimentId], order_by: [name] });
    expect(search.json.message).toContain(EMOJI);
    expect(search.json.message).not.toContain("\ufffd");
  });
});
