import { expect, test } from "vitest";
import { INVALID, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createRun, createWorld, TIME_MS } from "./world.ts";

const suite = served(["light", "azure"]);
const { client, world } = suite;

const history = (title: string, more: object, message: RegExp): Refusal => ({
  title,
  call: "metrics_get_history",
  input: ({ runId }) => ({ run_id: runId, metric_key: "loss", ...more }),
  ...INVALID,
  message,
});

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

const REFUSALS: Refusal[] = [
  history("max_results 0", { max_results: 0 }, /'max_results'.*positive/),
  history("max_results -1", { max_results: -1 }, /'max_results'.*positive/),
  history("max_results of ten millions", { max_results: 10_000_000 }, /'max_results'.*at most/),
  ...["x", "!!!", "e30", "W10", "bnVsbA", "eyJvZmZzZXQiOiAxfQ==", "\0", "x".repeat(2000)].map((page_token) =>
    history(`the page token ${JSON.stringify(page_token).slice(0, 30)}`, { page_token }, /Invalid page token/),
  ),
  ...[[], ["r", "loss", 1, 1, 1], ["r", "loss", "1", 1, 1], [1, 2, 3, 4, 5], { 0: "r" }, null].map((value) =>
    history(
      `a page token made by hand (${JSON.stringify(value)})`,
      { page_token: encoded(value) },
      /Invalid page token/,
    ),
  ),
];

