import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { wakeOnSend } from "../../host/queues.ts";
import { type EmbeddedStores, openEmbedded } from "../../shared/drivers/embedded/open-embedded.ts";
import { machineClock } from "../../shared/drivers/machine.ts";
import { tracedQueue } from "../../shared/telemetry.ts";
import { temporaryFolder } from "../drivers/embedded-fixture.ts";
import { outbox } from "./apps/traces-state.ts";
import { send, startTestHost, type TestHost, until } from "./support.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const headers = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
const TEXTS = ["asked", "ticked", "woken", "failed on purpose"];

let folder: string;
let stores: EmbeddedStores;
let host: TestHost;

/** What the lines of each trace say, in order; what is tried again says it once. */
function traces(): Map<string | undefined, string[]> {
  const found = new Map<string | undefined, string[]>();
  for (const { traceId, message } of host.lines) {
    const text = TEXTS.find((it) => message.includes(it));
    if (text) found.set(traceId, [...new Set([...(found.get(traceId) ?? []), text])]);
  }
  return found;
}

const failed = () => host.lines.filter(({ message }) => message.includes("failed on purpose"));

describe.for(["light", "strict"] as const)("traces in log lines, %s mode", (mode) => {
  beforeEach(async () => {
    folder = temporaryFolder();
    stores = openEmbedded({ folder, clock: machineClock, baseUrl: () => "http://localhost" });
    host = await startTestHost({ loadApp: () => import("./apps/traces.ts"), queue: stores.queue, mode });
    outbox.queue = tracedQueue(wakeOnSend(stores.queue, host.wake), Date);
  });
  afterEach(async () => {
    await host.close();
    await stores.close();
    rmSync(folder, { recursive: true });
  });

  test("go from a request through the functions that its messages wake, and their failures; from a timer, too", async () => {
    await send(`${host.url}/ask`, { method: "POST", headers });
    await send(`${host.url}/ask`, { method: "POST" });
    await until(() => new Set(failed().map(({ traceId }) => traceId)).size === 3);
    expect(traces().get(TRACE_ID)).toEqual(["asked", "woken", "failed on purpose"]);
    expect([...traces().values()].sort()).toEqual([
      ["asked", "woken", "failed on purpose"],
      ["asked", "woken", "failed on purpose"],
      ["ticked", "woken", "failed on purpose"],
    ]);
    for (const traceId of traces().keys()) expect(traceId).toMatch(/^[\da-f]{32}$/);
  });

  test("name the span that a message says it was sent in", async () => {
    await send(`${host.url}/ask`, { method: "POST", headers });
    await until(async () => (await stores.queue.count("second-poison")) > 0);
    const sent = (await stores.queue.receive("second-poison", 32, 1)).map(({ body }) => JSON.parse(body).trace.parent);
    const woken = host.lines.filter(({ message }) => message === "woken");
    const spans = woken.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`);
    expect(spans).toEqual(expect.arrayContaining(sent));
    expect(host.lines.find(({ message }) => message === "asked")!.spanId).not.toBe(woken[0]!.spanId);
  });
});
