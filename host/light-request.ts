import type { IncomingMessage } from "node:http";
import type { AppRequest, RequestBody } from "../shared/http/types.ts";

/** Headers that only the platform may set; one sent from outside does not exist. */
function isPlatformHeader(lowerCaseName: string): boolean {
  return lowerCaseName === "x-ms-invocation-id" || lowerCaseName.startsWith("x-ms-client-principal");
}

/** Removes them, for the ways that hand all headers on. */
export function removePlatformHeaders(headers: IncomingMessage["headers"]): void {
  for (const name of Object.keys(headers)) if (isPlatformHeader(name)) delete headers[name];
}

/**
 * What a handler gets in light mode: the members of the library's `HttpRequest` that handlers use, over node's own request, with
 * nothing computed before it is asked for.
 */
export class LightRequest implements AppRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  readonly #message: IncomingMessage;
  readonly #target: string;
  #headers: LightHeaders | undefined;
  #query: URLSearchParams | undefined;

  /** @param target path and query as sent */
  constructor(message: IncomingMessage, target: string, params: Readonly<Record<string, string>>) {
    this.method = message.method ?? "GET";
    this.params = params;
    this.#message = message;
    this.#target = target;
  }

  get address(): string | undefined {
    return this.#message.socket.remoteAddress;
  }

  get url(): string {
    return `http://${this.#message.headers.host}${this.#target}`;
  }

  get headers(): LightHeaders {
    this.#headers ??= new LightHeaders(this.#message);
    return this.#headers;
  }

  get query(): URLSearchParams {
    const mark = this.#target.indexOf("?");
    this.#query ??= new URLSearchParams(mark < 0 ? "" : this.#target.slice(mark));
    return this.#query;
  }

  /** Nothing is read before the handler reads; null for requests without a body. Some clients send one with GET. */
  get body(): LightBody | null {
    const { "content-length": length, "transfer-encoding": encoding } = this.#message.headers;
    const hasBody = encoding !== undefined || (length !== undefined && length !== "0");
    return hasBody ? new LightBody(this.#message) : null;
  }

  get bodyUsed(): boolean {
    return this.#message.readableDidRead;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.#bytes());
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = await this.#bytes();
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  }

  async blob(): Promise<Blob> {
    return this.#response().blob();
  }

  async formData(): Promise<FormData> {
    return this.#response().formData();
  }

  /** Rare ways to read a body are left to fetch's own. */
  #response(): Response {
    const contentType = this.headers.get("content-type");
    return new Response(this.body, contentType ? { headers: { "content-type": contentType } } : {});
  }

  async #bytes(): Promise<Buffer> {
    const { body } = this;
    if (!body) return Buffer.alloc(0);
    if (this.bodyUsed) throw new TypeError("Body is unusable: Body has already been read");
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk);
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }
}

/** Who stops in the middle of it leaves the connection as it is, so that the answer can be sent. */
class LightBody implements RequestBody {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Buffer> {
    return this.#message.iterator({ destroyOnReturn: false });
  }

  pushTo(take: (chunk: Uint8Array) => boolean): Promise<void> {
    const message = this.#message;
    if (message.destroyed && !message.readableEnded) return Promise.reject(new Error("The client has left."));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onData = (chunk: Buffer) => {
      if (take(chunk)) return;
      message.off("data", onData).pause();
      resolve();
    };
    const onClose = () => {
      if (!message.readableEnded) reject(new Error("The client has left."));
    };
    message.on("data", onData).once("end", resolve).once("error", reject).once("close", onClose);
    return promise;
  }
}

/** Reading headers, without the copy that fetch's `Headers` makes. */
class LightHeaders {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    const value = isPlatformHeader(key) ? undefined : this.#message.headers[key];
    return value === undefined ? null : String(value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  *entries(): Generator<[string, string]> {
    for (const name of Object.keys(this.#message.headers).sort()) {
      const value = this.get(name);
      if (value !== null) yield [name, value];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): Generator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) visit(value, name);
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}
