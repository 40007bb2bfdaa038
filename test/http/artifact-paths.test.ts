import { expect, test } from "vitest";
import { served } from "./served.ts";
import { ok } from "./support.ts";
import { ARTIFACT_TEXT, filesBelow } from "./world.ts";

const ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts";
const MPU = "/api/2.0/mlflow-artifacts/mpu";
const PRESIGNED = "/api/2.0/mlflow-artifacts/presigned";

/** As they stand in a URL. None of them names an artifact of anybody. */
const BAD_PATHS = [
  "..",
  "../secret",
  "a/../../secret",
  "a/..",
  "a/../b",
  "%2e%2e/secret",
  "%2E%2E%2Fsecret",
  "..%2fsecret",
  "a%2f..%2f..%2fsecret",
  "%252e%252e/secret",
  "%252e%252e%252fsecret",
  "%25252e%25252e/secret",
  "..%255csecret",
  "..%5csecret",
  "a%5c..%5c..%5csecret",
  "a%5cb",
  "%5c%5chost%5cshare",
  "%2fetc%2fpasswd",
  "/etc/passwd",
  "//etc/passwd",
  "%252fetc%252fpasswd",
  "C:/secret",
  "c%3a%5csecret",
  "C%3A/secret",
  "%43%3a/secret",
  "a%23b",
  "a%23/../../secret",
  "a%2523b",
  "a%00b",
  "a%2500b",
  "secret%00.txt",
  "a%0ab",
  "a%0d%0ax-injected:1",
  "a%1fb",
  "a%7fb",
  "a%c2%85b",
  "a//b",
  "a/./b",
  "./a",
  "a/%2e/b",
  "a%2f%2fb",
  "%ff",
  "%c0%ae%c0%ae/secret",
  "%ed%a0%80",
  "%",
  "%zz",
  "x".repeat(1000),
];

const { client, world, describe: describeServed } = served(["light", "strict", "azure"]);

