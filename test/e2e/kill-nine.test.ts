import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { startServer } from "../setup/server.ts";
import { testsOfKilledServer } from "./killed-server.ts";

/** From hardly started to well at work. */
const LIVES_MS = [20, 60, 150, 300, 450];

describe("killed fifty times while it is written to", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cairn-kill-"));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  testsOfKilledServer({
    kills: 50,
    livesMs: LIVES_MS,
    start: (port) => startServer({ mode: "light", folder, port }),
  });
});
