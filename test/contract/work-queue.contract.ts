import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidArgument, PreconditionFailed, TooLarge } from "../../shared/stores/errors.ts";
import type { QueueMessage, WorkQueue } from "../../shared/stores/work-queue.ts";
import { MAX_MESSAGE_BYTES } from "../../shared/stores/work-queue.ts";
import { freshName, itNeeding, LONE_SURROGATE, refuses, type Unsupported } from "./support.ts";

/** Queues under an account of their own. */
export interface WorkQueueFixture {
  readonly queue: WorkQueue;
  /** A further instance on the same data. The first one is not used afterwards, so it may be closed. */
  another(): Promise<WorkQueue>;
  /** Lets a few seconds pass as the queue sees them. */
  pass(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** `time`: messages become visible, and `pass` brings the moment. */
export type WorkQueueNeed = "time";

interface WorkQueueSuite {
  readonly queue: () => WorkQueue;
  readonly pass: (seconds: number) => Promise<void>;
  readonly makeQueue: () => Promise<WorkQueueFixture>;
  readonly unsupported: Unsupported<WorkQueueNeed>;
}

const LONG = 300;

/** The laws of WorkQueue, as tests. */
export function workQueueContract(
  name: string,
  makeQueue: () => Promise<WorkQueueFixture>,
  { unsupported = {} }: { unsupported?: Unsupported<WorkQueueNeed> } = {},
): void {
  describe(`WorkQueue: ${name}`, () => {
    let fixture: WorkQueueFixture;
    beforeAll(async () => {
      fixture = await makeQueue();
    });
    afterAll(() => fixture?.close());
    const suite = { queue: () => fixture.queue, pass: (s: number) => fixture.pass(s), makeQueue, unsupported };
    sendAndReceiveLaws(suite);
    timeLaws(suite);
    receiptLaws(suite);
    bodyLaws(suite);
    nameLaws(suite);
  });
}

async function sendAll(queue: WorkQueue, name: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await queue.send(name, body);
}

function bodiesOf(messages: readonly QueueMessage[]): string[] {
  return messages.map(({ body }) => body);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `message ${i}`);
}

function sendAndReceiveLaws({ queue, makeQueue }: WorkQueueSuite): void {
  it("receive: gives what was sent, with its id and times", async () => {
    const name = freshName("queue");
    const id = await queue().send(name, "hello");
    const [message, ...others] = await queue().receive(name, 1, 30);
    expect(others).toEqual([]);
    expect(message).toMatchObject({ id, body: "hello", dequeueCount: 1 });
    expect(message?.popReceipt).not.toBe("");
    expect(message!.expiresAtMs - message!.insertedAtMs).toBeGreaterThanOrEqual(7 * 24 * 3600 * 1000);
    expect(message!.nextVisibleAtMs).toBeGreaterThan(message!.insertedAtMs);
  });

  it("receive: gives nothing from a queue that nobody used before", async () => {
    expect(await queue().receive(freshName("queue"), 32, 30)).toEqual([]);
  });

  it("receive: gives the oldest first", async () => {
    const name = freshName("queue");
    await sendAll(queue(), name, numbered(5));
    expect(bodiesOf(await queue().receive(name, 5, LONG))).toEqual(numbered(5));
  });

  it("receive: gives at most as many as asked for, and the next ones next time", async () => {
    const name = freshName("queue");
    await sendAll(queue(), name, numbered(40));
    const first = await queue().receive(name, 32, LONG);
    const second = await queue().receive(name, 32, LONG);
    expect([first.length, second.length]).toEqual([32, 8]);
    expect(new Set(bodiesOf([...first, ...second])).size).toBe(40);
  });

  it("receive: gives each message to one of twenty racing receivers", async () => {
    const name = freshName("queue");
    await sendAll(queue(), name, numbered(30));
    const received = await Promise.all(Array.from({ length: 20 }, () => queue().receive(name, 3, LONG)));
    const rest = await queue().receive(name, 32, LONG);
    expect(bodiesOf([...received.flat(), ...rest]).sort()).toEqual(numbered(30).sort());
  });

  it("receive: keeps queues apart", async () => {
    const [name, other] = [freshName("queue"), freshName("queue")];
    await queue().send(name, "here");
    expect(await queue().receive(other, 32, 30)).toEqual([]);
    expect(bodiesOf(await queue().receive(name, 32, 30))).toEqual(["here"]);
  });

  it("count: counts visible, delayed and invisible messages", async () => {
    const name = freshName("queue");
    expect(await queue().count(name)).toBe(0);
    await sendAll(queue(), name, numbered(3));
    await queue().send(name, "delayed", LONG);
    const [message] = await queue().receive(name, 1, LONG);
    expect(await queue().count(name)).toBe(4);
    await queue().remove(name, message!);
    expect(await queue().count(name)).toBe(3);
  });

  it("instances: another one receives what was sent, and takes receipts", async () => {
    const fixture = await makeQueue();
    try {
      const name = freshName("queue");
      await sendAll(fixture.queue, name, numbered(2));
      const [first] = await fixture.queue.receive(name, 1, LONG);
      const other = await fixture.another();
      expect(bodiesOf(await other.receive(name, 32, LONG))).toEqual(["message 1"]);
      await other.remove(name, first!);
      expect(await other.count(name)).toBe(1);
    } finally {
      await fixture.close();
    }
  });
}

function timeLaws({ queue, pass, unsupported }: WorkQueueSuite): void {
  const timed = itNeeding(unsupported)("time");

  timed("send: a delayed message becomes visible after its delay", async () => {
    const name = freshName("queue");
    await queue().send(name, "later", 2);
    expect(await queue().receive(name, 32, 30)).toEqual([]);
    await pass(3);
    expect(bodiesOf(await queue().receive(name, 32, 30))).toEqual(["later"]);
  });

  it("send: takes a delay of seven days", async () => {
    const name = freshName("queue");
    await queue().send(name, "much later", 7 * 24 * 3600);
    expect(await queue().receive(name, 32, 30)).toEqual([]);
    expect(await queue().count(name)).toBe(1);
  });

  timed("receive: a message comes again when its time is over, with a higher dequeueCount", async () => {
    const name = freshName("queue");
    await queue().send(name, "again");
    for (const dequeueCount of [1, 2, 3]) {
      const messages = await queue().receive(name, 32, 1);
      expect(messages).toMatchObject([{ body: "again", dequeueCount }]);
      expect(await queue().receive(name, 32, 1)).toEqual([]);
      await pass(2);
    }
  });

  timed("update: hides a message for longer", async () => {
    const name = freshName("queue");
    await queue().send(name, "held");
    const [message] = await queue().receive(name, 1, 2);
    await queue().update(name, message!, LONG);
    await pass(3);
    expect(await queue().receive(name, 32, 30)).toEqual([]);
  });

  timed("remove: takes a receipt whose time is over while nobody else received the message", async () => {
    const name = freshName("queue");
    await queue().send(name, "slow");
    const [message] = await queue().receive(name, 1, 1);
    await pass(2);
    await queue().remove(name, message!);
    expect(await queue().count(name)).toBe(0);
  });

  timed("remove, update: raise PreconditionFailed when somebody else has received the message", async () => {
    const name = freshName("queue");
    await queue().send(name, "taken");
    const [mine] = await queue().receive(name, 1, 1);
    await pass(2);
    const [theirs] = await queue().receive(name, 1, LONG);
    await refuses(queue().remove(name, mine!), PreconditionFailed);
    await refuses(queue().update(name, mine!, 0), PreconditionFailed);
    await queue().remove(name, theirs!);
  });
}

function receiptLaws({ queue }: WorkQueueSuite): void {
  async function received(body: string): Promise<{ name: string; message: QueueMessage }> {
    const name = freshName("queue");
    await queue().send(name, body);
    const [message] = await queue().receive(name, 1, LONG);
    return { name, message: message! };
  }

  it("remove: takes the message from the queue, once", async () => {
    const { name, message } = await received("done");
    await queue().remove(name, message);
    expect(await queue().count(name)).toBe(0);
    await refuses(queue().remove(name, message), PreconditionFailed);
  });

  it("remove: leaves the other messages", async () => {
    const { name, message } = await received("first");
    await queue().send(name, "second");
    await queue().remove(name, message);
    expect(bodiesOf(await queue().receive(name, 32, 30))).toEqual(["second"]);
  });

  it("update: with 0 seconds the message is visible at once, with a higher dequeueCount", async () => {
    const { name, message } = await received("back");
    await queue().update(name, message, 0);
    expect(await queue().receive(name, 32, 30)).toMatchObject([{ id: message.id, body: "back", dequeueCount: 2 }]);
  });

  it("update: replaces the body when one is given, and keeps it otherwise", async () => {
    const { name, message } = await received("step 1");
    const popReceipt = await queue().update(name, message, LONG, "step <2>");
    await queue().update(name, { id: message.id, popReceipt }, 0);
    expect(bodiesOf(await queue().receive(name, 32, 30))).toEqual(["step <2>"]);
  });

  it("update: gives a new receipt, and the old one raises PreconditionFailed", async () => {
    const { name, message } = await received("renewed");
    const popReceipt = await queue().update(name, message, LONG);
    expect(popReceipt).not.toBe(message.popReceipt);
    await refuses(queue().remove(name, message), PreconditionFailed);
    await refuses(queue().update(name, message, LONG), PreconditionFailed);
    await queue().remove(name, { id: message.id, popReceipt });
    expect(await queue().count(name)).toBe(0);
  });

  it("update: raises PreconditionFailed when the message is gone", async () => {
    const { name, message } = await received("gone");
    await queue().remove(name, message);
    await refuses(queue().update(name, message, 0), PreconditionFailed);
  });

  it("update: lets one of twenty racers win", async () => {
    const { name, message } = await received("contended");
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => queue().update(name, message, LONG)));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const each of results) if (each.status === "rejected") expect(each.reason).toBeInstanceOf(PreconditionFailed);
  });

  it("update: raises TooLarge or InvalidArgument for a body that cannot be sent, and keeps the message", async () => {
    const { name, message } = await received("good");
    await refuses(queue().update(name, message, 0, "x".repeat(MAX_MESSAGE_BYTES + 1)), TooLarge);
    await refuses(queue().update(name, message, 0, LONE_SURROGATE), InvalidArgument);
    await queue().update(name, message, 0);
    expect(bodiesOf(await queue().receive(name, 32, 30))).toEqual(["good"]);
  });
}

