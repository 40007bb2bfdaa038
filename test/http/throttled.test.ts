import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CosmosStores, openCosmos } from "../../shared/drivers/cosmos/open-cosmos.ts";
import { machineClock, machineIds } from "../../shared/drivers/machine.ts";
import { KEY } from "../drivers/support/cosmos-emulator.ts";
import { answer, type Fault, FaultyHttp, type RequestKind, resetBefore } from "../drivers/support/cosmos-http.ts";
import { type InProcess, openInProcess } from "./in-process.ts";

const KINDS: RequestKind[] = ["read", "create", "replace", "remove", "batch", "query", "plan", "metadata"];
const RETRY_MS = 50;
const LATER = { "x-ms-retry-after-ms": "6500", "x-ms-substatus": "3200" };
const NO_WAIT = { "x-ms-retry-after-ms": "1" };
const THROTTLED = "The store takes no more requests right now. Try again a little later.";
const AWAY = "The store does not answer. Try again a little later.";

interface Trouble {
  readonly what: string;
  readonly fault: Fault;
  readonly rest: { readonly status: number; readonly title: string; readonly detail: string };
  readonly errorCode: string;
  readonly retryAfter: string;
}

const throttled = {
  rest: { status: 429, title: "TooManyRequests", detail: THROTTLED },
  errorCode: "REQUEST_LIMIT_EXCEEDED",
};
const away = {
  rest: { status: 503, title: "Unavailable", detail: AWAY },
  errorCode: "TEMPORARILY_UNAVAILABLE",
  retryAfter: "1",
};
const TROUBLES: Trouble[] = [
  { what: "throttles for longer than is waited", fault: answer(429, LATER), retryAfter: "7", ...throttled },
  { what: "throttles again and again", fault: answer(429, NO_WAIT), retryAfter: "1", ...throttled },
  { what: "is down", fault: answer(503), ...away },
  { what: "is out of reach", fault: resetBefore, ...away },
];

/** Pains 9 and 12: clients of MLflow try 429 and 503 again, after the seconds that they are told. */
describe("when Cosmos DB", () => {
  const http = new FaultyHttp();
  let cosmos: CosmosStores;
  let app: InProcess;

  beforeAll(async () => {
    const machine = { clock: machineClock, ids: machineIds };
    const options = { endpoint: "http://127.0.0.1:1", key: KEY, httpClient: http, retryMs: RETRY_MS, ...machine };
    cosmos = await openCosmos(options);
    app = openInProcess({ documents: cosmos.documents });
  });
  beforeEach(() => http.reset());
  afterAll(async () => {
    await app.close();
    await cosmos.close();
  });

  describe.each(TROUBLES)("$what", ({ fault, rest, errorCode, retryAfter }) => {
    beforeEach(() => {
      for (const kind of KINDS) http.keepsMeeting(kind, fault);
    });

    test(`REST answers ${rest.status} with Retry-After; the log has the rest`, async () => {
      const before = app.faults.length;
      const { status, headers, json } = await app.client.send("GET", "/api/v1/workspaces");
      expect(json).toMatchObject(rest);
      expect([status, headers["retry-after"]]).toEqual([rest.status, retryAfter]);
      expect(String(app.faults[before])).toMatch(/Cosmos DB: .* failed, at last with/);
    });

    test(`MLflow's dialect answers ${rest.status} with Retry-After and ${errorCode}`, async () => {
      const { status, headers, json } = await app.client.call("experiments_get", { experiment_id: "0" });
      expect(json).toMatchObject({ error_code: errorCode, message: rest.detail });
      expect([status, headers["retry-after"]]).toEqual([rest.status, retryAfter]);
    });
  });

  test("may have done what it was asked for before it throttled: 503, as 429 would say that it has not", async () => {
    for (const kind of KINDS) {
      http.meets(kind, resetBefore);
      http.keepsMeeting(kind, answer(429, NO_WAIT));
    }
    expect((await app.client.call("experiments_get", { experiment_id: "0" })).status).toBe(503);
  });
});
