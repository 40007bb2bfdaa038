import { beforeAll, describe, expect, test, vi } from "vitest";
import { appendEvent } from "../../shared/domain/events/events.ts";
import { openWorkspace } from "../../shared/domain/workspaces.ts";
import { BEYOND_LIMIT, leavesEvent } from "../../shared/http/event-log.ts";
import type { Route } from "../../shared/http/serve.ts";
import { mlflowRoutes } from "../../shared/mlflow/dialect.ts";
import { restRoutes } from "../../shared/rest/routes.ts";
import { DAY, SECOND } from "../domain/support.ts";
import { PLANTED } from "../setup/secrets.ts";
import { useGuarded } from "./guarded.ts";
import { useInProcess } from "./in-process.ts";
import { type Client, type Input, ok, requestFor, routeNamed } from "./support.ts";
import { VALID } from "./valid-requests.ts";
import { callRest, VALID_REST } from "./valid-rest.ts";
import { createWorld, type World } from "./world.ts";

const ALL_ROUTES: Route[] = [...mlflowRoutes, ...restRoutes];
const WITHOUT_EVENT = ALL_ROUTES.filter(({ withoutEvent }) => withoutEvent !== undefined);

interface EventJson {
  readonly id: string;
  readonly time: string;
  readonly action: string;
  readonly outcome: string;
  readonly caller: { kind: string; id: string; keyId?: string };
  readonly from?: string;
  readonly forwardedFor?: string;
  readonly resources: Record<string, string>;
  readonly times?: number;
}

async function eventsOf(client: Client, query: Input = {}, workspace = "default"): Promise<EventJson[]> {
  const { value } = await ok(
    callRest(client, "events_list", { path: { workspace }, query: { pageSize: 1000, ...query } }),
  );
  return value;
}

describe("what leaves an event", () => {
  const app = useInProcess();
  let team = 0;

  /** Requests that do something, where those of the tables are refused. */
  const WORKING: Record<string, (world: World) => Promise<unknown>> = {
    workspaces_delete: async () => {
      const name = `fleeting-${++team}`;
      await ok(app.client.call("workspaces_create", { name }));
      return app.client.call("workspaces_delete", {}, { name });
    },
  };

  async function doMlflow(name: string): Promise<void> {
    const world = await createWorld(app.client);
    if (WORKING[name]) return void (await WORKING[name](world));
    const { input, path, body } = VALID[name]!(world);
    const { method, target, sending } = requestFor(routeNamed(name), input ?? {}, path);
    await app.client.send(method, target, body === undefined ? sending : { body });
  }

  async function newEvents(act: () => Promise<unknown>): Promise<EventJson[]> {
    const before = new Set((await eventsOf(app.client)).map(({ id }) => id));
    await act();
    return (await eventsOf(app.client)).filter(({ id }) => !before.has(id));
  }

  const changes = ({ method, permission }: Route) =>
    permission === "secrets" || (method !== "GET" && permission !== "read" && permission !== "none");

  describe.each([
    ["MLflow", mlflowRoutes.filter(changes), doMlflow],
    [
      "REST",
      restRoutes.filter(changes),
      async (name: string) => callRest(app.client, name, VALID_REST[name]!(await createWorld(app.client))),
    ],
  ] as const)("%s", (_, routes, act) => {
    const eventful = routes.filter(({ withoutEvent }) => withoutEvent === undefined);
    test.each(eventful)("$name: leaves an event", async ({ name }) => {
      const events = await newEvents(() => act(name));
      const own = events.filter(({ action }) => action === name);
      expect(own.length, JSON.stringify(events.map(({ action }) => action))).toBeGreaterThanOrEqual(1);
      expect(own[0]).toMatchObject({ outcome: "allowed", caller: { kind: "loopback", id: "loopback" } });
      expect(own[0]!.resources).not.toEqual({});
    });
  });

  test("what is logged leaves none", async () => {
    for (const { name } of WITHOUT_EVENT) {
      const events = await newEvents(() => doMlflow(name));
      expect(
        events.filter(({ action }) => action === name),
        name,
      ).toEqual([]);
    }
  });

  test("every exception is an operation that changes something, and has a reason", () => {
    expect(WITHOUT_EVENT.length).toBeGreaterThan(10);
    for (const route of WITHOUT_EVENT) {
      expect(changes(route), route.name).toBe(true);
      expect(route.withoutEvent).toMatch(/\w+ \w+/);
    }
    for (const route of ALL_ROUTES) {
      expect(leavesEvent(route), route.name).toBe(changes(route) && !WITHOUT_EVENT.includes(route));
    }
  });

  test("what was refused for its content, and what only reads, leaves none", async () => {
    const events = await newEvents(async () => {
      await app.client.call("experiments_create", { name: "" });
      await app.client.call("runs_delete", { run_id: "0".repeat(32) });
      await app.client.call("experiments_search", { max_results: 5 });
    });
    expect(events).toEqual([]);
  });

  test("an event names what came into being", async () => {
    const [event] = await newEvents(() => app.client.call("runs_create", { experiment_id: "0", run_name: "r" }));
    const { runs } = await ok(app.client.call("runs_search", { experiment_ids: ["0"], max_results: 1 }));
    expect(event).toMatchObject({
      action: "runs_create",
      resources: { experimentId: "0", runId: runs[0].info.run_id },
    });
  });

  test("an event tells the parts of a path as they are, not as they were escaped", async () => {
    const [event] = await newEvents(() => app.client.call("artifacts_delete", {}, { path: "my models/ä.txt" }));
    expect(event).toMatchObject({ action: "artifacts_delete", resources: { path: "my models/ä.txt" } });
  });

  test("tells no secret, and nothing of what was sent but names", async () => {
    const secret = `ghp_${"0".repeat(36)}`;
    const [event] = await newEvents(() =>
      app.client.call("experiments_create", { name: `pasted ${secret}`, tags: [{ key: "k", value: "confidential" }] }),
    );
    expect(JSON.stringify(event)).not.toContain(secret);
    expect(JSON.stringify(event)).not.toContain("confidential");
  });
});