suite.describe("metric history", (flavour) => {
  testRefusals(suite, flavour, REFUSALS);

  test("an unknown metric, and names of JavaScript's own, have no history", async () => {
    for (const metric_key of ["nothing", "__proto__", "constructor", "../loss", "a\0b"]) {
      const { metrics } = await ok(client.call("metrics_get_history", { run_id: world.runId, metric_key }));
      expect(metrics, metric_key).toEqual([]);
    }
  });

  test("without max_results the whole history is answered", async () => {
    const { metrics, next_page_token } = await ok(
      client.call("metrics_get_history", { run_id: world.runId, metric_key: "loss" }),
    );
    expect(metrics.map(({ step }: { step: number }) => step)).toEqual([0, 1, 2]);
    expect(next_page_token).toBeUndefined();
  });

  test.each([
    ["RUNNING", "as it was appended"],
    ["FINISHED", "sealed"],
  ])("without max_results 25,000 points of a %s run come back complete and in order, %s", async (status) => {
    const { runId } = await createWorld(client);
    const count = 25_000;
    for (let from = 0; from < count; from += 1_000) {
      // The last come first, and every thousandth twice.
      const metrics = Array.from({ length: 1_000 }, (_, i) => {
        const step = count - 1 - from - Math.max(i, 1);
        return { key: "long", value: step / 7, timestamp: TIME_MS + step, step };
      });
      await ok(client.call("runs_log_batch", { run_id: runId, metrics }));
    }
    await ok(client.call("runs_update", { run_id: runId, status, end_time: TIME_MS }));
    const expected = Array.from({ length: count }, (_, step) => step).filter(
      (step) => (count - 1 - step) % 1_000 !== 0,
    );
    const steps = async () => {
      const { metrics } = await ok(client.call("metrics_get_history", { run_id: runId, metric_key: "long" }));
      return metrics.map(({ step }: { step: number }) => step);
    };
    // While the run is being sealed, and after.
    for (let looks = 0; looks < 5; looks++) expect(await steps()).toEqual(expected);
  });

  test("pages are complete, in the order of time, step and value, and the last has no token", async () => {
    const { runId } = await createWorld(client);
    const points = [
      [3, 0, 1],
      [1, 5, 9],
      [1, 5, 2],
      [1, 4, 7],
      [2, 0, "NaN"],
      [2, 0, 0],
      [1, 5, 2],
    ] as const;
    const metrics = points.map(([timestamp, step, value]) => ({ key: "m", timestamp, step, value }));
    await ok(client.call("runs_log_batch", { run_id: runId, metrics }));
    const seen: unknown[] = [];
    let page_token: string | undefined;
    do {
      const input = { run_id: runId, metric_key: "m", max_results: 2, ...(page_token && { page_token }) };
      const page = await ok(client.call("metrics_get_history", input));
      expect(page.metrics.length).toBeGreaterThan(0);
      seen.push(...page.metrics.map((it: Record<string, unknown>) => [it.timestamp, it.step, it.value]));
      page_token = page.next_page_token;
    } while (page_token);
    expect(seen.map((point) => (point as unknown[])[0])).toEqual([1, 1, 1, 2, 2, 3]);
    expect(seen).toEqual(
      expect.arrayContaining([
        [1, 4, 7],
        [1, 5, 2],
        [1, 5, 9],
        [2, 0, 0],
        [2, 0, "NaN"],
        [3, 0, 1],
      ]),
    );
    expect(seen.slice(0, 3)).toEqual([
      [1, 4, 7],
      [1, 5, 2],
      [1, 5, 9],
    ]);
  });

  test("a page token of another run or another metric is refused", async () => {
    const other = await createWorld(client);
    const first = { run_id: world.runId, metric_key: "loss", max_results: 1 };
    const { next_page_token: page_token } = await ok(client.call("metrics_get_history", first));
    for (const changed of [{ run_id: other.runId }, { metric_key: "other" }]) {
      const { status, json } = await client.call("metrics_get_history", { ...first, ...changed, page_token });
      expect([status, json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
    expect((await client.call("metrics_get_history", { ...first, page_token })).status).toBe(200);
  });

  test("metrics_get_history_bulk_interval: gives each run as many points as asked for, in order of step", async () => {
    const metrics = Array.from({ length: 40 }, (_, i) => ({
      key: "m",
      value: (i * 7) % 40,
      timestamp: 100 - i,
      step: i,
    }));
    const run_ids = [await createRun(client, world.experimentId), await createRun(client, world.experimentId)];
    for (const run_id of run_ids) await ok(client.call("runs_log_batch", { run_id, metrics }));
    const stepsOf = async (input: object) => {
      const asked = { run_ids, metric_key: "m", ...input };
      const found = (await ok(client.call("metrics_get_history_bulk_interval", asked))).metrics;
      const [first, second] = run_ids.map((id) => found.filter((it: { run_id: string }) => it.run_id === id));
      const steps = (points: { step: number }[]) => points.map(({ step }) => step);
      expect(steps(second)).toEqual(steps(first));
      return steps(first);
    };
    expect(await stepsOf({ max_results: 1 })).toEqual([39]);
    expect(await stepsOf({ max_results: 2 })).toEqual([0, 39]);
    const five = await stepsOf({ start_step: 10, end_step: 19, max_results: 5 });
    expect([five.length, five[0], five.at(-1)]).toEqual([5, 10, 19]);
    expect(five).toEqual(five.toSorted((a: number, b: number) => a - b));
    expect(await stepsOf({ start_step: 10, end_step: 19 })).toHaveLength(10);
    // The lowest and the highest are at steps 0 and 17.
    expect(await stepsOf({ max_results: 10 })).toEqual(expect.arrayContaining([0, 17, 39]));
    expect(await stepsOf({})).toHaveLength(40);
  });

  test("metrics_get_history_bulk_interval: both ends of the steps or none, the right way round, of at most 100 runs", async () => {
    const valid = { run_ids: [world.runId], metric_key: "loss", max_results: 10 };
    const { metrics } = await ok(
      client.call("metrics_get_history_bulk_interval", { ...valid, start_step: 1, end_step: 2 }),
    );
    expect(metrics.map(({ step }: { step: number }) => step)).toEqual([1, 2]);
    for (const wrong of [
      { start_step: 1 },
      { end_step: 1 },
      { start_step: 2, end_step: 1 },
      { max_results: 0 },
      { max_results: 2501 },
      { run_ids: Array.from({ length: 101 }, (_, i) => String(i).padStart(32, "0")) },
      { run_ids: [] },
      { run_ids: [".."] },
    ]) {
      const { status, json } = await client.call("metrics_get_history_bulk_interval", { ...valid, ...wrong });
      expect([status, json.error_code], JSON.stringify(wrong)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });
});
