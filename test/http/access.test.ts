import { beforeAll, describe, expect, test } from "vitest";
import { DAY } from "../domain/support.ts";
import { useGuarded } from "./guarded.ts";
import { type Client, ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";

const guarded = useGuarded();
const TEAM = { workspace: "team-a" };

beforeAll(async () => {
  await guarded.createWorkspace("team-a");
  await guarded.createWorkspace("team-b");
});

const search = (client: Client) => client.call("experiments_search", { max_results: 5 });
const inTeam = (client: Client) => client.under("/w/team-a");
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

describe("coming with a key", () => {
  test("as a token, or as the password of any user", async () => {
    const { secret } = await guarded.keyFor("team-a", "reader");
    for (const authorization of [`Bearer ${secret}`, `bearer  ${secret}`, basic("me", secret), basic("", secret)]) {
      const client = inTeam(guarded.app.client).under("", { authorization });
      expect((await search(client)).status, authorization.slice(0, 8)).toBe(200);
    }
  });

  test("without one, or with what is none, everybody is refused alike", async () => {
    const { secret } = await guarded.keyFor("team-a", "reader");
    const wrong = [
      undefined,
      "",
      secret,
      "Bearer",
      "Bearer ",
      `Bearer ${secret}x`,
      `Bearer ${secret.slice(0, -1)}`,
      `Bearer ${secret} ${secret}`,
      `Digest ${secret}`,
      basic(secret, ""),
      basic("me", `${secret}:`),
      `Basic ${secret}`,
      `Bearer cairn_key_w0000000000000000_${"0".repeat(64)}`,
      "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.",
      `Bearer ${"x".repeat(100_000)}`,
    ];
    for (const authorization of wrong) {
      const client = guarded.app.client.under("", authorization === undefined ? {} : { authorization });
      const answer = await search(inTeam(client));
      expect([answer.status, answer.json], authorization?.slice(0, 20)).toEqual([
        401,
        { error_code: "UNAUTHENTICATED", message: "The request carries no valid credentials." },
      ]);
      expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
      const rest = await callRest(client, "workspaces_list", {});
      expect([rest.status, rest.json.title]).toEqual([401, "Unauthenticated"]);
      expect(rest.headers["www-authenticate"]).toMatch(/^Bearer/);
    }
  });

  test("a revoked key, and a member who was taken out, are out at once", async () => {
    const first = await guarded.keyFor("team-a", "contributor");
    const second = await guarded.keyFor("team-a", "contributor");
    for (const { secret } of [first, second]) expect((await search(inTeam(guarded.as(secret)))).status).toBe(200);
    const revoked = await callRest(guarded.admin, "keys_revoke", { path: { ...TEAM, keyId: first.keyId } });
    expect(revoked.status).toBe(204);
    const taken = await callRest(guarded.admin, "members_delete", { path: { ...TEAM, member: second.member } });
    expect(taken.status).toBe(204);
    for (const { secret } of [first, second]) expect((await search(inTeam(guarded.as(secret)))).status).toBe(401);
  });

  test("a lower role counts from the next request", async () => {
    const { secret, member } = await guarded.keyFor("team-a", "contributor");
    const client = inTeam(guarded.as(secret));
    await ok(client.call("experiments_create", { name: "before" }));
    await ok(callRest(guarded.admin, "members_put", { path: { ...TEAM, member }, json: { role: "reader" } }));
    const refused = await client.call("experiments_create", { name: "after" });
    expect([refused.status, refused.json.error_code]).toEqual([403, "PERMISSION_DENIED"]);
    expect((await search(client)).status).toBe(200);
  });

  test("a key lives 90 days unless said otherwise", async () => {
    const { secret } = await guarded.keyFor("team-a", "reader");
    const brief = await guarded.keyFor("team-a", "reader", { expiresInDays: 1 });
    guarded.clock.pass(DAY);
    expect((await search(inTeam(guarded.as(brief.secret)))).status).toBe(401);
    guarded.clock.pass(89 * DAY - 1);
    expect((await search(inTeam(guarded.as(secret)))).status).toBe(200);
    guarded.clock.pass(1);
    expect((await search(inTeam(guarded.as(secret)))).status).toBe(401);
  });
});

describe("keys over REST", () => {
  test("keys_create: shows the key once; keys_list never", async () => {
    const { secret, keyId, member } = await guarded.keyFor("team-a", "contributor", { role: "reader" });
    const listed = await callRest(guarded.admin, "keys_list", { path: TEAM });
    const found = listed.json.value.find(({ id }: { id: string }) => id === keyId);
    expect(found).toMatchObject({ member, role: "reader", createdBy: "owner" });
    expect(listed.text).not.toContain(secret.slice(-64));
    expect((await inTeam(guarded.as(secret)).call("experiments_create", { name: "x" })).status).toBe(403);
  });

  test("a key that is no owner's makes, lists and revokes none", async () => {
    const { secret, member, keyId } = await guarded.keyFor("team-a", "contributor");
    const client = guarded.as(secret);
    for (const [name, request] of [
      ["keys_create", { json: { name: "more", member } }],
      ["keys_list", {}],
      ["keys_revoke", { path: { keyId } }],
    ] as const) {
      const answer = await callRest(client, name, {
        ...request,
        path: { ...TEAM, ...("path" in request && request.path) },
      });
      expect([answer.status, answer.json.title], name).toEqual([403, "PermissionDenied"]);
    }
  });

  test.each([
    ["no name", { member: "owner" }, 400],
    ["an empty name", { name: "", member: "owner" }, 400],
    ["an unknown role", { name: "k", member: "owner", role: "admin" }, 400],
    ["a prototype's name as role", { name: "k", member: "owner", role: "constructor" }, 400],
    ["no time to live", { name: "k", member: "owner", expiresInDays: 0 }, 400],
    ["an unknown field", { name: "k", member: "owner", hash: "0" }, 400],
    ["no member", { name: "k", member: "nobody" }, 404],
  ])("keys_create: %s is refused", async (_, json, status) => {
    const before = await ok(callRest(guarded.admin, "keys_list", { path: TEAM }));
    expect((await callRest(guarded.admin, "keys_create", { path: TEAM, json })).status).toBe(status);
    expect(await ok(callRest(guarded.admin, "keys_list", { path: TEAM }))).toEqual(before);
  });

  test("keys_revoke: of another workspace, or unknown, is not found", async () => {
    const { keyId } = await guarded.keyFor("team-b", "reader");
    expect((await callRest(guarded.admin, "keys_revoke", { path: { ...TEAM, keyId } })).status).toBe(404);
    expect((await callRest(guarded.admin, "keys_revoke", { path: { ...TEAM, keyId: "0".repeat(16) } })).status).toBe(
      404,
    );
  });
});

describe("members over REST", () => {
  test("members_list: every member sees who the others are", async () => {
    const { secret, member } = await guarded.keyFor("team-a", "reader");
    const { value } = await ok(callRest(guarded.as(secret), "members_list", { path: TEAM }));
    expect(value).toContainEqual({ id: member, role: "reader", addedTime: expect.any(String), addedBy: "owner" });
  });

  test("members_put, members_delete: the last owner stays, and the refusal says why", async () => {
    await guarded.createWorkspace("team-c");
    const path = { workspace: "team-c", member: "owner" };
    for (const [name, json] of [
      ["members_put", { role: "reader" }],
      ["members_delete", undefined],
    ] as const) {
      const { status, json: body } = await callRest(guarded.admin, name, { path, json });
      expect([status, body.title, body.detail]).toEqual([409, "InvalidState", expect.stringMatching(/last owner/)]);
    }
  });
});

describe("workspaces and their callers", () => {
  const names = async (client: Client) =>
    (await ok(callRest(client, "workspaces_list", {}))).value.map(({ name }: { name: string }) => name);
  const mlflowNames = async (client: Client) =>
    (await ok(client.call("workspaces_list"))).workspaces.map(({ name }: { name: string }) => name);

  test("a foreign workspace is answered word for word like one that does not exist", async () => {
    const { secret } = await guarded.keyFor("team-b", "owner");
    const client = guarded.as(secret);
    const unlike = ({ status, text, headers }: Awaited<ReturnType<Client["call"]>>, name: string) => ({
      status,
      headers,
      text: text.replaceAll(name, "it"),
    });
    const asked = async (name: string) => [
      unlike(await search(client.under(`/w/${name}`)), name),
      unlike(await client.call("workspaces_get", {}, { name }), name),
      unlike(await client.call("workspaces_delete", {}, { name }), name),
      unlike(await callRest(client, "workspaces_get", { path: { workspace: name } }), name),
      unlike(
        await callRest(client, "members_put", { path: { workspace: name, member: "x" }, json: { role: "owner" } }),
        name,
      ),
    ];
    const foreign = await asked("team-a");
    expect(foreign.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    expect(foreign).toEqual(await asked("nobody"));
  });

  test("workspaces_list: shows what the caller has a part in; the owners of default have a part in all", async () => {
    const { secret } = await guarded.keyFor("team-a", "reader");
    expect(await names(guarded.as(secret))).toEqual(["team-a"]);
    expect(await mlflowNames(guarded.as(secret))).toEqual(["team-a"]);
    const home = await guarded.keyFor("default", "contributor");
    expect(await names(guarded.as(home.secret))).toEqual(["default"]);
    const second = await guarded.keyFor("default", "owner");
    expect(await names(guarded.as(second.secret))).toEqual(expect.arrayContaining(["default", "team-a", "team-b"]));
    const limited = await guarded.keyFor("default", "owner", { role: "contributor" });
    expect(await names(guarded.as(limited.secret))).toEqual(["default"]);
  });

  test("workspaces_create: only owners of default make workspaces, and own them", async () => {
    for (const [workspace, role] of [
      ["default", "contributor"],
      ["team-b", "owner"],
    ] as const) {
      const { secret } = await guarded.keyFor(workspace, role);
      const client = guarded.as(secret);
      expect((await callRest(client, "workspaces_create", { json: { name: "mine" } })).status).toBe(403);
      expect((await client.call("workspaces_create", { name: "mine" })).status).toBe(403);
    }
    const { secret, member } = await guarded.keyFor("default", "owner");
    await ok(guarded.as(secret).call("workspaces_create", { name: "mine" }));
    const { value } = await ok(callRest(guarded.as(secret), "members_list", { path: { workspace: "mine" } }));
    expect(value).toMatchObject([{ id: member, role: "owner", addedBy: member }]);
  });

  test("a workspace of an old name knows the keys of the old one no more", async () => {
    await guarded.createWorkspace("fleeting");
    const { secret } = await guarded.keyFor("fleeting", "owner");
    const client = guarded.as(secret);
    expect((await search(client.under("/w/fleeting"))).status).toBe(200);
    expect((await callRest(client, "workspaces_delete", { path: { workspace: "fleeting" } })).status).toBe(202);
    await guarded.createWorkspace("fleeting");
    expect((await search(client.under("/w/fleeting"))).status).toBe(404);
  });
});
