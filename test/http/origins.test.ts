import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { HttpRequest, type HttpResponseInit, InvocationContext } from "@azure/functions";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answer as mlflow } from "../../functions/mlflow.ts";
import { answer as rest } from "../../functions/rest.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { provideServices, services } from "../../shared/services.ts";
import { type RunningServer, startServer } from "../setup/server.ts";
import { useInProcess } from "./in-process.ts";
import { type Client, connect } from "./support.ts";

/*
 * A browser remembers the password of a workspace, and adds it to what pages of other sites ask of it.
 */

const OWN = "https://cairn.example:8443";
const ALLOWED = "https://front.example.com";
const FOREIGN = [
  "https://evil.example",
  "https://cairn.example",
  "http://cairn.example.evil.example:8443",
  "null",
  "x",
];

describe("the app, where no local host looks after it", () => {
  const app = useInProcess();

  const provide = (loopbackUser: boolean) =>
    provideServices({
      ...app.realm.stores,
      ...{ clock: machineClock, ids: machineIds, loopbackUser, limitsBodies: true, origins: [ALLOWED] },
    });

  async function statuses(origin?: string): Promise<number[]> {
    const calls = [mlflow, rest].map(async (handler, i) => {
      const path = ["/api/2.0/mlflow/experiments/search?max_results=1", "/api/v1/workspaces"][i];
      const headers = origin === undefined ? undefined : { origin };
      const request = new HttpRequest({ method: "GET", url: OWN + path, headers });
      const { status, body } = (await handler(
        request,
        new InvocationContext({ functionName: "f" }),
      )) as HttpResponseInit;
      if (status === 403) expect(String(body)).toContain("CAIRN_ORIGINS");
      return status!;
    });
    const answered = await Promise.all(calls);
    await (await services()).events.settled();
    return answered;
  }

  test("takes requests of programs, of its own page, and of those that the settings name", async () => {
    provide(false);
    for (const origin of [undefined, OWN, OWN.toUpperCase(), ALLOWED]) {
      expect(await statuses(origin), origin).toEqual([401, 401]);
    }
  });

  test.each(FOREIGN)("refuses those of a page of %s, in each dialect's shape", async (origin) => {
    provide(false);
    expect(await statuses(origin)).toEqual([403, 403]);
  });

  test("leaves them to the local host where that vouches for its user", async () => {
    provide(true);
    expect(await statuses("http://localhost:3000")).toEqual([200, 200]);
  });
});

const PROXY = "http://127.0.0.1:9";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe.each(["light", "strict"] as const)("npm start -- --auth --url, %s mode", (mode) => {
  let server: RunningServer;
  let client: Client;

  beforeAll(async () => {
    const port = await freePort();
    server = await startServer({ mode, port, args: ["--auth", "--url", PROXY], env: { CAIRN_ORIGINS: ALLOWED } });
    const key = /cairn_key_w[0-9a-f]{16}_[0-9a-f]{64}/.exec(server.output())![0];
    client = connect(`http://127.0.0.1:${port}`).under("", { authorization: `Bearer ${key}` });
  });
  afterAll(async () => {
    client.close();
    await server.stop();
  });

  test("takes requests of the page behind its proxy, whatever Host that sends, and no other page's", async () => {
    for (const [origin, status] of [
      [PROXY, 200],
      [ALLOWED, 200],
      ["https://evil.example", 403],
    ] as const) {
      expect((await client.under("", { origin }).send("GET", "/api/v1/workspaces")).status, origin).toBe(status);
    }
  });
});