describe("events over REST", () => {
  const guarded = useGuarded();
  const TEAM = "team-a";
  let contributor: { secret: string; keyId: string; member: string };
  let inside: Client;

  beforeAll(async () => {
    await guarded.createWorkspace(TEAM);
    await guarded.createWorkspace("team-b");
    contributor = await guarded.keyFor(TEAM, "contributor");
    inside = guarded.as(contributor.secret).under(`/w/${TEAM}`);
  });

  const settled = async (query: Input = {}, workspace = TEAM) => {
    await guarded.app.events.settled();
    return eventsOf(guarded.admin, query, workspace);
  };

  test("tell who did what, with which key, from where, newest first", async () => {
    const headers = { "x-forwarded-for": "203.0.113.9, 198.51.100.7:4711" };
    await ok(inside.under("", headers).call("experiments_create", { name: "first" }));
    guarded.clock.pass(SECOND);
    await ok(inside.call("experiments_create", { name: "second" }));
    const [second, first] = await settled({ action: "experiments_create" });
    expect(first).toMatchObject({
      outcome: "allowed",
      caller: { kind: "key", id: contributor.member, keyId: contributor.keyId },
      from: "198.51.100.7",
      forwardedFor: "203.0.113.9",
      resources: { name: "first", experimentId: expect.stringMatching(/^\d+$/) },
    });
    expect(Date.parse(second!.time) - Date.parse(first!.time)).toBe(SECOND);
  });

  test("come in pages of some MB, however many were asked for", async () => {
    const workspace = await openWorkspace(guarded.app.realm, TEAM);
    const resources = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`r${i}`, "é".repeat(200)]));
    const event = { action: "large", outcome: "allowed", caller: { kind: "key", id: "x" }, resources } as const;
    for (let i = 0; i < 700; i++) await appendEvent(workspace, { ...event, timeMs: guarded.clock.nowMs + i }, 1);
    guarded.clock.pass(SECOND);
    const list = (query: Input) => callRest(guarded.admin, "events_list", { path: { workspace: TEAM }, query });
    const first = await list({ action: "large", pageSize: 1000 });
    expect(first.bytes.length).toBeLessThan(5 * 1024 * 1024);
    const rest = await list({ action: "large", pageSize: 1000, pageToken: first.json.nextPageToken });
    expect(first.json.value.length + rest.json.value.length).toBe(700);
  });

  test("tell no secret that came as an address", async () => {
    const headers = { "x-forwarded-for": `${PLANTED.jwt}, sig=${PLANTED.jwt.slice(-150)}, ${PLANTED.apiKey}` };
    guarded.clock.pass(SECOND);
    await ok(inside.under("", headers).call("experiments_create", { name: "pasted" }));
    const [event] = await settled({ action: "experiments_create" });
    expect(event).toMatchObject({ from: "[hidden]", forwardedFor: "[hidden], sig=[hidden]" });
  });

  test("tell the owners of a workspace whom it refused: strangers too, who are told that it is not there", async () => {
    const stranger = await guarded.keyFor("team-b", "owner");
    await guarded
      .as(stranger.secret)
      .under(`/w/${TEAM}`)
      .call("runs_search", { experiment_ids: ["0"] });
    guarded.clock.pass(SECOND);
    await callRest(guarded.as(contributor.secret), "members_put", {
      path: { workspace: TEAM, member: "me" },
      json: { role: "owner" },
    });
    const refused = await settled({ outcome: "refused" });
    expect(refused).toMatchObject([
      { action: "members_put", caller: { id: contributor.member }, resources: { member: "me", workspace: TEAM } },
      { action: "runs_search", caller: { kind: "key", id: stranger.member, keyId: stranger.keyId } },
    ]);
    expect(await settled({ outcome: "refused" }, "team-b")).toEqual([]);
  });

  test("tell the owners of default who came without credentials, once a minute for each address", async () => {
    const nobody = (from: string) => guarded.app.client.under(`/w/${TEAM}`, { "x-forwarded-for": from });
    const knock = () => nobody("192.0.2.1").call("experiments_search", { max_results: 1 });
    for (let i = 0; i < 5; i++) await knock();
    await nobody("192.0.2.2").call("experiments_search", { max_results: 1 });
    const query = { outcome: "refused", caller: "anonymous" };
    expect((await settled(query, "default")).map(({ from }) => from).sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
    guarded.clock.pass(60 * SECOND);
    const [more, ...first] = await settled(query, "default");
    expect(more).toMatchObject({ action: "experiments_search", from: "192.0.2.1", times: 4 });
    expect(first.map(({ times }) => times)).toEqual([undefined, undefined]);
  });

  test("tell what a reader tried, however many strangers are refused in the same minute, and how many those were", async () => {
    guarded.clock.pass(60 * SECOND);
    const { secret, member } = await guarded.keyFor(TEAM, "reader");
    for (let i = 0; i < 310; i++) {
      const from = { "x-forwarded-for": `198.18.${i >> 8}.${i & 255}` };
      await guarded.app.client.under("", from).call("experiments_search", { max_results: 1 });
    }
    const inside = guarded.as(secret).under(`/w/${TEAM}`);
    for (const operation of ["experiments_delete", "experiments_restore"]) {
      expect((await inside.call(operation, { experiment_id: "0" })).status).toBe(403);
    }
    const tried = await settled({ outcome: "refused", caller: member });
    expect(tried.map(({ action }) => action).sort()).toEqual(["experiments_delete", "experiments_restore"]);
    guarded.clock.pass(60 * SECOND);
    const [beyond] = await settled({ action: BEYOND_LIMIT }, "default");
    expect(beyond).toMatchObject({ caller: { kind: "anonymous" }, times: 10, outcome: "refused", resources: {} });
  });

  test("come again after a minute, though the clock is set back by an hour", async () => {
    const knock = () =>
      guarded.app.client
        .under(`/w/${TEAM}`, { "x-forwarded-for": "192.0.2.7" })
        .call("experiments_search", { max_results: 1 });
    const noted = async () =>
      (await settled({ outcome: "refused", caller: "anonymous" }, "default")).filter(
        ({ from, times }) => from === "192.0.2.7" && times === undefined,
      ).length;
    await knock();
    guarded.clock.nowMs -= 3600 * SECOND;
    guarded.clock.pass(59 * SECOND);
    await knock();
    expect(await noted()).toBe(1);
    guarded.clock.pass(SECOND);
    await knock();
    expect(await noted()).toBe(2);
    guarded.clock.nowMs += 3600 * SECOND;
  });

  test("are limited in number, whoever is refused how often", async () => {
    guarded.clock.pass(60 * SECOND);
    const before = (await settled({}, "default")).length;
    for (let i = 0; i < 400; i++) {
      await guarded.app.client.under("", { "x-forwarded-for": `10.0.${i >> 8}.${i & 255}` }).call("workspaces_list");
    }
    const noted = (await settled({}, "default")).length - before;
    expect(noted).toBe(300);
    guarded.clock.pass(60 * SECOND);
    expect((await settled({}, "default"))[0]).toMatchObject({ action: BEYOND_LIMIT, times: 100 });
  });

  test("tell the owners of default what becomes of workspaces", async () => {
    guarded.clock.pass(SECOND);
    await ok(callRest(guarded.admin, "workspaces_create", { json: { name: "brief" } }));
    guarded.clock.pass(SECOND);
    await callRest(guarded.admin, "workspaces_delete", { path: { workspace: "brief" } });
    const [deleted, created] = await settled({}, "default");
    expect([deleted, created]).toMatchObject([
      { action: "workspaces_delete", resources: { workspace: "brief" } },
      { action: "workspaces_create", resources: { name: "brief" } },
    ]);
  });

  test.each<[query: Input, expected: RegExp]>([
    [{ action: "keys_create" }, /^(keys_create,?)+$/],
    [{ resource: "second" }, /^experiments_create$/],
    [{ caller: "owner", action: "members_put", outcome: "allowed" }, /^(members_put,?)+$/],
    [{ outcome: "refused" }, /^(members_put|runs_search|experiments_\w+|,)+$/],
    [{ caller: "nobody" }, /^$/],
    [{ action: "keys_create", outcome: "refused" }, /^$/],
    [{ to: "2020-01-01T00:00:00Z" }, /^$/],
    [{ from: "2090-01-01T00:00:00Z" }, /^$/],
  ])("are filtered by %o", async (query, expected) => {
    expect((await settled(query)).map(({ action }) => action).join()).toMatch(expected);
  });

  test("are filtered by a key", async () => {
    const found = await settled({ caller: contributor.keyId });
    expect(found.length).toBeGreaterThan(0);
    expect(new Set(found.map(({ caller }) => caller.keyId))).toEqual(new Set([contributor.keyId]));
  });

  test("are paged over days, each once, whatever comes meanwhile", async () => {
    const key = await guarded.keyFor(TEAM, "contributor", { expiresInDays: 3650 });
    const busy = guarded.as(key.secret).under(`/w/${TEAM}`);
    for (let i = 0; i < 12; i++) {
      await ok(busy.call("experiments_create", { name: `paged ${i}` }));
      guarded.clock.pass(DAY / 4);
    }
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const query = { caller: key.member, pageSize: 5, ...(pageToken && { pageToken }) };
      const page = await ok(callRest(guarded.admin, "events_list", { path: { workspace: TEAM }, query }));
      seen.push(...page.value.map(({ resources }: EventJson) => resources.name));
      pageToken = page.nextPageToken;
      await ok(busy.call("experiments_create", { name: `meanwhile ${seen.length}` }));
    } while (pageToken);
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `paged ${11 - i}`));
  });

  test("a page token of another workspace, another query, or of nobody, is refused", async () => {
    const token = async (workspace: string, query: Input) =>
      (await ok(callRest(guarded.admin, "events_list", { path: { workspace }, query: { pageSize: 1, ...query } })))
        .nextPageToken;
    const foreign = await token("default", {});
    const ours = await token(TEAM, {});
    const forged = [foreign, Buffer.from("[1,2,3,4,5]").toString("base64url"), "x", "\0", ours.slice(0, -4)];
    const parts = JSON.parse(Buffer.from(ours, "base64url").toString());
    for (const day of [-1, 1e300, null, "1", 1e9]) {
      forged.push(Buffer.from(JSON.stringify([...parts.slice(0, 3), day, parts[4]])).toString("base64url"));
    }
    for (const pageToken of forged) {
      const answer = await callRest(guarded.admin, "events_list", { path: { workspace: TEAM }, query: { pageToken } });
      expect(answer.status, pageToken).toBe(400);
    }
    const query = { pageToken: ours, action: "keys_create" };
    expect((await callRest(guarded.admin, "events_list", { path: { workspace: TEAM }, query })).status).toBe(400);
  });

  test("are for owners", async () => {
    const path = { workspace: TEAM };
    const { secret } = await guarded.keyFor(TEAM, "contributor");
    expect((await callRest(guarded.as(secret), "events_list", { path })).status).toBe(403);
    const owner = await guarded.keyFor(TEAM, "owner");
    expect((await callRest(guarded.as(owner.secret), "events_list", { path })).status).toBe(200);
  });

  test("are kept for so many days", async () => {
    const before = (await settled({ caller: contributor.member })).length;
    expect(before).toBeGreaterThan(0);
    guarded.clock.pass(90 * DAY);
    const query = { caller: contributor.member, from: "2000-01-01T00:00:00Z" };
    expect(await settled(query)).toEqual([]);
  });
});

describe("events of refusals", () => {
  const guarded = useGuarded();

  test("tell how often it came again when the minute is over, also when nobody is refused any more", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const nobody = guarded.app.client.under("", { "x-forwarded-for": "192.0.2.3" });
      for (let i = 0; i < 3; i++) await nobody.call("experiments_search", { max_results: 1 });
      guarded.clock.pass(60 * SECOND);
      vi.advanceTimersByTime(60 * SECOND);
    } finally {
      vi.useRealTimers();
    }
    await vi.waitFor(async () => {
      const told = await eventsOf(guarded.admin, { caller: "anonymous" });
      expect(told[0]).toMatchObject({ from: "192.0.2.3", times: 2 });
    });
  });
});
