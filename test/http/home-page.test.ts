import { createHash } from "node:crypto";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningServer, startServer } from "../setup/server.ts";

/*
 * What a person meets who follows the address of the server, or a link that a client has printed, with a browser.
 */

const NASTY = `<script>alert(1)</script>"'&<img src=x onerror=alert(2)>`;
const ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;&lt;img src=x onerror=alert(2)&gt;";

interface Page {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function open(url: string, key?: string): Promise<Page> {
  const headers = key === undefined ? undefined : { authorization: `Basic ${btoa(`anybody:${key}`)}` };
  const response = await fetch(url, { headers });
  const page = { status: response.status, text: await response.text(), headers: response.headers };
  requireSafe(page);
  return page;
}

/** Nothing runs on the page but its own script, by the policy and by what it holds. */
function requireSafe({ text, headers }: Page): void {
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  const policy = headers.get("content-security-policy")!.split("; ");
  expect(policy).toEqual(
    expect.arrayContaining(["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]),
  );
  for (const name of ["script", "style"]) {
    const found = [...text.matchAll(new RegExp(`<${name}\\b[^>]*>([\\s\\S]*?)</${name}>`, "g"))];
    expect(found).toHaveLength(1);
    expect(policy).toContain(`${name}-src 'sha256-${createHash("sha256").update(found[0]![1]!).digest("base64")}'`);
  }
  expect(text).not.toMatch(/<[^>]+\son\w+=|<img|javascript:/i);
  expect(Object.fromEntries(headers)).toMatchObject({
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
  });
}

// biome-ignore lint/suspicious/noExplicitAny: each operation answers in a shape of its own.
const post = async (url: string, path: string, body: object, key?: string): Promise<any> => {
  const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  expect(response.status, `${path}: ${await response.clone().text()}`).toBeLessThan(300);
  return response.json();
};

/** An experiment with a run in it, both of a name; below a workspace's address. */
async function record(url: string, name: string, key?: string) {
  const api = "/api/2.0/mlflow";
  const { experiment_id: experimentId } = await post(url, `${api}/experiments/create`, { name }, key);
  const created = await post(url, `${api}/runs/create`, { experiment_id: experimentId, run_name: name }, key);
  const runId: string = created.run.info.run_id;
  const batch = {
    metrics: [{ key: "loss", value: 0.25, timestamp: 1, step: 7 }],
    params: [{ key: "rate", value: name }],
  };
  await post(url, `${api}/runs/log-batch`, { run_id: runId, ...batch }, key);
  return { experimentId: experimentId as string, runId };
}

describe.each(["light", "strict"] as const)("the page of a workspace, %s mode", (mode) => {
  let server: RunningServer;
  let ids: { experimentId: string; runId: string };

  beforeAll(async () => {
    server = await startServer({ mode });
    ids = await record(server.url, NASTY);
    await post(server.url, "/api/v1/workspaces", { name: "team-a" });
    await record(`${server.url}/w/team-a`, "theirs");
  });

  afterAll(() => server.stop());

  test("GET /: says what this is, its address, the lines to paste, and what runs lately", async () => {
    const { status, text } = await open(server.url);
    expect(status).toBe(200);
    expect(text).toContain("MLflow tracking server");
    expect(text).toContain(`export MLFLOW_TRACKING_URI=<span data-path="">${server.url}</span>`);
    expect(text).toContain("mlflow.log_metric");
    expect(text).not.toContain("MLFLOW_TRACKING_TOKEN");
    expect(text).toContain(`href="/?run=${ids.runId}"`);
    expect(text).toContain(ESCAPED);
    expect(text).toContain("loss</bdi> 0.25");
    expect(text).toContain('href="/w/team-a/"');
    expect(text).not.toContain("theirs");
  });

  test("a run: its params, metrics and where to get the rest", async () => {
    const { status, text } = await open(`${server.url}/?run=${ids.runId}`);
    expect(status).toBe(200);
    for (const shown of [ids.runId, ESCAPED, "0.25 (step 7)", "RUNNING", "mlflow.artifacts.download_artifacts"]) {
      expect(text).toContain(shown);
    }
    expect((await fetch(new URL(/href="([^"]*runs\/get[^"]*)"/.exec(text)![1]!, server.url))).status).toBe(200);
  });

  test("an experiment: its latest runs", async () => {
    const { status, text } = await open(`${server.url}/?experiment=${ids.experimentId}`);
    expect([status, text]).toEqual([200, expect.stringContaining(`href="/?run=${ids.runId}"`)]);
  });

  test.each(["/w/team-a", "/w/team-a/"])(
    "GET %s: the page of that workspace, with its own address and runs",
    async (path) => {
      const { status, text } = await open(server.url + path);
      expect(status).toBe(200);
      expect(text).toContain(`export MLFLOW_TRACKING_URI=<span data-path="/w/team-a">${server.url}/w/team-a</span>`);
      expect(text).toContain("theirs");
      expect(text).toMatch(/href="\/w\/team-a\/\?run=[0-9a-f]{32}"/);
      expect(text).not.toContain(ids.runId);
    },
  );

  test.each([
    ["/?run=0123456789abcdef0123456789abcdef", 404],
    [`/?run=${encodeURIComponent(NASTY)}`, 400],
    ["/?experiment=1", 404],
    [`/?experiment=${encodeURIComponent(NASTY)}`, 400],
    ["/w/nobody", 404],
    [`/w/${encodeURIComponent(NASTY)}/`, 404],
    ["/w/team-a/?experiment=999", 404],
  ])("GET %s: %i, on a page", async (target, status) => {
    expect((await open(server.url + target)).status).toBe(status);
  });

  test("HEAD: the same without the page; other methods: not found", async () => {
    const head = await fetch(server.url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const method of ["POST", "PUT", "DELETE"]) {
      for (const path of ["/", "/w/team-a/"]) expect((await fetch(server.url + path, { method })).status).toBe(404);
    }
  });
});

describe("links that clients print, in a browser", () => {
  let script: string;

  beforeAll(async () => {
    const server = await startServer({ mode: "light" });
    script = /<script>([\s\S]*)<\/script>/.exec((await open(server.url)).text)![1]!;
    await server.stop();
  });

  /** Where the page's script leads from an address. */
  function followed(address: string): string | undefined {
    let target: string | undefined;
    const url = new URL(address);
    const { href, origin, hash, pathname } = url;
    const location = {
      href,
      origin,
      hash,
      pathname,
      replace: (to: URL) => {
        target = String(to);
      },
    };
    const document = { querySelectorAll: () => [] };
    runInNewContext(script, { location, document, URL, URLSearchParams, addEventListener: () => {} });
    return target;
  }

  const RUN = "0123456789abcdef0123456789abcdef";

  test.each([
    [`https://c.example/#/experiments/12/runs/${RUN}`, `https://c.example/?run=${RUN}`],
    [`https://c.example/#/experiments/12/runs/${RUN}/artifacts`, `https://c.example/?run=${RUN}`],
    ["https://c.example/#/experiments/12", "https://c.example/?experiment=12"],
    ["https://c.example/#/experiments/12/overview", "https://c.example/?experiment=12"],
    [`https://c.example/#/experiments/12/runs/${RUN}?workspace=team-a`, `https://c.example/w/team-a/?run=${RUN}`],
    [`https://c.example/w/team-a/#/experiments/12/runs/${RUN}`, `https://c.example/w/team-a/?run=${RUN}`],
    ["https://c.example/?run=1#/experiments/12", "https://c.example/?experiment=12"],
    ["https://c.example//evil.example/#/experiments/12", "https://c.example//evil.example/?experiment=12"],
    ["https://c.example/#/experiments/1?workspace=..%2F..%2Fevil", "https://c.example/w/..%2F..%2Fevil/?experiment=1"],
    ["https://c.example/", undefined],
    ["https://c.example/#/models", undefined],
  ])("%s leads to %s", (printed, target) => {
    expect(followed(printed)).toBe(target);
  });
});

describe("the page where callers need a key", () => {
  let server: RunningServer;
  let owner: string;
  let reader: string;
  let stranger: string;
  let runId: string;

  beforeAll(async () => {
    server = await startServer({ mode: "light", args: ["--auth"] });
    owner = /cairn_key_\S+/.exec(server.output())![0];
    ({ runId } = await record(server.url, "guarded", owner));
    const api = "/api/v1/workspaces";
    await post(server.url, api, { name: "team-a" }, owner);
    const member = async (workspace: string, name: string) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${owner}` };
      const url = `${server.url}${api}/${workspace}/members/${name}`;
      await fetch(url, { method: "PUT", headers, body: JSON.stringify({ role: "reader" }) });
      return JSON.stringify(await post(server.url, `${api}/${workspace}/keys`, { name, member: name }, owner)).match(
        /cairn_key_[^"]+/,
      )![0];
    };
    reader = await member("default", "ada");
    stranger = await member("team-a", "bob");
    await record(`${server.url}/w/team-a`, "theirs", owner);
  });

  afterAll(() => server.stop());

  test("without one: what it is and how to come in, and nothing of what is there", async () => {
    const pages = await Promise.all(["/", "/w/team-a/", "/w/nobody/"].map((path) => open(server.url + path)));
    for (const { status, text, headers } of pages) {
      expect(status).toBe(200);
      expect(text).toContain("export MLFLOW_TRACKING_TOKEN");
      expect(text).toContain("?sign-in");
      expect(text).not.toMatch(/guarded|theirs|Latest runs|<h2>Workspaces/);
      expect(headers.get("www-authenticate")).toBeNull();
    }
    expect(pages[1]!.text.replaceAll("team-a", "nobody")).toBe(pages[2]!.text);
  });

  test("a link to something, or a wrong key: the browser asks for one", async () => {
    for (const [path, key] of [
      [`/?run=${runId}`],
      ["/?sign-in"],
      ["/?experiment=0"],
      ["/", "cairn_key_wrong"],
    ] as const) {
      const { status, headers, text } = await open(server.url + path, key);
      expect([status, headers.get("www-authenticate")]).toEqual([401, 'Basic realm="Cairn", charset="UTF-8"']);
      expect(text).not.toContain("guarded");
    }
  });

  test("the API's own challenge stays one that browsers ask nobody for", async () => {
    const response = await fetch(`${server.url}/api/2.0/mlflow/experiments/get?experiment_id=0`);
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="cairn"']);
  });

  test("with a member's key: what runs there", async () => {
    expect((await open(server.url, reader)).text).toContain("guarded");
    expect((await open(`${server.url}/?run=${runId}`, reader)).text).toContain("guarded");
    expect((await open(`${server.url}/w/team-a/`, stranger)).text).toContain("theirs");
  });

  test("with the key of another workspace: the way there, and nothing else", async () => {
    const home = await open(server.url, stranger);
    expect([home.status, home.text]).toEqual([200, expect.stringContaining('href="/w/team-a/"')]);
    expect(home.text).not.toContain("guarded");
    const run = await open(`${server.url}/?run=${runId}`, stranger);
    expect([run.status, run.text]).toEqual([404, expect.not.stringContaining("guarded")]);
    const [foreign, unknown] = await Promise.all(
      ["team-a", "nobody"].map((name) => open(`${server.url}/w/${name}/`, reader)),
    );
    expect(foreign!.status).toBe(404);
    expect(foreign!.text.replaceAll("team-a", "nobody")).toBe(unknown!.text);
  });
});
