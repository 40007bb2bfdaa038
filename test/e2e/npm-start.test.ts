import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cloneInto, shellEnvironment } from "../setup/clone.ts";
import { collectOutput, untilListening } from "../setup/server.ts";

const INSTALL_LIMIT_MS = 180_000;

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

describe("npm start, in a fresh clone", { timeout: INSTALL_LIMIT_MS }, () => {
  let clone: string;
  const running: Started[] = [];

  beforeAll(() => {
    clone = cloneInto("cairn-clone-");
  });

  afterEach(async () => {
    for (const started of running.splice(0)) {
      signalGroup(started.child, "SIGKILL");
      await started.ended;
    }
  });

  afterAll(() => rmSync(clone, { recursive: true, force: true }));

  /** In a process group of its own, as a terminal gives each command. */
  function start(command: string, args: string[]): Started {
    const child = spawn(command, args, {
      cwd: clone,
      env: shellEnvironment(),
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close").then(([code]) => code as number | null);
    const started = { child, output: collectOutput(child), ended };
    running.push(started);
    return started;
  }

  const npmStart = (...options: string[]): Started => start("npm", ["start", "--", ...options]);
  const startScript = (...options: string[]): Started => start("node", ["scripts/start.mjs", ...options]);
  const urlOf = ({ output, ended }: Started): Promise<string> => untilListening(output, ended, INSTALL_LIMIT_MS);

  /** For starts that must fail: their exit code and what they said. */
  async function refused(...options: string[]): Promise<{ code: number | null; said: string }> {
    const started = startScript(...options);
    const code = await started.ended;
    return { code, said: started.output() };
  }

  test("first start: installs, builds, says where it is and what to do next, and answers", async () => {
    const started = npmStart("--port", "0");
    const url = await urlOf(started);
    expect(started.output()).toMatch(/Installing[\s\S]*Building/);
    expect(started.output()).toContain(`export MLFLOW_TRACKING_URI=${url}`);
    expect(started.output()).toContain("python examples/mlflow-sklearn/train.py");
    const answer = await fetch(`${url}/api/2.0/mlflow/experiments/get?experiment_id=0`);
    expect(await answer.json()).toMatchObject({ experiment: { name: "Default" } });
    signalGroup(started.child, "SIGINT");
    await started.ended;
  });

  test("later start: neither installs nor builds, and finds what was there", async () => {
    const first = npmStart("--port", "0");
    const created = await post(await urlOf(first), "experiments/create", { name: "kept" });
    expect(created.status).toBe(200);
    signalGroup(first.child, "SIGINT");
    await first.ended;
    const second = npmStart("--port", "0");
    const again = await post(await urlOf(second), "experiments/create", { name: "kept" });
    expect(again.status).toBe(400);
    expect(second.output()).not.toMatch(/Installing|Building/);
  });

  test("a changed source: is built again", async () => {
    appendFileSync(join(clone, "shared", "config.ts"), "\n// changed\n");
    const started = startScript("--port", "0");
    await urlOf(started);
    expect(started.output()).toContain("Building");
    expect(started.output()).not.toContain("Installing");
  });

  test.each(["SIGINT", "SIGTERM"] as const)("%s: ends cleanly, with exit code 0", async (signal) => {
    const started = startScript("--port", "0");
    await urlOf(started);
    signalGroup(started.child, signal);
    expect(await started.ended).toBe(0);
  });

  test("a signal to the script alone reaches the server", async () => {
    const started = startScript("--port", "0");
    await urlOf(started);
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
    const url = await urlOf(first);
    const { code, said } = await refused("--port", "0", "--data", folder);
    expect([code, said]).toEqual([1, expect.stringContaining(folder)]);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test("an install killed half-way: is repaired by the next start", async () => {
    rmSync(join(clone, "node_modules"), { recursive: true });
    const broken = npmStart("--port", "0");
    while (!broken.output().includes("Installing")) await once(broken.child.stdout!, "data");
    await new Promise((resolve) => setTimeout(resolve, 1500));
    signalGroup(broken.child, "SIGKILL");
    await broken.ended;
    const url = await urlOf(npmStart("--port", "0"));
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

const post = (url: string, path: string, body: object): Promise<Response> =>
  fetch(`${url}/api/2.0/mlflow/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** As a terminal does it: to the command and all that it started. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid!, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
