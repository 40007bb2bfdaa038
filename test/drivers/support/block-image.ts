import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../embedded-fixture.ts";

/** A file system of its own in a file, as root alone may have one. Whoever copies the file has what a loss of power would leave. */
export interface BlockImage {
  /** Where it is mounted. */
  readonly folder: string;
  /** Everything that was written is on the disk. */
  settle(): void;
  /** What would be found if the power failed now, mounted until `then` is done. */
  cutPower<T>(then: (folder: string) => Promise<T>): Promise<T>;
  close(): void;
}

const MEGABYTE = 1024 * 1024;
/** Nothing goes to the disk by itself but what is synced. */
const OPTIONS = "loop,commit=3600";

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** @returns undefined, where this machine or user cannot mount images */
export function makeBlockImage(megabytes: number): BlockImage | undefined {
  const parent = temporaryFolder();
  const [image, folder] = [join(parent, "image"), join(parent, "mounted")];
  try {
    writeFileSync(image, "");
    truncateSync(image, megabytes * MEGABYTE);
    mkdirSync(folder);
    run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image);
    run("mount", "-o", OPTIONS, image, folder);
  } catch {
    rmSync(parent, { recursive: true });
    return undefined;
  }
  let cuts = 0;
  return {
    folder,
    settle: () => run("sync", "-f", folder),
    async cutPower(then) {
      const [copy, mounted] = [join(parent, `copy-${++cuts}`), join(parent, `after-${cuts}`)];
      copyFileSync(image, copy);
      mkdirSync(mounted);
      run("mount", "-o", OPTIONS, copy, mounted);
      try {
        return await then(mounted);
      } finally {
        // Lazily: a test that failed may hold it open.
        run("umount", "-l", mounted);
        rmSync(copy);
      }
    },
    close() {
      run("umount", "-l", folder);
      rmSync(parent, { recursive: true });
    },
  };
}
