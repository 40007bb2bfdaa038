import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { Worker } from "node:worker_threads";

/** Growth of the write-ahead log that is worth a checkpoint: a thousand pages. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** Size at which a log that the thread alone cannot empty, because writes never pause, is emptied between two writes. */
const BACKLOG_BYTES = 64 * 1024 * 1024;

/** Source text, so that it works unbundled and bundled alike. Writes to the disk before and after it moves pages, whatever the writer does. */
const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite");
  const connection = new DatabaseSync(workerData);
  connection.exec("PRAGMA synchronous = FULL");
  const checkpoint = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  parentPort.on("message", () => parentPort.postMessage(checkpoint.get()));
`;

/** What the pragma says: whether another checkpoint was under way, and how many pages are in the log, and in the database file too. */
interface CheckpointRow {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Moves committed pages from the write-ahead log into the database file, in a thread that starts with the first need.
 * A passive checkpoint never makes a writer wait.
 */
export class Checkpointer {
  readonly #databaseFile: string;
  readonly #checkpointHere: () => CheckpointRow;
  #thread: Worker | undefined;
  #running: Promise<boolean> | undefined;
  /** Of the one that is running. */
  #end: (isWhole: boolean) => void = () => {};
  /** The log is too long for the thread alone. */
  #isBehind = false;
  #isClosed = false;
  #sizeAtLastCheckpoint = 0;

  constructor(databaseFile: string, connection: DatabaseSync) {
    this.#databaseFile = databaseFile;
    const checkpoint = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#checkpointHere = () => checkpoint.get() as unknown as CheckpointRow;
  }

  /** To be called after each commit, while no transaction is open. What fails is tried again after a later one. */
  committed(): void {
    try {
      this.#checkpointWhereDue();
    } catch {
      // The log grows meanwhile.
    }
  }

  /**
   * Moves everything that was committed before the call, and sees to it that it is on the disk.
   * @returns false when it is not: somebody reads an older state, or the disk takes no more
   */
  async checkpoint(): Promise<boolean> {
    while (this.#running) await this.#running;
    return !this.#isClosed && this.#start();
  }

  /** The same, for the end: everybody waits. */
  checkpointNow(): boolean {
    try {
      return isWhole(this.#checkpointHere());
    } catch {
      return false;
    }
  }

  #checkpointWhereDue(): void {
    if (this.#isBehind) {
      this.#isBehind = false;
      this.#checkpointHere();
    }
    if (this.#running || this.#isClosed) return;
    const size = this.#logSize();
    if (size < this.#sizeAtLastCheckpoint) this.#sizeAtLastCheckpoint = 0;
    if (size - this.#sizeAtLastCheckpoint < CHECKPOINT_BYTES) return;
    this.#sizeAtLastCheckpoint = size;
    void this.#start();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
  }

  #start(): Promise<boolean> {
    this.#thread ??= this.#startThread();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#running = promise;
    this.#end = resolve;
    this.#thread.postMessage("checkpoint");
    return promise;
  }

  #startThread(): Worker {
    // Most starts need no thread for long, and would wait for what makes them.
    const { Worker } = process.getBuiltinModule("node:worker_threads");
    const thread = new Worker(THREAD, { eval: true, workerData: this.#databaseFile, execArgv: ["--no-warnings"] });
    const died = () => {
      // Both events tell of one death, and another thread may be at work by the second.
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#finished(false, true);
    };
    thread.on("message", (row: CheckpointRow) => this.#finished(isWhole(row), this.#logSize() > BACKLOG_BYTES));
    thread.on("error", died);
    thread.on("exit", died);
    thread.unref();
    return thread;
  }

  #finished(isWhole: boolean, isBehind: boolean): void {
    if (!this.#running) return;
    this.#running = undefined;
    this.#isBehind = isBehind;
    this.#end(isWhole);
  }

  #logSize(): number {
    return statSync(`${this.#databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}

function isWhole({ busy, log, checkpointed }: CheckpointRow): boolean {
  return busy === 0 && log === checkpointed;
}
