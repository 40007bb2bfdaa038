import { rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import { SETTLED_AFTER_MS } from "../../shared/domain/metrics/fold.ts";
import { readHistory } from "../../shared/domain/metrics/read.ts";
import { seal } from "../../shared/domain/metrics/seal.ts";
import { logMetric } from "../../shared/domain/runs/log.ts";
import { createRun } from "../../shared/domain/runs/runs.ts";
import { runsPartition, type Workspace } from "../../shared/domain/workspace.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import type { BlobStore } from "../../shared/stores/blob-store.ts";
import { read } from "../contract/blobs/bytes.ts";
import { SettableClock, seededIds } from "../domain/support.ts";
import { ManualClock } from "./embedded-fixture.ts";
import { makeBlockImage } from "./support/block-image.ts";

const image = process.platform === "linux" && process.getuid?.() === 0 ? makeBlockImage(48) : undefined;
afterAll(() => image?.close());

const NAMES = ["artifacts/a", "artifacts/b"] as const;
const ABSENT = 0;

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("put" as const, "putInBlocks" as const),
      name: fc.constantFrom(...NAMES),
      size: fc.constantFrom(100, 70_000, 300_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), name: fc.constantFrom(...NAMES) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cutPower" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Whatever the second blob syncs takes with it that a file of the first was unlinked, and not what the database knows of it. */
const UNLINKED_EARLY: Step[] = [
  { do: "put", name: "artifacts/a", size: 100 },
  { do: "put", name: "artifacts/b", size: 100 },
  { do: "settle" },
  { do: "put", name: "artifacts/a", size: 100 },
  { do: "sweep" },
  { do: "put", name: "artifacts/b", size: 100 },
  { do: "cutPower" },
];

/** The version of a blob tells its bytes. */
const bytesOf = (version: number, size: number) => Buffer.alloc(size, version);

/** What may be found of a blob after a loss of power, the newest last: what the disk had when it settled, and all since. */
interface Written {
  readonly version: number;
  readonly size: number;
  /** It took the place of nothing: a loss of power may leave its name and not its bytes. */
  readonly isNew: boolean;
}

class Scenario {
  readonly #folder: string;
  #stores: EmbeddedStores;
  #versions = 0;
  readonly #possible = new Map<string, Written[]>(
    NAMES.map((name) => [name, [{ version: ABSENT, size: 0, isNew: false }]]),
  );

  constructor(folder: string) {
    this.#folder = folder;
    this.#stores = this.#open(folder);
  }

  async take(next: Step): Promise<void> {
    switch (next.do) {
      case "put":
      case "putInBlocks":
        return this.#write(next.name, next.size, next.do === "putInBlocks");
      case "remove":
        await this.#stores.blobs.remove(next.name);
        this.#possible.get(next.name)!.push({ version: ABSENT, size: 0, isNew: false });
        return;
      case "sweep":
        return this.#stores.sweep();
      case "restart":
        await this.close();
        this.#stores = this.#open(this.#folder);
        return;
      case "settle":
        // What is open in a group is not on the disk.
        await this.#stores.sweep();
        await this.close();
        image!.settle();
        this.#stores = this.#open(this.#folder);
        for (const name of NAMES) {
          const newest = this.#possible.get(name)!.at(-1)!;
          this.#possible.set(name, [{ ...newest, isNew: false }]);
        }
        return;
      case "cutPower":
        return this.cutPower();
    }
  }

  /** What is there of each blob is whole, and no older than what the disk had; and the folder takes writes again. */
  async cutPower(): Promise<void> {
    await image!.cutPower(async (mounted) => {
      const stores = this.#open(join(mounted, "data"));
      for (const [name, possible] of this.#possible) {
        const found = await contentOf(stores.blobs, name);
        const isFound = ({ version, size, isNew }: Written) =>
          found === "lost" ? isNew : version === ABSENT ? found === undefined : found?.equals(bytesOf(version, size));
        expect(possible.some(isFound), `${name} of ${JSON.stringify(possible)}`).toBe(true);
      }
      for (let i = 0; i < 20; i++) await stores.blobs.put(`artifacts/after-${i}`, bytesOf(i, 100));
      for (let i = 0; i < 20; i++) expect(await read(stores.blobs, `artifacts/after-${i}`)).toEqual(bytesOf(i, 100));
      await stores.close();
    });
  }

  async close(): Promise<void> {
    await this.#stores.close();
  }

  async #write(name: string, size: number, inBlocks: boolean): Promise<void> {
    const version = (++this.#versions % 250) + 1;
    const possible = this.#possible.get(name)!;
    const { blobs } = this.#stores;
    const bytes = bytesOf(version, size);
    if (inBlocks) {
      await blobs.stageBlock(name, "a", bytes.subarray(0, size / 2));
      await blobs.stageBlock(name, "b", bytes.subarray(size / 2));
      await blobs.commitBlocks(name, ["a", "b"]);
    } else {
      await blobs.put(name, bytes);
    }
    possible.push({ version, size, isNew: possible.at(-1)!.version === ABSENT });
  }

  #open(folder: string): EmbeddedStores {
    return openEmbedded({ folder, clock: new ManualClock(), baseUrl: () => "" });
  }
}

