import { readdirSync, readFileSync } from "node:fs";

/** Linux counts in hundredths of a second for programs, whatever its own clock does. */
const TICK_NANOSECONDS = 10_000_000;

/** A process and all that it has started, as /proc shows them. */
export function processTree(root: number): number[] {
  const found = [root];
  for (const pid of found) {
    for (const child of childrenOf(pid)) found.push(child);
  }
  return found;
}

function childrenOf(pid: number): number[] {
  return tasksOf(pid).flatMap((task) => {
    const children = read(`/proc/${pid}/task/${task}/children`);
    return children.split(" ").filter(Boolean).map(Number);
  });
}

/** CPU time of all threads of the tree so far, and of children that have ended, in microseconds. */
export function cpuMicroseconds(root: number): number {
  let nanoseconds = 0;
  for (const pid of processTree(root)) {
    for (const task of tasksOf(pid)) nanoseconds += Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]);
    nanoseconds += endedChildren(pid) * TICK_NANOSECONDS;
  }
  return nanoseconds / 1_000;
}

/** CPU ticks of the children of a process that have ended: the 16th and 17th field of its stat. */
function endedChildren(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return Number(fields[13] ?? 0) + Number(fields[14] ?? 0);
}

/** Proportional memory of the tree in MB: what is shared counts once. */
export function memoryMb(root: number): number {
  const kilobytes = processTree(root).map((pid) => {
    return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  });
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1_024;
}

/** The most memory that the tree has while `work` runs, above what it had before; in MB. */
export async function memoryGrowth(root: number, work: () => Promise<unknown>): Promise<number> {
  const before = memoryMb(root);
  let highest = before;
  const timer = setInterval(() => {
    highest = Math.max(highest, memoryMb(root));
  }, 50);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Math.max(highest, memoryMb(root)) - before;
}

function tasksOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** "" when the process or thread has ended. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
