import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { listMembers, putMember, recentMember, removeMember } from "../../../shared/domain/access/members.ts";
import type { Workspace } from "../../../shared/domain/workspace.ts";
import { type DomainFixture, domainFixture, raceOf, refusal, SECOND, withColdMemory } from "../support.ts";
import { countingReads } from "./counting-reads.ts";

let fixture: DomainFixture;
let workspace: Workspace;

beforeAll(() => {
  fixture = domainFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  workspace = await fixture.freshWorkspace();
});

const put = (id: string, role: "reader" | "contributor" | "owner", at = workspace) => putMember(at, id, role, "test");
const ids = async () => (await listMembers(workspace)).map(({ id, role }) => `${id} ${role}`);

describe("members of a workspace", () => {
  test("putMember: adds, and changes the role; ids have no case; the list is in order", async () => {
    await put("Zoe@example.org", "owner");
    await put("6F9619FF-8B86-D011-B42D-00CF4FC964FF", "reader");
    await put("zoe@EXAMPLE.org", "owner");
    await put("6f9619ff-8b86-d011-b42d-00cf4fc964ff", "contributor");
    expect(await ids()).toEqual(["6f9619ff-8b86-d011-b42d-00cf4fc964ff contributor", "zoe@example.org owner"]);
  });

  test.each(["", " ", "a b", "-a", "a-", "a/b", "(local host)", "ä", "a\n", "x".repeat(129)])(
    "putMember: refuses the id %j",
    async (id) => {
      await expect(async () => put(id, "reader")).rejects.toEqual(refusal("InvalidParameter"));
    },
  );

  test("putMember, removeMember: the last owner stays owner", async () => {
    await put("one", "owner");
    await put("two", "contributor");
    await expect(put("one", "contributor")).rejects.toEqual(refusal("InvalidState", /last owner/));
    await expect(removeMember(workspace, "one")).rejects.toEqual(refusal("InvalidState", /last owner/));
    await put("two", "owner");
    await removeMember(workspace, "one");
    expect(await ids()).toEqual(["two owner"]);
    await expect(removeMember(workspace, "one")).rejects.toEqual(refusal("NotFound"));
  });

  test("removeMember, putMember: of owners who go at once, in one process or two, one stays", async () => {
    const elsewhere = withColdMemory(workspace);
    const owners = ["a", "b", "c", "d", "e", "f"];
    for (const id of owners) await put(id, "owner");
    const { winners, refusals } = await raceOf([
      ...owners.slice(0, 3).map((id) => removeMember(workspace, id)),
      ...owners.slice(3).map((id) => put(id, "reader", elsewhere)),
    ]);
    expect(winners).toHaveLength(5);
    expect(refusals).toEqual(["InvalidState"]);
    expect((await listMembers(workspace)).filter(({ role }) => role === "owner")).toHaveLength(1);
  });

  test("putMember: of two who come first at once, both are in", async () => {
    const elsewhere = withColdMemory(workspace);
    await Promise.all([put("a", "owner"), put("b", "owner", elsewhere)]);
    expect(await ids()).toEqual(["a owner", "b owner"]);
  });

  test("recentMember: a change counts at once here, within 30 s in another process", async () => {
    const elsewhere = withColdMemory(workspace);
    await put("a", "owner");
    await put("b", "reader");
    expect(await recentMember(elsewhere, "b")).toMatchObject({ role: "reader" });
    expect(await recentMember(workspace, "b")).toMatchObject({ role: "reader" });
    await removeMember(workspace, "b");
    expect(await recentMember(workspace, "b")).toBeUndefined();
    fixture.clock.pass(30 * SECOND);
    expect(await recentMember(elsewhere, "b")).toBeUndefined();
  });

  test("recentMember: who is made a member elsewhere is in within a second, also with a membership of before", async () => {
    const elsewhere = withColdMemory(workspace);
    await put("a", "owner");
    expect(await recentMember(elsewhere, "b")).toBeUndefined();
    const { membership } = await put("b", "reader");
    fixture.clock.pass(SECOND);
    expect(await recentMember(elsewhere, "b", membership)).toMatchObject({ role: "reader" });
    await removeMember(workspace, "b");
    const again = await put("b", "contributor");
    expect(await recentMember(elsewhere, "b", again.membership)).toBeUndefined();
    fixture.clock.pass(SECOND);
    expect(await recentMember(elsewhere, "b", again.membership)).toMatchObject({ role: "contributor" });
    expect(await recentMember(elsewhere, "b", membership)).toBeUndefined();
  });

  test("recentMember: strangers do not make it read for each request", async () => {
    const { counted, reads } = countingReads(workspace);
    for (let i = 0; i < 100; i++) await recentMember(counted, `stranger-${i}`);
    expect(reads()).toBe(1);
    fixture.clock.pass(SECOND);
    await Promise.all(Array.from({ length: 100 }, (_, i) => recentMember(counted, `stranger-${i}`)));
    expect(reads()).toBe(2);
  });

  test("recentMember: somebody who is a member is read once in 30 s", async () => {
    await put("a", "owner");
    const { counted, reads } = countingReads(withColdMemory(workspace));
    for (let i = 0; i < 29; i++) {
      expect(await recentMember(counted, "a")).toBeDefined();
      fixture.clock.pass(SECOND);
    }
    expect(reads()).toBe(1);
    fixture.clock.pass(SECOND);
    await recentMember(counted, "a");
    expect(reads()).toBe(2);
  });

  test("recentMember: what cannot be read is an error, not a stranger", async () => {
    const { catalog } = workspace.stores.documents;
    const failing = Object.assign(Object.create(catalog), { get: () => Promise.reject(new Error("outage")) });
    const documents = { ...workspace.stores.documents, catalog: failing };
    const blind = { ...workspace, stores: { ...workspace.stores, documents } };
    await put("a", "owner");
    await expect(recentMember(blind, "a")).rejects.toThrow("outage");
    expect(await recentMember(workspace, "a")).toBeDefined();
  });
});
