import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AZURE_STORES, startAzureStores } from "../setup/azure-stores.ts";
import { type ClientVersion, clientEnvironment, pythonWithMlflow } from "../setup/python.ts";
import { startServer } from "../setup/server.ts";

interface Outcome {
  readonly case: string;
  readonly error: string | null;
}

const FOLDER = import.meta.dirname;
const DECLARATION = /^@case\(\s*"((?:[^"\\]|\\.)+)"(?:, client=(\d))?/gm;
const LIMIT_MS = 300_000;

/** What the cases are run against. */
export interface Judged {
  readonly url: string;
  /** Of an owner, where the server asks for one. */
  readonly key?: string;
  readonly env?: NodeJS.ProcessEnv;
  stop?(): Promise<void>;
}

/** The conformance cases against the local host as it is built, on the embedded stores or on Azure's. */
export function conformanceSuite(version: ClientVersion, stores: "embedded" | "azure" = "embedded"): void {
  const onAzure = stores === "azure";
  const where = onAzure ? ` on Cosmos DB and Azure Storage${AZURE_STORES.note}` : "";
  const start = async (): Promise<Judged> => {
    const emulated = onAzure ? await startAzureStores() : undefined;
    const { url, stop } = await startServer({ mode: "light", env: emulated?.env });
    return {
      url,
      async stop() {
        await stop();
        await emulated?.close();
      },
    };
  };
  conformanceOf(`MLflow ${version}.x client${where}`, version, start, onAzure && !AZURE_STORES.available);
}

/**
 * Runs every conformance case with one client against a server of its own. One Python process runs them all, since
 * importing MLflow takes seconds; each case is a test of its own here.
 */
export function conformanceOf(
  suite: string,
  version: ClientVersion,
  start: () => Promise<Judged>,
  isMissing = false,
): void {
  const python = pythonWithMlflow(version);
  describe.skipIf(isMissing || !python)(suite, () => {
    let outcomes = new Map<string, Outcome>();
    let remains = "";

    beforeAll(async () => {
      const judged = await start();
      try {
        ({ outcomes, remains } = await runCases(python!, judged));
      } finally {
        await judged.stop?.();
      }
    }, LIMIT_MS);

    for (const title of declaredCases(version)) {
      test(title, () => {
        const outcome = outcomes.get(title);
        expect(outcome, `not reported; the process ended with:\n${remains}`).toBeDefined();
        expect(outcome?.error ?? "").toBe("");
      });
    }

    afterAll(() => {
      expect([...outcomes.keys()].filter((title) => !declaredCases(version).includes(title))).toEqual([]);
    });
  });
}

/** The titles, read from the declarations, so that they are known before Python runs. */
function declaredCases(version: ClientVersion): string[] {
  const files = readdirSync(FOLDER).filter((name) => /^conformance_\w+\.py$/.test(name));
  const sources = files.sort().map((name) => readFileSync(join(FOLDER, name), "utf8"));
  const declarations = sources.flatMap((source) => [...source.matchAll(DECLARATION)]);
  return declarations.filter(([, , only]) => !only || only === version).map(([, title]) => JSON.parse(`"${title}"`));
}

async function runCases(
  python: string,
  { url, key, env }: Judged,
): Promise<{ outcomes: Map<string, Outcome>; remains: string }> {
  const home = await mkdtemp(join(tmpdir(), "cairn-client-"));
  try {
    // MLflow's client and the cases' own requests both find it there.
    if (key) await writeFile(join(home, ".netrc"), `machine ${new URL(url).hostname} login any password ${key}\n`);
    const child = spawn(python, [join(FOLDER, "run.py")], {
      cwd: home,
      env: { ...clientEnvironment(url, home), ...env },
    });
    const [lines, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    const reported = lines.split("\n").filter((line) => line.startsWith('{"case"'));
    const outcomes = reported.map((line) => JSON.parse(line) as Outcome);
    return { outcomes: new Map(outcomes.map((it) => [it.case, it])), remains: errors.slice(-4000) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  for await (const chunk of stream.setEncoding("utf8")) all += chunk;
  return all;
}
