import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../drivers/embedded-fixture.ts";
import { type Client, connect } from "../http/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const parent = temporaryFolder();
const disk = join(parent, "disk");
mkdirSync(disk);
/** A file system that fills up, as root alone may make one. */
const isMounted =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "none", disk]).status === 0;

let server: RunningServer | undefined;

afterEach(async () => {
  await server?.kill("SIGKILL");
  server = undefined;
  for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true });
});
afterAll(() => {
  if (isMounted) spawnSync("umount", ["-l", disk]);
  rmSync(parent, { recursive: true });
});

const FILLER = join(disk, "filler");

function fill(): void {
  for (const bytes of [1024 * 1024, 4096, 1]) {
    const some = Buffer.alloc(bytes);
    try {
      for (;;) appendFileSync(FILLER, some);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
    }
  }
}

const start = async (...args: string[]): Promise<Client> => {
  server = await startServer({ mode: "light", folder: join(disk, "data"), args });
  return connect(server.url);
};

describe.skipIf(!isMounted)(`a full disk${isMounted ? "" : " [unsupported: it needs root and tmpfs]"}`, () => {
  test.for([[], ["--durable"]])(
    "reads go on, writes are 507 with words, and work once there is room, with %s",
    async (args) => {
      const client = await start(...args);
      const { run } = await client.call("runs_create", { experiment_id: "0" }).then(({ json }) => json);
      const run_id = run.info.run_id;
      const log = (step: number) =>
        client.call("runs_log_metric", { run_id, key: "m", value: step, timestamp: step, step });
      let last = 0;
      while (last < 300) expect((await log(++last)).status).toBe(200);
      fill();
      let count = 0;
      const writes = {
        create: () => client.call("runs_create", { experiment_id: "0" }),
        tag: () => client.call("runs_set_tag", { run_id, key: "t", value: `${++count}` }),
        experiment: () => client.call("experiments_create", { name: `e${++count}` }),
        end: () => client.call("runs_update", { run_id, status: "FINISHED", end_time: ++count }),
        metric: async () => {
          const answer = await log(last + 1);
          if (answer.status === 200) last++;
          return answer;
        },
      };
      const tryAll = async () => {
        const statuses: number[] = [];
        for (const write of Object.values(writes)) {
          const { status, json } = await write();
          statuses.push(status);
          if (status !== 507) continue;
          expect(json).toMatchObject({ error_code: "RESOURCE_EXHAUSTED", message: expect.stringContaining("disk") });
        }
        return new Set(statuses);
      };
      // What fits into files that are there already is taken, and kept.
      for (let tries = 0; tries < 5_000 && (await tryAll()).has(200); tries++);
      expect(await tryAll()).toEqual(new Set([507]));
      const got = await client.call("runs_get", { run_id });
      expect([got.status, got.json.run?.data.metrics[0].value]).toEqual([200, last]);
      const found = await client.call("runs_search", { experiment_ids: ["0"], filter: `metrics.m = ${last}` });
      expect([found.status, found.json.runs.length]).toEqual([200, 1]);
      const put = await client.send("PUT", `/api/2.0/mlflow-artifacts/artifacts/experiments/0/${run_id}/artifacts/a`, {
        body: "x".repeat(200_000),
      });
      expect(put.status).toBe(507);
      rmSync(FILLER);
      expect(await Promise.all([log(30_000), writes.tag()]).then((all) => all.map(({ status }) => status))).toEqual([
        200, 200,
      ]);
      await server!.stop();
      const again = await start(...args);
      expect((await again.call("runs_get", { run_id })).json.run.data.metrics[0].value).toBe(30_000);
    },
  );

  test("a start is told in one line, without a stack, on a fresh folder and on one with data", async () => {
    await start();
    await server!.kill("SIGKILL");
    fill();
    for (const folder of ["data", "fresh"]) {
      const program = spawnSync(process.execPath, ["dist/host/main.js", "--port", "0", "--data", join(disk, folder)], {
        cwd: join(import.meta.dirname, "..", ".."),
        encoding: "utf8",
      });
      expect([program.status, program.stdout]).toEqual([1, ""]);
      expect(program.stderr).toMatch(/^cairn: The data folder .* cannot be used: the disk is full\..*\n$/);
    }
    rmSync(FILLER);
    await start();
  });
});
