import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cloneInto, shellEnvironment } from "../setup/clone.ts";
import { type Started, signalGroup, Terminal } from "./started.ts";

const INSTALL_LIMIT_MS = 240_000;
const ROOT = join(import.meta.dirname, "..", "..");

describe("npm start, in a fresh clone", { timeout: INSTALL_LIMIT_MS }, () => {
  let clone: string;
  let terminal: Terminal;

  beforeAll(() => {
    clone = cloneInto("cairn-clone-");
    terminal = new Terminal(clone);
  });

  afterEach(() => terminal.close());

  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  const npmStart = (...options: string[]): Started => terminal.npmStart(...options);
  const startScript = (...options: string[]): Started => terminal.start("node", ["scripts/start.mjs", ...options]);
  /** For starts that must fail: their exit code and what they said. */
  async function refused(...options: string[]): Promise<{ code: number | null; said: string }> {
    const started = startScript(...options);
    const code = await started.ended;
    return { code, said: started.output() };
  }

  test("first start: installs, builds, says where it is and what to do next, and answers", async () => {
    const started = npmStart("--port", "0");
    const url = await started.url();
    expect(started.output()).toMatch(
      /Installing .* about \d+ MB to download, \d+ MB on disk[\s\S]*installed in \d+ s[\s\S]*Building/,
    );
    expect(megabytesOf(join(clone, "node_modules"))).toBeLessThan(isNewEnough(machineNode()) ? 150 : 350);
    for (const tool of ["vitest", "typescript", "@azure/cosmos"]) {
      expect(existsSync(join(clone, "node_modules", tool)), tool).toBe(false);
    }
    expect(started.output()).toContain(`export MLFLOW_TRACKING_URI=${url}`);
    expect(started.output()).toContain("python examples/mlflow-sklearn/train.py");
    const answer = await fetch(`${url}/api/2.0/mlflow/experiments/get?experiment_id=0`);
    expect(await answer.json()).toMatchObject({ experiment: { name: "Default" } });
    signalGroup(started.child, "SIGINT");
    await started.ended;
  });

  test("later start: neither installs nor builds, and finds what was there", async () => {
    const first = npmStart("--port", "0");
    const created = await post(await first.url(), "experiments/create", { name: "kept" });
    expect(created.status).toBe(200);
    signalGroup(first.child, "SIGINT");
    await first.ended;
    const second = npmStart("--port", "0");
    const again = await post(await second.url(), "experiments/create", { name: "kept" });
    expect(again.status).toBe(400);
    expect(second.output()).not.toMatch(/Installing|Building/);
  });

  test("a changed source: is built again", async () => {
    appendFileSync(join(clone, "shared", "config.ts"), "\n// changed\n");
    const started = startScript("--port", "0");
    await started.url();
    expect(started.output()).toContain("Building");
    expect(started.output()).not.toContain("Installing");
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s: ends cleanly, with exit code 0", async (signal) => {
    const started = startScript("--port", "0");
    await started.url();
    signalGroup(started.child, signal);
    expect(await started.ended).toBe(0);
  });

  test("a signal to the script alone reaches the server", async () => {
    const started = startScript("--port", "0");
    await started.url();
    started.child.kill("SIGTERM");
    expect(await started.ended).toBe(0);
  });

  test("--help: explains the options and starts nothing", async () => {
    const { code, said } = await refused("--help");
    expect(code).toBe(0);
    expect(said).toMatch(/--port[\s\S]*--data/);
  });

  test("an unknown option: is named", async () => {
    const { code, said } = await refused("--prot", "1");
    expect([code, said]).toEqual([1, expect.stringContaining("--prot")]);
  });

  test("a busy port: is named, and the exit code is 1", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as { port: number };
    const { code, said } = await refused("--port", String(port));
    holder.close();
    expect([code, said]).toEqual([1, expect.stringContaining(String(port))]);
    expect(said).not.toMatch(/^\s+at /m);
  });

  test("a folder that cannot be written: is named, and the exit code is 1", async () => {
    const file = join(clone, "a-file");
    writeFileSync(file, "");
    const folder = join(file, "data");
    const { code, said } = await refused("--port", "0", "--data", folder);
    expect([code, said]).toEqual([1, expect.stringContaining(folder)]);
    expect(said).not.toMatch(/^\s+at /m);
  });

  test("a second process on the same folder: is refused, and the first goes on", async () => {
    const folder = join(clone, "shared-data");
    const first = startScript("--port", "0", "--data", folder);
    const url = await first.url();
    const { code, said } = await refused("--port", "0", "--data", folder);
    expect([code, said]).toEqual([1, expect.stringContaining(folder)]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test("a relative --data: is a folder of where npm was called, and told in full", async () => {
    const elsewhere = join(clone, "else where");
    mkdirSync(elsewhere);
    for (const option of [["--data", "./my data"], ["--data=my data"]]) {
      const started = new Terminal(elsewhere).start("npm", ["--prefix", ROOT, "start", "--", "--port", "0", ...option]);
      await started.url();
      expect(started.output()).toContain(`with its data in ${join(elsewhere, "my data")}.`);
      signalGroup(started.child, "SIGTERM");
      await started.ended;
    }
    expect(existsSync(join(elsewhere, "my data", "cairn.db"))).toBe(true);
  });

  test("the compiler ends with the build", async () => {
    appendFileSync(join(clone, "host.json"), "\n");
    const started = startScript("--port", "0");
    await started.url();
    expect(started.output()).toContain("Building");
    const processes = execFileSync("ps", ["-A", "-o", "pid=,pgid=,args="], { encoding: "utf8" }).split("\n");
    const own = processes.filter((line) => line.trim().split(/\s+/)[1] === String(started.child.pid));
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter((line) => line.includes("esbuild"))).toEqual([]);
  });

  test("stores in Azure that do not answer: one line, and exit code 1", async () => {
    const nobody = "http://127.0.0.1:9";
    const started = new Terminal(ROOT).start(
      "node",
      ["scripts/start.mjs", "--port", "0", "--data", join(clone, "away")],
      {
        CAIRN_COSMOS_ENDPOINT: nobody,
        CAIRN_COSMOS_KEY: "eA==",
        CAIRN_BLOB_ENDPOINT: `${nobody}/devstoreaccount1`,
        CAIRN_QUEUE_ENDPOINT: `${nobody}/devstoreaccount1`,
        CAIRN_STORAGE_KEY: "eA==",
        CAIRN_CREATE_CONTAINERS: "true",
      },
    );
    expect(await started.ended).toBe(1);
    expect(started.output()).toMatch(/^cairn: The stores at http:\/\/127\.0\.0\.1:9.* cannot be opened\. .*\n$/);
  });

  test("an install killed half-way: is repaired by the next start", async () => {
    rmSync(join(clone, "node_modules"), { recursive: true });
    const broken = npmStart("--port", "0");
    while (!broken.output().includes("Installing")) await once(broken.child.stdout!, "data");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    signalGroup(broken.child, "SIGKILL");
    await broken.ended;
    const url = await npmStart("--port", "0").url();
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

describe("npm start, where the machine has a Node that is new enough", { timeout: INSTALL_LIMIT_MS }, () => {
  let clone: string;
  let terminal: Terminal;

  beforeAll(() => {
    clone = cloneInto("cairn-clone-");
    const bin = join(clone, "machine-bin");
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, "node"));
    const env = shellEnvironment();
    terminal = new Terminal(clone, { ...env, PATH: `${bin}${delimiter}${env.PATH}` });
  });

  afterEach(() => terminal.close());

  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  test("first start: no other Node is installed", async () => {
    const started = terminal.npmStart("--port", "0");
    expect((await fetch(`${await started.url()}/health`)).status).toBe(200);
    expect(megabytesOf(join(clone, "node_modules"))).toBeLessThan(150);
    expect(existsSync(join(clone, "node_modules", ".bin", "node"))).toBe(false);
  });

  test("npm run package: brings the rest, and does not begin again", async () => {
    const out = join(clone, "packaged");
    const { ended, output } = terminal.start("npm", ["run", "package", "--", "--out", out]);
    expect([await ended, output()]).toEqual([0, expect.stringContaining("cairn.zip")]);
    expect(output()).toMatch(/Installing the Azure SDKs, .*the tools for tests/);
    expect(output()).not.toContain("what Cairn runs on");
    expect(existsSync(join(clone, "node_modules", "vitest"))).toBe(true);
  });

  test("a Node from npm that does not work here: the machine's runs, and npm's own scripts go on to work", async () => {
    const bundled = join(clone, "node_modules", `node-${process.platform}-${process.arch}`);
    writeFileSync(join(bundled, "bin", "node"), "#!/bin/sh\necho 'cannot be loaded' >&2; exit 127\n");
    const { version } = JSON.parse(readFileSync(join(bundled, "package.json"), "utf8"));
    writeFileSync(join(bundled, "package.json"), JSON.stringify({ version: version.replace(/^\d+/, "99") }));
    const started = terminal.start("node", ["scripts/start.mjs", "--port", "0"]);
    expect((await fetch(`${await started.url()}/health`)).status).toBe(200);
    expect(existsSync(join(clone, "node_modules", ".bin", "node"))).toBe(false);
    await terminal.close();
    const again = terminal.npmStart("--port", "0");
    expect((await fetch(`${await again.url()}/health`)).status).toBe(200);
  });
});

test("package-lock.json: npm installs its Node for Linux only where that finds its C library", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  for (const arch of ["x64", "arm64"]) expect(packages[`node_modules/node-linux-${arch}`].libc).toBe("glibc");
});

/** As it is told to a person: the blocks that its files take. */
const megabytesOf = (folder: string): number =>
  Number.parseInt(execFileSync("du", ["-sm", folder], { encoding: "utf8" }), 10);

const machineNode = (): string => execFileSync("node", ["--version"], { env: shellEnvironment(), encoding: "utf8" });

function isNewEnough(version: string): boolean {
  const [major, minor] = version.slice(1).split(".").map(Number) as [number, number];
  return major > 22 || (major === 22 && minor >= 15);
}

const post = (url: string, path: string, body: object): Promise<Response> =>
  fetch(`${url}/api/2.0/mlflow/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
