import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import type { Readable } from "node:stream";
import { type Host, type HostOptions, startHost } from "../../host/host.ts";
import type { LogLine } from "../../host/log.ts";

export interface TestHost extends Host {
  readonly lines: LogLine[];
}

export const QUICK_QUEUES = {
  batchSize: 16,
  newBatchSize: 8,
  maxDequeueCount: 3,
  visibilityTimeout: "00:00:00",
  maxPollingInterval: "00:00:00.100",
  messageEncoding: "base64",
};

export const HOST_JSON = { version: "2.0", extensions: { http: { routePrefix: "" }, queues: QUICK_QUEUES } };

/** A host on a free port whose log lines are kept. */
export async function startTestHost(options: Partial<HostOptions> & Pick<HostOptions, "loadApp">): Promise<TestHost> {
  const lines: LogLine[] = [];
  const host = await startHost({
    port: 0,
    mode: "light",
    hostJson: HOST_JSON,
    log: (line) => lines.push(line),
    ...options,
  });
  return { ...host, lines };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

/** A request as raw as node allows: any header, chunked bodies from a stream. */
export function send(
  url: string,
  options: RequestOptions & { readonly body?: string | Buffer | Readable } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { body, ...rest } = options;
  const request = httpRequest(url, { agent: false, ...rest }, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => {
      const bytes = Buffer.concat(chunks);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes, text: bytes.toString() });
    });
  });
  request.on("error", reject);
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) request.end(body);
  else body.pipe(request);
  return promise;
}

/** Waits until the condition holds; the test's own timeout ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}
