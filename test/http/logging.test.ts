import { expect, test } from "vitest";
import { INVALID, NO_MODEL, NOT_FOUND, type Refusal, testRefusals } from "./scenario.ts";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { createWorld, TIME_MS } from "./world.ts";

const suite = served(["light", "azure"]);
const { client } = suite;

const BAD_NAMES = ["a@b", "a,b", "a%b", "a\\b", "a\nb", "a\0b", "a\u200bb", "e\u0301", "\u{1f600}"];
const UNSTABLE_NAMES = ["../a", "/a", "a/", "a//b", "./a", "a/./b", "a/../b", ".", "..", "...", "..hidden"];
const GOOD_NAMES = ["a b", " ", "a:b", "a/b", "a.b", ".hidden", ".a/b", "ü", "日本", "٣", "-", "_", "x".repeat(250)];

const metric = (more: object) => ({ key: "m", value: 1, timestamp: TIME_MS, step: 0, ...more });
const many = (count: number, make: (i: number) => object) => Array.from({ length: count }, (_, i) => make(i));
const pair = (i: number) => ({ key: `k${i}`, value: "v" });

const batch = (title: string, input: object, message: RegExp): Refusal => ({
  title,
  call: "runs_log_batch",
  input: ({ runId }) => ({ run_id: runId, ...input }),
  ...INVALID,
  message,
});

const NAMES: Refusal[] = [...BAD_NAMES, ...UNSTABLE_NAMES].flatMap((key): Refusal[] => {
  const message = BAD_NAMES.includes(key) ? /Names may only contain/ : /would resolve to/;
  const good = {
    metrics: [metric({ key: "kept-out" })],
    params: [{ key: "kept-out", value: "v" }],
    tags: [{ key: "kept-out", value: "v" }],
  };
  return [
    {
      title: `the name ${JSON.stringify(key)}`,
      call: "runs_log_metric",
      input: ({ runId }) => ({ run_id: runId, ...metric({ key }) }),
      ...INVALID,
      message,
    },
    {
      title: `the name ${JSON.stringify(key)}`,
      call: "runs_log_parameter",
      input: ({ runId }) => ({ run_id: runId, key, value: "v" }),
      ...INVALID,
      message,
    },
    {
      title: `the name ${JSON.stringify(key)}`,
      call: "runs_set_tag",
      input: ({ runId }) => ({ run_id: runId, key, value: "v" }),
      ...INVALID,
      message,
    },
    batch(
      `the metric ${JSON.stringify(key)} among good ones`,
      { ...good, metrics: [...good.metrics, metric({ key })] },
      /'metrics\[1\]\.name'/,
    ),
    batch(
      `the param ${JSON.stringify(key)} among good ones`,
      { ...good, params: [...good.params, { key, value: "v" }] },
      /'params\[1\]\.key'/,
    ),
    batch(
      `the tag ${JSON.stringify(key)} among good ones`,
      { ...good, tags: [...good.tags, { key, value: "v" }] },
      /'tags\[1\]\.key'/,
    ),
  ];
});

const LONG_NAMES: Refusal[] = [
  {
    title: "a name of 251 characters",
    call: "runs_log_metric",
    input: ({ runId }) => ({ run_id: runId, ...metric({ key: "x".repeat(251) }) }),
    ...INVALID,
    message: /'Metric name' exceeds the maximum length of 250/,
  },
  {
    title: "a name of 251 characters",
    call: "runs_log_parameter",
    input: ({ runId }) => ({ run_id: runId, key: "x".repeat(251), value: "v" }),
    ...INVALID,
    message: /'Param key' exceeds the maximum length of 250/,
  },
  {
    title: "a name of 251 characters",
    call: "runs_set_tag",
    input: ({ runId }) => ({ run_id: runId, key: "x".repeat(251), value: "v" }),
    ...INVALID,
    message: /exceeds the maximum length of 250/,
  },
];

