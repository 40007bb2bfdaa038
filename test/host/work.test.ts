import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { HostOptions } from "../../host/host.ts";
import { wakeOnSend } from "../../host/queues.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineClock } from "../../shared/drivers/machine.ts";
import { work } from "./apps/work-state.ts";
import { HOST_JSON, QUICK_QUEUES, send, startTestHost, type TestHost, until } from "./support.ts";

const QUEUE = "work-items";
const POISON = "work-items-poison";

let folder: string;
let stores: EmbeddedStores;
let host: TestHost | undefined;

const withQueues = (changes: Partial<Record<keyof typeof QUICK_QUEUES, string | number>>) => ({
  extensions: { ...HOST_JSON.extensions, queues: { ...QUICK_QUEUES, ...changes } },
});

async function start(options: Partial<HostOptions> = {}): Promise<TestHost> {
  host = await startTestHost({ loadApp: () => import("./apps/work.ts"), queue: stores.queue, ...options });
  return host;
}

const bodies = () => work.messages.map(({ body }) => body);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "host-work-"));
  stores = openEmbedded({ folder, clock: machineClock, baseUrl: () => "http://localhost" });
  Object.assign(work, {
    messages: [],
    running: 0,
    mostRunning: 0,
    timers: [],
    timersRunning: 0,
    timersOverlapped: false,
  });
  work.handle = async () => {};
  work.tick = async () => {};
});

