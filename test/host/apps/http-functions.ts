import { Readable } from "node:stream";
import { app, type HttpHandler, type HttpRequest, HttpResponse, type HttpResponseInit } from "@azure/functions";
import { toTheEnd } from "../../../shared/http/body.ts";

/** HTTP functions in every shape that the host must serve; what a test must see of their inside is in `seen`. */
export const seen = { downloadsFreed: 0, firstUploadBytes: 0 };

const MEGABYTE = 1024 * 1024;

app.http("hello", {
  route: "hello",
  handler: async (request) => ({ body: `Hello, ${request.query.get("name") || (await request.text()) || "world"}!` }),
});

app.http("httpDefaultRoute", { handler: () => ({ body: "by name" }) });

app.http("echo", {
  methods: ["POST", "PUT"],
  route: "echo",
  handler: async (request) => ({
    body: new Uint8Array(await request.arrayBuffer()),
    headers: { "content-type": request.headers.get("content-type") ?? "none" },
  }),
});

app.http("jsonEcho", {
  methods: ["POST"],
  route: "json",
  handler: async (request) => ({ status: 201, jsonBody: { got: await request.json() } }),
});

app.http("mirror", {
  methods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
  route: "mirror",
  handler: (request) => ({
    jsonBody: {
      method: request.method,
      path: new URL(request.url).pathname,
      origin: new URL(request.url).origin,
      query: [...new URL(request.url).searchParams],
      custom: request.headers.get("X-Custom"),
      principal: request.headers.get("x-ms-client-principal"),
      names: [...request.headers].map(([name]) => name),
    },
  }),
});

const showParams = (tag: string) => (request: HttpRequest) => ({ jsonBody: { tag, ...request.params } });
app.http("a_number", { route: "items/{id:int}", handler: showParams("number") });
app.http("b_text", { route: "items/{name}", handler: showParams("text") });
app.http("c_optional", { route: "optional/{id?}", handler: showParams("optional") });
app.http("d_mixed", { route: "mixed/a{b}.json", handler: showParams("mixed") });
app.http("e_rest", { route: "files/{*path}", handler: showParams("rest") });
app.http("f_first", { route: "ordered/{anything}", handler: showParams("first") });
app.http("g_second", { route: "ordered/literal", handler: showParams("second") });
app.http("z_deleted", { route: "items/{name}", methods: ["DELETE"], handler: showParams("deleted") });

app.http("withHead", {
  methods: ["GET", "HEAD"],
  route: "with-head",
  handler: (request) => ({
    headers: { "x-method": request.method, "content-type": "text/plain" },
    body: request.method === "HEAD" ? undefined : "a body",
  }),
});

app.http("cookies", {
  route: "cookies",
  handler: () => ({
    cookies: [
      { name: "first", value: "a b", maxAge: 200 },
      { name: "second", value: "x", path: "/", httpOnly: true, secure: true, sameSite: "Strict" },
    ],
  }),
});

const answer = (request: HttpRequest): Promise<HttpResponseInit> | HttpResponseInit | HttpResponse | undefined => {
  const kind = new URL(request.url).pathname.split("/").at(-1);
  if (kind === "created") return { status: 201, headers: { location: "/there", "X-Mixed-Case": "kept" }, body: "made" };
  if (kind === "empty") return {};
  if (kind === "nothing") return;
  if (kind === "no-content") return { status: 204, headers: { "x-kept": "yes" } };
  if (kind === "not-modified") return { status: 304, headers: { etag: '"1"' } };
  if (kind === "response") return new HttpResponse({ status: 202, body: "from the class", headers: { "x-a": "1" } });
  if (kind === "bytes") return { body: new Uint8Array([0, 255, 128, 10]), headers: { "content-type": "image/x" } };
  if (kind === "unicode") return { body: "grüße ✓" };
  if (kind === "form") return { body: new URLSearchParams({ a: "1" }) };
  if (kind === "throws") throw new Error("thrown on purpose");
  if (kind === "rejects") return Promise.reject(new Error("rejected on purpose"));
  return { status: 404, body: "unknown kind" };
};
app.http("answers", { route: "answers/{kind}", handler: answer as HttpHandler });

app.http("upload", {
  methods: ["POST"],
  route: "upload",
  handler: async (request) => {
    let bytes = 0;
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      seen.firstUploadBytes ||= bytes;
    }
    return { body: `${bytes} bytes` };
  },
});

app.http("partlyRead", {
  methods: ["POST"],
  route: "partly-read/{kind}",
  handler: async (request) => {
    if (request.url.endsWith("ignores")) return { status: 401 };
    const body = (request.body ?? Readable.from([])) as AsyncIterable<Uint8Array>;
    for await (const _ of request.url.endsWith("drops") ? toTheEnd(body) : body) break;
    if (request.url.endsWith("throws")) throw new Error("thrown in the middle of a body");
    return { status: 413, body: "too much" };
  },
});

app.http("download", {
  route: "download",
  handler: (request) => ({ body: megabytes(Number(new URL(request.url).searchParams.get("megabytes"))) }),
});

app.http("breaks", { route: "breaks", handler: () => ({ body: breaking() }) });

async function* breaking(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("begun");
  throw new Error("broken on purpose");
}

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  try {
    for (let index = 0; index < count; index++) yield new Uint8Array(MEGABYTE).fill(index);
  } finally {
    seen.downloadsFreed++;
  }
}

app.http("delayed", {
  methods: ["POST"],
  route: "delayed",
  handler: async (request) => {
    const text = await request.text();
    await new Promise((resolve) => setTimeout(resolve, Number(text) % 7));
    return { body: `Hello, ${text}!` };
  },
});

app.http("slowAnswer", {
  route: "slow-answer",
  handler: async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { body: "at last" };
  },
});

app.http("logs", {
  route: "logs",
  handler: (_request, context) => {
    context.log("plain %s", "text");
    context.warn("careful");
    return { body: context.functionName };
  },
});
