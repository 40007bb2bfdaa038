import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ErrorCode, WorkspaceError } from "../../shared/domain/errors.ts";
import { handleMessage, isDeterministic, type MessageHandler } from "../../shared/domain/handle-message.ts";
import { messageQueue } from "../../shared/domain/message-queue.ts";
import { FOLD_QUEUE, PURGE_QUEUE, SEAL_QUEUE, SNAPSHOT_QUEUE } from "../../shared/domain/queues.ts";
import {
  AlreadyExists,
  InvalidArgument,
  PreconditionFailed,
  StoreFull,
  StoreUnavailable,
  TooLarge,
} from "../../shared/stores/errors.ts";
import { type DomainFixture, domainFixture } from "./support.ts";

interface Toy {
  readonly id: string;
}

const TOYS = messageQueue<Toy>("toys", ({ id }) => ({ id: id("id") }));

let fixture: DomainFixture;
let handled: Toy[];

beforeAll(() => {
  fixture = domainFixture();
});
beforeEach(() => {
  handled = [];
});
afterAll(() => fixture.close());

const handler = (error?: unknown): MessageHandler<Toy> => ({
  handle: async (_, toy) => {
    handled.push(toy);
    if (error) throw error;
  },
});

/** Bodies that were put aside, taken out. */
async function aside(): Promise<string[]> {
  const { queue } = fixture.stores;
  const messages = await queue.receive("toys-poison", 32, 30);
  for (const message of messages) await queue.remove("toys-poison", message);
  return messages.map(({ body }) => body);
}

const work = (sent: unknown, how = handler()) => handleMessage(fixture.realm, TOYS, how, sent);

test("a queue: what is sent is what is read", async () => {
  const workspace = await fixture.freshWorkspace();
  const record = { workspaceId: workspace.id, recordId: "m-0123" };
  expect(FOLD_QUEUE.read({ ...record, trace: { parent: "x" } })).toEqual(record);
  expect(SEAL_QUEUE.read(record)).toEqual(record);
  expect(SNAPSHOT_QUEUE.read({ workspaceId: "w1", experimentId: "0" })).toEqual({
    workspaceId: "w1",
    experimentId: "0",
  });
  for (const message of [
    { kind: "run", workspaceId: "w1", id: "r" },
    { kind: "workspace", workspaceId: "w1" },
  ] as const) {
    expect(PURGE_QUEUE.read(JSON.parse(JSON.stringify(message)))).toEqual(message);
  }
});

test.each([
  ["text", "no JSON"],
  ["a list", [{ id: "a" }]],
  ["nothing", null],
  ["without its member", { toy: "a" }],
  ["a number for an id", { id: 7 }],
  ["an id that leads elsewhere", { id: "../a" }],
  ["an inherited member", Object.create({ id: "a" })],
])("a message that cannot be read (%s): is put aside at once, and handled by nobody", async (_, sent) => {
  const failed = await work(sent);
  expect(failed?.message).toMatch(/queue toys/);
  expect(handled).toEqual([]);
  expect(await aside()).toEqual([typeof sent === "string" ? sent : JSON.stringify(sent)]);
});

test("a purge of nothing that is known: the message names what is accepted", () => {
  expect(() => PURGE_QUEUE.read({ kind: "all", workspaceId: "w1" })).toThrow(
    `'kind' of a message of the queue purge is one of run, model, experiment, workspace, not "all".`,
  );
});

test("a message that would fail again: is put aside after one attempt, with the reason", async () => {
  const reason = new WorkspaceError("InvalidState", "It is a toy.");
  expect(await work({ id: "a" }, handler(reason))).toBe(reason);
  expect(handled).toEqual([{ id: "a" }]);
  expect(await aside()).toEqual(['{"id":"a"}']);
});

test("a message whose item has a state: the item fails, with the reason, and nothing is put aside", async () => {
  const reason = new WorkspaceError("NotFound", "No such toy.");
  const failed: unknown[] = [];
  const how: MessageHandler<Toy> = { ...handler(reason), fail: async (_, toy, why) => void failed.push([toy, why]) };
  expect(await work({ id: "a" }, how)).toBe(reason);
  expect(failed).toEqual([[{ id: "a" }, reason]]);
  expect(await aside()).toEqual([]);
});

test("an item that cannot be told that it failed: the message goes back to its queue", async () => {
  const away = new StoreUnavailable("away", 1);
  const how: MessageHandler<Toy> = {
    ...handler(new WorkspaceError("NotFound", "No such toy.")),
    fail: () => Promise.reject(away),
  };
  await expect(work({ id: "a" }, how)).rejects.toBe(away);
});

test.each([
  ["the store is away", new StoreUnavailable("away", 1)],
  ["somebody was faster", new PreconditionFailed("lost")],
  ["the disk is full", new StoreFull("full")],
  ["nobody has foreseen it", new TypeError("undefined is no function")],
])("a message that may succeed later (%s): goes back to its queue", async (_, error) => {
  await expect(work({ id: "a" }, handler(error))).rejects.toBe(error);
  expect(await aside()).toEqual([]);
});

test("what would fail again: every refusal but those that pass", () => {
  const codes: Record<ErrorCode, boolean> = {
    InvalidParameter: true,
    NotFound: true,
    AlreadyExists: true,
    InvalidState: true,
    Conflict: false,
    TooLarge: true,
    Unauthenticated: true,
    PermissionDenied: true,
    NotImplemented: true,
    TooManyRequests: false,
    Unavailable: false,
    StorageFull: false,
  };
  for (const [code, expected] of Object.entries(codes)) {
    expect([code, isDeterministic(new WorkspaceError(code as ErrorCode, ""))]).toEqual([code, expected]);
  }
  expect([new InvalidArgument(""), new TooLarge("")].every(isDeterministic)).toBe(true);
  expect([new AlreadyExists(""), "text", undefined].some(isDeterministic)).toBe(false);
});
