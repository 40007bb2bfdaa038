import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clientEnvironment, pythonWithSchemathesis } from "../setup/python.ts";
import { startServer } from "../setup/server.ts";

const CONFIG = join(import.meta.dirname, "schemathesis.toml");
const LIMIT_MS = 120_000;

const python = pythonWithSchemathesis();

describe.skipIf(!python)("schemathesis on the served OpenAPI document", { timeout: LIMIT_MS }, () => {
  test("no request breaks the server, and every answer is as documented", async () => {
    const server = await startServer({ mode: "light" });
    try {
      const { code, output } = await runSchemathesis(`${server.url}/api/v1/openapi.json`);
      expect(code, output).toBe(0);
      expect(output).toMatch(/\d{2,} generated, \d+ passed/);
      expect(server.output()).not.toMatch(/error/i);
    } finally {
      await server.stop();
    }
  });

  test("finds a planted fault: the largest number breaks the server, a field that is not documented", async () => {
    const server = createServer(faulty).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const { code, output } = await runSchemathesis(`http://127.0.0.1:${port}/openapi.json`);
      expect(code, output).toBe(1);
      expect(output).toMatch(/Server error/);
      expect(output).toMatch(/Response violates schema/);
    } finally {
      server.close();
    }
  });
});

async function runSchemathesis(document: string): Promise<{ code: number; output: string }> {
  const home = await mkdtemp(join(tmpdir(), "cairn-schemathesis-"));
  const args = ["-m", "schemathesis.cli", "--config-file", CONFIG, "run", document];
  const env = clientEnvironment(document, home);
  return new Promise((resolve) => {
    execFile(python!, args, { cwd: home, env, timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const code = error ? Number(error.code ?? -1) : 0;
      void rm(home, { recursive: true, force: true }).then(() => resolve({ code, output: stdout + stderr }));
    });
  });
}

const PLANTED = {
  openapi: "3.1.0",
  info: { title: "Faulty", version: "1" },
  paths: {
    "/things": {
      get: {
        parameters: [
          { name: "size", in: "query", required: true, schema: { type: "integer", minimum: 0, maximum: 99 } },
        ],
        responses: {
          200: {
            description: "Done.",
            content: { "application/json": { schema: { type: "object", additionalProperties: false } } },
          },
          400: { description: "Refused." },
        },
      },
    },
  },
};

const faulty: RequestListener = (request, response) => {
  const { pathname, searchParams } = new URL(request.url!, "http://localhost");
  const size = Number(searchParams.get("size") || Number.NaN);
  const [status, body] =
    pathname === "/openapi.json"
      ? [200, PLANTED]
      : Number.isNaN(size)
        ? [400, {}]
        : size < 0
          ? [500, {}]
          : [200, { size }];
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
};