const METRICS: Refusal[] = [
  ...[-1, -TIME_MS].map(
    (timestamp): Refusal => ({
      title: `the timestamp ${timestamp}`,
      call: "runs_log_metric",
      input: ({ runId }) => ({ run_id: runId, ...metric({ timestamp }) }),
      ...INVALID,
      message: /'timestamp'.*nonnegative/,
    }),
  ),
  {
    title: "a dataset's name without its digest",
    call: "runs_log_metric",
    input: ({ runId }) => ({ run_id: runId, ...metric({ dataset_name: "d" }) }),
    ...INVALID,
    message: /Both dataset_name and dataset_digest/,
  },
  {
    title: "a dataset's digest without its name",
    call: "runs_log_metric",
    input: ({ runId }) => ({ run_id: runId, ...metric({ dataset_digest: "d" }) }),
    ...INVALID,
    message: /Both dataset_name and dataset_digest/,
  },
  {
    title: "an unknown logged model",
    call: "runs_log_metric",
    input: ({ runId }) => ({ run_id: runId, ...metric({ model_id: NO_MODEL }) }),
    ...NOT_FOUND,
    message: /Logged model/,
  },
  {
    title: "an unknown logged model",
    call: "runs_log_batch",
    input: ({ runId }) => ({
      run_id: runId,
      metrics: [metric({ model_id: NO_MODEL })],
      tags: [{ key: "kept-out", value: "v" }],
    }),
    ...NOT_FOUND,
    message: /Logged model/,
  },
];

const BATCHES: Refusal[] = [
  batch(
    "1,001 metrics",
    { metrics: many(1001, (i) => metric({ key: `k${i}` })) },
    /at most 1000 metrics. Got 1001 metrics/,
  ),
  batch("101 params", { params: many(101, pair) }, /at most 100 params. Got 101 params/),
  batch("101 tags", { tags: many(101, pair) }, /at most 100 tags. Got 101 tags/),
  batch(
    "1,000 metrics and a param",
    { metrics: many(1000, (i) => metric({ key: `k${i}` })), params: [pair(0)] },
    /at most 1000 metrics, params, and tags. Got 1001/,
  ),
  batch(
    "one param twice",
    {
      params: [
        { key: "p", value: "1" },
        { key: "p", value: "2" },
      ],
    },
    /Duplicate parameter keys have been submitted.*p/,
  ),
  batch(
    "one param twice with one value",
    {
      params: [
        { key: "p", value: "1" },
        { key: "p", value: "1" },
      ],
    },
    /Duplicate parameter keys/,
  ),
  batch(
    "a param that has another value, with metrics and tags",
    { params: [{ key: "lr", value: "9" }], metrics: [metric({})], tags: [pair(0)] },
    /Changing param values is not allowed.*lr/,
  ),
  batch("a metric without a value", { metrics: [metric({}), metric({ value: undefined })] }, /'metrics\[1\]\.value'/),
  batch("a metric without a timestamp", { metrics: [metric({ timestamp: undefined })] }, /'metrics\[0\]\.timestamp'/),
  batch("a metric without a key", { metrics: [metric({ key: undefined })] }, /'metrics\[0\]\.key'/),
  batch("a metric with an empty key", { metrics: [metric({ key: "" })] }, /'metrics\[0\]\.key'/),
  batch("a metric whose value is a word", { metrics: [metric({ value: "high" })] }, /'metrics\[0\]\.value'/),
  batch("a metric whose value is true", { metrics: [metric({ value: true })] }, /'metrics\[0\]\.value'/),
  batch("a metric whose step is a fraction", { metrics: [metric({ step: 1.5 })] }, /'metrics\[0\]\.step'/),
  batch("a metric before 1970", { metrics: [metric({ timestamp: -1 })] }, /'metrics\[0\]\.timestamp'/),
  batch(
    "a metric of an earlier name before 1970",
    { metrics: [metric({}), metric({ timestamp: -1 })] },
    /'metrics\[1\]\.timestamp'/,
  ),
  batch("a param whose value is a number", { params: [{ key: "p", value: 5 }] }, /'params\[0\]\.value'/),
  batch("a tag without a key", { tags: [{ value: "v" }] }, /'tags\[0\]\.key'/),
  {
    title: "another value for a param",
    call: "runs_log_parameter",
    input: ({ runId }) => ({ run_id: runId, key: "lr", value: "9" }),
    ...INVALID,
    message: /Param with key='lr' was already logged with value='0.1'.*Attempted logging new value '9'/,
  },
];