async function contentOf(blobs: BlobStore, name: string): Promise<Buffer | "lost" | undefined> {
  if ((await blobs.head(name)) === undefined) return undefined;
  return read(blobs, name).catch(() => "lost" as const);
}

describe.skipIf(!image)(
  `a loss of power, on an image of a disk${image ? "" : " [unsupported: it needs root and loop devices]"}`,
  () => {
    it("blobs: leaves of what was overwritten the old content or a new one, whole, and takes writes again", async () => {
      const folder = join(image!.folder, "data");
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
          const scenario = new Scenario(folder);
          try {
            await scenario.take({ do: "settle" });
            for (const next of steps) await scenario.take(next);
            await scenario.cutPower();
          } finally {
            await scenario.close();
            rmSync(folder, { recursive: true });
          }
        }),
        { numRuns: 6, examples: [[UNLINKED_EARLY]] },
      );
    }, 120_000);

    it("blobs: an upload that began before its name was written and ends after it destroys nothing", async () => {
      const folder = join(image!.folder, "slow");
      const open = (at: string) => openEmbedded({ folder: at, clock: new ManualClock(), baseUrl: () => "" });
      const stores = open(folder);
      const { promise: written, resolve: goOn } = Promise.withResolvers<void>();
      const slowly = async function* () {
        yield bytesOf(1, 70_000);
        await written;
        yield bytesOf(1, 70_000);
      };
      const slow = stores.blobs.put("artifacts/a", slowly());
      await stores.blobs.put("artifacts/a", bytesOf(2, 100));
      await stores.sweep();
      image!.settle();
      goOn();
      await slow;
      await stores.sweep();
      await image!.cutPower(async (mounted) => {
        const after = open(join(mounted, "slow"));
        expect(await contentOf(after.blobs, "artifacts/a")).toEqual(bytesOf(1, 140_000));
        await after.close();
      });
      await stores.close();
    });

    it("seal: points that were on the disk are there, whichever of document and segment has them", async () => {
      const clock = new SettableClock();
      const open = async (folder: string): Promise<{ stores: EmbeddedStores; workspace: Workspace }> => {
        const stores = openEmbedded({ folder, clock, baseUrl: () => "" });
        const realm = { stores, clock, ids: seededIds(), memory: new Memory() };
        return { stores, workspace: await openWorkspace(realm, "default") };
      };
      const { stores, workspace } = await open(join(image!.folder, "sealed"));
      const run = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
      const { runId } = run.view.attributes;
      let logged = 0;
      const logSome = async () => {
        for (const end = logged + 30; logged < end; logged++) {
          clock.pass(5);
          await logMetric(workspace, runId, { key: "loss", value: logged, timestamp: logged, step: logged });
        }
        await stores.sweep();
        image!.settle();
        clock.pass(SETTLED_AFTER_MS + 1000);
      };
      // The second one takes in the segment of the first.
      for (let time = 0; time < 2; time++) {
        await logSome();
        expect(await seal(workspace, runId)).toBe(30);
        // By itself a server does so a second later.
        await stores.sweep();
        await image!.cutPower(async (mounted) => {
          const after = await open(join(mounted, "sealed"));
          const history = await readHistory(after.workspace, runsPartition(after.workspace, runId), "loss", 1000);
          expect(history?.points.map(({ step }) => step)).toEqual(Array.from({ length: logged }, (_, step) => step));
          await after.stores.close();
        });
      }
      await stores.close();
    });
  },
);
