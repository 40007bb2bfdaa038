import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, ok } from "../http/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";
import { type Browsing, browse, type Filled, fill, MISSING, pageFolder } from "./browsing.ts";

const LIMIT_MS = 180_000;
const LOOK_MS = 20_000;
const LOOKING = { timeout: 60_000 };

const shows = (page: Page, text: string | RegExp) =>
  page
    .getByText(text, { exact: typeof text === "string" })
    .first()
    .waitFor({ timeout: LOOK_MS });

/** The page asks for images itself, or has its scripts fetch them. */
const SHOWN =
  "[...document.images].some((it) => /^blob:|get-artifact/.test(it.src) && it.complete && it.naturalWidth > 0)";

/** Waits for an image that was logged, loaded and decoded. */
const showsImage = (page: Page) => page.waitForFunction(SHOWN, undefined, { timeout: LOOK_MS });

describe.skipIf(MISSING)(`MLflow's page in a browser${MISSING ? ` [skipped: ${MISSING}]` : ""}`, () => {
  let server: RunningServer;
  let browsing: Browsing;
  let filled: Filled;
  let experiment: string;
  let run: string;

  beforeAll(async () => {
    server = await startServer({ mode: "light", args: ["--mlflow-page", await pageFolder()] });
    filled = await fill(server.url);
    experiment = `/#/experiments/${filled.experiment}`;
    run = `${experiment}/runs/${filled.runs[0]}`;
    browsing = await browse(server.url);
  }, LIMIT_MS);
  afterAll(async () => {
    await browsing?.close();
    await server?.stop();
  });

  const open = (link: string) => browsing.open(link);

  test("lists the experiments, and no choice of workspaces", LOOKING, async () => {
    const page = await open("/#/experiments");
    await shows(page, "on the page");
    await shows(page, "Default");
    expect(page.url()).toBe(`${server.url}/#/experiments`);
  });

  test("shows the runs of an experiment in a table, with their values and datasets", LOOKING, async () => {
    const page = await open(`${experiment}/runs`);
    for (const text of ["first-run", "second-run", /points \(/]) await shows(page, text);
  });

  test("draws the runs of an experiment side by side", LOOKING, async () => {
    const page = await open(`${experiment}/runs?compareRunsMode=CHART`);
    for (const text of ["accuracy", "loss"]) await shows(page, text);
    await page.locator(".js-plotly-plot .scatterlayer .trace").nth(1).waitFor({ state: "attached", timeout: LOOK_MS });
  });

  test("shows a run: its state, params, metrics, dataset and the version made of it", LOOKING, async () => {
    const page = await open(run);
    for (const text of ["first-run", "Finished", "learning_rate", "0.1", "final", "0.25", /points/]) {
      await shows(page, text);
    }
    await page.locator('a[href*="/models/line"]').first().waitFor({ timeout: LOOK_MS });
  });

  test("draws a run's metrics, and the images that were logged at steps", LOOKING, async () => {
    const page = await open(`${run}/model-metrics`);
    for (const text of [/Model metrics/, "accuracy", "loss", "progress"]) await shows(page, text);
    await page.locator(".js-plotly-plot .scatterlayer .trace").nth(1).waitFor({ state: "attached", timeout: LOOK_MS });
    await showsImage(page);
  });

  test.each([
    ["notes/readme.txt", "a note for the page"],
    ["notes/settings.json", /"depth": ?3/],
    ["table.json", "because"],
  ])("previews the artifact %s", LOOKING, async (path, text) => {
    await shows(await open(`${run}/artifacts/${path}`), text);
  });

  test("previews an image", LOOKING, async () => {
    await showsImage(await open(`${run}/artifacts/picture.png`));
  });

  test("shows an HTML artifact in a frame", LOOKING, async () => {
    const page = await open(`${run}/artifacts/report.html`);
    await page.frameLocator("iframe").getByText("Report of the run").waitFor({ timeout: LOOK_MS });
  });

  test("compares two runs", LOOKING, async () => {
    const runs = encodeURIComponent(JSON.stringify(filled.runs));
    const experiments = encodeURIComponent(JSON.stringify([filled.experiment]));
    const page = await open(`/#/compare-runs?runs=${runs}&experiments=${experiments}`);
    for (const text of ["Comparing 2 Runs from 1 Experiment", "first-run", "second-run"]) await shows(page, text);
  });

  test("lists registered models, their versions and aliases", LOOKING, async () => {
    const models = await open("/#/models");
    for (const text of ["line", /champion/]) await shows(models, text);
    const model = await open("/#/models/line");
    for (const text of ["Version 1", "Version 2", /champion/]) await shows(model, text);
  });

  test("shows a version with the run that it came from", LOOKING, async () => {
    const page = await open("/#/models/line/versions/2");
    for (const text of ["Version 2", "second-run", "regression"]) await shows(page, text);
  });

  test("shows a logged model and its files", LOOKING, async () => {
    const model = `${experiment}/models/${filled.model}`;
    await shows(await open(model), "regression");
    const page = await open(`${model}/artifacts`);
    await page.getByText("MLmodel", { exact: true }).first().click({ timeout: LOOK_MS });
    await shows(page, /flavors:/);
  });

  test.each(["traces", "datasets", "evaluation-runs"])(
    "has nothing under %s, without a fault",
    LOOKING,
    async (part) => {
      const page = await open(`${experiment}/${part}`);
      await shows(page, "on the page");
      await page.waitForLoadState("load");
      expect(await page.getByText("No such endpoint").count()).toBe(0);
    },
  );

  test("each workspace has the page at its own address", LOOKING, async () => {
    const client = connect(server.url);
    await ok(client.call("workspaces_create", { name: "team-a" }));
    await ok(client.under("/w/team-a").call("experiments_create", { name: "of team a" }));
    client.close();
    const page = await open("/w/team-a/#/experiments");
    await shows(page, "of team a");
    expect(await page.getByText("on the page", { exact: true }).count()).toBe(0);
  });

  test("on all of that no request failed and no script broke", () => {
    expect([...new Set(browsing.faults)]).toEqual([]);
  });
});

describe.skipIf(MISSING)(`MLflow's page with --auth${MISSING ? ` [skipped: ${MISSING}]` : ""}`, () => {
  test("a browser signs in with a key, and what it shows is that workspace's", { timeout: LIMIT_MS }, async () => {
    const server = await startServer({ mode: "light", args: ["--auth", "--mlflow-page", await pageFolder()] });
    const key = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
    try {
      const client = connect(server.url);
      const asOwner = client.under("", { authorization: `Bearer ${key}` });
      await ok(asOwner.call("experiments_create", { name: "kept from others" }));
      client.close();

      const stranger = await browse(server.url);
      const refused = await stranger.open("/#/experiments").catch((error: Error) => error.message);
      expect(typeof refused === "string" ? refused : await refused.textContent("body")).toMatch(
        /Sign in|ERR_INVALID_AUTH/,
      );
      await stranger.close();

      const owner = await browse(server.url, { httpCredentials: { username: "me", password: key } });
      await shows(await owner.open("/#/experiments"), "kept from others");
      // What a browser sends without its password first is refused first.
      expect(owner.faults.filter((fault) => !fault.startsWith("401 "))).toEqual([]);
      await owner.close();
    } finally {
      await server.stop();
    }
  });
});
