import { expect, it } from "vitest";
import { readCredential } from "../../shared/domain/access/credentials.ts";
import { createKey, holderOfKey, listKeys } from "../../shared/domain/access/keys.ts";
import { putMember } from "../../shared/domain/access/members.ts";
import { watchPurges } from "../../shared/domain/purge/background.ts";
import { purgeRecord } from "../../shared/domain/purge/purge.ts";
import { deleteRun } from "../../shared/domain/runs/runs.ts";
import {
  anHour,
  blobs,
  catalogOf,
  documentsOf,
  drain,
  fixture,
  fullRun,
  loseMessages,
  realm,
  setUpWorld,
  workspace,
} from "./purge/world.ts";
import { DAY, SECOND, withColdMemory } from "./support.ts";

setUpWorld();

const purging = async () => (await catalogOf()).filter((id) => id.startsWith("purge-"));

it("purge: comes to its end within the hour when the clock is set back a year between its sweeps", async () => {
  const runId = await fullRun("0");
  await deleteRun(workspace, runId);
  await purgeRecord(workspace, "run", runId);
  await drain();
  expect(await purging()).toHaveLength(1);
  fixture.clock.nowMs -= 365 * DAY;
  await anHour();
  expect([await documentsOf(runId), await purging()]).toEqual([[], []]);
});

it("purge: one whose message is lost is resumed, though the clock is set back a year", async () => {
  const runId = await fullRun("0");
  await deleteRun(workspace, runId);
  await purgeRecord(workspace, "run", runId);
  await loseMessages();
  fixture.clock.nowMs -= 365 * DAY;
  await watchPurges(realm, 30);
  await anHour();
  expect([await blobs(), await documentsOf(runId), await purging()]).toEqual([[], [], []]);
});

it("a key: its last use is noted again when the clock has been set back a year", async () => {
  await putMember(workspace, "ada", "contributor", "test");
  const { secret } = await createKey(workspace, { name: "k", member: "ada", createdBy: "test" });
  await holderOfKey(workspace, readCredential(secret)!);
  fixture.clock.nowMs -= 365 * DAY;
  fixture.clock.pass(30 * SECOND);
  await holderOfKey(withColdMemory(workspace), readCredential(secret)!);
  expect(await listKeys(workspace)).toMatchObject([{ lastUsedMs: fixture.clock.now() }]);
});
