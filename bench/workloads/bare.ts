import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Client } from "../lib/client.ts";
import { type Measurement, measure } from "../lib/measure.ts";
import { cpuMicrosecondsOf } from "../lib/server.ts";

const SERVER = `
  require("node:http").createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      JSON.parse(body);
      response.writeHead(200, { "content-type": "application/json", "content-length": 2 }).end("{}");
    });
  }).listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;

/** What a server costs that only parses the body of W1: tells how fast this machine is right now. */
export async function yardstick(): Promise<Measurement> {
  const child: ChildProcess = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
  const [port] = await once(child.stdout!, "data");
  const client = new Client(`http://127.0.0.1:${Number(port)}`, 1);
  const body = JSON.stringify({ run_id: "a".repeat(32), key: "loss", value: 0.5, timestamp: 1.79e12, step: 1 });
  const server = { cpuMicroseconds: () => cpuMicrosecondsOf(child.pid!) };
  const result = await measure("yardstick: bare node:http that parses W1's body", server, 5000, 1000, () =>
    client.post("/", body),
  );
  client.close();
  child.kill();
  return result;
}
