import { createHmac } from "node:crypto";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, type JWTPayload, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EntraVerifier } from "../../shared/http/entra.ts";
import { SECOND, SettableClock } from "../domain/support.ts";
import { type InProcess, openInProcess } from "./in-process.ts";
import { AUDIENCE, type Issuer, startIssuer, TENANT } from "./issuer.ts";
import { type Client, ok } from "./support.ts";
import { callRest } from "./valid-rest.ts";

const ADA = "aaaaaaaa-0000-4000-8000-00000000000a";
const BOB = "bbbbbbbb-0000-4000-8000-00000000000b";
const FIRST_OWNER = "cccccccc-0000-4000-8000-00000000000c";
const OTHER_TENANT = "22222222-2222-4222-8222-222222222222";

const clock = new SettableClock();
clock.nowMs = Date.now();
let issuer: Issuer;
let foreignIssuer: Issuer;
let app: InProcess;
let verifier: EntraVerifier;

beforeAll(async () => {
  issuer = await startIssuer(() => clock.now());
  foreignIssuer = await startIssuer(() => clock.now());
  const settings = { authority: issuer.authority, tenant: TENANT, audiences: [AUDIENCE, `api://${AUDIENCE}`] };
  verifier = new EntraVerifier(settings, clock, 0);
  app = openInProcess({ clock, authenticated: true, entra: verifier, owners: new Set([FIRST_OWNER]) });
});
afterAll(async () => {
  await app.close();
  await Promise.all([issuer.close(), foreignIssuer.close()]);
});

const as = (token: string): Client => app.client.under("", { authorization: `Bearer ${token}` });
const asUser = async (oid: string) => as(await issuer.sign({ oid }));
const statusOf = async (token: string) => (await callRest(as(token), "workspaces_list", {})).status;

describe("coming with a token of Microsoft Entra ID", () => {
  beforeEach(async () => {
    const owner = await asUser(FIRST_OWNER);
    await ok(callRest(owner, "members_put", { path: { member: ADA.toUpperCase() }, json: { role: "contributor" } }));
  });

  test("a member is known by the object id, with the role that it has", async () => {
    const ada = await asUser(ADA);
    expect((await ada.call("experiments_create", { name: "ada's" })).status).toBe(200);
    expect((await callRest(ada, "members_put", { path: { member: BOB }, json: { role: "owner" } })).status).toBe(403);
    const spelled = as(await issuer.sign({ oid: ADA.toUpperCase() }));
    expect((await spelled.call("experiments_search", { max_results: 1 })).status).toBe(200);
    const password = `Basic ${Buffer.from(`ada:${await issuer.sign({ oid: ADA })}`).toString("base64")}`;
    const withPassword = app.client.under("", { authorization: password });
    expect((await withPassword.call("experiments_search", { max_results: 1 })).status).toBe(200);
  });

  test("a user of the tenant who is no member sees no workspace", async () => {
    const bob = await asUser(BOB);
    expect(await ok(callRest(bob, "workspaces_list", {}))).toEqual({ value: [] });
    expect((await bob.call("experiments_search", { max_results: 1 })).status).toBe(404);
    expect((await callRest(bob, "workspaces_create", { json: { name: "bobs" } })).status).toBe(403);
  });

  test("the first owners of the settings own everything, and make workspaces that they are members of", async () => {
    const owner = await asUser(FIRST_OWNER);
    await ok(callRest(owner, "workspaces_create", { json: { name: "team-e" } }));
    const { value } = await ok(callRest(owner, "members_list", { path: { workspace: "team-e" } }));
    expect(value).toMatchObject([{ id: FIRST_OWNER, role: "owner" }]);
  });

  test("version 1 tokens of the tenant are taken, and the app's URI as audience", async () => {
    const claims = { oid: ADA, iss: `https://sts.windows.net/${TENANT}/`, aud: `api://${AUDIENCE}` };
    expect(await statusOf(await issuer.sign(claims))).toBe(200);
  });

  test("a member makes, sees and revokes keys of their own alone", async () => {
    const ada = await asUser(ADA);
    const owner = await asUser(FIRST_OWNER);
    await ok(callRest(owner, "members_put", { path: { member: "ci" }, json: { role: "reader" } }));
    const other = await ok(callRest(owner, "keys_create", { json: { name: "ci", member: "ci" } }));
    const { key, secret } = await ok(callRest(ada, "keys_create", { json: { name: "laptop" } }));
    expect(key).toMatchObject({ member: ADA, createdBy: ADA });
    expect((await as(secret).call("experiments_search", { max_results: 1 })).status).toBe(200);
    expect((await callRest(ada, "keys_create", { json: { name: "x", member: "ci" } })).status).toBe(403);
    expect((await ok(callRest(ada, "keys_list", {}))).value.map(({ id }: { id: string }) => id)).toEqual([key.id]);
    expect((await callRest(ada, "keys_revoke", { path: { keyId: other.key.id } })).status).toBe(404);
    expect((await callRest(ada, "keys_revoke", { path: { keyId: key.id } })).status).toBe(204);
    expect((await as(secret).call("experiments_search", { max_results: 1 })).status).toBe(401);
  });

  test("a member who was taken out is out with the token in hand", async () => {
    const token = await issuer.sign({ oid: ADA });
    expect((await as(token).call("experiments_search", { max_results: 1 })).status).toBe(200);
    await ok(callRest(await asUser(FIRST_OWNER), "members_delete", { path: { member: ADA } }));
    expect((await as(token).call("experiments_search", { max_results: 1 })).status).toBe(404);
  });
});

