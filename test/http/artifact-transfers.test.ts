import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Flavour, served } from "./served.ts";
import { ok } from "./support.ts";

const ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts";
const MPU = "/api/2.0/mlflow-artifacts/mpu";
const PRESIGNED = "/api/2.0/mlflow-artifacts/presigned";
const MIB = 1024 * 1024;
/** The Functions host takes no body of more than 100 MB; larger files are sent in parts there. Azurite is slow. */
const largeMib = ({ mode, onAzure }: Flavour) => (mode === "strict" || onAzure ? 40 : 200);

const { server, client, world, describe: describeServed } = served(["light", "strict", "azure"]);

describeServed("artifact transfers", (flavour) => {
  const { mode, onAzure } = flavour;
  const large = largeMib(flavour);
  let base: string;

  beforeAll(async () => {
    base = `${ARTIFACTS}/${world.artifactFolder}`;
    await put("digits", "0123456789");
  });

  const put = (name: string, body: string | Buffer) => ok(client.send("PUT", `${base}/${name}`, { body }));
  const get = (name: string, headers = {}) => client.send("GET", `${base}/${name}`, { headers });

  test("an upload answers {} and can be read at once, byte for byte", async () => {
    const bytes = randomBytes(300_000);
    expect(await put("random.bin", bytes)).toEqual({});
    expect((await get("random.bin")).bytes.equals(bytes)).toBe(true);
  });

  test.each([
    ["page.html", "text/plain; charset=utf-8"],
    ["page.XHTML", "text/plain; charset=utf-8"],
    ["feed.xml", "text/plain; charset=utf-8"],
    ["sheet.xsl", "text/plain; charset=utf-8"],
    ["code.js", "text/plain; charset=utf-8"],
    ["code.mjs", "text/plain; charset=utf-8"],
    ["code.wasm", "text/plain; charset=utf-8"],
    ["picture.svg", "image/svg+xml"],
    ["paper.pdf", "application/pdf"],
    ["picture.png", "image/png"],
    ["table.json", "application/json"],
    ["unknown.kind-of-file", "application/octet-stream"],
    ["MLmodel", "application/octet-stream"],
  ])("%s is a file to keep, never a page of this site, and %s", async (name, type) => {
    const text = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    await client.send("PUT", `${base}/${name}`, { body: text, headers: { "content-type": "text/html" } });
    const guards = {
      "content-type": type,
      "content-disposition": `attachment; filename="${name}"; filename*=UTF-8''${name}`,
      "content-security-policy": "sandbox",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    };
    const answer = await get(name);
    expect([answer.text, answer.headers]).toMatchObject([text, { ...guards, "content-length": String(text.length) }]);
    expect((await get(name, { range: "bytes=0-3" })).headers).toMatchObject(guards);
    expect((await client.send("HEAD", `${base}/${name}`)).headers).toMatchObject(guards);
    const { url } = await ok(client.send("GET", `${PRESIGNED}/${base.slice(ARTIFACTS.length + 1)}/${name}`));
    const direct = await fetch(url);
    expect(await direct.text()).toBe(text);
    expect(direct.headers.get("content-disposition")).toBe(guards["content-disposition"]);
    expect(direct.headers.get("content-type")).toBe(type);
  });

  test("uploading again replaces, and an empty file is a file", async () => {
    await put("again", "first, and longer");
    await put("again", "second");
    expect((await get("again")).text).toBe("second");
    await put("again", "");
    const { status, bytes, headers } = await get("again");
    expect([status, bytes.length, headers["content-length"]]).toEqual([200, 0, "0"]);
    const { files } = await ok(client.call("artifacts_list", { path: world.artifactFolder }));
    expect(files).toContainEqual({ path: "again", is_dir: false, file_size: 0 });
  });

  test.each<[range: string, status: number, text: string, contentRange: string | undefined]>([
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=4-6", 206, "456", "bytes 4-6/10"],
    ["bytes=9-9", 206, "9", "bytes 9-9/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-3", 206, "789", "bytes 7-9/10"],
    ["bytes=-99", 206, "0123456789", "bytes 0-9/10"],
    ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=99-100", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=5-2", 200, "0123456789", undefined],
    ["bytes=0-1,4-5", 200, "0123456789", undefined],
    ["bytes=a-b", 200, "0123456789", undefined],
    ["bytes=-", 200, "0123456789", undefined],
    ["lines=0-1", 200, "0123456789", undefined],
    ["bytes=0x1-5", 200, "0123456789", undefined],
    ["bytes=99999999999999999999-", 200, "0123456789", undefined],
  ])("Range %s answers %i", async (range, status, text, contentRange) => {
    const answer = await get("digits", { range });
    expect([answer.status, answer.text]).toEqual([status, text]);
    expect(answer.headers["content-range"]).toBe(contentRange);
    if (status !== 416) expect(answer.headers["content-length"]).toBe(String(text.length));
  });

  describe.each(["through the server", "by a signed URL"])("a file that is replaced while it is fetched, %s", (way) => {
    const isSigned = way === "by a signed URL";

    async function fetched(name: string, headers: Record<string, string> = {}) {
      if (!isSigned) return get(name, headers);
      const { url } = await ok(client.send("GET", `${PRESIGNED}/${world.artifactFolder}/${name}`));
      const answer = await fetch(url, { headers });
      return { status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers) };
    }

    // Azure Storage itself knows If-Match, not If-Range.
    test.skipIf(isSigned && onAzure)(
      `${isSigned && onAzure ? "[unsupported: Azure Storage knows no If-Range] " : ""}If-Range goes on with the same file, and sends a replaced one whole`,
      async () => {
        await put("resumed", "0123456789");
        const { etag } = (await fetched("resumed")).headers;
        const same = await fetched("resumed", { range: "bytes=4-", "if-range": String(etag) });
        expect([same.status, same.text]).toEqual([206, "456789"]);
        for (const content of ["abcdefghij", "abc"]) {
          await put("resumed", content);
          for (const range of ["bytes=4-", "bytes=-2"]) {
            const other = await fetched("resumed", { range, "if-range": String(etag) });
            expect([other.status, other.text], range).toEqual([200, content]);
            expect(other.headers["content-range"]).toBeUndefined();
            expect(other.headers["content-length"]).toBe(String(content.length));
          }
        }
        const dated = await fetched("resumed", { range: "bytes=1-", "if-range": new Date().toUTCString() });
        expect([dated.status, dated.text]).toEqual([200, "abc"]);
      },
    );

    test("If-Match is 412 once the file was replaced", async () => {
      await put("matched", "0123456789");
      const { etag } = (await fetched("matched")).headers;
      for (const condition of [String(etag), "*"]) {
        const same = await fetched("matched", { range: "bytes=0-1", "if-match": condition });
        expect([same.status, same.text], condition).toEqual([206, "01"]);
      }
      await put("matched", "new");
      for (const range of ["bytes=0-1", "bytes=-1", ""]) {
        const answer = await fetched("matched", { "if-match": String(etag), ...(range && { range }) });
        expect([answer.status, answer.text.includes("new")], range).toEqual([412, false]);
      }
    });
  });

  test("HEAD heeds If-Match", async () => {
    await put("described", "x");
    const { etag } = (await get("described")).headers;
    const status = async (condition: string) =>
      (await client.send("HEAD", `${base}/described`, { headers: { "if-match": condition } })).status;
    expect([await status(String(etag)), await status('"0x0", ' + etag), await status('"0x0"')]).toEqual([
      200, 200, 412,
    ]);
  });

  test("HEAD tells the size and sends nothing", async () => {
    const answer = await client.send("HEAD", `${base}/digits`);
    expect([answer.status, answer.bytes.length, answer.headers["content-length"]]).toEqual([200, 0, "10"]);
    const missing = await client.send("HEAD", `${base}/nothing`);
    expect([missing.status, missing.bytes.length]).toEqual([404, 0]);
  });

  test(`${large} MB go up and down again${mode === "light" ? " while the server's memory stays small" : ""}`, async () => {
    const piece = randomBytes(MIB);
    const sent = createHash("sha256");
    for (let i = 0; i < large; i++) sent.update(piece);
    const before = residentMib(server.pid);
    const peak = watchPeak(server.pid);
    onTestFinished(() => void peak.stop());
    const body = Readable.from(repeated(piece, large));
    await ok(client.send("PUT", `${base}/large.bin`, { body, headers: { "content-length": large * MIB } }));
    expect(await hashOfDownload(`${server.url}${base}/large.bin`)).toBe(sent.digest("hex"));
    // The strict mode keeps bodies of a known length, as the Functions host does for its trigger's metadata.
    if (mode === "light") expect(peak.stop() - before).toBeLessThan(120);
    await client.send("DELETE", `${base}/large.bin`);
  });

  test("an upload that breaks off leaves the old content, and nothing behind", async () => {
    await put("kept", "old content");
    const before = bytesOnDisk(server.folder);
    await breakOff(`${server.url}${base}/kept`, 20 * MIB);
    await breakOff(`${server.url}${base}/never-there`, 20 * MIB);
    expect((await get("kept")).text).toBe("old content");
    expect((await get("never-there")).status).toBe(404);
    await expect.poll(() => bytesOnDisk(server.folder) - before, { timeout: 10_000 }).toBeLessThan(MIB);
  });

  test.runIf(mode === "strict")(
    `a file over the platform's limit is refused at once, with the variables that send it in parts${mode === "strict" ? "" : " [unsupported: there is no limit]"}`,
    async () => {
      const size = 100 * MIB + 1;
      const { status, text } = await announced(`${server.url}${base}/too-large.bin`, size);
      expect([status, JSON.parse(text).error_code]).toEqual([413, "INVALID_PARAMETER_VALUE"]);
      expect(text).toContain(
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=52428800",
      );
      expect((await get("too-large.bin")).status).toBe(404);
      const page = await client.send("GET", "/");
      expect(page.text).toContain("export MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true");
    },
  );

  describe("in parts", () => {
    const folder = () => world.artifactFolder;
    const create = (path: string, num_parts: number) =>
      ok(client.send("POST", `${MPU}/create/${folder()}`, { json: { path, num_parts } }));
    const finish = (step: "complete" | "abort", json: object) =>
      client.send("POST", `${MPU}/${step}/${folder()}`, { json });
    const parts = (...numbers: number[]) => numbers.map((part_number) => ({ part_number, etag: "", url: "" }));

    test("parts that arrive in any order become one file in the order of their numbers", async () => {
      const pieces = [randomBytes(MIB), randomBytes(MIB), randomBytes(1000)];
      const { upload_id, credentials } = await create("/home/me/in-parts.bin", 3);
      expect(credentials.map(({ part_number }: { part_number: number }) => part_number)).toEqual([1, 2, 3]);
      for (const i of [2, 0, 1]) await putPart(credentials[i], pieces[i]!);
      expect((await get("in-parts.bin")).status).toBe(404);
      const body = { path: "/home/me/in-parts.bin", upload_id, parts: parts(3, 1, 2) };
      expect(await ok(finish("complete", body))).toEqual({});
      expect((await get("in-parts.bin")).bytes.equals(Buffer.concat(pieces))).toBe(true);
    });

    test("a part that is sent again replaces the first", async () => {
      const { upload_id, credentials } = await create("resent.bin", 1);
      await putPart(credentials[0], Buffer.from("wrong"));
      await putPart(credentials[0], Buffer.from("right"));
      await ok(finish("complete", { path: "resent.bin", upload_id, parts: parts(1) }));
      expect((await get("resent.bin")).text).toBe("right");
    });

    test("a missing part, an unknown upload or no parts complete nothing, and the old file stays", async () => {
      await put("not-done.bin", "old");
      const { upload_id, credentials } = await create("not-done.bin", 2);
      await putPart(credentials[0], Buffer.from("new"));
      for (const wrong of [
        { upload_id, parts: parts(1, 2) },
        { upload_id: "0123456789abcdef", parts: parts(1) },
        { upload_id: "somebody else's", parts: parts(1) },
        { upload_id, parts: parts(0) },
        { upload_id, parts: parts(10_001) },
        { upload_id, parts: [{ etag: "" }] },
        { parts: parts(1) },
        { upload_id },
      ]) {
        const { status, json } = await finish("complete", { path: "not-done.bin", ...wrong });
        expect([status, json.error_code], JSON.stringify(wrong)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
      }
      expect((await get("not-done.bin")).text).toBe("old");
    });

    test("an aborted upload is no file, its space comes back, and it cannot be completed with what was there or comes late", async () => {
      const before = bytesOnDisk(server.folder);
      const { upload_id, credentials } = await create("aborted.bin", 2);
      await putPart(credentials[0], randomBytes(2 * MIB));
      expect(await ok(finish("abort", { path: "aborted.bin", upload_id }))).toEqual({});
      await expect.poll(() => bytesOnDisk(server.folder) - before, { timeout: 10_000 }).toBeLessThan(MIB);
      expect((await finish("complete", { path: "aborted.bin", upload_id, parts: parts(1) })).status).toBe(400);
      await putPart(credentials[1], Buffer.from("late"));
      expect((await finish("complete", { path: "aborted.bin", upload_id, parts: parts(1, 2) })).status).toBe(400);
      expect((await get("aborted.bin")).status).toBe(404);
    });

    test("completing at the same moment, by as many as like, is done once", async () => {
      for (let i = 0; i < 8; i++) {
        const path = `at-once-${i}.bin`;
        const { upload_id, credentials } = await create(path, 1);
        await putPart(credentials[0], Buffer.from("in parts"));
        const complete = { path, upload_id, parts: parts(1) };
        const answers = await Promise.all([1, 2, 3].map(() => finish("complete", complete)));
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect((await get(path)).text).toBe("in parts");
      }
    });

    test("completing may be repeated, and takes nothing back that came later", async () => {
      const { upload_id, credentials } = await create("twice.bin", 1);
      await putPart(credentials[0], Buffer.from("in parts"));
      const complete = { path: "twice.bin", upload_id, parts: parts(1) };
      expect(await ok(finish("complete", complete))).toEqual({});
      expect((await get("twice.bin")).text).toBe("in parts");
      await put("twice.bin", "later");
      await putPart(credentials[0], Buffer.from("late"));
      expect(await ok(finish("complete", complete))).toEqual({});
      expect((await get("twice.bin")).text).toBe("later");
    });

    test("a whole upload that broke off is in nobody's way", async () => {
      await breakOff(`${server.url}${base}/interrupted.bin`, 12 * MIB);
      const { upload_id, credentials } = await create("interrupted.bin", 1);
      await putPart(credentials[0], Buffer.from("in parts"));
      await ok(finish("complete", { path: "interrupted.bin", upload_id, parts: parts(1) }));
      expect((await get("interrupted.bin")).text).toBe("in parts");
      await put("interrupted.bin", randomBytes(5 * MIB));
    });

    test("the URLs of an upload reach no artifact, before and after it is completed", async () => {
      await put("untouched.bin", "old");
      const { upload_id, credentials } = await create("untouched.bin", 1);
      const [whole] = credentials[0].url.split("&comp=block").concat(credentials[0].url.replace(/comp=block&?/, ""));
      const overwrite = () => fetch(whole, { method: "PUT", body: "x", headers: { "x-ms-blob-type": "BlockBlob" } });
      await overwrite();
      expect((await get("untouched.bin")).text).toBe("old");
      const again = await create("untouched.bin", 1);
      await putPart(again.credentials[0], Buffer.from("new"));
      await ok(finish("complete", { path: "untouched.bin", upload_id: again.upload_id, parts: parts(1) }));
      await overwrite();
      await putPart(credentials[0], Buffer.from("late")).catch(() => undefined);
      expect((await get("untouched.bin")).text).toBe("new");
      expect(upload_id).not.toBe(again.upload_id);
    });

    test("an upload is of one file", async () => {
      const { upload_id, credentials } = await create("mine.bin", 1);
      await putPart(credentials[0], Buffer.from("x"));
      const { status } = await finish("complete", { path: "theirs.bin", upload_id, parts: parts(1) });
      expect([status, (await get("theirs.bin")).status]).toEqual([400, 404]);
    });

    test("a part of a file is not taken for the whole", async () => {
      await put("ranged.bin", "old");
      const headers = { "content-range": "bytes 0-3/10" };
      const answer = await client.send("PUT", `${base}/ranged.bin`, { body: "0123", headers });
      expect([answer.status, answer.json.message]).toEqual([400, expect.stringContaining("Content-Range")]);
      expect((await get("ranged.bin")).text).toBe("old");
    });

    test.each([0, -1, 1.5, 10_001, "x"])("%s parts are refused", async (num_parts) => {
      const { status } = await client.send("POST", `${MPU}/create/${folder()}`, { json: { path: "f", num_parts } });
      expect(status).toBe(400);
    });

    test("the URL of a part takes that part and nothing else", async () => {
      const { credentials } = await create("only-this.bin", 1);
      const { url } = credentials[0];
      const { pathname } = new URL(url);
      for (const elsewhere of [
        `${pathname}x`,
        pathname.replace(/[^/]+$/, "other"),
        pathname.replace("uploads", "artifacts"),
      ]) {
        expect((await fetch(url.replace(pathname, elsewhere), { method: "PUT", body: "x" })).status).toBe(403);
      }
      expect((await fetch(url)).status).toBe(403);
    });
  });

  describe("by signed URLs", () => {
    const presigned = async (name: string) =>
      ok(client.send("GET", `/api/2.0/mlflow-artifacts/presigned/${world.artifactFolder}/${name}`));

    test("a signed URL reads the file without credentials, whole and in ranges", async () => {
      const { url, headers, file_size } = await presigned("digits");
      expect(file_size).toBe(10);
      expect(await (await fetch(url, { headers })).text()).toBe("0123456789");
      const part = await fetch(url, { headers: { ...headers, range: "bytes=2-4" } });
      expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
      expect((await fetch(url, { method: "HEAD" })).headers.get("content-length")).toBe("10");
    });

    test("a signed URL that was tampered with, or is for reading and writes, is refused", async () => {
      const { url } = await presigned("digits");
      await put("secret", "secret");
      const signed = (name: string, value: string) => {
        const changed = new URL(url);
        changed.searchParams.set(name, value);
        return changed.href;
      };
      const { searchParams } = new URL(url);
      const [signature, expires] = onAzure ? ["sig", "se"] : ["signature", "expires"];
      const tampered = [
        url.replace("digits", "secret"),
        url.replace(/\?.*/, ""),
        signed(signature, `0${searchParams.get(signature)}`),
        signed(signature, ""),
        signed(expires, shifted(searchParams.get(expires)!, 3600)),
        signed(expires, shifted(searchParams.get(expires)!, -7200)),
        signed(expires, "never"),
      ];
      // Azure Storage answers 404 to whoever has no signature at all.
      for (const href of tampered) expect((await fetch(href)).status, href).toBeOneOf(onAzure ? [403, 404] : [403]);
      for (const method of ["PUT", "DELETE", "POST"]) {
        const headers = { "x-ms-blob-type": "BlockBlob" };
        const answer = await fetch(url, { method, headers, ...(method !== "DELETE" && { body: "x" }) });
        expect(answer.status, method).toBeOneOf(onAzure ? [400, 403] : [403, 405]);
      }
      expect((await get("digits")).text).toBe("0123456789");
    });

    test("there is no signed URL for what does not exist", async () => {
      const answer = await client.call("artifacts_presigned_download", {}, { path: "no/such/file" });
      expect([answer.status, answer.json.error_code]).toEqual([404, "RESOURCE_DOES_NOT_EXIST"]);
    });
  });
});

