import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { memoryGrowth } from "../lib/process-tree.ts";
import { once, repeat } from "../lib/sampling.ts";
import type { Server } from "../subjects/server.ts";
import { workload } from "./workload.ts";

const ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/bench";
const MB = 1024 * 1024;
const LARGE = 1024 * MB;
const LARGE_FILE = join(tmpdir(), `cairn-bench-large-${process.pid}.bin`);
const without = { fasttrackml: "serves no artifacts" };

function writeLargeFile(): Promise<void> {
  const piece = randomBytes(16 * MB);
  return pipeline(Array(LARGE / piece.length).fill(piece), createWriteStream(LARGE_FILE));
}

/** Sends the first `size` bytes of a file up and reads them back, as streams. */
async function upAndDown(server: Server, file: string, size: number): Promise<{ upMs: number; downMs: number }> {
  const url = `${server.url}${ARTIFACTS}/large-${performance.now()}.bin`;
  const headers = { "content-length": size, "content-type": "application/octet-stream" };
  const begun = performance.now();
  await new Promise<void>((resolve, reject) => {
    const outgoing = request(url, { method: "PUT", headers }, (response) => {
      response
        .resume()
        .on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`PUT: ${response.statusCode}`))));
    });
    outgoing.on("error", reject);
    createReadStream(file, { highWaterMark: MB, end: size - 1 }).pipe(outgoing);
  });
  const upMs = performance.now() - begun;
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    request(url, (response) => {
      response.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      response.on("end", resolve).on("error", reject);
    }).end();
  });
  if (received !== size) throw new Error(`${received} bytes came back instead of ${size}.`);
  return { upMs, downMs: performance.now() - begun - upMs };
}

export const ARTIFACT_TRANSFERS = [
  workload({
    id: "W6",
    title: "artifacts of 1 KB, up",
    measure: "perSecond",
    unit: "files/s",
    rounds: 3,
    without,
    async run(server) {
      const connection = server.connect();
      const round = performance.now();
      const sample = await repeat(
        server,
        [
          (i) => {
            const path = `${ARTIFACTS}/${round}/${i}.txt`;
            return connection.ask(connection.prepare("PUT", path, "x".repeat(1_024), "application/octet-stream"));
          },
        ],
        { measureMs: 1_000 },
      );
      connection.close();
      return sample;
    },
  }),
  workload({
    id: "W6",
    title: "an artifact of 1 GB, up and down",
    measure: "perSecond",
    unit: "MB/s",
    rounds: 2,
    without,
    only: ["cairn", "mlflow, 1 worker"],
    async prepare(server) {
      if (!existsSync(LARGE_FILE)) await writeLargeFile();
      // What a process grows by when it does something for the first time is not the artifact's.
      await upAndDown(server, LARGE_FILE, 64 * MB);
    },
    async run(server) {
      let growth = 0;
      const sample = await once(
        server,
        async () => {
          growth = await memoryGrowth(server.pid, () => upAndDown(server, LARGE_FILE, LARGE));
        },
        (2 * LARGE) / MB,
      );
      return { ...sample, growth };
    },
  }),
];

/** What the workload leaves. */
export const removeLargeFile = (): void => rmSync(join(import.meta.dirname, "..", ".peers-large.bin"), { force: true });
