import { totalmem } from "node:os";

const MB = 1024 * 1024;
const LEAST = 16 * MB;
const MOST = 64 * MB;

/** Bytes of memory that this process may have: its container's where there is one, else the machine's. */
function machineBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/**
 * What a process keeps of what it has read, in bytes.
 * @param cacheMb what the settings say; undefined: a sixteenth of the memory there is, from 16 to 64 MB
 */
export function memoryBudget(cacheMb: number | undefined, memoryBytes = machineBytes()): number {
  return cacheMb === undefined ? Math.min(MOST, Math.max(LEAST, memoryBytes / 16)) : cacheMb * MB;
}
