/**
 * Writes into the data folder given as the first argument until it is killed, and reports each acknowledged write as a line on stdout:
 * `document <number>`, `counter <value>`, `pair <number>`, `message <number>`, `blob <version>`, `block <number>`,
 * `piece <number>`.
 */
import { openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineClock } from "../../shared/drivers/machine.ts";

const CHUNK_BYTES = 128 * 1024;

const stores = openEmbedded({
  folder: process.argv[2]!,
  clock: machineClock,
  baseUrl: () => "http://127.0.0.1:1",
});
const { runs } = stores.documents;

/** Goes on when the line is in the pipe. */
async function acknowledged(what: string, number: number): Promise<void> {
  await new Promise((resolve) => process.stdout.write(`${what} ${number}\n`, resolve));
}

async function writeDocuments(): Promise<void> {
  let etag = await runs.create("p", { id: "counter", scope: "s", value: 0 } as never);
  for (let n = 1; ; n++) {
    await runs.create("p", { id: `document-${n}`, scope: "s", text: "x".repeat(n % 5_000) } as never);
    await acknowledged("document", n);
    etag = await runs.replace("p", { id: "counter", scope: "s", value: n } as never, etag);
    await acknowledged("counter", n);
    await runs.batch("p", [
      { kind: "create", item: { id: `left-${n}`, scope: "s" } },
      { kind: "create", item: { id: `right-${n}`, scope: "s" } },
    ]);
    await acknowledged("pair", n);
    await stores.queue.send("killed", String(n));
    await acknowledged("message", n);
    await new Promise(setImmediate);
  }
}

/** A blob that is replaced again and again by one of another length, each byte telling the version. */
async function writeBlobs(): Promise<void> {
  for (let version = 1; ; version++) {
    const body = (async function* () {
      for (let i = 0; i <= version % 7; i++) yield Buffer.alloc(CHUNK_BYTES, version % 251);
    })();
    await stores.blobs.put("drop/replaced", body, { contentType: `version/${version}` });
    await acknowledged("blob", version);
  }
}

async function stageBlocks(): Promise<void> {
  for (let n = 1; ; n++) {
    await stores.blobs.stageBlock(
      "artifacts/staged",
      `block-${String(n % 1_000).padStart(4, "0")}`,
      Buffer.alloc(70_000, n % 251),
    );
    await acknowledged("block", n);
  }
}

/** Pieces of a log, as long as their number, which each byte tells. */
async function appendPieces(): Promise<void> {
  let at = 0;
  for (let n = 1; ; n++) {
    await stores.blobs.append("artifacts/log", Buffer.alloc(n, n % 251), at);
    at += n;
    await acknowledged("piece", n);
    await new Promise(setImmediate);
  }
}

await Promise.all([writeDocuments(), writeBlobs(), stageBlocks(), appendPieces()]);