/** A time as the embedded stores sign it, in seconds, or as Azure Storage does. */
function shifted(time: string, seconds: number): string {
  if (/^\d+$/.test(time)) return String(Number(time) + seconds);
  return new Date(Date.parse(time) + seconds * 1_000).toISOString();
}

async function putPart(credential: { url: string; headers: Record<string, string> }, body: Buffer): Promise<void> {
  const answer = await fetch(credential.url, {
    method: "PUT",
    headers: credential.headers,
    body: new Uint8Array(body),
  });
  expect(answer.status).toBeLessThan(300);
}

function* repeated(piece: Buffer, count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield piece;
}

async function hashOfDownload(url: string): Promise<string> {
  const response = await fetch(url);
  const hash = createHash("sha256");
  for await (const chunk of response.body!) hash.update(chunk);
  return hash.digest("hex");
}

/** What is answered to who only says how long a body will be. */
async function announced(url: string, size: number): Promise<{ status: number; text: string }> {
  const outgoing = httpRequest(url, { method: "PUT", headers: { "content-length": size }, agent: false });
  outgoing.on("error", () => {});
  outgoing.flushHeaders();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  outgoing.destroy();
  return { status: response.statusCode ?? 0, text };
}

/** Announces a body, sends half of it, and hangs up. */
async function breakOff(url: string, size: number): Promise<void> {
  const outgoing = httpRequest(url, { method: "PUT", headers: { "content-length": size }, agent: false });
  outgoing.on("error", () => {});
  const closed = new Promise<void>((resolve) => outgoing.once("close", resolve));
  await new Promise<void>((resolve) => outgoing.write(Buffer.alloc(size / 2), () => resolve()));
  outgoing.destroy();
  await closed;
}

function bytesOnDisk(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const contents = files.filter(({ name }) => !/\.(db|sqlite)|-(wal|shm)$/.test(name));
  return contents.reduce((sum, { parentPath, name }) => sum + sizeOf(join(parentPath, name)), 0);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

function watchPeak(pid: number): { stop(): number } {
  let peak = residentMib(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMib(pid));
  }, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}
