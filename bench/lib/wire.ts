import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/**
 * One kept HTTP/1.1 connection that sends prepared requests one after the other. A benchmark's generator must cost little beside what it
 * measures: this one takes about a third of what node:http's client does.
 */
export class Connection {
  private socket: Socket | undefined;
  private chunks: Buffer[] = [];
  private received = 0;
  private expected: Expected | undefined;
  private waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  private readonly host: string;
  private readonly port: number;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.host = hostname;
    this.port = Number(port);
  }

  /** The bytes of a request, to be sent any number of times. */
  prepare(method: string, path: string, body: string | Uint8Array = "", type = "application/json"): Buffer {
    const head = `${method} ${path} HTTP/1.1\r\nHost: ${this.host}:${this.port}\r\nContent-Type: ${type}\r\n`;
    const bytes = Buffer.from(body as string);
    return Buffer.concat([Buffer.from(`${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes]);
  }

  async send(request: Buffer): Promise<Answer> {
    this.socket ??= await this.open();
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket!.write(request);
    });
  }

  /** @throws Error with what was answered, unless it is a success */
  async ask(request: Buffer): Promise<Buffer> {
    const { status, body } = await this.send(request);
    if (status < 200 || status > 299) throw new Error(`${status} ${body.toString().slice(0, 300)}`);
    return body;
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
  async json(method: string, path: string, input?: unknown): Promise<any> {
    const body = await this.ask(this.prepare(method, path, input === undefined ? "" : JSON.stringify(input)));
    return JSON.parse(body.toString() || "{}");
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  private open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: this.host, port: this.port, noDelay: true }, () => resolve(socket));
      socket.on("error", (error) => {
        reject(error);
        this.waiting?.reject(error);
      });
      socket.on("close", () => {
        this.socket = undefined;
        this.waiting?.reject(new Error("The server closed the connection."));
      });
      socket.on("data", (chunk) => this.receive(chunk));
    });
  }

  private receive(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.received += chunk.length;
    this.expected ??= this.readHead();
    if (this.expected === undefined || !this.isComplete(this.expected)) return;
    const { waiting, expected } = this;
    const body = Buffer.concat(this.chunks).subarray(expected.bodyStart);
    this.chunks = [];
    this.received = 0;
    this.expected = undefined;
    this.waiting = undefined;
    waiting?.resolve({ status: expected.status, body: expected.length === undefined ? withoutFraming(body) : body });
  }

  private readHead(): Expected | undefined {
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks)];
    const bytes = this.chunks[0]!;
    const headEnd = bytes.indexOf("\r\n\r\n");
    if (headEnd < 0) return undefined;
    const head = bytes.toString("latin1", 0, headEnd);
    const isChunked = /\r\ntransfer-encoding: *chunked/i.test(head);
    const length = isChunked ? undefined : Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    return { status: Number(head.slice(9, 12)), bodyStart: headEnd + 4, length };
  }

  private isComplete({ bodyStart, length }: Expected): boolean {
    if (length !== undefined) return this.received >= bodyStart + length;
    const end = Buffer.concat(this.chunks.slice(-5)).subarray(-5).toString("latin1");
    return end === "0\r\n\r\n";
  }
}

interface Expected {
  readonly status: number;
  readonly bodyStart: number;
  /** Undefined: chunks, ended by an empty one. */
  readonly length: number | undefined;
}

function withoutFraming(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
