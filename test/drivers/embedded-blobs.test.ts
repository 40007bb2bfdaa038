import { appendFileSync, readdirSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveSignedBlob } from "../../host/signed-blobs.ts";
import {
  collectGarbage,
  failing,
  pattern,
  read,
  readText,
  SourceFailed,
  streamOf,
  utf8,
} from "../contract/blobs/bytes.ts";
import { collect, refuses } from "../contract/support.ts";
import { type EmbeddedFixture, embeddedFixture } from "./embedded-fixture.ts";

let server: Server;
let fixture: EmbeddedFixture;
let baseUrl: string;

beforeEach(async () => {
  server = createServer(async (request, response) => {
    if (!(await serveSignedBlob(fixture.stores, fixture.clock)(request, response))) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fixture = embeddedFixture({ baseUrl });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await fixture.close();
});

function contentFiles(): number {
  const entries = readdirSync(join(fixture.folder, "blobs"), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).length;
}

/** How many are left once what nothing refers to is gone. */
async function contentFilesAfterSweep(): Promise<number> {
  await fixture.stores.sweep();
  return contentFiles();
}

describe("files", () => {
  it("files: go with the blob that is replaced or removed", async () => {
    const { blobs } = fixture.stores;
    for (const size of [10, 500_000, 0, 10]) await blobs.put("artifacts/a", pattern(size));
    expect(await contentFilesAfterSweep()).toBe(1);
    await blobs.remove("artifacts/a");
    expect(await contentFilesAfterSweep()).toBe(0);
  });

  it("files: stay while a body is read, though nothing but its iterator is held and garbage is collected", async () => {
    const { blobs } = fixture.stores;
    for (const id of ["a", "b", "c"]) await blobs.stageBlock("artifacts/a", id, pattern(300_000));
    await blobs.commitBlocks("artifacts/a", ["a", "b", "c"]);
    const reading = await blobs.get("artifacts/a").then((found) => found!.body[Symbol.asyncIterator]());
    let size = (await reading.next()).value!.length;
    await blobs.put("artifacts/a", utf8("new"));
    for (let i = 0; i < 5; i++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let next = await reading.next(); !next.done; next = await reading.next()) size += next.value.length;
    expect(size).toBe(900_000);
    await expect.poll(contentFilesAfterSweep).toBe(1);
  });

  it("files: none is left by an empty blob, a stream that fails, or a condition that does not hold", async () => {
    const { blobs } = fixture.stores;
    await blobs.put("artifacts/empty", streamOf());
    await refuses(blobs.put("artifacts/a", failing(pattern(400_000), pattern(400_000))), SourceFailed);
    await expect(blobs.put("artifacts/a", utf8("x"), { ifMatch: "0x1" })).rejects.toThrow();
    const late = (async function* () {
      yield pattern(400_000);
      await blobs.put("artifacts/empty", utf8(""));
    })();
    const { etag } = (await blobs.head("artifacts/empty"))!;
    await expect(blobs.put("artifacts/empty", late, { ifMatch: etag })).rejects.toThrow();
    expect(await contentFilesAfterSweep()).toBe(0);
  });

  it("files: of a replaced blob stay while it is read, and go afterwards", async () => {
    const { blobs } = fixture.stores;
    await blobs.put("artifacts/a", pattern(2_000_000, 1));
    const [first, second] = [await blobs.get("artifacts/a"), await blobs.get("artifacts/a")];
    await blobs.put("artifacts/a", utf8("new"));
    expect(await contentFilesAfterSweep()).toBe(2);
    expect(Buffer.concat(await collect(first!.body)).equals(pattern(2_000_000, 1))).toBe(true);
    expect(await contentFilesAfterSweep()).toBe(2);
    for await (const _ of second!.body) break;
    await expect.poll(contentFilesAfterSweep).toBe(1);
  });

  it("files: of a replaced blob that was still read at the end of the process go at the next start", async () => {
    const { blobs } = fixture.stores;
    await blobs.put("artifacts/a", pattern(2_000_000));
    const iterator = (await blobs.get("artifacts/a"))!.body[Symbol.asyncIterator]();
    await iterator.next();
    await blobs.put("artifacts/a", utf8("new"));
    await fixture.stores.close();
    await iterator.return?.();
    expect(contentFiles()).toBe(2);
    fixture.open();
    expect(await contentFilesAfterSweep()).toBe(1);
  });

  it("files: blocks that were replaced, dropped, or empty leave none", async () => {
    const { blobs } = fixture.stores;
    for (const [id, text] of [
      ["b1", "first"],
      ["b1", "second"],
      ["b2", ""],
      ["b3", "dropped"],
    ] as const) {
      await blobs.stageBlock("artifacts/a", id, utf8(text));
    }
    expect(await contentFilesAfterSweep()).toBe(3);
    await blobs.commitBlocks("artifacts/a", ["b2", "b1", "b1"]);
    expect(await readText(blobs, "artifacts/a")).toBe("secondsecond");
    expect(await contentFilesAfterSweep()).toBe(1);
    await blobs.stageBlock("artifacts/a", "b1", utf8("staged"));
    await blobs.put("artifacts/a", utf8("put"));
    expect(await contentFilesAfterSweep()).toBe(1);
  });

  it("files: forgotten blocks go with the sweep, and at the next start", async () => {
    await fixture.stores.blobs.stageBlock("artifacts/a", "b1", utf8("x"));
    fixture.clock.pass(8 * 24 * 3600);
    await fixture.stores.sweep();
    expect(await contentFilesAfterSweep()).toBe(0);
    await fixture.stores.blobs.stageBlock("artifacts/a", "b1", utf8("x"));
    fixture.clock.pass(8 * 24 * 3600);
    await fixture.reopen();
    expect(await contentFilesAfterSweep()).toBe(0);
  });

  it("files: a blob that is appended to has one, which goes with it", async () => {
    const { blobs } = fixture.stores;
    for (let at = 0; at < 30; at += 10) await blobs.append("artifacts/a", pattern(10), at);
    await expect(blobs.append("artifacts/a", pattern(10), 10)).rejects.toThrow();
    await Promise.allSettled([1, 2, 3].map((seed) => blobs.append("artifacts/b", pattern(10, seed), 0)));
    expect(await contentFilesAfterSweep()).toBe(2);
    await blobs.put("artifacts/a", utf8("new"));
    await blobs.remove("artifacts/b");
    expect(await contentFilesAfterSweep()).toBe(1);
  });

  it("files: what a dead process had written behind the end of a blob is not seen, and written over", async () => {
    const { blobs } = fixture.stores;
    await blobs.append("artifacts/a", utf8("kept "), 0);
    const [file] = readdirSync(join(fixture.folder, "blobs"), { recursive: true, withFileTypes: true }).filter((it) =>
      it.isFile(),
    );
    appendFileSync(join(file!.parentPath, file!.name), "never acknowledged");
    await fixture.reopen();
    expect(await readText(fixture.stores.blobs, "artifacts/a")).toBe("kept ");
    await fixture.stores.blobs.append("artifacts/a", utf8("more"), 5);
    expect(await readText(fixture.stores.blobs, "artifacts/a", { first: 0, last: 100 })).toBe("kept more");
  });

  it("put: takes a stream that uses one buffer for all its chunks", async () => {
    const body = (async function* () {
      const buffer = Buffer.alloc(1_000);
      for (let i = 0; i < 400; i++) yield buffer.fill(i % 251);
    })();
    await fixture.stores.blobs.put("artifacts/a", body);
    const expected = Buffer.concat(Array.from({ length: 400 }, (_, i) => Buffer.alloc(1_000, i % 251)));
    expect((await read(fixture.stores.blobs, "artifacts/a")).equals(expected)).toBe(true);
  });
});

describe("signed URLs", () => {
  async function urlOf(expiresInSeconds = 60): Promise<URL> {
    const { url } = await fixture.stores.blobs.signedUrl("artifacts/a", expiresInSeconds);
    return new URL(url);
  }

  const blockUrl = async () => (await fixture.stores.blobs.signedBlockUrls("artifacts/a", ["b1"], 60)).urls[0]!;

  it.each<[string, (url: URL) => void]>([
    ["another time", (url) => url.searchParams.set("expires", "99999999999")],
    ["no time", (url) => url.searchParams.delete("expires")],
    ["a time that is no number", (url) => url.searchParams.set("expires", "Infinity")],
    ["another access", (url) => url.searchParams.set("comp", "block")],
    ["no signature", (url) => url.searchParams.delete("signature")],
    [
      "a shorter signature",
      (url) => url.searchParams.set("signature", url.searchParams.get("signature")!.slice(0, -4)),
    ],
    ["another signature", (url) => url.searchParams.set("signature", "A".repeat(43))],
    ["another path", (url) => (url.pathname += "b")],
  ])("signed URLs: with %s are 403", async (_, tamper) => {
    await fixture.stores.blobs.put("artifacts/a", utf8("secret"));
    await fixture.stores.blobs.put("artifacts/ab", utf8("secret"));
    const url = await urlOf();
    tamper(url);
    const methods = url.searchParams.has("comp") ? ["PUT"] : ["GET", "HEAD"];
    for (const method of methods) expect((await fetch(url, { method })).status).toBe(403);
    expect(await readText(fixture.stores.blobs, "artifacts/a")).toBe("secret");
  });

  it("signed URLs: are valid until the very second they expire, also after a restart", async () => {
    await fixture.stores.blobs.put("artifacts/a", utf8("x"));
    const url = await urlOf(60);
    fixture.clock.pass(59);
    await fixture.reopen();
    expect((await fetch(url)).status).toBe(200);
    fixture.clock.pass(1);
    expect((await fetch(url)).status).toBe(403);
  });

  it("signed URLs: of another data folder are 403", async () => {
    await fixture.stores.blobs.put("artifacts/a", utf8("x"));
    const other = embeddedFixture({ baseUrl });
    const { url } = await other.stores.blobs.signedUrl("artifacts/a", 60);
    await other.close();
    expect((await fetch(url)).status).toBe(403);
  });

  it.each([
    ["bytes=0-0", 206, "bytes 0-0/10", "0"],
    ["bytes=8-100", 206, "bytes 8-9/10", "89"],
    ["bytes=-3", 206, "bytes 7-9/10", "789"],
    ["bytes=-100", 206, "bytes 0-9/10", "0123456789"],
    ["bytes=0-1,5-6", 200, null, "0123456789"],
    ["bytes=5-2", 200, null, "0123456789"],
    ["lines=1-2", 200, null, "0123456789"],
    ["bytes=-", 200, null, "0123456789"],
    ["bytes=10-", 416, "bytes */10", undefined],
    ["bytes=-0", 416, "bytes */10", undefined],
  ])("signed URLs: Range %s is answered with %i", async (range, status, contentRange, text) => {
    await fixture.stores.blobs.put("artifacts/a", utf8("0123456789"));
    const response = await fetch(await urlOf(), { headers: { Range: range } });
    expect([response.status, response.headers.get("content-range")]).toEqual([status, contentRange]);
    const body = await response.text();
    if (text !== undefined) expect(body).toBe(text);
  });

  it("signed URLs: answers tell a browser to trust nothing of the content", async () => {
    await fixture.stores.blobs.put("artifacts/a", utf8("<script>"), { contentType: "text/html" });
    const { headers } = await fetch(await urlOf());
    expect(headers.get("content-security-policy")).toBe("sandbox");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("signed URLs: a block is sent whole, other methods are 405, a path of bad escapes is 400", async () => {
    const url = await blockUrl();
    const headers = { "content-range": "bytes 0-0/10" };
    expect((await fetch(url, { method: "PUT", body: "x", headers })).status).toBe(400);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
    expect((await fetch(`${baseUrl}/_blobs/%zz`)).status).toBe(400);
    expect(await contentFiles()).toBe(0);
  });

  it("signed URLs: an upload that breaks off leaves the old content and no file", async () => {
    await fixture.stores.blobs.put("artifacts/a", utf8("old"));
    const upload = httpRequest(await blockUrl(), { method: "PUT", headers: { "Content-Length": 5_000_000 } });
    upload.on("error", () => undefined);
    upload.write(pattern(1_000_000));
    await expect.poll(contentFiles).toBe(2);
    upload.destroy();
    await expect.poll(contentFiles).toBe(1);
    expect(await readText(fixture.stores.blobs, "artifacts/a")).toBe("old");
  });

  it("signed URLs: other paths are left to the host", async () => {
    expect((await fetch(`${baseUrl}/_blob/artifacts/a`)).status).toBe(418);
  });
});
