export interface Measurement {
  readonly what: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the server, microseconds for each operation. */
  readonly cpuMicroseconds: number;
}

/** Times `count` operations one after the other, after `warmUp` that do not count. */
export async function measure(
  what: string,
  server: { cpuMicroseconds(): number },
  count: number,
  warmUp: number,
  operation: (i: number) => Promise<unknown>,
): Promise<Measurement> {
  for (let i = 0; i < warmUp; i++) await operation(i);
  const times: number[] = [];
  const cpuBefore = server.cpuMicroseconds();
  for (let i = warmUp; i < warmUp + count; i++) {
    const start = performance.now();
    await operation(i);
    times.push(performance.now() - start);
  }
  const cpuMicroseconds = (server.cpuMicroseconds() - cpuBefore) / count;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
  return { what, p50: at(0.5), p99: at(0.99), cpuMicroseconds };
}

export function show({ what, p50, p99, cpuMicroseconds }: Measurement): string {
  const cpu = `${cpuMicroseconds.toFixed(0)} µs CPU`;
  return `${what.padEnd(58)} p50 ${p50.toFixed(3)} ms   p99 ${p99.toFixed(3)} ms   ${cpu}`;
}