describeServed("artifact paths", ({ mode }) => {
  // The library of the Functions runtime resolves dot segments before any function can see them: such requests name something else.
  const refused = BAD_PATHS.filter((path) => mode === "light" || !changesAsUrl(path));

  test.each(refused)("%s is refused by every operation, and nothing is written or removed", async (path) => {
    const before = await filesBelow(client, "");
    const inFolder = `${world.artifactFolder}/${path}`;
    for (const bad of isDrive(path) ? [path] : [path, inFolder]) {
      for (const answer of [
        await client.send("GET", `${ARTIFACTS}/${bad}`),
        await client.send("HEAD", `${ARTIFACTS}/${bad}`),
        await client.send("PUT", `${ARTIFACTS}/${bad}`, { body: "planted" }),
        await client.send("DELETE", `${ARTIFACTS}/${bad}`),
        await client.send("GET", `${PRESIGNED}/${bad}`),
        await client.send("POST", `${MPU}/create/${bad}`, { json: { path: "f", num_parts: 1 } }),
      ]) {
        expect(answer.status, `${bad} ${answer.text}`).toBeOneOf([400, 404]);
        if (answer.json) expect(answer.json.message).toMatch(/^(Invalid path|No such (artifact|endpoint).*)$/);
        expect(answer.text).not.toContain(ARTIFACT_TEXT);
        expect(answer.headers).not.toHaveProperty("x-injected");
      }
    }
    expect(await filesBelow(client, "")).toEqual(before);
  });

  // A query that is not validly encoded is repaired by the decoder instead.
  test.each(BAD_PATHS.filter((path) => !/^%(ff|zz|$|ed|c0)/.test(path)))(
    "%s is refused as a folder to list",
    async (path) => {
      const { runId } = world;
      for (const target of [
        `${ARTIFACTS}?path=${path}`,
        `/api/2.0/mlflow/artifacts/list?run_id=${runId}&path=${path}`,
      ]) {
        const { status, json } = await client.send("GET", target);
        expect([status, json?.error_code, json?.message], target).toEqual([
          400,
          "INVALID_PARAMETER_VALUE",
          "Invalid path",
        ]);
      }
    },
  );

  test.each(["..", ".", "a/..", "..\\..", "C:\\", "/", "a#b", "a\0b", "a\nb", "folder/"])(
    "mpu: a local file named %j cannot be uploaded",
    async (path) => {
      const before = await filesBelow(client, "");
      const { artifactFolder } = world;
      const created = await client.send("POST", `${MPU}/create/${artifactFolder}`, { json: { path, num_parts: 1 } });
      expect([created.status, created.json.message]).toEqual([400, "Invalid path"]);
      const body = { path, upload_id: "0123456789abcdef", parts: [{ part_number: 1 }] };
      for (const step of ["complete", "abort"]) {
        const { status } = await client.send("POST", `${MPU}/${step}/${artifactFolder}`, { json: body });
        expect(status, step).toBe(400);
      }
      expect(await filesBelow(client, "")).toEqual(before);
    },
  );

  test("mpu: only the last part of a local path counts", async () => {
    const { artifactFolder } = world;
    for (const path of ["/home/me/model.bin", "C:\\Users\\me\\model.bin", "../../model.bin"]) {
      const { credentials } = await ok(
        client.send("POST", `${MPU}/create/${artifactFolder}`, { json: { path, num_parts: 1 } }),
      );
      expect(new URL(credentials[0].url).pathname).toMatch(/\/artifacts\/model\/model\.bin$/);
    }
  });

  test.each([
    "with space.txt",
    "plus+sign.txt",
    "percent%.txt",
    "100%25.txt",
    "question?.txt",
    "ampersand&equals=.txt",
    "quote'and\".txt",
    "semicolon;.txt",
    "colon:in.txt",
    "tilde~.txt",
    "...",
    "..hidden",
    "trailing.",
    "ünïcödé.txt",
    "日本語/モデル.bin",
    "emoji-\u{1f600}.txt",
    "e\u0301.txt",
    "UPPER.txt",
    "upper.txt",
    "con",
    "[brackets]{braces}.txt",
    "x".repeat(200),
  ])("%s is a name like any other", async (name) => {
    const path = `${world.artifactFolder}/names/${name}`;
    await ok(client.send("PUT", `${ARTIFACTS}/${escaped(path)}`, { body: name }));
    const got = await client.send("GET", `${ARTIFACTS}/${escaped(path)}`);
    expect([got.status, got.text]).toEqual([200, name]);
    const basename = path.slice(path.lastIndexOf("/") + 1);
    expect(got.headers["content-disposition"]).toBe(`attachment; filename*=UTF-8''${encodeURIComponent(basename)}`);
    const folder = path.slice(0, path.lastIndexOf("/"));
    const { files } = await ok(client.call("artifacts_list", { path: folder }));
    expect(files).toContainEqual({ path: basename, is_dir: false, file_size: Buffer.byteLength(name) });
    const { url } = await ok(client.send("GET", `${PRESIGNED}/${escaped(path)}`));
    expect(await (await fetch(url)).text()).toBe(name);
    expect((await client.send("DELETE", `${ARTIFACTS}/${escaped(path)}`)).status).toBe(200);
    expect((await client.send("GET", `${ARTIFACTS}/${escaped(path)}`)).status).toBe(404);
  });

  test("a file and a folder of one name live side by side", async () => {
    const base = `${ARTIFACTS}/${world.artifactFolder}/both`;
    await ok(client.send("PUT", base, { body: "file" }));
    await ok(client.send("PUT", `${base}/inside`, { body: "in folder" }));
    expect((await client.send("GET", base)).text).toBe("file");
    expect((await client.send("GET", `${base}/inside`)).text).toBe("in folder");
    const { files } = await ok(client.call("artifacts_list", { path: world.artifactFolder }));
    expect(files.filter(({ path }: { path: string }) => path === "both")).toHaveLength(2);
    expect((await client.send("DELETE", base)).status).toBe(200);
    expect((await client.send("GET", `${base}/inside`)).status).toBe(404);
  });

  test("deleting a folder removes what is in it, and nothing beside it", async () => {
    const base = `${ARTIFACTS}/${world.artifactFolder}`;
    for (const name of ["folder/a", "folder/deep/b", "folder-beside", "folder2/c", "folde"]) {
      await ok(client.send("PUT", `${base}/${name}`, { body: name }));
    }
    expect((await client.send("DELETE", `${base}/folder`)).status).toBe(200);
    for (const gone of ["folder/a", "folder/deep/b"]) {
      expect((await client.send("GET", `${base}/${gone}`)).status).toBe(404);
    }
    for (const kept of ["folder-beside", "folder2/c", "folde", "weights.txt"]) {
      expect((await client.send("GET", `${base}/${kept}`)).status).toBe(200);
    }
  });

  test("more than 254 folders in each other are too many", async () => {
    const path = `${"x/".repeat(300)}y`;
    const { status, json } = await client.send("PUT", `${ARTIFACTS}/${path}`, { body: "deep" });
    expect([status, json.message]).toEqual([400, "Invalid path"]);
  });

  test("the root cannot be deleted or written", async () => {
    for (const [method, path] of [
      ["DELETE", ARTIFACTS],
      ["DELETE", `${ARTIFACTS}/`],
      ["PUT", ARTIFACTS],
      ["PUT", `${ARTIFACTS}/`],
    ] as const) {
      expect((await client.send(method, path)).status, `${method} ${path}`).toBeOneOf([400, 404]);
    }
    expect((await client.send("GET", `${ARTIFACTS}/${world.artifact}`)).text).toBe(ARTIFACT_TEXT);
  });

  test("listing a file, or where nothing is, finds nothing", async () => {
    for (const path of [world.artifact, "nothing/here", `${world.artifactFolder}/weights`]) {
      expect((await ok(client.call("artifacts_list", { path }))).files ?? []).toEqual([]);
    }
  });

  test("the list of a run gives paths from the root of the run, the other one names only", async () => {
    const { runId, artifactFolder } = world;
    const list = (path: string) => ok(client.call("run_artifacts_list", { run_id: runId, path }));
    const { root_uri, files } = await list("model");
    expect(root_uri).toBe(`mlflow-artifacts:/${artifactFolder.replace(/\/model$/, "")}`);
    expect(files).toContainEqual({ path: "model/weights.txt", is_dir: false, file_size: ARTIFACT_TEXT.length });
    expect((await list("")).files).toEqual([{ path: "model", is_dir: true }]);
    expect((await list("model/")).files).toEqual(files);
  });
});

function changesAsUrl(path: string): boolean {
  return new URL(`http://localhost/a/${path}`).pathname !== `/a/${path}`;
}

/** Elsewhere than in front it is a name like any other. */
function isDrive(path: string): boolean {
  return /^(c|C|%43)(:|%3a)/i.test(path);
}

function escaped(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
