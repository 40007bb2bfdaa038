import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { defineFunctions } from "../../host/definitions.ts";
import { loadRegistrations } from "../../host/functions-core.ts";
import packageJson from "../../package.json" with { type: "json" };
import { readConfig } from "../../shared/config.ts";
import { provideOwnerKey } from "../../shared/domain/access/owner-key.ts";
import { requestRunSnapshot } from "../../shared/domain/runs/run-snapshot.ts";
import { runsSnapshotBlob } from "../../shared/domain/search/snapshot-blob.ts";
import { Memory } from "../../shared/domain/workspace.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { openAzureStores } from "../../shared/drivers/azure-stores.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { until } from "../host/support.ts";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { collectOutput, untilListening } from "../setup/server.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const RUN = join(import.meta.dirname, "run.ts");
const MAX_BYTES = 5_000_000;
/** Weighs more to load than all of the app. */
const SDKS = /node_modules\/@azure\/(cosmos|identity|keyvault-secrets|storage-blob|storage-queue)\//;

let out: string;
let zip: Uint8Array;
let contents: Record<string, Uint8Array>;
let unzipped: string;
const running: (() => void)[] = [];

beforeAll(async () => {
  out = mkdtempSync(join(tmpdir(), "cairn-package-"));
  runPackage("first");
  zip = readFileSync(join(out, "first", "cairn.zip"));
  contents = unzipSync(zip);
  unzipped = join(out, "unzipped");
  for (const [name, bytes] of Object.entries(contents)) {
    mkdirSync(dirname(join(unzipped, name)), { recursive: true });
    writeFileSync(join(unzipped, name), bytes);
  }
});

afterEach(() => {
  for (const stop of running.splice(0)) stop();
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What `npm run package` runs. */
function runPackage(folder: string, env: Record<string, string> = {}): void {
  const script = join(ROOT, "scripts", "package.mjs");
  execFileSync(process.execPath, [script, "--out", join(out, folder)], { env: { ...process.env, ...env } });
}

const textOf = (name: string) => new TextDecoder().decode(contents[name]);

/** The local host with the unzipped package in it, in strict mode. */
async function startPackage(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [RUN, unzipped], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.push(() => child.kill("SIGKILL"));
  const output = collectOutput(child);
  const url = await untilListening(output, once(child, "exit"));
  return { url, output, functions: JSON.parse(/^\[.*\]$/m.exec(output())![0]) as string[] };
}

describe("A6: the package", () => {
  test("holds what Functions looks for at its root, and less than 5 MB", () => {
    const { main, type, dependencies } = JSON.parse(textOf("package.json"));
    expect(JSON.parse(textOf("host.json"))).toEqual(JSON.parse(readFileSync(join(ROOT, "host.json"), "utf8")));
    expect([type, dependencies]).toEqual(["module", undefined]);
    expect(contents[main]).toBeDefined();
    expect(zip.length).toBeLessThan(MAX_BYTES);
  });

  test("holds no development dependency, and the license of everything else in it", () => {
    const bundled = [...textOf("THIRD-PARTY-NOTICES.txt").matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(.+\)$/gm)].map(
      ([, name]) => name!,
    );
    expect(bundled).toEqual(expect.arrayContaining(["@azure/cosmos", "@azure/functions", "@azure/identity", "zod"]));
    expect(Object.keys(packageJson.devDependencies).filter((name) => bundled.includes(name))).toEqual([]);
    expect(Object.keys(contents).filter((name) => name.endsWith(".map"))).toEqual([]);
  });

  test("is the same to the byte when made again, in any time zone", () => {
    runPackage("second", { TZ: "Asia/Tokyo" });
    expect(readFileSync(join(out, "second", "cairn.zip")).equals(zip)).toBe(true);
    expect(readdirSync(join(out, "second")).sort()).toEqual(["cairn.zip", "package"]);
  });

  test("loads the Azure SDKs only when a request needs them", () => {
    const loaded = new Set<string>();
    const load = (name: string) => {
      if (loaded.has(name)) return;
      loaded.add(name);
      for (const [, path] of textOf(name).matchAll(/^(?:import|\} from|export)\b.*"(\.{1,2}\/[^"]+)";$/gm)) {
        load(join(dirname(name), path!));
      }
    };
    load("functions/index.js");
    expect(loaded.size).toBeGreaterThan(1);
    expect([...loaded].filter((name) => SDKS.test(textOf(name)))).toEqual([]);
    expect(Object.keys(contents).filter((name) => SDKS.test(textOf(name))).length).toBeGreaterThan(1);
  });

  test("registers the functions of the sources, and answers in strict mode", async () => {
    const sources = await loadRegistrations(
      () => import("../../functions/index.ts"),
      () => {},
    );
    const { url, functions } = await startPackage();
    expect(functions).toEqual(defineFunctions(sources).map(({ name }) => name));
    const version = await fetch(`${url}/version`);
    expect([version.status, await version.text()]).toEqual([200, packageJson.version]);
  });

  test("without settings: refuses, and says in the log what is missing", async () => {
    const { url, output } = await startPackage();
    const answer = await fetch(`${url}/api/2.0/mlflow/experiments/search?max_results=1`);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(await answer.text()).not.toContain("CAIRN_");
    await until(() => output().includes("CAIRN_COSMOS_ENDPOINT"));
  });
});

describe.skipIf(!AZURE_STORES.available)(`A6: the package on Cosmos DB and Azure Storage${AZURE_STORES.note}`, () => {
  test("answers MLflow, and takes messages from its queues", async () => {
    const emulated = await startAzureStores();
    running.push(() => void emulated.close());
    const stores = await openAzureStores(readConfig(emulated.env).azure!, { clock: machineClock, ids: machineIds });
    const realm = { stores, clock: machineClock, ids: machineIds, memory: new Memory() };
    const workspace = await openWorkspace(realm, "default");
    const key = await provideOwnerKey(realm, false);
    const { url } = await startPackage(emulated.env);

    const create = (headers: Record<string, string>) =>
      fetch(`${url}/api/2.0/mlflow/experiments/create`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify({ name: "first" }),
      });
    expect((await create({})).status).toBe(401);
    const created = await create({ authorization: `Bearer ${key}` });
    expect(created.status).toBe(200);
    const { experiment_id: experimentId } = (await created.json()) as { experiment_id: string };
    await requestRunSnapshot(workspace, experimentId);
    await until(async () => (await stores.blobs.head(runsSnapshotBlob(workspace, experimentId))) !== undefined);
    await stores.close();
  });
});
