/** Another process works on this data folder. */
export class DataFolderInUse extends Error {
  override readonly name = "DataFolderInUse";
  readonly folder: string;
  /** Of the process that holds the folder; undefined when it could not be read. */
  readonly pid: number | undefined;

  constructor(folder: string, pid: number | undefined) {
    super(`The data folder ${folder} is in use by process ${pid ?? "(unknown)"}. Stop it, or choose another folder.`);
    this.folder = folder;
    this.pid = pid;
  }
}

/** The data folder cannot be created, read or written. */
export class DataFolderUnusable extends Error {
  override readonly name = "DataFolderUnusable";
  readonly folder: string;

  /** @param advice what a person can do about it */
  constructor(folder: string, cause: unknown, advice = "It must be a folder that this user may write.") {
    const reason = cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
    super(`The data folder ${folder} cannot be used: ${reason}. ${advice}`, { cause });
    this.folder = folder;
  }
}

/** A newer version of Cairn has written this data folder. */
export class DataFormatTooNew extends Error {
  override readonly name = "DataFormatTooNew";

  constructor(folder: string, found: number, supported: number) {
    super(
      `The data folder ${folder} has data format ${found}, this version of Cairn reads formats up to ${supported}. ` +
        "Start it with the version that wrote it, or a newer one.",
    );
  }
}

/** No copy of a data folder was made. Tells why in one line. */
export class BackupFailed extends Error {
  override readonly name = "BackupFailed";
}
