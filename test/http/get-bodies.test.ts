import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { served } from "./served.ts";
import { queryOf, type Sending, targetOf } from "./support.ts";
import { VALID } from "./valid-requests.ts";

const { client, world, describe: describeServed } = served(["light", "strict"]);

const GETS = mlflowRoutes.filter(({ method, request }) => method === "GET" && request);
const MODELS = "/api/2.0/mlflow/registered-models";
const VERSIONS = "/api/2.0/mlflow/model-versions";

const get = (target: string, sending: Sending = {}) => client.send("GET", target, sending);
const inChunks = (...chunks: string[]): Sending => ({
  body: Readable.from(chunks),
  headers: { "transfer-encoding": "chunked" },
});

describeServed("parameters of a GET in a JSON body", () => {
  test.each(GETS.map((route) => [route.name, route] as const))("%s answers as to a query", async (name, route) => {
    const { input = {}, path } = VALID[name]!(world);
    const target = targetOf(route, path);
    const asked = await get(`${target}?${queryOf(input)}`);
    expect([asked.status, asked.text]).toEqual([200, expect.anything()]);
    for (const sending of [{ json: input }, inChunks(JSON.stringify(input))]) {
      const { status, json } = await get(target, sending);
      expect([status, json]).toEqual([200, asked.json]);
    }
  });

  test("what mlflow-export-import sends: a model by its name, and versions by a filter", async () => {
    for (const name of ["exported", "other"]) {
      await client.call("registered_models_create", { name });
      await client.call("model_versions_create", { name, source: "s3://bucket/model" });
    }
    const text = { "content-type": "text/plain" };
    const model = await get(`${MODELS}/get`, { body: '{"name":"exported"}', headers: text });
    expect([model.status, model.json?.registered_model?.name]).toEqual([200, "exported"]);
    const { json } = await get(`${VERSIONS}/search`, { json: { filter: "name = 'exported'" } });
    expect(json.model_versions.map(({ name }: { name: string }) => name)).toEqual(["exported"]);
  });

  test.each(["GET", "HEAD"])("what else a %s has beside its parameters changes nothing", async (method) => {
    const { experimentId } = world;
    const target = "/api/2.0/mlflow/experiments/get";
    const expected = (await client.send(method, `${target}?experiment_id=${experimentId}`)).headers["content-length"];
    const odd: [query: string, sending: Sending][] = [
      ["", { json: { experiment_id: experimentId } }],
      ["?", { json: { experimentId } }],
      [`?experiment_id=${experimentId}`, { headers: { "content-length": 0 } }],
      [`?experiment_id=${experimentId}`, { body: "no JSON" }],
      [`?experiment_id=${experimentId}&other=1&other=2&&=3&code=4`, {}],
      [`?experimentId=${experimentId}`, { headers: { expect: "100-continue" } }],
      [`?experiment_id=%${experimentId.charCodeAt(0).toString(16)}${experimentId.slice(1)}`, {}],
    ];
    for (const [query, sending] of odd) {
      const { status, headers } = await client.send(method, target + query, sending);
      expect([status, headers["content-length"]], query).toEqual([200, expected]);
    }
  });

  test("a query counts, and not the body beside it", async () => {
    const { experimentId } = world;
    const answer = await get(`/api/2.0/mlflow/experiments/get?experiment_id=${experimentId}`, {
      json: { experiment_id: "1" },
    });
    expect([answer.status, answer.json.experiment.experiment_id]).toEqual([200, experimentId]);
  });

  test.each<[title: string, sending: Sending]>([
    ["no body", {}],
    ["an empty one", { body: "" }],
    ["an empty one in chunks", inChunks()],
    ["an empty object", { json: {} }],
  ])("%s is no parameter", async (_, sending) => {
    expect((await get(`${MODELS}/search`, sending)).status).toBe(200);
    const { status, json } = await get(`${MODELS}/get`, sending);
    expect([status, json.message]).toEqual([400, expect.stringContaining("'name'")]);
  });

  test.each(["no JSON", "[1]", '{"max_results":"many"}', Buffer.from([0xff])])("%s is refused", async (body) => {
    const { status, json } = await get(`${MODELS}/search`, { body });
    expect([status, json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect((await get(`${MODELS}/search`)).status).toBe(200);
  });
});
