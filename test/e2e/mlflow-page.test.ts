import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, connect } from "../http/support.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

/* The page itself, in a browser, is looked at in test/page; here some files stand for it. */

const FILES: Record<string, string> = {
  "index.html": "<!doctype html><title>MLflow</title>",
  "favicon.ico": "icon",
  "static/js/main.0abc.js": "void 0;",
  "static/css/main.0abc.css": "a {}",
  "static/media/font.woff2": "font",
  "lib/viewer/index.html": "<!doctype html>",
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cairn-page-"));
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(join(folder, "build", name, ".."), { recursive: true });
    writeFileSync(join(folder, "build", name), content);
  }
  writeFileSync(join(folder, "outside.txt"), "not for the page");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (...args: string[]) =>
  startServer({ mode: "light", args: ["--mlflow-page", join(folder, "build"), ...args] });

describe("npm start -- --mlflow-page", () => {
  let server: RunningServer;
  let client: Client;
  beforeAll(async () => {
    server = await start();
    client = connect(server.url);
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  test.each(["/", "/?a=b", "/w/default/", "/w/team-a/"])("the page is at %s", async (path) => {
    const { status, text, headers } = await client.send("GET", path);
    expect([status, text]).toEqual([200, FILES["index.html"]]);
    expect([headers["content-type"], headers["cache-control"]]).toEqual(["text/html", "no-cache"]);
  });

  test("a workspace's address without a slash leads to it, since the page's own addresses are relative", async () => {
    const { status, headers } = await client.send("GET", "/w/team-a");
    expect([status, headers.location]).toEqual([308, "/w/team-a/"]);
  });

  test.each([
    ["static/js/main.0abc.js", "text/javascript"],
    ["static/css/main.0abc.css", "text/css"],
    ["static/media/font.woff2", "font/woff2"],
    ["favicon.ico", /icon/],
    ["lib/viewer/index.html", "text/html"],
  ])("its file %s comes with its type, from each workspace", async (name, type) => {
    for (const prefix of ["", "/w/team-a"]) {
      const { status, text, headers } = await client.send("GET", `${prefix}/static-files/${name}?v=1`);
      expect([status, text]).toEqual([200, FILES[name]]);
      expect(headers["content-type"]).toMatch(type);
      expect(headers["cache-control"]).toBe(
        name.startsWith("static/") ? "public, max-age=31536000, immutable" : "no-cache",
      );
    }
    const head = await client.send("HEAD", `/static-files/${name}`);
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(FILES[name]!.length)]);
  });

  test.each([
    "../outside.txt",
    "..%2foutside.txt",
    "%2e%2e/outside.txt",
    "static/../../outside.txt",
    "..%5coutside.txt",
    "%00",
    "%",
    "static",
    "nothing.js",
    "",
    "/etc/passwd",
  ])("nothing else is to be had: %s", async (name) => {
    const { status, text } = await client.send("GET", `/static-files/${name}`);
    expect([status, text]).toEqual([404, ""]);
  });

  test("the API is where it was", async () => {
    expect((await client.call("experiments_get", { experiment_id: "0" })).status).toBe(200);
    expect((await client.send("GET", "/w/default/ajax-api/2.0/mlflow/experiments/get?experiment_id=0")).status).toBe(
      200,
    );
    expect((await client.send("POST", "/")).status).not.toBe(200);
  });
});

test("with --auth a browser is asked for a key, by the page and by what the page calls; clients are not", async () => {
  const server = await start("--auth");
  const client = connect(server.url);
  try {
    const key = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
    const challenge = async (path: string) => (await client.send("GET", path)).headers["www-authenticate"];
    const run = "run_id=a&path=b";
    for (const path of ["/", "/w/default/", `/get-artifact?${run}`, "/ajax-api/2.0/mlflow/experiments/search"]) {
      expect(await challenge(path), path).toBe('Basic realm="cairn", charset="UTF-8"');
    }
    for (const path of ["/api/2.0/mlflow/experiments/search", "/api/v1/workspaces"]) {
      expect(await challenge(path), path).toBe('Bearer realm="cairn"');
    }
    const authorization = `Basic ${Buffer.from(`me:${key}`).toString("base64")}`;
    const signedIn = client.under("", { authorization });
    expect((await signedIn.send("GET", "/")).text).toBe(FILES["index.html"]);
    const found = await signedIn.send("GET", "/ajax-api/2.0/mlflow/experiments/search?max_results=1");
    expect(found.status).toBe(200);
    const wrong = client.under("", { authorization: `Basic ${Buffer.from("me:wrong").toString("base64")}` });
    const refused = await wrong.send("GET", "/ajax-api/2.0/mlflow/experiments/search?max_results=1");
    expect([refused.status, refused.headers["www-authenticate"]]).toEqual([401, expect.stringMatching(/^Basic /)]);
  } finally {
    client.close();
    await server.stop();
  }
});

test.each(["nowhere", ".", "build/index.html"])("a folder without the page (%s) is told in one line", async (name) => {
  const failed = startServer({ mode: "light", args: ["--mlflow-page", join(folder, name)] });
  await expect(failed).rejects.toThrow(/cairn: --mlflow-page must name the folder mlflow\/server\/js\/build/);
});
