import { Agent, request } from "node:http";

/** A keep-alive client that costs little beside what it measures. */
export class Client {
  private readonly agent: Agent;
  private readonly url: string;

  constructor(url: string, connections: number) {
    this.url = url;
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  post(path: string, body: string | Buffer): Promise<string> {
    return this.send("POST", path, body);
  }

  get(path: string): Promise<string> {
    return this.send("GET", path);
  }

  close(): void {
    this.agent.destroy();
  }

  private send(method: string, path: string, body?: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string | number> = body
        ? { "content-type": "application/json", "content-length": Buffer.byteLength(body) }
        : {};
      const outgoing = request(`${this.url}${path}`, { method, agent: this.agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 300)}`));
        });
        response.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }
}

/** Runs `task(0)` to `task(count - 1)`, `parallel` at a time. */
export async function inParallel(
  count: number,
  parallel: number,
  task: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}
