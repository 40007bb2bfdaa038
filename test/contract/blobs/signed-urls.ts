import { describe, expect } from "vitest";
import { InvalidArgument } from "../../../shared/stores/errors.ts";
import type { BlobStoreSuite } from "../blob-store.contract.ts";
import { itNeeding, refuses } from "../support.ts";
import { freshBlob, MEGABYTE, pattern, read, readText, utf8 } from "./bytes.ts";

export function signedUrlLaws({ store, pass, unsupported }: BlobStoreSuite): void {
  const needing = itNeeding(unsupported);
  const served = needing("signed-urls");

  async function request(name: string, init: RequestInit = {}): Promise<Response> {
    const { url, headers } = await store().signedUrl(name, 60);
    return fetch(url, { ...init, headers: { ...headers, ...init.headers } });
  }

  /** PUTs a block where it may go, or where `changed` makes of that. */
  async function sendBlock(
    name: string,
    id: string,
    body: string | Uint8Array<ArrayBuffer>,
    changed = (url: string) => url,
  ): Promise<number> {
    const { urls, headers } = await store().signedBlockUrls(name, [id], 60);
    return (await fetch(changed(urls[0]!), { method: "PUT", headers, body })).status;
  }

  describe("signedUrl", () => {
    served("signedUrl: reads the blob", async () => {
      const name = freshBlob();
      const { etag } = await store().put(name, utf8("hello"), { contentType: "text/plain" });
      const response = await request(name);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain");
      expect(response.headers.get("content-length")).toBe("5");
      expect(response.headers.get("etag")).toContain(etag.replaceAll('"', ""));
      expect(await response.text()).toBe("hello");
    });

    served("signedUrl: answers HEAD with the properties alone", async () => {
      const name = freshBlob();
      await store().put(name, utf8("hello"));
      const response = await request(name, { method: "HEAD" });
      expect([response.status, response.headers.get("content-length")]).toEqual([200, "5"]);
      expect(await response.text()).toBe("");
    });

    served("signedUrl: reads a range, and refuses one behind the end", async () => {
      const name = freshBlob();
      await store().put(name, utf8("0123456789"));
      const middle = await request(name, { headers: { Range: "bytes=3-5" } });
      expect([middle.status, middle.headers.get("content-range")]).toEqual([206, "bytes 3-5/10"]);
      expect(await middle.text()).toBe("345");
      const end = await request(name, { headers: { Range: "bytes=7-" } });
      expect([end.status, await end.text()]).toEqual([206, "789"]);
      const behind = await request(name, { headers: { Range: "bytes=11-" } });
      expect(behind.status).toBe(416);
      await behind.arrayBuffer();
    });

    served("signedUrl: is 404 where nothing is", async () => {
      expect((await request(freshBlob())).status).toBe(404);
    });

    served("signedBlockUrls: stage the blocks that they are for", async () => {
      const name = freshBlob();
      const body = pattern(3 * MEGABYTE);
      expect(await sendBlock(name, "b-2", "two")).toBe(201);
      expect(await sendBlock(name, "b-1", new Uint8Array(body))).toBe(201);
      expect(await store().head(name)).toBeUndefined();
      await store().commitBlocks(name, ["b-1", "b-2"]);
      expect((await read(store(), name)).equals(Buffer.concat([body, utf8("two")]))).toBe(true);
    });

    served("signedBlockUrls: open no other blob, and read nothing", async () => {
      const [mine, other] = [`${freshBlob()}-mine`, `${freshBlob()}-other`];
      await store().put(other, utf8("kept"));
      const elsewhere = (url: string) => url.replace(encodeURI(mine), encodeURI(other));
      expect(await sendBlock(mine, "b1", "x", elsewhere)).toBe(403);
      await store().put(mine, utf8("secret"));
      const { urls } = await store().signedBlockUrls(mine, ["b1"], 60);
      const answer = await fetch(urls[0]!);
      expect(answer.ok).toBe(false);
      expect(await answer.text()).not.toContain("secret");
      expect(await readText(store(), other)).toBe("kept");
    });

    needing("block-signatures")("signedBlockUrls: take no other block, and not the whole blob", async () => {
      const name = freshBlob();
      await store().put(name, utf8("kept"));
      const otherBlock = (url: string) => url.replace(encodeURIComponent(btoa("b1")), encodeURIComponent(btoa("b2")));
      expect(await sendBlock(name, "b1", "x", otherBlock)).toBe(403);
      expect(await sendBlock(name, "b1", "x", (url) => url.replace("comp=block", "comp=blob"))).toBe(403);
      expect(await sendBlock(name, "b1", "x", (url) => url.replace(/comp=block&?/, ""))).toBe(403);
      expect(await readText(store(), name)).toBe("kept");
      await refuses(store().commitBlocks(name, ["b1"]), InvalidArgument);
      await refuses(store().commitBlocks(name, ["b2"]), InvalidArgument);
    });

    served("signedUrl: works for names that URLs make difficult", async () => {
      const name = `${freshBlob()}/größe 100%/a+b?c#d&e=f/%41`;
      expect(await sendBlock(name, "b1", "odd")).toBe(201);
      await store().commitBlocks(name, ["b1"]);
      expect(await readText(store(), name)).toBe("odd");
      expect(await (await request(name)).text()).toBe("odd");
    });

    served("signedUrl: allows nothing but the access it was made for", async () => {
      const name = freshBlob();
      await store().put(name, utf8("kept"));
      const headers = { "x-ms-blob-type": "BlockBlob" };
      expect((await request(name, { method: "PUT", body: "x", headers })).status).toBe(403);
      expect(await readText(store(), name)).toBe("kept");
    });

    served("signedUrl: a browser that opens it gets a file to keep, whatever its uploader says it is", async () => {
      const name = `${freshBlob()}.html`;
      await store().put(name, utf8("<script>alert(1)</script>"), { contentType: "text/html" });
      const response = await request(name);
      expect(response.headers.get("content-disposition")).toMatch(
        /^attachment; filename="[^"]+\.html"; filename\*=UTF-8''.+\.html$/,
      );
      expect(await response.text()).toContain("script");
    });

    served("signedUrl: does not open another blob", async () => {
      const [mine, other] = [`${freshBlob()}-mine`, `${freshBlob()}-other`];
      await store().put(other, utf8("secret"));
      const { url } = await store().signedUrl(mine, 60);
      const response = await fetch(url.replace(encodeURI(mine), encodeURI(other)));
      expect(response.status).toBe(403);
      expect(await response.text()).not.toContain("secret");
    });

    needing("url-expiry")("signedUrl: expires", async () => {
      const name = freshBlob();
      await store().put(name, utf8("x"));
      const { url } = await store().signedUrl(name, 2);
      expect((await fetch(url)).status).toBe(200);
      await pass(4);
      expect((await fetch(url)).status).toBe(403);
    });

    served("signedUrl: raises InvalidArgument for a time that is over already", async () => {
      await refuses(store().signedUrl(freshBlob(), 0), InvalidArgument);
      await refuses(store().signedBlockUrls(freshBlob(), ["b1"], 0), InvalidArgument);
    });
  });
}
