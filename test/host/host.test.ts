import { afterEach, describe, expect, test } from "vitest";
import { slow } from "./apps/slow-state.ts";
import { HOST_JSON, send, startTestHost, type TestHost, until } from "./support.ts";

const MODES = ["light", "strict"] as const;
const hosts: TestHost[] = [];

async function start(...args: Parameters<typeof startTestHost>): Promise<TestHost> {
  const host = await startTestHost(...args);
  hosts.push(host);
  return host;
}

afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close(0)));
});

describe("registration", () => {
  test.for([
    ["a name twice", /"twice" has already been registered/],
    ["a blob trigger", /"blobs" has a trigger of type "blobTrigger"/],
    ["an unknown trigger", /"documents" has a trigger of type "cosmosDBTrigger"/],
    ["an output binding", /"outputs" has a binding of type "queue"/],
    ["a retry policy", /"retries" has a retry policy/],
    ["a route of the host", /"adminRoute" has the route "admin\/things"/],
    ["a bad route", /things\/\{id/],
    ["a bad schedule", /"badSchedule": the schedule "every day"/],
    ["a bad queue name", /"badQueue" has the queue name "%setting%"/],
  ] as const)("register: %s is refused at start, by name", async ([what, message]) => {
    const loadApp = async () => (await import("./apps/refused.ts")).refused[what]?.();
    await expect(start({ loadApp })).rejects.toThrow(message);
  });

  test("register: nothing can be added once the app has started", async () => {
    await start({ loadApp: () => import("./apps/slow.ts") });
    const { app } = await import("@azure/functions");
    expect(() => app.http("late", { handler: () => ({}) })).toThrow(/only be registered during app startup/);
  });

  test("register: an app without functions is refused", async () => {
    await expect(start({ loadApp: async () => ({}) })).rejects.toThrow(/registered no functions/);
  });

  test("register: the same app can run in several hosts, in both modes", async () => {
    const loadApp = () => import("./apps/slow.ts");
    const [light, strict] = await Promise.all(MODES.map((mode) => start({ loadApp, mode })));
    expect((await send(`${light!.url}/quick`)).text).toBe("quick");
    expect((await send(`${strict!.url}/quick`)).text).toBe("quick");
    expect(light!.functions).toEqual([
      { name: "quick", kind: "http", route: "quick" },
      { name: "slow", kind: "http", route: "slow" },
    ]);
  });

  test("register: routes in the wrong order are reported at start", async () => {
    const { lines } = await start({ loadApp: () => import("./apps/http-buffered.ts") });
    const warnings = lines.filter(({ level }) => level === "warning").map(({ message }) => message);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('"f_first" (route "ordered/{anything}") is tried before "g_second"');
  });
});

describe.for(MODES)("hooks, %s mode", (mode) => {
  test("hooks: run in the worker's order, share data, and may change handler, result, error and log lines", async () => {
    const { order } = await import("./apps/hooks-state.ts");
    order.length = 0;
    const { url, lines, close } = await start({ loadApp: () => import("./apps/hooks.ts"), mode });
    expect((await send(`${url}/hooked`)).text).toBe("changed hooked");
    expect(order).toEqual(["appStart", "pre 1", "pre 2", "wrapped", "handler", "post shared result"]);
    expect(lines.map(({ message }) => message)).toContain("hooked said");
    expect((await send(`${url}/failing`)).text).toBe("changed failing");
    expect(order.slice(-2)).toEqual(["wrapped", "post shared error"]);
    await close();
    hosts.pop();
    expect(order.at(-1)).toBe("appTerminate");
  });
});

describe("hooks", () => {
  test("hooks: a disposed one runs no more", async () => {
    const { order } = await import("./apps/hooks-state.ts");
    const { url } = await start({ loadApp: () => import("./apps/hooks.ts") });
    (await import("./apps/hooks.ts")).disposeSecond();
    order.length = 0;
    await send(`${url}/hooked`);
    expect(order).not.toContain("pre 2");
  });
});

describe("interceptors", () => {
  test("intercept: are asked in turn before the functions, until one answers", async () => {
    const asked: string[] = [];
    const { url } = await start({
      loadApp: () => import("./apps/slow.ts"),
      intercept: [
        async () => asked.push("first") === 0,
        async (request, response) => {
          if (request.url !== "/quick?taken") return false;
          response.end("intercepted");
          return true;
        },
      ],
    });
    expect((await send(`${url}/quick?taken`)).text).toBe("intercepted");
    expect((await send(`${url}/quick`)).text).toBe("quick");
    expect(asked).toEqual(["first", "first"]);
  });

  test("intercept: a fault in one is 500 and logged", async () => {
    const { url, lines } = await start({
      loadApp: () => import("./apps/slow.ts"),
      intercept: [() => Promise.reject(new Error("broken interceptor"))],
    });
    expect(await send(`${url}/quick`)).toMatchObject({ status: 500, text: "" });
    expect(lines.some(({ message }) => message.includes("broken interceptor"))).toBe(true);
  });
});

describe("admin", () => {
  test("admin: answers ping and status, and lists the functions with their addresses", async () => {
    const { url } = await start({ loadApp: () => import("./apps/slow.ts") });
    expect(await send(`${url}/admin/host/ping`, { method: "POST" })).toMatchObject({ status: 200, text: "" });
    expect(JSON.parse((await send(`${url}/admin/host/status`)).text)).toMatchObject({ state: "Running" });
    const functions = JSON.parse((await send(`${url}/admin/functions`)).text);
    expect(functions).toMatchObject([
      { name: "quick", invoke_url_template: `${url}/quick`, isDisabled: false, language: "node" },
      { name: "slow" },
    ]);
    expect((await send(`${url}/admin/functions/quick`, { method: "POST" })).status).toBe(400);
    expect((await send(`${url}/admin/anything`)).status).toBe(404);
  });
});

describe.for(MODES)("close, %s mode", (mode) => {
  test("close: lets running requests finish, takes no new ones and frees the port", async () => {
    slow.finish = Promise.withResolvers();
    slow.running = 0;
    const { url, port, close } = await start({ loadApp: () => import("./apps/slow.ts"), mode });
    const answered = send(`${url}/slow`);
    await until(() => slow.running === 1);
    const closed = close();
    await expect(send(`${url}/quick`)).rejects.toThrow(/ECONNREFUSED/);
    slow.finish.resolve();
    expect((await answered).text).toBe("finished");
    await closed;
    const next = await start({ loadApp: () => import("./apps/slow.ts"), mode, port });
    expect(next.port).toBe(port);
  });

  test("close: breaks off what does not finish in time", async () => {
    slow.finish = Promise.withResolvers();
    slow.running = 0;
    const { url, close } = await start({ loadApp: () => import("./apps/slow.ts"), mode });
    const answered = send(`${url}/slow`).then(
      () => "answered",
      () => "broken off",
    );
    await until(() => slow.running === 1);
    await close(20);
    expect(await answered).toBe("broken off");
  });
});

describe("start", () => {
  test("start: a port in use is named, with what to do", async () => {
    const { port } = await start({ loadApp: () => import("./apps/slow.ts") });
    await expect(start({ loadApp: () => import("./apps/slow.ts"), port })).rejects.toThrow(
      new RegExp(`Port ${port} on 127.0.0.1 is in use.*--port`),
    );
  });

  test("start: the route prefix of host.json holds, default api", async () => {
    const { url } = await start({ loadApp: () => import("./apps/slow.ts"), hostJson: {} });
    expect((await send(`${url}/api/quick`)).text).toBe("quick");
    const wrong = { ...HOST_JSON, extensions: { http: { routePrefix: 7 } } };
    await expect(start({ loadApp: () => import("./apps/slow.ts"), hostJson: wrong })).rejects.toThrow(/routePrefix/);
  });
});
