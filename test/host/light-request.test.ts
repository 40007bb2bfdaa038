import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { LightRequest } from "../../host/light-request.ts";

const BODY = "half of it";

/** A request of which half the body has come, and how to make its client leave. */
async function halfSent(): Promise<{ message: IncomingMessage; leave: () => Promise<void> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const client = request({ port, host: "127.0.0.1", method: "POST", headers: { "content-length": 2 * BODY.length } });
  client.on("error", () => {});
  client.write(BODY);
  const [message] = (await once(server, "request")) as [IncomingMessage];
  const leave = async () => {
    const gone = once(message, "close").catch(() => undefined);
    client.destroy();
    await gone;
  };
  return { message, leave };
}

const bodyOf = (message: IncomingMessage) => new LightRequest(message, "/", {}).body!;

test("body: a client that leaves while it is pushed makes the reading fail", async () => {
  const { message, leave } = await halfSent();
  const chunks: string[] = [];
  const reading = bodyOf(message).pushTo((chunk) => chunks.push(chunk.toString()) > 0);
  const failure = expect(reading).rejects.toThrow(/left|aborted/);
  await leave();
  await failure;
  expect(chunks.join("")).toBe(BODY);
});

test("body: a client that has left before the reading begins makes it fail, too", async () => {
  const { message, leave } = await halfSent();
  message.on("error", () => {});
  await leave();
  await expect(bodyOf(message).pushTo(() => true)).rejects.toThrow("left");
});

test("body: who wants no more is not given more, and may leave the rest", async () => {
  const { message, leave } = await halfSent();
  let chunks = 0;
  await bodyOf(message).pushTo(() => {
    chunks++;
    return false;
  });
  await leave();
  expect(chunks).toBe(1);
});
