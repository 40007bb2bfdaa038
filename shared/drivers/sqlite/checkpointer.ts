import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";

/** Growth of the write-ahead log that is worth a checkpoint: a thousand pages. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
/** Size at which a log that the thread alone cannot empty, because writes never pause, is emptied between two writes. */
const BACKLOG_BYTES = 64 * 1024 * 1024;

/** Source text, so that it works unbundled and bundled alike. */
const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite");
  const checkpoint = new DatabaseSync(workerData).prepare("PRAGMA wal_checkpoint(PASSIVE)");
  parentPort.on("message", () => parentPort.postMessage(checkpoint.get()));
`;

/**
 * Moves committed pages from the write-ahead log into the database file, in a thread that starts with the first need.
 * A passive checkpoint never makes a writer wait.
 */
export class Checkpointer {
  readonly #databaseFile: string;
  readonly #checkpointHere: () => void;
  #thread: Worker | undefined;
  #running = false;
  /** The log is too long for the thread alone. */
  #isBehind = false;
  #isClosed = false;
  #sizeAtLastCheckpoint = 0;

  constructor(databaseFile: string, connection: DatabaseSync) {
    this.#databaseFile = databaseFile;
    const checkpoint = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#checkpointHere = () => void checkpoint.get();
  }

  /** To be called after each commit, while no transaction is open. What fails is tried again after a later one. */
  committed(): void {
    try {
      this.#checkpointWhereDue();
    } catch {
      // The log grows meanwhile.
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
    this.#thread ??= this.#startThread();
    this.#sizeAtLastCheckpoint = size;
    this.#running = true;
    this.#thread.postMessage("checkpoint");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD, { eval: true, workerData: this.#databaseFile, execArgv: ["--no-warnings"] });
    thread.on("message", () => this.#finished(this.#logSize() > BACKLOG_BYTES));
    thread.on("error", () => {
      this.#thread = undefined;
      this.#finished(true);
    });
    thread.unref();
    return thread;
  }

  #finished(isBehind: boolean): void {
    this.#running = false;
    this.#isBehind = isBehind;
  }

  #logSize(): number {
    return statSync(`${this.#databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
