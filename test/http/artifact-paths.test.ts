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
  "a//b",
  "a/./b",
  "a%5c.%5cb",
  "a%5c%5cb",
  "./a",
  "a/%2e/b",
  "a%2f%2fb",
];

/** As they stand in a URL, and what they name. */
const ODD_PATHS: readonly [path: string, name: string][] = [
  ["a%2Fb", "a/b"],
  ["a%252Fb", "a/b"],
  ["a%25252fb", "a/b"],
  ["a/./b", "a/b"],
  ["x/../a/b", "a/b"],
  ["x/%2e%2E/a/b", "a/b"],
  ["a%20b", "a b"],
  ["a%2520b", "a b"],
  ["%", "%"],
  ["%zz%41", "%zzA"],
  ["a%25st%2520b.txt", "a%st b.txt"],
  ["%ff", "\ufffd"],
  ["%25ff", "\ufffd"],
  ["%c0%ae%c0%ae", "\ufffd\ufffd\ufffd\ufffd"],
  ["[a]|^", "[a]|^"],
];

const { client, world, describe: describeServed } = served(["light", "strict", "azure"]);

describeServed("artifact paths", ({ onAzure }) => {
  // The Functions host resolves dot segments before any function can see them: such requests name something else.
  const refused = BAD_PATHS.filter((path) => !changesAsUrl(path));

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
        if (answer.json) expect(answer.json.message).toMatch(/^(Invalid path.*|No such (artifact|endpoint).*)$/);
        expect(answer.text).not.toContain(ARTIFACT_TEXT);
        expect(answer.headers).not.toHaveProperty("x-injected");
      }
    }
    expect(await filesBelow(client, "")).toEqual(before);
  });

  test.each(ODD_PATHS)("%s names %j, whichever way the request takes", async (path, name) => {
    const folder = `${world.artifactFolder}/odd`;
    await ok(client.send("PUT", `${ARTIFACTS}/${folder}/${path}`, { body: path }));
    expect(await filesBelow(client, folder)).toEqual([`${folder}/${name} ${path.length}`]);
    for (const written of [path, encodeURIComponent(name)]) {
      expect((await client.send("GET", `${ARTIFACTS}/${folder}/${written}`)).text).toBe(path);
    }
    await ok(client.send("DELETE", `${ARTIFACTS}/${folder}/${path}`));
    expect(await filesBelow(client, folder)).toEqual([]);
  });

  test.each(["%00", "a%00b", "\u00e9"])("%j is no path of a request", async (path) => {
    for (const method of ["GET", "PUT", "DELETE"]) {
      expect((await client.send(method, `${ARTIFACTS}/${path}`)).status, method).toBe(400);
    }
  });

  test.each(BAD_PATHS)("%s is refused as a folder to list", async (path) => {
    const { runId } = world;
    for (const target of [`${ARTIFACTS}?path=${path}`, `/api/2.0/mlflow/artifacts/list?run_id=${runId}&path=${path}`]) {
      const { status, json } = await client.send("GET", target);
      expect([status, json?.error_code, json?.message], target).toEqual([
        400,
        "INVALID_PARAMETER_VALUE",
        expect.stringMatching(/^Invalid path: .* (has|is|begins) /),
      ]);
    }
  });

  test.each(["..", ".", "a/..", "..\\..", "C:\\", "/", "a#b", "a%2523b", "%2e%2e%2fb", "/home/me/..\\b", "folder/"])(
    "mpu: a local file named %j cannot be uploaded",
    async (path) => {
      const before = await filesBelow(client, "");
      const { artifactFolder } = world;
      const created = await client.send("POST", `${MPU}/create/${artifactFolder}`, { json: { path, num_parts: 1 } });
      expect([created.status, created.json.message]).toEqual([400, expect.stringMatching(/^Invalid path: /)]);
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
      const call = (step: string, json: object) =>
        ok(client.send("POST", `${MPU}/${step}/${artifactFolder}`, { json }));
      const { credentials, upload_id } = await call("create", { path, num_parts: 1 });
      await fetch(credentials[0].url, { method: "PUT", body: path });
      await call("complete", { path, upload_id, parts: [{ part_number: 1 }] });
      expect((await client.send("GET", `${ARTIFACTS}/${artifactFolder}/model.bin`)).text).toBe(path);
    }
  });

  test.each([
    "with space.txt",
    "plus+sign.txt",
    "percent%.txt",
    "100%.txt",
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
    expect(fileNamesIn(got.headers["content-disposition"])).toEqual([
      basename.replaceAll(/[^ -~]|["%]/gu, "_"),
      basename,
    ]);
    const folder = path.slice(0, path.lastIndexOf("/"));
    const { files } = await ok(client.call("artifacts_list", { path: folder }));
    expect(files).toContainEqual({ path: basename, is_dir: false, file_size: Buffer.byteLength(name) });
    const { url } = await ok(client.send("GET", `${PRESIGNED}/${escaped(path)}`));
    const direct = await fetch(url);
    expect(await direct.text()).toBe(name);
    expect(direct.headers.get("content-disposition")).toBe(got.headers["content-disposition"]);
    expect((await client.send("DELETE", `${ARTIFACTS}/${escaped(path)}`)).status).toBe(200);
    expect((await client.send("GET", `${ARTIFACTS}/${escaped(path)}`)).status).toBe(404);
  });

  test.each([
    ["a%25st%2520b.txt", "a%st b.txt"],
    ["a%2520b%25.txt", "a b%.txt"],
    ["100%2525.txt", "100%.txt"],
    ["a%2525252541", "aA"],
    ["folder%252ffile", "folder/file"],
    ["bytes%25fe%25e6", "bytes\ufffd\ufffd"],
    ["bytes%25e6%2597%25a5", "bytes日"],
    ["tab%09and%0d%0aline%250aends", "tabandlineends"],
    ["%25%250941", "A"],
    ["step%2510%25timestamp%2517", "step%10%timestamp%17"],
    ["%20%01lead", "lead"],
    ["Model:V1;", "model:V1;"],
    ["ends%3f", "ends"],
    ["nul%2500nul%252500", "nul%00nul%00"],
    ["unit%1f", "unit%1f"],
    ["delete%7F", "delete%7f"],
    ["c1%c2%85", "c1%c2%85"],
    ["back%5Cslash%255cx", "back%5cslash%5cx"],
  ])("%s is stored, listed and found as %s", async (path, name) => {
    const folder = `${world.artifactFolder}/canonical`;
    await ok(client.send("PUT", `${ARTIFACTS}/${folder}/${path}`, { body: name }));
    expect(await filesBelow(client, folder)).toEqual([`${folder}/${name} ${Buffer.byteLength(name)}`]);
    for (const way of [path, escaped(name)]) {
      expect((await client.send("GET", `${ARTIFACTS}/${folder}/${way}`)).text, way).toBe(name);
      const { url } = await ok(client.send("GET", `${PRESIGNED}/${folder}/${way}`));
      expect(await (await fetch(url)).text(), way).toBe(name);
    }
    expect((await client.send("DELETE", `${ARTIFACTS}/${folder}/${escaped(name)}`)).status).toBe(200);
    expect((await client.send("GET", `${ARTIFACTS}/${folder}/${path}`)).status).toBe(404);
  });

  test("a path of 1,024 characters below the run is one, where the store takes it", async () => {
    const deep = `${"n".repeat(200)}/`.repeat(5).slice(0, 1_020);
    const path = `${deep}${"x".repeat(1_024 - deep.length)}`;
    const target = `${ARTIFACTS}/${world.artifactFolder}/${path}`;
    const put = await client.send("PUT", target, { body: "deep" });
    if (!onAzure) {
      expect([put.status, (await client.send("GET", target)).text]).toEqual([200, "deep"]);
      const folder = `${world.artifactFolder}/${path.slice(0, path.lastIndexOf("/"))}`;
      expect((await ok(client.call("artifacts_list", { path: folder }))).files).toHaveLength(1);
      expect((await client.send("DELETE", target)).status).toBe(200);
    } else {
      expect([put.status, put.json.message]).toEqual([
        400,
        expect.stringMatching(/has 1,?\d+ characters, more than 100\d/),
      ]);
    }
  });

  test("a file and a folder cannot have one name, whichever comes first", async () => {
    const base = `${ARTIFACTS}/${world.artifactFolder}/both`;
    const refused = async (path: string, about: string) => {
      const { status, json } = await client.send("PUT", path, { body: "x" });
      expect([status, json.error_code, json.message]).toEqual([
        400,
        "RESOURCE_ALREADY_EXISTS",
        expect.stringContaining(about),
      ]);
      const [folder, name] = [
        path.slice(ARTIFACTS.length, path.lastIndexOf("/")),
        path.slice(path.lastIndexOf("/") + 1),
      ];
      const created = await client.send("POST", `${MPU}/create${folder}`, { json: { path: name, num_parts: 1 } });
      expect([created.status, created.json.message]).toEqual([400, json.message]);
    };
    await ok(client.send("PUT", `${base}/file`, { body: "file" }));
    await refused(`${base}/file/below`, "There is a file");
    await refused(`${base}/file/far/below`, "There is a file");
    await refused(base, "There is a folder");
    await ok(client.send("PUT", `${base}/file`, { body: "again" }));
    expect((await client.send("DELETE", `${base}/file`)).status).toBe(200);
    await ok(client.send("PUT", `${base}/file/below`, { body: "below" }));
    await refused(`${base}/file`, "There is a folder");
    expect((await client.send("DELETE", base)).status).toBe(200);
  });

  test("no client deletes more than the files of one run or model at once", async () => {
    const { artifactFolder, artifact } = world;
    const [experiments, experiment, run] = artifactFolder.split("/");
    await ok(client.send("PUT", `${ARTIFACTS}/beside/stray/file.txt`, { body: "stray" }));
    for (const path of [
      experiments,
      `${experiments}/`,
      `${experiments}/${experiment}`,
      `${experiments}/${experiment}/`,
      `${experiments}/${experiment}/models`,
      `${experiments}/${experiment}/${run}`,
      `%65xperiments/${experiment}`,
      "beside",
      "beside/stray",
    ]) {
      const { status, json } = await client.send("DELETE", `${ARTIFACTS}/${path}`);
      expect([status, json.error_code], path).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      expect(json.message).toContain("is not a folder within the artifacts of one run or logged model");
    }
    expect((await client.send("GET", `${ARTIFACTS}/${artifact}`)).text).toBe(ARTIFACT_TEXT);
    for (const path of ["beside/stray/file.txt", "beside/stray/file.txt", "beside"]) {
      expect((await client.send("DELETE", `${ARTIFACTS}/${path}`)).status, path).toBe(200);
    }
  });

  test("the files of one run go by one call, as a client's delete_artifacts() sends it", async () => {
    const { run } = await ok(client.call("runs_create", { experiment_id: "0" }));
    const root = run.info.artifact_uri.replace("mlflow-artifacts:/", "");
    await ok(client.send("PUT", `${ARTIFACTS}/${root}/folder/file`, { body: "x" }));
    expect((await client.send("DELETE", `${ARTIFACTS}/${root}/`)).status).toBe(200);
    expect(await filesBelow(client, root)).toEqual([]);
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
    for (const method of ["GET", "PUT", "DELETE"]) {
      const { status, json } = await client.send(
        method,
        `${ARTIFACTS}/${path}`,
        method === "PUT" ? { body: "deep" } : {},
      );
      expect([status, json.message], method).toEqual([400, expect.stringContaining("has 301 segments")]);
    }
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

/** What `filename` and `filename*` say. */
function fileNamesIn(header = ""): string[] {
  const [, plain = "", exact = ""] =
    /^attachment; filename="([^"\\]*)"; filename\*=UTF-8''([\w!#$&+.^`|~%-]*)$/.exec(header) ?? [];
  return [plain, decodeURIComponent(exact)];
}

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
