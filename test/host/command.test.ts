import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { appFile, type Program, runProgram } from "./programs.ts";
import { send, until } from "./support.ts";

let folder: string;
const programs: Program[] = [];

function command(...args: string[]): Program {
  const program = runProgram(appFile("command.ts"), args);
  programs.push(program);
  return program;
}

const start = (...args: string[]) => command("--port", "0", "--data", join(folder, "data"), ...args);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "host-command-"));
});

afterEach(async () => {
  for (const { child } of programs) child.kill("SIGKILL");
  await Promise.all(programs.splice(0).map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

describe("npm start", () => {
  test("start: prints its address and what to do next, and ends cleanly on SIGTERM and SIGINT", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const program = start();
      const url = await program.url;
      expect((await send(`${url}/handled`)).text).toBe("[]");
      expect(program.output()).toContain(`export MLFLOW_TRACKING_URI=${url}\n`);
      expect(program.output()).toContain("python examples/mlflow-sklearn/train.py");
      program.child.kill(signal);
      expect(await program.ended).toBe(0);
      expect(program.errors()).toBe("");
    }
  });

  test("start: what the app sends to a queue reaches its function", async () => {
    const url = await start().url;
    await send(`${url}/send`, { method: "POST", body: '{"n":1}' });
    await until(async () => (await send(`${url}/handled`)).text === '[{"n":1}]');
  });

  test.for([[], ["--strict"], ["--durable"]])(
    "start: keeps data over restarts and serves signed URLs, with %s",
    async (flags) => {
      const first = start(...flags);
      await send(`${await first.url}/stored`, { method: "POST", body: "kept" });
      first.child.kill("SIGTERM");
      await first.ended;
      const url = await start(...flags).url;
      const signed = (await send(`${url}/stored`)).text;
      expect(signed.startsWith(url)).toBe(true);
      expect((await send(signed)).text).toBe("kept");
    },
  );

  test("start: --backup copies what a running server keeps, and the copy can be started; a second one there is refused", async () => {
    const server = start();
    await send(`${await server.url}/stored`, { method: "POST", body: "kept" });
    const copy = join(folder, "copy");
    const backup = () => command("--data", join(folder, "data"), "--backup", copy);
    const made = backup();
    expect(await made.ended).toBe(0);
    expect(made.output()).toContain(`npm start -- --data ${copy}`);
    const again = backup();
    expect(await again.ended).toBe(1);
    expect(again.errors()).toMatch(/^cairn: .*copy is there already.*\n$/);
    const url = await command("--port", "0", "--data", copy).url;
    expect((await send((await send(`${url}/stored`)).text)).text).toBe("kept");
  });

  test("start: a second Ctrl-C ends at once what will not finish", async () => {
    const program = start();
    const url = await program.url;
    send(`${url}/forever`).catch(() => {});
    await send(`${url}/handled`);
    program.child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 700));
    program.child.kill("SIGINT");
    expect(await program.ended).toBe(130);
  });

  test("start: --help shows every option", async () => {
    const program = command("--help");
    expect(await program.ended).toBe(0);
    for (const option of [
      "--port",
      "--data",
      "--host",
      "--auth",
      "--new-owner-key",
      "--url",
      "--durable",
      "--strict",
      "--backup",
    ])
      expect(program.output()).toContain(option);
  });
});

describe("npm start, when it cannot", () => {
  const failure = async (program: Program) => {
    expect(await program.ended).toBe(1);
    expect(program.errors().trimEnd().split("\n")).toHaveLength(1);
    return program.errors();
  };

  test("start: a busy port is told in one line", async () => {
    const port = new URL(await start().url).port;
    const second = command("--port", port, "--data", join(folder, "other"));
    expect(await failure(second)).toMatch(`Port ${port} on 127.0.0.1 is in use`);
  });

  test("start: a folder in use is told in one line", async () => {
    await start().url;
    expect(await failure(start())).toMatch(/data folder .* is in use by process \d+/);
  });

  test("start: a folder that cannot be used is told in one line", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await failure(command("--port", "0", "--data", join(folder, "file")))).toMatch(
      /data folder .* cannot be used/,
    );
  });

  test.for([
    [["--port", "seventy"], /--port must be a whole number/],
    [["--port", "70000"], /--port must be a whole number/],
    [["--host", "0.0.0.0"], /without --auth/],
    [["--new-owner-key"], /goes with --auth/],
    [["--url", "cairn.example.org"], /--url must be like https/],
    [["--backup", ""], /--backup must not be empty/],
    [["--data", ""], /--data must not be empty/],
    [["--host", "", "--auth"], /--host must not be empty/],
    [["--host", "no-such-name.invalid", "--auth"], /no address of the name no-such-name\.invalid/],
    [["--backup", "/nowhere/copy"], /no workspace in .*data/],
    [["--unknown"], /--unknown.*--help/],
    [["stray"], /stray/],
  ] as const)("start: %s is told in one line", async ([args, message]) => {
    expect(await failure(command("--data", join(folder, "data"), ...args))).toMatch(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  /** Another program's database, as it would be there. */
  const foreignDatabase = (version: number) => (file: string) => {
    const database = new DatabaseSync(file);
    database.exec(`CREATE TABLE songs (title TEXT); PRAGMA user_version = ${version}`);
    database.close();
  };

  test.for([
    [
      "of text",
      (file: string) => writeFileSync(file, "This is no database, whatever its name.\n".repeat(500)),
      /is damaged, or no database/,
    ],
    ["another program's, unversioned", foreignDatabase(0), /another program's database/],
    ["another program's, of a version that we might have had", foreignDatabase(2), /another program's database/],
  ] as const)("start: a cairn.db %s is told in one line, and nothing is changed", async ([, make, message]) => {
    const data = join(folder, "data");
    mkdirSync(data);
    make(join(data, "cairn.db"));
    const before = readFileSync(join(data, "cairn.db"));
    expect(await failure(start())).toMatch(message);
    expect(readdirSync(data)).toEqual(["cairn.db"]);
    expect(readFileSync(join(data, "cairn.db")).equals(before)).toBe(true);
  });

  test("start: a cairn.db whose pages are damaged is told in one line", async () => {
    const first = start();
    await first.url;
    first.child.kill("SIGTERM");
    await first.ended;
    const file = join(folder, "data", "cairn.db");
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 100);
    writeFileSync(file, bytes);
    expect(await failure(start())).toMatch(/is damaged, or no database at all\. Restore a backup/);
  });

  test("start: where the data lies is told in full", async () => {
    const program = start();
    await program.url;
    expect(program.output()).toContain(`with its data in ${join(folder, "data")}.`);
  });
});
