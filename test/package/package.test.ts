import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { defineFunctions } from "../../host/definitions.ts";
import { loadRegistrations } from "../../host/functions-core.ts";
import packageJson from "../../package.json" with { type: "json" };
import { readConfig } from "../../shared/config.ts";
import { openAzureStores } from "../../shared/drivers/azure-stores.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { until } from "../host/support.ts";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { createExperiment, openAround, ROOT, usePackage } from "./support.ts";

const MAX_BYTES = 5_000_000;
/** Weighs more to load than all of the app. */
const SDKS =
  /^node_modules\/(@opentelemetry|@azure\/(cosmos|identity|keyvault-secrets|monitor-opentelemetry-exporter|storage-blob|storage-queue))\//;

/** What no registration needs: all but names, and the library that they are registered with. */
const ONLY_FOR_CALLS =
  /^shared\/(config|services|domain\/(?!queues|message-queue|errors|validation)|drivers|mlflow|rest)|^node_modules\/(?!@azure\/functions|cookie\/)/;

const made = usePackage();
const { textOf } = made;

/** The file, and all that are loaded with it. */
function loadedWith(name: string, known = new Set<string>()): string[] {
  if (!known.has(name)) {
    known.add(name);
    for (const [, path] of textOf(name).matchAll(/^(?:import|\} from|export)\b.*"(\.{1,2}\/[^"]+)";$/gm)) {
      loadedWith(join(dirname(name), path!), known);
    }
  }
  return [...known];
}

/** Whose code a file holds. */
function modulesOf(name: string): string[] {
  return [...textOf(name).matchAll(/^\/\/ (\S+\.[cm]?[jt]s)$/gm)].map(([, module]) => module!);
}

