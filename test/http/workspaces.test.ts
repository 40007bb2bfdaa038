import { describe, expect, test } from "vitest";
import { served } from "./served.ts";
import { type Client, ok } from "./support.ts";
import { createWorld, type World } from "./world.ts";

const AZURE_ML =
  "/mlflow/v2.0/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg" +
  "/providers/Microsoft.MachineLearningServices/workspaces/";
const REST = "/api/v1/workspaces";
const MLFLOW = "/api/3.0/mlflow/workspaces";

const { client, describe: describeServed } = served(["light", "azure"], { withWorld: false });

const create = (name: string) => ok(client.send("POST", REST, { json: { name } }));

/** A workspace of its own with one of everything in it. */
async function inhabited(name: string): Promise<{ inside: Client; world: World }> {
  await create(name);
  const inside = client.under(`/w/${name}`);
  return { inside, world: await createWorld(inside) };
}

describeServed("workspaces", () => {
  describe("workspaces over REST", () => {
    test("workspaces_create: answers 201 with what was created; workspaces_get and workspaces_list show it", async () => {
      const created = await client.send("POST", REST, { json: { name: "team-a", description: "Team A" } });
      expect(created.status).toBe(201);
      expect(created.json).toMatchObject({
        name: "team-a",
        description: "Team A",
        id: expect.stringMatching(/^w[0-9a-f]+$/),
      });
      expect(new Date(created.json.createdTime).toISOString()).toBe(created.json.createdTime);
      expect((await client.send("GET", `${REST}/team-a`)).json).toEqual(created.json);
      const { value } = await ok(client.send("GET", REST));
      expect(value).toContainEqual(created.json);
      expect(value.map(({ name }: { name: string }) => name)).toContain("default");
    });

    test.each(["ab", "a1", "1a", "a-b", "a--b", "0123456789abcdef0123456789abcdef"])(
      "the name %s is accepted",
      async (name) => {
        expect((await client.send("POST", REST, { json: { name } })).status).toBe(201);
        expect((await client.send("GET", `/w/${name}/api/2.0/mlflow/experiments/get?experiment_id=0`)).status).toBe(
          200,
        );
      },
    );

    test.each(["", "a", "A1", "-ab", "ab-", "a_b", "a.b", "a/b", "a b", "äb", "..", "a\0b", "ab\n", "x".repeat(33)])(
      "the name %j is refused",
      async (name) => {
        const before = await ok(client.send("GET", REST));
        const { status, json } = await client.send("POST", REST, { json: { name } });
        expect(status).toBe(400);
        expect(json).toMatchObject({ status: 400, title: "InvalidParameter" });
        expect(json.detail).toMatch(/name/);
        expect(await ok(client.send("GET", REST))).toEqual(before);
      },
    );

    test.each<[title: string, body: unknown, status: number]>([
      ["no name", {}, 400],
      ["a number as name", { name: 5 }, 400],
      ["an unknown field", { name: "unknown-field", id: "w1" }, 400],
      ["a list", [], 400],
      ["null", null, 400],
      ["a long description", { name: "long-description", description: "x".repeat(501) }, 400],
      ["a name that is taken", { name: "default" }, 409],
    ])("workspaces_create: %s is refused", async (_, body, status) => {
      const answer = await client.send("POST", REST, { json: body });
      expect([answer.status, answer.json.status]).toEqual([status, status]);
      expect(answer.headers["content-type"]).toBe("application/problem+json");
    });

    test("unknown workspaces and operations are 404, in the shape of a problem", async () => {
      for (const [method, path] of [
        ["GET", `${REST}/nobody`],
        ["DELETE", `${REST}/nobody`],
        ["DELETE", `${REST}/nobody/runs/abc`],
        ["GET", "/api/v1/nothing"],
        ["GET", `${REST}/%2e%2e`],
      ] as const) {
        const { status, json } = await client.send(method, path);
        expect([status, json?.title], path).toEqual([404, "NotFound"]);
      }
    });

    test("workspaces_delete: answers 202; afterwards nothing reaches it, and a new one of the name is empty", async () => {
      const { inside, world } = await inhabited("short-lived");
      const deleted = await client.send("DELETE", `${REST}/short-lived`);
      expect([deleted.status, deleted.json]).toEqual([202, { status: "purging" }]);
      expect((await client.send("GET", `${REST}/short-lived`)).status).toBe(404);
      expect((await inside.call("runs_get", { run_id: world.runId })).status).toBe(404);
      expect((await client.send("DELETE", `${REST}/short-lived`)).status).toBe(404);
      const { json: again } = await client.send("POST", REST, { json: { name: "short-lived" } });
      expect(again.name).toBe("short-lived");
      const { experiments } = await ok(inside.call("experiments_search", { max_results: 10, view_type: "ALL" }));
      expect(experiments.map(({ name }: { name: string }) => name)).toEqual(["Default"]);
      const { creation_time, last_update_time } = experiments[0];
      const isoTime = (ms: number) => new Date(ms).toISOString();
      expect([creation_time, last_update_time].map(isoTime)).toEqual([again.createdTime, again.createdTime]);
      expect((await inside.call("runs_get", { run_id: world.runId })).status).toBe(404);
      expect((await inside.call("logged_models_get", {}, { model_id: world.modelId })).status).toBe(404);
      expect(await ok(inside.call("registered_models_search"))).toMatchObject({ registered_models: [] });
      expect((await inside.call("artifacts_download", {}, { path: world.artifact })).status).toBe(404);
      expect((await ok(inside.call("artifacts_list"))).files).toEqual([]);
    });

    test("workspaces_delete: default stays", async () => {
      expect((await client.send("DELETE", `${REST}/default`)).status).toBe(409);
      expect((await client.send("GET", `${REST}/default`)).status).toBe(200);
    });
  });

  describe("workspaces over MLflow's own routes", () => {
    test("created with 201, read, changed, listed, and deleted with 204 and no body", async () => {
      const created = await client.send("POST", MLFLOW, { json: { name: "mlflow-team", description: "d" } });
      expect([created.status, created.json]).toEqual([201, { workspace: { name: "mlflow-team", description: "d" } }]);
      const changed = await client.send("PATCH", `${MLFLOW}/mlflow-team`, { json: { description: "e" } });
      expect(changed.json).toEqual({ workspace: { name: "mlflow-team", description: "e" } });
      expect((await client.send("GET", `${MLFLOW}/mlflow-team`)).json).toEqual(changed.json);
      expect((await ok(client.send("GET", MLFLOW))).workspaces).toContainEqual(changed.json.workspace);
      const deleted = await client.send("DELETE", `${MLFLOW}/mlflow-team`);
      expect([deleted.status, deleted.text]).toEqual([204, ""]);
      expect((await client.send("GET", `${MLFLOW}/mlflow-team`)).json.error_code).toBe("RESOURCE_DOES_NOT_EXIST");
    });

    test("deleting restricts to empty workspaces unless told to cascade", async () => {
      const { inside, world } = await inhabited("full");
      for (const refused of [{}, { json: { mode: "restrict" } }, { json: { mode: "RESTRICT" } }]) {
        const { status, json } = await client.send("DELETE", `${MLFLOW}/full`, refused);
        expect([status, json.error_code]).toEqual([400, "INVALID_STATE"]);
      }
      expect((await inside.call("runs_get", { run_id: world.runId })).status).toBe(200);
      expect((await client.send("DELETE", `${MLFLOW}/full?mode=CASCADE`)).status).toBe(204);
      expect((await inside.call("runs_get", { run_id: world.runId })).status).toBe(404);
    });

    test("an empty one goes without more ado, whatever else was made in it is named", async () => {
      const team = `${REST}/restricted`;
      expect((await client.send("POST", MLFLOW, { json: { name: "restricted" } })).status).toBe(201);
      const inside = "/w/restricted/api/2.0/mlflow-artifacts/artifacts/a/file";
      for (const [make, unmake, named] of [
        [
          () => client.send("PUT", `${team}/secrets/s`, { json: { value: "v" } }),
          () => client.send("DELETE", `${team}/secrets/s`),
          /secrets/,
        ],
        [() => client.send("PUT", inside, { body: "file" }), () => client.send("DELETE", inside), /artifacts/],
      ] as const) {
        expect((await make()).status).toBeLessThan(300);
        const refused = await client.send("DELETE", `${MLFLOW}/restricted`);
        expect([refused.status, refused.json.error_code]).toEqual([400, "INVALID_STATE"]);
        expect(refused.json.message).toMatch(named);
        expect((await unmake()).status).toBeLessThan(300);
      }
      const moved = await client.send("DELETE", `${MLFLOW}/restricted?mode=SET_DEFAULT`);
      expect([moved.status, moved.json.error_code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      expect(moved.json.message).toMatch(/SET_DEFAULT.*cannot be moved.*RESTRICT.*CASCADE/);
      expect((await client.send("DELETE", `${MLFLOW}/restricted`)).status).toBe(204);
      expect((await client.send("GET", `${MLFLOW}/restricted`)).status).toBe(404);
    });

    test.each<[title: string, method: string, path: string, json: unknown, status: number, message: RegExp]>([
      ["default cannot be created", "POST", MLFLOW, { name: "default" }, 400, /reserved/],
      ["a bad name", "POST", MLFLOW, { name: "Bad Name" }, 400, /'name'/],
      [
        "an artifact root of its own",
        "POST",
        MLFLOW,
        { name: "rooted", default_artifact_root: "s3://b" },
        400,
        /artifact_root/,
      ],
      ["nothing to change", "PATCH", `${MLFLOW}/default`, {}, 400, /at least one/],
      ["an unknown workspace", "PATCH", `${MLFLOW}/nobody`, { description: "d" }, 404, /nobody/],
      ["default cannot be deleted", "DELETE", `${MLFLOW}/default`, {}, 400, /default/],
      ["an unknown mode", "DELETE", `${MLFLOW}/default`, { mode: "BOGUS" }, 400, /'mode'/],
    ])("%s: is refused", async (_, method, path, json, status, message) => {
      const answer = await client.send(method, path, { json });
      expect(answer.status).toBe(status);
      expect(answer.json.message).toMatch(message);
    });
  });

  describe("reaching a workspace", () => {
    test("the prefix, the header, Azure ML's address and their ajax twins reach the same", async () => {
      const { world } = await inhabited("reached");
      const path = `2.0/mlflow/runs/get?run_id=${world.runId}`;
      const header = { "x-mlflow-workspace": "reached" };
      for (const [target, headers] of [
        [`/w/reached/api/${path}`, {}],
        [`/w/reached/ajax-api/${path}`, {}],
        [`/api/${path}`, header],
        [`/ajax-api/${path}`, header],
        [`${AZURE_ML}reached/api/${path}`, {}],
        [`${AZURE_ML.replace("v2.0", "v1.0")}reached/api/${path}`, {}],
        [`${AZURE_ML.toLowerCase()}reached/api/${path}`, {}],
        [`/w/reached/api/${path}`, header],
      ] as const) {
        const { status, json } = await client.send("GET", target, { headers });
        expect([status, json.run?.info.run_id], target).toEqual([200, world.runId]);
      }
      expect((await client.send("GET", `/api/${path}`)).status).toBe(404);
    });

    test("a path and a header that disagree are refused", async () => {
      await create("disagree");
      for (const prefix of ["/w/disagree", `${AZURE_ML}disagree`, "/w/default"]) {
        const headers = { "x-mlflow-workspace": "other" };
        const answer = await client.send("GET", `${prefix}/api/2.0/mlflow/experiments/get?experiment_id=0`, {
          headers,
        });
        expect([answer.status, answer.json.error_code], prefix).toEqual([400, "INVALID_PARAMETER_VALUE"]);
        expect(answer.json.message).toContain("'other'");
      }
    });

    test("an unknown workspace is 404, however it is named, and does not come into being", async () => {
      const path = "/api/2.0/mlflow/experiments/get?experiment_id=0";
      const names = ["nobody", "Default", "%64efault%20", "%252e%252e", "a%2fb", "%00", "x".repeat(200)];
      for (const name of names) {
        for (const prefix of [`/w/${name}`, AZURE_ML + name]) {
          const { status } = await client.send("GET", prefix + path);
          expect(status, prefix).toBeOneOf([400, 404]);
        }
      }
      // Dots are gone before anybody looks: this is the address without a workspace.
      expect((await client.send("GET", `/w/nobody/..${path}`)).status).toBe(404);
      expect((await client.send("GET", `/w/nobody/../..${path}`)).status).toBe(200);
      const headers = { "x-mlflow-workspace": "nobody" };
      expect((await client.send("GET", path, { headers })).json.error_code).toBe("RESOURCE_DOES_NOT_EXIST");
      const { value } = await ok(client.send("GET", REST));
      expect(value.map(({ name }: { name: string }) => name)).not.toContain("nobody");
    });
  });
});
