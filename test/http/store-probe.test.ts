import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { StoreProbe } from "../../shared/http/store-probe.ts";
import { StoreUnavailable } from "../../shared/stores/errors.ts";
import type { Stores } from "../../shared/stores/stores.ts";
import { type DomainFixture, domainFixture, SECOND } from "../domain/support.ts";

describe("/health/dependencies", () => {
  let fixture: DomainFixture;
  let probe: StoreProbe;
  let logged: unknown[];
  const ask = async (stores: Stores) => {
    const { status, headers, body } = await probe.answer(stores, fixture.clock, (error) => logged.push(error));
    return { status, headers, found: JSON.parse(body as string) };
  };

  beforeEach(() => {
    fixture = domainFixture();
    probe = new StoreProbe();
    logged = [];
  });
  afterEach(() => fixture.close());

  const broken = (): Stores => ({
    ...fixture.stores,
    blobs: { ...fixture.stores.blobs, head: () => Promise.reject(new StoreUnavailable("account team is busy", 1)) },
  });

  test("answers 200 when all stores do; one that a deployment lacks is not named", async () => {
    expect(await ask(fixture.stores)).toMatchObject({
      status: 200,
      found: { documents: "ok", blobs: "ok", queue: "ok", secrets: "ok" },
    });
    const { found } = await new StoreProbe()
      .answer({ ...fixture.stores, secrets: undefined }, fixture.clock, () => {})
      .then(({ body }) => ({ found: JSON.parse(body as string) }));
    expect(Object.keys(found)).toEqual(["documents", "blobs", "queue"]);
  });

  test("answers 503 with Retry-After and names the store; what is wrong is in the log alone", async () => {
    const { status, headers, found } = await ask(broken());
    expect([status, headers!["retry-after"], found.blobs, found.queue]).toEqual([503, "10", "unavailable", "ok"]);
    expect(JSON.stringify(found)).not.toContain("busy");
    expect(logged).toEqual([expect.objectContaining({ message: "account team is busy" })]);
  });

  test("asks the stores once in ten seconds, whoever asks", async () => {
    expect((await ask(fixture.stores)).status).toBe(200);
    expect((await ask(broken())).status).toBe(200);
    fixture.clock.pass(10 * SECOND);
    expect((await ask(broken())).status).toBe(503);
    expect((await ask(fixture.stores)).status).toBe(503);
    fixture.clock.pass(10 * SECOND);
    expect((await ask(fixture.stores)).status).toBe(200);
  });
});
