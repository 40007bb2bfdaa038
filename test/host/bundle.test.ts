import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appFile, runProgram } from "./programs.ts";
import { send } from "./support.ts";

const MODES = ["light", "strict"] as const;

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "host-bundle-"));
  await build({
    entryPoints: [appFile("entry.ts")],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    external: ["@azure/functions-core"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function answerOf(file: string, mode: string): Promise<string> {
  const program = runProgram(file, [mode]);
  try {
    return (await send(`${await program.url}/hello?name=${mode}`)).text;
  } finally {
    program.child.kill("SIGKILL");
    await program.ended;
  }
}

describe.for(MODES)("the functions that an app registers run, %s mode", (mode) => {
  test("load: from TypeScript sources", async () => {
    expect(await answerOf(appFile("entry.ts"), mode)).toBe(`Hello, ${mode}!`);
  });

  test("load: from an ESM bundle with the library in it", async () => {
    expect(await answerOf(join(folder, "entry.mjs"), mode)).toBe(`Hello, ${mode}!`);
  });
});
