import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const LOCK_MODULE = pathToFileURL(join(import.meta.dirname, "..", "..", "scripts", "lib", "lock.mjs")).href;
const SILENCE_LIMIT_MS = 5_000;
/** Takes the lock of argument 1, says so, holds it for argument 2 in milliseconds. Who finds its own number there need not wait. */
const HOLDER = `
  const { withLock } = await import(${JSON.stringify(LOCK_MODULE)});
  const { writeFileSync } = await import("node:fs");
  const [file, holdMs, left] = process.argv.slice(1);
  if (left === "own") writeFileSync(file, String(process.pid));
  await withLock(file, "a long job", () => new Promise((resolve) => {
    console.log("held");
    setTimeout(resolve, Number(holdMs));
  }), ${SILENCE_LIMIT_MS});`;

describe("the lock of what only one process may do", { timeout: 40_000 }, () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cairn-lock-"));
    file = join(folder, "job.lock");
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function hold(holdMs: number, ...more: string[]) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", HOLDER, file, String(holdMs), ...more]);
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    const ended = once(child, "exit").then(([code]) => code as number | null);
    return { child, ended, output: () => output };
  }

  test("is left behind by nobody who ends", async () => {
    expect(await hold(10).ended).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  test("a second process waits, says for whom and for what, and comes next", async () => {
    const first = hold(1_500);
    await once(first.child.stdout, "data");
    const second = hold(0);
    expect(await second.ended).toBe(0);
    expect(second.output()).toContain(`process ${first.child.pid}`);
    expect(second.output()).toMatch(/a long job[\s\S]*held/);
    expect(await first.ended).toBe(0);
  });

  test("of a process that is gone: is taken over at once", async () => {
    const gone = hold(60_000);
    await once(gone.child.stdout, "data");
    gone.child.kill("SIGKILL");
    await gone.ended;
    const next = hold(0);
    expect([await next.ended, next.output()]).toEqual([0, "held\n"]);
  });

  // A container's first processes have the same numbers at each start.
  test("with the very number of who finds it: is taken over at once", async () => {
    const next = hold(0, "own");
    expect([await next.ended, next.output()]).toEqual([0, "held\n"]);
  });

  test("older than the machine's last start: is taken over at once", async () => {
    writeFileSync(file, String(process.pid));
    utimesSync(file, 1_000, 1_000);
    const next = hold(0);
    expect([await next.ended, next.output()]).toEqual([0, "held\n"]);
  });

  test("of a number that another process has now: is taken over after it was silent for long", async () => {
    writeFileSync(file, String(process.pid));
    const next = hold(0);
    expect([await next.ended, next.output()]).toEqual([
      0,
      expect.stringMatching(/^Waiting for process \d+.*\nheld\n$/),
    ]);
  });

  test("of a process that works for long: shows signs of its life", async () => {
    const first = hold(60_000);
    await once(first.child.stdout, "data");
    const second = hold(0);
    await new Promise((resolve) => setTimeout(resolve, SILENCE_LIMIT_MS + 2_000));
    expect(second.output()).not.toContain("held");
    expect(readFileSync(file, "utf8")).toBe(String(first.child.pid));
    for (const { child, ended } of [first, second]) {
      child.kill("SIGKILL");
      await ended;
    }
  });

  test("many that find it abandoned at once: one has it at a time", async () => {
    writeFileSync(file, "999999999");
    const log = join(folder, "log");
    const contender = `
      const { withLock } = await import(${JSON.stringify(LOCK_MODULE)});
      const { appendFileSync } = await import("node:fs");
      await withLock(process.argv[1], "a job", async () => {
        appendFileSync(process.argv[2], "in\\n");
        await new Promise((resolve) => setTimeout(resolve, 50));
        appendFileSync(process.argv[2], "out\\n");
      });`;
    const args = ["--input-type=module", "-e", contender, file, log];
    const children = Array.from({ length: 6 }, () => spawn(process.execPath, args, { stdio: "ignore" }));
    await Promise.all(children.map((child) => once(child, "exit")));
    expect(readFileSync(log, "utf8")).toBe("in\nout\n".repeat(6));
  });
});
