import { expect, test } from "vitest";
import { INVALID } from "./scenario.ts";
import { served } from "./served.ts";
import { type Answer, ok } from "./support.ts";
import { createRun } from "./world.ts";

/*
 * Steps and times are 64 bits wide in MLflow: `time.time_ns()` is a usual timestamp. JavaScript's numbers would round them, so bodies are written
 * and answers are read as text here.
 */

const MAX = "9223372036854775807";
const MIN = "-9223372036854775808";
const NOW_NS = "1767225600123456789";
const NEXT_NS = "1767225600123456790";

const { client, world, describe } = served(["light", "strict", "azure"]);

const post = (call: string, body: string): Promise<Answer> =>
  client.send("POST", `/api/2.0/mlflow/${call}`, { body, headers: { "content-type": "application/json" } });

const all = (text: string, field: string): string[] =>
  [...text.matchAll(new RegExp(`"${field}":(-?\\d+)`, "g"))].map(([, digits]) => digits!);

describe("whole numbers of 64 bits", () => {
  const points = [
    [NOW_NS, MAX],
    [NEXT_NS, "9223372036854775806"],
    ["9007199254740993", MIN],
    ["1", "9007199254740993"],
    [MAX, "-1"],
  ];

  const logged = async (): Promise<string> => {
    const runId = await createRun(client, world.experimentId);
    const [first, ...rest] = points.map(([timestamp, step], i) => ({ key: "m", value: i, timestamp, step }));
    const numbers = JSON.stringify({ run_id: runId, ...first }).replace(/"(-?\d+)"/g, "$1");
    await ok(post("runs/log-metric", numbers));
    await ok(post("runs/log-batch", JSON.stringify({ run_id: runId, metrics: rest.slice(0, 2) })));
    const others = JSON.stringify({ run_id: runId, metrics: rest.slice(2) }).replace(/"(-?\d+)"/g, "$1");
    await ok(post("runs/log-batch", others));
    return runId;
  };

  test("steps and timestamps come back as they went in, as numbers or text, latest and history", async () => {
    const runId = await logged();
    const latest = (await client.call("runs_get", { run_id: runId })).text;
    expect([all(latest, "step"), all(latest, "timestamp")]).toEqual([[MAX], [NOW_NS]]);
    const history = (await client.call("metrics_get_history", { run_id: runId, metric_key: "m" })).text;
    const inOrder = points.toSorted(([a], [b]) => (BigInt(a!) < BigInt(b!) ? -1 : 1));
    expect(all(history, "timestamp")).toEqual(inOrder.map(([timestamp]) => timestamp));
    expect(all(history, "step")).toEqual(inOrder.map(([, step]) => step));
    const searched = (await client.call("runs_search", { experiment_ids: [world.experimentId] })).text;
    expect(searched).toContain(`"timestamp":${NOW_NS},"step":${MAX}`);
  });

  test("history pages neither skip nor repeat neighbours that a double cannot tell apart", async () => {
    const runId = await logged();
    const seen: string[] = [];
    let page_token = "";
    do {
      const page = await client.call("metrics_get_history", {
        run_id: runId,
        metric_key: "m",
        max_results: 1,
        page_token,
      });
      seen.push(...all(page.text, "timestamp"));
      page_token = page.json.next_page_token ?? "";
    } while (page_token !== "" && seen.length < 20);
    expect(seen).toEqual(["1", "9007199254740993", NOW_NS, NEXT_NS, MAX]);
  });

  test("a chart's range of steps is exact", async () => {
    const runId = await logged();
    const query = `run_ids=${runId}&metric_key=m&start_step=9223372036854775807&end_step=${MAX}&max_results=10`;
    const { text } = await client.send("GET", `/api/2.0/mlflow/metrics/get-history-bulk-interval?${query}`);
    expect(all(text, "step")).toEqual([MAX]);
  });

  test("a run's start and end, and the step of what it produced", async () => {
    const made = await post("runs/create", `{"experiment_id":"${world.experimentId}","start_time":${NOW_NS}}`);
    const runId = made.json.run.info.run_id;
    await ok(post("runs/update", `{"run_id":"${runId}","status":"FINISHED","end_time":${MAX}}`));
    await ok(
      post("runs/outputs", `{"run_id":"${runId}","models":[{"model_id":"${world.modelId}","step":${NEXT_NS}}]}`),
    );
    const { text } = await client.call("runs_get", { run_id: runId });
    expect([all(text, "start_time"), all(text, "end_time"), all(text, "step")]).toEqual([[NOW_NS], [MAX], [NEXT_NS]]);
    const filter = `attributes.start_time > 1700000000000000000 AND attributes.end_time > 0`;
    const { runs } = await ok(client.call("runs_search", { experiment_ids: [world.experimentId], filter }));
    expect(runs.map((run: { info: { run_id: string } }) => run.info.run_id)).toEqual([runId]);
  });

  test("a logged model's metrics", async () => {
    const runId = await createRun(client, world.experimentId);
    const metric = `"key":"m","value":1,"timestamp":${NOW_NS},"step":${MAX},"model_id":"${world.modelId}"`;
    await ok(post("runs/log-metric", `{"run_id":"${runId}",${metric}}`));
    const { text } = await client.call("logged_models_get", {}, { model_id: world.modelId });
    expect([all(text, "timestamp"), all(text, "step")]).toEqual([[NOW_NS], [MAX]]);
  });

  test("a value beyond 2^53 beside them is the double that it is", async () => {
    const runId = await createRun(client, world.experimentId);
    await ok(
      post("runs/log-metric", `{"run_id":"${runId}","key":"m","value":${MAX},"timestamp":${NOW_NS},"step":1e18}`),
    );
    const { json, text } = await client.call("runs_get", { run_id: runId });
    expect(json.run.data.metrics[0].value).toBe(2 ** 63);
    expect(all(text, "step")).toEqual(["1000000000000000000"]);
  });

  test.each(["9223372036854775808", "-9223372036854775809", "1e300", '"9223372036854775808"'])(
    "%s has no room: refused, naming the field",
    async (step) => {
      const { status, json } = await post(
        "runs/log-batch",
        `{"run_id":"${world.runId}","metrics":[{"key":"m","value":1,"timestamp":1,"step":${step}}]}`,
      );
      expect([status, json.error_code]).toEqual([INVALID.status, INVALID.code]);
      expect(json.message).toMatch(/'metrics\[0\]\.step'.*9223372036854775807/);
    },
  );

  test("neither has a number of 5,000 digits", async () => {
    const body = `{"run_id":"${world.runId}","metrics":[{"key":"m","value":1,"timestamp":1,"step":1${"0".repeat(5000)}}]}`;
    const { status, json } = await post("runs/log-batch", body);
    expect([status, json.message]).toEqual([400, expect.stringContaining("'metrics[0].step'")]);
  });

  test("a negative time is refused at any length", async () => {
    const { status, json } = await post(
      "runs/log-metric",
      `{"run_id":"${world.runId}","key":"m","value":1,"timestamp":-${MAX}}`,
    );
    expect([status, json.message]).toEqual([400, expect.stringMatching(/-9223372036854775807.*'timestamp'/)]);
  });
});