afterEach(async () => {
  vi.useRealTimers();
  await host?.close();
  host = undefined;
  await stores.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.for(["light", "strict"] as const)("queue functions, %s mode", (mode) => {
  test("queue: a message reaches the function, parsed when it is JSON, and is removed", async () => {
    await stores.queue.send(QUEUE, '{"run":7}');
    await stores.queue.send(QUEUE, "plain text");
    await start({ mode });
    await until(async () => (await stores.queue.count(QUEUE)) === 0);
    expect(bodies()).toEqual([{ run: 7 }, "plain text"]);
    expect(await stores.queue.count(POISON)).toBe(0);
  });

  test("queue: the function is told the message's id, attempt and times", async () => {
    const id = await stores.queue.send(QUEUE, "{}");
    await start({ mode });
    await until(() => work.messages.length === 1);
    const { metadata } = work.messages[0]!;
    expect(metadata).toMatchObject({ id, dequeueCount: 1, popReceipt: expect.any(String), queueTrigger: {} });
    for (const name of ["insertionTime", "expirationTime", "nextVisibleTime"]) {
      expect(Date.parse(String(metadata[name]))).not.toBeNaN();
    }
  });

  test("queue: a message that keeps failing is tried maxDequeueCount times and moves to the poison queue", async () => {
    work.handle = () => Promise.reject(new Error("failed on purpose"));
    await stores.queue.send(QUEUE, "bad");
    const { lines } = await start({ mode });
    await until(async () => (await stores.queue.count(POISON)) === 1);
    await until(async () => (await stores.queue.count(QUEUE)) === 0);
    expect(work.messages.map(({ metadata }) => metadata.dequeueCount)).toEqual([1, 2, 3]);
    expect((await stores.queue.receive(POISON, 1, 60))[0]?.body).toBe("bad");
    expect(lines.filter(({ message }) => message.includes("failed on purpose"))).toHaveLength(3);
  });
});

describe("queue functions", () => {
  test("queue: a message that failed comes again only after visibilityTimeout", async () => {
    work.handle = () => Promise.reject(new Error("failed on purpose"));
    await stores.queue.send(QUEUE, "bad");
    const { lines } = await start({ hostJson: withQueues({ visibilityTimeout: "00:10:00" }) });
    await until(() => lines.some(({ message }) => message.includes("failed on purpose")));
    await until(() => work.running === 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(work.messages).toHaveLength(1);
    expect(await stores.queue.count(QUEUE)).toBe(1);
    expect(await stores.queue.receive(QUEUE, 1, 1)).toEqual([]);
  });

  test("queue: a message whose attempts were all lost with the process goes to the poison queue unrun", async () => {
    await stores.queue.send(QUEUE, "deadly");
    for (let attempt = 0; attempt < 3; attempt++) {
      const [message] = await stores.queue.receive(QUEUE, 1, 60);
      await stores.queue.update(QUEUE, message!, 0);
    }
    await start();
    await until(async () => (await stores.queue.count(POISON)) === 1);
    expect(work.messages).toEqual([]);
  });

  test("queue: a message stays with its handler however long that runs", async () => {
    const finish = Promise.withResolvers<void>();
    work.handle = () => finish.promise;
    await stores.queue.send(QUEUE, "long");
    await start({ queueLeaseSeconds: 1 });
    await until(() => work.running === 1);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(work.messages).toHaveLength(1);
    finish.resolve();
    await until(async () => (await stores.queue.count(QUEUE)) === 0);
    expect(work.messages).toHaveLength(1);
  });

  test("queue: no more than batchSize and newBatchSize messages are handled at once, and all are in the end", async () => {
    work.handle = () => new Promise((resolve) => setTimeout(resolve, 20));
    for (let index = 0; index < 30; index++) await stores.queue.send(QUEUE, String(index));
    await start({ hostJson: withQueues({ batchSize: 4, newBatchSize: 2 }) });
    await until(async () => (await stores.queue.count(QUEUE)) === 0);
    expect(new Set(bodies()).size).toBe(30);
    expect(work.mostRunning).toBeGreaterThan(1);
    expect(work.mostRunning).toBeLessThanOrEqual(6);
  });

  test("queue: an idle host looks seldom, and yet what the app sends is handled at once", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
    const receive = vi.spyOn(stores.queue, "receive");
    const { wake } = await start({
      hostJson: withQueues({ maxPollingInterval: "01:00:00" }),
      clock: { ...machineClock, now: () => 0 },
    });
    await vi.advanceTimersByTimeAsync(24 * 3_600_000);
    expect(receive.mock.calls.length).toBeLessThan(50);
    const queue = wakeOnSend(stores.queue, wake);
    vi.useRealTimers();
    await queue.send(QUEUE, "now");
    await until(() => work.messages.length === 1);
    await queue.send(QUEUE, "later", 3_600);
    await queue.send(QUEUE, "now too");
    await until(() => work.messages.length === 2);
    expect(bodies()).toEqual(["now", "now too"]);
  });

  test("queue: an app with queue functions needs a queue", async () => {
    await expect(start({ queue: undefined })).rejects.toThrow(/"work" has a queue trigger/);
  });

  test.for([
    { setting: "batchSize", value: 33 },
    { setting: "maxDequeueCount", value: 0 },
    { setting: "visibilityTimeout", value: "30" },
    { setting: "messageEncoding", value: "utf8" },
  ] as const)("queue: $setting $value in host.json is refused by name", async ({ setting, value }) => {
    await expect(start({ hostJson: withQueues({ [setting]: value }) })).rejects.toThrow(`extensions.queues.${setting}`);
  });
});

describe("timer functions", () => {
  test("timer: runs by its schedule, never twice at once, and is told the next time", async () => {
    work.tick = () => new Promise((resolve) => setTimeout(resolve, 1_100));
    await start();
    await until(() => work.timers.length >= 3);
    expect(work.timersOverlapped).toBe(false);
    const { schedule, scheduleStatus, isPastDue } = work.timers[1]!;
    expect(schedule).toEqual({ adjustForDST: true });
    expect(Date.parse(scheduleStatus.next)).not.toBeNaN();
    expect(isPastDue).toBe(false);
  });

  test("timer: runOnStartup runs at once", async () => {
    await start();
    await until(() => work.timers.length > 0);
    expect(new Date(work.timers[0]!.scheduleStatus.next).toISOString()).toMatch(/-01-01T00:00:00.000Z$/);
  });

  test("timer: occurrences missed while the machine slept become one run that is past due", async () => {
    let asleepMs = 0;
    await start({ clock: { ...machineClock, now: () => Date.now() + asleepMs } });
    await until(() => work.timers.length > 0);
    asleepMs = 3_600_000;
    await until(() => work.timers.some(({ isPastDue }) => isPastDue));
    const runs = work.timers.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(work.timers.length - runs).toBeLessThanOrEqual(1);
  });
});

describe("timer functions, when the time of day is set back", () => {
  test.each([1_500, 3_600_000])("timer: by %i ms, goes on by its schedule", async (backMs) => {
    let setBackMs = 0;
    await start({ clock: { ...machineClock, now: () => Date.now() - setBackMs } });
    await until(() => work.timers.length >= 2);
    setBackMs = backMs;
    const runs = work.timers.length;
    await until(() => work.timers.length >= runs + 2);
    expect(work.timersOverlapped).toBe(false);
  });
});

describe("running functions by hand", () => {
  const post = (name: string, body?: string) =>
    send(`${host?.url}/admin/functions/${name}`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });

  test("admin: POST runs a queue function with the input, and a timer function", async () => {
    await start();
    expect((await post("work", '{"input":"{\\"run\\":1}"}')).status).toBe(202);
    await until(() => work.messages.length === 1);
    expect(bodies()).toEqual([{ run: 1 }]);
    const timers = work.timers.length;
    expect((await post("atstart", "{}")).status).toBe(202);
    await until(() => work.timers.length > timers);
  });

  test("admin: POST of an unknown function is 404, of something that is no JSON object 400", async () => {
    await start();
    expect((await post("unknown", "{}")).status).toBe(404);
    expect((await post("work", "[1]")).status).toBe(400);
    expect((await post("work", "{")).status).toBe(400);
    expect(work.messages).toEqual([]);
  });

  test("invoke: runs a function to its end and fails as it does", async () => {
    const { invoke } = await start();
    await invoke("work", { run: 2 });
    expect(bodies()).toEqual([{ run: 2 }]);
    work.handle = () => Promise.reject(new Error("failed on purpose"));
    await expect(invoke("work", "x")).rejects.toThrow("failed on purpose");
    await expect(invoke("nobody")).rejects.toThrow('"nobody"');
  });
});

describe("close with work at hand", () => {
  test("close: lets a running queue function finish and fetches no more", async () => {
    const finish = Promise.withResolvers<void>();
    work.handle = () => finish.promise;
    await stores.queue.send(QUEUE, "first");
    const { close } = await start();
    await until(() => work.running === 1);
    const closed = close();
    await stores.queue.send(QUEUE, "second");
    finish.resolve();
    await closed;
    host = undefined;
    expect(bodies()).toEqual(["first"]);
    expect(await stores.queue.count(QUEUE)).toBe(1);
  });

  test("close: does not wait longer than it may", async () => {
    work.handle = () => new Promise(() => {});
    await stores.queue.send(QUEUE, "stuck");
    const { close } = await start();
    await until(() => work.running === 1);
    await close(50);
    host = undefined;
    expect(work.running).toBe(1);
  });
});