function bodyLaws({ queue }: WorkQueueSuite): void {
  it.each([
    ["XML", `<QueueMessage>&amp;&lt;]]><![CDATA[x]]><?xml?></QueueMessage>`],
    ["control characters", "\0\u0001\u0008\u001f\u007f"],
    ["line ends", "a\r\nb\nc\rd\u2028e\u2029f"],
    ["blanks around", "  a\t "],
    ["unicode", "größe 模型 🦆 e\u0301 \ufeff \uffff"],
    ["base64", "aGVsbG8="],
    ["JSON", JSON.stringify({ kind: "run-dispatch", "a.b": [1, "\u0000"] })],
    ["nothing", ""],
    ["48 KB of ASCII", "x".repeat(MAX_MESSAGE_BYTES)],
    ["48 KB of three bytes a character", "模".repeat(MAX_MESSAGE_BYTES / 3)],
  ])("send: a body of %s comes unchanged", async (_, body) => {
    const name = freshName("queue");
    await queue().send(name, body);
    expect(bodiesOf(await queue().receive(name, 1, 30))).toEqual([body]);
  });

  it.each([
    ["ASCII", "x".repeat(MAX_MESSAGE_BYTES + 1)],
    ["three bytes a character", "模".repeat(MAX_MESSAGE_BYTES / 3 + 1)],
  ])("send: raises TooLarge for more than 48 KB of %s", async (_, body) => {
    const name = freshName("queue");
    await refuses(queue().send(name, body), TooLarge);
    expect(await queue().count(name)).toBe(0);
  });

  it("send: raises InvalidArgument for a lone surrogate", async () => {
    const name = freshName("queue");
    await refuses(queue().send(name, LONE_SURROGATE), InvalidArgument);
    expect(await queue().count(name)).toBe(0);
  });
}

function nameLaws({ queue }: WorkQueueSuite): void {
  it.each(["abc", "run-dispatch", "a1-b2-c3", "0-9", "q".repeat(63)])("names: %s is one", async (name) => {
    await queue().send(name, "x");
    const [message] = await queue().receive(name, 1, 30);
    expect(message?.body).toBe("x");
    await queue().remove(name, message!);
  });

  it.each(["", "ab", "q".repeat(64), "Abc", "a_b", "a--b", "-ab", "ab-", "a.b", "a/b", "äbc", "abc\n"])(
    "names: %j raises InvalidArgument",
    async (name) => {
      await refuses(queue().send(name, "x"), InvalidArgument);
      await refuses(queue().receive(name, 1, 30), InvalidArgument);
      await refuses(queue().count(name), InvalidArgument);
    },
  );
}