describe("the package", () => {
  test("holds what Functions looks for at its root, and less than 5 MB", () => {
    const { main, type, dependencies } = JSON.parse(textOf("package.json"));
    expect(JSON.parse(textOf("host.json"))).toEqual(JSON.parse(readFileSync(join(ROOT, "host.json"), "utf8")));
    expect([type, dependencies]).toEqual(["module", undefined]);
    expect(made.contents[main]).toBeDefined();
    expect(made.zip.length).toBeLessThan(MAX_BYTES);
  });

  test("holds no development dependency, and the license of everything else in it", () => {
    const notices = textOf("THIRD-PARTY-NOTICES.txt").matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(.+\)$/gm);
    const bundled = [...notices].map(([, name]) => name!);
    expect(bundled).toEqual(expect.arrayContaining(["@azure/cosmos", "@azure/functions", "@azure/identity", "zod"]));
    expect(Object.keys(packageJson.devDependencies).filter((name) => bundled.includes(name))).toEqual([]);
    expect(Object.keys(made.contents).filter((name) => name.endsWith(".map"))).toEqual([]);
  });

  test("is the same to the byte when made again, in any time zone", () => {
    made.make("second", { TZ: "Asia/Tokyo" });
    expect(readFileSync(join(made.out, "second", "cairn.zip")).equals(made.zip)).toBe(true);
    expect(readdirSync(join(made.out, "second")).sort()).toEqual(["cairn.zip", "package"]);
  });

  test("registers its functions before it loads what they need: routes, schemas, stores", () => {
    const modules = loadedWith("functions/index.js").flatMap(modulesOf);
    expect(modules).toContain("functions/index.ts");
    expect(modules.filter((name) => ONLY_FOR_CALLS.test(name))).toEqual([]);
  });

  test.each(["mlflow", "rest", "health", "background", "services"])("loads no Azure SDK with its %s", (area) => {
    const [chunk] = Object.keys(made.contents).filter((name) => name.startsWith(`chunks/${area}-`));
    const loaded = loadedWith(chunk!);
    expect(loaded.length).toBeGreaterThan(1);
    expect(loaded.flatMap(modulesOf).filter((name) => SDKS.test(name))).toEqual([]);
    expect(
      Object.keys(made.contents)
        .flatMap(modulesOf)
        .filter((name) => SDKS.test(name)).length,
    ).toBeGreaterThan(1);
  });

  test("answers that it cannot work, and logs why, when what an area needs cannot be loaded", async () => {
    const [chunk] = Object.keys(made.contents).filter((name) => name.startsWith("chunks/mlflow-"));
    const file = join(made.out, "unzipped", chunk!);
    renameSync(file, `${file}.away`);
    made.atEnd(() => renameSync(`${file}.away`, file));
    const { url, output } = await made.start();
    const answer = await createExperiment(url, "first");
    expect([answer.status, await answer.text()]).toEqual([500, ""]);
    const id = answer.headers.get("x-cairn-invocation-id");
    const line = output()
      .split("\n")
      .find((it) => it.includes(`"invocationId":"${id}"`));
    expect(JSON.parse(line!)).toMatchObject({ level: "error", message: expect.stringContaining(chunk!) });
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test("asks nobody outside for its settings: newer exporters of telemetry do", () => {
    expect(Object.keys(made.contents).filter((name) => textOf(name).includes("settings.sdk.monitor"))).toEqual([]);
  });

  test("registers the functions of the sources, and answers in strict mode", async () => {
    const sources = await loadRegistrations(
      () => import("../../functions/index.ts"),
      () => {},
    );
    const { url, functions } = await made.start();
    expect(functions).toEqual(defineFunctions(sources).map(({ name }) => name));
    const version = await fetch(`${url}/version`);
    expect([version.status, await version.text()]).toEqual([200, packageJson.version]);
  });

  test.each(["[1]", '{"a name":"1"}', '{"authorization":"Bearer forged"}'])(
    "answers in the language worker whatever trigger data says of headers: %s",
    (json) => {
      const script = join(import.meta.dirname, "as-worker.ts");
      const args = [script, join(made.out, "unzipped"), "health", JSON.stringify({ Headers: { json } })];
      expect(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 20_000 })).toBe("200 OK\n");
    },
  );

  test("with wrong settings: lists all faults at its start, and every function answers that it cannot work", async () => {
    const env = { CAIRN_BLOB_ENDPOINT: "ftp://team", CAIRN_RETENTION_DAYS: "soon", CAIRN_STORAGE_KEY: "c2VjcmV0" };
    const { url, output, functions } = await made.start(env);
    await until(() => output().includes("CAIRN_QUEUE_ENDPOINT is missing"));
    const faults = ["CAIRN_COSMOS_ENDPOINT is missing", "CAIRN_BLOB_ENDPOINT=ftp://team", "CAIRN_RETENTION_DAYS=soon"];
    for (const fault of faults) expect(output()).toContain(fault);
    expect(functions).toContain("mlflow-api-2");

    const answer = await createExperiment(url, "first");
    const text = await answer.text();
    expect([answer.status, text]).toEqual([500, expect.stringContaining("settings of this app are not valid")]);
    expect(text).not.toContain("CAIRN_");
    expect((await fetch(`${url}/health/dependencies`)).status).toBe(500);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect(output()).not.toContain("c2VjcmV0");
  });

  test("while its stores are away: answers 503 with words, in each area's shape, and goes on trying", async () => {
    const nobody = "http://127.0.0.1:9";
    const { url, output } = await made.start({
      CAIRN_COSMOS_ENDPOINT: nobody,
      CAIRN_COSMOS_KEY: "eA==",
      CAIRN_BLOB_ENDPOINT: `${nobody}/devstoreaccount1`,
      CAIRN_QUEUE_ENDPOINT: `${nobody}/devstoreaccount1`,
      CAIRN_STORAGE_KEY: "eA==",
      CAIRN_CREATE_CONTAINERS: "true",
    });
    const ask = async (path: string) => {
      const answer = await fetch(url + path);
      expect([answer.status, Number(answer.headers.get("retry-after"))]).toEqual([
        503,
        expect.toSatisfy((it) => it >= 1),
      ]);
      return answer.text();
    };
    const [mlflow, rest, page, dependencies] = await Promise.all(
      ["/api/2.0/mlflow/experiments/get?experiment_id=0", "/api/v1/workspaces", "/", "/health/dependencies"].map(ask),
    );
    expect(JSON.parse(mlflow!)).toMatchObject({ error_code: "TEMPORARILY_UNAVAILABLE" });
    expect(JSON.parse(rest!)).toMatchObject({ title: "Unavailable", status: 503 });
    expect(page).toContain("<!doctype html>");
    expect(JSON.parse(dependencies!)).toEqual({ documents: "unavailable" });
    expect(output()).toContain("making the database and its containers failed");
  });

  test("without settings: says at its start which it needs", async () => {
    const { output } = await made.start();
    await until(() => output().includes("CAIRN_COSMOS_ENDPOINT is missing"));
  });
});

describe.skipIf(!AZURE_STORES.available)(`the package on Cosmos DB and Azure Storage${AZURE_STORES.note}`, () => {
  test("answers MLflow, and takes messages from its queues", async () => {
    const emulated = await startAzureStores();
    made.atEnd(() => void emulated.close());
    const stores = await openAzureStores(readConfig(emulated.env).azure!, { clock: machineClock, ids: machineIds });
    const { key, throughQueue } = await openAround(stores);
    const { url } = await made.start(emulated.env);
    expect((await createExperiment(url, "first")).status).toBe(401);
    const created = await createExperiment(url, "first", key);
    expect(created.status).toBe(200);
    await throughQueue(((await created.json()) as { experiment_id: string }).experiment_id);
    await stores.close();
  });
});
