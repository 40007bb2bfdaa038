import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { workQueueContract } from "../contract/work-queue.contract.ts";
import { type EmbeddedFixture, embeddedFixture } from "./embedded-fixture.ts";

workQueueContract("SQLite", async () => {
  const fixture = embeddedFixture();
  return {
    queue: fixture.stores.queue,
    another: async () => (await fixture.reopen()).queue,
    pass: async (seconds) => fixture.clock.pass(seconds),
    close: () => fixture.close(),
  };
});

describe("SQLite queue, whose clock is set", () => {
  const HOUR_MS = 3_600_000;
  let fixture: EmbeddedFixture;
  beforeEach(() => {
    fixture = embeddedFixture();
  });
  afterEach(() => fixture.close());

  const received = async () => (await fixture.stores.queue.receive("some-queue", 32, 30)).map(({ body }) => body);
  const setClock = (byMs: number) => fixture.clock.set(fixture.clock.now() + byMs);

  test.each([-HOUR_MS, HOUR_MS])("send, by %i ms: a delay takes its time", async (byMs) => {
    await fixture.stores.queue.send("some-queue", "late", 60);
    setClock(byMs);
    fixture.clock.pass(59);
    expect(await received()).toEqual([]);
    fixture.clock.pass(1);
    expect(await received()).toEqual(["late"]);
  });

  test.each([-HOUR_MS, HOUR_MS])("receive, by %i ms: a message is invisible for its time", async (byMs) => {
    await fixture.stores.queue.send("some-queue", "held");
    expect(await received()).toEqual(["held"]);
    setClock(byMs);
    expect(await received()).toEqual([]);
    fixture.clock.pass(30);
    expect(await received()).toEqual(["held"]);
  });

  test.each([HOUR_MS, 24 * 365 * HOUR_MS])(
    "a start, back by %i ms: what was sent under the clock that ran ahead comes at once",
    async (byMs) => {
      setClock(byMs);
      await fixture.reopen();
      await fixture.stores.queue.send("some-queue", "sent ahead", 60);
      await fixture.stores.queue.send("some-queue", "held ahead");
      expect(await received()).toEqual(["held ahead"]);
      setClock(-byMs);
      await fixture.reopen();
      expect((await received()).sort()).toEqual(["held ahead", "sent ahead"]);
    },
  );
});
