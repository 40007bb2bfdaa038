import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Memory } from "../../shared/domain/memory.ts";
import { logMetric } from "../../shared/domain/runs/log.ts";
import { createRun, getRun } from "../../shared/domain/runs/runs.ts";
import { SharedWork } from "../../shared/domain/shared-work.ts";
import type { Workspace } from "../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture } from "./support.ts";

let fixture: DomainFixture;
let workspace: Workspace;
let lists = 0;

beforeAll(async () => {
  fixture = domainFixture(11);
  const { documents } = fixture.stores;
  const runs = new Proxy(documents.runs, {
    get(target, name) {
      if (name === "list") lists++;
      const method = Reflect.get(target, name) as (...values: unknown[]) => unknown;
      return method.bind(target);
    },
  });
  workspace = await fixture.freshWorkspace({ ...fixture.stores, documents: { ...documents, runs } });
});
afterAll(() => fixture.close());

describe("SharedWork", () => {
  it("begins anew for callers who come while it runs, once for all of them", async () => {
    const begun: (() => void)[] = [];
    const work = new SharedWork(() => new Promise<number>((resolve) => begun.push(() => resolve(begun.length))));
    const first = work.do();
    const second = [work.do(), work.do(), work.do()];
    begun[0]!();
    expect(await first).toBe(1);
    await new Promise(setImmediate);
    expect(begun.length).toBe(2);
    begun[1]!();
    expect(await Promise.all(second)).toEqual([2, 2, 2]);
    expect(work.isIdle).toBe(true);
  });

  it("fails those who shared a failure, and begins anew after it", async () => {
    let times = 0;
    const work = new SharedWork(async () => {
      times++;
      if (times === 1) throw new Error("away");
      return times;
    });
    const [first, second] = await Promise.allSettled([work.do(), work.do()]);
    expect(first.status).toBe("rejected");
    expect(second).toEqual({ status: "fulfilled", value: 2 });
  });
});

describe("getRun", () => {
  it("reads the documents of a run that many look at twice at most, and shows each what was logged before", async () => {
    const run = await createRun(workspace, { experimentId: "0", userId: "u", tags: [] });
    const { runId } = run.view.attributes;
    for (let step = 0; step < 120; step++) {
      fixture.clock.pass(5);
      await logMetric(workspace, runId, { key: "loss", value: step, timestamp: step, step });
    }
    lists = 0;
    const many = await Promise.all(Array.from({ length: 100 }, () => getRun(workspace, runId)));
    expect(new Set(many.map(({ latest }) => latest.get("loss")!.step))).toEqual(new Set([119]));
    expect(lists).toBeLessThanOrEqual(2);
    const shown: number[] = [];
    for (let step = 200; step < 230; step++) {
      const early = getRun(workspace, runId);
      fixture.clock.pass(5);
      await logMetric(workspace, runId, { key: "loss", value: step, timestamp: step, step });
      const late = getRun(workspace, runId);
      shown.push((await late).latest.get("loss")!.step as number);
      await early;
    }
    expect(shown).toEqual(Array.from({ length: 30 }, (_, i) => 200 + i));
  });

  it("forgets what nobody reads any more", async () => {
    const memory = new Memory();
    await Promise.all([memory.share("a", async () => 1), memory.share("a", async () => 2)]);
    expect(await memory.share("a", async () => 3)).toBe(3);
  });
});
