import { afterAll, beforeAll, expect, test } from "vitest";
import { AUDIENCE, type Issuer, startIssuer, TENANT } from "../http/issuer.ts";
import { type Client, connect, ok } from "../http/support.ts";
import { callRest } from "../http/valid-rest.ts";
import { type RunningServer, startServer } from "../setup/server.ts";

const FIRST_OWNER = "cccccccc-0000-4000-8000-00000000000c";
const ADA = "aaaaaaaa-0000-4000-8000-00000000000a";

let issuer: Issuer;
let server: RunningServer;

beforeAll(async () => {
  issuer = await startIssuer(Date.now);
  const env = {
    CAIRN_ENTRA_TENANT: TENANT.toUpperCase(),
    CAIRN_ENTRA_AUDIENCE: AUDIENCE,
    CAIRN_ENTRA_AUTHORITY: `${issuer.authority}/`,
    CAIRN_OWNERS: FIRST_OWNER,
  };
  server = await startServer({ mode: "strict", args: ["--auth"], env });
});
afterAll(async () => {
  await server?.stop();
  await issuer?.close();
});

async function withToken<R>(oid: string, act: (client: Client) => Promise<R>): Promise<R> {
  const client = connect(server.url);
  try {
    return await act(client.under("", { authorization: `Bearer ${await issuer.sign({ oid })}` }));
  } finally {
    client.close();
  }
}

test("a server with the settings of a tenant lets its users in, as its first owner says", async () => {
  const search = (client: Client) => client.call("experiments_search", { max_results: 1 });
  expect((await withToken(ADA, search)).status).toBe(404);
  const join = (client: Client) => callRest(client, "members_put", { path: { member: ADA }, json: { role: "reader" } });
  await ok(withToken(FIRST_OWNER, join));
  // A grant counts after a second at the latest, and at once where it was made.
  expect((await withToken(ADA, search)).status).toBe(200);
  expect((await withToken(ADA, (client) => client.call("experiments_create", { name: "x" }))).status).toBe(403);
});
