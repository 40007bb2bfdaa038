import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "../setup/browser.ts";
import { clientEnvironment, pythonWithMlflow } from "../setup/python.ts";

const run = promisify(execFile);
const PYTHON = pythonWithMlflow("3");
const WHERE = "import mlflow, os; print(os.path.join(os.path.dirname(mlflow.__file__), 'server', 'js', 'build'))";
const FILL_LIMIT_MS = 120_000;

/** Why the page cannot be looked at here; undefined when it can. */
export const MISSING = CHROMIUM ? (PYTHON ? undefined : "no MLflow client") : "CAIRN_TEST_CHROMIUM names no browser";

/** What `fill.py` has logged. */
export interface Filled {
  readonly experiment: string;
  readonly runs: readonly [string, string];
  readonly model: string;
}

/** The folder of the built page of the installed MLflow. */
export async function pageFolder(): Promise<string> {
  const { stdout } = await run(PYTHON!, ["-c", WHERE]);
  const folder = stdout.trim();
  if (!existsSync(join(folder, "index.html"))) throw new Error(`MLflow has no built page in ${folder}.`);
  return folder;
}

/** Logs with the real client what there is to look at. */
export async function fill(trackingUri: string, more: NodeJS.ProcessEnv = {}): Promise<Filled> {
  const home = await mkdtemp(join(tmpdir(), "cairn-page-"));
  try {
    const env = { ...clientEnvironment(trackingUri, home), ...more };
    const script = join(import.meta.dirname, "fill.py");
    const { stdout } = await run(PYTHON!, [script, trackingUri], { env, cwd: home, timeout: FILL_LIMIT_MS });
    return JSON.parse(stdout.trim().split("\n").at(-1)!);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** What MLflow's own server lacks, too, where it asks nobody for a password. */
const NOT_THERE = /\/ajax-api\/(2\.0\/mlflow\/users\/current|3\.0\/mlflow\/assistant\/\w+)(\?|$)/;

export interface Browsing {
  /** A page of the server's, as its link has it behind the address. */
  open(link: string): Promise<Page>;
  /** Requests that failed and errors of the page's scripts, so far. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

export async function browse(address: string, options: BrowserContextOptions = {}): Promise<Browsing> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1600, height: 1200 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("response", (response) => {
    const url = response.url();
    if (response.status() >= 400 && !NOT_THERE.test(url)) faults.push(`${response.status()} ${url}`);
  });
  return {
    faults,
    async open(link) {
      // A change of the fragment alone would not load anything anew.
      await page.goto("about:blank");
      await page.goto(address + link);
      return page;
    },
    close: () => browser.close(),
  };
}