const MODEL_JSON: Refusal[] = (
  [
    ["what is no JSON", "{", /not a valid JSON/],
    ["a list", "[]", /not a JSON object/],
    ["an object without its fields", "{}", /missing mandatory fields/],
    ["a number", "5", /not a JSON object/],
  ] as const
).map(([title, model_json, message]) => ({
  title,
  call: "runs_log_model",
  input: ({ runId }) => ({ run_id: runId, model_json }),
  ...INVALID,
  message,
}));

suite.describe("logging", (flavour) => {
  testRefusals(suite, flavour, [...NAMES, ...LONG_NAMES, ...METRICS, ...BATCHES, ...MODEL_JSON]);

  test.each(GOOD_NAMES)("%s is a good name", async (key) => {
    const { runId } = await createWorld(client);
    const given = {
      run_id: runId,
      metrics: [metric({ key })],
      params: [{ key, value: "p" }],
      tags: [{ key, value: "t" }],
    };
    await ok(client.call("runs_log_batch", given));
    const { data } = (await ok(client.call("runs_get", { run_id: runId }))).run;
    expect(data.metrics).toContainEqual(expect.objectContaining({ key, value: 1 }));
    expect(data.params).toContainEqual({ key, value: "p" });
    expect(data.tags).toContainEqual({ key, value: "t" });
  });

  test("long values of params and run tags are cut, as MLflow's server does", async () => {
    const { runId } = await createWorld(client);
    const long = `${"x".repeat(5999)}\u{1f600}${"y".repeat(5000)}`;
    await ok(
      client.call("runs_log_batch", {
        run_id: runId,
        params: [{ key: "long", value: long }],
        tags: [{ key: "long", value: long }],
      }),
    );
    const { data } = (await ok(client.call("runs_get", { run_id: runId }))).run;
    const [param] = data.params.filter(({ key }: { key: string }) => key === "long");
    const [tag] = data.tags.filter(({ key }: { key: string }) => key === "long");
    expect(param.value).toBe([...long].slice(0, 6000).join(""));
    expect(tag.value).toBe([...long].slice(0, 8000).join(""));
  });

  test("the latest value of a metric is that of the highest step, then time, then value, whatever the order", async () => {
    const { runId } = await createWorld(client);
    const points = [
      metric({ step: 2, timestamp: 5, value: 1 }),
      metric({ step: 2, timestamp: 6, value: 2 }),
      metric({ step: 2, timestamp: 6, value: 3 }),
      metric({ step: 1, timestamp: 9, value: 4 }),
      metric({ step: -5, timestamp: 9, value: 5 }),
    ];
    await ok(client.call("runs_log_batch", { run_id: runId, metrics: points }));
    const { metrics } = (await ok(client.call("runs_get", { run_id: runId }))).run.data;
    expect(metrics).toContainEqual({ key: "m", value: 3, timestamp: 6, step: 2 });
  });

  test("a tag given twice in a batch keeps the last value; an empty batch is fine", async () => {
    const { runId } = await createWorld(client);
    await ok(
      client.call("runs_log_batch", {
        run_id: runId,
        tags: [
          { key: "t", value: "1" },
          { key: "t", value: "2" },
        ],
      }),
    );
    await ok(client.call("runs_log_batch", { run_id: runId }));
    const { tags } = (await ok(client.call("runs_get", { run_id: runId }))).run.data;
    expect(tags).toContainEqual({ key: "t", value: "2" });
  });

  test("1,000 entities are not too many", async () => {
    const { runId } = await createWorld(client);
    const given = {
      run_id: runId,
      metrics: many(800, (i) => metric({ key: `k${i}` })),
      params: many(100, pair),
      tags: many(100, pair),
    };
    await ok(client.call("runs_log_batch", given));
    const { data } = (await ok(client.call("runs_get", { run_id: runId }))).run;
    expect([data.metrics.length, data.params.length, data.tags.length]).toEqual([801, 101, 102]);
  });
});
