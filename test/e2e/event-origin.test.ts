import { expect, test } from "vitest";
import { connect, ok } from "../http/support.ts";
import { callRest } from "../http/valid-rest.ts";
import { startServer } from "../setup/server.ts";

test.each(["light", "strict"] as const)("events tell the address that is connected, %s mode", async (mode) => {
  const server = await startServer({ mode });
  const client = connect(server.url);
  try {
    const forwarded = client.under("", { "x-forwarded-for": "203.0.113.9" });
    await ok(forwarded.call("experiments_create", { name: "from afar" }));
    const { value } = await ok(callRest(client, "events_list", { query: { resource: "from afar" } }));
    expect(value).toMatchObject([{ action: "experiments_create", from: "127.0.0.1", forwardedFor: "203.0.113.9" }]);
  } finally {
    client.close();
    await server.stop();
  }
});
