import { describe, expect } from "vitest";
import type { BlobAccess } from "../../../shared/stores/blob-store.ts";
import { InvalidArgument } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { itNeeding, refuses } from "../support.ts";
import { freshBlob, MEGABYTE, pattern, read, readText, utf8 } from "./bytes.ts";

export function signedUrlLaws({ store, pass, unsupported }: BlobStoreSuite): void {
  const needing = itNeeding(unsupported);
  const served = needing("signed-urls");

  async function request(
    name: string,
    access: BlobAccess,
    init: RequestInit & { query?: string } = {},
  ): Promise<Response> {
    const { url, headers } = await store().signedUrl(name, access, 60);
    return fetch(url + (init.query ?? ""), { ...init, headers: { ...headers, ...init.headers } });
  }

  describe("signedUrl", () => {
    served("signedUrl: reads the blob", async () => {
      const name = freshBlob();
      const { etag } = await store().put(name, utf8("hello"), { contentType: "text/plain" });
      const response = await request(name, "read");
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain");
      expect(response.headers.get("content-length")).toBe("5");
      expect(response.headers.get("etag")).toContain(etag.replaceAll('"', ""));
      expect(await response.text()).toBe("hello");
    });

    served("signedUrl: answers HEAD with the properties alone", async () => {
      const name = freshBlob();
      await store().put(name, utf8("hello"));
      const response = await request(name, "read", { method: "HEAD" });
      expect([response.status, response.headers.get("content-length")]).toEqual([200, "5"]);
      expect(await response.text()).toBe("");
    });

    served("signedUrl: reads a range, and refuses one behind the end", async () => {
      const name = freshBlob();
      await store().put(name, utf8("0123456789"));
      const middle = await request(name, "read", { headers: { Range: "bytes=3-5" } });
      expect([middle.status, middle.headers.get("content-range")]).toEqual([206, "bytes 3-5/10"]);
      expect(await middle.text()).toBe("345");
      const end = await request(name, "read", { headers: { Range: "bytes=7-" } });
      expect([end.status, await end.text()]).toEqual([206, "789"]);
      const behind = await request(name, "read", { headers: { Range: "bytes=11-" } });
      expect(behind.status).toBe(416);
      await behind.arrayBuffer();
    });

    served("signedUrl: is 404 where nothing is", async () => {
      expect((await request(freshBlob(), "read")).status).toBe(404);
    });

    served("signedUrl: writes the whole blob", async () => {
      const name = freshBlob();
      const body = pattern(3 * MEGABYTE);
      const response = await request(name, "write", { method: "PUT", body: new Uint8Array(body) });
      expect(response.status).toBe(201);
      expect(response.headers.get("etag")).toContain((await store().head(name))!.etag.replaceAll('"', ""));
      expect((await read(store(), name)).equals(body)).toBe(true);
    });

    served("signedUrl: stages blocks", async () => {
      const name = freshBlob();
      for (const [id, text] of [
        ["b-1", "one "],
        ["b-2", "two"],
      ] as const) {
        const query = `&comp=block&blockid=${encodeURIComponent(Buffer.from(id).toString("base64"))}`;
        expect((await request(name, "write", { method: "PUT", body: text, query })).status).toBe(201);
      }
      expect(await store().head(name)).toBeUndefined();
      await store().commitBlocks(name, ["b-1", "b-2"]);
      expect(await readText(store(), name)).toBe("one two");
    });

    served("signedUrl: works for names that URLs make difficult", async () => {
      const name = `${freshBlob()}/größe 100%/a+b?c#d&e=f/%41`;
      expect((await request(name, "write", { method: "PUT", body: "odd" })).status).toBe(201);
      expect(await readText(store(), name)).toBe("odd");
      expect(await (await request(name, "read")).text()).toBe("odd");
    });

    served("signedUrl: allows nothing but the access it was made for", async () => {
      const name = freshBlob();
      await store().put(name, utf8("kept"));
      const headers = { "x-ms-blob-type": "BlockBlob" };
      expect((await request(name, "read", { method: "PUT", body: "x", headers })).status).toBe(403);
      expect((await request(name, "write")).status).toBe(403);
      expect(await readText(store(), name)).toBe("kept");
    });

    served("signedUrl: a browser that opens it gets a file to keep, whatever its uploader says it is", async () => {
      const name = `${freshBlob()}.html`;
      await store().put(name, utf8("<script>alert(1)</script>"), { contentType: "text/html" });
      const response = await request(name, "read");
      expect(response.headers.get("content-disposition")).toMatch(
        /^attachment; filename="[^"]+\.html"; filename\*=UTF-8''.+\.html$/,
      );
      expect(await response.text()).toContain("script");
    });

    served("signedUrl: does not open another blob", async () => {
      const [mine, other] = [`${freshBlob()}-mine`, `${freshBlob()}-other`];
      await store().put(other, utf8("secret"));
      const { url } = await store().signedUrl(mine, "read", 60);
      const response = await fetch(url.replace(encodeURI(mine), encodeURI(other)));
      expect(response.status).toBe(403);
      expect(await response.text()).not.toContain("secret");
    });

    needing("url-expiry")("signedUrl: expires", async () => {
      const name = freshBlob();
      await store().put(name, utf8("x"));
      const { url } = await store().signedUrl(name, "read", 2);
      expect((await fetch(url)).status).toBe(200);
      await pass(4);
      expect((await fetch(url)).status).toBe(403);
    });

    served("signedUrl: raises InvalidArgument for a time that is over already", async () => {
      await refuses(store().signedUrl(freshBlob(), "read", 0), InvalidArgument);
    });
  });
}
