import { expect, test } from "vitest";
import { INVALID, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { type Input, ok } from "./support.ts";
import { createWorld, type World } from "./world.ts";

const suite = served(["light", "azure"]);
const { client, world } = suite;

type Search = [call: string, input: (world: World) => Input, filter: string, order: unknown, limit: number];

const SEARCHES: Search[] = [
  ["experiments_search", () => ({ max_results: 1, view_type: "ALL" }), "name LIKE '%'", "name ASC", 50_000],
  [
    "runs_search",
    (it) => ({ max_results: 1, run_view_type: "ALL", experiment_ids: [it.experimentId] }),
    "metrics.loss > 0",
    "start_time ASC",
    50_000,
  ],
  ["registered_models_search", () => ({ max_results: 1 }), "name LIKE '%'", "name DESC", 1000],
  ["model_versions_search", () => ({ max_results: 1 }), "version_number > 0", "name ASC", 200_000],
  [
    "logged_models_search",
    (it) => ({ max_results: 1, experiment_ids: [it.experimentId] }),
    "name = 'net'",
    { field_name: "name" },
    50_000,
  ],
];

const BAD_FILTERS = [
  "a b c",
  "name",
  "= 'x'",
  "name = ",
  "name = 'x",
  "name = 'x' OR name = 'y'",
  "(name = 'x')",
  "NOT name = 'x'",
  "name = 'x';",
  "name = 'x'; DROP TABLE runs",
  "name == 'x'",
  "nothing = 'x'",
  "bogus.key = 'x'",
  "attributes.nothing = 'x'",
  "__proto__ = 'x'",
  "attributes.constructor = 'x'",
  "constructor.name = 'x'",
  "name > 'x'",
  "name IN 'x'",
  "name = 'x' -- comment",
  "\0",
  "'",
  "`",
  "x".repeat(100_000),
  "(".repeat(10_000),
  "name = 'x' AND ".repeat(1000),
];

const BAD_ORDERS = [
  "",
  " ",
  "nothing",
  "name SIDEWAYS",
  "name ASC DESC",
  "name, name",
  "bogus.key",
  "name;",
  "'name'",
  "\0",
  "constructor",
  "__proto__",
];
const BAD_TOKENS = [
  "x",
  "!!!",
  "e30=",
  "W10=",
  "bnVsbA==",
  "eyJvZmZzZXQiOiAxfQ==",
  "eyJvZmZzZXQiOiAtMX0=",
  "\0",
  "x".repeat(3000),
];

const refusal = ([call, input]: Search, title: string, more: object, message: RegExp): Refusal => ({
  title,
  call,
  input: (it) => ({ ...input(it), ...more }),
  ...INVALID,
  message,
});

/** A query string cannot be as long as a body. */
const fits = (call: string, text: string): boolean => text.length < 5000 || !/registered|versions/.test(call);

const REFUSALS: Refusal[] = SEARCHES.flatMap((search) => [
  ...BAD_FILTERS.filter((filter) => fits(search[0], filter)).map((filter) =>
    refusal(search, `the filter ${JSON.stringify(filter).slice(0, 50)}`, { filter }, /./),
  ),
  ...BAD_TOKENS.map((page_token) =>
    refusal(
      search,
      `the page token ${JSON.stringify(page_token).slice(0, 30)}`,
      { page_token },
      /[Ii]nvalid page token/,
    ),
  ),
  ...[0, -1, search[4] + 1].map((max_results) =>
    refusal(search, `max_results ${max_results}`, { max_results }, /'max_results'/),
  ),
  ...BAD_ORDERS.map((order) =>
    refusal(
      search,
      `the order ${JSON.stringify(order)}`,
      { order_by: [search[0].startsWith("logged") ? { field_name: order } : order] },
      /./,
    ),
  ),
]);

const RUN_REFUSALS: Refusal[] = [
  ["metrics.loss > 'high'", /numeric/],
  ["metrics.loss LIKE 'x'", /./],
  ["metrics.loss IS NULL", /./],
  ["params.lr = 0.1", /./],
  ["params.lr > '0.1'", /./],
  ["tags.kind IN ('a')", /./],
  ["start_time > 'yesterday'", /./],
  ["run_id IN ()", /./],
  ["run_id IN ('a', 5)", /./],
  ["status IN ('RUNNING')", /./],
].map(([filter, message]) => ({
  title: `the filter ${filter}`,
  call: "runs_search",
  input: ({ experimentId }) => ({ experiment_ids: [experimentId], filter }),
  ...INVALID,
  message: message as RegExp,
}));

suite.describe("searches", (flavour) => {
  test.each([...REFUSALS, ...RUN_REFUSALS].map((it) => [`${it.call}: ${it.title}`, it] as const))(
    "%s is refused",
    async (_, it) => {
      const answer = await client.call(it.call, it.input?.(world));
      expect([answer.status, answer.json?.error_code], answer.text).toEqual([it.status, it.code]);
      expect(answer.json.message).toMatch(it.message);
      expect(answer.text.length).toBeLessThan(20_000);
    },
  );

  testRefusals(suite, flavour, REFUSALS.slice(0, 1));

  test.each(SEARCHES.map((search) => [search[0], search] as const))(
    "%s: pages continue, and a token serves its own search only",
    async (call, search) => {
      const [, makeInput, filter, order] = search;
      await addSecond();
      const input = makeInput(world);
      const first = await ok(client.call(call, input));
      const { next_page_token: page_token } = first;
      expect(page_token).toBeTruthy();
      const second = await ok(client.call(call, { ...input, page_token }));
      expect(Object.values(second)[0]).not.toEqual(Object.values(first)[0]);
      for (const changed of [{ filter }, { order_by: [order] }]) {
        const { status, json } = await client.call(call, { ...input, ...changed, page_token });
        expect([status, json.error_code], JSON.stringify(changed)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      }
      for (const [other, otherInput] of SEARCHES.filter(([name]) => name !== call)) {
        const { status } = await client.call(other, { ...otherInput(world), page_token });
        expect(status, other).toBe(400);
      }
    },
  );

  test("runs_search: a page token of other experiments is refused", async () => {
    const other = await createWorld(client);
    const input = { max_results: 1, run_view_type: "ALL", experiment_ids: [world.experimentId] };
    const { next_page_token } = await ok(client.call("runs_search", input));
    const experiment_ids = [other.experimentId];
    expect((await client.call("runs_search", { ...input, experiment_ids, page_token: next_page_token })).status).toBe(
      400,
    );
  });

  test("unknown experiments have no runs and no models; what is no id is refused", async () => {
    for (const [call, found] of [
      ["runs_search", "runs"],
      ["logged_models_search", "models"],
    ] as const) {
      expect((await ok(client.call(call, { experiment_ids: ["999999"] })))[found]).toEqual([]);
      const { status, json } = await client.call(call, { experiment_ids: ["abc"] });
      expect([status, json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });

  test("logged_models_search: who asks for more than fits into a page gets what fits", async () => {
    const answer = await client.call("logged_models_search", {
      experiment_ids: [world.experimentId],
      max_results: 20_000,
    });
    expect(answer.status).toBe(200);
  });

  /** Something for a second page of every search. */
  async function addSecond(): Promise<void> {
    const { experimentId, runId, registeredModel } = world;
    await ok(client.call("logged_models_create", { experiment_id: experimentId, name: "net" }));
    await ok(client.call("registered_models_create", { name: `${registeredModel}-${Math.random()}` }));
    await ok(
      client.call("model_versions_create", { name: registeredModel, source: `runs:/${runId}/m`, run_id: runId }),
    );
  }
});