describe("tokens that are not right", () => {
  const seconds = () => Math.floor(clock.now() / 1000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = () => ({
    iss: `${issuer.authority}/${TENANT}/v2.0`,
    aud: AUDIENCE,
    tid: TENANT,
    oid: ADA,
    exp: seconds() + 3600,
  });

  /** As it comes with a sign-in: without a client and scopes. */
  const ID_TOKEN = { azp: undefined, scp: undefined, nonce: "n-0S6_WzA2Mj", name: "Ada" };

  const WRONG: Record<string, () => Promise<string> | string> = {
    "of another key under a known name": async () =>
      issuer.sign({ oid: ADA }, {}, await generateKeyPair("RS256", { extractable: true })),
    "of an unknown key": () => issuer.sign({ oid: ADA }, { kid: "nobody" }),
    "without the name of a key, of another key": async () =>
      new SignJWT(claims()).setProtectedHeader({ alg: "RS256" }).sign((await generateKeyPair("RS256")).privateKey),
    "unsigned: alg none": () => `${part({ alg: "none", typ: "JWT" })}.${part(claims())}.`,
    "unsigned: alg none with a signature": () => `${part({ alg: "none", typ: "JWT" })}.${part(claims())}.AAAA`,
    "signed HS256 with the public key as secret": async () => {
      const signed = `${part({ alg: "HS256", typ: "JWT", kid: "key-1" })}.${part(claims())}`;
      const secret = await exportSPKI(issuer.current.publicKey);
      return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
    },
    "of another algorithm of the same key": async () => {
      const key = await importJWK(await exportJWK(issuer.current.privateKey), "PS256");
      return new SignJWT(claims()).setProtectedHeader({ alg: "PS256", kid: "key-1" }).sign(key);
    },
    "with a key of its own in the header": async () => {
      const own = await generateKeyPair("RS256", { extractable: true });
      const jwk = await exportJWK(own.publicKey);
      return new SignJWT(claims()).setProtectedHeader({ alg: "RS256", kid: "own", jwk }).sign(own.privateKey);
    },
    "with an address for its keys": () =>
      foreignIssuer.sign(claims(), {
        kid: "own",
        jku: `${foreignIssuer.authority}/${TENANT}/discovery/v2.0/keys`,
      } as object),
    "with an extension that must be understood": () =>
      new SignJWT(claims())
        .setProtectedHeader({ alg: "RS256", kid: "key-1", crit: ["urn:more"], "urn:more": true })
        .sign(issuer.current.privateKey, { crit: { "urn:more": true } }),
    "changed after signing": async () => {
      const [header, , signature] = (await issuer.sign({ oid: BOB })).split(".");
      return `${header}.${part(claims())}.${signature}`;
    },
    expired: () => issuer.sign({ oid: ADA, exp: seconds() - 61 }),
    "without an end": () => issuer.sign({ oid: ADA, exp: undefined }),
    "not yet valid": () => issuer.sign({ oid: ADA, nbf: seconds() + 61 }),
    "of another tenant": () => issuer.sign({ oid: ADA, tid: OTHER_TENANT }),
    "of another tenant's issuer": () => issuer.sign({ oid: ADA, iss: `${issuer.authority}/${OTHER_TENANT}/v2.0` }),
    "of an issuer that looks alike": () => issuer.sign({ oid: ADA, iss: `${issuer.authority}/${TENANT}/v2.0/` }),
    "without a tenant": () => issuer.sign({ oid: ADA, tid: undefined }),
    "for another audience": () => issuer.sign({ oid: ADA, aud: "api://somebody-else" }),
    "for nobody": () => issuer.sign({ oid: ADA, aud: undefined }),
    "without an object id": () => issuer.sign({}),
    "whose object id is no id": () => issuer.sign({ oid: "owner" }),
    "whose object id is a list": () => issuer.sign({ oid: [ADA] }),
    "for signing in: an ID token": () => issuer.sign({ ...ID_TOKEN, oid: ADA }),
    "for signing in, without a nonce": () => issuer.sign({ ...ID_TOKEN, oid: ADA, nonce: undefined }),
    "for signing in, of a user with roles": () => issuer.sign({ ...ID_TOKEN, oid: ADA, roles: ["Cairn.Use"] }),
    "for signing in, with roles and without a nonce": () =>
      issuer.sign({ ...ID_TOKEN, oid: ADA, nonce: undefined, roles: ["Cairn.Use"] }),
    "of an app without roles": () => issuer.sign({ oid: ADA, scp: undefined }),
    "of an app with no roles": () => issuer.sign({ oid: ADA, scp: undefined, roles: [] }),
    "of an app whose roles are a text": () => issuer.sign({ oid: ADA, scp: undefined, roles: "Cairn.Use" }),
    "of a user without scopes": () => issuer.sign({ oid: ADA, scp: "" }),
    huge: () => issuer.sign({ oid: ADA, groups: Array.from({ length: 5000 }, (_, i) => `group-${i}`) }),
    "of nothing": () => "..",
    "of garbage": () => "a.b.c",
    "of deeply nested garbage": () => `${part("[".repeat(2000))}.${part(claims())}.AAAA`,
  };

  test.each(Object.entries(WRONG))("%s: is nobody's", async (_, make) => {
    expect(await statusOf(await make())).toBe(401);
    expect(app.faults).toEqual([]);
  });

  test("the same token, right, is somebody's", async () => {
    expect(await statusOf(await issuer.sign({ oid: ADA, scp: undefined, roles: ["Cairn.Use"] }))).toBe(200);
    expect(await statusOf(await issuer.sign({ oid: ADA, scp: "profile access", azp: undefined, appid: "x" }))).toBe(
      200,
    );
    expect(await statusOf(await issuer.sign({ oid: ADA }))).toBe(200);
    expect(await statusOf(await issuer.sign({ oid: ADA, exp: seconds() - 59, nbf: seconds() + 59 }))).toBe(200);
  });

  test("only scopes and roles that the settings name open, where they name some", async () => {
    const settings = { authority: issuer.authority, tenant: TENANT, audiences: [AUDIENCE] };
    const strict = new EntraVerifier({ ...settings, scopes: ["access", "more"], roles: ["Cairn.Use"] }, clock);
    const app = { oid: ADA, scp: undefined };
    for (const [claims, isTaken] of [
      [{ oid: ADA, scp: "access" }, true],
      [{ oid: ADA, scp: "profile more" }, true],
      [{ oid: ADA, scp: "Access profile" }, false],
      [{ oid: ADA, scp: "Cairn.Use" }, false],
      [{ oid: ADA, scp: "profile", roles: ["Cairn.Use"] }, false],
      [{ ...app, roles: ["Other", "Cairn.Use"] }, true],
      [{ ...app, roles: ["Other"] }, false],
      [{ ...app, roles: ["access"] }, false],
    ] as const) {
      const verified = await strict.verify(await issuer.sign(claims as JWTPayload));
      expect(verified !== undefined, JSON.stringify(claims)).toBe(isTaken);
    }
  });

  test("a token that was right is not right after its end", async () => {
    const token = await issuer.sign({ oid: ADA, exp: seconds() + 100 });
    expect(await statusOf(token)).toBe(200);
    clock.pass(161 * SECOND);
    expect(await statusOf(token)).toBe(401);
  });
});

describe("the issuer's keys", () => {
  test("a rotated key is found; tokens of the old one end", async () => {
    const old = await issuer.sign({ oid: ADA });
    await issuer.rotate();
    expect(await statusOf(await issuer.sign({ oid: ADA }))).toBe(200);
    expect(await statusOf(old)).toBe(401);
  });

  test("of a token that was right are asked for again after five minutes, though the clock is set back", async () => {
    const token = await issuer.sign({ oid: ADA, exp: Math.floor(clock.now() / 1000) + 3600 });
    expect(await statusOf(token)).toBe(200);
    await issuer.rotate();
    await statusOf(await issuer.sign({ oid: ADA }));
    clock.nowMs -= 30 * SECOND;
    clock.pass(299 * SECOND);
    expect(await statusOf(token)).toBe(200);
    clock.pass(SECOND);
    expect(await statusOf(token)).toBe(401);
  });

  test("are asked for once for many tokens, and not for each unknown key", async () => {
    const settings = { authority: issuer.authority, tenant: TENANT, audiences: [AUDIENCE] };
    const patient = new EntraVerifier(settings, clock);
    const before = issuer.requests();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => issuer.sign({ oid: ADA })));
    await Promise.all(tokens.map((token) => patient.verify(token)));
    for (let i = 0; i < 20; i++)
      expect(await patient.verify(await issuer.sign({ oid: ADA }, { kid: `k${i}` }))).toBeUndefined();
    expect(issuer.requests() - before).toBe(1);
  });

  const settings = () => ({ authority: issuer.authority, tenant: TENANT, audiences: [AUDIENCE] });
  const fresh = async () => issuer.sign({ oid: ADA, jti: String(++serial) });
  let serial = 0;

  afterEach(() => {
    issuer.failWith(undefined);
    issuer.publish(undefined);
  });

  test("an issuer that was never there is 503, never a way in, and is asked again within a second", async () => {
    const patient = new EntraVerifier(settings(), clock);
    issuer.failWith(500);
    const before = issuer.requests();
    const refused = async () => expect(patient.verify(await fresh())).rejects.toMatchObject({ code: "Unavailable" });
    for (let i = 0; i < 5; i++) await refused();
    expect(issuer.requests() - before).toBe(1);
    clock.pass(SECOND);
    await refused();
    expect(issuer.requests() - before).toBe(2);
    issuer.failWith(undefined);
    clock.pass(SECOND);
    expect(await patient.verify(await fresh())).toBe(ADA);
  });

  test.each<[what: string, fail: () => void]>([
    ["is away", () => issuer.failWith(503)],
    ["publishes what is no JSON", () => issuer.publish("<html>")],
    ["publishes what are no keys", () => issuer.publish('{"keys": 1}')],
    ["publishes none", () => issuer.publish('{"keys": []}')],
  ])(
    "an issuer that %s shuts nobody out for twelve hours: its last keys are used, and looked for now and then",
    async (_, fail) => {
      const patient = new EntraVerifier(settings(), clock);
      expect(await patient.verify(await fresh())).toBe(ADA);
      fail();
      const before = issuer.requests();
      const HOUR = 3600 * SECOND;
      for (let hours = 1; hours < 12; hours++) {
        clock.pass(HOUR);
        for (let i = 0; i < 5; i++) expect(await patient.verify(await fresh())).toBe(ADA);
      }
      expect(issuer.requests() - before).toBe(11);
      clock.pass(HOUR);
      await expect(patient.verify(await fresh())).rejects.toMatchObject({ code: "Unavailable" });
    },
  );

  test("a key that is not known while the issuer is away is 503; known ones still open", async () => {
    const patient = new EntraVerifier(settings(), clock);
    await patient.verify(await fresh());
    clock.pass(31 * SECOND);
    issuer.failWith(503);
    const unknown = await issuer.sign({ oid: ADA }, { kid: "nobody" });
    for (let i = 0; i < 3; i++) await expect(patient.verify(unknown)).rejects.toMatchObject({ code: "Unavailable" });
    expect(await patient.verify(await fresh())).toBe(ADA);
  });

  test("unknown keys do not keep a rotated one out for longer than half a minute", async () => {
    const patient = new EntraVerifier(settings(), clock);
    await patient.verify(await fresh());
    clock.pass(31 * SECOND);
    expect(await patient.verify(await issuer.sign({ oid: ADA }, { kid: "invented" }))).toBeUndefined();
    await issuer.rotate();
    const rotated = await fresh();
    expect(await patient.verify(rotated)).toBeUndefined();
    clock.pass(30 * SECOND);
    expect(await patient.verify(rotated)).toBe(ADA);
  });
});
